"""A failure as one readable file: a scenario without randomness, and the property or criterion that it breaks.

Owns the file and the three outcomes of its replay (still fails, fixed, differs). `scenarios.shrink` makes it small.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, Field, ValidationError

from drsim.scenarios import machine
from drsim.scenarios.aliases import current
from drsim.scenarios.atomic_files import replaced
from drsim.scenarios.contradiction import BROKEN, Contradiction, Data, UnbuiltWorldError, contradictions, world_of
from drsim.scenarios.criteria import CRITERIA_NAMES
from drsim.scenarios.files import ScenarioError
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import parts_of
from drsim.simulator.checks import PROPERTIES
from drsim.simulator.durations import DurationUs, show_duration
from drsim.simulator.events import FaultInjected
from drsim.simulator.faults.kinds import POINTS
from drsim.simulator.faults.rules import Rule
from drsim.simulator.randomness import Spread
from drsim.simulator.spec.groups import Arrival


def _known_property(name: str) -> str:
    known = (*(monitor.name for monitor in PROPERTIES), *CRITERIA_NAMES, BROKEN)
    if name not in known:
        raise ValueError(f"no such property: {name!r}; known are {', '.join(known)}")
    return name


class Failure(Data):
    """One failure of a property or criterion, which `property` names.

    `digest` is "" if the run that found it could not be repeated.
    """

    schema_version: Literal[1] = 1
    property: Annotated[str, AfterValidator(_known_property)]
    seed: int = Field(ge=0)
    execution_id: str
    at: DurationUs
    expected: str
    observed: str
    digest: str
    parts: str = ""
    versions: dict[str, str]
    scenario: Scenario


Outcome = Literal["still fails", "fixed", "differs"]


class Replay(Data):
    """The outcome of a failure's replay: it still fails, is fixed, or differs in trace or property."""

    outcome: Outcome
    detail: str


def concrete(scenario: Scenario, seed: int, parts_place: str = "") -> Scenario:
    """The same run without randomness: each execution by its id, and each fault at the event of its injection.

    Removing a part then leaves the others unchanged.
    """
    world = world_of(scenario, seed, parts_of(parts_place), verdict_only=True)
    injected: list[FaultInjected] = []
    world.trace.listen(FaultInjected, injected.append)
    list(contradictions(world, seed))
    ids = {plan.key.execution_id for plan in world.workload.plans}
    rules = tuple(dict.fromkeys(_exactly(event, world.plan.rules[event.rule], ids) for event in injected))
    groups = tuple(
        plan.group.model_copy(
            update={
                "executions": 1,
                "ids": (plan.key.execution_id,),
                "place": plan.place,
                "arrival": Arrival.model_validate({"at": show_duration(plan.start_us)}),
            }
        )
        for plan in world.workload.plans
    )
    world.close()
    return scenario.model_copy(update={"faults": rules, "swarm": None, "workload": groups})


def _exactly(event: FaultInjected, rule: Rule, ids: set[str]) -> Rule:
    """The rule that injects at this event only."""
    selected = {
        "function": event.function or None,
        "execution": event.execution_id if event.execution_id in ids else None,
        "run": event.run,
        "nth": event.nth,
    }
    known = POINTS[event.operation].selectors
    return rule.model_copy(
        update={
            "operation": event.operation,
            **{name: value if name in known else None for name, value in selected.items()},
            "region": None,
            "after": 0,
            "before": None,
            "chance": 1.0,
            "delay": Spread(event.delay_us, event.delay_us) if event.delay_us else None,
            "lasting": False,
        }
    )


def failure_of(scenario: Scenario, seed: int, name: str, parts_place: str = "") -> Failure | None:
    """The failure of that property in that run, or None if it holds."""
    world = world_of(scenario, seed, parts_of(parts_place))
    found = next((each for each in contradictions(world, seed) if each.property == name), None)
    digest = world.trace.digest()
    world.close()
    return None if found is None else _failure(scenario, found, parts_place, digest)


def unshrunk(scenario: Scenario, found: Contradiction, parts_place: str = "") -> Failure:
    """The failure as exploration found it, with the run's digest if it fails again."""
    try:
        again = failure_of(scenario, found.seed, found.property, parts_place)
    except UnbuiltWorldError:
        again = None
    return again or _failure(scenario, found, parts_place, digest="")


def contradiction_of(failure: Failure) -> Contradiction:
    """The contradiction that a failure was found as."""
    return Contradiction(
        seed=failure.seed,
        property=failure.property,
        execution_id=failure.execution_id,
        at_us=failure.at,
        expected=failure.expected,
        observed=failure.observed,
    )


def _failure(scenario: Scenario, found: Contradiction, parts_place: str, digest: str) -> Failure:
    return Failure.model_validate(
        {
            "property": found.property,
            "seed": found.seed,
            "execution_id": found.execution_id,
            "at": show_duration(found.at_us),
            "expected": found.expected,
            "observed": found.observed,
            "digest": digest,
            "parts": parts_place,
            "versions": machine.versions(),
            "scenario": scenario,
        }
    )


def replay(failure: Failure, parts_place: str | None = None) -> Replay:
    """Run a failure again, with the parts it was found with or with others ("" for the real ones)."""
    place = failure.parts if parts_place is None else parts_place
    try:
        world = world_of(failure.scenario, failure.seed, parts_of(place))
    except UnbuiltWorldError as error:
        outcome: Outcome = "still fails" if failure.property == BROKEN else "differs"
        return Replay(outcome=outcome, detail=f"its world cannot be built: {error}")
    found = {each.property for each in contradictions(world, failure.seed)}
    if failure.property not in CRITERIA_NAMES:
        # Shrinking keeps only what the property needs, so criteria mean nothing then.
        found -= set(CRITERIA_NAMES)
    injected = any(world.plan.fired_counts)
    digest = world.trace.digest()
    world.close()
    if failure.property in found:
        if digest == failure.digest:
            return Replay(outcome="still fails", detail="the very same run, event by event")
        if not failure.digest:
            return Replay(outcome="still fails", detail="its run could not be repeated when it was saved")
        return Replay(outcome="still fails", detail="by another way than the one that was saved: the trace differs")
    if found:
        return Replay(outcome="differs", detail=f"it now breaks {', '.join(sorted(found))}")
    if failure.scenario.faults and not injected:
        return Replay(outcome="differs", detail="none of its faults strikes any more, so nothing was put to the test")
    also = " and criterion" if failure.property in CRITERIA_NAMES else ""
    return Replay(outcome="fixed", detail=f"every property{also} holds")


def write(failure: Failure, path: Path) -> None:
    """Write the file as a whole, replacing an old one. Raises OSError."""
    data = failure.model_dump(mode="json", exclude_defaults=True)
    for group in data["scenario"].get("workload", ()):
        waves = group.get("waves")
        if waves and not any(waves):
            group["waves"] = len(waves)
    data["scenario"].pop("exercises", None)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)
    with replaced(path) as place:
        place.write_text(text, encoding="utf-8")


def read(path: Path) -> Failure:
    """The failure in a file. Raises ScenarioError."""
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ScenarioError(f"cannot read {path}: {reason}") from None
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path}: {str(error).splitlines()[0]}") from None
    try:
        return Failure.model_validate(current(data))
    except ValidationError as error:
        raise ScenarioError(
            *(f"{path}: {'.'.join(map(str, each['loc'])) or 'the file'}: {each['msg']}" for each in error.errors())
        ) from None
