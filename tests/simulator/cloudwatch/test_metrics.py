"""CloudWatch's metrics: which event counts for what, in which minute, and how much capacity DynamoDB says it took."""

from typing import Final

import pytest

from drsim.orchestrator.model import MetricPoint, Unit
from drsim.orchestrator.settings import MINUTE_US
from drsim.scenarios.files import load
from drsim.simulator.cloudwatch.metrics import DRS_CALLS, CloudWatch, Datapoint, Metric, MetricSeries, statistic
from drsim.simulator.events import (
    FINDER,
    POLLER,
    CallMade,
    Dropped,
    IndexRead,
    ItemChanged,
    LambdaEnded,
    LambdaStarted,
    MetricsPublished,
    Throttled,
    WriteRefused,
)
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Spread
from drsim.simulator.services.dynamodb import Condition, ExecutionTable, IndexLag
from drsim.simulator.services.errors import ConditionFailedError
from drsim.simulator.trace import Trace
from drsim.simulator.world import World
from tests.simulator.cloudwatch.runs import KEY, SECOND_US, an_item, ended, started, without
from tests.simulator.tables import READER

MINUTE_1: Final = 28_333_333
EPOCH_US: Final = MINUTE_1 * MINUTE_US
TABLE: Final = ("TableName", "ExecutionTable")
INDEX: Final = (*TABLE, "GlobalSecondaryIndexName", "StatusIndex")


class Watched:
    """CloudWatch over a trace, with a table whose changes go into it."""

    def __init__(self, *, epoch_us: int = EPOCH_US) -> None:
        self.kernel = Kernel()
        self.trace = Trace()
        self.cloudwatch = CloudWatch(self.trace, epoch_us=epoch_us)
        self.table = ExecutionTable(
            self.kernel, self.trace, IndexLag(self.kernel, Spread(0, 0)), READER, page_bytes_max=1_048_576
        )

    def emit(self, *events: object) -> "Watched":
        for event in events:
            self.trace.emit(event)
        return self

    def seen(self) -> dict[tuple[str, ...], dict[int, list[float]]]:
        """Samples, sum, minimum and maximum of each minute of each metric, minutes counted from the epoch's."""
        return {
            (metric.name, *metric.dimensions[1::2]): {
                each.number - MINUTE_1: [each.count, each.total, each.low, each.high] for each in series.minutes
            }
            for metric, series in self.cloudwatch.metrics().items()
        }

    def sums(self, name: str, dimensions: tuple[str, ...]) -> list[float]:
        """The sum of each minute of one metric of the table."""
        series = self.cloudwatch.metrics().get(Metric("AWS/DynamoDB", name, dimensions))
        return [] if series is None else [minute.total for minute in series.minutes]


def call(operation: str, error: str = "", *, at_us: int = 0, request_id: str = "r-1") -> CallMade:
    return CallMade(at_us, request_id, POLLER, operation, 20_000, 0, error, "")


def large(size_bytes: int, **changes: object) -> dict[str, object]:
    """An item of at least this size, and at most 600 bytes more."""
    return an_item(Note="x" * size_bytes, **changes)


# --- which event counts for what -------------------------------------------------------------------------------


def test_what_a_function_publishes_has_its_namespace_and_unit() -> None:
    points = (MetricPoint("WavesPolled", 3), MetricPoint("PollingDuration", 12.5, Unit.MILLISECONDS))
    watched = Watched().emit(MetricsPublished(0, "r-1", POLLER, "e-1", points))
    assert {metric: (each.unit, each.minutes[0].total) for metric, each in watched.cloudwatch.metrics().items()} == {
        Metric("DRSOrchestration", "PollingDuration"): ("Milliseconds", 12.5),
        Metric("DRSOrchestration", "WavesPolled"): ("Count", 3),
    }


def test_error_and_duration_count_for_the_minute_of_the_start() -> None:
    watched = Watched().emit(
        started(at_us=59 * SECOND_US),
        ended(at_us=181 * SECOND_US, duration_us=122 * SECOND_US, outcome="timeout"),
    )
    assert watched.seen() == {
        ("ConcurrentExecutions",): {0: [1, 1, 1, 1]},
        ("ConcurrentExecutions", POLLER): {0: [1, 1, 1, 1]},
        ("Duration", POLLER): {0: [1, 122_000, 122_000, 122_000]},
        ("Errors", POLLER): {0: [1, 1, 1, 1]},
        ("Invocations", POLLER): {0: [1, 1, 1, 1]},
    }
    units = {metric.name: series.unit for metric, series in watched.cloudwatch.metrics().items()}
    assert units == {"Duration": "Milliseconds", **dict.fromkeys(set(units) - {"Duration"}, "Count")}


@pytest.mark.parametrize("outcome", ["error", "timeout", "crash"])
def test_a_success_is_a_sample_of_no_error(outcome: str) -> None:
    watched = Watched().emit(started("r-1"), ended("r-1"), started("r-2"), ended("r-2", outcome=outcome))
    assert watched.seen()["Errors", POLLER] == {0: [2, 1, 0, 1]}


def test_concurrency_is_a_functions_own_and_the_accounts() -> None:
    watched = Watched().emit(
        started("r-1", concurrency=1),
        started("f-1", FINDER, "", concurrency=2),
        started("r-2", concurrency=3),
        ended("r-1"),
        started("r-3", concurrency=3),
    )
    seen = watched.seen()
    assert seen["ConcurrentExecutions", POLLER] == {0: [3, 5, 1, 2]}
    assert seen["ConcurrentExecutions", FINDER] == {0: [1, 1, 1, 1]}
    assert seen[("ConcurrentExecutions",)] == {0: [4, 9, 1, 3]}


def test_what_lambda_throttles_or_drops_is_no_invocation() -> None:
    watched = Watched().emit(
        Throttled(0, POLLER, "e-1"), Throttled(MINUTE_US, POLLER, "e-1"), Dropped(MINUTE_US, FINDER, "", "too old")
    )
    assert watched.seen() == {
        ("AsyncEventsDropped", FINDER): {1: [1, 1, 1, 1]},
        ("Throttles", POLLER): {0: [1, 1, 1, 1], 1: [1, 1, 1, 1]},
    }


@pytest.mark.parametrize("operation", ["Query", "GetItem", "UpdateItem"])
def test_a_call_of_dynamodb_that_succeeds_has_its_latency(operation: str) -> None:
    seen = Watched().emit(call(operation), call(operation, "InternalServerError")).seen()
    assert seen["SuccessfulRequestLatency", "ExecutionTable", operation] == {0: [1, 20, 20, 20]}


@pytest.mark.parametrize(
    ("operation", "metric"),
    [
        ("Query", ("ReadThrottleEvents", "ExecutionTable", "StatusIndex")),
        ("GetItem", ("ReadThrottleEvents", "ExecutionTable")),
        ("UpdateItem", ("WriteThrottleEvents", "ExecutionTable")),
    ],
)
def test_each_throttled_request_counts_where_it_went(operation: str, metric: tuple[str, ...]) -> None:
    errors = ("ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException")
    watched = Watched().emit(*(call(operation, error) for error in (*errors, "AccessDeniedException")))
    assert watched.seen() == {metric: {0: [3, 3, 1, 1]}}


def test_write_refused_for_a_hot_index_counts_as_the_index_throttled() -> None:
    watched = Watched().emit(call("UpdateItem", "ThrottlingException")._replace(fault="hot-index"))
    assert (watched.sums("WriteThrottleEvents", INDEX), watched.sums("WriteThrottleEvents", TABLE)) == ([1], [])


def test_drs_is_asked_as_often_as_it_was_called_whether_it_answered_or_not() -> None:
    watched = Watched().emit(call("DescribeJobs"), call("DescribeJobs", "ThrottlingException"))
    assert list(watched.cloudwatch.metrics()) == [DRS_CALLS]
    assert watched.seen()[("DescribeJobs",)] == {0: [2, 2, 1, 1]}


def test_calls_of_other_services_count_for_nothing() -> None:
    assert Watched().emit(call("PutMetricData"), call("Invoke", "TooManyRequestsException")).seen() == {}


# --- capacity --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size_bytes", "units"), [(0, 0.5), (1, 0.5), (4096, 0.5), (4097, 1), (1_048_576, 128)])
def test_a_query_reads_half_a_unit_for_4_kb_of_all_its_items_together(size_bytes: int, units: float) -> None:
    watched = Watched().emit(IndexRead(0, "f-1", 1, 1, 3, size_bytes))
    assert watched.sums("ConsumedReadCapacityUnits", INDEX) == [units]
    assert watched.sums("ConsumedReadCapacityUnits", TABLE) == []


@pytest.mark.parametrize(("size_bytes", "units"), [(0, 1), (3500, 1), (4096, 2), (7600, 2), (8192, 3)])
def test_a_strong_read_takes_a_unit_for_4_kb_of_the_item_as_it_is(size_bytes: int, units: int) -> None:
    watched = Watched()
    watched.table.put(large(size_bytes), writer="worker")
    watched.emit(started(), call("GetItem"), call("GetItem", "InternalServerError"))
    assert watched.sums("ConsumedReadCapacityUnits", TABLE) == [units]


def test_to_read_what_is_not_there_costs_one_unit() -> None:
    watched = Watched()
    watched.table.put(large(9000), writer="worker")
    watched.table.delete(KEY, writer="operator")
    watched.emit(started(), call("GetItem"))
    assert watched.sums("ConsumedReadCapacityUnits", TABLE) == [1]


def test_write_costs_one_unit_per_kb_of_the_larger_version() -> None:
    watched = Watched()
    for minute, size_bytes in enumerate((100, 2100, 4100, 300, 100)):
        watched.kernel.run(until_us=minute * MINUTE_US)
        watched.table.put(large(size_bytes), writer="worker")
    assert watched.sums("ConsumedWriteCapacityUnits", TABLE) == [1, 3, 5, 5, 1]
    assert watched.sums("ConsumedWriteCapacityUnits", INDEX) == [1, 3, 5, 5, 1]


def test_another_status_is_a_deletion_and_an_insertion_in_the_index() -> None:
    watched = Watched()
    watched.table.put(large(2100), writer="worker")
    watched.table.put(large(100, Status="CANCELLED", EndTime=an_item()["StartTime"]), writer="worker")
    # 3 to insert the first, then 3 to delete it and 1 to insert the other.
    assert watched.sums("ConsumedWriteCapacityUnits", INDEX) == [3 + 3 + 1]
    assert watched.sums("ConsumedWriteCapacityUnits", TABLE) == [3 + 3]


def test_a_deletion_costs_what_was_there() -> None:
    watched = Watched()
    watched.table.put(large(2100), writer="worker")
    watched.table.delete(KEY, writer="operator")
    assert watched.sums("ConsumedWriteCapacityUnits", TABLE) == [3 + 3]
    assert watched.sums("ConsumedWriteCapacityUnits", INDEX) == [3 + 3]


def test_refused_write_costs_the_present_item_and_no_index_units() -> None:
    watched = Watched()
    watched.table.put(large(2100), writer="worker")
    for key in (KEY, KEY._replace(execution_id="e-2")):
        with pytest.raises(ConditionFailedError):
            watched.table.update(key, {}, writer=POLLER, request_id="r-1", condition=Condition({"Version": 7}))
    # One unit is the least, for an item that is not there.
    assert watched.sums("ConsumedWriteCapacityUnits", TABLE) == [3 + 3 + 1]
    assert watched.sums("ConsumedWriteCapacityUnits", INDEX) == [3]


def test_a_malformed_item_costs_as_much_as_any() -> None:
    watched = Watched()
    for _ in range(2):
        watched.table.put(without(large(100), "StartTime"), writer="worker")
    assert watched.sums("ConsumedWriteCapacityUnits", TABLE) == [2]


def test_busiest_second_of_polling_counts_all_writers_of_that_key() -> None:
    watched = Watched()

    def at(second: float, size_bytes: int, **changes: object) -> None:
        watched.kernel.run(until_us=round(second * SECOND_US))
        watched.table.put(large(size_bytes, **changes), writer="worker")

    ended_now = {"Status": "CANCELLED", "EndTime": an_item()["StartTime"]}
    at(0.1, 4100, **ended_now)
    assert watched.cloudwatch.polling_write_units_max == 0
    # 1 to insert what was CANCELLED, 3 for the larger version: 4 in this second; and 3 to delete it in the next.
    at(1.1, 100)
    at(1.9, 2100)
    assert watched.cloudwatch.polling_write_units_max == 1 + 3
    at(2.0, 100, **ended_now)
    at(2.9, 9000, **ended_now)
    assert watched.cloudwatch.polling_write_units_max == 1 + 3
    at(3.0, 9000)
    assert watched.cloudwatch.polling_write_units_max == 10


# --- minutes and statistics ------------------------------------------------------------------------------------


def test_minutes_are_those_of_the_epoch_and_not_of_the_run() -> None:
    watched = Watched(epoch_us=EPOCH_US + 50 * SECOND_US)
    watched.emit(*(Throttled(second * SECOND_US, POLLER, "e-1") for second in (0, 9, 10, 69, 70)))
    assert {number: row[0] for number, row in watched.seen()["Throttles", POLLER].items()} == {0: 2, 1: 2, 2: 1}


def test_minutes_come_in_order_and_those_without_a_value_are_left_out() -> None:
    watched = Watched()
    for minute in (0, 3, 4, 90):
        watched.emit(Throttled(minute * MINUTE_US, POLLER, "e-1"))
    assert list(watched.seen()["Throttles", POLLER]) == [0, 3, 4, 90]


def test_error_of_the_longest_invocation_counts_for_its_first_minute() -> None:
    watched = Watched()
    for minute in range(16):
        watched.emit(started(f"f-{minute}", FINDER, "", minute * MINUTE_US))
    watched.emit(ended("f-0", FINDER, at_us=15 * MINUTE_US, duration_us=15 * MINUTE_US, outcome="timeout"))
    assert watched.seen()["Errors", FINDER] == {0: [1, 1, 1, 1]}


def test_error_after_lambdas_maximum_counts_for_the_oldest_open_minute() -> None:
    watched = Watched().emit(
        started("r-1"),
        started("r-2"),
        ended("r-1"),
        ended("r-2", at_us=60 * MINUTE_US, duration_us=60 * MINUTE_US, outcome="timeout"),
    )
    assert watched.seen()["Errors", POLLER] == {0: [1, 0, 0, 0], 45: [1, 1, 1, 1]}


def test_a_minute_is_summed_up_with_nearest_rank_quantiles() -> None:
    series = MetricSeries("Count")
    for value in (40, 10, 30, 20):
        series.open[7].append(value)
    for value in range(200, 0, -1):
        series.open[8].append(value)
    series.close(0, 8)
    assert series.minutes == [Datapoint(7, 4, 100, 10, 40, 20, 40)]
    series.close(0, 9)
    assert series.minutes[1] == Datapoint(8, 200, 20_100, 1, 200, 100, 198)


@pytest.mark.parametrize(
    ("name", "value"), [("Sum", 36), ("Maximum", 20), ("Minimum", 1), ("Average", 9), ("SampleCount", 4)]
)
def test_a_statistic_spans_the_minutes_of_a_period(name: str, value: float) -> None:
    minutes = [Datapoint(1, 1, 20, 20, 20, 20, 20), Datapoint(3, 3, 16, 1, 10, 5, 10)]
    assert statistic(minutes, name) == value


def test_a_statistic_that_no_period_has_is_refused() -> None:
    with pytest.raises(ValueError, match="got 'p99'"):
        statistic([Datapoint(1, 1, 1, 1, 1, 1, 1)], "p99")


# --- whole worlds ----------------------------------------------------------------------------------------------


def test_metrics_of_a_world_agree_with_its_own_figures() -> None:
    world = World(load("fault-throttled"), seed=1)
    runs: list[LambdaStarted] = []
    failed: list[LambdaEnded] = []
    changed: list[ItemChanged] = []
    refused: list[WriteRefused] = []
    world.trace.listen(LambdaStarted, runs.append)
    world.trace.listen(LambdaEnded, failed.append)
    world.trace.listen(ItemChanged, changed.append)
    world.trace.listen(WriteRefused, refused.append)
    world.run()
    metrics = world.cloudwatch.metrics()
    counts = {figure.name: count for figure, count in world.statistics.counts.items()}

    def of(namespace: str, name: str, *dimensions: str) -> list[Datapoint]:
        return metrics[Metric(namespace, name, dimensions)].minutes

    invocations = of("AWS/Lambda", "Invocations", "FunctionName", POLLER)
    assert statistic(invocations, "Sum") == counts[f"{POLLER}.invocations"]
    assert {each.number for each in invocations} == {
        (world.spec.epoch_us + run.at_us) // MINUTE_US for run in runs if run.function == POLLER
    }
    errors = of("AWS/Lambda", "Errors", "FunctionName", POLLER)
    assert statistic(errors, "Sum") == sum(each.outcome != "ok" for each in failed) > 0
    assert statistic(of("DRSOrchestration", "PollErrors"), "Sum") == statistic(errors, "Sum")
    assert statistic(of("AWS/DynamoDB", "ConsumedWriteCapacityUnits", *TABLE), "SampleCount") == len(changed + refused)
    world.close()
