"""A run as test cases, for formats that know nothing else: its verdict, each criterion and each property.

Owns the names and texts of cases, and when a run begins. JUnit and CTRF only write them.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from drsim.reports.findings import each_of, summary
from drsim.scenarios.record import FindingRecord
from drsim.scenarios.result import CriterionResult, PropertyResult, Result, RunVerdict, Verdict

Facts = Mapping[str, str | int]


class Case(NamedTuple):
    """One judgement. `suite` is run, criteria or properties; `message` is "" for a pass.

    `text` may have many lines; `facts` are the figures and rules behind the verdict. Only a run can be unknown.
    """

    suite: str
    name: str
    verdict: Verdict | RunVerdict
    message: str
    text: str
    facts: Facts


def cases(result: Result) -> Iterator[Case]:
    """All judgements of a run: its verdict, then criteria and properties in the order of the report.

    The verdict is a case of its own, since a run can be unknown although nothing failed.
    """
    yield _of_run(result)
    replay = f"replay: {result.replay}"
    for each in result.criteria:
        facts = {"value": each.value, "threshold": each.threshold, "evidence": each.evidence, "basis": each.basis}
        text = "\n".join([*(f"{name}: {fact}" for name, fact in facts.items()), replay])
        reason = f"{each.value}; threshold: {each.threshold}"
        yield Case("criteria", each.name, each.verdict, _message(each.verdict, reason, reason), text, facts)
    for law in result.properties:
        counts: Facts = {"rule": law.rule, "checked": law.checked, "violations": law.violations_count}
        broken = f"{law.checked} checked, {law.violations_count} violated: {law.rule}"
        message = _message(law.verdict, broken, f"this run does not exercise the rule: {law.rule}")
        found = [each for each in each_of(result.findings) if each.property == law.name]
        said = [*map(_finding, found), *_violations(law)]
        text = "\n".join([*(f"{name}: {fact}" for name, fact in counts.items()), *said, replay])
        yield Case("properties", law.name, law.verdict, message, text, counts)


def began(result: Result) -> datetime:
    """The instant at which virtual time begins, in UTC."""
    return datetime.fromisoformat(result.metrics.configuration["start"]).astimezone(UTC)


def undone(result: Result) -> list[str]:
    """The criteria and properties that the scenario declares and this run did not exercise."""
    judged: list[CriterionResult | PropertyResult] = [*result.criteria, *result.properties]
    declared = {name for names in result.metrics.configuration.get("exercises", {}).values() for name in names}
    return [each.name for each in judged if each.verdict == "not exercised" and each.name in declared]


def _of_run(result: Result) -> Case:
    judged: list[CriterionResult | PropertyResult] = [*result.criteria, *result.properties]
    passed, failed = ([each.name for each in judged if each.verdict == verdict] for verdict in ("pass", "fail"))
    missing = undone(result)
    unknown = f"declared and not exercised: {', '.join(missing)}" if missing else "nothing was exercised"
    message = {"pass": "", "fail": f"failed: {', '.join(failed)}", "unknown": unknown}[result.verdict]
    found = (f"{rank}. {_finding(each)}" for rank, each in enumerate(result.findings, 1))
    text = "\n".join(filter(None, [f"verdict: {result.verdict}", message, *found, f"replay: {result.replay}"]))
    facts = {"passed": len(passed), "failed": len(failed), "declared and not exercised": len(missing)}
    return Case("run", "verdict", result.verdict, message, text, facts)


def _finding(finding: FindingRecord) -> str:
    return f"{summary(finding)}: {finding.meaning}"


def _violations(law: PropertyResult) -> Iterator[str]:
    if law.violations_count > len(law.violations):
        yield f"the first {len(law.violations)} of them:"
    for violation in law.violations:
        yield f"{violation.at} {violation.execution_id}" if violation.execution_id else violation.at
        yield f"  expected: {violation.expected}"
        yield f"  observed: {violation.observed}"


def _message(verdict: Verdict, broken: str, idle: str) -> str:
    return {"pass": "", "fail": broken, "not exercised": f"not exercised: {idle}"}[verdict]
