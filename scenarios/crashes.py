"""Crash points: a function dies before and after every call that it makes, and the others must recover.

Exhaustive, where exploration samples: every call of every invocation in one scenario, alone and with Lambda delivering
the event again.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, as_completed
from typing import Final, NamedTuple

from drsim.orchestrator.settings import SECOND_US
from drsim.scenarios.contradiction import Contradiction, broken, contradictions, without_faults
from drsim.scenarios.explore import LostError
from drsim.scenarios.failure import concrete
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import Code, UnbuiltWorldError, world_of
from drsim.simulator.events import FaultInjected
from drsim.simulator.faults.kinds import Fault
from drsim.simulator.faults.rules import Rule

_CHUNK: Final = 25


class CrashPoint(NamedTuple):
    """One death: the rule that injects it, and the instant from which its effects must heal."""

    rule: Rule
    heal_us: int

    def within(self, scenario: Scenario) -> Scenario:
        """The scenario with this death in it."""
        return scenario.model_copy(update={"faults": (self.rule,), "heal": self.heal_us})


class Crashed(NamedTuple):
    """The outcome of a number of crash points. `missed` are those whose rule never acted."""

    points_count: int = 0
    missed: tuple[str, ...] = ()
    failures: tuple[tuple[CrashPoint, Contradiction], ...] = ()

    def plus(self, other: "Crashed") -> "Crashed":
        """The sum of both."""
        count = self.points_count + other.points_count
        return Crashed(count, self.missed + other.missed, self.failures + other.failures)

    def groups(self) -> dict[str, list[tuple[CrashPoint, Contradiction]]]:
        """Failures by the property that they break."""
        groups: dict[str, list[tuple[CrashPoint, Contradiction]]] = {}
        for point, found in self.failures:
            groups.setdefault(found.property, []).append((point, found))
        return groups


def crash_points(scenario: Scenario, seed: int, code: Code = "") -> tuple[Scenario, tuple[CrashPoint, ...]]:
    """The scenario without faults and with every execution named, and each way to die in it."""
    plain = concrete(without_faults(scenario).model_copy(update={"heal": None}), seed, code)
    # A slowness of no length meets every call and changes none; so the calls are counted.
    probe = plain.model_copy(update={"faults": (Rule.model_validate({"fault": "slow", "delay": "0s"}),)})
    world = world_of(probe, seed, code, verdict_only=True)
    calls: list[FaultInjected] = []
    world.trace.listen(FaultInjected, calls.append)
    contradictions(world, seed)
    world.close()
    faults = [fault for fault in Fault if "redelivered" in fault.kind.options]
    return plain, tuple(
        CrashPoint(_death(call, fault, redelivered=redelivered), call.at_us + SECOND_US)
        for call in calls
        if call.at_us + SECOND_US < plain.duration
        for fault in faults
        for redelivered in (False, True)
    )


def _death(call: FaultInjected, fault: Fault, *, redelivered: bool) -> Rule:
    call_fields = {name: getattr(call, name) for name in ("operation", "function", "run", "nth")}
    return Rule(fault=fault, execution=call.execution_id or None, redelivered=redelivered, **call_fields)


def crash(scenario_json: str, points: Sequence[CrashPoint], seed: int, code: Code) -> Crashed:
    """Run the scenario once for each point; what a worker does."""
    scenario = Scenario.model_validate_json(scenario_json)
    missed: list[str] = []
    failures: list[tuple[CrashPoint, Contradiction]] = []
    for point in points:
        try:
            world = world_of(point.within(scenario), seed, code, verdict_only=True)
        except UnbuiltWorldError as error:
            failures.append((point, broken(seed, 0, error)))
            continue
        failures += [(point, found) for found in contradictions(world, seed)]
        if not world.plan.fired_counts[0]:
            missed.append(str(point.rule))
        world.close()
    return Crashed(len(points), tuple(missed), tuple(failures))


def crash_everywhere(
    scenario: Scenario, points: Sequence[CrashPoint], seed: int, executor: Executor, code: Code = ""
) -> Iterator[Crashed]:
    """All points, in chunks as they are done. Raises LostError at the end if calls raised BrokenExecutor."""
    text = scenario.model_dump_json()
    chunks = [points[first : first + _CHUNK] for first in range(0, len(points), _CHUNK)]
    lost_count, reason = 0, ""
    futures = {executor.submit(crash, text, chunk, seed, code): len(chunk) for chunk in chunks}
    for future in as_completed(futures):
        try:
            yield future.result()
        except BrokenExecutor as error:
            lost_count, reason = lost_count + futures[future], str(error)
    if lost_count:
        raise LostError(f"{lost_count} crash points were not run: {reason}")
