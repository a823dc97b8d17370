"""Findings: the violations of a run by meaning, the worst first, each with those that only follow from it.

What follows from what is decided by consequence, executions and instants alone, and may be wrong: a second bug on the
same executions may stand under the first. Nothing is left out, and what follows has its own numbers and cases.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple, cast

from drsim.scenarios.record import ConsequenceName, FindingRecord, ViolationRecord
from drsim.scenarios.result import instant
from drsim.simulator.checks.monitor import (
    EXECUTIONS_MAX,
    Consequence,
    Monitor,
    Violation,
    ViolationGroup,
    ViolationKind,
)

_STATE_IS_WRONG: Final = frozenset({Consequence.WRONG_END, Consequence.LOST_DATA, Consequence.NO_END})

CAUSES: Final[Mapping[Consequence, frozenset[Consequence]]] = {
    Consequence.NO_END: _STATE_IS_WRONG,
    Consequence.LATENESS: _STATE_IS_WRONG,
    Consequence.PROMISE: _STATE_IS_WRONG,
}
"""What may follow (the key) from what: an item with a wrong status or lost data is polled late, kept open, or both, and
one that never ends keeps no other promise. A wrong end, lost data and an unasked timeout always stand by themselves."""

INDEPENDENT: Final = frozenset({"trigger-cadence", "metrics-complete", "log-correlation", "least-privilege", "budgets"})
"""Properties of the functions themselves: what they break does not follow from the state of an execution."""


class _Found(NamedTuple):
    """A group of violations with the name of its property and what its members have in common."""

    name: str
    is_cause: bool
    kind: ViolationKind
    function: str
    where: str
    group: ViolationGroup

    @property
    def first(self) -> Violation:
        return self.group.cases[0]

    def follows_from(self, cause: "_Found") -> bool:
        """Whether all its executions had the cause, which came no later."""
        ids = self.group.execution_ids
        return (
            cause.is_cause
            and cause.kind.consequence in CAUSES.get(self.kind.consequence, ())
            and self.name not in INDEPENDENT
            and 0 < len(ids) < EXECUTIONS_MAX
            and ids <= cause.group.execution_ids
            and cause.first.at_us <= self.first.at_us
        )


def findings_of(monitors: Iterable[Monitor], epoch_us: int) -> tuple[FindingRecord, ...]:
    """Return the findings of monitors whose run has ended: by consequence, then by their first instants."""
    found = sorted(_found(monitors), key=lambda each: (each.kind.consequence, each.first.at_us))
    followers: list[tuple[_Found, list[_Found]]] = []
    for each in found:
        under = next((below for cause, below in followers if each.follows_from(cause)), None)
        if under is None:
            followers.append((each, []))
        else:
            under.append(each)
    return tuple(_record(cause, epoch_us, below) for cause, below in followers)


def _found(monitors: Iterable[Monitor]) -> Iterator[_Found]:
    for monitor in monitors:
        for (kind, function, where), group in monitor.groups.items():
            yield _Found(monitor.name, _is_cause(monitor, where), kind, function, where, group)


def _is_cause(monitor: Monitor, where: str) -> bool:
    """Whether anything may follow: polls do not need each field that cannot be read."""
    execution = monitor.contract.execution
    needed = (execution.status, execution.waves, execution.start, execution.last_polled, execution.version)
    return monitor.name != "readable" or where.partition(".")[0] in needed


def _record(found: _Found, epoch_us: int, followers: Iterable[_Found] = ()) -> FindingRecord:
    executions = len(found.group.execution_ids)
    return FindingRecord(
        property=found.name,
        kind=found.kind.name,
        consequence=cast(ConsequenceName, found.kind.consequence.name.replace("_", " ").lower()),
        meaning=found.kind.meaning,
        function=found.function,
        where=found.where,
        place=found.first.place,
        count=found.group.count,
        executions=executions,
        at_least=executions >= EXECUTIONS_MAX,
        cases=tuple(violation_record(each, epoch_us) for each in found.group.cases),
        followers=tuple(_record(each, epoch_us) for each in followers),
    )


def violation_record(found: Violation, epoch_us: int) -> ViolationRecord:
    """Return a violation as data, with its instant as ISO 8601."""
    return ViolationRecord(
        execution_id=found.execution_id,
        at=instant(epoch_us + found.at_us),
        expected=found.expected,
        observed=found.observed,
        place=found.place,
    )
