"""What became of each execution, read from the trace."""

import json

import pytest

from drsim.orchestrator.model import ExecutionStatus, ExecutionType, JobStatus
from drsim.orchestrator.model import WaveStatus as Status
from drsim.reports import history as reading
from drsim.reports.formats import chrome
from drsim.reports.history import History, Lane, history
from drsim.scenarios.files import load
from drsim.scenarios.runner import Run, run
from drsim.simulator.events import ItemChanged, JobStarted
from drsim.simulator.reader import ExecutionView, WaveView
from tests.catalogue import run_of


@pytest.fixture(scope="module")
def recovery() -> Run:
    return run_of("recovery")


@pytest.fixture(scope="module")
def chaos() -> Run:
    return run_of("chaos", 73)


def changed(at_us: int, execution_id: str, status: str, waves: str) -> str:
    return f'["ItemChanged",{at_us},"r-1","ExecutionPoller","{execution_id}","{status}",2,"{waves}",300]'


def job(lives: str, *, settled_us: int = 9_000_000) -> str:
    return f'["JobStarted",1000000,"1","us-east-1","drsjob-1",2,2000000,{settled_us},"{lives}"]'


def truth(lives: str, *, settled_us: int = 9_000_000) -> list[tuple[int, str]]:
    lines = [job(lives, settled_us=settled_us), changed(1_100_000, "e", "POLLING", "1:LAUNCHING:drsjob-1:PENDING:-")]
    return history(lines).lanes[0].waves[0].truth


def test_a_lane_has_the_execution_s_statuses_and_polls(recovery: Run) -> None:
    found = history(recovery.trace.lines())
    (lane,) = found.lanes
    (sample,) = recovery.result.metrics.executions
    assert [status for _, status in lane.statuses] == ["PENDING", "POLLING", "COMPLETED"]
    assert (len(lane.polls), lane.failed) == (sample.polls, [])
    assert lane.polls == sorted(lane.polls)
    assert found.end_ms == round(recovery.result.virtual_seconds * 1000)


def test_the_table_follows_the_truth_of_each_wave(recovery: Run) -> None:
    for wave in history(recovery.trace.lines()).lanes[0].waves:
        statuses = ["LAUNCHING", "IN_PROGRESS", "COMPLETED"]
        assert [status for _, status in wave.truth] == statuses
        assert [status for _, status in wave.table] == ["PENDING", *statuses]
        for (seen_ms, _), (known_ms, _) in zip(wave.table[1:], wave.truth, strict=True):
            assert 0 <= seen_ms - known_ms <= 62_000


def test_staleness_of_the_lanes_is_that_of_the_result(recovery: Run) -> None:
    # Of a wave's changes the table shows the last one of all: its end.
    lags = [wave.table[-1][0] - wave.truth[-1][0] for wave in history(recovery.trace.lines()).lanes[0].waves]
    staleness = recovery.result.metrics.distributions["staleness"]
    assert staleness.min <= min(lags) <= max(lags) <= staleness.max + 1


def test_truth_ends_as_the_servers_and_their_actions_did() -> None:
    assert truth("3000000:9000000:LAUNCHED:0 3000000:8000000:LAUNCHED:0")[-1] == (9000, "COMPLETED")
    assert truth("3000000:9000000:LAUNCHED:0 4000000:8000000:FAILED:0") == [
        (1000, "LAUNCHING"),
        (3000, "IN_PROGRESS"),
        (9000, "PARTIAL"),
    ]
    assert truth("3000000:9000000:LAUNCHED:1", settled_us=12_000_000)[-1] == (12_000, "PARTIAL")
    assert truth("3000000:9000000:FAILED:0")[-1] == (9000, "FAILED")


def test_a_job_that_hangs_has_no_end() -> None:
    never = 1 << 62
    assert truth(f"3000000:{never}:LAUNCHED:0", settled_us=never)[-1] == (3000, "IN_PROGRESS")


def test_a_drill_does_not_wait_for_launch_actions() -> None:
    drill = run(load("drill", ["jobs.actions=2", "jobs.failed_actions=1"]), seed=1)
    assert drill.result.verdict == "pass"
    for lane in history(drill.trace.lines()).lanes:
        assert [wave.truth[-1][1] for wave in lane.waves] == ["COMPLETED"] * 3
        assert lane.statuses[-1][1] == "COMPLETED"


def test_faults_are_strikes_of_the_lanes_they_concern(chaos: Run) -> None:
    found = history(chaos.trace.lines())
    assert found.strikes_count == len(found.strikes) == sum(each.struck for each in chaos.result.faults)
    assert {each.rule for each in found.strikes} == set(range(len(chaos.result.faults)))
    assert {"ordered", "late"} < {each.execution_id for each in found.strikes}


def test_polls_that_failed_are_marked(chaos: Run) -> None:
    found = history(chaos.trace.lines())
    counts = chaos.result.metrics.counts
    failed = sum(counts.get(f"ExecutionPoller.{outcome}", 0) for outcome in ("error", "timeout", "crash"))
    assert sum(len(lane.failed) for lane in found.lanes) == failed > 0


def test_named_executions_are_kept_if_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LANES_MAX", 3)
    lines = [changed(number, f"e-{number}", "PENDING", "") for number in range(10)]
    found = history(lines, first=["e-7", "e-9"])
    assert ([lane.execution_id for lane in found.lanes], found.executions_count) == (["e-0", "e-7", "e-9"], 10)


JOB_IDS = ("drsjob-1", "two words", "a:b:c", "100%20", " ", "-:-:-", "ä€😀\u202e", "<b>\n\"'&,")


@pytest.mark.parametrize("job_id", JOB_IDS)
def test_any_job_id_finds_its_truth(job_id: str, recovery: Run) -> None:
    scope = ("123456789012", "us-east-1")
    wave = WaveView(1, None, scope, Status.LAUNCHING, job_id, JobStatus.PENDING, None, (), {}, ())
    other = WaveView(2, None, scope, Status.PENDING, None, None, None, (), {}, ())
    execution = ExecutionView(
        ExecutionStatus.POLLING, ExecutionType.RECOVERY, 0, None, None, 0, 2, (wave, other), None, True, ()
    )
    started = JobStarted(1_000_000, *scope, job_id, 1, 2_000_000, 9_000_000, ((3_000_000, 9_000_000, True, 0),))
    changed = ItemChanged(1_100_000, "r-1", "Worker", "e", None, {}, None, execution, 300)
    lines = [json.dumps([type(event).__name__, *event.record()]) for event in (started, changed)]
    first, second = history(lines).lanes[0].waves
    assert first.table == [(1100, "LAUNCHING")]
    assert first.truth == [(1000, "LAUNCHING"), (3000, "IN_PROGRESS"), (9000, "COMPLETED")]
    assert second == reading.WaveHistory([(1100, "PENDING")], [])
    drawn = "".join(chrome.render(recovery.result, lines))
    events = json.loads(drawn)["traceEvents"]
    assert any(str(each.get("args", {}).get("name")).startswith("e, wave 1: ") for each in events)


def test_unreadable_waves_are_left_out_without_affecting_others() -> None:
    found = history([changed(0, "e", "POLLING", "1:LAUNCHING:two words:PENDING:- 2:PENDING:-:-:NOT_STARTED")])
    assert [wave.table for wave in found.lanes[0].waves] == [[(0, "PENDING")]]


def test_a_deleted_item_ends_its_lane() -> None:
    lines = [changed(0, "e", "POLLING", "1:PENDING:-:-:NOT_STARTED"), changed(5000, "e", "DELETED", "")]
    assert history(lines).lanes == (
        Lane("e", [(0, "POLLING"), (5, "DELETED")], [reading.WaveHistory([(0, "PENDING")], [])], [], []),
    )


def test_history_of_no_lines_is_empty() -> None:
    assert history([]) == History(0, (), (), 0, 0)
