"""A run as test cases, for formats that know nothing else: its verdict, each criterion and each property.

Owns what a case is called, what is said of it and when a run begins. JUnit and CTRF only write it down.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from drsim.scenarios.result import CriterionResult, PropertyResult, Result, RunVerdict, Verdict


class Case(NamedTuple):
    """One judgement. `suite` is run, criteria or properties; `message` is "" for what passed.

    `text` may have many lines; `facts` are what it was judged by, name by name. Only the run itself can be unknown.
    """

    suite: str
    name: str
    verdict: Verdict | RunVerdict
    message: str
    text: str
    facts: dict[str, str | int]


def cases(result: Result) -> Iterator[Case]:
    """All judgements of a run: its verdict, then criteria and properties in the order of the report.

    A run is more than its criteria: one that was to exercise something and did not is unknown, though nothing failed.
    """
    yield _of_run(result)
    for criterion in result.criteria:
        yield _of_criterion(criterion, result.replay)
    for each in result.properties:
        yield _of_property(each, result.replay)


def began(result: Result) -> datetime:
    """The instant at which virtual time begins, in UTC."""
    return datetime.fromisoformat(result.metrics.configuration["start"]).astimezone(UTC)


def _of_run(result: Result) -> Case:
    judged: list[CriterionResult | PropertyResult] = [*result.criteria, *result.properties]
    passed, failed = ([each.name for each in judged if each.verdict == verdict] for verdict in ("pass", "fail"))
    declared = result.metrics.configuration.get("exercises", {})
    named = [name for names in declared.values() for name in names]
    missing = [each.name for each in judged if each.verdict == "not exercised" and each.name in named]
    match result.verdict:
        case "pass":
            message = ""
        case "fail":
            message = f"failed: {', '.join(failed)}"
        case "unknown":
            message = f"declared and not exercised: {', '.join(missing)}" if missing else "nothing was exercised"
    return Case(
        suite="run",
        name="verdict",
        verdict=result.verdict,
        message=message,
        text="\n".join([f"verdict: {result.verdict}", *([message] if message else []), f"replay: {result.replay}"]),
        facts={"passed": len(passed), "failed": len(failed), "declared and not exercised": len(missing)},
    )


def _of_criterion(criterion: CriterionResult, replay: str) -> Case:
    facts: dict[str, str | int] = {
        "value": criterion.value,
        "threshold": criterion.threshold,
        "evidence": criterion.evidence,
        "basis": criterion.basis,
    }
    return Case(
        suite="criteria",
        name=criterion.name,
        verdict=criterion.verdict,
        message=_message(criterion.verdict, f"{criterion.value}; threshold: {criterion.threshold}"),
        text="\n".join([*(f"{name}: {fact}" for name, fact in facts.items()), f"replay: {replay}"]),
        facts=facts,
    )


def _of_property(judged: PropertyResult, replay: str) -> Case:
    count, shown = judged.violations_count, judged.violations
    lines = [f"rule: {judged.rule}", f"checked: {judged.checked}", f"violations: {count}"]
    if count > len(shown):
        lines.append(f"the first {len(shown)} of them:")
    for violation in shown:
        concerned = f" {violation.execution_id}" if violation.execution_id else ""
        lines += [
            f"{violation.at}{concerned}",
            f"  expected: {violation.expected}",
            f"  observed: {violation.observed}",
        ]
    broken = f"{judged.checked} checked, {count} violated: {judged.rule}"
    unchecked = f"nothing in this run put it to the test: {judged.rule}"
    return Case(
        suite="properties",
        name=judged.name,
        verdict=judged.verdict,
        message=_message(judged.verdict, broken if judged.verdict == "fail" else unchecked),
        text="\n".join([*lines, f"replay: {replay}"]),
        facts={"rule": judged.rule, "checked": judged.checked, "violations": count},
    )


def _message(verdict: Verdict, text: str) -> str:
    match verdict:
        case "pass":
            return ""
        case "fail":
            return text
        case "not exercised":
            return f"not exercised: {text}"
