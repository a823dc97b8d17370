"""CloudWatch in results: metrics, the dashboard's lines, and each deployed alarm in a scenario that sets it off."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import pytest

from drsim.orchestrator.model import MetricPoint
from drsim.scenarios.files import load
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from drsim.simulator.world import Parts
from tests.planted_bugs import adapters

ERRORS: Final = "drs-orchestration-poller-errors-test"
STUCK: Final = "drs-orchestration-execution-stuck-test"
THROTTLED: Final = "drs-orchestration-status-index-throttled-test"
START: Final = [(29 / 60, "INSUFFICIENT_DATA")]
"""Runs start 29 s behind a whole minute, as Phase 2's did."""
FINE: Final = [*START, (1, "OK")]


def minutes(result: Result, alarm: str) -> list[tuple[float, str]]:
    """An alarm's states, each with the minutes of the clock from the run's first to it."""
    (found,) = (each for each in result.metrics.alarms if each.name == alarm)
    first = datetime.fromisoformat(result.metrics.configuration["start"]).replace(second=0)
    return [((datetime.fromisoformat(each.at) - first) / timedelta(minutes=1), each.state) for each in found.changes]


# --- metrics and dashboard -------------------------------------------------------------------------------------


def test_metrics_come_by_name_and_their_minutes_in_order(phase_2: Result) -> None:
    metrics = phase_2.metrics.cloudwatch
    names = [(each.namespace, each.name, each.dimensions) for each in metrics]
    assert names == sorted(set(names))
    assert list(dict.fromkeys(each.namespace for each in metrics)) == ["AWS/DynamoDB", "AWS/Lambda", "DRSOrchestration"]
    for each in metrics:
        numbers = [minute.at for minute in each.minutes]
        assert numbers == sorted(set(numbers))
        assert [number % 60 for number in numbers] == [0] * len(numbers)
        assert all(minute.min <= minute.p50 <= minute.p99 <= minute.max for minute in each.minutes)


def test_polls_of_the_result_are_the_invocations_of_its_minutes(phase_2: Result) -> None:
    (invocations,) = (
        each
        for each in phase_2.metrics.cloudwatch
        if each.name == "Invocations" and "ExecutionPoller" in each.dimensions
    )
    assert sum(minute.sum for minute in invocations.minutes) == phase_2.polls > 0


def test_latencies_are_modelled_and_all_else_is_observed(phase_2: Result) -> None:
    modelled = {each.name for each in phase_2.metrics.cloudwatch if each.basis == "modelled"}
    assert modelled == {"Duration", "PollingDuration", "SuccessfulRequestLatency"}
    assert {each.basis for each in phase_2.metrics.cloudwatch} == {"modelled", "observed"}


def test_a_line_of_the_dashboard_finds_its_metric_or_has_none(phase_2: Result) -> None:
    metrics = phase_2.metrics.cloudwatch
    lines = [line for widget in phase_2.metrics.dashboard for line in widget.lines]
    found = [(line.label.split(" (")[0], metrics[line.metric].name) for line in lines if line.metric is not None]
    assert all(label == name for label, name in found)
    # Nothing was throttled or dropped in this run.
    missing = [line.label.split(" (")[0] for line in lines if line.metric is None]
    assert missing == [
        *("Throttles", "AsyncEventsDropped") * 2,
        "ReadThrottleEvents",
        "WriteThrottleEvents",
    ]


def test_lines_that_differ_only_in_dimensions_are_labelled_with_them(phase_2: Result) -> None:
    labels = {widget.title: [line.label for line in widget.lines] for widget in phase_2.metrics.dashboard}
    assert labels["Duration of a poll"] == ["PollingDuration (p50)", "PollingDuration (p99)"]
    assert labels["Capacity used"] == [
        "ConsumedReadCapacityUnits (Sum), ExecutionTable",
        "ConsumedWriteCapacityUnits (Sum), ExecutionTable",
        "ConsumedReadCapacityUnits (Sum), StatusIndex",
        "ConsumedWriteCapacityUnits (Sum), StatusIndex",
    ]
    for each in labels.values():
        assert len(set(each)) == len(each)


def test_the_same_run_has_the_same_cloudwatch_as_a_file(phase_2: Result) -> None:
    again = run(load("phase-2"), seed=1).result
    fields = {"cloudwatch", "alarms", "dashboard"}
    assert again.metrics.model_dump_json(include=fields) == phase_2.metrics.model_dump_json(include=fields)
    assert Result.model_validate(json.loads(phase_2.model_dump_json())) == phase_2


# --- alarms ----------------------------------------------------------------------------------------------------


def test_no_alarm_goes_off_in_a_healthy_run(phase_2: Result) -> None:
    assert [minutes(phase_2, alarm) for alarm in (ERRORS, STUCK, THROTTLED)] == [FINE, FINE, START]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        # 3 polls fail in each of the minutes 4 to 7.
        ("alarm-poller-errors", {ERRORS: [*FINE, (6, "ALARM"), (12, "OK")], STUCK: FINE, THROTTLED: START}),
        # The execution starts within the second minute, and the last poll that tells its age is that of minute 40.
        ("alarm-execution-stuck", {ERRORS: FINE, STUCK: [*FINE, (37, "ALARM"), (46, "OK")], THROTTLED: START}),
        # Incomplete answers keep an execution in POLLING for 35 minutes, and the poll after that ends it.
        ("timeout-incomplete", {ERRORS: FINE, STUCK: FINE, THROTTLED: START}),
        # The index is throttled from minute 5 to 37; the poll of minute 38 is the first that tells an age.
        (
            "alarm-index-throttled",
            {ERRORS: FINE, STUCK: [*FINE, (39, "ALARM"), (44, "OK")], THROTTLED: [*START, (6, "ALARM")]},
        ),
    ],
)
def test_alarm_goes_off_in_the_expected_minute(
    scenario: str, seed: int, expected: dict[str, list[tuple[float, str]]]
) -> None:
    result = run(load(scenario), seed=seed).result
    assert {alarm: minutes(result, alarm) for alarm in expected} == expected


class SilentWhenItFails(adapters.Metrics):
    """Polls that fail count their error and do not tell the execution's age."""

    def publish(self, points: Sequence[MetricPoint]) -> None:
        failed = any(point.name == "PollErrors" and point.value for point in points)
        super().publish([point for point in points if not (failed and point.name == "OldestExecutionAge")])


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (adapters.poller_measuring(adapters.Metrics), [*FINE, (37, "ALARM"), (46, "OK")]),
        # The first poll that succeeds, in minute 40, ends the execution and tells its age for the first time.
        (adapters.poller_measuring(SilentWhenItFails), [*FINE, (41, "ALARM"), (46, "OK")]),
    ],
)
def test_a_stuck_execution_is_noticed_by_polls_that_fail(parts: Parts, expected: list[tuple[float, str]]) -> None:
    assert minutes(run(load("alarm-execution-stuck"), seed=1, parts=parts).result, STUCK) == expected
