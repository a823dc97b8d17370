"""What a story shows of a run."""

from pathlib import Path

import pytest

from drsim.orchestrator.model import ExecutionStatus, WaveStatus
from drsim.scenarios.explanation import story
from drsim.scenarios.failure import failure_of, read
from drsim.scenarios.files import load
from drsim.scenarios.narration import Line, Narrator
from drsim.simulator import events
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.reader import ExecutionView, WaveView
from drsim.simulator.services.observability import MetricsService
from drsim.simulator.trace import BrokenSimulationError
from drsim.simulator.world import Parts, World
from tests.examples import polling, snake_mapping
from tests.examples.bugs import Bug


def _out_of_order(*_: object, **__: object) -> None:
    raise BrokenSimulationError("out of order")


class MetricsThatBreak(MetricsService):
    put = _out_of_order


BREAKS = Parts(metrics=MetricsThatBreak)
CORPUS = Path(__file__).parent.parent / "corpus"
PLACE = "poller/app.py:87 update_item"


def texts_of(name: str) -> list[str]:
    """The story of a failure of the corpus."""
    return [line.text for line in story(read(CORPUS / f"{name}.yaml"))]


def test_story_shows_looks_answers_of_drs_times_and_log_lines() -> None:
    texts = texts_of("EndsLate")
    look = texts.index("ExecutionFinder looks: 1 item; starts a poll of ordered", 4)
    assert texts[0] == "worker writes ordered: PENDING, 1 wave; times out at 21:02:34"
    assert texts[look + 1 : look + 4] == [
        "ExecutionPoller asks DRS of us-east-1: drsjob-91ea0a2243fc55484 PENDING, 1 server PENDING",
        "ExecutionPoller writes ordered: nothing but LastPolledTime 20:33:29.015 -> 20:34:29.016, version 4",
        "ExecutionPoller logs: Updated 1 waves for execution ordered",
    ]
    assert "EndTime 20:39:29.177; LastPolledTime 20:38:29.021 -> 20:39:29.018" in texts[-3]


def test_story_shows_launch_actions_and_the_instant_of_the_timeout() -> None:
    found = story(read(CORPUS / "GivesUpAtOnce.yaml"))
    texts = [line.text for line in found]
    assert "DRS ends the job of wave 1: 3 of 3 servers launched, 6 launch actions still run" in texts
    assert "the last launch action of wave 2 ends: 6 of 6 succeeded" in texts
    assert Line(940_000_000, "recovery times out: 15m have passed since its start", "drs") in found
    of_job = "drsjob-f269100113b8126e5 COMPLETED, 3 servers LAUNCHED"
    answer = f"{of_job}, 6 launch actions SUCCEEDED, some servers left out"
    assert f"ExecutionPoller asks DRS of us-east-1: {answer}" in texts


def test_long_story_keeps_its_first_lines_its_last_lines_and_its_faults() -> None:
    found = story(read(CORPUS / "TimesOutWhenDrsIsSilent.yaml"))
    texts = [line.text for line in found]
    assert texts[0].startswith("worker writes recovery: PENDING, 2 waves")
    assert [text for text in texts if text.startswith("FAULT")] == [
        "FAULT timed-out at Invoke in run 6 of ExecutionFinder",
        "FAULT timed-out at Invoke in run 8 of ExecutionFinder",
        "FAULT timed-out at DescribeJobs in run 8 of ExecutionPoller",
    ]
    assert 1 <= sum(line.kind == "more" for line in found) <= 3
    assert len(found) <= 40
    assert [line.at_us for line in found] == sorted(line.at_us for line in found)


def test_fault_of_the_finder_is_shown_in_the_story_of_another_execution() -> None:
    texts = texts_of("stops-at-a-failed-invoke")
    look = texts.index("ExecutionFinder looks: 2 items; starts no poll of lossy")
    assert texts[look + 1 : look + 3] == [
        "FAULT denied at Invoke in run 2 of ExecutionFinder",
        "ExecutionFinder calls Invoke: AccessDeniedException",
    ]


# --- events -------------------------------------------------------------------------------------------------------


class Narrated:
    """A narrator of a world that has not run, fed by hand."""

    def __init__(self, concerned: str = "e-1") -> None:
        self.world = World(load("drill"), seed=1, parts=Parts(is_judged=False), verdict_only=True)
        self.narrator = Narrator(self.world, concerned)

    def lines(self, *made: object) -> list[str]:
        for event in made:
            self.world.trace.emit(event)
        self.world.close()
        return [line.text for line in self.narrator.lines()]


def polls(request_id: str, at_us: int, *, execution_id: str = "e-1", batch: tuple[str, ...] = ()) -> list[object]:
    """An invocation of a poller that begins."""
    return [
        events.Invoked(at_us, request_id, "f-1", POLLER, execution_id, "finder/app.py:3 invoke", batch),
        events.LambdaStarted(at_us, request_id, POLLER, execution_id, 1, 1, 0, 1),
    ]


def logged(request_id: str, at_us: int, message: str, level: str = "INFO", execution_id: str = "") -> events.LogWritten:
    return events.LogWritten(at_us, request_id, POLLER, level, execution_id, message, 10)


def ended(request_id: str, at_us: int, outcome: str, detail: str) -> events.LambdaEnded:
    return events.LambdaEnded(at_us, request_id, POLLER, "e-1", outcome, 1, 1, detail, "poller/app.py:62")


def called(request_id: str, at_us: int, operation: str, error: str = "", place: str = PLACE) -> events.CallMade:
    return events.CallMade(at_us, request_id, POLLER, operation, 1, 0, error, "", place)


def test_each_call_names_the_line_of_the_handler() -> None:
    assert Narrated().lines(
        *polls("p-1", 1),
        called("p-1", 2, "GetItem", place="poller/app.py:9 get_item"),
        called("p-1", 3, "DescribeJobs", "ThrottlingException", "poller/app.py:12 describe_jobs"),
        ended("p-1", 4, "error", "KeyError: 'jobId'"),
    ) == [
        "ExecutionPoller calls poller/app.py:9 get_item",
        "ExecutionPoller calls poller/app.py:12 describe_jobs: ThrottlingException",
        "ExecutionPoller ends in error at poller/app.py:62: KeyError: 'jobId'",
    ]


def test_call_with_a_line_of_its_own_is_shown_once() -> None:
    described = events.JobsDescribed(3, "p-1", "e-1", "1", "us-west-2", ("j-1",), (), (), 1, "poller/app.py:12")
    assert Narrated().lines(
        *polls("p-1", 1),
        events.WriteRefused(2, "p-1", POLLER, "e-1", PLACE),
        called("p-1", 2, "UpdateItem", "ConditionalCheckFailedException"),
        called("p-1", 3, "DescribeJobs"),
        described,
        called("p-1", 4, "PutEvents"),
        events.Announced(4, "p-1", POLLER, "e-1", "PutEvents default", "DONE", "poller/app.py:20 put_events"),
    ) == [
        f"ExecutionPoller is refused its write at {PLACE}: another write came first",
        "ExecutionPoller asks DRS of 1/us-west-2 at poller/app.py:12: j-1 is not in the answer",
        "ExecutionPoller announces DONE by PutEvents default at poller/app.py:20 put_events",
    ]


def test_write_whose_answer_is_lost_is_shown_with_the_error_of_its_call() -> None:
    written = events.ItemChanged(2, "p-1", POLLER, "e-1", {}, None, None, None, 0, PLACE)
    assert Narrated().lines(*polls("p-1", 1), written, called("p-1", 2, "UpdateItem", "ConnectionClosedError")) == [
        f"ExecutionPoller writes e-1 at {PLACE}: deleted",
        f"ExecutionPoller calls {PLACE}: ConnectionClosedError",
    ]


def seen(word: str, *jobs: str) -> ExecutionView:
    """An open execution with this word as its status, and waves with these jobs."""
    waves = tuple(
        WaveView(number, None, ("1", "r"), WaveStatus.IN_PROGRESS, job, None, None, (), {}, ())
        for number, job in enumerate(jobs, 1)
    )
    start_us, total = 1_764_361_949_000_000, len(jobs)
    return ExecutionView(ExecutionStatus.POLLING, None, start_us, None, None, 1, total, waves, word, True, ())


def written(
    at_us: int, before: ExecutionView | None, now: ExecutionView | None, execution_id: str = "e-1"
) -> events.ItemChanged:
    return events.ItemChanged(at_us, "", "person", execution_id, {}, None if now is None else {}, before, now, 0)


def look(at_us: int) -> events.IndexRead:
    return events.IndexRead(at_us, f"f-{at_us}", 1, 1, 0, 0)


def test_looks_after_an_execution_was_deleted_are_left_out() -> None:
    view = seen("POLLING")
    assert Narrated().lines(written(1, None, view), look(2), written(3, view, None), look(4)) == [
        "person writes e-1: POLLING, 0 waves",
        "ExecutionFinder looks: 0 items; starts no poll of e-1",
        "person writes e-1: deleted",
    ]


def test_another_word_for_the_same_status_is_shown() -> None:
    text = Narrated().lines(written(1, seen("POLLING"), seen("CANCELLING")))[0]
    assert text == "person writes e-1: POLLING -> CANCELLING"


def test_jobs_of_other_executions_are_left_out() -> None:
    started = [events.JobStarted(1, "1", "r", job_id, 1, 1, 1, ()) for job_id in ("j-1", "j-2", "j-3")]
    texts = Narrated().lines(
        *started, written(2, None, seen("POLLING", "j-1")), written(3, None, seen("POLLING", "j-2"), "e-2")
    )
    # No item names the last one.
    assert [text for text in texts if "starts j" in text] == [
        "DRS starts j-1 with 1 server",
        "DRS starts j-3 with 1 server",
    ]


def test_log_lines_of_others_are_left_out_unless_they_name_the_execution() -> None:
    assert Narrated().lines(
        *polls("p-1", 1),
        *polls("p-2", 1, execution_id="e-2"),
        logged("p-1", 2, '{"level": "WARNING", "message": "no job"}', "WARNING"),
        logged("p-2", 3, "not of this one"),
        logged("p-2", 4, "waits for e-1\n  still"),
        logged("p-2", 5, "by its field", execution_id="e-1"),
    ) == [
        "ExecutionPoller logs WARNING: no job",
        "ExecutionPoller logs: waits for e-1 still",
        "ExecutionPoller logs: by its field",
    ]


def test_many_and_long_log_lines_of_an_invocation_are_cut() -> None:
    lines = Narrated().lines(
        *polls("p-1", 1), *(logged("p-1", at_us, f"{at_us} " + "z" * 300) for at_us in range(2, 30))
    )
    assert len(lines) == 6
    assert lines[-1] == "ExecutionPoller logs more"
    assert len(lines[0]) < 240


def test_polls_that_run_at_once_have_the_number_of_their_run() -> None:
    assert Narrated().lines(
        *polls("p-1", 1),
        logged("p-1", 2, "alone"),
        *polls("p-2", 3),
        logged("p-1", 4, "first"),
        logged("p-2", 5, "second"),
        ended("p-1", 6, "timeout", "timed out"),
        logged("p-2", 7, "alone"),
    ) == [
        "ExecutionPoller logs: alone",
        "ExecutionPoller run 1 logs: first",
        "ExecutionPoller run 2 logs: second",
        "ExecutionPoller run 1 ends in timeout at poller/app.py:62: timed out",
        "ExecutionPoller logs: alone",
    ]


def test_poll_of_a_batch_belongs_to_each_execution_in_it() -> None:
    batch = polls("p-1", 1, execution_id="", batch=("e-0", "e-1"))
    assert Narrated().lines(*batch, logged("p-1", 2, "both")) == ["ExecutionPoller logs: both"]
    assert Narrated("e-9").lines(*batch, logged("p-1", 2, "both")) == []


def test_story_shows_throttled_repeated_and_dropped_events() -> None:
    assert Narrated().lines(
        events.Throttled(1, POLLER, "e-1"),
        events.Throttled(2, POLLER, "e-2"),
        events.Invoked(3, "p-1", "f-1", POLLER, "e-1"),
        events.LambdaStarted(4, "p-1", POLLER, "e-1", 1, 2, 0, 1),
        events.Dropped(5, POLLER, "e-1", "event too old"),
        events.FaultInjected(6, 0, "tick-lost", "Tick", "", "", 1, 1, 0, ""),
    ) == [
        "Lambda throttles ExecutionPoller for e-1",
        "ExecutionPoller runs again, attempt 2",
        "Lambda drops the event of ExecutionPoller for e-1: event too old",
        "FAULT tick-lost at Tick",
    ]


def test_look_for_all_executions_counts_what_it_starts() -> None:
    pages = [
        events.IndexRead(1, "f-1", 1, 0, 4, 100, "POLLING", "finder/app.py:2 query"),
        events.IndexRead(2, "f-1", 0, 1, 1, 100, "POLLING", "finder/app.py:2 query"),
    ]
    made = [*pages, *polls("p-1", 3), *polls("p-2", 4, execution_id="e-2")]
    ends = events.LambdaEnded(5, "f-1", FINDER, "", "ok", 1, 1, "")
    assert Narrated("").lines(*made, ends) == [
        "ExecutionFinder looks at finder/app.py:2 query: 5 items in 2 pages; starts a poll of 2 executions at "
        "finder/app.py:3 invoke"
    ]


def test_story_of_a_run_that_breaks_is_refused() -> None:
    """A story of half a run would look like that of a whole one."""
    failure = read(CORPUS / "EndsLate.yaml").model_copy(update={"parts": "tests.scenarios.test_stories:BREAKS"})
    with pytest.raises(BrokenSimulationError, match="out of order"):
        story(failure)


# --- handlers -----------------------------------------------------------------------------------------------------


def handlers_story(pair: object, bug: Bug, folder: Path) -> list[str]:
    assert isinstance(pair, type(polling.PAIR))
    code = pair.handlers(pair.with_bugs([bug], folder / "pair"))
    failure = failure_of(pair.scenario(bug.scenario, *bug.changes), bug.seed, bug.caught_by, code)
    assert failure is not None
    return [line.text for line in story(failure)]


@pytest.mark.slow
def test_story_of_handlers_has_lines_of_their_files_and_what_they_print(tmp_path: Path) -> None:
    bug = next(each for each in polling.BUGS if each.caught_by == "status-order")
    texts = handlers_story(polling.PAIR, bug, tmp_path)
    assert any("looks at finder/app.py:" in text and "at finder/app.py:" in text.partition(";")[2] for text in texts)
    assert any(text.startswith("ExecutionPoller calls poller/app.py:") and text.endswith("get_item") for text in texts)
    assert any("asks DRS of us-east-1 at poller/app.py:" in text for text in texts)
    assert any(" at poller/app.py:" in text and "lastPolledTime" in text for text in texts)


@pytest.mark.slow
def test_story_of_a_table_without_versions_speaks_of_its_own_attributes(tmp_path: Path) -> None:
    bug = next(each for each in snake_mapping.BUGS if each.name == "writes ended_at in seconds")
    texts = handlers_story(snake_mapping.PAIR, bug, tmp_path)
    assert any("nothing but last_polled_at 2" in text for text in texts)
    assert not any("version" in text for text in texts)
    assert any("unreadable: ended_at = 17" in text for text in texts)
