"""Lambda: when a handler starts and ends. Environments, concurrency, the asynchronous queue, retries, timeouts.

Source: AWS Lambda developer guide, asynchronous and synchronous invocation, 2026-11.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from drsim.simulator.events import Dropped, Invoked, LambdaEnded, LambdaStarted, Throttled
from drsim.simulator.kernel import Kernel, Timer
from drsim.simulator.processes import NOT_OF_THE_CODE, Process
from drsim.simulator.randomness import Stream
from drsim.simulator.services.conditions import Conditions, Start
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.fleets import Environment, Fleet
from drsim.simulator.services.lambda_answers import Ended, end_payload, failure_in, text_of
from drsim.simulator.services.spec import Function, Functions
from drsim.simulator.trace import Trace

Payload = Mapping[str, object]

# A failed asynchronous invocation is retried after one minute, then after two.
_RETRY_WAITS_US: Final = (60_000_000, 120_000_000)
# A throttled event returns to the queue for a time that doubles from one second to five minutes.
_THROTTLE_WAIT_US: Final = 1_000_000
_THROTTLE_WAIT_US_MAX: Final = 300_000_000


@dataclass(slots=True, eq=False)
class Invocation:
    """One invocation of a handler. `run` counts the function's invocations for its execution, from 1."""

    function: str
    request_id: str
    execution_id: str
    environment: Environment
    started_us: int
    deadline_us: int
    stream: Stream
    cold: bool
    run: int
    # The request that invoked it; "" for a service.
    by: str
    # The line of the handler's file that raised, and the payload for a caller that waits, if its driver knows them.
    raised_at: str = ""
    payload: bytes = b"null"
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count_call(self, operation: str, execution_id: str) -> int:
        """Count a call, and return its number among equal ones in this invocation, from 1."""
        self.calls[operation, execution_id] += 1
        return self.calls[operation, execution_id]


Handler = Callable[[Payload, Invocation], object]


@dataclass(slots=True)
class _Queued:
    function: "_Deployed"
    payload: Payload
    execution_id: str
    request_id: str
    by: str
    accepted_us: int
    attempt: int = 1
    throttles: int = 0
    # Handles to terminate the running invocation.
    process: Process | None = None
    timeout: Timer | None = None
    # Takes the end for a caller that waits. Such an invocation is never queued, nor repeated.
    answer: Callable[[Ended], object] | None = None


@dataclass(slots=True)
class _Deployed:
    name: str
    spec: Function
    handler: Handler
    pool: Fleet


class LambdaService:
    """All functions of one account and Region; they share its concurrency."""

    def __init__(self, kernel: Kernel, trace: Trace, spec: Functions, conditions: Conditions | None = None) -> None:
        self._kernel = kernel
        self._trace = trace
        self._spec = spec
        self._conditions = conditions
        self._functions: dict[str, _Deployed] = {}
        self._running_count = 0
        # Concurrency left for functions that reserve none.
        self._free_count = spec.account_concurrency
        # Events and runs by function and execution.
        self._events: Counter[tuple[str, str]] = Counter()
        self._runs: dict[tuple[str, str], int] = {}
        self._running: dict[Invocation, _Queued] = {}

    def deploy(self, name: str, spec: Function, handler: Handler, *, role_of: str | None = None) -> None:
        """Deploy a function. Its reserved concurrency is not available to others.

        With `role_of` it is a further role of that function, and shares its environments and concurrency.
        """
        if role_of is None:
            pool = Fleet(name, spec.reserved_concurrency)
            self._free_count -= spec.reserved_concurrency or 0
        else:
            pool = self._functions[role_of].pool
        self._functions[name] = _Deployed(name, spec, handler, pool)

    def invoke_event(
        self, name: str, payload: Payload, *, execution_id: str, by: str, place: str = "", batch: tuple[str, ...] = ()
    ) -> None:
        """Accept an event, `by` a request id or a service (""). Raises ServiceError: ResourceNotFoundException.

        `place` is the caller's line. A payload for several executions has their ids in `batch`, and no `execution_id`.
        """
        function, now_us = self.named(name), self._kernel.now_us
        number, stream = self._next(name, execution_id)
        conditions = self._conditions
        for held_us in (0,) if conditions is None else conditions.deliveries(name, execution_id, number):
            # On Lambda a repeated event keeps its request id. Here each delivery has its own.
            request_id = _request_id(stream)
            self._trace.emit(Invoked(now_us, request_id, by, name, execution_id, place, batch))
            queued = _Queued(function, payload, execution_id, request_id, by, now_us)
            self._kernel.at(now_us + held_us + self._spec.queue_delay.draw(stream), self._start, queued)

    def invoke(
        self,
        name: str,
        payload: Payload,
        *,
        execution_id: str,
        by: str,
        place: str = "",
        batch: tuple[str, ...] = (),
        patience_us: int,
    ) -> Ended:
        """Invoke a function as `invoke_event` does, and suspend the calling process until the invocation ends.

        Raises ServiceError: ResourceNotFoundException, TooManyRequestsException, and ReadTimeoutError after
        `patience_us`, when the function continues without its caller.
        """
        kernel, function, now_us = self._kernel, self.named(name), self._kernel.now_us
        _, stream = self._next(name, execution_id)
        queued = _Queued(function, payload, execution_id, _request_id(stream), by, now_us)
        invocation = self._admitted(queued)
        if invocation is None:
            raise ServiceError("TooManyRequestsException", "Rate Exceeded.", retryable=True)
        self._trace.emit(Invoked(now_us, queued.request_id, by, name, execution_id, place, batch))
        ended: list[Ended] = []

        def until(wake: Callable[[], None]) -> None:
            timer = kernel.timer(now_us + patience_us, wake)

            def answer(found: Ended) -> None:
                ended.append(found)
                timer.cancel()
                wake()

            queued.answer = answer
            kernel.at(now_us, lambda _: self._begin(queued, invocation), None)

        kernel.suspend(until)
        if not ended:
            raise ServiceError("ReadTimeoutError", f"{name} still runs", retryable=True)
        return ended[0]

    def named(self, name: str) -> _Deployed:
        """Return a function. Raises ServiceError: ResourceNotFoundException."""
        function = self._functions.get(name)
        if function is None:
            raise ServiceError("ResourceNotFoundException", f"Function not found: {name}")
        return function

    def _next(self, name: str, execution_id: str) -> tuple[int, Stream]:
        """Return the number of the execution's next event, and its stream."""
        number = self._events[name, execution_id] = self._events[name, execution_id] + 1
        # Named by function, execution and number, so that other executions' invocations do not change it.
        return number, Stream(self._kernel.seed, f"lambda/{name}/{execution_id}/{number}/queue")

    def repeat(self, request_id: str, after_us: int) -> None:
        """Deliver the event of an invocation once more, after this time, unless the invocation has ended."""
        now_us, running = self._kernel.now_us, self._running.values()
        for queued in [each for each in running if each.request_id == request_id and each.answer is None]:
            again_id = _request_id(Stream(self._kernel.seed, f"lambda/{request_id}/again"))
            self._trace.emit(Invoked(now_us, again_id, queued.by, queued.function.name, queued.execution_id))
            again = _Queued(queued.function, queued.payload, queued.execution_id, again_id, queued.by, now_us)
            self._kernel.at(now_us + after_us, self._start, again)

    def crash(self, invocation: Invocation, *, redeliver: bool) -> None:
        """Crash the runtime in which an invocation runs, or left work behind. Its processes do not return.

        The invocation that runs there now crashes, and with `redeliver` Lambda delivers its event once more, whatever
        its retries.
        """
        running = invocation.environment.current
        assert running is not None, "what a handler leaves behind is frozen while no invocation runs"
        queued = self._running[running]
        process = queued.process
        assert process is not None, "handlers run in processes"
        self._end(queued, running, "crash", "Runtime.ExitError", redeliver)
        self._end_runtime(running.environment, process)

    def _start(self, queued: _Queued) -> None:
        """Begin a queued invocation, or return it to the queue."""
        if queued.function.pool.reserved_concurrency == 0:
            self._drop(queued, "reserved concurrency is 0")
        elif (invocation := self._admitted(queued)) is not None:
            self._begin(queued, invocation)
        else:
            wait_us = min(_THROTTLE_WAIT_US << queued.throttles, _THROTTLE_WAIT_US_MAX)
            queued.throttles += 1
            self._requeue(queued, wait_us)

    def _admitted(self, queued: _Queued) -> Invocation | None:
        """Return an invocation that has concurrency and an environment; None if the function is throttled."""
        function = queued.function
        ids = (function.name, queued.execution_id)
        run = self._runs.get(ids, 0) + 1
        conditions = self._conditions
        start = Start() if conditions is None else conditions.start(*ids, queued.request_id, run)
        reserved = function.pool.reserved_concurrency
        free_count = self._free_count if reserved is None else reserved - function.pool.running_count
        if start.throttled or free_count <= 0:
            self._trace.emit(Throttled(self._kernel.now_us, *ids))
            return None
        self._runs[ids] = run
        self._running_count += 1
        function.pool.running_count += 1
        self._free_count -= reserved is None
        now_us = self._kernel.now_us
        environment = function.pool.environment(now_us, self._spec.idle_max, cold=start.cold)
        stream = Stream(self._kernel.seed, f"lambda/{queued.request_id}/{queued.attempt}")
        init_us = 0 if environment.warm else function.spec.init.draw(stream) + start.init_us
        started_us = now_us + init_us
        deadline_us, cold = started_us + function.spec.timeout, not environment.warm
        names = (function.name, queued.request_id, queued.execution_id)
        return Invocation(*names, environment, started_us, deadline_us, stream, cold, run, queued.by)

    def _begin(self, queued: _Queued, invocation: Invocation) -> None:
        self._kernel.begin(queued.function.name, invocation, self._run, queued, invocation)

    def _run(self, queued: _Queued, invocation: Invocation) -> None:
        kernel, function = self._kernel, queued.function
        init_us = invocation.started_us - kernel.now_us
        if init_us:
            kernel.sleep(init_us)
        process = queued.process = kernel.current
        assert process is not None, "handlers run in processes"
        queued.timeout = kernel.timer(invocation.deadline_us, lambda: self._time_out(queued, invocation, process))
        self._running[invocation] = queued
        environment = invocation.environment
        environment.current = invocation
        for family in environment.left:
            kernel.thaw(family)
        environment_number, attempt = environment.number, queued.attempt
        ids = (invocation.request_id, function.name, queued.execution_id)
        self._trace.emit(LambdaStarted(kernel.now_us, *ids, environment_number, attempt, init_us, self._running_count))
        outcome, detail = "ok", ""
        try:
            overhead = function.spec.overhead_cold if invocation.cold else function.spec.overhead_warm
            kernel.sleep(overhead.draw(invocation.stream))
            detail = failure_in(function.handler(queued.payload, invocation))
        except NOT_OF_THE_CODE:
            raise
        except Exception as error:
            # As in Lambda's runtime, an exception is a function error and ends only this invocation.
            outcome, detail = "error", text_of(error)
        except BaseException as error:
            # After SystemExit or a cancelled coroutine the runtime exits, and the next invocation gets a new one.
            outcome, detail = "crash", f"Runtime.ExitError: {text_of(error)}"
        self._end(queued, invocation, outcome, detail)
        if outcome == "crash":
            # The handler's tasks end with the runtime.
            self._end_runtime(environment, process)

    def _time_out(self, queued: _Queued, invocation: Invocation, process: Process) -> None:
        queued.timeout = None
        text = f"Task timed out after {queued.function.spec.timeout / 1_000_000:.2f} seconds"
        self._end(queued, invocation, "timeout", text)
        self._end_runtime(invocation.environment, process)

    def _end(self, queued: _Queued, invocation: Invocation, outcome: str, detail: str, redeliver: bool = False) -> None:
        function, now_us = queued.function, self._kernel.now_us
        del self._running[invocation]
        if queued.timeout is not None:
            queued.timeout.cancel()
        process, queued.process, queued.timeout = queued.process, None, None
        self._running_count -= 1
        function.pool.running_count -= 1
        self._free_count += function.pool.reserved_concurrency is None
        environment = invocation.environment
        # After a timeout or a crash the runtime starts over, as in a new environment.
        environment.warm = outcome not in ("timeout", "crash")
        environment.current = None
        if process is not None and process.leaves_work:
            environment.left.append(process)
        if environment.left:
            # What the handler submitted last begins first, as threads do.
            self._kernel.at(now_us, self._freeze, environment)
        environment.idle_since_us = now_us
        function.pool.idle.append(environment)
        ids = (invocation.request_id, function.name, queued.execution_id)
        used = (now_us - invocation.started_us, function.spec.memory_used_mb)
        self._trace.emit(LambdaEnded(now_us, *ids, outcome, *used, detail, invocation.raised_at))
        if queued.answer is not None:
            by_runtime = outcome in ("ok", "error")
            payload = invocation.payload if by_runtime else end_payload(outcome, detail, invocation.request_id)
            queued.answer(Ended(payload, outcome != "ok"))
            return
        if outcome == "ok":
            return
        retries = queued.attempt - 1
        if redeliver or retries < function.spec.retries_max:
            queued.attempt += 1
            self._requeue(queued, _RETRY_WAITS_US[min(retries, len(_RETRY_WAITS_US) - 1)])
        else:
            self._drop(queued, "retries exhausted")

    def _freeze(self, environment: Environment) -> None:
        """Freeze an environment until its next invocation (Lambda developer guide, execution environment, 2026-11)."""
        environment.left = [family for family in environment.left if family.leaves_work]
        if environment.current is None:
            for family in environment.left:
                self._kernel.freeze(family)

    def _end_runtime(self, environment: Environment, process: Process) -> None:
        """End all processes of an environment, the current one last."""
        families, environment.left = (process, *environment.left), []
        self._kernel.kill_families(*families)

    def _requeue(self, queued: _Queued, wait_us: int) -> None:
        now_us = self._kernel.now_us
        too_old_us = max(queued.accepted_us + queued.function.spec.event_age_max, now_us)
        if now_us + wait_us <= too_old_us:
            self._kernel.at(now_us + wait_us, self._start, queued)
        else:
            self._kernel.at(too_old_us, lambda _: self._drop(queued, "event too old"), None)

    def _drop(self, queued: _Queued, reason: str) -> None:
        self._trace.emit(Dropped(self._kernel.now_us, queued.function.name, queued.execution_id, reason))


def _request_id(stream: Stream) -> str:
    first, last = stream.hexadecimal(16), stream.hexadecimal(16)
    return f"{first[:8]}-{first[8:12]}-{first[12:]}-{last[:4]}-{last[4:]}"
