"""A failure as one readable file: a scenario without randomness, and the property or criterion that it breaks.

Owns the file and the three outcomes of its replay (still fails, fixed, differs). `scenarios.shrink` makes it small.
"""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import yaml
from pydantic import AfterValidator, Field, ValidationError

from drsim.scenarios import machine
from drsim.scenarios.aliases import current
from drsim.scenarios.atomic_files import replaced
from drsim.scenarios.contradiction import BROKEN, Contradiction, check_runnable, contradictions
from drsim.scenarios.criteria import CRITERIA_NAMES
from drsim.scenarios.files import ScenarioError, errors_of, located, text_of, yaml_file
from drsim.scenarios.model import PROPERTY_NAMES, Scenario, known
from drsim.scenarios.parts import Code, UnbuiltWorldError, world_of
from drsim.scenarios.record import Record
from drsim.scenarios.repeating import Divergence
from drsim.scenarios.source_scan import sources_digest
from drsim.simulator.durations import DurationUs, show_duration
from drsim.simulator.events import FaultInjected
from drsim.simulator.faults.kinds import POINTS
from drsim.simulator.faults.rules import Rule
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.models import SchemaVersion
from drsim.simulator.planned import PlannedExecution
from drsim.simulator.randomness import Spread
from drsim.simulator.spec.groups import Arrival, Group


class Failure(Record):
    """One failure of what `property` names, a property or criterion; `digest` is "" if its run cannot be repeated."""

    schema_version: SchemaVersion = 1
    property: Annotated[str, AfterValidator(partial(known, "property", (*PROPERTY_NAMES, *CRITERIA_NAMES, BROKEN)))]
    seed: int = Field(ge=0)
    execution_id: str
    at: DurationUs
    expected: str
    observed: str
    digest: str
    parts: str = ""
    functions: Handlers | None = Field(None, description="The handlers that failed, in place of drsim's own functions.")
    sources: str = Field("", description="SHA-256 of the handlers' Python files.")
    signature: str = Field("", description="Of the failure that was explored; a smaller one may fail in another way.")
    differing: Divergence | None = Field(None, description="How two of its runs differ: it is not deterministic.")
    versions: dict[str, str]
    scenario: Scenario


def code_of(failure: Failure) -> Code:
    """Return what ran when it failed."""
    return failure.parts if failure.functions is None else failure.functions


class Replay(NamedTuple):
    """The outcome of a failure's replay: it still fails, is fixed, or differs in trace or property."""

    outcome: Literal["still fails", "fixed", "differs"]
    detail: str


def concrete(scenario: Scenario, seed: int, code: Code = "") -> Scenario:
    """The same run without randomness: each execution by its id, and each fault at the event of its injection.

    Removing a part then leaves the others unchanged.
    """
    world = world_of(scenario, seed, code, verdict_only=True)
    injected: list[FaultInjected] = []
    world.trace.listen(FaultInjected, injected.append)
    contradictions(world, seed)
    ids = {plan.key.execution_id for plan in world.workload.plans}
    rules = tuple(dict.fromkeys(_exactly(event, world.plan.rules[event.rule], ids) for event in injected))
    groups = tuple(_alone(plan) for plan in world.workload.plans)
    world.close()
    return scenario.model_copy(update={"faults": rules, "swarm": None, "workload": groups})


def _alone(plan: PlannedExecution) -> Group:
    """The group of this execution only."""
    key, at = plan.key, Arrival.model_validate({"at": show_duration(plan.start_us)})
    changes = {"executions": 1, "ids": (key.execution_id,), "place": plan.place, "arrival": at}
    return plan.group.model_copy(update=changes)


def _exactly(event: FaultInjected, rule: Rule, ids: set[str]) -> Rule:
    """The rule that injects at this event only."""
    execution = event.execution_id if event.execution_id in ids else None
    selected = {"function": event.function or None, "execution": execution, "run": event.run, "nth": event.nth}
    selectors = POINTS[event.operation].selectors
    changes = {name: value if name in selectors else None for name, value in selected.items()}
    delay = Spread(event.delay_us, event.delay_us) if event.delay_us else None
    always = {"region": None, "after": 0, "before": None, "chance": 1.0, "lasting": False}
    return rule.model_copy(update={**changes, **always, "operation": event.operation, "delay": delay})


def failure_of(scenario: Scenario, seed: int, name: str, code: Code = "") -> Failure | None:
    """The failure of that property in that run, or None if it holds."""
    world = world_of(scenario, seed, code)
    found = next((each for each in contradictions(world, seed) if each.property == name), None)
    digest = world.trace.digest()
    world.close()
    return None if found is None else _failure(scenario, found, code, digest)


def unshrunk(scenario: Scenario, found: Contradiction, code: Code = "", differing: Divergence | None = None) -> Failure:
    """The failure as exploration found it, with the run's digest if it fails again, or how its runs differ."""
    if differing:
        return _failure(scenario, found, code, digest="").model_copy(update={"differing": differing})
    try:
        again = failure_of(scenario, found.seed, found.property, code)
    except UnbuiltWorldError:
        again = None
    return again or _failure(scenario, found, code, digest="")


def _failure(scenario: Scenario, found: Contradiction, code: Code, digest: str) -> Failure:
    data = {**found.model_dump(exclude={"at_us", "kind", "where"}), "at": show_duration(found.at_us), "digest": digest}
    if isinstance(code, str):
        data["parts"] = code
    else:
        data |= {"functions": code, "sources": sources_digest(code)}
    return Failure.model_validate({**data, "versions": machine.versions(), "scenario": scenario})


def replay(failure: Failure, code: Code | None = None) -> Replay:
    """Run a failure again, with the code it was found with or with other code ("" for drsim's own).

    Raises HandlerError for handlers that cannot be run here.
    """
    code = code_of(failure) if code is None else code
    try:
        world = world_of(failure.scenario, failure.seed, code)
    except UnbuiltWorldError as error:
        detail = f"its world cannot be built: {error}"
        return Replay("still fails" if failure.property == BROKEN else "differs", detail)
    met = contradictions(world, failure.seed)
    found = {each.property for each in met}
    injected, digest = any(world.plan.fired_counts), world.trace.digest()
    world.close()
    check_runnable(met)
    is_criterion = failure.property in CRITERIA_NAMES
    if not is_criterion:
        # Shrinking keeps only what the property needs, so criteria mean nothing then.
        found -= set(CRITERIA_NAMES)
    if failure.property in found:
        differs = "by another way than the one that was saved: the trace differs"
        same = "the very same run, event by event" if digest == failure.digest else differs
        detail = same if failure.digest else "its run could not be repeated when it was saved"
        changed = "; its handlers have changed since it was saved" if has_other_code(failure, code) else ""
        return Replay("still fails", detail + changed)
    if found:
        return Replay("differs", f"it now breaks {', '.join(sorted(found))}")
    if failure.scenario.faults and not injected:
        return Replay("differs", "none of its faults was injected, so nothing was tested")
    return Replay("fixed", f"every property{' and criterion' if is_criterion else ''} holds")


def has_other_code(failure: Failure, code: Code) -> bool:
    """Return whether the same handlers have other code than when the failure was saved."""
    return not isinstance(code, str) and code == failure.functions and sources_digest(code) != failure.sources


def in_yaml(failure: Failure) -> str:
    """The text of its file."""
    data = {"schema_version": failure.schema_version, **failure.model_dump(mode="json", exclude_defaults=True)}
    for group in data["scenario"].get("workload", ()):
        waves = group.get("waves")
        if waves and not any(waves):
            group["waves"] = len(waves)
    data["scenario"].pop("exercises", None)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=110)


def write(failure: Failure, path: Path) -> None:
    """Write the file as a whole, replacing an old one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as place:
        place.write_text(in_yaml(failure), encoding="utf-8")


def read(path: Path) -> Failure:
    """The failure in a file. Raises ScenarioError."""
    return parse(text_of(path), str(path))


def parse(text: str, where: str) -> Failure:
    """The failure that a YAML text describes; `where` names it in errors. Raises ScenarioError."""
    document = yaml_file(text, where, "failure", "property, seed and scenario")
    try:
        return Failure.model_validate(current(document.data))
    except ValidationError as error:
        raise ScenarioError(*(located(each, document) for each in errors_of(error))) from None
