"""A run as test cases, for formats that know nothing else: one for each criterion and one for each property.

Owns what a case is called, what is said of it and when a run begins. JUnit and CTRF only write it down.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from scenarios.result import CriterionResult, PropertyResult, Result, Verdict


class Case(NamedTuple):
    """One judgement. `suite` is criteria or properties; `message` is "" for what passed; `text` may have many lines.

    `facts` are what it was judged by, name by name.
    """

    suite: str
    name: str
    verdict: Verdict
    message: str
    text: str
    facts: dict[str, str | int]


def cases(result: Result) -> Iterator[Case]:
    """All judgements of a run: criteria first, in the order of the report."""
    for criterion in result.criteria:
        yield _of_criterion(criterion, result.replay)
    for each in result.properties:
        yield _of_property(each, result.replay)


def began(result: Result) -> datetime:
    """The instant at which virtual time begins, in UTC."""
    return datetime.fromisoformat(result.metrics.configuration["start"]).astimezone(UTC)


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
        whom = f" {violation.execution_id}" if violation.execution_id else ""
        lines += [f"{violation.at}{whom}", f"  expected: {violation.expected}", f"  observed: {violation.observed}"]
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
