"""The bugs of the example pairs, hunted as `drsim explore` does it: one bug at a time in the pair without bugs.

A bug is hunted through `chaos`, or through its own scenario if it gives a reason why `chaos` cannot show it.
"""

import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drsim.scenarios.contradiction import contradictions
from drsim.scenarios.criteria import CRITERIA_NAMES
from drsim.scenarios.findings import findings_of
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import world_of
from drsim.scenarios.record import FindingRecord
from drsim.scenarios.shrink import UnrepeatableError, shrunk
from drsim.simulator.handlers.functions import Handlers
from tests.examples import one_function, polling, resource_iso, snake_mapping
from tests.examples.bugs import Bug, Pair

PAIRS: Final[Mapping[str, tuple[Pair, tuple[Bug, ...]]]] = {
    "polling": (polling.PAIR, polling.BUGS),
    "snake_mapping": (snake_mapping.PAIR, snake_mapping.BUGS),
    "resource_iso": (resource_iso.PAIR, resource_iso.BUGS),
    "one_function": (one_function.PAIR, one_function.BUGS),
}
CHAOS: Final = "chaos"
SEEDS: Final = 1000
"""As many as `drsim explore` takes by default."""
_SHRINK_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Hunted:
    """The outcome of a hunt: the first seed that shows the bug, its worst finding, and the smallest failure's size.

    `seed` is None if no seed shows it. `size` counts executions and faults.
    """

    pair: str
    bug: str
    scenario: str
    seed: int | None
    size: str = ""
    finding: str = ""

    def __str__(self) -> str:
        seed = "-" if self.seed is None else str(self.seed)
        where = f"{self.scenario.removesuffix('.yaml'):<13} {seed:>4} {self.size:<4}"
        return f"{self.pair:<13} {self.bug:<56} {where} {self.finding}"


def hunt(pair_name: str, number: int, seeds: int) -> Hunted:
    """Hunt the pair's bug of this number. A seed in which the pair without bugs has a finding proves nothing."""
    pair, bugs = PAIRS[pair_name]
    bug = bugs[number]
    name, changes = (bug.scenario, bug.changes) if bug.not_in_chaos else (CHAOS, ())
    scenario = pair.scenario(name, *changes)
    with tempfile.TemporaryDirectory() as folder:
        handlers = pair.handlers(pair.with_bugs([bug], Path(folder) / "pair"))
        for seed in range(1, seeds + 1):
            found = _findings(scenario, seed, handlers)
            if found and not _findings(scenario, seed, pair.handlers(pair.folder)):
                size = _size(scenario, seed, [each.property for each in found], handlers)
                return Hunted(pair_name, bug.name, name, seed, size, _shown(found[0]))
    return Hunted(pair_name, bug.name, name, None)


def _findings(scenario: Scenario, seed: int, handlers: Handlers) -> tuple[FindingRecord, ...]:
    """The findings of a run, the worst first. Criteria that fail as well prove nothing."""
    world = world_of(scenario, seed, handlers, verdict_only=True)
    met = [each for each in contradictions(world, seed) if each.property not in CRITERIA_NAMES]
    found = findings_of(world.monitors, scenario.epoch_us) if met else ()
    world.close()
    return found


def _size(scenario: Scenario, seed: int, properties: Sequence[str], handlers: Handlers) -> str:
    """The size of the smallest failure, by the first of the properties that can be shrunk."""
    for name in properties:
        with suppress(UnrepeatableError):
            small = shrunk(scenario, seed, name, code=handlers, seconds_max=_SHRINK_SECONDS)[0].scenario
            return f"{len(small.workload)}+{len(small.faults)}"
    return "?"


def _shown(finding: FindingRecord) -> str:
    place = f" at {finding.place}" if finding.place else ""
    return f"{finding.property}: {finding.kind}{place}"


def report(executor: Executor, pairs: Sequence[str], seeds: int) -> bool:
    """Hunt all bugs of these pairs, print a line for each, and return whether all were found."""
    hunts = [executor.submit(hunt, pair, number, seeds) for pair in pairs for number in range(len(PAIRS[pair][1]))]
    print(f"{'pair':<13} {'bug':<56} {'scenario':<13} {'seed':>4} size worst finding")
    found = []
    for future in hunts:
        found.append(future.result())
        print(found[-1], flush=True)
    in_chaos = [each.seed for each in found if each.seed is not None and each.scenario == CHAOS]
    caught = sum(each.seed is not None for each in found)
    print(f"\n{caught} of {len(found)} bugs of pairs caught, {len(in_chaos)} of them by chaos in {seeds} seeds")
    for pair in pairs:
        for bug in PAIRS[pair][1]:
            if bug.not_in_chaos:
                print(f"{pair}, {bug.name}: not by chaos, because {bug.not_in_chaos}")
    return caught == len(found)
