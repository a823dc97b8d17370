"""CloudWatch's metrics, minute by minute: those that functions publish, and those that AWS publishes itself.

As on AWS, a function's ConcurrentExecutions are its running handlers, and the account's include init. A call whose
answer is lost does not count. Sources: Lambda developer guide (types of metrics), DynamoDB developer guide (metrics and
dimensions, consumption of capacity).
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final, NamedTuple

from drsim.orchestrator.model import ExecutionStatus
from drsim.orchestrator.settings import MINUTE_US, SECOND_US
from drsim.simulator import events
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.faults.kinds import Fault
from drsim.simulator.trace import Trace

NAMESPACE: Final = "DRSOrchestration"
"""The namespace of the poller's metrics, the template's default."""
TABLE: Final = "ExecutionTable"
INDEX: Final = "StatusIndex"
NAMES: Final = {"FinderFunction": FINDER, "PollerFunction": POLLER, "ExecutionTable": TABLE, "AWS::Region": "us-east-1"}
"""The names in a run of those template resources that are dimensions of metrics."""

_OPEN_MINUTES: Final = 15
"""The longest run of a Lambda function. Its errors count for the minute in which it was invoked."""
_LAMBDA_COUNTS: Final = ("Invocations", "Errors", "Throttles", "AsyncEventsDropped", "ConcurrentExecutions")
_LAMBDA_UNITS: Final = {"Duration": "Milliseconds", **dict.fromkeys(_LAMBDA_COUNTS, "Count")}
_THROTTLES: Final = frozenset({"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"})
_COUNTED: Final = frozenset({"DescribeJobs", "Query", "GetItem", "UpdateItem"})
"""The calls that a metric counts."""
_READ_BYTES: Final = 4096
_WRITE_BYTES: Final = 1024
"""The bytes of an item that one unit of capacity reads or writes."""


class Metric(NamedTuple):
    """The identity of a metric. Dimensions are name, value, name, value, as in a dashboard's body."""

    namespace: str
    name: str
    dimensions: tuple[str, ...] = ()


_DYNAMODB: Final = "AWS/DynamoDB"
_OF_TABLE: Final = ("TableName", TABLE)
_OF_INDEX: Final = (*_OF_TABLE, "GlobalSecondaryIndexName", INDEX)
DRS_CALLS: Final = Metric("drsim", "DescribeJobs")
"""Calls of DRS in all accounts and Regions, including failed ones. CloudWatch has no such metric."""


@dataclass(frozen=True, slots=True)
class Datapoint:
    """One metric in one minute; minutes count from the Unix epoch. Quantiles are nearest-rank."""

    number: int
    count: int
    total: float
    low: float
    high: float
    p50: float
    p99: float


@dataclass(slots=True)
class MetricSeries:
    """One metric's unit and minutes, oldest first; a minute without values is left out."""

    unit: str
    minutes: list[Datapoint] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    """Values of the present minute."""
    open: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Values of earlier minutes that may still get some."""

    def close(self, present: int, before: int) -> None:
        """End the present minute, and aggregate the minutes before `before`, which get no more values."""
        if self.values:
            self.open[present] = self.values
            self.values = []
        for number in sorted(number for number in self.open if number < before):
            values = sorted(self.open.pop(number))
            p50, p99 = (values[ceil(ratio * len(values)) - 1] for ratio in (0.5, 0.99))
            self.minutes.append(Datapoint(number, len(values), sum(values), values[0], values[-1], p50, p99))


class CloudWatch:
    """The metrics of one world."""

    def __init__(self, trace: Trace, *, epoch_us: int) -> None:
        self._epoch_us = epoch_us
        # The present minute's number, and the instants at which it began and ends.
        self._minute = 0
        self._began_us = self._ends_us = -epoch_us
        self._series: dict[Metric, MetricSeries] = {}
        self._published: dict[str, MetricSeries] = {}
        self._functions = {
            function: {
                name: self._of("AWS/Lambda", name, ("FunctionName", function), unit)
                for name, unit in _LAMBDA_UNITS.items()
            }
            for function in (FINDER, POLLER)
        }
        latency = "SuccessfulRequestLatency"
        self._latencies = {
            each: self._of(_DYNAMODB, latency, (*_OF_TABLE, "Operation", each), "Milliseconds")
            for each in ("Query", "GetItem", "UpdateItem")
        }
        self._running: Counter[str] = Counter()
        self._read = self._of(_DYNAMODB, "ConsumedReadCapacityUnits", _OF_TABLE)
        self._index_read = self._of(_DYNAMODB, "ConsumedReadCapacityUnits", _OF_INDEX)
        self._written = self._of(_DYNAMODB, "ConsumedWriteCapacityUnits", _OF_TABLE)
        self._index_written = self._of(_DYNAMODB, "ConsumedWriteCapacityUnits", _OF_INDEX)
        self._concurrency = self._of("AWS/Lambda", "ConcurrentExecutions")
        self._drs_calls = self._of(*DRS_CALLS)
        # Sizes of items in bytes by execution, and the executions of running invocations by request.
        self._sizes: dict[str, int] = {}
        self._executions: dict[str, str] = {}
        self.polling_write_units_max = 0
        """The most units that all writers together used in one second on the key POLLING of StatusIndex."""
        self._second = self._polling_write_units = 0
        trace.attach(self)

    def metrics(self) -> dict[Metric, MetricSeries]:
        """Every metric that has a value, sorted by namespace, name and dimensions. Call it after the run."""
        for series in self._series.values():
            series.close(self._minute, self._minute + 1)
        return {metric: self._series[metric] for metric in sorted(self._series) if self._series[metric].minutes}

    def _of(self, namespace: str, name: str, dimensions: tuple[str, ...] = (), unit: str = "Count") -> MetricSeries:
        return self._series.setdefault(Metric(namespace, name, dimensions), MetricSeries(unit))

    def _turn(self, at_us: int) -> None:
        """Begin a new minute if the event is not in the present one."""
        if at_us < self._ends_us:
            return
        before, self._minute = self._minute, (self._epoch_us + at_us) // MINUTE_US
        self._began_us = self._minute * MINUTE_US - self._epoch_us
        self._ends_us = self._began_us + MINUTE_US
        for series in self._series.values():
            series.close(before, self._minute - _OPEN_MINUTES)

    def _on_published(self, event: events.MetricsPublished) -> None:
        self._turn(event.at_us)
        published = self._published
        for name, value, unit in event.points:
            series = published.get(name)
            if series is None:
                series = published[name] = self._of(NAMESPACE, name, unit=unit.value)
            series.values.append(value)

    def _on_started(self, event: events.LambdaStarted) -> None:
        self._turn(event.at_us)
        function = self._functions[event.function]
        self._executions[event.request_id] = event.execution_id
        self._running[event.function] += 1
        function["Invocations"].values.append(1)
        function["ConcurrentExecutions"].values.append(self._running[event.function])
        self._concurrency.values.append(event.concurrency)

    def _on_ended(self, event: events.LambdaEnded) -> None:
        self._turn(event.at_us)
        function = self._functions[event.function]
        self._executions.pop(event.request_id, None)
        self._running[event.function] -= 1
        # Both metrics have the instant of the invocation, and a success is an Errors value of 0.
        began_us = event.at_us - event.duration_us
        # Functions that a scenario lets run longer than Lambda does count for the oldest open minute.
        minute = max((self._epoch_us + began_us) // MINUTE_US, self._minute - _OPEN_MINUTES)
        for name, value in (("Errors", int(event.outcome != "ok")), ("Duration", event.duration_us / 1000)):
            series = function[name]
            (series.values if began_us >= self._began_us else series.open[minute]).append(value)

    def _on_throttled(self, event: events.Throttled) -> None:
        self._turn(event.at_us)
        self._functions[event.function]["Throttles"].values.append(1)

    def _on_dropped(self, event: events.Dropped) -> None:
        self._turn(event.at_us)
        self._functions[event.function]["AsyncEventsDropped"].values.append(1)

    def _on_call(self, event: events.CallMade) -> None:
        operation = event.operation
        if operation not in _COUNTED:
            return
        self._turn(event.at_us)
        if operation == "DescribeJobs":
            self._drs_calls.values.append(1)
        elif not event.error:
            self._latencies[operation].values.append(event.duration_us / 1000)
            if operation == "GetItem":
                # Strongly consistent; reading a missing item costs the minimum.
                size_bytes = self._sizes.get(self._executions.get(event.request_id, ""), 0)
                self._read.values.append(max(_units(size_bytes, _READ_BYTES), 1))
        elif event.error in _THROTTLES:
            name = "WriteThrottleEvents" if operation == "UpdateItem" else "ReadThrottleEvents"
            # Also of a write that the table refuses because the index cannot follow.
            of_index = operation == "Query" or event.fault == Fault.HOT_INDEX
            self._of(_DYNAMODB, name, _OF_INDEX if of_index else _OF_TABLE).values.append(1)

    def _on_read(self, event: events.IndexRead) -> None:
        # An eventually consistent Query sums its items' sizes and rounds up once; no items cost the minimum.
        self._turn(event.at_us)
        self._index_read.values.append(max(_units(event.size_bytes, _READ_BYTES), 1) / 2)

    def _on_refused(self, event: events.WriteRefused) -> None:
        # A write whose condition is false costs as much as the present item, and nothing in the index.
        self._turn(event.at_us)
        self._written.values.append(max(_units(self._sizes.get(event.execution_id, 0), _WRITE_BYTES), 1))

    def _on_change(self, event: events.ItemChanged) -> None:
        self._turn(event.at_us)
        before, after = event.previous, event.execution
        old = _units(self._sizes.get(event.execution_id, 0), _WRITE_BYTES)
        new = _units(event.size_bytes, _WRITE_BYTES)
        self._sizes[event.execution_id] = event.size_bytes
        # The larger of both versions counts.
        self._written.values.append(max(old, new))
        # The index projects all attributes. Another Status, its key, is a deletion and an insertion.
        moves = (before and before.status) is not (after and after.status)
        self._index_written.values.append(old + new if moves else max(old, new))
        deleted = old if before is not None and before.status is ExecutionStatus.POLLING else 0
        inserted = new if after is not None and after.status is ExecutionStatus.POLLING else 0
        if deleted or inserted:
            self._count_polling(event.at_us, deleted + inserted if moves else max(deleted, inserted))

    def _count_polling(self, at_us: int, units: int) -> None:
        """Add to this second's units of the key POLLING, to which a partition's limit applies."""
        second = (self._epoch_us + at_us) // SECOND_US
        if second != self._second:
            self._second, self._polling_write_units = second, 0
        self._polling_write_units += units
        self.polling_write_units_max = max(self.polling_write_units_max, self._polling_write_units)


def _units(size_bytes: int, unit_bytes: int) -> int:
    """Units of capacity, rounded up."""
    return -(-size_bytes // unit_bytes)


def statistic(minutes: Sequence[Datapoint], name: str) -> float:
    """The Sum, Maximum, Minimum, Average or SampleCount of one or more minutes. Raises ValueError for other names."""
    total, count = sum(minute.total for minute in minutes), sum(minute.count for minute in minutes)
    low, high = min(minute.low for minute in minutes), max(minute.high for minute in minutes)
    values = {"Sum": total, "Maximum": high, "Minimum": low, "Average": total / count, "SampleCount": count}
    if name not in values:
        raise ValueError(f"a statistic must be {', '.join(values)}, got {name!r}")
    return values[name]
