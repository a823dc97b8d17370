"""The tiles of a report's summary: one figure each, with its target where the run has one."""

from collections.abc import Callable, Iterator, Mapping
from operator import ge, le, lt
from typing import Final, NamedTuple

from drsim.reports.objectives import open_at_end, row_of, without_objective
from drsim.reports.statuses import counted
from drsim.scenarios.record import ObjectiveRecord
from drsim.scenarios.result import CriterionResult, Relation, Result, Verdict
from drsim.simulator.durations import number, plural, show_seconds

_CRITERIA: Final = {
    "Executions complete with DRS's truth": "longest completion delay, without what faults excuse",
    "Performance <100ms queries": "longest query",
    "No poll is early, none is late": "polls early or late",
    "No errors or failures": "failed by themselves, of {}",
}
"""The criteria whose measured value and limit make a tile, with its label."""
_RELATIONS: Final[Mapping[Relation, str]] = {"<=": "at most", ">=": "at least", "<": "under"}
_WITHIN: Final[Mapping[Relation, Callable[[float, float], bool]]] = {"<=": le, ">=": ge, "<": lt}


class Tile(NamedTuple):
    """A value, what it is, its target ("" for none) and the verdict about it ("" if it is not judged)."""

    value: str
    what: str
    target: str = ""
    verdict: Verdict | str = ""


def tiles_of(result: Result) -> Iterator[Tile]:
    """The tiles of a run: executions, polls, and what its criteria measured against their limits."""
    ends = ", ".join(f"{number(count)} {phrase}" for count, phrase in counted(result.executions))
    noun = "execution started" if result.started == 1 else "executions started"
    yield Tile(number(result.started), f"{noun}: {ends}" if ends else noun)
    # A finder that polls by itself starts no poller.
    if result.polls:
        yield Tile(number(result.polls), f"polls started; recorded: {number(result.polls_recorded)}")
    else:
        yield Tile(number(result.polls_recorded), "polls recorded")
    for record in result.objectives:
        if record.times and not record.wave:
            yield _recovered(record, result)
    if found := result.metrics.distributions.get("staleness"):
        yield Tile(show_seconds(found.p99 / 1000), f"staleness p99, {found.basis}")
    invocations = sum(
        result.metrics.counts.get(f"{name}.invocations", 0) for name in ("ExecutionFinder", "ExecutionPoller")
    )
    for criterion in result.criteria:
        if criterion.name in _CRITERIA and criterion.measured is not None and criterion.limit is not None:
            yield _judged(criterion, _CRITERIA[criterion.name].format(plural(invocations, "invocation")))
    violations = sum(each.violations_count for each in result.properties)
    checked = sum(each.checked for each in result.properties)
    verdict = "fail" if violations else "pass" if checked else ""
    yield Tile(number(violations), f"violations in {number(checked)} checks", "target: 0", verdict)


def _recovered(record: ObjectiveRecord, result: Result) -> Tile:
    row, what = row_of(record), f"recovery time p95, observed{open_at_end(record)}"
    if record.objective is None:
        return Tile(row.p95, f"{what}; {without_objective(result.objectives)}")
    return Tile(row.p95, what, f"target: {row.objective}, {row.missed} missed", "fail" if record.missed else "pass")


def _judged(criterion: CriterionResult, what: str) -> Tile:
    assert criterion.measured is not None
    assert criterion.limit is not None
    target = f"target: {_RELATIONS[criterion.relation]} {_amount(criterion.limit, criterion.unit)}"
    if criterion.limit == 0 and criterion.relation == "<=":
        target = "target: 0"
    # A criterion may fail by more than its value, such as a broken property, which has its own tile.
    is_within = _WITHIN[criterion.relation](criterion.measured, criterion.limit)
    verdict = "" if criterion.verdict == "fail" and is_within else criterion.verdict
    return Tile(_amount(criterion.measured, criterion.unit), what, target, verdict)


def _amount(value: float, unit: str) -> str:
    return show_seconds(value) if unit == "s" else f"{number(value)} ms" if unit == "ms" else number(value)
