"""Exploration: one scenario under many seeds, on any `concurrent.futures` executor.

Owns what a range of seeds leaves behind, how ranges add up and how large they are. The same seeds give the same sums,
whatever the ranges, the order in which they come back and the number of workers. Where workers are, and what happens
when one dies, is the executor's.
"""

import pkgutil
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from functools import cache
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from scenarios import host
from scenarios.model import Scenario
from simulator.faults.ledger import PHASES, Ledger
from simulator.faults.rules import TRUTHS, Fault
from simulator.trace import BrokenSimulationError
from simulator.world import Parts, World, collecting_seldom

_COMPARED_EVERY: Final = 16
"""Of so many seeds one is run without its faults as well, to see what they changed."""
_RANGE_SECONDS: Final = 1.0

_CLAIM_MIN: Final = 4

BROKEN: Final = "simulation"
"""Stands for a property where the simulation itself broke."""

_WITHOUT_FAULTS: Final = "without the seed's faults: "
"""Begins what was expected where the run without faults broke a property that the seed's own run did not."""


class Data(BaseModel):
    """Base of all parts: immutable, and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Contradiction(Data):
    """The first violation of a property in one run."""

    seed: int
    property: str
    execution_id: str
    at_us: int
    expected: str
    observed: str


def signature(found: Contradiction) -> str:
    """What is the same in all runs that fail for the same reason: what was expected, without its figures."""
    # Word by word, for one pattern that looks for the figure in a word takes the square of a long word's length.
    return re.sub(r"[\w.-]+", lambda word: "#" if re.search(r"\d", word[0]) else word[0], found.expected)


def scenario_of(scenario: Scenario, found: Contradiction) -> Scenario:
    """The scenario as it ran where this was found, which may have been without its faults."""
    without = found.expected.startswith(_WITHOUT_FAULTS)
    return scenario.model_copy(update={"faults": (), "swarm": None}) if without else scenario


class Explored(Data):
    """What a range of seeds left behind. Counters have a fault and a phase of life as keys, "tick-lost PENDING"."""

    first: int
    last: int
    failures: tuple[Contradiction, ...] = ()
    fired: dict[str, int] = Field(default_factory=dict)
    in_flight: dict[str, int] = Field(default_factory=dict)
    changed: dict[str, int] = Field(default_factory=dict)
    unwinnable: dict[str, int] = Field(default_factory=dict)
    recovery_s: dict[int, int] = Field(default_factory=dict)
    compared: int = 0


def parts_of(place: str) -> Parts | None:
    """The parts that `module:NAME` holds, or `module:NAME:KEY` a mapping; None for "". Raises ValueError."""
    if not place:
        return None
    module, _, rest = place.partition(":")
    name, _, key = rest.partition(":")
    if "" not in sys.path:
        # Parts of a user's own lie where the command is run.
        sys.path.insert(0, "")
    try:
        found = pkgutil.resolve_name(f"{module}:{name}")
        parts = found[key] if key else found
    except (ImportError, AttributeError, ValueError, LookupError, TypeError) as error:
        raise ValueError(f"parts must be module:NAME of a simulator.world.Parts, got {place!r}: {error}") from None
    if not isinstance(parts, Parts):
        raise ValueError(f"parts must be a simulator.world.Parts, got {place!r}, a {type(parts).__name__}")
    return parts


def explore_range(scenario_json: str, first: int, last: int, parts_place: str) -> Explored:
    """Run seeds `first` to `last`; what a worker does. Everything in and out can be pickled."""
    scenario, parts = _scenario(scenario_json), _parts(parts_place)
    failures: list[Contradiction] = []
    fired: Counter[str] = Counter()
    in_flight: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    unwinnable: Counter[str] = Counter()
    recovery_s: Counter[int] = Counter()
    compared = 0
    with collecting_seldom():
        for seed in range(first, last + 1):
            world = World(scenario, seed=seed, parts=parts, verdict_only=True)
            ledger = Ledger(world.trace, world.settings, world.truth)
            found = list(contradictions(world, seed))
            fired.update({" ".join(cell): count for cell, count in ledger.fired.items()})
            in_flight.update({" ".join(cell): count for cell, count in ledger.in_flight.items()})
            unwinnable.update(world.plan.unwinnable.values())
            recovery_s.update(-(-us // 1_000_000) for us in world.recovery_us)
            if seed % _COMPARED_EVERY == 0 and world.plan.rules:
                plain = World(world.spec.model_copy(update={"faults": ()}), seed=seed, parts=parts, verdict_only=True)
                found += _without_faults(plain, seed, [each.property for each in found])
                # How far a broken run got says nothing of faults.
                if BROKEN not in (each.property for each in found):
                    compared += 1
                    ends = _ends(world)
                    for key, end in _ends(plain).items():
                        if ends.get(key) != end:
                            changed.update(" ".join(cell) for cell in ledger.struck.get(key, ()))
                plain.close()
            failures += found
            world.close()
    return Explored(
        first=first,
        last=last,
        failures=tuple(failures),
        fired=dict(fired),
        in_flight=dict(in_flight),
        changed=dict(changed),
        unwinnable=dict(unwinnable),
        recovery_s=dict(recovery_s),
        compared=compared,
    )


def contradictions(world: World, seed: int) -> Iterator[Contradiction]:
    """Run a world, and tell the first violation of each property that it broke."""
    try:
        world.run()
    except (Exception, BrokenSimulationError) as error:
        text = f"{type(error).__name__}: {error}"
        yield Contradiction(
            seed=seed,
            property=BROKEN,
            execution_id="",
            at_us=world.kernel.now_us,
            expected="the simulation goes on",
            observed=text,
        )
        return
    for monitor in world.monitors:
        for violation in monitor.violations[:1]:
            yield Contradiction(
                seed=seed,
                property=monitor.name,
                execution_id=violation.execution_id,
                at_us=violation.at_us,
                expected=violation.expected,
                observed=str(violation.observed),
            )


def _without_faults(plain: World, seed: int, known: Sequence[str]) -> list[Contradiction]:
    """What a run without the seed's faults finds and the seed's own run does not know; told as such."""
    return [
        found.model_copy(update={"expected": _WITHOUT_FAULTS + found.expected})
        for found in contradictions(plain, seed)
        if found.property not in known
    ]


def _ends(world: World) -> dict[str, object]:
    """How and when each execution ended, to the second: faults that only shift milliseconds change nothing."""
    ends: dict[str, object] = {}
    for key in world.workload.expected:
        item = world.table.get(key)
        execution = None if item is None else item.execution
        ends[key.execution_id] = None if execution is None else (execution.status, (execution.end_us or 0) // 1_000_000)
    return ends


@cache
def _scenario(text: str) -> Scenario:
    return Scenario.model_validate_json(text)


@cache
def _parts(place: str) -> Parts | None:
    return parts_of(place)


# --- a campaign -----------------------------------------------------------------------------------------------


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
        self.compared = 0

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

    @property
    def failed_count(self) -> int:
        """Seeds in which a property was broken."""
        return len({failure.seed for failure in self.failures})

    def groups(self) -> dict[tuple[str, str], list[Contradiction]]:
        """Failures that look alike, by property and signature, each from its lowest seed on."""
        groups: dict[tuple[str, str], list[Contradiction]] = {}
        for failure in sorted(self.failures, key=lambda each: each.seed):
            groups.setdefault((failure.property, signature(failure)), []).append(failure)
        return groups

    def recovery(self, ratio: float) -> int:
        """So many seconds after healing, this share of the overdue executions had ended."""
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
        """The phases of life for which a kind of fault has no count although it might: nobody can say a thing of these.

        Before polling begins only DRS's own faults and the index can meet an execution.
        """
        empty = {}
        for fault in faults:
            possible = PHASES[:-1] if fault in TRUTHS else PHASES if fault is Fault.INDEX_LAG else PHASES[1:]
            missing = [phase for phase in possible if not counts.get(f"{fault} {phase}")]
            if missing:
                empty[fault] = missing
        return empty


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


class LostError(Exception):
    """Something was not run, for its workers died each time, or are all gone; everything else was, and is told."""


def explore(
    scenario: Scenario,
    ranges: Sequence[tuple[int, int]],
    executor: Executor,
    *,
    jobs: int | Callable[[], int],
    parts_place: str = "",
    seconds_max: float | None = None,
) -> Iterator[Explored]:
    """Explore ranges of seeds, yielding what is done as it comes. No new range begins after `seconds_max`.

    `jobs` is how many calls the executor runs at once, or says so at any time where its workers come and go. Ranges
    handed to a worker take about a second each, so that progress is seen and little is lost at an interruption, and
    less towards the end, so that all workers are done together. Raises LostError at the end if calls raised
    BrokenExecutor; once `submit` does, nothing new begins.
    """
    text = scenario.model_dump_json()
    began = host.wall_seconds()
    left = [(low, high) for low, high in ranges][::-1]
    seeds_left = sum(high - low + 1 for low, high in left)
    size = 1
    running: dict[Future[tuple[Explored, float]], tuple[int, int]] = {}
    lost: list[tuple[int, int]] = []
    reason = ""
    while left or running:
        in_time = seconds_max is None or host.wall_seconds() - began < seconds_max
        count = jobs if isinstance(jobs, int) else jobs()
        while left and in_time and len(running) < count + 1:
            low, high = left.pop()
            last = min(high, low + min(size, -(-seeds_left // (2 * count))) - 1)
            try:
                running[executor.submit(_timed_range, text, low, last, parts_place)] = (low, last)
            except BrokenExecutor as error:
                lost, reason, left = [*lost, (low, high), *left], str(error), []
                break
            seeds_left -= last - low + 1
            if last < high:
                left.append((last + 1, high))
        if not running:
            break
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            seeds = running.pop(future)
            try:
                explored, took = future.result()
            except BrokenExecutor as error:
                lost.append(seeds)
                reason = str(error)
                continue
            fitting = (explored.last - explored.first + 1) * _RANGE_SECONDS / max(took, 0.001)
            size = max(1, min(round(fitting), size * 4))
            yield explored
    if lost:
        told = ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in _joined(lost))
        raise LostError(f"seeds {told} were not run: {reason}")


def _joined(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, those that touch put together."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and joined[-1][1] + 1 == low:
            joined[-1] = (joined[-1][0], high)
        else:
            joined.append((low, high))
    return joined


def _timed_range(scenario_json: str, first: int, last: int, parts_place: str) -> tuple[Explored, float]:
    """A range, and how many seconds it took the worker, without the time for which it waited in line."""
    began = host.wall_seconds()
    explored = explore_range(scenario_json, first, last, parts_place)
    return explored, host.wall_seconds() - began
