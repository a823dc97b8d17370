"""The orchestrator's ports over the simulated services: the fast tier's counterpart of the boto3 adapters.

Owns the boundary between production code and AWS: how long a call takes, which errors botocore's `standard` mode would
retry, and what is left of an error when it reaches a port. The services behind it know nothing of callers; production
code before it knows nothing of simulation.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final, TypeVar

from drsim.orchestrator.errors import LostRaceError, MalformedError, RefusedError, TryLaterError
from drsim.orchestrator.items import execution_of, seconds_item, waves_item
from drsim.orchestrator.model import (
    Dispatch,
    Execution,
    ExecutionKey,
    ExecutionStatus,
    Job,
    JobScope,
    MetricPoint,
    PollUpdate,
)
from drsim.orchestrator.payloads import payload_of
from drsim.orchestrator.ports import IndexPage, JobsPage
from drsim.simulator.events import POLLER, CallMade, IndexRead, JobsDescribed
from drsim.simulator.faults.effects import Effects
from drsim.simulator.faults.kinds import Shown
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Spread, Stream
from drsim.simulator.services.drs import DrsService
from drsim.simulator.services.dynamodb import Condition, ExecutionTable, IndexKey
from drsim.simulator.services.errors import ConditionFailedError, ServiceError
from drsim.simulator.services.functions import Invocation, LambdaService
from drsim.simulator.services.observability import MetricsService
from drsim.simulator.services.spec import Latencies
from drsim.simulator.services.stored_item import StoredItem
from drsim.simulator.trace import BrokenSimulationError, Trace

_T = TypeVar("_T")

_POLLING: Final = ExecutionStatus.POLLING.value

_ATTEMPTS_MAX: Final = 3
_BACKOFF_US: Final = 1_000_000
"""botocore's `standard` mode: 3 attempts in all, and rand(0, 1) * 2**i seconds before each retry (botocore 1.43)."""


def _whole(answer: _T, _: Shown) -> _T:
    """Return the answer of an operation from which no fault leaves anything out."""
    return answer


class Boundary:
    """The one way from production code to a service: a call takes time, may fail and is seen in the trace."""

    def __init__(self, kernel: Kernel, trace: Trace, functions: LambdaService, effects: Effects) -> None:
        self._kernel = kernel
        self._trace = trace
        self._functions = functions
        self._effects = effects

    @property
    def invocation(self) -> Invocation:
        """The Lambda invocation that runs now."""
        process = self._kernel.current
        assert process is not None, "production code runs in processes"
        assert isinstance(process.tag, Invocation), "production code runs in Lambda invocations"
        return process.tag

    def call(
        self,
        invocation: Invocation,
        operation: str,
        latency: Spread,
        answer: Callable[[], _T],
        *,
        stream: Stream | None = None,
        key: ExecutionKey | None = None,
        region: str = "",
        leave_out: Callable[[_T, Shown], _T] = _whole,
    ) -> _T:
        """Return what `answer` returns once `latency` has passed: the service acts at the end of the call.

        `stream` is for calls that run beside others of their invocation, and must not depend on those. Faults select
        the call by `key` and `region`, and shorten its answer by `leave_out`. Raises TryLaterError, RefusedError or
        LostRaceError.
        """
        kernel, effects, fault = self._kernel, self._effects, ""
        stream = stream or invocation.stream
        if operation in effects.operations:
            execution_id = invocation.execution_id if key is None else key.execution_id
            answer, fault = effects.around(
                invocation, self._functions, operation, key, execution_id, region, answer, leave_out
            )
        for attempt in range(_ATTEMPTS_MAX):
            began_us = kernel.now_us
            kernel.sleep(latency.draw(stream))
            try:
                result = answer()
            except ServiceError as error:
                self._made(invocation, operation, began_us, error.code, fault)
                if isinstance(error, ConditionFailedError):
                    raise LostRaceError(str(error)) from error
                if not error.retryable:
                    raise RefusedError(str(error)) from error
                last = error
                if attempt < _ATTEMPTS_MAX - 1:
                    kernel.sleep(stream.below(_BACKOFF_US << attempt))
            except Exception as error:
                raise BrokenSimulationError(f"{operation} failed with {type(error).__name__}: {error}") from error
            else:
                self._made(invocation, operation, began_us, "", fault)
                return result
        raise TryLaterError(f"{operation}, {_ATTEMPTS_MAX} attempts: {last}") from last

    def _made(self, invocation: Invocation, operation: str, began_us: int, error: str, fault: str) -> None:
        now_us = self._kernel.now_us
        self._trace.emit(
            CallMade(
                now_us,
                invocation.request_id,
                invocation.function,
                operation,
                now_us - began_us,
                int(invocation.cold),
                error,
                fault,
            )
        )


# A look and the poll that it leads to read the same version of an item, which takes a twelfth of a run's time each.
@lru_cache(maxsize=4096)
def _execution_of(item: StoredItem) -> Execution:
    """Read a version of an item as the boto3 adapters do. Raises MalformedError."""
    return execution_of(item.attributes)


class TableIndex:
    """`PollingIndex` over the StatusIndex."""

    def __init__(
        self, kernel: Kernel, trace: Trace, boundary: Boundary, table: ExecutionTable, latencies: Latencies
    ) -> None:
        self._kernel = kernel
        self._trace = trace
        self._boundary = boundary
        self._table = table
        self._latencies = latencies

    def polling_page(self, cursor: object | None) -> IndexPage:
        """One Query of StatusIndex."""
        assert cursor is None or isinstance(cursor, IndexKey), "a cursor comes from the page before"
        boundary, latencies = self._boundary, self._latencies
        invocation = boundary.invocation
        latency = latencies.query_cold if invocation.cold else latencies.query_warm
        page = boundary.call(invocation, "Query", latency, lambda: self._table.query_status(_POLLING, cursor))
        # Only a query of the finder is a look; a poller may query the index as well.
        if invocation.function != POLLER:
            self._trace.emit(
                IndexRead(
                    self._kernel.now_us,
                    invocation.request_id,
                    int(cursor is None),
                    int(page.last is None),
                    len(page.items),
                    page.size_bytes,
                )
            )
        executions, malformed = [], []
        for item in page.items:
            try:
                executions.append(_execution_of(item))
            except MalformedError as error:
                malformed.append(str(error))
        return IndexPage(tuple(executions), tuple(malformed), page.last)


class TableStore:
    """`ExecutionStore` over the execution table."""

    def __init__(self, boundary: Boundary, table: ExecutionTable, latencies: Latencies) -> None:
        self._boundary = boundary
        self._table = table
        self._latencies = latencies

    def get(self, key: ExecutionKey) -> Execution | None:
        """One GetItem, strongly consistent."""
        boundary = self._boundary
        item = boundary.call(
            boundary.invocation, "GetItem", self._latencies.get_item, lambda: self._table.get(key), key=key
        )
        return None if item is None else _execution_of(item)

    def save_poll(self, update: PollUpdate) -> None:
        """One conditional UpdateItem."""
        boundary, latencies = self._boundary, self._latencies
        invocation = boundary.invocation
        attributes: dict[str, object] = {
            "Waves": waves_item(update.waves),
            "LastPolledTime": seconds_item(update.last_polled_us),
            "Version": update.expected_version + 1,
        }
        if update.status is not None and update.end_us is not None:
            attributes |= {"Status": update.status.value, "EndTime": seconds_item(update.end_us)}
        # An item without a Version is at version 0, in `orchestrator.items` and so here.
        condition = Condition({"Status": _POLLING, "Version": update.expected_version}, default={"Version": 0})
        boundary.call(
            invocation,
            "UpdateItem",
            latencies.update_cold if invocation.cold else latencies.update_warm,
            lambda: self._table.update(
                update.key,
                attributes,
                writer=invocation.function,
                request_id=invocation.request_id,
                condition=condition,
            ),
            key=update.key,
        )


class DrsJobs:
    """`RecoveryJobs` over DRS."""

    def __init__(self, kernel: Kernel, trace: Trace, boundary: Boundary, drs: DrsService, latencies: Latencies) -> None:
        self._kernel = kernel
        self._trace = trace
        self._boundary = boundary
        self._drs = drs
        self._latencies = latencies

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        """One DescribeJobs with a filter of job ids."""
        boundary = self._boundary
        invocation = boundary.invocation
        jobs, next_token = boundary.call(
            invocation,
            "DescribeJobs",
            self._latencies.describe_jobs,
            lambda: self._drs.describe_jobs(scope, job_ids, token),
            region=scope.region,
            leave_out=_shortened,
        )
        self._trace.emit(
            JobsDescribed(
                self._kernel.now_us,
                invocation.request_id,
                invocation.execution_id,
                scope.account_id,
                scope.region,
                tuple(job_ids),
                tuple([job.job_id for job in jobs]),
                tuple([job.job_id for job in jobs if self._drs.left_out(scope, job.job_id, len(job.servers))]),
                int(token is None),
            )
        )
        return JobsPage(jobs, next_token)


def _shortened(answer: tuple[tuple[Job, ...], str | None], shown: Shown) -> tuple[tuple[Job, ...], str | None]:
    """Return an answer of DescribeJobs with as many servers of each job as a fault leaves."""
    jobs, token = answer
    counts = [shown(len(job.servers)) for job in jobs]
    left = zip(jobs, counts, strict=True)
    return tuple(replace(job, servers=job.servers[:count]) for job, count in left if count is not None), token


class LambdaInvoker:
    """`PollerInvoker` over Lambda's asynchronous invocation."""

    def __init__(
        self, kernel: Kernel, boundary: Boundary, functions: LambdaService, function: str, latencies: Latencies
    ) -> None:
        self._kernel = kernel
        self._boundary = boundary
        self._functions = functions
        self._function = function
        self._latencies = latencies

    def invoke(self, dispatch: Dispatch) -> None:
        """One Invoke with InvocationType Event."""
        boundary = self._boundary
        invocation = boundary.invocation
        execution_id = dispatch.key.execution_id
        boundary.call(
            invocation,
            "Invoke",
            self._latencies.invoke,
            lambda: self._functions.invoke_event(
                self._function, payload_of(dispatch), execution_id=execution_id, by=invocation.request_id
            ),
            stream=Stream(self._kernel.seed, f"invoke/{invocation.request_id}/{execution_id}"),
            key=dispatch.key,
        )


class CloudWatchMetrics:
    """`MetricPublisher` over CloudWatch."""

    def __init__(self, boundary: Boundary, metrics: MetricsService, latencies: Latencies) -> None:
        self._boundary = boundary
        self._metrics = metrics
        self._latencies = latencies

    def publish(self, points: Sequence[MetricPoint]) -> None:
        """One PutMetricData."""
        boundary = self._boundary
        invocation = boundary.invocation
        boundary.call(
            invocation,
            "PutMetricData",
            self._latencies.put_metric_data,
            lambda: self._metrics.put(points, invocation),
        )


class WorldClock:
    """`Clock` that shows virtual time as time since the Unix epoch."""

    def __init__(self, kernel: Kernel, epoch_us: int) -> None:
        self._kernel = kernel
        self._epoch_us = epoch_us

    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""
        return self._epoch_us + self._kernel.now_us

    def sleep_us(self, duration_us: int) -> None:
        """Suspend the calling process."""
        self._kernel.sleep(duration_us)


class SkewedClock(WorldClock):
    """The same, off by as much as the environment's clock is."""

    def __init__(self, kernel: Kernel, epoch_us: int, boundary: Boundary, effects: Effects) -> None:
        super().__init__(kernel, epoch_us)
        self._boundary = boundary
        self._effects = effects

    def now_us(self) -> int:
        """Microseconds since the Unix epoch, as this environment counts."""
        return super().now_us() + self._effects.skew_us(self._boundary.invocation)
