"""The data of the timeline: distances and places, which give the history back."""

import json
from datetime import UTC, datetime
from itertools import accumulate

import pytest

from drsim.reports.history import History, history
from drsim.reports.timeline import anchor, timeline
from drsim.scenarios.files import load
from drsim.scenarios.runner import Run, run
from tests.catalogue import run_of


@pytest.fixture(scope="module")
def chaos() -> Run:
    return run_of("chaos")


@pytest.fixture(scope="module")
def lanes(chaos: Run) -> History:
    return history(chaos.trace.lines())


def test_distances_give_the_instants_back(chaos: Run, lanes: History) -> None:
    data = timeline(chaos.result, lanes)
    for shown, lane in zip(data["lanes"], lanes.lanes, strict=True):
        execution_id, statuses, polls, failed, waves, broken = shown
        assert (execution_id, failed, broken) == (lane.execution_id, lane.failed, 0)
        assert list(accumulate(polls)) == lane.polls
        assert [data["names"][place] for place in statuses[1::2]] == [status for _, status in lane.statuses]
        assert list(accumulate(statuses[::2])) == [at_ms for at_ms, _ in lane.statuses]
        for (table, truth), wave in zip(waves, lane.waves, strict=True):
            assert list(accumulate(table[::2])) == [at_ms for at_ms, _ in wave.table]
            assert [data["names"][place] for place in truth[1::2]] == [status for _, status in wave.truth]


def test_strikes_name_their_rule_and_their_lane(chaos: Run, lanes: History) -> None:
    data = timeline(chaos.result, lanes)
    ids = [lane.execution_id for lane in lanes.lanes]
    assert [data["faults"][rule][0] for _, rule, _ in data["strikes"]] == [
        chaos.result.faults[each.rule].rule for each in lanes.strikes
    ]
    assert {ids[place] if place >= 0 else "" for _, _, place in data["strikes"]} == {
        each.execution_id for each in lanes.strikes
    }


def test_it_begins_when_virtual_time_does(chaos: Run, lanes: History) -> None:
    start = datetime(2025, 11, 28, 20, 32, 29, tzinfo=UTC)
    assert timeline(chaos.result, lanes)["start"] == start.timestamp() * 1000


def test_it_says_when_it_is_healed(chaos: Run, lanes: History) -> None:
    assert chaos.result.metrics.configuration["heal"] == "22m"
    assert timeline(chaos.result, lanes)["healed"] == 22 * 60_000
    drill = run_of("drill")
    assert timeline(drill.result, history(drill.trace.lines()))["healed"] is None


def test_executions_that_broke_a_property_are_marked() -> None:
    late = run(load("drill", ["bounds.completion=0s"]), seed=1)
    broken = {each.execution_id for rule in late.result.properties for each in rule.violations}
    data = timeline(late.result, history(late.trace.lines()))
    assert {lane[0] for lane in data["lanes"] if lane[-1]} == broken != set()


@pytest.mark.slow
def test_it_is_data_for_json_and_small() -> None:
    hundred = run_of("load-100")
    text = json.dumps(timeline(hundred.result, history(hundred.trace.lines())), separators=(",", ":"))
    assert len(text) < 60_000


def test_page_gets_the_words_that_order_progress(chaos: Run, lanes: History) -> None:
    data = timeline(chaos.result, lanes)
    words = {word: data[word] for word in ("progress", "polling", "completed")}
    assert words == {"progress": ["IN_PROGRESS", "LAUNCHING"], "polling": "POLLING", "completed": "COMPLETED"}


def test_anchor_of_an_execution_holds_its_id_as_the_lane_shows_it() -> None:
    assert anchor("a/b c#1") == "execution=a%2Fb%20c%231"
    assert anchor("x" * 200) == f"execution={'x' * 100}%E2%80%A6%20%28200%20characters%29"
