"""What a property is: a monitor that hears events as they come and notes what contradicts it.

Monitors see the trace's events and DRS's truth, never the code under test, and keep memory only for what is active.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final, TypeVar

from drsim.orchestrator.settings import Settings
from drsim.simulator.checks.truth import Truth
from drsim.simulator.faults.plan import Plan
from drsim.simulator.reader import ExecutionView
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.trace import Trace

_T = TypeVar("_T")

Allows = Callable[[str, str, str, str], bool]
"""Whether the role of a function (by its name) allows an action on a resource, given KEY=VALUE for its conditions."""

VIOLATIONS_KEPT_MAX: Final = 20
"""Further violations of a property are counted only: one bug can cause thousands."""


class Verdict(StrEnum):
    """What a property or a criterion concludes."""

    PASS = "pass"
    FAIL = "fail"
    NOT_EXERCISED = "not exercised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What properties judge by.

    Safety holds in every run at every instant. What must happen *in time* is owed from when no fault holds an execution
    up any more, and never by executions that a fault has made unwinnable.
    """

    spec: WorldSpec
    settings: Settings
    truth: Truth
    plan: Plan
    allows: Allows | None = None
    asks_again: bool = True

    def owed_us(self, execution_id: str, since_us: int) -> int:
        """From when on an execution owes what it would owe from `since_us` on, had no fault held it up."""
        return max(since_us, self.plan.acts_until_us(execution_id))

    def excuses(self, execution_id: str, since_us: int) -> bool:
        """Whether faults excuse what an execution, or "" all, should have done from `since_us` on."""
        until_us = self.plan.acts_until_us(execution_id)
        return (until_us > 0 and until_us >= since_us) or self.lost(execution_id)

    def lost(self, execution_id: str) -> bool:
        """Whether a fault has made its end impossible."""
        unwinnable = self.plan.unwinnable
        return bool(unwinnable) and (execution_id in unwinnable or "" in unwinnable)


@dataclass(frozen=True, slots=True)
class Violation:
    """One contradiction. `execution_id` is "" where none is concerned."""

    execution_id: str
    at_us: int
    expected: str
    observed: str


class Monitor(ABC):
    """One property. A subclass listens in `subscribe`, counts what it judges in `checked`, and calls `violate`."""

    name: ClassVar[str]
    """As in scenario files, results and reports."""
    rule: ClassVar[str]
    """The property in one sentence."""

    def __init__(self, trace: Trace, context: Context) -> None:
        self.context = context
        self.checked = 0
        self.violations_count = 0
        self.violations: list[Violation] = []
        self.subscribe(trace)

    @abstractmethod
    def subscribe(self, trace: Trace) -> None:
        """Listen to what the property needs."""

    def finish(self, end_us: int) -> None:  # noqa: B027 - most properties leave nothing open
        """Judge what is still open when the run ends."""

    @property
    def verdict(self) -> Verdict:
        """The verdict on what was heard so far."""
        if self.violations_count:
            return Verdict.FAIL
        return Verdict.PASS if self.checked else Verdict.NOT_EXERCISED

    def violate(self, execution_id: str, at_us: int, expected: str, observed: str) -> None:
        """Note a contradiction."""
        self.violations_count += 1
        if len(self.violations) < VIOLATIONS_KEPT_MAX:
            self.violations.append(Violation(execution_id, at_us, expected, observed))


def pairs(before: tuple[_T, ...], after: tuple[_T, ...]) -> Iterator[tuple[_T, _T]]:
    """What stands at the same place before and after a write, where it is not the very same object."""
    if before is not after:
        for old, new in zip(before, after, strict=False):
            if old is not new:
                yield old, new


def same_waves(before: ExecutionView | None, now: ExecutionView) -> bool:
    """Whether a write left the waves as they were, as most polls do: they are then the very same tuple."""
    return before is not None and before.waves is now.waves


def seconds(duration_us: int) -> str:
    """A duration for people: 1.5 s, with as many digits as it has, at most three."""
    return f"{duration_us / 1_000_000:.3f}".rstrip("0").rstrip(".") + " s"
