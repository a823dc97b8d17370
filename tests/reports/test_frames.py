"""Results as DataFrames."""

import pytest

from reports import frames
from scenarios.files import load
from scenarios.result import Result
from scenarios.runner import run


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [run(load("phase-2"), seed=seed).result for seed in (1, 2)]


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
