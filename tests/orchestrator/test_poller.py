"""The poller: what one poll reads, requests, concludes, writes, publishes and logs. `test_races` has its races."""

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from drsim.orchestrator.errors import MalformedError, OrchestratorError, PollFailedError, RefusedError, TryLaterError
from drsim.orchestrator.model import (
    ActionStatus,
    ExecutionKey,
    ExecutionStatus,
    ExecutionType,
    JobStatus,
    MetricPoint,
    PollUpdate,
    ServerStatus,
    Unit,
    WaveStatus,
)
from drsim.orchestrator.poller import PollEnd, PollReport
from drsim.orchestrator.settings import SECOND_US
from tests.orchestrator.ports import START_US, Asked, raising
from tests.orchestrator.rigs import PollerRig
from tests.orchestrator.samples import EAST, KEY, OTHER_ACCOUNT, WEST, a_job, a_wave, an_ended_job, an_execution

LAUNCHED, FAILED, PENDING = ServerStatus.LAUNCHED, ServerStatus.FAILED, ServerStatus.PENDING


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == level]


@pytest.fixture(autouse=True)
def _every_level_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.DEBUG, logger="drsim.orchestrator"):
        yield


def test_one_write_carries_waves_and_time_of_the_poll() -> None:
    wave = a_wave()
    rig = PollerRig(an_execution(wave))
    rig.answer((wave, a_job(wave, JobStatus.STARTED, PENDING, PENDING)))
    rig.clock.pass_us(60 * SECOND_US)
    report = rig.poll()
    assert report == PollReport(PollEnd.UPDATED, 1, ExecutionStatus.POLLING)
    servers = tuple(replace(server, status=PENDING) for server in wave.servers)
    assert rig.table.written == [
        PollUpdate(
            key=KEY,
            expected_version=0,
            last_polled_us=START_US + 60 * SECOND_US,
            waves=(replace(wave, job_status=JobStatus.STARTED, servers=servers, extra={}),),
        )
    ]


def test_final_write_carries_status_and_end_time() -> None:
    wave = a_wave()
    rig = PollerRig(an_execution(wave))
    rig.answer((wave, an_ended_job(wave)))
    rig.jobs.on_call = rig.clock.passing_s(2)
    report = rig.poll()
    assert report == PollReport(PollEnd.UPDATED, 1, ExecutionStatus.COMPLETED)
    assert len(rig.table.written) == 1
    stored = rig.stored()
    assert stored.status is ExecutionStatus.COMPLETED
    assert stored.end_us == START_US + 2 * SECOND_US


def test_last_polled_time_is_the_instant_of_the_look() -> None:
    wave = a_wave()
    rig = PollerRig(an_execution(wave, last_polled_us=START_US - 60 * SECOND_US))
    rig.jobs.on_call = rig.clock.passing_s(5)
    rig.poll(dispatched_us=START_US - 3 * SECOND_US)
    assert rig.stored().last_polled_us == START_US - 3 * SECOND_US


def test_finder_clock_ahead_does_not_delay_the_next_poll() -> None:
    rig = PollerRig(an_execution(a_wave()))
    rig.poll(dispatched_us=START_US + 600 * SECOND_US)
    assert rig.stored().last_polled_us == START_US


def test_manual_poll_counts_from_its_write_and_never_goes_back_in_time() -> None:
    ahead_us = START_US + 20 * SECOND_US
    rig = PollerRig(an_execution(a_wave(), last_polled_us=ahead_us))
    rig.poll()
    assert rig.stored().last_polled_us == ahead_us
    rig.clock.pass_us(30 * SECOND_US)
    rig.poll()
    assert rig.stored().last_polled_us == START_US + 30 * SECOND_US


@pytest.mark.parametrize("status", [status for status in ExecutionStatus if status is not ExecutionStatus.POLLING])
def test_execution_not_in_polling_is_logged_and_unchanged(
    status: ExecutionStatus, caplog: pytest.LogCaptureFixture
) -> None:
    rig = PollerRig(an_execution(a_wave(), status=status))
    assert rig.poll(dispatched_us=START_US) == PollReport(PollEnd.NOT_POLLING, status=status)
    assert messages(caplog, logging.INFO) == [f"Execution e-1 is {status}, not POLLING"]
    assert (rig.jobs.calls, rig.table.written, rig.metrics.points) == ([], [], [])


def test_missing_execution_is_logged_and_not_recreated(caplog: pytest.LogCaptureFixture) -> None:
    rig = PollerRig()
    assert rig.poll(ExecutionKey("e-0", "plan-1")) == PollReport(PollEnd.GONE)
    assert messages(caplog, logging.INFO) == ["Execution e-0 is gone"]
    assert (rig.table.items, rig.jobs.calls, rig.metrics.points) == ({}, [], [])


def test_second_delivery_of_one_dispatch_polls_nothing(caplog: pytest.LogCaptureFixture) -> None:
    rig = PollerRig(an_execution(a_wave()))
    assert rig.poll(dispatched_us=START_US).end is PollEnd.UPDATED
    rig.clock.pass_us(SECOND_US)
    assert rig.poll(dispatched_us=START_US) == PollReport(PollEnd.NOT_DUE, status=ExecutionStatus.POLLING)
    assert "Execution e-1 was polled meanwhile" in messages(caplog, logging.INFO)
    assert (len(rig.jobs.calls), len(rig.table.written), len(rig.metrics.points)) == (1, 1, 3)


def test_drs_is_called_once_per_account_and_region() -> None:
    scopes = [EAST, WEST, EAST, OTHER_ACCOUNT, EAST, WEST]
    waves = [a_wave(number, scope=scope) for number, scope in enumerate(scopes, start=1)]
    rig = PollerRig(an_execution(*waves))
    rig.answer(*[(wave, an_ended_job(wave)) for wave in waves])
    assert rig.poll().status is ExecutionStatus.COMPLETED
    assert rig.jobs.calls == [
        Asked(EAST, ("drsjob-1", "drsjob-3", "drsjob-5"), None),
        Asked(WEST, ("drsjob-2", "drsjob-6"), None),
        Asked(OTHER_ACCOUNT, ("drsjob-4",), None),
    ]


def test_every_page_of_describe_jobs_is_read() -> None:
    waves = [a_wave(number) for number in range(1, 6)]
    rig = PollerRig(an_execution(*waves), jobs_page_size=2)
    rig.answer(*[(wave, an_ended_job(wave)) for wave in waves])
    assert rig.poll().status is ExecutionStatus.COMPLETED
    assert [asked.token for asked in rig.jobs.calls] == [None, "2", "4"]


def test_jobs_of_finished_waves_are_not_requested() -> None:
    done = a_wave(1, status=WaveStatus.COMPLETED)
    waits = a_wave(2, status=WaveStatus.PENDING, job_id=None)
    rig = PollerRig(an_execution(done, waits))
    rig.poll()
    assert rig.jobs.calls == []


def test_server_states_are_merged_by_id_in_any_order() -> None:
    wave = a_wave()
    rig = PollerRig(an_execution(wave))
    job = a_job(wave, JobStatus.STARTED, LAUNCHED, PENDING)
    rig.answer((wave, replace(job, servers=job.servers[::-1])))
    rig.poll()
    assert [(server.source_server_id, server.status) for server in rig.stored().waves[0].servers] == [
        ("s-1a", LAUNCHED),
        ("s-1b", PENDING),
    ]


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ((LAUNCHED, LAUNCHED), ExecutionStatus.COMPLETED),
        ((LAUNCHED, FAILED), ExecutionStatus.PARTIAL),
        ((FAILED, FAILED), ExecutionStatus.FAILED),
    ],
)
def test_execution_status_follows_its_servers(ends: tuple[ServerStatus, ...], status: ExecutionStatus) -> None:
    wave = a_wave()
    rig = PollerRig(an_execution(wave))
    rig.answer((wave, a_job(wave, JobStatus.COMPLETED, *ends)))
    assert rig.poll().status is status
    assert rig.stored().waves[0].status.value == status.value


@pytest.mark.parametrize(
    ("kind", "action", "status"),
    [
        (ExecutionType.RECOVERY, ActionStatus.IN_PROGRESS, ExecutionStatus.POLLING),
        (ExecutionType.RECOVERY, ActionStatus.FAILED, ExecutionStatus.PARTIAL),
        (ExecutionType.RECOVERY, ActionStatus.SUCCEEDED, ExecutionStatus.COMPLETED),
        (ExecutionType.DRILL, ActionStatus.FAILED, ExecutionStatus.COMPLETED),
    ],
)
def test_launch_actions_count_in_a_recovery_only(
    kind: ExecutionType, action: ActionStatus, status: ExecutionStatus
) -> None:
    wave = a_wave()
    rig = PollerRig(an_execution(wave, kind=kind))
    rig.answer((wave, an_ended_job(wave, actions=(action,))))
    assert rig.poll().status is status


def test_overdue_execution_times_out_only_after_asking_drs() -> None:
    """The answer of the overdue poll decides: one execution completes, the other times out."""
    ended, runs = a_wave(1), a_wave(2)
    other = ExecutionKey("e-2", "plan-1")
    rig = PollerRig(an_execution(ended), an_execution(runs, key=other))
    rig.answer((ended, an_ended_job(ended)), (runs, a_job(runs, JobStatus.STARTED, LAUNCHED, PENDING)))
    rig.clock.pass_us(1801 * SECOND_US)
    assert rig.poll().status is ExecutionStatus.COMPLETED
    assert rig.poll(other).status is ExecutionStatus.TIMEOUT
    (wave,) = rig.stored(other).waves
    assert (wave.status, wave.job_status) == (WaveStatus.TIMEOUT, JobStatus.STARTED)
    assert [server.status for server in wave.servers] == [LAUNCHED, PENDING]


def test_execution_overdue_when_drs_answers_times_out() -> None:
    wave = a_wave()
    rig = PollerRig(an_execution(wave))
    rig.clock.pass_us(1799 * SECOND_US)
    rig.jobs.on_call = rig.clock.passing_s(2)
    assert rig.poll().status is ExecutionStatus.TIMEOUT


def test_missing_or_unknown_job_is_a_warning_and_the_poll_continues(caplog: pytest.LogCaptureFixture) -> None:
    rig = PollerRig(an_execution(a_wave(None, job_id=None), a_wave(2, job_id=None), a_wave(3)))
    assert rig.poll().end is PollEnd.UPDATED
    assert messages(caplog, logging.WARNING) == [
        "Wave None has no JobId",
        "Wave 2 has no JobId",
        "Wave 3: DRS does not know job drsjob-3 in us-east-1",
    ]


def test_wave_that_waits_for_its_turn_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    rig = PollerRig(an_execution(a_wave(3, status=WaveStatus.PENDING, job_id=None)))
    rig.poll()
    assert messages(caplog, logging.WARNING) == []
    assert messages(caplog, logging.DEBUG) == ["Wave 3 has no JobId"]


def test_log_lines_of_phase_2_carry_the_execution_id(caplog: pytest.LogCaptureFixture) -> None:
    waves = [a_wave(number) for number in (1, 2, 3)]
    rig = PollerRig(an_execution(*waves, kind=ExecutionType.RECOVERY))
    rig.answer(*[(wave, an_ended_job(wave)) for wave in waves])
    rig.clock.pass_us(1200 * SECOND_US)
    rig.poll()
    assert messages(caplog, logging.INFO) == [
        "Updated 3 waves for execution e-1",
        "Execution e-1 is COMPLETED after 1200 s",
    ]
    assert [vars(record)["execution_id"] for record in caplog.records] == ["e-1", "e-1"]
    assert vars(caplog.records[0])["execution_type"] == "RECOVERY"
    assert vars(caplog.records[1])["status"] == "COMPLETED"


def test_attributes_of_other_writers_survive_a_poll() -> None:
    wave = replace(a_wave(), extra={"DependsOn": ["wave-0"]})
    wave = replace(wave, servers=(replace(wave.servers[0], extra={"HostName": "db-1"}),))
    rig = PollerRig(an_execution(wave))
    rig.table.items[KEY]["InitiatedBy"] = "Session 57"
    rig.answer((wave, an_ended_job(wave)))
    rig.poll()
    assert rig.table.items[KEY]["InitiatedBy"] == "Session 57"
    stored = rig.stored().waves[0]
    assert (stored.status, stored.extra) == (WaveStatus.COMPLETED, {"DependsOn": ["wave-0"]})
    assert stored.servers[0].extra == {"HostName": "db-1"}


def test_poll_publishes_what_it_measured() -> None:
    rig = PollerRig(an_execution(a_wave(1), a_wave(2)))
    rig.jobs.on_call = lambda: rig.clock.pass_us(120_500)
    rig.poll(dispatched_us=START_US, active_count=7)
    assert rig.metrics.points == [
        MetricPoint("WavesPolled", 2),
        MetricPoint("PollingDuration", 120.5, Unit.MILLISECONDS),
        MetricPoint("PollErrors", 0),
        MetricPoint("ActivePollingExecutions", 7),
    ]


def test_active_count_of_zero_is_published() -> None:
    rig = PollerRig(an_execution(a_wave()))
    rig.poll(active_count=0)
    assert rig.metrics.values("ActivePollingExecutions") == [0]


def test_manual_poll_publishes_no_active_count() -> None:
    rig = PollerRig(an_execution(a_wave()))
    rig.poll()
    assert rig.metrics.values("ActivePollingExecutions") == []
    assert rig.metrics.values("WavesPolled") == [1]


@pytest.mark.parametrize("error", [TryLaterError("Rate exceeded"), RefusedError("not authorized")])
def test_lost_metrics_do_not_fail_the_poll(error: OrchestratorError, caplog: pytest.LogCaptureFixture) -> None:
    wave = a_wave()
    rig = PollerRig(an_execution(wave))
    rig.answer((wave, an_ended_job(wave)))
    rig.metrics.on_publish = raising(error)
    assert rig.poll().status is ExecutionStatus.COMPLETED
    assert messages(caplog, logging.WARNING) == [f"Metrics were not published: {error}"]


ERRORS = [TryLaterError("Rate exceeded"), RefusedError("not authorized")]


@pytest.mark.parametrize("error", [*ERRORS, MalformedError("Status must be one of these, got 'X'")])
@pytest.mark.parametrize("port", ["get", "describe", "save"])
def test_port_error_fails_the_poll_visibly_and_writes_nothing(
    error: OrchestratorError, port: str, caplog: pytest.LogCaptureFixture
) -> None:
    rig = PollerRig(an_execution(a_wave()))
    before = dict(rig.table.items[KEY])
    if port == "get":
        rig.table.on_get = raising(error)
    elif port == "describe":
        rig.jobs.on_call = raising(error)
    else:
        rig.table.on_save = raising(error)
    with pytest.raises(PollFailedError, match="execution e-1: ") as failed:
        rig.poll(active_count=4)
    assert failed.value.__cause__ is error
    assert rig.table.items[KEY] == before
    assert messages(caplog, logging.ERROR) == [f"Poll failed: {error}"]
    assert rig.metrics.values("PollErrors") == [1]
    assert rig.metrics.values("WavesPolled") == [0]
    assert rig.metrics.values("ActivePollingExecutions") == [4]


def test_tick_after_a_failed_poll_tries_again() -> None:
    wave = a_wave()
    rig = PollerRig(an_execution(wave, last_polled_us=START_US - 60 * SECOND_US))
    rig.answer((wave, an_ended_job(wave)))
    rig.jobs.on_call = raising(TryLaterError("Rate exceeded"))
    with pytest.raises(PollFailedError):
        rig.poll(dispatched_us=START_US)
    rig.jobs.on_call = rig.clock.passing_s(1)
    assert rig.poll(dispatched_us=START_US + 60 * SECOND_US).status is ExecutionStatus.COMPLETED


def test_one_failing_region_fails_the_poll_and_writes_nothing() -> None:
    here, there = a_wave(1), a_wave(2, scope=WEST)
    rig = PollerRig(an_execution(here, there))
    rig.answer((here, an_ended_job(here)))

    def fail_in_the_west() -> None:
        if rig.jobs.calls[-1].scope == WEST:
            raise RefusedError("not authorized")

    rig.jobs.on_call = fail_in_the_west
    with pytest.raises(PollFailedError, match="not authorized"):
        rig.poll()
    assert rig.table.written == []


def test_failed_poll_with_lost_metrics_raises_its_own_error() -> None:
    rig = PollerRig(an_execution(a_wave()))
    rig.jobs.on_call = raising(TryLaterError("Rate exceeded"))
    rig.metrics.on_publish = raising(TryLaterError("lost"))
    with pytest.raises(PollFailedError, match="Rate exceeded"):
        rig.poll()


def test_malformed_item_fails_the_poll_with_path_rule_and_value() -> None:
    rig = PollerRig(an_execution(a_wave()))
    rig.table.items[KEY]["Waves"] = [{"Region": "us-east-1"}]
    with pytest.raises(PollFailedError, match=r"execution e-1: Waves\[0\]: AccountId must be .*, got None"):
        rig.poll()


@pytest.mark.parametrize("seconds", [0, 3])
def test_poll_without_time_reads_nothing_and_fails_visibly(seconds: int) -> None:
    rig = PollerRig(an_execution(a_wave()))
    with pytest.raises(PollFailedError, match=r"^execution e-1: the function's time is nearly up$"):
        rig.poll(seconds=seconds)
    assert rig.table.reads == []
    assert rig.metrics.values("PollErrors") == [1]
