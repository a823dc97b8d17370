"""The proof of power: each planted bug hunted through `chaos`, and by the scenario that is named for it.

`python -m tests.planted_bugs [--seeds N] [--jobs N] [BUG...] [PAIR...]`. The bugs of the example pairs follow. Exit 1
if a bug is not caught, or a property catches none that no other does.
"""

import argparse
import multiprocessing
import textwrap
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drsim.arguments import jobs_default
from drsim.scenarios.contradiction import BROKEN, contradictions
from drsim.scenarios.criteria import CRITERIA_NAMES
from drsim.scenarios.failure import Failure, write
from drsim.scenarios.files import load
from drsim.scenarios.parts import parts_of
from drsim.scenarios.shrink import UnrepeatableError, shrunk
from drsim.simulator.checks import PROPERTIES
from drsim.simulator.checks.functions import LeastPrivilege
from drsim.simulator.world import World
from tests.examples import power as pairs
from tests.planted_bugs.registry import ALL, ALONE, FAULTY, Planted

SEEDS: Final = 200
_SHRINK_SECONDS: Final = 20.0
CORPUS: Final = Path(__file__).resolve().parent.parent / "corpus"
KEPT: Final = frozenset(planted.name for planted in (*ALONE, *FAULTY))
"""Bugs whose shrunk failures are kept: one for each property, and those that only faults show."""
PLACE: Final = "tests.planted_bugs.registry:BUGS:{}"


@dataclass(frozen=True, slots=True)
class Caught:
    """How a bug was caught: by `chaos` with that seed, shrunk to so much, and by its own scenario."""

    name: str
    seed: int | None
    by_chaos: tuple[str, ...]
    failure: Failure | None
    scenario: str
    by_scenario: tuple[str, ...]
    broken_count: int
    """Runs in which the simulation itself broke; those catch nothing."""

    @property
    def size(self) -> str:
        """Executions and faults of the smallest failure."""
        if self.failure is None:
            return "" if self.seed is None else "?"
        return f"{len(self.failure.scenario.workload)}+{len(self.failure.scenario.faults)}"

    def __str__(self) -> str:
        seed = "-" if self.seed is None else str(self.seed)
        same = self.by_scenario == self.by_chaos
        own = f"{self.scenario}: {'same' if same else _short(self.by_scenario)}"
        return f"{self.name:<28} {seed:>3}  {self.size:<5} {_short(self.by_chaos):<23} {own}"


def hunt(planted: Planted, seeds: int) -> Caught:
    """Look for the bug."""
    place = PLACE.format(planted.name)
    scenario = load("chaos")
    seed, found, broken_count = None, tuple[str, ...](), 0
    for number in range(1, seeds + 1):
        world = World(scenario, seed=number, parts=parts_of(place), verdict_only=True)
        found, broke = _caught(world, number)
        broken_count += broke
        if found:
            seed = number
            break
    failure = None if seed is None else _smallest(seed, found, place)
    own = World(load(planted.scenario, planted.changes), seed=planted.seed, parts=planted.parts, verdict_only=True)
    by_scenario, broke = _caught(own, planted.seed)
    return Caught(planted.name, seed, found, failure, planted.scenario, by_scenario, broken_count + broke)


def _caught(world: World, seed: int) -> tuple[tuple[str, ...], bool]:
    """The properties that a run broke, and whether the simulation broke. Criteria that fail as well prove nothing."""
    found = [each.property for each in contradictions(world, seed)]
    world.close()
    return tuple(name for name in found if name not in (BROKEN, *CRITERIA_NAMES)), BROKEN in found


def _smallest(seed: int, found: Sequence[str], place: str) -> Failure | None:
    """The smallest failure, by the first of the properties that can be shrunk."""
    scenario = load("chaos")
    for name in found:
        with suppress(UnrepeatableError):
            return shrunk(scenario, seed, name, code=place, seconds_max=_SHRINK_SECONDS)[0]
    return None


def main() -> int:
    """Hunt the bugs and print the matrix."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted_bugs", description=main.__doc__)
    parser.add_argument("names", nargs="*", help=f"bugs, or pairs: {', '.join(pairs.PAIRS)}; all by default")
    parser.add_argument("--seeds", type=int, help=f"default: {SEEDS}, and {pairs.SEEDS:,} for bugs of pairs")
    parser.add_argument("--keep", action="store_true", help="write shrunk failures into tests/corpus")
    parser.add_argument("--jobs", type=int, default=jobs_default())
    options = parser.parse_args()
    names = [planted.name for planted in ALL]
    if unknown := sorted(set(options.names) - {*names, *pairs.PAIRS}):
        known = ", ".join([*names, *pairs.PAIRS])
        parser.error(f"no such bug or pair: {', '.join(unknown)}; known are {known}")
    numbers = [number for number, name in enumerate(names) if not options.names or name in options.names]
    chosen = [pair for pair in pairs.PAIRS if not options.names or pair in options.names]
    is_right = True
    with ProcessPoolExecutor(options.jobs, mp_context=multiprocessing.get_context("spawn")) as executor:
        if numbers:
            caught = _caught_bugs(executor, numbers, options.seeds or SEEDS, keeps=options.keep)
            # Some bugs say nothing about properties that were to catch others.
            is_right = _summary(caught, options.seeds or SEEDS, is_whole=not options.names)
        if chosen:
            is_right &= pairs.report(executor, chosen, options.seeds or pairs.SEEDS)
    return 0 if is_right else 1


def _caught_bugs(executor: ProcessPoolExecutor, numbers: Sequence[int], seeds: int, *, keeps: bool) -> list[Caught]:
    """Hunt the bugs of these numbers and print a line for each."""
    print("Seed of chaos, executions + faults after shrinking, and what caught it; the scenario named for it.\n")
    print(f"{'bug':<28} {'seed':>4} {'size':<5} {'caught in chaos':<23} in its own scenario")
    caught = []
    for each in executor.map(_hunt_number, numbers, [seeds] * len(numbers)):
        caught.append(each)
        print(each, flush=True)
        if keeps and each.failure is not None and each.name in KEPT:
            write(each.failure, CORPUS / f"{each.name.replace(' ', '-')}.yaml")
    return caught


def _summary(caught: Sequence[Caught], seeds: int, *, is_whole: bool) -> bool:
    """Print what was caught, and return whether that is all; of all bugs, whether no property is idle either."""
    missed = [each.name for each in caught if each.seed is None and not each.by_scenario]
    by_chaos = sum(each.seed is not None for each in caught)
    total = f"{len(caught) - len(missed)} of {len(caught)} bugs caught"
    print(f"\n{total}, {by_chaos} of them by chaos in {seeds} seeds")
    for each in caught:
        if each.broken_count:
            print(f"{each.name}: the simulation broke in {each.broken_count} runs, which count as nothing")
    if missed:
        print(f"missed: {', '.join(missed)}")
    alone = _alone(caught)
    print("\nCaught by one property alone, in the bug's own scenario:")
    for name, bugs in alone.items():
        print(
            textwrap.fill(f"{name}: {', '.join(bugs) or 'NOTHING'}", 100, initial_indent="  ", subsequent_indent="    ")
        )
    print()
    return not missed and (all(alone.values()) or not is_whole)


def _hunt_number(number: int, seeds: int) -> Caught:
    return hunt(ALL[number], seeds)


def _short(names: Sequence[str]) -> str:
    """The first name, and how many more."""
    return "-" if not names else names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"


def _alone(caught: Sequence[Caught]) -> dict[str, list[str]]:
    """For each property the bugs that it catches in their own scenarios, and that no other property catches there.

    Roles are in the wire tier only, whose tests take an action away.
    """
    here = [monitor.name for monitor in PROPERTIES if monitor is not LeastPrivilege]
    return {name: [each.name for each in caught if each.by_scenario == (name,)] for name in here}
