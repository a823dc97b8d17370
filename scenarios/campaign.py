"""A campaign: what ranges of seeds left behind, added up, and what that allows to claim.

Owns no running: that is `scenarios.explore`. The sums do not depend on the ranges or on their order.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from drsim.scenarios.explore import Contradiction, Explored, signature
from drsim.scenarios.result import RunVerdict
from drsim.simulator.checks.ledger import phases_of
from drsim.simulator.faults.kinds import Fault

_CLAIM_MIN: Final = 4


class Campaign:
    """Everything explored so far of one scenario."""

    def __init__(self) -> None:
        self.seeds_count = 0
        self.failures: list[Contradiction] = []
        self.fired: Counter[str] = Counter()
        self.in_flight: Counter[str] = Counter()
        self.changed: Counter[str] = Counter()
        self.unwinnable: Counter[str] = Counter()
        self.recovery_s: Counter[int] = Counter()
        self.compared = self.overdue_seeds = 0
        self._unexercised: tuple[str, ...] | None = None

    def add(self, explored: Explored) -> None:
        """Add what a range left behind."""
        self.seeds_count += explored.last - explored.first + 1
        self.failures += explored.failures
        self.fired.update(explored.fired)
        self.in_flight.update(explored.in_flight)
        self.changed.update(explored.changed)
        self.unwinnable.update(explored.unwinnable)
        self.recovery_s.update(explored.recovery_s)
        self.compared += explored.compared
        self.overdue_seeds += explored.overdue_seeds
        if self._unexercised is None:
            self._unexercised = explored.unexercised
        else:
            self._unexercised = tuple(name for name in self._unexercised if name in explored.unexercised)

    @property
    def unexercised(self) -> tuple[str, ...]:
        """What the scenario declares and no seed exercised: the campaign then says nothing of it."""
        return self._unexercised or ()

    @property
    def verdict(self) -> RunVerdict:
        """As for a run: fail if a seed failed, unknown if no seed ran or something declared was not exercised."""
        if self.failures:
            return "fail"
        return "pass" if self.seeds_count and not self.unexercised else "unknown"

    @property
    def failed_count(self) -> int:
        """Seeds in which a property was broken, or a criterion failed."""
        return len({failure.seed for failure in self.failures})

    def groups(self) -> dict[tuple[str, str], list[Contradiction]]:
        """Failures that look alike, by property and signature, each from its lowest seed on."""
        groups: dict[tuple[str, str], list[Contradiction]] = {}
        for failure in sorted(self.failures, key=lambda each: each.seed):
            groups.setdefault((failure.property, signature(failure)), []).append(failure)
        return groups

    def recovery(self, ratio: float) -> int:
        """Seconds after healing until this share of the overdue executions had ended."""
        wanted, seen = ratio * self.recovery_s.total(), 0
        for second in sorted(self.recovery_s):
            seen += self.recovery_s[second]
            if seen >= wanted:
                return second
        return 0

    def claim(self) -> str:
        """What the seeds allow to be said about all others."""
        if self.failures or not self.seeds_count:
            return f"{self.failed_count} of {self.seeds_count} seeds failed"
        # The rule of three: with none in n, at most 3/n at 95 % (Hanley and Lippman-Hand, JAMA 1983).
        if self.seeds_count < _CLAIM_MIN:
            return f"0 of {self.seeds_count} seeds failed: too few for a claim"
        most = 3 / self.seeds_count
        return f"0 of {self.seeds_count} seeds failed: at most {most:.2g} of all would, at 95 % confidence"

    @staticmethod
    def empty_cells(faults: Sequence[Fault], counts: Mapping[str, int]) -> dict[Fault, list[str]]:
        """Return the phases of life in which a kind of fault could have acted and did not."""
        missing = {
            fault: [phase for phase in phases_of(fault) if not counts.get(f"{fault} {phase}")] for fault in faults
        }
        return {fault: phases for fault, phases in missing.items() if phases}


def missing_ranges(first: int, last: int, done: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of `first` to `last` that no range in `done` covers."""
    missing, begin = [], first
    for low, high in sorted(done):
        if low > begin:
            missing.append((begin, min(low - 1, last)))
        begin = max(begin, high + 1)
    if begin <= last:
        missing.append((begin, last))
    return [(low, high) for low, high in missing if low <= high]
