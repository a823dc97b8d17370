"""Exploration: one scenario under many seeds, on any `concurrent.futures` executor.

Owns what a range of seeds leaves behind, and how large ranges are. The same seeds give the same sums, whatever the
ranges, the order in which they come back and the number of workers. Where workers are, and what happens when one dies,
is the executor's.

What fails a run fails its seed: properties, criteria and what the scenario expects of its executions. A seed that does
not exercise what the scenario declares has not failed, since not every seed meets everything; a campaign in which no
seed exercised it is unknown.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from functools import cache
from typing import Final, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from drsim.scenarios import criteria, machine
from drsim.scenarios.finding import Criterion, Finding
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import parts_of
from drsim.scenarios.result import Verdict
from drsim.scenarios.verdict import unexercised
from drsim.simulator.checks.ledger import Ledger
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.trace import BrokenSimulationError
from drsim.simulator.world import Parts, World, collecting_seldom

_Spec = TypeVar("_Spec", bound=WorldSpec)

_COMPARED_EVERY: Final = 16
"""Of so many seeds one is run without its faults as well, to see what they changed."""
_RANGE_SECONDS: Final = 1.0

BROKEN: Final = "simulation"
"""Stands for a property where the simulation itself broke."""

_WITHOUT_FAULTS: Final = "without the seed's faults: "
"""Begins what was expected where the run without faults broke a property that the seed's own run did not."""


class Data(BaseModel):
    """Base of all parts: immutable, and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Contradiction(Data):
    """The first violation of a property in one run, or a criterion that failed; `property` is the name of either."""

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
    return without_faults(scenario) if found.expected.startswith(_WITHOUT_FAULTS) else scenario


def without_faults(spec: _Spec) -> _Spec:
    """The same without faults, and without what holds only with them: how executions end, and which alarms go off."""
    if not spec.faults and spec.swarm is None:
        return spec
    groups = tuple(group.model_copy(update={"expect": None}) for group in spec.workload)
    return spec.model_copy(update={"faults": (), "swarm": None, "workload": groups, "alarms": {}})


class Explored(Data):
    """What a range of seeds left behind. Counters have a fault and a phase of life as keys, "tick-lost PENDING".

    `unexercised` is what the scenario declares and none of these seeds exercised; in lines of earlier versions it is
    empty, which claims nothing.
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
    """Seeds in which a fault met an execution that was older than its timeout and had not ended."""
    unexercised: tuple[str, ...] = ()


class UnbuiltWorldError(Exception):
    """A world cannot be built of these parts: they raised. The message says what."""


def world_of(spec: WorldSpec, seed: int, parts: Parts | None, *, verdict_only: bool = False) -> World:
    """A world that has not run. Raises UnbuiltWorldError for whatever a user's parts raise."""
    try:
        return World(spec, seed=seed, parts=parts, verdict_only=verdict_only)
    except (Exception, BrokenSimulationError) as error:
        raise UnbuiltWorldError(f"{type(error).__name__}: {error}") from error


def explore_range(scenario_json: str, first: int, last: int, parts_place: str) -> Explored:
    """Run seeds `first` to `last`; what a worker does. Everything in and out can be pickled."""
    scenario, parts = _scenario(scenario_json), _parts(parts_place)
    failures: list[Contradiction] = []
    fired: Counter[str] = Counter()
    in_flight: Counter[str] = Counter()
    changed: Counter[str] = Counter()
    unwinnable: Counter[str] = Counter()
    recovery_s: Counter[int] = Counter()
    compared = overdue_seeds = 0
    missing: tuple[str, ...] | None = None
    with collecting_seldom():
        for seed in range(first, last + 1):
            try:
                world = world_of(scenario, seed, parts, verdict_only=True)
            except UnbuiltWorldError as error:
                failures.append(broken(seed, 0, error))
                continue
            ledger = Ledger(world.trace, world.settings, world.truth)
            found, verdicts = judged(world, seed)
            if verdicts:
                unmet = unexercised(verdicts, scenario.exercises, world.parts.unjudged)
                missing = unmet if missing is None else tuple(name for name in missing if name in unmet)
            fired.update({" ".join(cell): count for cell, count in ledger.fired.items()})
            in_flight.update({" ".join(cell): count for cell, count in ledger.in_flight.items()})
            unwinnable.update(world.plan.unwinnable.values())
            overdue_seeds += ledger.met_the_timeout
            recovery_s.update(-(-us // 1_000_000) for us in world.recovery_us)
            if seed % _COMPARED_EVERY == 0 and world.plan.rules:
                plain = world_of(without_faults(world.spec), seed, parts, verdict_only=True)
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
        overdue_seeds=overdue_seeds,
        unexercised=missing or (),
    )


class Judged(NamedTuple):
    """What a run contradicts, and the verdict on each property and criterion; none of a run that broke."""

    contradictions: list[Contradiction]
    verdicts: Mapping[str, Verdict]


def judged(world: World, seed: int) -> Judged:
    """Run a world and judge it as the runner does: the first violation of each property, and failed criteria.

    A criterion that rests on a property fails whenever that one does, and is then left out: it would tell nothing more.
    """
    try:
        world.run()
        findings = criteria.findings(world)
    except (Exception, BrokenSimulationError) as error:
        return Judged([broken(seed, world.kernel.now_us, error)], {})
    verdicts: dict[str, Verdict] = {monitor.name: monitor.verdict.value for monitor in world.monitors}
    found = [
        Contradiction(
            seed=seed,
            property=monitor.name,
            execution_id=violation.execution_id,
            at_us=violation.at_us,
            expected=violation.expected,
            observed=str(violation.observed),
        )
        for monitor in world.monitors
        for violation in monitor.violations[:1]
    ]
    for criterion, finding in findings:
        verdicts[criterion.name] = finding.verdict
        if finding.passed is False and all(verdicts[name] != "fail" for name in criterion.rests_on):
            found.append(_failed(world, seed, criterion, finding))
    return Judged(found, verdicts)


def _failed(world: World, seed: int, criterion: Criterion, finding: Finding) -> Contradiction:
    observed = finding.value if world.verdict_only else f"{finding.value} ({finding.evidence})"
    expected, execution_id = criterion.threshold(world).threshold, ""
    if finding.first is not None:
        execution_id, expected, observed = finding.first
    return Contradiction(
        seed=seed,
        property=criterion.name,
        execution_id=execution_id,
        at_us=world.kernel.now_us,
        expected=expected,
        observed=observed,
    )


def contradictions(world: World, seed: int) -> list[Contradiction]:
    """Run a world; what it contradicts."""
    return judged(world, seed).contradictions


def broken(seed: int, at_us: int, error: BaseException) -> Contradiction:
    """What is found where the simulation itself breaks."""
    return Contradiction(
        seed=seed,
        property=BROKEN,
        execution_id="",
        at_us=at_us,
        expected="the simulation goes on",
        observed=in_words(error),
    )


def in_words(error: BaseException) -> str:
    """An error with its type, which an UnbuiltWorldError's message already has."""
    return str(error) if isinstance(error, UnbuiltWorldError) else f"{type(error).__name__}: {error}"


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
    began = machine.wall_seconds()
    left = [(low, high) for low, high in ranges][::-1]
    seeds_left = sum(high - low + 1 for low, high in left)
    size = 1
    running: dict[Future[tuple[Explored, float]], tuple[int, int]] = {}
    lost: list[tuple[int, int]] = []
    reason = ""
    while left or running:
        in_time = seconds_max is None or machine.wall_seconds() - began < seconds_max
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
    began = machine.wall_seconds()
    explored = explore_range(scenario_json, first, last, parts_place)
    return explored, machine.wall_seconds() - began
