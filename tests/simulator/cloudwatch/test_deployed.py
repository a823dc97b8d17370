"""The deployed alarms and dashboard: read from the template, and an alarm's states minute by minute."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pytest

from drsim.orchestrator.settings import MINUTE_US
from drsim.simulator.cloudwatch.deployed import Alarm, DashboardWidget, alarms_by_name, condition, dashboard, history
from drsim.simulator.cloudwatch.metrics import Metric, MetricSeries

ERRORS: Final = Metric("AWS/Lambda", "Errors", ("FunctionName", "ExecutionPoller"))
ALARM: Final = Alarm(
    name="errors",
    description="More than 5 within 5 minutes.",
    metric=ERRORS,
    statistic="Sum",
    unit=None,
    period_us=5 * MINUTE_US,
    periods=1,
    threshold=5,
    comparison="GreaterThanThreshold",
    missing="notBreaching",
    actions=(),
)
QUICK: Final = replace(ALARM, period_us=MINUTE_US)


def series(values: Sequence[float | None], unit: str = "Count") -> MetricSeries:
    """A metric with one value in each minute from 100 on; None leaves a minute out."""
    made = MetricSeries(unit)
    for number, value in enumerate(values, 100):
        if value is not None:
            made.open[number].append(value)
    made.close(0, 100 + len(values))
    return made


def states(alarm: Alarm, *values: float | None) -> list[tuple[int, str]]:
    """Each change as the minute at whose end it came, counted from the first that has a value, and the state."""
    changes = history(alarm, series(values), 100, 100 + len(values))
    return [(change.minute - 100, change.state) for change in changes]


# --- states ----------------------------------------------------------------------------------------------------


def test_alarm_lasts_while_its_sliding_period_exceeds_the_threshold() -> None:
    assert states(ALARM, 0, 2, 2, 2, 0, 0, 0, 0, 0) == [(-1, "INSUFFICIENT_DATA"), (0, "OK"), (3, "ALARM"), (6, "OK")]


def test_a_period_is_five_minutes_and_not_four_or_six() -> None:
    assert states(ALARM, 3, 0, 0, 0, 3, 0)[2:] == [(4, "ALARM"), (5, "OK")]
    assert states(ALARM, 3, 0, 0, 0, 0, 3)[2:] == []


def test_a_change_says_why() -> None:
    changes = history(QUICK, series([6, 2, None]), 100, 103)
    assert [change.reason for change in changes] == ["created", "Sum 6 is > 5", "Sum 2 is not > 5"]
    (_, ok) = history(QUICK, series([None]), 100, 101)
    assert ok.reason == "no data in 1 min, which is notBreaching"


def test_a_minute_that_the_run_did_not_finish_is_not_looked_at() -> None:
    assert [change.state for change in history(QUICK, series([0, 9]), 100, 101)] == ["INSUFFICIENT_DATA", "OK"]


def test_a_metric_that_nothing_has_published_has_no_data() -> None:
    assert [change.state for change in history(ALARM, None, 100, 110)] == ["INSUFFICIENT_DATA", "OK"]


@pytest.mark.parametrize(
    ("missing", "then"),
    [
        ("notBreaching", [(0, "OK"), (1, "ALARM"), (2, "OK"), (4, "ALARM"), (5, "OK")]),
        ("breaching", [(0, "ALARM"), (5, "OK"), (6, "ALARM")]),
        ("missing", [(1, "ALARM"), (2, "INSUFFICIENT_DATA"), (4, "ALARM"), (5, "OK"), (6, "INSUFFICIENT_DATA")]),
        ("ignore", [(1, "ALARM"), (5, "OK")]),
    ],
)
def test_missing_data_is_good_or_bad_or_nothing_as_the_alarm_says(missing: str, then: list[tuple[int, str]]) -> None:
    found = states(replace(QUICK, missing=missing), None, 9, None, None, 9, 0, None)
    assert found == [(-1, "INSUFFICIENT_DATA"), *then]


def test_a_minute_without_data_in_a_period_with_some_counts_for_nothing() -> None:
    assert states(replace(ALARM, statistic="Minimum", threshold=0), 1, None, None, 1)[1:] == [(0, "ALARM")]


@pytest.mark.parametrize(
    ("comparison", "sign", "breaching"),
    [
        ("GreaterThanThreshold", ">", {6}),
        ("GreaterThanOrEqualToThreshold", ">=", {5, 6}),
        ("LessThanThreshold", "<", {4}),
        ("LessThanOrEqualToThreshold", "<=", {4, 5}),
    ],
)
def test_a_value_is_held_against_the_threshold_as_the_comparison_says(
    comparison: str, sign: str, breaching: set[int]
) -> None:
    alarm = replace(QUICK, comparison=comparison)
    assert {value for value in (4, 5, 6) if states(alarm, value)[-1][1] == "ALARM"} == breaching
    assert condition(alarm) == f"Errors of ExecutionPoller: Sum over 1 min {sign} 5"


@pytest.mark.parametrize(("name", "goes_off"), [("Sum", True), ("Maximum", False), ("Average", False)])
def test_it_is_the_alarms_statistic_that_counts(name: str, goes_off: bool) -> None:
    assert (states(replace(ALARM, statistic=name), 3, 3)[-1][1] == "ALARM") is goes_off


@pytest.mark.parametrize(("unit", "goes_off"), [(None, True), ("Count", True), ("Seconds", False)])
def test_an_alarm_with_a_unit_sees_no_values_in_another(unit: str | None, goes_off: bool) -> None:
    assert (states(replace(ALARM, unit=unit), 9)[-1][1] == "ALARM") is goes_off


def test_an_alarm_on_several_periods_is_refused() -> None:
    with pytest.raises(ValueError, match="must have 1 period, errors has 3"):
        history(replace(ALARM, periods=3), None, 100, 101)


# --- what the template says ------------------------------------------------------------------------------------


def test_the_templates_alarms_are_read_with_the_names_that_a_run_has() -> None:
    assert [condition(alarm) for alarm in alarms_by_name().values()] == [
        "Errors of ExecutionPoller: Sum over 5 min > 5",
        "OldestExecutionAge: Maximum over 5 min > 2100",
        "ReadThrottleEvents of StatusIndex: Sum over 5 min > 0",
    ]
    assert [(alarm.unit, alarm.missing) for alarm in alarms_by_name().values()] == [
        (None, "notBreaching"),
        ("Seconds", "notBreaching"),
        (None, "ignore"),
    ]


def test_dashboard_widgets_are_in_order_with_expanded_metrics() -> None:
    found = dashboard()
    assert [each.title for each in found] == [
        "Executions in POLLING",
        "Age of the oldest execution",
        "Polls",
        "Duration of a poll",
        "Finder",
        "Poller",
        "Capacity used",
        "Throttling and latency",
    ]
    assert [each.marks for each in found if each.marks] == [(("timeout", 1800), ("alarm", 2100))]
    table = ("TableName", "ExecutionTable")
    assert [line.metric for line in found[6].lines] == [
        Metric("AWS/DynamoDB", "ConsumedReadCapacityUnits", table),
        Metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", table),
        Metric("AWS/DynamoDB", "ConsumedReadCapacityUnits", (*table, "GlobalSecondaryIndexName", "StatusIndex")),
        Metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", (*table, "GlobalSecondaryIndexName", "StatusIndex")),
    ]
    assert [(line.metric.dimensions[-1], line.statistic, line.right) for line in found[7].lines] == [
        ("StatusIndex", "Sum", False),
        ("ExecutionTable", "Sum", False),
        ("Query", "p99", True),
        ("GetItem", "p99", True),
        ("UpdateItem", "p99", True),
    ]


@pytest.mark.parametrize(
    ("short", "dimensions"),
    [
        ([".", ".", ".", "."], ("A", "1")),
        ([".", "Y", ".", "2"], ("A", "2")),
        (["..."], ("A", "1")),
        (["...", "2"], ("A", "2")),
        (["...", "B", "."], ("B", "1")),
        ([".", ".", ".", ".", "B", "2"], ("A", "1", "B", "2")),
        (["N", "Z"], ()),
    ],
)
def test_short_forms_repeat_the_metric_above(short: list[str], dimensions: tuple[str, ...]) -> None:
    made = DashboardWidget.of(
        {"title": "T", "metrics": [["N", "X", "A", "1"], [*short, {"stat": "p50", "yAxis": "right"}]]}
    )
    first, second = made.lines
    assert (first.metric, first.statistic, first.right) == (Metric("N", "X", ("A", "1")), "Average", False)
    assert (second.metric.namespace, second.metric.dimensions) == ("N", dimensions)
    assert (second.statistic, second.right) == ("p50", True)


def test_a_widgets_statistic_is_that_of_its_lines_without_one() -> None:
    made = DashboardWidget.of({"title": "T", "stat": "Sum", "metrics": [["N", "X"], [".", "Y", {"stat": "p99"}]]})
    assert [line.statistic for line in made.lines] == ["Sum", "p99"]
