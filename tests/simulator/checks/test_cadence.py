"""Monitors of looks and polls, fed by hand."""

import pytest

from drsim.simulator.checks.cadence import PollCadence
from drsim.simulator.checks.phases import phase
from drsim.simulator.contract.limits import limits_of
from drsim.simulator.contract.presets import OUR_CONTRACT
from drsim.simulator.events import FINDER, POLLER, IndexRead, Invoked
from drsim.simulator.spec.world import WorldSpec
from tests.simulator.cloudwatch.runs import (
    KEY,
    SECOND_US,
    Bench,
    Item,
    a_server,
    a_wave,
    an_item,
    ended,
    started,
    without,
)

LIMITS = limits_of(OUR_CONTRACT, {})


def with_settings(**settings: int) -> WorldSpec:
    """A world whose functions have these environment variables."""
    return WorldSpec.model_validate({"settings": settings})


# --- phases and intervals -------------------------------------------------------------------------------------

IDLE = [a_server(status="PENDING")]


@pytest.mark.parametrize(
    ("waves", "found", "seconds"),
    [
        ([], "PENDING", 45),
        ([without(a_wave(Servers=[]), "JobStatus")], "PENDING", 45),
        ([a_wave(JobStatus="PENDING", Servers=IDLE)], "PENDING", 45),
        ([a_wave(Servers=IDLE)], "STARTED", 15),
        ([a_wave(JobStatus="COMPLETED", Servers=IDLE)], "STARTED", 15),
        ([a_wave()], "IN_PROGRESS", 30),
        ([a_wave(), a_wave(Servers=IDLE)], "STARTED", 15),
        ([a_wave(Status="COMPLETED"), a_wave(JobStatus="PENDING", Servers=IDLE)], "PENDING", 45),
        ([a_wave(Status="FAILED")], "PENDING", 45),
    ],
)
def test_the_phase_is_that_of_the_wave_with_the_shortest_interval(waves: list[Item], found: str, seconds: int) -> None:
    bench = Bench(PollCadence)
    bench.write(an_item(Waves=waves), by="worker")
    execution = bench.table.get(KEY)
    assert execution is not None
    assert execution.execution is not None
    assert LIMITS.intervals_us is not None
    assert phase(execution.execution, LIMITS) == found
    assert LIMITS.intervals_us[phase(execution.execution, LIMITS)] == seconds * SECOND_US


def test_the_shortest_interval_is_that_of_the_settings() -> None:
    bench = Bench(PollCadence)
    bench.write(an_item(Waves=[a_wave(), a_wave(Servers=IDLE)]), by="worker")
    execution = bench.table.get(KEY)
    assert execution is not None
    assert execution.execution is not None
    settings = {"STARTED_INTERVAL_SECONDS": "90", "IN_PROGRESS_INTERVAL_SECONDS": "20"}
    assert phase(execution.execution, limits_of(OUR_CONTRACT, settings)) == "IN_PROGRESS"


# --- poll-cadence: polls --------------------------------------------------------------------------------------


def a_watched_bench(*, lag: str = "0s", looks_missed: int = 0, **settings: int) -> Bench:
    """A bench with an execution in POLLING, whose interval is 30 s."""
    given = {"table": {"index_lag": lag}, "bounds": {"looks_missed": looks_missed}, "settings": settings}
    bench = Bench(PollCadence, spec=WorldSpec.model_validate(given))
    bench.write(an_item(), by="worker")
    return bench


def poll(bench: Bench, number: int, second: float, *, took_s: float = 1, item: Item | None = None) -> None:
    """A look at this second, and the poll that it causes."""
    bench.at(second)
    bench.look(f"f-{number}", f"r-{number}")
    bench.at(second + took_s)
    bench.write(item or an_item(Version=number + 1), request_id=f"r-{number}")
    bench.trace.emit(ended(f"r-{number}"))
    bench.trace.emit(ended(f"f-{number}", FINDER, outcome="error"))


def test_polls_at_their_intervals_are_in_time() -> None:
    bench = a_watched_bench()
    for number, second in enumerate((2, 31, 61, 100), 1):
        poll(bench, number, second)
    bench.monitor.finish(105 * SECOND_US)
    assert (bench.said(), bench.monitor.checked) == ([], 4)


def test_poll_cadence_notices_a_poll_before_its_time() -> None:
    bench = a_watched_bench()
    poll(bench, 1, 2)
    poll(bench, 2, 30.9)
    assert bench.said() == [("at least 28.984 s between polls", "28.9 s")]


def test_poll_cadence_notices_a_poll_by_another_look_than_the_first() -> None:
    bench = a_watched_bench()
    poll(bench, 1, 2)
    for second in (31, 32, 47):
        bench.at(second)
        bench.look(f"f-at-{second}")
    poll(bench, 2, 62)
    observed = "polled by the look at 62 s; passed over 30 s after the look of its last poll"
    assert bench.said() == [("polled by the look at 32 s, the first since it was due", observed)]


@pytest.mark.parametrize("missed", [0, 1, 2])
def test_as_many_looks_as_the_scenario_allows_may_pass_over_an_execution(missed: int) -> None:
    bench = a_watched_bench(looks_missed=missed)
    poll(bench, 1, 2)
    for second in (32, 47):
        bench.at(second)
        bench.look(f"f-at-{second}")
    poll(bench, 2, 62)
    observed = "polled by the look at 62 s; passed over"
    wanted = [
        ("polled by the look at 32 s, the first since it was due", f"{observed} 30 s after the look of its last poll"),
        ("polled by the look at 47 s, number 2 since it was due", f"{observed} 45 s after the look of its last poll"),
    ]
    assert bench.said() == wanted[missed : missed + 1]


def test_poll_cadence_notices_a_poll_recorded_long_after_its_look() -> None:
    for took_s, said in ((10, []), (11, [("a poll recorded within 10 s of its look", "11 s")])):
        bench = a_watched_bench()
        poll(bench, 1, 2, took_s=took_s)
        assert bench.said() == said


def test_a_look_need_not_see_what_the_index_does_not_show_yet() -> None:
    bench = a_watched_bench(lag="0s..5s")
    bench.at(4)
    bench.look("f-0")
    poll(bench, 1, 20)
    assert bench.said() == []


def test_without_slack_the_time_of_a_query_may_cost_a_look() -> None:
    for slack_s, said in ((0, []), (1, ["polled by the look at 32.02 s, the first since it was due"])):
        bench = a_watched_bench(DUE_SLACK_SECONDS=slack_s)
        poll(bench, 1, 2)
        bench.at(32.02)
        bench.look("f-x")
        poll(bench, 2, 47)
        assert [expected for expected, _ in bench.said()] == said


def test_wave_added_between_polls_permits_the_shorter_interval() -> None:
    for second in (18, 32):
        bench = a_watched_bench()
        poll(bench, 1, 2)
        bench.at(10)
        bench.write(an_item(Version=3, Waves=[a_wave(), a_wave(Servers=IDLE)]), by="worker")
        bench.at(18)
        bench.look("f-x")
        poll(bench, 2, second, item=an_item(Version=4, Waves=[a_wave(), a_wave(Servers=IDLE)]))
        assert bench.said() == []


@pytest.mark.parametrize("by", ["", "f-blind"])
def test_a_poll_with_no_look_counts_from_its_invocation(by: str) -> None:
    bench = a_watched_bench()
    poll(bench, 1, 2)
    bench.at(40)
    bench.trace.emit(started("f-blind", FINDER, ""))
    bench.trace.emit(Invoked(40 * SECOND_US, "r-x", by, POLLER, "e-1"))
    bench.write(an_item(Version=3), request_id="r-x")
    bench.look("f-x")
    poll(bench, 2, 70, item=an_item(Version=4))
    assert (bench.said(), bench.monitor.checked) == ([], 3)


@pytest.mark.parametrize("by", ["person", "deletion"])
def test_what_has_ended_or_is_gone_is_not_waited_for(by: str) -> None:
    bench = a_watched_bench()
    poll(bench, 1, 2)
    if by == "person":
        bench.write(an_item(Version=3, Status="CANCELLED"), by=by)
    else:
        bench.delete(by=by)
    bench.at(60)
    bench.look("f-x")
    bench.monitor.finish(200 * SECOND_US)
    assert bench.said() == []


def test_poll_cadence_notices_an_execution_that_no_look_polls() -> None:
    bench = a_watched_bench()
    bench.at(2)
    bench.look("f-1")
    bench.monitor.finish(12 * SECOND_US)
    assert bench.said() == []
    bench.monitor.finish(13 * SECOND_US)
    assert bench.said() == [("polled by the look at 2 s, the first since it was due", "not polled until the end")]


# --- poll-cadence: looks --------------------------------------------------------------------------------------


def a_run(bench: Bench, *looks_s: float, outcome: str = "ok") -> None:
    """One run of the finder from the start, with looks at these seconds."""
    bench.trace.emit(started("f-1", FINDER, ""))
    for second in looks_s:
        bench.trace.emit(IndexRead(round(second * SECOND_US), "f-1", 1, 0, 1, 100))
        bench.trace.emit(IndexRead(round(second * SECOND_US), "f-1", 0, 1, 1, 100))
    bench.trace.emit(ended("f-1", FINDER, outcome=outcome))


@pytest.mark.parametrize(
    ("looks_s", "said"),
    [
        ((0.1, 15.1, 35, 45.1), []),
        ((0.1, 15.1, 30.1), [("4 looks in an invocation of the finder", "3")]),
        ((), [("4 looks in an invocation of the finder", "0")]),
        ((0.1, 15.1, 36, 45.1), [("look 3 of the finder from 30 s on, within 5 s", "at 36 s")]),
        ((0.1, 14, 30.1, 45.1), [("look 2 of the finder from 15 s on, within 5 s", "at 14 s")]),
        ((0.1, 15.1, 30.1, 45.1, 46), [("look 5 of the finder from 60 s on, within 5 s", "at 46 s")]),
    ],
)
def test_finder_looks_as_often_as_configured(looks_s: tuple[float, ...], said: list[tuple[str, str]]) -> None:
    bench = Bench(PollCadence, spec=with_settings(SWEEPS_PER_INVOCATION=4))
    a_run(bench, *looks_s)
    assert bench.said() == said


def test_one_missing_look_is_expected_in_the_singular() -> None:
    bench = Bench(PollCadence, spec=with_settings(SWEEPS_PER_INVOCATION=1))
    a_run(bench)
    assert bench.said() == [("1 look in an invocation of the finder", "0")]


@pytest.mark.parametrize("outcome", ["error", "timeout", "crash"])
def test_a_run_that_failed_need_not_have_looked(outcome: str) -> None:
    bench = Bench(PollCadence)
    a_run(bench, outcome=outcome)
    assert bench.said() == []
