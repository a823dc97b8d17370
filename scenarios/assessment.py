"""What a criterion is, what it finds in a run, and how it reads the properties of a world."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from drsim.scenarios.result import Relation, Verdict
from drsim.simulator.checks.monitor import Monitor, Violation
from drsim.simulator.figures.table import Basis
from drsim.simulator.world import World

UNREAD: Final = "unknown, fields cannot be read"
"""The value of a criterion whose evidence cannot be read."""


class Threshold(NamedTuple):
    """What a criterion asks for, in words and as a limit that `Assessment.measured` has to keep."""

    threshold: str
    relation: Relation
    limit: float
    unit: str


class Assessment(NamedTuple):
    """What a criterion concludes. `passed` is None if the run could not judge it, `first` the first violation.

    `follows` are the failed properties that alone explain why it failed; none if it also fails by itself.
    `passed` comes from properties, `World.tally` and the table, so it is the same in a world with `verdict_only`.
    There `value` may have fewer figures, and `evidence` and `measured` lack those of `World.statistics`.
    """

    passed: bool | None
    value: str
    evidence: str
    measured: float | None = None
    first: Violation | None = None
    follows: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The conclusion in the words of results."""
        return "not exercised" if self.passed is None else "pass" if self.passed else "fail"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion: its name, what it asks for, and the function that judges.

    It fails whenever one of the properties `rests_on` does, and may fail by itself.
    """

    name: str
    threshold: Callable[[World], Threshold]
    judge: Callable[[World], Assessment]
    rests_on: tuple[str, ...] = ()
    basis: Basis = "observed"


def always(text: str, unit: str, relation: Relation = "<=", limit: float = 0) -> Callable[[World], Threshold]:
    """Return the threshold function of a criterion that asks for the same in every world: by default, for none."""
    return lambda _: Threshold(text, relation, limit, unit)


def monitor_of(world: World, name: str) -> Monitor:
    """Return the monitor of a property."""
    return next(monitor for monitor in world.monitors if monitor.name == name)


_READING: Final = frozenset(
    {
        "poll-cadence",
        "completion-soundness",
        "completion-liveness",
        "timeout-truth",
        "terminal-absorbing",
        "status-order",
        "no-lost-update",
        "finalize-once",
    }
)
"""The properties that know only what can be read of an item. `no-starvation` and counts of executions do not."""


def unread(world: World, *names: str) -> str:
    """Return why these properties prove nothing, because functions made fields unreadable; "" if they do."""
    readable = monitor_of(world, "readable")
    if not readable.violations or _READING.isdisjoint(names):
        return ""
    first = readable.violations[0]
    what = f"execution {first.execution_id}: expected {first.expected}, {first.observed}"
    return f"unknown, because functions wrote fields that cannot be read ({what})"


def by_properties(world: World, value: str, *names: str, evidence: str = "") -> Assessment:
    """Return the assessment of a criterion that fails exactly if one of these properties does."""
    evidence = "; ".join(filter(None, (evidence, violations(world, *names))))
    count = sum(monitor_of(world, name).violations_count for name in names)
    reason = "" if count else unread(world, *names)
    if reason:
        return Assessment(None, UNREAD, reason)
    return Assessment(not count, value, evidence, count, follows=broken(world, *names))


def broken(world: World, *names: str) -> tuple[str, ...]:
    """Return those of several properties that have violations."""
    return tuple(name for name in names if monitor_of(world, name).violations_count)


def holds(world: World, *names: str) -> bool | None:
    """Whether several properties have no violation; None if fields that cannot be read may hide one."""
    if any(monitor_of(world, name).violations_count for name in names):
        return False
    return None if unread(world, *names) else True


def violations(world: World, *names: str) -> str:
    """Return the checks and violations of several properties as evidence; "" in a world whose evidence is not read."""
    if world.verdict_only:
        return ""
    monitors = [monitor_of(world, name) for name in names]
    return "; ".join(f"{each.name}: {each.checked} checks, {each.violations_count} violations" for each in monitors)
