"""What faults do at the boundaries: to calls of production code, to events in Lambda's queue, to ticks, to clocks.

Services know nothing of this: a fault stands between them and whoever asks. What the plan decides, this module does.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from drsim.orchestrator.items import seconds_item
from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.faults.plan import Hit, Plan
from drsim.simulator.faults.rules import CLOCK, EVENT, INDEX, START, START_RECOVERY, TICK, Fault
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Stream
from drsim.simulator.services.dynamodb import Table
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.functions import Invocation, LambdaService, Start
from drsim.simulator.services.spec import JobLife
from drsim.simulator.services.stored_item import is_over, version_of

_T = TypeVar("_T")

SOMEBODY: Final = "somebody"
"""Another writer, neither the plan's worker nor a function."""

_THROTTLES: Final = {
    "Query": "ProvisionedThroughputExceededException",
    "GetItem": "ProvisionedThroughputExceededException",
    "UpdateItem": "ProvisionedThroughputExceededException",
    "Invoke": "TooManyRequestsException",
}
"""How services say that they throttle; all others say ThrottlingException (botocore 1.43, service models)."""


class QueueUnderFaults:
    """Lambda's asynchronous queue, which loses, delays and repeats events, starts cold, and finds no concurrency."""

    def __init__(self, plan: Plan, kernel: Kernel) -> None:
        self._plan = plan
        self._kernel = kernel

    def deliveries(self, function: str, execution_id: str, number: int) -> Sequence[int]:
        """None, one or two deliveries of an event."""
        hit = self._plan.hit(EVENT, function=function, execution_id=execution_id, run=number)
        if hit is None:
            return (0,)
        if hit.rule.fault is Fault.EVENT_DROPPED:
            return ()
        delay_us = self._plan.held_until_us(hit.delay_us) - self._kernel.now_us
        return (delay_us,) if hit.rule.fault is Fault.EVENT_DELAYED else (0, delay_us)

    def start(self, function: str, execution_id: str, request_id: str, run: int) -> Start:
        """As usual, cold although an environment is warm, or not at all for want of concurrency."""
        hit = self._plan.hit(START, function=function, execution_id=execution_id, request_id=request_id, run=run)
        if hit is None:
            return Start()
        if hit.rule.fault is Fault.STARVED:
            return Start(throttled=True)
        return Start(cold=True, init_us=hit.delay_us)


class Effects:
    """All that faults do besides."""

    def __init__(self, plan: Plan, kernel: Kernel, table: Table, epoch_us: int) -> None:
        self._plan = plan
        self._kernel = kernel
        self._table = table
        self._epoch_us = epoch_us
        self.operations = plan.operations

    # --- calls of production code ------------------------------------------------------------------------------

    def around(
        self,
        invocation: Invocation,
        functions: LambdaService,
        operation: str,
        key: ExecutionKey | None,
        execution_id: str,
        region: str,
        answer: Callable[[], _T],
        amend: Callable[[Fault, _T], _T],
    ) -> tuple[Callable[[], _T], str]:
        """The answer of a call's next attempts as faults have it, and the name of the fault, or "".

        `amend` takes out of an answer what a fault leaves untold: who asks knows what form the answer has.
        """
        nth = invocation.count_call(operation, execution_id)
        hit = self._plan.hit(
            operation,
            function=invocation.function,
            execution_id=execution_id,
            request_id=invocation.request_id,
            region=region,
            run=invocation.run,
            nth=nth,
        )
        if hit is None:
            return answer, ""
        return self._struck(hit, invocation, functions, operation, key, answer, amend), str(hit.rule.fault)

    def _struck(
        self,
        hit: Hit,
        invocation: Invocation,
        functions: LambdaService,
        operation: str,
        key: ExecutionKey | None,
        answer: Callable[[], Any],
        amend: Callable[[Fault, Any], Any],
    ) -> Callable[[], Any]:
        kernel, rule = self._kernel, hit.rule
        attempts_left = rule.attempts

        def fails() -> bool:
            nonlocal attempts_left
            attempts_left -= 1
            return attempts_left >= 0

        def wait() -> None:
            kernel.sleep(self._plan.held_until_us(hit.delay_us) - kernel.now_us)

        def struck() -> Any:
            match rule.fault:
                case Fault.THROTTLED if fails():
                    raise ServiceError(_THROTTLES.get(operation, "ThrottlingException"), "injected", retryable=True)
                case Fault.SERVER_ERROR if fails():
                    raise ServiceError("InternalServerError", "injected", retryable=True)
                case Fault.TIMED_OUT if fails():
                    wait()
                    raise ServiceError("ReadTimeoutError", "injected: the request never arrived", retryable=True)
                case Fault.ANSWER_LOST if fails():
                    answer()
                    raise ServiceError("ConnectionClosedError", "injected: the answer never arrived", retryable=True)
                case Fault.SLOW if fails():
                    wait()
                case Fault.STUCK:
                    # Until its function times out; work that the function left behind has no such end.
                    kernel.suspend(lambda _: None)
                case Fault.DENIED:
                    raise ServiceError("AccessDeniedException", f"injected: not authorized to perform {operation}")
                case Fault.CRASHED_BEFORE:
                    functions.crash(invocation, redeliver=rule.redelivered)
                case Fault.CRASHED_AFTER:
                    answer()
                    functions.crash(invocation, redeliver=rule.redelivered)
                case Fault.RACED | Fault.CANCELLED | Fault.DELETED if key is not None and fails():
                    self._write(rule.fault, key)
                case Fault.JOB_VANISHED | Fault.SERVERS_UNTOLD:
                    return amend(rule.fault, answer())
            return answer()

        return struck

    def _write(self, fault: Fault, key: ExecutionKey) -> None:
        """Another writer comes first, by the rules that all keep: raise the version, leave what has ended alone."""
        item = self._table.get(key)
        if item is None or is_over(item.attributes):
            return
        if fault is Fault.DELETED:
            self._table.delete(key, writer=SOMEBODY)
            self._plan.lose(key.execution_id, "its record was deleted")
            return
        version = version_of(item.attributes)
        changes: dict[str, object] = {"Version": version + 1}
        if fault is Fault.CANCELLED:
            end = seconds_item(self._epoch_us + self._kernel.now_us)
            changes |= {"Status": "CANCELLED", "EndTime": end}
        else:
            changes["Note"] = f"seen at version {version}"
        self._table.update(key, changes, writer=SOMEBODY)

    # --- the schedule, the index, clocks -----------------------------------------------------------------------

    def on_tick(self, target: Callable[[int], object]) -> Callable[[int], object]:
        """The rule's target behind a schedule that loses, delays or doubles ticks."""

        def tick(number: int) -> None:
            hit = self._plan.hit(TICK, run=number)
            fault = None if hit is None else hit.rule.fault
            if hit is not None and fault is Fault.TICK_LATE:
                self._kernel.at(self._plan.held_until_us(hit.delay_us), target, number)
            elif fault is not Fault.TICK_LOST:
                target(number)
                if fault is Fault.TICK_DOUBLED:
                    target(number)

        return tick

    def index_lag_us(self, key: ExecutionKey, number: int) -> int:
        """How much longer than usual a write stays unseen in the StatusIndex."""
        hit = self._plan.hit(INDEX, execution_id=key.execution_id, run=number)
        return 0 if hit is None else self._plan.held_until_us(hit.delay_us) - self._kernel.now_us

    def skew_us(self, invocation: Invocation) -> int:
        """How far the clock of an invocation's environment is from the right time."""
        environment = invocation.environment
        if environment.skew_us is None:
            number = environment.number
            hit = self._plan.hit(CLOCK, function=invocation.function, request_id=invocation.request_id, run=number)
            ahead = Stream(self._kernel.seed, f"skew/{invocation.function}/{number}").chance(0.5)
            environment.skew_us = 0 if hit is None else hit.delay_us if ahead else -hit.delay_us
        return environment.skew_us if self._kernel.now_us < self._plan.healed_us else 0

    # --- DRS as it is ------------------------------------------------------------------------------------------

    def life(self, execution_id: str, region: str, wave: int, servers_count: int, life: JobLife) -> JobLife:
        """How a job lives that faults have to do with. Raises ServiceError: ServiceQuotaExceededException."""
        hit = self._plan.hit(START_RECOVERY, execution_id=execution_id, region=region, run=wave)
        if hit is None:
            return life
        match hit.rule.fault:
            case Fault.QUOTA:
                raise ServiceError("ServiceQuotaExceededException", "injected: another tool's jobs use up the quota")
            case Fault.JOB_HANGS:
                return life.model_copy(update={"hangs": True})
            case Fault.JOB_LATE:
                late = life.in_progress
                longer = replace(
                    late,
                    low_us=late.low_us + hit.delay_us,
                    high_us=late.high_us + hit.delay_us,
                    mode_us=None if late.mode_us is None else late.mode_us + hit.delay_us,
                )
                return life.model_copy(update={"in_progress": longer})
            case _:
                return life.model_copy(update={"failed_servers": hit.rule.servers or servers_count})
