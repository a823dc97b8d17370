"""A Lambda service for tests, with a function of fixed times, and a log of its events."""

from collections.abc import Callable
from typing import Final

from drsim.simulator.events import Dropped, Invoked, LambdaEnded, LambdaStarted, Throttled
from drsim.simulator.faults.effects import Effects
from drsim.simulator.faults.plan import Plan
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.functions import Invocation, LambdaService, Payload
from drsim.simulator.services.spec import Functions, PollerFunction
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.trace import Trace
from tests.simulator.tables import LAYOUT, table_of

SECOND: Final = 1_000_000
INIT_US: Final = 500_000
OVERHEAD_US: Final = 1_000

FIXED: Final = {"timeout": "60s", "init": "500ms", "overhead_cold": "1ms", "overhead_warm": "1ms"}
"""A function with a cold start of half a second and an own time of a millisecond."""


class LambdaRig:
    """Lambda with one function, `f`, which calls `handler`, and `log`: instants and events."""

    def __init__(
        self,
        kernel: Kernel,
        handler: Callable[[Payload, Invocation], object] | None = None,
        *,
        shared: dict[str, object] | None = None,
        faults: WorldSpec | None = None,
        **function: object,
    ) -> None:
        self.kernel = kernel
        self.trace = Trace()
        self.log: list[tuple[int, str]] = []
        self.started: list[LambdaStarted] = []
        self.ended: list[LambdaEnded] = []
        self.invoked: list[Invoked] = []
        self.trace.listen(Invoked, self.invoked.append)
        self.trace.listen(LambdaStarted, self.started.append)
        self.trace.listen(LambdaStarted, self._on_start)
        self.trace.listen(LambdaEnded, self.ended.append)
        self.trace.listen(LambdaEnded, lambda event: self._say(event.at_us, f"{event.execution_id} {event.outcome}"))
        self.trace.listen(Throttled, lambda event: self._say(event.at_us, f"{event.execution_id} throttled"))
        self.trace.listen(Dropped, lambda event: self._say(event.at_us, f"{event.execution_id} {event.reason}"))
        shared_spec = Functions.model_validate({"queue_delay": "0s", **(shared or {})})
        rules, heal_us = (faults.faults, faults.heal) if faults else ((), None)
        self.plan = Plan(kernel, self.trace, rules, heal_us)
        conditions = None if faults is None else Effects(self.plan, kernel, table_of(kernel), LAYOUT, 0)
        self.service = LambdaService(kernel, self.trace, shared_spec, conditions)
        self.spec = PollerFunction.model_validate(FIXED | function)
        self.service.deploy("f", self.spec, handler or (lambda *_: None))

    def invoke(self, execution_id: str = "e", *, at_us: int | None = None, function: str = "f") -> None:
        """Invoke `f` now, or at that instant."""
        due_us = self.kernel.now_us if at_us is None else at_us
        self.kernel.at(
            due_us, lambda _: self.service.invoke_event(function, {}, execution_id=execution_id, by=""), None
        )

    def _on_start(self, event: LambdaStarted) -> None:
        self._say(event.at_us, f"{event.execution_id} {'cold' if event.init_us else 'warm'} {event.environment}")

    def _say(self, at_us: int, what: str) -> None:
        self.log.append((at_us, what))


def sleeper(kernel: Kernel, duration_us: int) -> Callable[[Payload, Invocation], object]:
    """A handler that sleeps this long."""
    return lambda _, __: kernel.sleep(duration_us)
