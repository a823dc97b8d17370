"""The run of one seed: what it contradicts, and the verdict on each property and criterion.

What fails a run fails its seed: properties, criteria and what the scenario expects of its executions. A seed that does
not exercise what the scenario declares has not failed, since not every seed meets everything.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final, TypeVar

from drsim.scenarios import criteria
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import UnbuiltWorldError
from drsim.scenarios.result import Record, Verdict
from drsim.simulator.checks.monitor import Violation
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.trace import BrokenSimulationError
from drsim.simulator.world import World

_Spec = TypeVar("_Spec", bound=WorldSpec)

BROKEN: Final = "simulation"
"""Stands for a property if the simulation itself broke."""
# Begins what was expected if the run without faults broke a property that the seed's own run did not.
_WITHOUT_FAULTS: Final = "without the seed's faults: "


class Contradiction(Record):
    """The first violation of a property in one run, or a criterion that failed; `property` is the name of either."""

    seed: int
    property: str
    execution_id: str
    at_us: int
    expected: str
    observed: str


def signature(found: Contradiction) -> str:
    """What all runs that fail for the same reason share: what was expected, without its figures."""
    # Word by word: one pattern that looks for the figure in a word takes the square of a long word's length.
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


def judged(world: World, seed: int) -> tuple[list[Contradiction], Mapping[str, Verdict]]:
    """Run a world, and return its contradictions and the verdicts on properties and criteria; none if the run broke.

    A criterion that rests on a property fails whenever that one does, and is then left out: it would add nothing.
    """
    try:
        world.run()
        findings = criteria.findings(world)
    except (Exception, BrokenSimulationError) as error:
        return [broken(seed, world.kernel.now_us, error)], {}
    verdicts: dict[str, Verdict] = {monitor.name: monitor.verdict.value for monitor in world.monitors}
    failed = [monitor for monitor in world.monitors if monitor.violations]
    found = [_contradiction(seed, monitor.name, monitor.violations[0]) for monitor in failed]
    for criterion, finding in findings:
        verdicts[criterion.name] = finding.verdict
        if finding.passed is False and all(verdicts[name] != "fail" for name in criterion.rests_on):
            observed = finding.value if world.verdict_only else f"{finding.value} ({finding.evidence})"
            at_end = Violation("", world.kernel.now_us, criterion.threshold(world).threshold, observed)
            found.append(_contradiction(seed, criterion.name, finding.first or at_end))
    return found, verdicts


def contradictions(world: World, seed: int) -> list[Contradiction]:
    return judged(world, seed)[0]


def broken(seed: int, at_us: int, error: BaseException) -> Contradiction:
    return _contradiction(seed, BROKEN, Violation("", at_us, "the simulation continues", in_words(error)))


def _contradiction(seed: int, name: str, violation: Violation) -> Contradiction:
    return Contradiction(seed=seed, property=name, **asdict(violation))


def in_words(error: BaseException) -> str:
    """An error with its type, which an UnbuiltWorldError's message already has."""
    return str(error) if isinstance(error, UnbuiltWorldError) else f"{type(error).__name__}: {error}"


def new_without_faults(plain: World, seed: int, known: Sequence[str]) -> list[Contradiction]:
    """What a run without the seed's faults finds and the seed's own run does not, marked as such."""
    new = (found for found in contradictions(plain, seed) if found.property not in known)
    return [found.model_copy(update={"expected": _WITHOUT_FAULTS + found.expected}) for found in new]
