"""What a criterion is, and what it finds in a run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from drsim.scenarios.result import Basis, Verdict
from drsim.simulator.world import World


class Instance(NamedTuple):
    """The first execution that fails a criterion: what was expected of it, and how it stands."""

    execution_id: str
    expected: str
    observed: str


class Finding(NamedTuple):
    """What a criterion concludes. `passed` is None when the run gave no occasion to judge.

    `passed` comes from properties, `World.tally` and the table, so that it is the same in a world with `verdict_only`.
    There `value` may have fewer figures, and `evidence` lacks those of `World.statistics`.
    """

    passed: bool | None
    value: str
    evidence: str
    first: Instance | None = None

    @property
    def verdict(self) -> Verdict:
        """The conclusion as results have it."""
        return "not exercised" if self.passed is None else "pass" if self.passed else "fail"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion: its name, what it asks for, and the function that judges.

    It fails whenever one of the properties `rests_on` does, and may fail by itself.
    """

    name: str
    basis: Basis
    threshold: Callable[[World], str]
    judge: Callable[[World], Finding]
    rests_on: tuple[str, ...] = ()
