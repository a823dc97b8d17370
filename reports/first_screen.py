"""What a reader sees first of a run, in each format: what failed, what was degraded, what passed, what faults did.

Owns the order and the words beside the scenario's answer. A criterion that fails only because a property does stands
under the finding of that property.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from drsim.scenarios.record import DegradedRecord, FindingRecord
from drsim.scenarios.result import CriterionResult, PropertyResult, Result
from drsim.simulator.durations import plural, show_seconds
from drsim.simulator.figures.table import FAILED_BY_FAULTS

EXECUTIONS_MAX: Final = 3

_BEYOND: Final[Mapping[str, str]] = {
    "poll_delay": "polls recorded later than the usual {} after their look",
    "looks_missed": "polls passed over by more than the usual {}",
    "early": "polls earlier than the usual {} before their time",
    "poll_gap": "waits for a poll longer than the usual {}",
    "completion": "ends of executions later than the usual {} after DRS",
    "start_delay": "starts of the finder later than the usual {}",
    "tick_jitter": "ticks further from their minute than the usual {}",
    "lambda_ratio": "invocations with more than the usual {} of their function's time",
    "concurrency_ratio": "invocations beside more than the usual {} of the account's concurrency in use",
    "describe_calls": "polls with more than the usual {} for an account and Region",
}
"""What went beyond the usual value of each bound."""


class Remark(NamedTuple):
    """Something that is neither good nor bad, on one line, with its parts."""

    text: str
    parts: tuple[str, ...] = ()


class ShownFinding(NamedTuple):
    """A finding with its number, its first executions, and the criteria that fail only because of it."""

    number: int
    finding: FindingRecord
    execution_ids: tuple[str, ...]
    criteria: tuple[CriterionResult, ...]


class FirstScreen(NamedTuple):
    """The parts of the first screen in order, without verdict and answer. `failed` criteria fail by themselves.

    `broken` are failed properties without a finding, as results of version 1 have them. `missing` are names that the
    scenario declares and the run did not exercise. `remarks` are neutral.
    """

    degraded: tuple[str, ...]
    findings: tuple[ShownFinding, ...]
    failed: tuple[CriterionResult, ...]
    broken: tuple[PropertyResult, ...]
    missing: tuple[str, ...]
    passed: tuple[CriterionResult, ...]
    idle: tuple[CriterionResult, ...]
    holding: tuple[PropertyResult, ...]
    remarks: tuple[Remark, ...]


def first_screen(result: Result) -> FirstScreen:
    """Return the first screen of a run."""
    failed = [each for each in result.criteria if each.verdict == "fail"]
    findings = []
    for number, finding in enumerate(result.findings, 1):
        names = {finding.property, *(each.property for each in finding.followers)}
        under = tuple(each for each in failed if not names.isdisjoint(each.follows))
        failed = [each for each in failed if each not in under]
        ids = dict.fromkeys(case.execution_id for case in finding.cases if case.execution_id)
        findings.append(ShownFinding(number, finding, tuple(ids)[:EXECUTIONS_MAX], under))
    found = {name for each in findings for name in (each.finding.property, *_followers(each.finding))}
    return FirstScreen(
        degraded=tuple(map(reason, result.degraded)),
        findings=tuple(findings),
        failed=tuple(failed),
        broken=tuple(each for each in result.properties if each.verdict == "fail" and each.name not in found),
        missing=missing(result) if result.verdict == "unknown" else (),
        passed=tuple(each for each in result.criteria if each.verdict == "pass"),
        idle=tuple(each for each in result.criteria if each.verdict == "not exercised"),
        holding=tuple(each for each in result.properties if each.verdict == "pass"),
        remarks=remarks(result),
    )


def _followers(finding: FindingRecord) -> list[str]:
    return [each.property for each in finding.followers]


def missing(result: Result) -> tuple[str, ...]:
    """Return what the scenario declares and the run did not exercise."""
    declared = {name for names in result.metrics.configuration.get("exercises", {}).values() for name in names}
    judged: list[CriterionResult | PropertyResult] = [*result.criteria, *result.properties]
    return tuple(each.name for each in judged if each.verdict == "not exercised" and each.name in declared)


def reason(degraded: DegradedRecord) -> str:
    """Return why a run is degraded: how often a bound wider than usual was needed."""
    beyond = _BEYOND[degraded.bound].format(_value(degraded, degraded.usual))
    worst = "" if degraded.worst is None else f"; at most {_value(degraded, degraded.worst)} here"
    return f"{degraded.count:,} of {degraded.checked:,} {beyond} (allowed: {_value(degraded, degraded.granted)}{worst})"


def _value(degraded: DegradedRecord, value: float) -> str:
    match degraded.unit:
        case "s":
            return show_seconds(value)
        case "":
            return f"{value * 100:g} %"
        case unit:
            return plural(round(value), unit.removesuffix("s"))


def remarks(result: Result) -> tuple[Remark, ...]:
    """Return what faults did on purpose and which checks are off, which is neither good nor bad."""
    found = []
    if result.faults:
        times = [each.struck for each in result.faults if each.struck]
        failed = result.metrics.counts.get(FAILED_BY_FAULTS.name, 0)
        rules = f"{len(times):,} of {plural(len(result.faults), 'fault rule')}"
        effect = f"{plural(failed, 'invocation')} failed because of that"
        text = f"Injected on purpose: {rules}, {plural(sum(times), 'time')}; {effect}"
        found.append(Remark(text, tuple(f"{plural(each.struck, 'time')}: {each.rule}" for each in result.faults)))
    if any(not each.execution_id for each in result.unwinnable):
        found.append(Remark("Faults kept all executions from ending as DRS says"))
    elif result.unwinnable:
        text = f"Faults kept {plural(len(result.unwinnable), 'execution')} from ending as DRS says"
        found.append(Remark(text, tuple(f"{each.execution_id}: {each.reason}" for each in result.unwinnable)))
    if result.unjudged:
        text = f"Off for these functions, by their contract: {plural(len(result.unjudged), 'check')}"
        found.append(Remark(text, tuple(f"{each.check}: {each.reason}" for each in result.unjudged)))
    return tuple(found)


def passed_line(first: FirstScreen, result: Result) -> str:
    """Return what passed, on one line."""
    criteria = f"{plural(len(first.passed), 'criterion', 'criteria')} passed"
    checks = plural(sum(each.checked for each in first.holding), "check")
    exercised = sum(each.verdict != "not exercised" for each in result.properties)
    properties = plural(exercised, "exercised property", "exercised properties")
    return f"{criteria}; {len(first.holding):,} of {properties} hold, {checks}"


def idle_line(first: FirstScreen, result: Result) -> str:
    """Return how much was not exercised; "" if all was."""
    idle = sum(each.verdict == "not exercised" for each in result.properties)
    counts = ((len(first.idle), "criterion", "criteria"), (idle, "property", "properties"))
    parts = [plural(*each) for each in counts if each[0]]
    return " and ".join(parts)
