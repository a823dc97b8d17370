"""Properties: each is a monitor that listens to events and records the violations of its rule.

Monitors see the trace's events and DRS's truth, never the code under test, and keep memory only for what is active.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import ClassVar, Final, TypeVar

from drsim.simulator.checks.truth import Truth
from drsim.simulator.contract.limits import JudgedLimits
from drsim.simulator.contract.model import Contract
from drsim.simulator.events import (
    Announced,
    ItemChanged,
    JobsDescribed,
    LambdaEnded,
    LambdaStarted,
    LogWritten,
    Throttled,
)
from drsim.simulator.faults.plan import Plan
from drsim.simulator.reader import ExecutionView
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.trace import Trace

_T = TypeVar("_T")
_OfExecution = Announced | ItemChanged | JobsDescribed | LambdaEnded | LambdaStarted | LogWritten | Throttled

Allows = Callable[[str, str, str, str], bool]
"""Whether the role of a function (by its name) allows an action on a resource, given KEY=VALUE for its conditions."""

CASES_MAX: Final = 5
"""A group keeps its first violations, and counts the others: one bug can cause thousands."""
EXECUTIONS_MAX: Final = 1_000
"""A group counts up to this number of executions exactly."""


class Verdict(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    NOT_EXERCISED = "not exercised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What properties judge by.

    Deadlines count from when no fault delays an execution any more; a lost execution has none. `finder_polls` is
    whether the finder polls by itself, because there is no poller.
    """

    spec: WorldSpec
    contract: Contract
    limits: JudgedLimits
    truth: Truth
    plan: Plan
    allows: Allows | None = None
    finder_polls: bool = False
    is_ours: bool = False

    def owed_us(self, execution_id: str, since_us: int) -> int:
        """The instant from which a deadline counts that would count from `since_us` without faults."""
        return max(since_us, self.plan.acts_until_us(execution_id))

    def excuses(self, execution_id: str, since_us: int) -> bool:
        """Whether faults excuse an execution ("" for all of them) from what was due since `since_us`."""
        until_us = self.plan.acts_until_us(execution_id)
        return (until_us > 0 and until_us >= since_us) or self.lost(execution_id)

    def lost(self, execution_id: str) -> bool:
        """Whether a fault has made its end impossible."""
        unwinnable = self.plan.unwinnable
        return bool(unwinnable) and (execution_id in unwinnable or "" in unwinnable)


class Consequence(IntEnum):
    """What a violation leads to, the worst first."""

    WRONG_END = 1
    LOST_DATA = 2
    NO_END = 3
    UNASKED_TIMEOUT = 4
    LATENESS = 5
    PROMISE = 6


@dataclass(frozen=True, slots=True)
class ViolationKind:
    """A kind of violations: its name, what it leads to, and what it means to an operator, in one line."""

    name: str
    consequence: Consequence
    meaning: str


UNSORTED: Final = ViolationKind("other", Consequence.PROMISE, "A promise is not kept.")


@dataclass(frozen=True, slots=True)
class Violation:
    """One violation of a property. `execution_id` is "" if it concerns no execution.

    `where` names the attribute or operation, without ids and numbers. `function` is that whose invocation did it, and
    `place` the line of its handler's file; both are "" if no single call did.
    """

    execution_id: str
    at_us: int
    expected: str
    observed: str
    kind: ViolationKind = UNSORTED
    where: str = ""
    function: str = ""
    place: str = ""


@dataclass(slots=True)
class ViolationGroup:
    """The violations of one property that agree in kind, function and `where`: their number and first cases.

    `execution_ids` has at most EXECUTIONS_MAX of the executions; at that size it may lack some.
    """

    count: int = 0
    cases: list[Violation] = field(default_factory=list)
    execution_ids: set[str] = field(default_factory=set)

    def add(self, violation: Violation) -> bool:
        """Count a violation, and return whether it is one of the first cases."""
        self.count += 1
        if violation.execution_id and len(self.execution_ids) < EXECUTIONS_MAX:
            self.execution_ids.add(violation.execution_id)
        is_case = len(self.cases) < CASES_MAX
        if is_case:
            self.cases.append(violation)
        return is_case


class Monitor:
    """One property. A subclass handles events in methods `_on_*`, which `Trace.attach` finds.

    It counts in `checked` what it judges, and records contradictions with `violate`. `groups` are its violations by
    kind, function and `where`; `violations` are the first cases of all groups, as they were recorded.
    """

    name: ClassVar[str]
    rule: ClassVar[str]

    def __init__(self, trace: Trace, context: Context) -> None:
        self.context, self.spec, self.bounds = context, context.spec, context.spec.bounds
        self.contract, self.limits = context.contract, context.limits
        self.truth, self.plan = context.truth, context.plan
        self.checked = 0
        self.violations_count = 0
        self.groups: dict[tuple[ViolationKind, str, str], ViolationGroup] = {}
        self.violations: list[Violation] = []
        self.prepare()
        trace.attach(self)

    def prepare(self) -> None:
        """Set the property's initial state."""

    def finish(self, end_us: int) -> None:
        """Judge what is still open when the run ends."""

    @property
    def verdict(self) -> Verdict:
        if self.violations_count:
            return Verdict.FAIL
        return Verdict.PASS if self.checked else Verdict.NOT_EXERCISED

    def violate(
        self, event: _OfExecution, expected: str, observed: str, kind: ViolationKind = UNSORTED, where: str = ""
    ) -> None:
        """Record a violation by the call or the end that this event shows."""
        function = getattr(event, "function", "") or getattr(event, "writer", "")
        place = getattr(event, "place", "")
        found = Violation(event.execution_id, event.at_us, expected, observed, kind, where, function, place)
        self._record(found)

    def violate_at(
        self,
        execution_id: str,
        at_us: int,
        expected: str,
        observed: str,
        kind: ViolationKind = UNSORTED,
        where: str = "",
        function: str = "",
        place: str = "",
    ) -> None:
        """Record a violation that another call than the present one shows, or none.

        `execution_id` is "" if it concerns no execution.
        """
        self._record(Violation(execution_id, at_us, expected, observed, kind, where, function, place))

    def _record(self, violation: Violation) -> None:
        self.violations_count += 1
        key = (violation.kind, violation.function, violation.where)
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = ViolationGroup()
        if group.add(violation):
            self.violations.append(violation)


def pairs(before: tuple[_T, ...], after: tuple[_T, ...]) -> Iterable[tuple[_T, _T]]:
    """Pair the objects at the same index before and after a write, without identical ones."""
    return () if before is after else [pair for pair in zip(before, after, strict=False) if pair[0] is not pair[1]]


def same_waves(before: ExecutionView | None, now: ExecutionView) -> bool:
    """Whether a write left the waves as they were, as most polls do: both views then share one tuple."""
    return before is not None and before.waves is now.waves


def seconds(duration_us: int) -> str:
    """Format a duration for people: 1.5 s, with at most three decimals."""
    return f"{duration_us / 1_000_000:.3f}".rstrip("0").rstrip(".") + " s"
