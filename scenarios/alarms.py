"""Whether the alarms that a scenario declares go off, and clear again.

Owns the judgement alone. `simulator.cloudwatch.alarms` computes what an alarm does; the scenario declares which ones
must go off.
"""

from collections.abc import Sequence
from typing import Literal

from drsim.scenarios.cloudwatch import changes_of, instant_of
from drsim.scenarios.finding import Finding
from drsim.simulator.cloudwatch.alarms import alarms_by_name
from drsim.simulator.world import World


def judge(world: World) -> Finding:
    """Judge the alarms that the scenario declares."""
    declared = world.spec.alarms
    if not declared:
        return Finding(None, "none declared", "the scenario names no alarm that must go off")
    metrics = world.cloudwatch.metrics()
    wrong, evidence = [], []
    for name, then in declared.items():
        alarm = alarms_by_name()[name]
        changes = changes_of(alarm, metrics.get(alarm.metric), world)
        trouble = trouble_of([change.state for change in changes], then)
        if trouble:
            wrong.append(f"{name} {trouble}")
        states = ", ".join(f"{change.state} at {instant_of(change, world)}" for change in changes)
        evidence.append(f"{name}, which {then} once all is well: {states}")
    value = "; ".join(wrong) or f"{len(declared)} of {len(declared)} as declared"
    return Finding(not wrong, value, "; ".join(evidence), len(wrong))


def trouble_of(states: Sequence[str], then: Literal["clears", "stays"]) -> str:
    """Return what is wrong with an alarm that must go off and then clear or stay; "" if nothing is."""
    if "ALARM" not in states:
        return "did not go off"
    if then == "clears" and states[-1] != "OK":
        return "did not clear"
    return "cleared" if then == "stays" and states[-1] != "ALARM" else ""
