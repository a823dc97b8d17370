"""Worlds with fault rules, for tests: as data, as a plan, and as an event on which a rule may act."""

from collections.abc import Mapping
from typing import Any, Final

from drsim.simulator.events import FaultInjected
from drsim.simulator.faults.kinds import POINTS
from drsim.simulator.faults.plan import Hit, Plan
from drsim.simulator.kernel import Kernel
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.trace import Trace

IDS: Final = ("e", "other", "third")


def a_spec(*rules: Mapping[str, object], **fields: object) -> WorldSpec:
    """A world with these rules, and with executions that they may name."""
    workload = [{"executions": len(IDS), "ids": IDS}]
    return WorldSpec.model_validate({"faults": rules, "workload": workload, **fields})


class PlanRig:
    """A plan, the instant at which it is asked, and what it said to the trace."""

    def __init__(self, *rules: Mapping[str, object], seed: int = 7, **fields: object) -> None:
        self.kernel = Kernel(seed=seed)
        trace = Trace()
        self.injected: list[FaultInjected] = []
        trace.listen(FaultInjected, self.injected.append)
        spec = a_spec(*rules, **fields)
        self.plan = Plan(self.kernel, trace, spec.faults, spec.heal)

    def at(self, second: float) -> "PlanRig":
        """Let time pass, to this number of seconds after the start."""
        self.kernel.run(until_us=round(second * 1_000_000))
        return self

    def hit(self, operation: str, execution_id: str = "e", **event: Any) -> Hit[Any] | None:
        """The plan's verdict on an event."""
        return self.plan.hit(POINTS[operation], execution_id=execution_id, **event)

    def runs_hit(self, operation: str, execution_id: str = "e", runs: int = 40) -> list[int]:
        """The runs of an execution on which a rule acts, among the first ones."""
        return [run for run in range(1, runs + 1) if self.hit(operation, execution_id, run=run) is not None]
