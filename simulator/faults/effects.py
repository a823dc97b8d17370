"""Faults at the boundaries: the plan's decisions act on calls, Lambda's queue, ticks, the index, clocks and jobs.

Services do not know of faults: these objects stand between services and their callers.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import NoReturn, TypeVar

from drsim.orchestrator.model import TERMINAL, ExecutionKey
from drsim.simulator.contract.layout import Layout
from drsim.simulator.events import POLLER, ItemChanged
from drsim.simulator.faults import kinds
from drsim.simulator.faults.plan import Hit, Plan
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Stream
from drsim.simulator.services.conditions import Start
from drsim.simulator.services.dynamodb import Table
from drsim.simulator.services.errors import ItemTooLargeError
from drsim.simulator.services.functions import Invocation, LambdaService
from drsim.simulator.services.spec import JobLife

T = TypeVar("T")


class Effects:
    """Faults on everything that the plan's points name. It has Lambda's `Conditions`."""

    def __init__(self, plan: Plan, kernel: Kernel, table: Table, layout: Layout, epoch_us: int) -> None:
        self._layout = layout
        self._plan = plan
        self._kernel = kernel
        self._table = table
        self._epoch_us = epoch_us
        self.operations = plan.operations

    def around(
        self,
        invocation: Invocation,
        functions: LambdaService,
        operation: str,
        key: ExecutionKey | None,
        region: str,
        answer: Callable[[], T],
        leave_out: Callable[[T, kinds.Shown], T],
        *,
        holds_up: bool = True,
    ) -> tuple[Callable[[], T], str]:
        """Return the answer of a call's attempts, and the name of the fault or "".

        `leave_out` shortens answers. A fault on a call that does not `holds_up` polls excuses nothing.
        """
        execution_id = invocation.execution_id if key is None else key.execution_id
        hit = self._plan.hit(
            kinds.POINTS[operation],
            function=invocation.function,
            execution_id=execution_id,
            request_id=invocation.request_id,
            region=region,
            run=invocation.run,
            nth=invocation.count_call(operation, execution_id),
            holds_up=holds_up,
            # A finder, or a poller of a batch.
            is_shared=not invocation.execution_id,
        )
        if hit is None:
            return answer, ""
        call = kinds.Call(
            operation=operation,
            answer=answer,
            leave_out=leave_out,
            wait=lambda: self._kernel.sleep(self._plan.held_us(hit.delay_us)),
            hang=lambda: _ends(lambda: self._kernel.suspend(lambda _: None)),
            crash=lambda: _ends(lambda: functions.crash(invocation, redeliver=hit.rule.redelivered)),
            write=lambda change: self._write(key, change),
        )
        about = (hit.rule, execution_id, hit.delay_us)
        holds_up = holds_up and operation != kinds.PUT_METRIC_DATA

        def prolong(attempt: int) -> None:
            self._plan.prolong(attempt, *about, holds_up=holds_up)

        return _attempts(hit, call, prolong), str(hit.rule.fault)

    def _write(self, key: ExecutionKey | None, change: kinds.Change) -> None:
        """Write as another writer, by the rules of all writers: raise the version, leave finished executions alone."""
        item = None if key is None else self._table.get(key)
        if key is None or item is None or self._layout.is_over(item.attributes):
            return
        layout = self._layout
        changes = change(layout, item.attributes, self._epoch_us + self._kernel.now_us)
        if changes is None:
            self._table.delete(key, writer="another writer")
            self._plan.lose(key.execution_id, "its record was deleted")
        else:
            version = layout.execution.changes(item.attributes, version=layout.version_of(item.attributes) + 1)
            with suppress(ItemTooLargeError):
                self._table.update(key, {**version, **changes}, writer="another writer")

    def deliveries(self, function: str, execution_id: str, number: int) -> Sequence[int]:
        hit = self._plan.hit(kinds.EVENT, function=function, execution_id=execution_id, run=number)
        return (0,) if hit is None else hit.effect(self._plan.held_us(hit.delay_us))

    def on_write(self, functions: LambdaService) -> Callable[[ItemChanged], None]:
        """Return a listener that repeats the event of a poll which ends an execution."""

        def changed(event: ItemChanged) -> None:
            now, before = event.execution, event.previous
            is_over, was_over = [each is not None and each.status in TERMINAL for each in (now, before)]
            if event.writer != POLLER or not is_over or was_over:
                return
            execution_id, request_id = event.execution_id, event.request_id
            hit = self._plan.hit(kinds.END, function=POLLER, execution_id=execution_id, request_id=request_id)
            if hit is not None:
                functions.repeat(event.request_id, hit.effect(self._plan.held_us(hit.delay_us)))

        return changed

    def start(self, function: str, execution_id: str, request_id: str, run: int) -> Start:
        hit = self._plan.hit(kinds.START, function=function, execution_id=execution_id, request_id=request_id, run=run)
        return Start() if hit is None else hit.effect(hit.delay_us)

    def on_tick(self, target: Callable[[int], object]) -> Callable[[int], object]:
        """Return the schedule's target under faults."""

        def tick(number: int) -> None:
            hit = self._plan.hit(kinds.TICK, run=number)
            for delay_us in (0,) if hit is None else hit.effect(self._plan.held_us(hit.delay_us)):
                if delay_us:
                    self._kernel.at(self._kernel.now_us + delay_us, target, number)
                else:
                    target(number)

        return tick

    def index_lag_us(self, key: ExecutionKey, number: int) -> int:
        """Return how much later than usual a write reaches the StatusIndex."""
        hit = self._plan.hit(kinds.INDEX, execution_id=key.execution_id, run=number)
        return 0 if hit is None else hit.effect(self._plan.held_us(hit.delay_us))

    def stale_us(self, invocation: Invocation, key: ExecutionKey) -> int:
        """Return how much further than usual an eventually consistent read of an item is behind."""
        if kinds.READ not in self.operations:
            return 0
        execution_id = key.execution_id
        hit = self._plan.hit(
            kinds.READ,
            function=invocation.function,
            execution_id=execution_id,
            request_id=invocation.request_id,
            run=invocation.run,
            nth=invocation.count_call(kinds.READ, execution_id),
        )
        return 0 if hit is None else hit.effect(self._plan.held_us(hit.delay_us))

    def skew_us(self, invocation: Invocation) -> int:
        """Return how far the clock of an invocation's environment is ahead; less than 0 if it is behind."""
        environment, function = invocation.environment, invocation.function
        if environment.skew_us is None:
            number = environment.number
            hit = self._plan.hit(kinds.CLOCK, function=function, request_id=invocation.request_id, run=number)
            off_us = 0 if hit is None else hit.effect(hit.delay_us)
            ahead = Stream(self._kernel.seed, f"skew/{function}/{number}").chance(0.5)
            environment.skew_us = off_us if ahead else -off_us
        return environment.skew_us if self._kernel.now_us < self._plan.healed_us else 0

    def life(
        self, execution_id: str, region: str, wave: int, servers_count: int, life: JobLife, *, attempt: int = 1
    ) -> JobLife:
        """Return a job's life under faults. Raises ServiceError: ServiceQuotaExceededException."""
        hit = self._plan.hit(kinds.START_RECOVERY, execution_id=execution_id, region=region, run=wave, nth=attempt)
        return life if hit is None else hit.effect(life, hit.delay_us, hit.rule.servers or servers_count)


def _attempts(hit: Hit[kinds.CallEffect], call: kinds.Call[T], prolong: Callable[[int], None]) -> Callable[[], T]:
    """Return the answer of the call's attempts: the effect acts on each, or on as many as the rule has.

    `prolong` takes the number of an attempt on which it acts.
    """
    if "attempts" not in hit.rule.fault.kind.options:
        return lambda: hit.effect(call)
    numbers = count(1)

    def attempt() -> T:
        number = next(numbers)
        if hit.rule.attempts is not None and number > hit.rule.attempts:
            return call.answer()
        prolong(number)
        return hit.effect(call)

    return attempt


def _ends(act: Callable[[], None]) -> NoReturn:
    act()
    raise AssertionError("a process continued after its end")
