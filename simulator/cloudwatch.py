"""CloudWatch's metrics, minute by minute: those that functions publish, and those that AWS itself would.

Owns what each event counts for and the statistics of a minute. Alarms and dashboard, which read them, are `monitoring`.
Sources: Lambda developer guide (types of metrics), DynamoDB developer guide (metrics and dimensions, consumption of
capacity).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Final, NamedTuple

from orchestrator.settings import MINUTE_US
from simulator.events import (
    CallMade,
    Dropped,
    IndexRead,
    ItemChanged,
    LambdaEnded,
    LambdaStarted,
    MetricsPublished,
    Throttled,
)
from simulator.trace import Trace

NAMESPACE: Final = "DRSOrchestration"
"""Of the poller's metrics: the template's default."""
TABLE: Final = "ExecutionTable"
INDEX: Final = "StatusIndex"

_OPEN_MINUTES: Final = 6
"""A function's errors count for the minute in which it was invoked, and it runs for five minutes at the most."""
_THROTTLES: Final = frozenset({"ProvisionedThroughputExceededException", "ThrottlingException", "Throttling"})
_READS: Final = frozenset({"Query", "GetItem"})


class Metric(NamedTuple):
    """Which metric. Dimensions are name, value, name, value, as in a dashboard's body."""

    namespace: str
    name: str
    dimensions: tuple[str, ...] = ()


_OF_TABLE: Final = ("TableName", TABLE)
_OF_INDEX: Final = (*_OF_TABLE, "GlobalSecondaryIndexName", INDEX)
_READ: Final = Metric("AWS/DynamoDB", "ConsumedReadCapacityUnits", _OF_TABLE)
_INDEX_READ: Final = Metric("AWS/DynamoDB", "ConsumedReadCapacityUnits", _OF_INDEX)
_WRITTEN: Final = Metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", _OF_TABLE)
_INDEX_WRITTEN: Final = Metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", _OF_INDEX)
_ACCOUNT_CONCURRENCY: Final = Metric("AWS/Lambda", "ConcurrentExecutions")
DRS_CALLS: Final = Metric("drsim", "DescribeJobs")
"""No metric of CloudWatch's: what the simulated DRS was asked, in all accounts and Regions, failed calls included."""


@dataclass(frozen=True, slots=True)
class Minute:
    """One metric in one minute. Quantiles are nearest-rank."""

    number: int
    count: int
    total: float
    low: float
    high: float
    p50: float
    p99: float


class CloudWatch:
    """Listens to a world. Minutes are counted from the Unix epoch, as CloudWatch aligns them."""

    def __init__(self, trace: Trace, *, epoch_us: int) -> None:
        self._epoch_us = epoch_us
        self.units: dict[Metric, str] = {}
        self._minutes: dict[Metric, list[Minute]] = {}
        # What may still get values: by metric and minute.
        self._open: dict[tuple[Metric, int], list[float]] = {}
        self._newest = 0
        self._sizes: dict[str, int] = {}
        self._functions: dict[tuple[str, str], Metric] = {}
        self._running: Counter[str] = Counter()
        trace.listen(MetricsPublished, self._on_published)
        trace.listen(LambdaStarted, self._on_started)
        trace.listen(LambdaEnded, self._on_ended)
        trace.listen(Throttled, lambda event: self._count(event.at_us, self._of(event.function, "Throttles")))
        trace.listen(Dropped, lambda event: self._count(event.at_us, self._of(event.function, "AsyncEventsDropped")))
        trace.listen(CallMade, self._on_call)
        trace.listen(IndexRead, self._on_read)
        trace.listen(ItemChanged, self._on_change)

    def metrics(self) -> dict[Metric, list[Minute]]:
        """Every metric that has a value, by namespace, name and dimensions, with its minutes, oldest first."""
        self._close(self._newest + _OPEN_MINUTES + 1)
        return {metric: sorted(self._minutes[metric], key=lambda each: each.number) for metric in sorted(self._minutes)}

    def _put(self, at_us: int, metric: Metric, value: float, unit: str) -> None:
        # What comes later than any Lambda timeout of ours counts for the oldest minute that is still open.
        minute = max((self._epoch_us + at_us) // MINUTE_US, self._newest - _OPEN_MINUTES)
        if minute > self._newest:
            self._newest = minute
            self._close(minute)
        values = self._open.get((metric, minute))
        if values is None:
            self.units[metric] = unit
            values = self._open[metric, minute] = []
        values.append(value)

    def _count(self, at_us: int, metric: Metric, value: float = 1) -> None:
        self._put(at_us, metric, value, "Count")

    def _close(self, minute: int) -> None:
        """Sum up the minutes that can get no more values, so that a long run keeps no value for good."""
        for key in [key for key in self._open if key[1] < minute - _OPEN_MINUTES]:
            values = sorted(self._open.pop(key))
            p50, p99 = (values[max(ceil(ratio * len(values)) - 1, 0)] for ratio in (0.5, 0.99))
            summed = Minute(key[1], len(values), sum(values), values[0], values[-1], p50, p99)
            self._minutes.setdefault(key[0], []).append(summed)

    def _of(self, function: str, name: str) -> Metric:
        """The metric of Lambda's for a function."""
        metric = self._functions.get((function, name))
        if metric is None:
            metric = self._functions[function, name] = Metric("AWS/Lambda", name, ("FunctionName", function))
        return metric

    def _on_published(self, event: MetricsPublished) -> None:
        for point in event.points:
            self._put(event.at_us, Metric(NAMESPACE, point.name), point.value, point.unit.value)

    def _on_started(self, event: LambdaStarted) -> None:
        self._running[event.function] += 1
        self._count(event.at_us, self._of(event.function, "Invocations"))
        self._count(event.at_us, self._of(event.function, "ConcurrentExecutions"), self._running[event.function])
        self._count(event.at_us, _ACCOUNT_CONCURRENCY, event.concurrency)

    def _on_ended(self, event: LambdaEnded) -> None:
        self._running[event.function] -= 1
        # Both carry the instant of the invocation, and a success counts as no error.
        invoked_us = event.at_us - event.duration_us
        self._count(invoked_us, self._of(event.function, "Errors"), event.outcome != "ok")
        self._put(invoked_us, self._of(event.function, "Duration"), event.duration_us / 1000, "Milliseconds")

    def _on_call(self, event: CallMade) -> None:
        operation = event.operation
        if operation == "DescribeJobs":
            self._count(event.at_us, DRS_CALLS)
        if operation not in ("Query", "GetItem", "UpdateItem"):
            return
        if not event.error:
            latency = Metric("AWS/DynamoDB", "SuccessfulRequestLatency", (*_OF_TABLE, "Operation", operation))
            self._put(event.at_us, latency, event.duration_us / 1000, "Milliseconds")
        elif event.error in _THROTTLES:
            name = "ReadThrottleEvents" if operation in _READS else "WriteThrottleEvents"
            self._count(event.at_us, Metric("AWS/DynamoDB", name, _OF_INDEX if operation == "Query" else _OF_TABLE))

    def _on_read(self, event: IndexRead) -> None:
        # An eventually consistent Query sums its items' sizes and rounds up once; none costs the least there is.
        self._count(event.at_us, _INDEX_READ, max(ceil(event.size_bytes / 4096), 1) / 2)

    def _on_change(self, event: ItemChanged) -> None:
        before, after = self._sizes.get(event.execution_id, 0), event.size_bytes
        if event.request_id:
            # Whoever writes has read the item before, strongly consistent.
            self._count(event.at_us, _READ, max(ceil(before / 4096), 1))
        units = ceil(max(before, after) / 1024)
        self._count(event.at_us, _WRITTEN, units)
        # All is projected; another Status is a deletion and an insertion.
        statuses = {each.status for each in (event.previous, event.execution) if each is not None}
        self._count(event.at_us, _INDEX_WRITTEN, units * max(len(statuses), 1))
        self._sizes[event.execution_id] = after


def statistic(minute: Minute, name: str) -> float:
    """A minute's Sum, Maximum, Minimum, Average, SampleCount, p50 or p99. Raises ValueError for another statistic."""
    match name:
        case "Sum":
            return minute.total
        case "Maximum":
            return minute.high
        case "Minimum":
            return minute.low
        case "Average":
            return minute.total / minute.count
        case "SampleCount":
            return minute.count
        case "p50":
            return minute.p50
        case "p99":
            return minute.p99
    raise ValueError(f"a statistic must be Sum, Maximum, Minimum, Average, SampleCount, p50 or p99, got {name!r}")


def joined(minutes: Iterator[Minute]) -> Minute | None:
    """Several minutes of one metric as one period, without quantiles, or None if there is none."""
    found = list(minutes)
    if not found:
        return None
    return Minute(
        found[-1].number,
        sum(each.count for each in found),
        sum(each.total for each in found),
        min(each.low for each in found),
        max(each.high for each in found),
        float("nan"),
        float("nan"),
    )
