"""Exploration: one scenario under many seeds, on any `concurrent.futures` executor.

Owns the sizes of ranges, and what runs for each seed. The same seeds give the same totals for all ranges, orders and
numbers of workers. Where workers run, and what happens when one dies, is the executor's.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from functools import cache
from typing import Any, Final, Protocol

from drsim.orchestrator.settings import SECOND_US
from drsim.scenarios import machine
from drsim.scenarios.campaign import Campaign, Explored, Seeds, joined
from drsim.scenarios.contradiction import BROKEN, broken, judged, new_without_faults, without_faults
from drsim.scenarios.model import Scenario, unexercised
from drsim.scenarios.objectives import totals_of
from drsim.scenarios.parts import Code, UnbuiltWorldError, world_of
from drsim.simulator.checks.ledger import Ledger
from drsim.simulator.garbage import collecting_seldom
from drsim.simulator.world import World

# One seed in 16 also runs without its faults, to see what they changed.
_COMPARED_EVERY: Final = 16
_RANGE_SECONDS: Final = 1.0


def explore_range(scenario_json: str, first: int, last: int, code: Code) -> Explored:
    """Run seeds `first` to `last`; what a worker does. Everything in and out can be pickled."""
    scenario, sums = _scenario(scenario_json), Campaign()
    with collecting_seldom():
        for seed in range(first, last + 1):
            _explore_seed(sums, scenario, seed, code)
    return sums.explored(first, last)


def _explore_seed(sums: Campaign, scenario: Scenario, seed: int, code: Code) -> None:
    try:
        world = world_of(scenario, seed, code, verdict_only=True)
    except UnbuiltWorldError as error:
        sums.failures.append(broken(seed, 0, error))
        return
    ledger = Ledger(world.trace, world.limits, world.truth)
    found, verdicts = judged(world, seed)
    if verdicts:
        sums.keep_unexercised(unexercised(verdicts, scenario.exercises, {each.check for each in world.unjudged}))
    sums.fired.update({" ".join(cell): count for cell, count in ledger.fired.items()})
    sums.in_flight.update({" ".join(cell): count for cell, count in ledger.in_flight.items()})
    sums.unwinnable.update(world.plan.unwinnable.values())
    sums.overdue_seeds += ledger.met_the_timeout
    sums.add_objectives(totals_of(world.recoveries, seed))
    sums.recovery_s.update(-(-us // SECOND_US) for us in world.recovery_us)
    if seed % _COMPARED_EVERY == 0 and world.plan.rules:
        plain = world_of(without_faults(world.spec), seed, code, verdict_only=True)
        found += new_without_faults(plain, seed, [each.property for each in found])
        # How far a broken run got says nothing about faults.
        if BROKEN not in (each.property for each in found):
            sums.compared += 1
            ends = _ends(world)
            for key, end in _ends(plain).items():
                if ends.get(key) != end:
                    sums.changed.update(" ".join(cell) for cell in ledger.struck.get(key, ()))
        plain.close()
    sums.failures += found
    world.close()


def _ends(world: World) -> dict[str, object]:
    """How and when each execution ended, to the second: faults that only shift milliseconds change nothing."""
    ends: dict[str, object] = {}
    for key in world.workload.expected:
        item = world.table.get(key)
        execution = None if item is None else item.execution
        ends[key.execution_id] = None if execution is None else (execution.status, (execution.end_us or 0) // SECOND_US)
    return ends


# A worker reads it only once.
_scenario = cache(Scenario.model_validate_json)


class LostError(Exception):
    """Some calls were not made: their workers died each time, or are all gone. All others were."""


class Engine(Protocol):
    """What explores ranges: an executor. A call's future, or `submit` without workers, raises BrokenExecutor."""

    def jobs(self) -> int:
        """How many calls the workers run at once now, at least 1."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Make a call."""


def explore(
    scenario: Scenario, ranges: Sequence[Seeds], engine: Engine, code: Code = "", seconds_max: float | None = None
) -> Iterator[Explored]:
    """Explore ranges of seeds, yielding what is done as it comes. No new range begins after `seconds_max`.

    A call takes a range of about a second, so that progress shows and an interruption loses little, and a smaller one
    towards the end, so that all workers finish together. Raises LostError at the end if calls raised BrokenExecutor;
    once `submit` does, nothing new begins.
    """
    text, began, size = scenario.model_dump_json(), machine.wall_seconds(), 1
    left, lost, reason = list(reversed(ranges)), list[Seeds](), ""
    running: dict[Future[tuple[Explored, float]], Seeds] = {}
    while left or running:
        jobs = engine.jobs()
        in_time = seconds_max is None or machine.wall_seconds() - began < seconds_max
        while left and in_time and len(running) <= jobs:
            count = sum(high - low + 1 for low, high in left)
            seeds = _taken(left, min(size, -(-count // (2 * jobs))))
            try:
                running[engine.submit(_timed_range, text, *seeds, code)] = seeds
            except BrokenExecutor as error:
                reason = str(error)
                lost += [seeds, *left]
                left.clear()
        if not running:
            break
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            seeds = running.pop(future)
            try:
                explored, took = future.result()
            except BrokenExecutor as error:
                reason = str(error)
                lost.append(seeds)
                continue
            fitting = (explored.last - explored.first + 1) * _RANGE_SECONDS / max(took, 0.001)
            size = max(1, min(round(fitting), size * 4))
            yield explored
    if lost:
        seeds_lost = ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in joined(lost))
        raise LostError(f"seeds {seeds_lost} were not run: {reason}")


def _taken(left: list[Seeds], size: int) -> Seeds:
    """Take the next seeds, at most this many, from the last range."""
    low, high = left.pop()
    last = min(high, low + size - 1)
    if last < high:
        left.append((last + 1, high))
    return low, last


def _timed_range(scenario_json: str, first: int, last: int, code: Code) -> tuple[Explored, float]:
    """A range, and how many seconds it took the worker, without the wait for a free one."""
    began = machine.wall_seconds()
    explored = explore_range(scenario_json, first, last, code)
    return explored, machine.wall_seconds() - began
