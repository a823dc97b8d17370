"""What came of each section of a report, in a few words and from data: the line that stands for a folded section.

Owns which criteria and properties a section answers for, and when it is shown open. It judges nothing itself.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, NamedTuple

from drsim.reports.capacity import note
from drsim.reports.first_screen import first_screen, idle_line
from drsim.scenarios.phase_2 import beside_phase_2
from drsim.scenarios.result import CriterionResult, PropertyResult, Result
from drsim.simulator.durations import about, number, plural, show_seconds
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.figures.table import FAILED_BY_FAULTS, FIGURES

_PROPERTIES: Final[Mapping[str, tuple[str, ...]]] = {
    "finder": ("trigger-cadence", "poll-cadence", "no-starvation"),
    "poller": ("isolation", "no-lost-update", "finalize-once", "terminal-absorbing", "status-order", "readable"),
    "integration": ("completion-soundness", "completion-liveness", "timeout-truth"),
    "performance": ("budgets",),
    "cloudwatch": ("metrics-complete",),
    "logging": ("log-correlation", "announced-truly"),
    "security": ("least-privilege",),
}
"""The properties of each section. "12. Acceptance Criteria Status" has all of them."""
_CRITERIA: Final[Mapping[str, tuple[str, ...]]] = {
    "finder": (
        *("EventBridge triggers every 60s", "StatusIndex GSI queries work", "Adaptive polling intervals"),
        "No poll is early, none is late",
    ),
    "poller": ("Parallel poller invocations", "DynamoDB updates successful"),
    "integration": (
        *("Executions complete with DRS's truth", "Timeout asks DRS first", "Executions end as expected"),
        "Overload loses no execution",
    ),
    "performance": (*("Performance <100ms queries", "100+ concurrent executions", "Recovery within its objective"),),
    "cloudwatch": ("Alarms go off and clear",),
    "errors": ("No errors or failures", "Graceful error handling"),
    "logging": ("CloudWatch logs comprehensive",),
    "security": ("IAM permissions correct",),
}
_FIGURES: Final[Mapping[str, tuple[str, ...]]] = {
    "finder": tuple(name for name in FIGURES if name.startswith(("ExecutionFinder.", "invokes_of_a_look"))),
    "poller": tuple(name for name in FIGURES if name.startswith(("ExecutionPoller.", "UpdateItem."))),
    "performance": tuple(name for name in FIGURES if name.startswith("Query.")),
}


_ROLES: Final = ("finder", "poller")


class SectionOutcome(NamedTuple):
    """What came of a section: a few words, a verdict ("" if nothing is judged), and whether the page shows it open.

    `failed` counts the criteria and properties of the section that failed.
    """

    words: str
    verdict: Literal["pass", "fail", ""] = ""
    failed: int = 0
    is_open: bool = False


def outcome_of(section: str, result: Result) -> SectionOutcome:
    """The outcome of a section, by its name in `sections.TITLES`."""
    everything = section == "acceptance"
    criteria = [each for each in result.criteria if everything or each.name in _CRITERIA.get(section, ())]
    properties = [each for each in result.properties if everything or each.name in _PROPERTIES.get(section, ())]
    verdicts = [*(each.verdict for each in criteria), *(each.verdict for each in properties)]
    failed = verdicts.count("fail")
    beside = beside_phase_2(result, _FIGURES.get(section, ()))
    missed = _names_of_missed(criteria, properties) if everything else _missed(criteria, properties)
    parts = [*_words_of(section, result), *missed, *filter(None, [beside.words])]
    return SectionOutcome(
        "; ".join(parts),
        "fail" if failed else "pass" if "pass" in verdicts else "",
        failed,
        # Phase 2's executions had no DRS job. Only such a run can differ from it by surprise.
        bool(failed) or bool(beside.outside and not _count(result, "jobs_started")),
    )


def _missed(criteria: Iterable[CriterionResult], properties: Iterable[PropertyResult]) -> list[str]:
    """The first failures of the section in words, and the number of the others."""
    found = [f"{each.name}: {each.value} (threshold: {each.threshold})" for each in criteria if each.verdict == "fail"]
    found += [
        f"{each.name}: {plural(each.violations_count, 'violation')}" for each in properties if each.verdict == "fail"
    ]
    return [*found[:2], *([f"{len(found) - 2} more failed"] if len(found) > 2 else [])]


def _names_of_missed(criteria: Iterable[CriterionResult], properties: Iterable[PropertyResult]) -> list[str]:
    """The names of all that failed. Values and thresholds stand at their own sections."""
    judged: list[CriterionResult | PropertyResult] = [*criteria, *properties]
    names = [each.name for each in judged if each.verdict == "fail"]
    return [f"failed: {', '.join(names)}"] if names else []


def _words_of(section: str, result: Result) -> list[str]:
    return _WORDS[section](result) if section in _WORDS else []


def _infrastructure(result: Result) -> list[str]:
    functions, schedule = (result.metrics.configuration[name] for name in ("functions", "schedule"))
    sizes = [f"{name} {each['memory_mb']} MB, {each['timeout']}" for name, each in functions.items() if name in _ROLES]
    return [*sizes, f"rule every {schedule['rate']}"]


def _finder(result: Result) -> list[str]:
    cadence = sorted({each.effective for each in result.metrics.cadence})
    effect = [f"executions due every {' or '.join(map(show_seconds, cadence))}"] if cadence else []
    return [f"{plural(len(result.metrics.ticks), 'tick')}, {plural(_count(result, 'looks'), 'look')}", *effect]


def _poller(result: Result) -> list[str]:
    failed, others = (
        sum(_count(result, f"{function}.{end}") for end in ("error", "timeout", "crash"))
        for function in (POLLER, FINDER)
    )
    # A run counts what faults failed for both functions together: all of it, or nothing is known of the poller alone.
    injected = _count(result, FAILED_BY_FAULTS.name)
    injected = failed if injected >= failed + others else 0 if others else injected
    words = f"{number(failed)} failed{_by_faults(injected, failed)}"
    polls = plural(result.polls, "poll") if result.polls else f"{plural(result.polls_recorded, 'poll')} recorded"
    return [polls, *_p99(result, "ExecutionPoller.warm", "p99 {}"), words]


def _by_faults(injected: int, failed: int) -> str:
    """Which part of the failures is due to faults: ", all by faults"; "" for none."""
    if not injected or not failed:
        return ""
    return ", all by faults" if injected >= failed else f", {number(injected)} of them by faults"


def _integration(result: Result) -> list[str]:
    stale = _p99(result, "staleness", "staleness p99 {}") + _p99(result, "completion_delay", "completion delay p99 {}")
    return stale or [f"{plural(_count(result, 'jobs_started'), 'DRS job')} started"]


def _performance(result: Result) -> list[str]:
    first = note(result.capacity, is_ours=result.is_ours).first
    limit = []
    if first and first.is_reached:
        limit = [f"limit reached: {first.name}"]
    # Faults may slow polls so much that the extrapolation leaves no execution.
    elif first and first.at_executions:
        limit = [f"first limit: {first.name}, at {about(first.at_executions)} executions"]
    return [*_p99(result, "Query.warm", "query p99 {}"), *limit]


def _cloudwatch(result: Result) -> list[str]:
    alarms = result.metrics.alarms
    rang = [each for each in alarms if any(change.state == "ALARM" for change in each.changes)]
    still = [each for each in rang if each.changes[-1].state == "ALARM"]
    ends = f"{len(rang)} went off{f', {len(still)} did not clear' if still else ''}" if rang else "none went off"
    return [f"{plural(len(alarms), 'alarm')}, {ends}" if alarms else "no alarm"]


def _errors(result: Result) -> list[str]:
    injections = [each.struck for each in result.faults if each.struck]
    by_faults = sum(each.injected for each in result.errors.calls)
    calls = sum(each.count for each in result.errors.calls)
    rules = f"{len(injections):,} of {plural(len(result.faults), 'rule')}"
    return [
        f"faults injected {plural(sum(injections), 'time')} by {rules}" if injections else "no fault injected",
        f"{plural(calls, 'failed call')}{_by_faults(by_faults, calls)}",
    ]


def _logging(result: Result) -> list[str]:
    groups = result.metrics.log_groups.values()
    lines, size = sum(each.lines for each in groups), sum(each.size_bytes for each in groups)
    return [f"{plural(lines, 'line')}, {number(size / 1000)} kB"]


def _security(result: Result) -> list[str]:
    role = next((each for each in result.properties if each.name == "least-privilege"), None)
    if role is None or not role.checked:
        return ["no role checked"]
    return [f"{plural(role.checked, 'action')} checked, {number(role.violations_count)} not allowed"]


def _limitations(result: Result) -> list[str]:
    idle = idle_line(first_screen(result), result)
    return [f"{idle} not exercised" if idle else "all criteria and properties exercised"]


def _environment(result: Result) -> list[str]:
    configuration = result.metrics.configuration
    regions = configuration["regions"]
    return [
        plural(result.started, "execution"),
        f"{plural(configuration['accounts'], 'account')}, {plural(len(regions), 'Region')}",
    ]


def _acceptance(result: Result) -> list[str]:
    judged = [each for each in result.criteria if each.verdict != "not exercised"]
    held = [each for each in result.properties if each.verdict != "not exercised"]
    return [
        f"{sum(each.verdict == 'pass' for each in judged)} of {plural(len(judged), 'criterion', 'criteria')} passed",
        f"{sum(each.verdict == 'pass' for each in held)} of {plural(len(held), 'property', 'properties')} held",
    ]


def _count(result: Result, name: str) -> int:
    return result.metrics.counts.get(name, 0)


def _p99(result: Result, name: str, text: str) -> list[str]:
    """The p99 of a distribution of milliseconds within a text; nothing without values."""
    found = result.metrics.distributions.get(name)
    return [text.format(show_seconds(found.p99 / 1000))] if found else []


_WORDS: Final[Mapping[str, Callable[[Result], list[str]]]] = {
    "infrastructure": _infrastructure,
    "finder": _finder,
    "poller": _poller,
    "integration": _integration,
    "performance": _performance,
    "cloudwatch": _cloudwatch,
    "errors": _errors,
    "logging": _logging,
    "security": _security,
    "limitations": _limitations,
    "environment": _environment,
    "acceptance": _acceptance,
}
