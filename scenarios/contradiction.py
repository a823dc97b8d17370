"""Run one seed and collect its failed properties and criteria.

A seed fails if a property, a criterion or an expected execution outcome fails. A seed that does not exercise what the
scenario declares has not failed, because not every seed triggers every behaviour.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from drsim.scenarios import criteria
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import UnbuiltWorldError
from drsim.scenarios.record import Record
from drsim.scenarios.result import Verdict
from drsim.simulator.checks.monitor import UNSORTED, Violation
from drsim.simulator.errors import RunEndingError
from drsim.simulator.figures.errors import without_numbers
from drsim.simulator.handlers.errors import HandlerError, NotSimulatedError
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.world import World

_Spec = TypeVar("_Spec", bound=WorldSpec)

BROKEN: Final = "simulation"
"""The `property` name used when the simulation itself failed."""
_OF_HANDLERS: Final = (f"{HandlerError.__name__}: ", f"{NotSimulatedError.__name__}: ")
# Prefix of `expected` when only the run without faults violated the property.
_WITHOUT_FAULTS: Final = "without the seed's faults: "


class Contradiction(Record):
    """The first violation of a property in one run, or a criterion that failed; `property` is the name of either."""

    seed: int
    property: str
    execution_id: str
    at_us: int
    expected: str
    observed: str
    kind: str = UNSORTED.name
    where: str = ""


def signature(found: Contradiction) -> str:
    """Return a text that is equal for runs that fail for the same reason: the violation's kind and where it occurred.

    Without a kind it is `expected`, with '#' for each word that contains a digit.
    """
    if found.kind != UNSORTED.name:
        faultless = _WITHOUT_FAULTS if found.expected.startswith(_WITHOUT_FAULTS) else ""
        return f"{faultless}{found.kind} {found.where}".rstrip()
    return without_numbers(found.expected)


def scenario_of(scenario: Scenario, found: Contradiction) -> Scenario:
    """Return the scenario in which this was found: the original, or the original without faults."""
    return without_faults(scenario) if found.expected.startswith(_WITHOUT_FAULTS) else scenario


def without_faults(spec: _Spec) -> _Spec:
    """Return `spec` without faults, and without the expected outcomes and alarms that depend on them."""
    if not spec.faults and spec.swarm is None:
        return spec
    groups = tuple(group.model_copy(update={"expect": None}) for group in spec.workload)
    return spec.model_copy(update={"faults": (), "swarm": None, "workload": groups, "alarms": {}})


def judged(world: World, seed: int) -> tuple[list[Contradiction], Mapping[str, Verdict]]:
    """Run a world; return its contradictions and verdicts. If it breaks, return that one contradiction, no verdicts."""
    try:
        world.run()
        assessments = criteria.assessments(world)
    except (Exception, RunEndingError) as error:
        return [broken(seed, world.kernel.now_us, error)], {}
    verdicts: dict[str, Verdict] = {monitor.name: monitor.verdict.value for monitor in world.monitors}
    failed = [monitor for monitor in world.monitors if monitor.violations]
    found = [_contradiction(seed, monitor.name, monitor.violations[0]) for monitor in failed]
    for criterion, assessment in assessments:
        verdicts[criterion.name] = assessment.verdict
        # A failed criterion is omitted if a property it rests on failed too.
        if assessment.passed is False and all(verdicts[name] != "fail" for name in criterion.rests_on):
            observed = assessment.value if world.verdict_only else f"{assessment.value} ({assessment.evidence})"
            at_end = Violation("", world.kernel.now_us, criterion.threshold(world).threshold, observed)
            found.append(_contradiction(seed, criterion.name, assessment.first or at_end))
    return found, verdicts


def is_of_handlers(found: Contradiction) -> bool:
    """Return whether a run broke because its handlers cannot be run here, which is no fault of the simulation."""
    return found.property == BROKEN and found.observed.startswith(_OF_HANDLERS)


def check_runnable(found: Sequence[Contradiction]) -> None:
    """Raise HandlerError if a run broke because its handlers cannot be run here."""
    for each in filter(is_of_handlers, found):
        raise HandlerError(each.observed.partition(": ")[2])


def contradictions(world: World, seed: int) -> list[Contradiction]:
    return judged(world, seed)[0]


def broken(seed: int, at_us: int, error: BaseException) -> Contradiction:
    """Return the failure that represents a broken simulation."""
    return _contradiction(seed, BROKEN, Violation("", at_us, "the simulation continues", in_words(error)))


def _contradiction(seed: int, name: str, violation: Violation) -> Contradiction:
    return Contradiction(
        seed=seed,
        property=name,
        execution_id=violation.execution_id,
        at_us=violation.at_us,
        expected=violation.expected,
        observed=violation.observed,
        kind=violation.kind.name,
        where=violation.where,
    )


def in_words(error: BaseException) -> str:
    """Format an error as 'Type: message'; an UnbuiltWorldError's message already includes the type."""
    return str(error) if isinstance(error, UnbuiltWorldError) else f"{type(error).__name__}: {error}"


def new_without_faults(plain: World, seed: int, known: Sequence[str]) -> list[Contradiction]:
    """Run without faults; return failures whose property is not among the known ones, with prefixed `expected`."""
    new = (found for found in contradictions(plain, seed) if found.property not in known)
    return [found.model_copy(update={"expected": _WITHOUT_FAULTS + found.expected}) for found in new]
