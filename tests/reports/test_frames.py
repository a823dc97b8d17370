"""Results as DataFrames."""

import csv
from io import StringIO

import pandas as pd
import pytest

from drsim.reports import frames
from drsim.reports.formats import metrics_csv
from drsim.reports.text import plain
from drsim.scenarios.files import load
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from tests.catalogue import run_of
from tests.reports.hostile import TEXTS


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [run_of("phase-2", seed).result for seed in (1, 2)]


def test_ticks_are_indexed_by_their_instants(results: list[Result]) -> None:
    frame = frames.ticks(results[0])
    assert len(frame) == 30
    assert frame["found"].sum() == frame["polled"].sum() == 58
    assert frame.index[1].isoformat() == "2025-11-28T20:33:29+00:00"
    assert list(frame.between_time("20:42", "20:43")["polled"]) == [1]


def test_distributions_of_several_runs_stand_side_by_side(results: list[Result]) -> None:
    frame = frames.distributions(results)
    queries = frame.xs("Query.warm", level="name")
    assert list(queries.index) == [("phase-2", 1), ("phase-2", 2)]
    assert (queries["p50"] <= queries["p99"]).all()


def test_verdicts_have_a_row_a_run(results: list[Result]) -> None:
    frame = frames.verdicts(results)
    assert frame.loc[("phase-2", 2), "IAM permissions correct"] == "not exercised"
    assert set(frame["poll-cadence"]) == {"pass"}


def test_a_run_without_ticks_has_an_empty_frame() -> None:
    frame = frames.ticks(run(load("idle", ["schedule.first=20m", "duration=10m"]), seed=1).result)
    assert frame.empty
    assert list(frame.columns) == ["number", "looks", "found", "polled"]


def test_metrics_have_a_row_a_metric_and_minute(results: list[Result]) -> None:
    frame = frames.metrics(results[0])
    cloudwatch = results[0].metrics.cloudwatch
    assert len(frame) == sum(len(metric.minutes) for metric in cloudwatch) > 100
    polls = frame[(frame["name"] == "Invocations") & (frame["dimensions"] == "FunctionName=ExecutionPoller")]
    assert polls["sum"].sum() == results[0].polls == 58
    assert polls.index[0].isoformat() == "2025-11-28T20:42:00+00:00"
    assert set(polls["unit"]) == {"Count"}
    assert set(polls["basis"]) == {"observed"}
    index = frame["dimensions"] == "TableName=ExecutionTable,GlobalSecondaryIndexName=StatusIndex"
    assert set(frame[index]["namespace"]) == {"AWS/DynamoDB"}
    assert (frame["min"] <= frame["p50"]).all()
    assert (frame["p99"] <= frame["max"]).all()


def test_metrics_csv_is_what_pandas_writes(results: list[Result]) -> None:
    pandas = frames.metrics(results[0]).to_csv(date_format="%Y-%m-%dT%H:%M:%SZ", lineterminator="\n")
    assert metrics_csv.render(results[0]) == pandas


def test_metrics_csv_holds_the_same_in_plain_lines(results: list[Result]) -> None:
    text = metrics_csv.render(results[0])
    assert "\r" not in text
    header, first, *_ = text.splitlines()
    assert header == "at,namespace,name,dimensions,unit,basis,samples,sum,min,max,p50,p99"
    minute = results[0].metrics.cloudwatch[0].minutes[0]
    assert first.startswith(
        "2025-11-28T20:42:00Z,AWS/DynamoDB,ConsumedReadCapacityUnits,TableName=ExecutionTable,Count"
    )
    assert f",{minute.samples},{minute.sum},{minute.min},{minute.max},{minute.p50},{minute.p99}" in first
    back = pd.read_csv(StringIO(text), index_col="at", parse_dates=["at"], keep_default_na=False)
    assert list(back["sum"]) == list(frames.metrics(results[0])["sum"])
    assert metrics_csv.render(Result.model_validate_json(results[0].model_dump_json())) == text


def test_metrics_csv_keeps_hostile_names_in_their_fields(results: list[Result]) -> None:
    metrics = results[0].metrics
    named = tuple(metrics.cloudwatch[0].model_copy(update={"name": name}) for name in TEXTS)
    hostile = results[0].model_copy(update={"metrics": metrics.model_copy(update={"cloudwatch": named})})
    rows = list(csv.DictReader(StringIO(metrics_csv.render(hostile), newline="")))
    assert {row["name"] for row in rows} == {plain(name) for name in TEXTS}


def test_a_run_without_metrics_has_a_header_only(results: list[Result]) -> None:
    metrics = results[0].metrics.model_copy(update={"cloudwatch": ()})
    assert metrics_csv.render(results[0].model_copy(update={"metrics": metrics})).count("\n") == 1
