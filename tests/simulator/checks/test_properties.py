"""Monitors of writes and life cycles, fed by hand: each check seen to fail and to hold."""

from typing import Any

import pytest

from drsim.scenarios.files import load
from drsim.simulator.checks import PROPERTIES
from drsim.simulator.checks.isolation import Isolation
from drsim.simulator.checks.monitor import Monitor, Verdict
from drsim.simulator.checks.writes import FinalizeOnce, StatusOrder, TerminalAbsorbing
from drsim.simulator.events import FINDER
from drsim.simulator.world import World
from tests.simulator.cloudwatch.runs import (
    SCOPE,
    START_S,
    Bench,
    Item,
    a_server,
    a_wave,
    an_item,
    ended,
    started,
    without,
)

# --- what all have in common ----------------------------------------------------------------------------------


@pytest.mark.parametrize("monitor", PROPERTIES, ids=lambda monitor: monitor.name)
def test_a_property_that_heard_nothing_was_not_exercised(monitor: type[Monitor]) -> None:
    bench = Bench(monitor)
    bench.monitor.finish(0)
    assert (bench.monitor.verdict, bench.monitor.checked) == (Verdict.NOT_EXERCISED, 0)


@pytest.mark.parametrize("scenario", ["drill", "cancelled", "partial", "timeout-stuck"])
def test_monitors_keep_nothing_of_what_is_over(scenario: str) -> None:
    world = World(load(scenario), seed=1)
    world.run()
    world.close()
    for monitor in world.monitors:
        kept = {name: value for name, value in vars(monitor).items() if isinstance(value, dict) and value}
        assert kept == {}, monitor.name


# --- isolation ------------------------------------------------------------------------------------------------


def test_isolation_notices_a_poll_that_writes_another_execution() -> None:
    bench = Bench(Isolation)
    bench.write(an_item(), by="worker")
    bench.trace.emit(started(execution_id="e-2"))
    bench.write(an_item(Version=2))
    assert bench.said() == [("a write to execution e-2", "ExecutionPoller wrote e-1")]


def test_isolation_notices_a_write_of_an_invocation_that_has_ended() -> None:
    bench = Bench(Isolation)
    bench.write(an_item(), by="worker")
    bench.trace.emit(started())
    bench.write(an_item(Version=2))
    bench.trace.emit(ended())
    assert (bench.said(), bench.monitor.checked) == ([], 1)
    bench.write(an_item(Version=3))
    assert bench.said() == [("a poll writes while it runs", "ExecutionPoller wrote e-1 after its invocation had ended")]


def test_an_item_that_a_function_creates_is_judged_by_whose_it_is() -> None:
    bench = Bench(Isolation)
    bench.trace.emit(started())
    bench.write(an_item())
    bench.delete()
    assert (bench.said(), bench.monitor.checked) == ([], 2)


def test_isolation_notices_a_finder_that_writes() -> None:
    bench = Bench(Isolation)
    bench.write(an_item(), by="worker")
    bench.trace.emit(started("r-1", FINDER, ""))
    bench.write(an_item(Version=2), by=FINDER)
    assert bench.said() == [("the finder writes nothing", "ExecutionFinder wrote e-1")]


def test_isolation_notices_a_server_of_another_waves_job() -> None:
    bench = Bench(Isolation)
    job = bench.job("s-1", "s-2")
    bench.write(an_item(Waves=[a_wave(JobId=job.job_id)]), by="worker")
    bench.trace.emit(started())
    own = [a_server(), a_server("s-2")]
    bench.write(an_item(Version=2, Waves=[a_wave(JobId=job.job_id, Servers=own)]))
    assert bench.said() == []
    bench.write(an_item(Version=3, Waves=[a_wave(JobId=job.job_id, Servers=[*own, a_server("s-9")])]))
    assert bench.said() == [("wave 1 with its own servers", "server s-9")]


def test_own_job_asked_about_in_another_region_is_named_as_such() -> None:
    bench = Bench(Isolation)
    elsewhere = SCOPE._replace(region="eu-west-1")
    bench.write(an_item(Waves=[a_wave(Region=elsewhere.region, JobId="drsjob-7")]), by="worker")
    bench.ask("drsjob-7")
    ((expected, observed),) = bench.said()
    assert expected == "DRS asked about each job in its own account and Region"
    assert observed.endswith(f"{SCOPE.region}, its own job in {SCOPE.account_id} eu-west-1")
    bench.ask("drsjob-8")
    assert [each.kind.name for each in bench.monitor.violations] == ["own job elsewhere", "foreign job"]


def test_wave_without_a_number_is_named_by_its_place() -> None:
    bench = Bench(Isolation)
    bench.write(an_item(Waves=[without(a_wave(), "WaveNumber")]), by="worker")
    bench.trace.emit(started())
    servers = [a_server(), a_server(SourceServerId="s-9")]
    bench.write(an_item(Version=2, Waves=[without(a_wave(Servers=servers), "WaveNumber")]))
    assert bench.said() == [("wave 1 with its own servers", "server s-9")]


def test_isolation_notices_a_question_about_the_job_of_another() -> None:
    bench = Bench(Isolation)
    bench.write(an_item(), by="worker")
    bench.ask("drsjob-1")
    assert (bench.said(), bench.monitor.checked) == ([], 1)
    bench.ask("drsjob-1", "drsjob-2")
    place = f"{SCOPE.account_id} {SCOPE.region}"
    assert bench.said() == [
        ("DRS asked about the execution's own jobs", f"drsjob-2 asked about in {place}, the job of no open execution")
    ]


def test_a_poll_that_asks_while_its_execution_is_cancelled_is_not_judged() -> None:
    bench = Bench(Isolation)
    bench.write(an_item(), by="worker")
    bench.write(an_item(Status="CANCELLED"), by="person")
    bench.ask("drsjob-2")
    assert bench.monitor.verdict is Verdict.NOT_EXERCISED


@pytest.mark.parametrize(
    ("polls", "said"), [(True, []), (False, [("the finder writes nothing", "ExecutionFinder wrote e-1")])]
)
def test_finder_that_polls_by_itself_may_write(polls: bool, said: list[tuple[str, str]]) -> None:
    bench = Bench(Isolation, finder_polls=polls)
    bench.write(an_item(), by="worker")
    bench.trace.emit(started("r-1", FINDER, ""))
    bench.write(an_item(Version=2), by=FINDER)
    assert bench.said() == said


def test_invocation_for_several_executions_may_write_each() -> None:
    bench = Bench(Isolation)
    bench.write(an_item(), by="worker")
    bench.trace.emit(started(execution_id=""))
    bench.write(an_item(Version=2))
    assert bench.said() == []


def test_isolation_notices_a_foreign_server_that_replaces_an_own_one() -> None:
    bench = Bench(Isolation)
    bench.write(an_item(), by="worker")
    bench.trace.emit(started())
    bench.write(an_item(Version=2, Waves=[a_wave(Servers=[a_server("s-9")])]))
    assert bench.said() == [("wave 1 with its own servers", "server s-9")]


@pytest.mark.parametrize(
    ("message", "right"),
    [
        ("job drsjob-00000000000000001 ended", True),
        ("1 server did not launch: s-00000000000000001", True),
        ("job drsjob-00000000000000002 ended", False),
        ("1 server did not launch: s-00000000000000002", False),
        ("2 of s-many servers", True),
    ],
)
def test_message_of_a_wave_names_nothing_of_another_execution(message: str, right: bool) -> None:
    bench = Bench(Isolation)
    wave = a_wave(JobId="drsjob-00000000000000001", Servers=[a_server("s-00000000000000001")])
    bench.write(an_item(Waves=[wave]), by="worker")
    bench.trace.emit(started())
    bench.write(an_item(Version=2, Waves=[wave | {"StatusMessage": message}]))
    assert [each.kind.name for each in bench.monitor.violations] == ([] if right else ["foreign message"])


# --- terminal-absorbing ---------------------------------------------------------------------------------------


def test_what_has_ended_is_not_written_again() -> None:
    bench = Bench(TerminalAbsorbing)
    bench.write(an_item(), by="worker")
    assert bench.monitor.verdict is Verdict.NOT_EXERCISED
    bench.write(an_item(Status="CANCELLED", Version=2), by="person")
    assert (bench.said(), bench.monitor.checked) == ([], 1)
    bench.write(an_item(Status="COMPLETED", Version=3))
    bench.write(an_item(Status="LOST", Version=4))
    assert bench.said() == [
        ("CANCELLED for good", "ExecutionPoller wrote it again, now COMPLETED"),
        ("COMPLETED for good", "ExecutionPoller wrote it again"),
    ]


def test_what_has_ended_may_be_deleted_and_no_function_brings_it_back() -> None:
    bench = Bench(TerminalAbsorbing)
    bench.write(an_item(Status="FAILED"), by="worker")
    bench.delete(by="person")
    bench.write(an_item(), by="worker")
    bench.delete(by="person")
    assert bench.said() == []
    bench.write(an_item())
    assert bench.said() == [("functions create no execution", "ExecutionPoller did")]


# --- status-order ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {}, []),
        (
            {},
            {"Status": "PENDING"},
            [
                (
                    "execution stays POLLING or goes to CANCELLED, COMPLETED, FAILED, PARTIAL, TIMEOUT",
                    "to PENDING by ExecutionPoller",
                )
            ],
        ),
        # What leaves a terminal status is the business of another property.
        ({"Status": "FAILED"}, {"Status": "COMPLETED"}, []),
        ({"Waves": [a_wave(Status="LAUNCHING")]}, {}, []),
        (
            {},
            {"Waves": [a_wave(Status="LAUNCHING")]},
            [
                (
                    "wave 1 stays IN_PROGRESS or goes to COMPLETED, FAILED, PARTIAL, TIMEOUT, UNKNOWN",
                    "to LAUNCHING by ExecutionPoller",
                )
            ],
        ),
        (
            {},
            {"Waves": [a_wave(JobStatus="PENDING")]},
            [("job of wave 1 stays STARTED or goes to COMPLETED", "to PENDING by ExecutionPoller")],
        ),
        (
            {},
            {"Waves": [without(a_wave(), "JobStatus")]},
            [("JobStatus of wave 1 kept", "gone, by ExecutionPoller")],
        ),
        ({"Waves": [without(a_wave(), "JobStatus")]}, {}, []),
        # Another job starts from the beginning.
        ({}, {"Waves": [a_wave(JobId="drsjob-2", JobStatus="PENDING")]}, []),
        ({}, {"Waves": [a_wave(Servers=[a_server(status="LAUNCHED"), a_server("s-2", "PENDING")])]}, []),
        (
            {},
            {"Waves": [a_wave(Servers=[a_server(status="PENDING")])]},
            [("server s-1 stays IN_PROGRESS or goes to FAILED, LAUNCHED, TERMINATED", "to PENDING by ExecutionPoller")],
        ),
        # A server that is gone is lost, which is for another property.
        ({}, {"Waves": [a_wave(Servers=[])]}, []),
    ],
)
def test_status_order_names_the_moves_that_were_left(before: Item, after: Item, said: list[tuple[str, str]]) -> None:
    bench = Bench(StatusOrder)
    bench.write(an_item(**before), by="worker")
    bench.write(an_item(Version=2, **after))
    assert (bench.said(), bench.monitor.checked) == (said, 1)


def test_status_order_leaves_a_finished_wave_alone() -> None:
    bench = Bench(StatusOrder)
    done = a_wave(Status="COMPLETED", JobStatus="COMPLETED", Servers=[a_server(status="LAUNCHED")])
    bench.write(an_item(Waves=[done]), by="worker")
    bench.write(an_item(Version=2, Waves=[done]))
    assert bench.said() == []
    bench.write(an_item(Version=3, Waves=[done | {"Servers": [a_server(status="TERMINATED")]}]))
    assert bench.said() == [("wave 1, COMPLETED, unchanged", "ExecutionPoller changed it, now COMPLETED")]


def test_status_order_with_unreadable_status_judges_the_waves() -> None:
    bench = Bench(StatusOrder)
    bench.write(an_item(Waves=[a_wave(Status="IN_PROGRESS")]), by="worker")
    bench.write(an_item(Status="LOST", Waves=[a_wave(Status="IN_PROGRESS")]), by="person")
    assert bench.said() == []
    bench.write(an_item(Waves=[a_wave(Status="LAUNCHING")]), by="person")
    (violation,) = bench.said()
    assert violation[1] == "to LAUNCHING by person"


# --- finalize-once --------------------------------------------------------------------------------------------


def test_unreadable_end_time_is_not_judged() -> None:
    bench = Bench(FinalizeOnce)
    bench.write(an_item(), by="worker")
    bench.write(an_item(Version=2, Status="FAILED", EndTime="noon"))
    bench.write(an_item(Version=3, Status="FAILED", EndTime=START_S + 20))
    assert bench.said() == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"EndTime": START_S + 1}, [("no EndTime while POLLING", "one was written")]),
        ({"Status": "FAILED"}, [("EndTime with FAILED", "none")]),
        (
            {"Status": "FAILED", "EndTime": START_S + 21},
            [("EndTime of the poll that ended it", "1 s after the write")],
        ),
        ({"Status": "FAILED", "EndTime": START_S + 20}, []),
        ({"Status": "FAILED", "EndTime": START_S + 10}, []),
        (
            {"Status": "FAILED", "EndTime": START_S + 9},
            [("EndTime of the poll that ended it", "11 s before the write")],
        ),
        ({"Status": "LOST"}, []),
    ],
)
def test_finalize_once_wants_an_end_time_with_the_end_and_in_its_place(
    changes: Item, said: list[tuple[str, str]]
) -> None:
    bench = Bench(FinalizeOnce)
    bench.write(an_item(), by="worker")
    bench.at(20)
    bench.write(an_item(Version=2, **changes))
    assert bench.said() == said
    assert bench.monitor.checked == (changes.get("Status") == "FAILED")


def test_finalize_once_notices_a_second_end_time() -> None:
    bench = Bench(FinalizeOnce)
    end: dict[str, Any] = {"Status": "FAILED", "EndTime": START_S}
    bench.write(an_item(**end), by="worker")
    bench.at(10)
    bench.write(an_item(**end, Note="checked"), by="person")
    assert bench.said() == []
    bench.write(an_item(**end | {"EndTime": START_S + 9}))
    assert bench.said() == [("EndTime written once", "it was written again")]
