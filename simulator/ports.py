"""The orchestrator's ports over the simulated services: the fast tier's counterpart of the boto3 adapters.

Owns the boundary between production code and AWS: how long a call takes, which errors botocore's `standard` mode would
retry, and what is left of an error when it reaches a port.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
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


@dataclass(frozen=True, eq=False)
class Boundary:
    """The one way from production code to a service: a call takes time, may fail and is seen in the trace."""

    kernel: Kernel
    trace: Trace
    functions: LambdaService
    effects: Effects
    latencies: Latencies

    @property
    def invocation(self) -> Invocation:
        """The Lambda invocation that runs now."""
        process = self.kernel.current
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
        leave_out: Callable[[_T, Shown], _T] = lambda answer, _: answer,
    ) -> _T:
        """Return what `answer` returns once `latency` has passed: the service acts at the end of the call.

        `stream` is for calls that run beside others of their invocation, and must not depend on those. Faults select
        the call by `key` and `region`, and shorten its answer by `leave_out`. Raises TryLaterError, RefusedError or
        LostRaceError.
        """
        kernel, fault = self.kernel, ""
        stream = stream or invocation.stream
        if operation in self.effects.operations:
            answer, fault = self.effects.around(invocation, self.functions, operation, key, region, answer, leave_out)
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
        request_id, function, now_us = invocation.request_id, invocation.function, self.kernel.now_us
        took_us, is_cold = now_us - began_us, int(invocation.cold)
        self.trace.emit(CallMade(now_us, request_id, function, operation, took_us, is_cold, error, fault))


# A look and the poll that it leads to read the same version of an item, which takes a twentieth of a run's time each.
@lru_cache(maxsize=256)
def _execution_of(item: StoredItem) -> Execution:
    """Read a version of an item as the boto3 adapters do. Raises MalformedError."""
    return execution_of(item.attributes)


@dataclass(frozen=True, eq=False)
class TableIndex:
    """`PollingIndex`: a page is one Query of StatusIndex."""

    boundary: Boundary
    table: ExecutionTable

    def polling_page(self, cursor: object | None) -> IndexPage:
        assert cursor is None or isinstance(cursor, IndexKey), "a cursor comes from the page before"
        boundary, invocation, latencies = self.boundary, self.boundary.invocation, self.boundary.latencies
        latency = latencies.query_cold if invocation.cold else latencies.query_warm
        page = boundary.call(invocation, "Query", latency, lambda: self.table.query_status(_POLLING, cursor))
        # Only a query of the finder is a look; a poller may query the index as well.
        if invocation.function != POLLER:
            now_us, is_first, is_last = boundary.kernel.now_us, int(cursor is None), int(page.last is None)
            size = (len(page.items), page.size_bytes)
            boundary.trace.emit(IndexRead(now_us, invocation.request_id, is_first, is_last, *size, _POLLING))
        executions, malformed = [], []
        for item in page.items:
            try:
                executions.append(_execution_of(item))
            except MalformedError as error:
                malformed.append(str(error))
        return IndexPage(tuple(executions), tuple(malformed), page.last)


@dataclass(frozen=True, eq=False)
class TableStore:
    """`ExecutionStore`: GetItem, strongly consistent, and a conditional UpdateItem."""

    boundary: Boundary
    table: ExecutionTable

    def get(self, key: ExecutionKey) -> Execution | None:
        boundary, latency = self.boundary, self.boundary.latencies.get_item
        item = boundary.call(boundary.invocation, "GetItem", latency, lambda: self.table.get(key), key=key)
        return None if item is None else _execution_of(item)

    def save_poll(self, update: PollUpdate) -> None:
        invocation, latencies = self.boundary.invocation, self.boundary.latencies
        attributes: dict[str, object] = {
            "Waves": waves_item(update.waves),
            "LastPolledTime": seconds_item(update.last_polled_us),
            "Version": update.expected_version + 1,
        }
        if update.status is not None and update.end_us is not None:
            attributes |= {"Status": update.status.value, "EndTime": seconds_item(update.end_us)}
        # An item without a Version is at version 0, in `orchestrator.items` and so here.
        condition = Condition({"Status": _POLLING, "Version": update.expected_version}, default={"Version": 0})
        writer, request_id = invocation.function, invocation.request_id

        def write() -> None:
            self.table.update(update.key, attributes, writer=writer, request_id=request_id, condition=condition)

        latency = latencies.update_cold if invocation.cold else latencies.update_warm
        self.boundary.call(invocation, "UpdateItem", latency, write, key=update.key)


@dataclass(frozen=True, eq=False)
class DrsJobs:
    """`RecoveryJobs`: a page is one DescribeJobs with a filter of job ids."""

    boundary: Boundary
    drs: DrsService

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        boundary, invocation, drs = self.boundary, self.boundary.invocation, self.drs
        ask = partial(drs.describe_jobs, scope, job_ids, token)
        jobs, next_token = boundary.call(
            invocation, "DescribeJobs", boundary.latencies.describe_jobs, ask, region=scope.region, leave_out=_shortened
        )
        about = (invocation.request_id, invocation.execution_id, scope.account_id, scope.region, tuple(job_ids))
        found = tuple([job.job_id for job in jobs])
        incomplete = tuple([job.job_id for job in jobs if drs.left_out(scope, job.job_id, len(job.servers))])
        is_first = int(token is None)
        boundary.trace.emit(JobsDescribed(boundary.kernel.now_us, *about, found, incomplete, is_first))
        return JobsPage(jobs, next_token)


def _shortened(answer: tuple[tuple[Job, ...], str | None], shown: Shown) -> tuple[tuple[Job, ...], str | None]:
    """Return an answer of DescribeJobs with as many servers of each job as a fault leaves."""
    jobs, token = answer
    counts = [shown(len(job.servers)) for job in jobs]
    left = zip(jobs, counts, strict=True)
    return tuple(replace(job, servers=job.servers[:count]) for job, count in left if count is not None), token


@dataclass(frozen=True, eq=False)
class LambdaInvoker:
    """`PollerInvoker`: one asynchronous Invoke of the function of this name."""

    boundary: Boundary
    function: str

    def invoke(self, dispatch: Dispatch) -> None:
        boundary, by, execution_id = self.boundary, self.boundary.invocation, dispatch.key.execution_id

        def accept() -> None:
            payload = payload_of(dispatch)
            boundary.functions.invoke_event(self.function, payload, execution_id=execution_id, by=by.request_id)

        stream = Stream(boundary.kernel.seed, f"invoke/{by.request_id}/{execution_id}")
        boundary.call(by, "Invoke", boundary.latencies.invoke, accept, stream=stream, key=dispatch.key)


@dataclass(frozen=True, eq=False)
class CloudWatchMetrics:
    """`MetricPublisher`: one PutMetricData with all points."""

    boundary: Boundary
    metrics: MetricsService

    def publish(self, points: Sequence[MetricPoint]) -> None:
        invocation, latency = self.boundary.invocation, self.boundary.latencies.put_metric_data
        self.boundary.call(invocation, "PutMetricData", latency, lambda: self.metrics.put(points, invocation))


@dataclass(frozen=True, eq=False)
class WorldClock:
    """`Clock`: virtual time since the Unix epoch, `skewed` by as much as the environment's clock is off."""

    boundary: Boundary
    epoch_us: int
    skewed: bool = False

    def now_us(self) -> int:
        now_us = self.epoch_us + self.boundary.kernel.now_us
        return now_us + self.boundary.effects.skew_us(self.boundary.invocation) if self.skewed else now_us

    def sleep_us(self, duration_us: int) -> None:
        self.boundary.kernel.sleep(duration_us)
