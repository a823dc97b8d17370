"""A campaign: the totals of ranges of seeds, and the failure rate that they support.

`scenarios.explore` runs the seeds. The totals do not depend on the ranges or on their order.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Final, NamedTuple, TypeAlias

from pydantic import Field

from drsim.scenarios.contradiction import Contradiction, signature
from drsim.scenarios.model import Scenario
from drsim.scenarios.record import ObjectiveTotals, Record
from drsim.scenarios.result import RunVerdict
from drsim.simulator.checks.ledger import PHASES, phases_of
from drsim.simulator.faults.kinds import Fault
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.models import SchemaVersion

_CLAIM_MIN: Final = 4

Seeds: TypeAlias = tuple[int, int]
"""The first and the last of a range."""


class Header(Record):
    """What is explored: a scenario, its parts ("" for drsim's own code) or handlers, digests of the code, and seeds.

    `sources` is the digest of the handlers' files. `seeds` are those of the latest request; None in files of earlier
    versions.
    """

    schema_version: SchemaVersion = 1
    scenario: Scenario
    parts: str
    functions: Handlers | None = None
    code: str
    sources: str = ""
    seeds: Seeds | None = None


class Explored(Record):
    """The totals of a range of seeds. Counters have a fault and a phase of life as keys, "tick-lost PENDING".

    `overdue_seeds` counts those in which a fault met an execution older than its timeout. `unexercised` is what the
    scenario declares and none of these seeds exercised; it is empty in lines of earlier versions. `objectives` has a
    wave's name as key, "" for whole executions.
    """

    first: int
    last: int
    failures: tuple[Contradiction, ...] = ()
    fired: dict[str, int] = Field(default_factory=dict)
    in_flight: dict[str, int] = Field(default_factory=dict)
    changed: dict[str, int] = Field(default_factory=dict)
    unwinnable: dict[str, int] = Field(default_factory=dict)
    recovery_s: dict[int, int] = Field(default_factory=dict)
    compared: int = 0
    overdue_seeds: int = 0
    unexercised: tuple[str, ...] = ()
    objectives: dict[str, ObjectiveTotals] = Field(default_factory=dict)


class LedgerCell(NamedTuple):
    """How often a kind of fault was injected in a phase of life, met a running poll, and changed an outcome."""

    struck: int
    met_poll: int
    changed: int
    possible: bool


class Campaign:
    """The totals of what was explored of one scenario; fields mean what those of Explored do."""

    def __init__(self, kept: Iterable[Explored] = ()) -> None:
        self.seeds_count = 0
        self.failures: list[Contradiction] = []
        self.fired: Counter[str] = Counter()
        self.in_flight: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        self.unwinnable: Counter[str] = Counter()
        self.recovery_s: Counter[int] = Counter()
        self.compared = self.overdue_seeds = 0
        self.objectives: dict[str, ObjectiveTotals] = {}
        self._unexercised: tuple[str, ...] | None = None
        for each in kept:
            self.add(each)

    def add(self, explored: Explored) -> None:
        self.seeds_count += explored.last - explored.first + 1
        self.failures += explored.failures
        for name in ("fired", "in_flight", "changed", "unwinnable", "recovery_s"):
            getattr(self, name).update(getattr(explored, name))
        self.compared += explored.compared
        self.overdue_seeds += explored.overdue_seeds
        self.add_objectives(explored.objectives)
        self.keep_unexercised(explored.unexercised)

    def add_objectives(self, found: Mapping[str, ObjectiveTotals]) -> None:
        for wave, totals in found.items():
            before = self.objectives.get(wave)
            self.objectives[wave] = totals if before is None else before.plus(totals)

    def keep_unexercised(self, names: Sequence[str]) -> None:
        """Of what no seed has exercised so far, keep these names."""
        kept = names if self._unexercised is None else self._unexercised
        self._unexercised = tuple(name for name in kept if name in names)

    def explored(self, first: int, last: int) -> Explored:
        """These totals as those of a range of seeds."""
        totals = {name: getattr(self, name) for name in Explored.model_fields if name not in ("first", "last")}
        return Explored(first=first, last=last, **totals)

    @property
    def unexercised(self) -> tuple[str, ...]:
        """What the scenario declares and no seed exercised: nothing is known about it."""
        return self._unexercised or ()

    @property
    def verdict(self) -> RunVerdict:
        """As for a run: fail if a seed failed, unknown if no seed ran or something declared was not exercised."""
        return "fail" if self.failures else "pass" if self.seeds_count and not self.unexercised else "unknown"

    @property
    def failed_seeds(self) -> list[int]:
        """The seeds in which a property or criterion failed, in order."""
        return sorted({failure.seed for failure in self.failures})

    def groups(self) -> dict[tuple[str, str], list[Contradiction]]:
        """Similar failures, by property and signature, each group in the order of seeds."""
        groups: dict[tuple[str, str], list[Contradiction]] = {}
        for failure in sorted(self.failures, key=lambda each: each.seed):
            groups.setdefault((failure.property, signature(failure)), []).append(failure)
        return groups

    def recovery(self, ratio: float) -> int:
        """Seconds after healing until this share of the overdue executions had ended; 0 if none was overdue."""
        values = sorted(self.recovery_s.elements())
        return values[max(ceil(ratio * len(values)), 1) - 1] if values else 0

    def claim(self) -> str:
        count = self.seeds_count
        if self.failures or not count:
            return f"{len(self.failed_seeds)} of {count} seeds failed"
        # The rule of three: with none in n, at most 3/n at 95 % (Hanley and Lippman-Hand, JAMA 1983).
        if count < _CLAIM_MIN:
            return f"0 of {count} seeds failed, too few to estimate a failure rate"
        return f"0 of {count} seeds failed (failure rate below {300 / count:.2g} %, 95 % confidence)"

    def ledger(self, scenario: Scenario) -> dict[Fault, dict[str, LedgerCell]]:
        """The cells by fault and phase of life, in order, of the faults that the scenario has or may draw."""
        drawn = {rule.fault for rule in scenario.faults} | set(scenario.swarm.faults if scenario.swarm else ())

        def cell(fault: Fault, phase: str) -> LedgerCell:
            key = f"{fault} {phase}"
            return LedgerCell(self.fired[key], self.in_flight[key], self.changed[key], phase in phases_of(fault))

        return {fault: {phase: cell(fault, phase) for phase in PHASES} for fault in Fault if fault in drawn}


def missing_ranges(first: int, last: int, done: Sequence[Seeds]) -> list[Seeds]:
    """The parts of `first` to `last` that no range in `done` covers."""
    missing, begin = [], first
    for low, high in [*sorted(done), (last + 1, last + 1)]:
        missing.append((begin, min(low - 1, last)))
        begin = max(begin, high + 1)
    return [(low, high) for low, high in missing if low <= high]


def joined(ranges: Sequence[Seeds]) -> list[Seeds]:
    """The ranges in order, as one where they touch or overlap."""
    ends = min((low for low, _ in ranges), default=0), max((high for _, high in ranges), default=-1)
    return missing_ranges(*ends, missing_ranges(*ends, ranges))
