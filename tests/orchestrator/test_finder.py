"""The finder: what one invocation finds, which pollers it invokes in which order, and how it handles errors."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from drsim.orchestrator.errors import OrchestratorError, RefusedError, TryLaterError
from drsim.orchestrator.finder import LookReport
from drsim.orchestrator.model import Dispatch, ExecutionKey, ExecutionStatus, JobStatus, Server, ServerStatus
from drsim.orchestrator.settings import SECOND_US, Settings
from tests.orchestrator.ports import START_US, in_turn, nothing, raising
from tests.orchestrator.rigs import FinderRig
from tests.orchestrator.samples import a_wave, an_execution, an_item

FOUR_SWEEPS = Settings(sweeps_per_invocation=4)


def an_item_polled(
    name: str, seconds_ago: int | None, status: ExecutionStatus = ExecutionStatus.POLLING
) -> dict[str, object]:
    """The item of an execution whose job is STARTED: its interval is 15 s."""
    last_us = None if seconds_ago is None else START_US - seconds_ago * SECOND_US
    wave = a_wave(job_status=JobStatus.STARTED)
    return an_item(an_execution(wave, key=ExecutionKey(name, "plan-1"), status=status, last_polled_us=last_us))


def items_due(count: int) -> list[dict[str, object]]:
    """Items e-1, e-2 and so on, all due, stalest first."""
    return [an_item_polled(f"e-{number}", 100 - number) for number in range(1, count + 1)]


def messages(caplog: pytest.LogCaptureFixture, level: int = logging.DEBUG) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= level]


@pytest.fixture(autouse=True)
def _every_level_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG, logger="drsim.orchestrator"):
        yield


@pytest.mark.parametrize("page_size", [1, 2, 3, 5, 100])
def test_every_page_of_the_index_is_read(page_size: int) -> None:
    rig = FinderRig(*items_due(5), page_size=page_size)
    (report,) = rig.run()
    assert rig.index.pages_read == -(-5 // page_size)
    assert rig.invoker.ids == ["e-1", "e-2", "e-3", "e-4", "e-5"]
    assert report == LookReport(found=5, malformed=0, invoked=5, failed=0, left=0, skipped=0)


def test_page_with_only_malformed_items_does_not_end_the_look() -> None:
    first = {**an_item_polled("e-1", None), "Waves": "none"}
    rig = FinderRig(first, *items_due(3)[1:], page_size=1)
    (report,) = rig.run()
    assert rig.invoker.ids == ["e-2", "e-3"]
    assert report.malformed == 1


def test_only_executions_in_polling_are_dispatched() -> None:
    ended = [an_item_polled(status.value, None, status) for status in ExecutionStatus]
    rig = FinderRig(*ended)
    rig.run()
    assert rig.invoker.ids == ["POLLING"]


def test_empty_index_is_logged_and_invokes_no_poller(caplog: pytest.LogCaptureFixture) -> None:
    rig = FinderRig()
    assert rig.run() == (LookReport(found=0, malformed=0, invoked=0, failed=0, left=0, skipped=0),)
    assert messages(caplog) == ["No executions found in POLLING status"]


def test_executions_not_yet_due_are_skipped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    rig = FinderRig(an_item_polled("e-1", 3), an_item_polled("e-2", 20), an_item_polled("e-3", 4))
    (report,) = rig.run()
    assert rig.invoker.ids == ["e-2"]
    assert report == LookReport(found=3, malformed=0, invoked=1, failed=0, left=0, skipped=2)
    assert messages(caplog) == [
        "Skipped executions (not yet time): [e-3, e-1]",
        "Found 3 executions in POLLING status, invoked 1 pollers",
    ]


def test_log_line_names_100_executions_and_counts_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    for count in (100, 101, 103):
        FinderRig(*[an_item_polled(f"e-{number:03}", 1) for number in range(count)]).run()
    hundred, one_more, three_more = messages(caplog)
    assert hundred.endswith(", e-099]")
    assert one_more.endswith(", e-099] and 1 more")
    assert three_more.endswith(", e-099] and 3 more")


def test_log_gives_the_reason_why_an_execution_was_due(caplog: pytest.LogCaptureFixture) -> None:
    launching = a_wave(
        job_status=JobStatus.STARTED, servers=(Server(source_server_id="s", status=ServerStatus.LAUNCHED),)
    )
    polled = an_execution(launching, key=ExecutionKey("e-9", "plan-1"), last_polled_us=START_US - 60_500_000)
    FinderRig(an_item_polled("e-1", None), an_item(polled)).run()
    (record,) = caplog.records
    assert vars(record)["due"] == [
        {"execution_id": "e-1", "phase": "STARTED", "interval_s": 15, "time_since_poll_s": None},
        {"execution_id": "e-9", "phase": "IN_PROGRESS", "interval_s": 30, "time_since_poll_s": 60.5},
    ]


def test_stalest_executions_are_dispatched_first_across_pages() -> None:
    ages = {"e-1": 20, "e-2": 500, "e-3": None, "e-4": 90, "e-5": 21}
    rig = FinderRig(*[an_item_polled(name, seconds_ago) for name, seconds_ago in ages.items()])
    rig.run()
    assert rig.invoker.ids == ["e-3", "e-2", "e-4", "e-5", "e-1"]


def test_dispatch_carries_the_instant_of_the_look_despite_slow_paging() -> None:
    rig = FinderRig(*items_due(2), an_item_polled("e-3", 1), page_size=1)
    rig.index.on_page = rig.clock.passing_s(2)
    rig.run()
    key = ExecutionKey("e-1", "plan-1")
    assert rig.invoker.accepted[0] == Dispatch(key=key, dispatched_us=START_US, active_count=3, started_us=START_US)
    assert {dispatch.dispatched_us for dispatch in rig.invoker.accepted} == {START_US}


@pytest.mark.parametrize("error", [TryLaterError("Rate exceeded"), RefusedError("not authorized")])
def test_failed_invoke_does_not_stop_the_others(error: OrchestratorError, caplog: pytest.LogCaptureFixture) -> None:
    rig = FinderRig(*items_due(4))
    rig.invoker.failing = {"e-1": error, "e-3": error}
    (report,) = rig.run()
    assert rig.invoker.ids == ["e-2", "e-4"]
    assert (report.invoked, report.failed) == (2, 2)
    assert messages(caplog, logging.ERROR) == [f"Could not invoke the poller: {error}"] * 2
    assert [vars(record)["execution_id"] for record in caplog.records[:2]] == ["e-1", "e-3"]


def test_programming_error_is_not_counted_as_a_failed_invoke() -> None:
    rig = FinderRig(*items_due(1))

    def broken() -> None:
        raise ZeroDivisionError

    rig.invoker.on_invoke = broken
    with pytest.raises(ZeroDivisionError):
        rig.run()


def test_malformed_item_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    wrong = {**an_item_polled("e-2", None), "TotalWaves": "two"}
    rig = FinderRig(an_item_polled("e-1", 30), wrong, an_item_polled("e-3", 29), page_size=2)
    (report,) = rig.run()
    assert rig.invoker.ids == ["e-1", "e-3"]
    assert report == LookReport(found=2, malformed=1, invoked=2, failed=0, left=0, skipped=0)
    assert messages(caplog, logging.ERROR) == [
        "Skipped an item that cannot be read: execution e-2: TotalWaves must be a whole number >= 0, got 'two'"
    ]


@pytest.mark.parametrize("error", [TryLaterError("Rate exceeded"), RefusedError("not authorized")])
@pytest.mark.parametrize("page", [0, 1])
def test_unreadable_index_raises_and_invokes_no_poller(error: OrchestratorError, page: int) -> None:
    rig = FinderRig(*items_due(4), page_size=2)
    rig.index.on_page = in_turn(*[nothing] * page, raising(error))
    with pytest.raises(type(error), match=str(error)):
        rig.run()
    assert rig.invoker.accepted == []


def test_finder_writes_nothing_to_the_table() -> None:
    rig = FinderRig(*items_due(3))
    before = {key: dict(item) for key, item in rig.table.items.items()}
    rig.run()
    assert rig.table.items == before
    assert rig.table.written == []


def test_pollers_are_invoked_in_parallel_up_to_the_bound() -> None:
    """Six invokes, three workers: the barrier opens only for three at once, and a fourth would raise the count."""
    barrier, lock = threading.Barrier(3), threading.Lock()
    under_way: list[int] = [0]
    seen: list[int] = []

    def meet() -> None:
        with lock:
            under_way[0] += 1
            seen.append(under_way[0])
        barrier.wait(timeout=5)
        with lock:
            under_way[0] -= 1

    with ThreadPoolExecutor(max_workers=3) as executor:
        rig = FinderRig(*items_due(6), executor=executor)
        rig.invoker.on_invoke = meet
        (report,) = rig.run()
    assert report.invoked == 6
    assert max(seen) == 3
    assert set(rig.invoker.ids[:3]) == {"e-1", "e-2", "e-3"}


def test_failed_invoke_does_not_stop_others_in_parallel() -> None:
    with ThreadPoolExecutor(max_workers=2) as executor:
        rig = FinderRig(*items_due(8), executor=executor)
        rig.invoker.failing = {"e-1": TryLaterError("Rate exceeded"), "e-2": RefusedError("not authorized")}
        (report,) = rig.run()
    assert sorted(rig.invoker.ids) == [f"e-{number}" for number in range(3, 9)]
    assert (report.invoked, report.failed) == (6, 2)


def test_finder_stops_before_its_deadline_and_logs_what_it_left(caplog: pytest.LogCaptureFixture) -> None:
    rig = FinderRig(*items_due(5))
    rig.invoker.on_invoke = rig.clock.passing_s(19)
    (report,) = rig.run(seconds=60)
    assert rig.invoker.ids == ["e-1", "e-2", "e-3"]
    assert report == LookReport(found=5, malformed=0, invoked=3, failed=0, left=2, skipped=0)
    assert "Left 2 due executions to the next tick: the function's time is nearly up" in messages(
        caplog, logging.WARNING
    )


@pytest.mark.parametrize(("seconds", "sent"), [(12, 3), (13, 4)])
def test_no_invoke_begins_within_the_reserve(seconds: int, sent: int) -> None:
    """The reserve is 3 s: with 12 s until the deadline, an invoke may begin at 0, 3 and 6 s, but not at 9 s."""
    rig = FinderRig(*items_due(5))
    rig.invoker.on_invoke = rig.clock.passing_s(3)
    rig.run(seconds=seconds)
    assert len(rig.invoker.accepted) == sent


def test_executions_left_over_come_first_at_the_next_tick() -> None:
    rig = FinderRig(*[an_item_polled(f"e-{number}", 60) for number in range(1, 5)])
    rig.invoker.on_invoke = rig.clock.passing_s(30)
    rig.run(seconds=60)
    assert rig.invoker.ids == ["e-1", "e-2"]
    for dispatch in rig.invoker.accepted:
        rig.table.write(dispatch.key, LastPolledTime=START_US // SECOND_US)
    rig.run(seconds=60)
    assert rig.invoker.ids[2:] == ["e-3", "e-4"]


def test_default_is_one_look_without_sleeping() -> None:
    rig = FinderRig(*items_due(1))
    assert len(rig.run()) == 1
    assert rig.clock.sleeps == []


def look_instants(rig: FinderRig) -> list[int]:
    """A list that later invocations fill: the seconds after the start at which each look begins."""
    instants: list[int] = []
    rig.index.on_page = lambda: instants.append((rig.clock.now_us() - START_US) // SECOND_US)
    return instants


def test_four_looks_a_minute_are_15_seconds_apart() -> None:
    rig = FinderRig(settings=FOUR_SWEEPS)
    instants = look_instants(rig)
    assert len(rig.run()) == 4
    assert instants == [0, 15, 30, 45]
    assert rig.clock.sleeps == [15 * SECOND_US] * 3


def test_slow_look_does_not_delay_the_next() -> None:
    rig = FinderRig(*items_due(1), settings=FOUR_SWEEPS)
    instants = look_instants(rig)
    rig.invoker.on_invoke = rig.clock.passing_s(4)
    rig.run()
    assert instants == [0, 15, 30, 45]
    assert rig.clock.sleeps == [11 * SECOND_US] * 3


def test_look_longer_than_the_distance_is_followed_at_once() -> None:
    rig = FinderRig(*items_due(1), settings=FOUR_SWEEPS)
    instants = look_instants(rig)
    rig.invoker.on_invoke = rig.clock.passing_s(20)
    rig.run(seconds=120)
    assert instants == [0, 20, 40, 60]


def test_look_within_the_reserve_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    rig = FinderRig(settings=FOUR_SWEEPS)
    instants = look_instants(rig)
    assert len(rig.run(seconds=48)) == 3
    assert instants == [0, 15, 30]
    assert messages(caplog, logging.WARNING) == ["Look 4 left out: the function's time is nearly up"]
    assert sum(rig.clock.sleeps) == 30 * SECOND_US


def test_look_that_uses_up_the_time_leaves_out_the_others(caplog: pytest.LogCaptureFixture) -> None:
    rig = FinderRig(*items_due(1), settings=FOUR_SWEEPS)
    rig.invoker.on_invoke = rig.clock.passing_s(58)
    assert len(rig.run(seconds=60)) == 1
    assert messages(caplog, logging.WARNING) == ["Look 2 left out: the function's time is nearly up"]


def test_finder_without_time_does_not_look() -> None:
    rig = FinderRig(*items_due(1))
    assert rig.run(seconds=3) == ()
    assert rig.index.pages_read == 0
