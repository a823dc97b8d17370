"""The proof of power: each planted bug hunted through `chaos`, and by the scenario that is named for it.

`python -m tests.planted_bugs [--seeds N] [--jobs N] [BUG...]`. Exit 1 if a bug is caught neither way, or a property
catches none that no other does.
"""

import argparse
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

from drsim.campaigns import jobs_default
from scenarios.explore import BROKEN, contradictions, parts_of
from scenarios.files import load
from scenarios.shrink import shrunk
from simulator.world import World
from tests.planted_bugs.registry import ALL, ALONE, Planted

SEEDS: Final = 200
_SHRINK_SECONDS: Final = 20.0
PLACE: Final = "tests.planted_bugs.registry:BUGS:{}"


@dataclass(frozen=True, slots=True)
class Caught:
    """How a bug was caught: by `chaos` with that seed, shrunk to so much, and by its own scenario."""

    name: str
    seed: int | None
    by_chaos: tuple[str, ...]
    size: str
    scenario: str
    by_scenario: tuple[str, ...]


def hunt(planted: Planted, seeds: int) -> Caught:
    """Look for the bug."""
    place = PLACE.format(planted.name)
    scenario = load("chaos")
    seed, found = None, tuple[str, ...]()
    for number in range(1, seeds + 1):
        world = World(scenario, seed=number, parts=parts_of(place), verdict_only=True)
        found = tuple(each.property for each in contradictions(world, number) if each.property != BROKEN)
        world.close()
        if found:
            seed = number
            break
    size = "" if seed is None else _size(seed, found, place)
    own = World(load(planted.scenario, planted.changes), seed=1, parts=planted.parts, verdict_only=True)
    by_scenario = tuple(each.property for each in contradictions(own, 1) if each.property != BROKEN)
    own.close()
    return Caught(planted.name, seed, found, size, planted.scenario, by_scenario)


def _size(seed: int, found: Sequence[str], place: str) -> str:
    """Executions and faults of the smallest failure, by the first of the properties that can be shrunk."""
    scenario = load("chaos")
    for name in found:
        small = shrunk(scenario, seed, name, parts_place=place, seconds_max=_SHRINK_SECONDS)
        if small is not None:
            return f"{len(small.scenario.workload)}x, {len(small.scenario.faults)} faults"
    return "?"


def main() -> int:
    """Hunt the bugs and print the matrix."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted_bugs", description=main.__doc__)
    parser.add_argument("bugs", nargs="*", help="names of bugs; all by default")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--jobs", type=int, default=jobs_default())
    options = parser.parse_args()
    unknown = sorted(set(options.bugs) - {planted.name for planted in ALL})
    if unknown:
        parser.error(f"no such bug: {', '.join(unknown)}; known are {', '.join(planted.name for planted in ALL)}")
    wanted = [planted for planted in ALL if not options.bugs or planted.name in options.bugs]
    numbers = [ALL.index(planted) for planted in wanted]
    print(f"{'bug':<29}{'chaos':>6}  {'shrunk':<13}{'scenario':<22}caught by (chaos; scenario)")
    caught = []
    with ProcessPoolExecutor(options.jobs, mp_context=multiprocessing.get_context("spawn")) as executor:
        for each in executor.map(_hunt_number, numbers, [options.seeds] * len(numbers)):
            caught.append(each)
            seed = "-" if each.seed is None else str(each.seed)
            by = f"{_short(each.by_chaos)}; {_short(each.by_scenario)}"
            print(f"{each.name:<29}{seed:>6}  {each.size:<13}{each.scenario:<22}{by}", flush=True)
    missed = [each.name for each in caught if each.seed is None and not each.by_scenario]
    by_chaos = sum(each.seed is not None for each in caught)
    total = f"{len(caught) - len(missed)} of {len(caught)} bugs caught"
    print(f"\n{total}, {by_chaos} of them by chaos in {options.seeds} seeds")
    if missed:
        print(f"missed: {', '.join(missed)}")
    idle = [] if options.bugs else _idle(caught)
    if idle:
        print(f"properties that catch nothing alone: {', '.join(idle)}")
    return 1 if missed or idle else 0


def _hunt_number(number: int, seeds: int) -> Caught:
    return hunt(ALL[number], seeds)


def _short(names: Sequence[str]) -> str:
    return " ".join(names) or "-"


def _idle(caught: Sequence[Caught]) -> list[str]:
    """Properties that catch no bug in its own scenario that no other property catches there."""
    alone = {each.by_scenario[0] for each in caught if len(each.by_scenario) == 1}
    return [planted.caught_by for planted in ALONE if planted.caught_by not in alone]
