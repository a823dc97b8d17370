"""Monitors of cadence, completion, life cycle and writes fed by hand, in what a whole run seldom reaches."""

import pytest

from simulator.events import (
    FINDER,
    POLLER,
    Invoked,
    LambdaStarted,
    TickFired,
)
from simulator.properties.cadence import PollCadence, TriggerCadence
from simulator.properties.completion import TimeoutTruth
from simulator.properties.lifecycle import FinalizeOnce, StatusOrder
from simulator.properties.monitor import Verdict
from simulator.properties.writes import Isolation, NoLostUpdate
from simulator.spec import JobLife
from tests.simulator.monitored import (
    KEY,
    SCOPE,
    SECOND_US,
    START_S,
    Bench,
    Item,
    a_server,
    a_wave,
    an_item,
    looked,
    started,
)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (an_item(Version=2), []),
        (an_item(Version=3), [("version 2 over 1", "version 3, written by ExecutionPoller")]),
        (
            an_item(Version=2, LastPolledTime=START_S),
            [("LastPolledTime does not go back", "it went back, written by ExecutionPoller")],
        ),
        (an_item(Version=2, Waves=[]), [("1 waves", "0, written by ExecutionPoller")]),
        (an_item(Version=2, InitiatedBy="me"), [("InitiatedBy left alone", "changed, written by ExecutionPoller")]),
        (
            {name: value for name, value in an_item(Version=2).items() if name != "InitiatedBy"},
            [("InitiatedBy kept", "gone, written by ExecutionPoller")],
        ),
        (
            an_item(Version=2, Waves=[{name: value for name, value in a_wave().items() if name != "JobId"}]),
            [("JobId drsjob-1 of wave 1 kept", "JobId gone, written by ExecutionPoller")],
        ),
        (
            an_item(Version=2, Waves=[a_wave(ProtectionGroupId="pg-2")]),
            [("foreign attributes of wave 1 kept", "changed, written by ExecutionPoller")],
        ),
        (an_item(Version=2, Waves=[a_wave(Servers=[])]), [("server s-1 kept", "gone, written by ExecutionPoller")]),
        (
            an_item(Version=2, Waves=[a_wave(Servers=[a_server() | {"Hostname": "x"}])]),
            [("foreign attributes of server s-1 kept", "changed, written by ExecutionPoller")],
        ),
        (
            an_item(Version=2, Waves=[a_wave(Servers=[a_server() | {"InstanceId": "i-2"}])]),
            [("InstanceId of server s-1 kept", "i-2, written by ExecutionPoller")],
        ),
        (None, [("the item kept", "deleted, written by ExecutionPoller")]),
        (an_item(Version=2, Status="LOST"), [("a write that can be read", "a malformed item")]),
    ],
)
def test_no_lost_update_names_what_was_lost(after: Item | None, said: list[tuple[str, str]]) -> None:
    bench = Bench(NoLostUpdate)
    bench.write(an_item(), by="worker")
    if after is None:
        bench.table.delete(KEY, writer=POLLER, request_id="r-1")
    else:
        bench.write(after)
    assert bench.said() == said
    assert bench.monitor.checked == 1


def test_the_worker_may_write_what_is_its_own() -> None:
    bench = Bench(NoLostUpdate)
    bench.write(an_item(), by="worker")
    bench.write(an_item(Version=2, InitiatedBy="worker", Waves=[a_wave(JobId="drsjob-2")]), by="worker")
    assert bench.monitor.verdict is Verdict.NOT_EXERCISED


def test_isolation_notices_a_poll_that_writes_another_execution() -> None:
    bench = Bench(Isolation)
    bench.write(an_item(), by="worker")
    bench.trace.emit(started("r-1", execution_id="e-2"))
    bench.write(an_item(Version=2))
    assert bench.said() == [("a write to execution e-2", "ExecutionPoller wrote e-1")]


def test_isolation_notices_a_finder_that_writes() -> None:
    bench = Bench(Isolation)
    bench.write(an_item(), by="worker")
    bench.trace.emit(started("r-1", FINDER, ""))
    bench.write(an_item(Version=2), by=FINDER)
    assert bench.said() == [("the finder writes nothing", "ExecutionFinder wrote e-1")]


def test_isolation_notices_a_server_of_another_waves_job() -> None:
    bench = Bench(Isolation)
    bench.drs.add_servers(SCOPE, ["s-1", "s-2"], JobLife())
    job = bench.drs.start_recovery(SCOPE, ["s-1", "s-2"])
    bench.write(an_item(Waves=[a_wave(JobId=job.job_id)]), by="worker")
    bench.trace.emit(started("r-1"))
    own = [a_server(), a_server("s-2")]
    bench.write(an_item(Version=2, Waves=[a_wave(JobId=job.job_id, Servers=own)]))
    assert bench.said() == []
    bench.write(an_item(Version=3, Waves=[a_wave(JobId=job.job_id, Servers=[*own, a_server("s-9")])]))
    assert bench.said() == [("wave 1 with its own servers", "server s-9")]


def test_trigger_cadence_notices_what_happens_to_ticks() -> None:
    bench = Bench(TriggerCadence)
    minute_us = 60 * SECOND_US
    bench.trace.emit(TickFired(0, 1))
    bench.trace.emit(Invoked(0, "f-1", "", FINDER, ""))
    bench.trace.emit(Invoked(0, "f-2", "", FINDER, ""))
    bench.trace.emit(LambdaStarted(6 * SECOND_US, "f-1", FINDER, "", 1, 1, 0, 1))
    bench.trace.emit(TickFired(minute_us - 3 * SECOND_US, 2))
    bench.trace.emit(TickFired(3 * minute_us, 3))
    bench.monitor.finish(5 * minute_us)
    assert bench.said() == [
        ("one invocation of the finder for each tick", "one without a tick"),
        ("the finder starts within 5 s", "after 6 s"),
        ("tick 2 within 1 s of its minute", "3 s early"),
        ("tick 3 within 1 s of its minute", "60 s late"),
        ("the tick at 57 s invokes the finder", "it did not"),
        ("a tick at 240 s", "none until the end"),
        ("the tick at 180 s invokes the finder", "it did not"),
        ("the finder invoked at 0 s starts", "it never did"),
    ]


def test_poll_cadence_notices_a_poll_recorded_long_after_its_look() -> None:
    bench = Bench(PollCadence)
    bench.write(an_item(), by="worker")
    bench.kernel.run(until_us=2 * SECOND_US)
    looked(bench, "f-1", 2 * SECOND_US, "r-1")
    bench.kernel.run(until_us=13 * SECOND_US)
    bench.write(an_item(Version=2))
    assert bench.said() == [("a poll recorded within 10 s of its look", "11 s")]


def test_poll_cadence_notices_an_execution_that_no_look_polls() -> None:
    bench = Bench(PollCadence)
    bench.write(an_item(), by="worker")
    looked(bench, "f-1", 2 * SECOND_US)
    bench.monitor.finish(11 * SECOND_US)
    assert bench.said() == []
    bench.monitor.finish(13 * SECOND_US)
    assert bench.said() == [("polled by the look at 2 s, the first since it was due", "not polled until the end")]


def test_status_order_leaves_a_finished_wave_alone() -> None:
    bench = Bench(StatusOrder)
    done = a_wave(Status="COMPLETED", JobStatus="COMPLETED", Servers=[a_server(status="LAUNCHED")])
    bench.write(an_item(Waves=[done]), by="worker")
    bench.write(an_item(Version=2, Waves=[done | {"Servers": [a_server(status="TERMINATED")]}]))
    assert bench.said() == [("wave 1, COMPLETED, unchanged", "ExecutionPoller changed it, now COMPLETED")]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"EndTime": START_S + 1}, [("no EndTime while POLLING", "one was written")]),
        ({"Status": "FAILED"}, [("EndTime with FAILED", "none")]),
        (
            {"Status": "FAILED", "EndTime": START_S + 1},
            [("EndTime of the poll that ended it", "1 s after the write")],
        ),
        ({"Status": "FAILED", "EndTime": START_S}, []),
    ],
)
def test_finalize_once_wants_an_end_time_with_the_end_and_in_its_place(
    changes: Item, said: list[tuple[str, str]]
) -> None:
    bench = Bench(FinalizeOnce)
    bench.write(an_item(), by="worker")
    bench.write(an_item(Version=2, **changes))
    assert bench.said() == said


def test_finalize_once_notices_a_second_end_time() -> None:
    bench = Bench(FinalizeOnce)
    bench.write(an_item(Status="FAILED", EndTime=START_S), by="worker")
    bench.kernel.run(until_us=10 * SECOND_US)
    bench.write(an_item(Status="FAILED", EndTime=START_S + 9))
    assert bench.said() == [("EndTime written once", "it was written again")]


def test_timeout_truth_wants_thirty_minutes_and_a_question() -> None:
    bench = Bench(TimeoutTruth)
    bench.drs.add_servers(SCOPE, ["s-1"], JobLife(hangs=True))
    job = bench.drs.start_recovery(SCOPE, ["s-1"])
    stuck = a_wave(JobId=job.job_id, Status="TIMEOUT", JobStatus="PENDING", Servers=[a_server(status="PENDING")])
    bench.write(an_item(), by="worker")
    bench.kernel.run(until_us=1800 * SECOND_US)
    bench.write(an_item(Version=2, Status="TIMEOUT", Waves=[stuck]))
    assert bench.said() == [
        ("TIMEOUT only after 1800 s", "after 1800 s"),
        (f"DRS asked about job {job.job_id}", "it was not"),
    ]


def test_timeout_truth_leaves_no_wave_as_if_it_were_watched() -> None:
    bench = Bench(TimeoutTruth)
    bench.write(an_item(Waves=[a_wave(Status="LAUNCHING")]), by="worker")
    bench.kernel.run(until_us=1801 * SECOND_US)
    bench.write(an_item(Version=2, Status="TIMEOUT", Waves=[a_wave(Status="LAUNCHING")]))
    assert bench.said() == [("wave 1 TIMEOUT or UNKNOWN, for nobody watches it any more", "LAUNCHING")]
