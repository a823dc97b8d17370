"""What is due, and by example what a poll concludes. The properties of any conclusion are in `test_conclusions`."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsim.orchestrator.decisions import Conclusion, conclude, interval_us, is_due, look, phase_of
from drsim.orchestrator.model import (
    ActionStatus,
    Execution,
    ExecutionKey,
    ExecutionStatus,
    ExecutionType,
    Job,
    JobRef,
    JobStatus,
    Phase,
    Server,
    ServerLaunch,
    ServerStatus,
    Wave,
    WaveStatus,
)
from drsim.orchestrator.settings import SECOND_US, Settings
from tests.orchestrator.ports import START_US
from tests.orchestrator.samples import EAST, OTHER_ACCOUNT, WEST, a_job, a_wave, an_ended_job, an_execution, servers_in
from tests.orchestrator.strategies import QUICK, SETTINGS, executions

PAST_PENDING = [ServerStatus.IN_PROGRESS, ServerStatus.LAUNCHED, ServerStatus.FAILED, ServerStatus.TERMINATED]
PUNCTUAL = Settings(due_slack_us=0)


def a_wave_in(phase: Phase, status: WaveStatus = WaveStatus.LAUNCHING) -> Wave:
    job_status = None if phase is Phase.PENDING else JobStatus.STARTED
    first = ServerStatus.IN_PROGRESS if phase is Phase.IN_PROGRESS else ServerStatus.PENDING
    servers = (Server(source_server_id="s-1", status=first), Server(source_server_id="s-2"))
    return a_wave(status=status, job_status=job_status, servers=servers)


def polled(execution: Execution, seconds_ago: int, now_us: int = START_US) -> Execution:
    return replace(execution, last_polled_us=now_us - seconds_ago * SECOND_US)


def after(execution: Execution, *answers: tuple[Wave, Job], seconds: int = 60) -> Conclusion:
    """What a poll concludes at that age when DRS answers so."""
    jobs = {JobRef(wave.scope, job.job_id): job for wave, job in answers}
    return conclude(execution, jobs, execution.start_us + seconds * SECOND_US, SETTINGS)


@pytest.mark.parametrize(("phase", "interval_s"), [(Phase.PENDING, 45), (Phase.STARTED, 15), (Phase.IN_PROGRESS, 30)])
def test_each_phase_has_its_interval(phase: Phase, interval_s: int) -> None:
    execution = an_execution(a_wave_in(phase))
    assert phase_of(execution, PUNCTUAL) is phase
    assert interval_us(phase, PUNCTUAL) == interval_s * SECOND_US
    assert not is_due(polled(execution, interval_s - 1), START_US, PUNCTUAL)
    assert not is_due(polled(execution, interval_s), START_US - 1, PUNCTUAL)
    assert is_due(polled(execution, interval_s), START_US, PUNCTUAL)


def test_a_second_of_slack_keeps_jitter_from_costing_a_whole_look() -> None:
    execution = polled(an_execution(a_wave_in(Phase.STARTED)), 14)
    assert is_due(execution, START_US, SETTINGS)
    assert not is_due(execution, START_US - 1, SETTINGS)


@pytest.mark.parametrize("status", PAST_PENDING)
def test_one_server_past_pending_puts_the_wave_in_progress(status: ServerStatus) -> None:
    servers = (Server(source_server_id="s-1"), Server(source_server_id="s-2", status=status))
    wave = a_wave(job_status=JobStatus.STARTED, servers=servers)
    assert phase_of(an_execution(wave), SETTINGS) is Phase.IN_PROGRESS


def test_a_job_that_drs_has_not_begun_is_still_pending() -> None:
    assert phase_of(an_execution(a_wave(job_status=JobStatus.PENDING)), SETTINGS) is Phase.PENDING


def test_among_several_waves_the_shortest_interval_wins() -> None:
    pending, started, in_progress = map(a_wave_in, Phase)
    assert phase_of(an_execution(pending, in_progress), SETTINGS) is Phase.IN_PROGRESS
    assert phase_of(an_execution(in_progress, pending, started), SETTINGS) is Phase.STARTED


def test_finished_waves_do_not_count_for_the_interval() -> None:
    finished = a_wave_in(Phase.STARTED, WaveStatus.PARTIAL)
    assert phase_of(an_execution(finished, a_wave_in(Phase.PENDING)), SETTINGS) is Phase.PENDING
    assert phase_of(an_execution(finished, total_waves=2), SETTINGS) is Phase.PENDING


def test_an_execution_that_was_never_polled_is_due_at_once() -> None:
    assert is_due(an_execution(a_wave()), START_US, SETTINGS)


def test_a_look_takes_the_never_polled_first_and_then_the_stalest() -> None:
    def one(name: str, seconds_ago: int | None, start_us: int = START_US) -> Execution:
        execution = an_execution(a_wave_in(Phase.STARTED), key=ExecutionKey(name, "plan-1"), start_us=start_us)
        return execution if seconds_ago is None else polled(execution, seconds_ago)

    new, newer, stale, staler = one("e-4", None), one("e-3", None, START_US + 1), one("e-2", 20), one("e-1", 21)
    fresh, fresher = one("e-5", 9), one("e-6", 8)
    ages_ago = replace(new, last_polled_us=0)
    due, waiting = look([fresher, stale, fresh, ages_ago, newer, staler, new], START_US, SETTINGS)
    assert due == [new, newer, ages_ago, staler, stale]
    assert waiting == [fresh, fresher]


_unfinished = frozenset(WaveStatus) - {WaveStatus.COMPLETED, WaveStatus.PARTIAL, WaveStatus.FAILED}


def shortest_interval_us(execution: Execution, settings: Settings) -> int:
    """The design's sentences on phases once more: the interval that an execution calls for."""
    intervals = []
    for wave in [wave for wave in execution.waves if wave.status in _unfinished]:
        if any(server.status in PAST_PENDING for server in wave.servers):
            intervals.append(settings.in_progress_interval_us)
        elif wave.job_status in (JobStatus.STARTED, JobStatus.COMPLETED):
            intervals.append(settings.started_interval_us)
        else:
            intervals.append(settings.pending_interval_us)
    return min(intervals) if intervals else settings.pending_interval_us


intervals_us = st.integers(1, 60).map(lambda seconds: seconds * SECOND_US)
settings_of_any_cadence = st.builds(
    Settings,
    pending_interval_us=intervals_us,
    started_interval_us=intervals_us,
    in_progress_interval_us=intervals_us,
    due_slack_us=st.integers(0, 2 * SECOND_US),
)


@QUICK
@given(executions(), settings_of_any_cadence, st.integers(-1, 1))
def test_an_execution_is_due_exactly_when_its_interval_has_passed(
    execution: Execution, settings: Settings, off_us: int
) -> None:
    last_us = START_US if execution.last_polled_us is None else execution.last_polled_us
    due_us = last_us + shortest_interval_us(execution, settings) - settings.due_slack_us
    due = is_due(execution, due_us + off_us, settings)
    assert due is (execution.last_polled_us is None or off_us >= 0)


@QUICK
@given(st.lists(executions(), max_size=4), st.integers(0, 90))
def test_a_look_sorts_every_execution_into_due_or_waiting(found: list[Execution], seconds: int) -> None:
    now_us = START_US + seconds * SECOND_US
    due, waiting = look(found, now_us, SETTINGS)
    assert len(due) + len(waiting) == len(found)
    assert all(execution in found for execution in due + waiting)
    assert all(is_due(execution, now_us, SETTINGS) for execution in due)
    assert not any(is_due(execution, now_us, SETTINGS) for execution in waiting)
    for several in (due, waiting):
        last = [execution.last_polled_us or 0 for execution in several]
        assert last == sorted(last)


LAUNCHED, FAILED, TERMINATED = ServerStatus.LAUNCHED, ServerStatus.FAILED, ServerStatus.TERMINATED


@pytest.mark.parametrize(
    ("ends", "status", "message"),
    [
        ((LAUNCHED, LAUNCHED), WaveStatus.COMPLETED, None),
        ((LAUNCHED, TERMINATED), WaveStatus.COMPLETED, None),
        ((LAUNCHED, FAILED), WaveStatus.PARTIAL, "1 of 2 servers did not launch: s-1"),
        ((FAILED,) * 3, WaveStatus.FAILED, "3 of 3 servers did not launch: s-0, s-1, s-2"),
        ((FAILED,) * 4, WaveStatus.FAILED, "4 of 4 servers did not launch: s-0, s-1, s-2 and 1 more"),
        ((FAILED,) * 5, WaveStatus.FAILED, "5 of 5 servers did not launch: s-0, s-1, s-2 and 2 more"),
    ],
)
def test_a_wave_ends_as_its_servers_did(
    ends: tuple[ServerStatus, ...], status: WaveStatus, message: str | None
) -> None:
    wave = a_wave(servers=servers_in([ServerStatus.NOT_STARTED] * len(ends)))
    conclusion = after(an_execution(wave), (wave, a_job(wave, JobStatus.COMPLETED, *ends)))
    assert (conclusion.waves[0].status, conclusion.waves[0].message) == (status, message)
    assert conclusion.status is not None
    assert conclusion.status.value == status.value


def test_a_failed_server_whose_remains_are_terminated_later_stays_failed() -> None:
    wave = a_wave(servers=servers_in([FAILED, LAUNCHED]), job_status=JobStatus.STARTED)
    conclusion = after(an_execution(wave), (wave, a_job(wave, JobStatus.COMPLETED, TERMINATED, LAUNCHED)))
    assert conclusion.status is ExecutionStatus.PARTIAL
    assert conclusion.warnings == ("Server s-0 went from FAILED back to TERMINATED",)


def test_a_server_that_an_answer_leaves_out_keeps_its_wave_open() -> None:
    wave = a_wave()
    conclusion = after(an_execution(wave), (wave, a_job(wave, JobStatus.COMPLETED, LAUNCHED)))
    assert (conclusion.status, conclusion.waves[0].status) == (None, WaveStatus.IN_PROGRESS)


def test_servers_launched_under_a_running_job_do_not_finish_the_wave() -> None:
    wave = a_wave()
    conclusion = after(an_execution(wave), (wave, a_job(wave, JobStatus.STARTED, LAUNCHED, LAUNCHED)))
    assert conclusion.status is None
    assert conclusion.waves[0].status is WaveStatus.IN_PROGRESS


@pytest.mark.parametrize(
    ("actions", "in_time", "overdue"),
    [
        ((ActionStatus.SUCCEEDED,), ExecutionStatus.COMPLETED, ExecutionStatus.COMPLETED),
        ((ActionStatus.SUCCEEDED, ActionStatus.FAILED), ExecutionStatus.PARTIAL, ExecutionStatus.PARTIAL),
        ((ActionStatus.FAILED, ActionStatus.IN_PROGRESS), None, ExecutionStatus.PARTIAL),
    ],
)
def test_a_recovery_waits_for_its_launch_actions(
    actions: tuple[ActionStatus, ...], in_time: ExecutionStatus | None, overdue: ExecutionStatus
) -> None:
    wave = a_wave()
    recovery = an_execution(wave, kind=ExecutionType.RECOVERY)
    answer = (wave, an_ended_job(wave, actions=actions))
    assert after(recovery, answer).status is in_time
    assert after(recovery, answer, seconds=1801).status is overdue
    assert after(an_execution(wave), answer).status is ExecutionStatus.COMPLETED


def test_a_finished_job_without_any_server_finishes_no_wave() -> None:
    wave, empty = a_wave(1), a_wave(2, servers=())
    for each in (wave, empty):
        conclusion = after(an_execution(each), (each, a_job(each, JobStatus.COMPLETED)))
        assert conclusion.status is None
        assert conclusion.waves[0].servers == each.servers


def test_a_wave_that_could_not_start_counts_as_failed() -> None:
    started, refused = a_wave(1), a_wave(2, status=WaveStatus.FAILED, job_id=None)
    both = after(an_execution(started, refused), (started, an_ended_job(started)))
    assert both.status is ExecutionStatus.PARTIAL
    assert both.warnings == both.notes == ()
    assert after(an_execution(refused)).status is ExecutionStatus.FAILED


@pytest.mark.parametrize("waves", [(), (a_wave(1, status=WaveStatus.COMPLETED),)])
def test_an_execution_goes_on_while_its_worker_still_adds_waves(waves: tuple[Wave, ...]) -> None:
    assert after(an_execution(*waves, total_waves=2)).status is None


def test_an_execution_is_overdue_only_beyond_1800_seconds() -> None:
    wave = a_wave()
    answer = (wave, a_job(wave, JobStatus.STARTED, LAUNCHED, ServerStatus.PENDING))
    assert after(an_execution(wave), answer, seconds=1800).status is None
    late = after(an_execution(wave), answer, seconds=1801)
    assert late.status is ExecutionStatus.TIMEOUT
    assert late.waves[0].status is WaveStatus.TIMEOUT
    assert late.waves[0].message == "job was STARTED when last seen; watching ended after 1801 s"


def test_a_timeout_keeps_the_true_state_of_each_wave() -> None:
    done, runs, unknown, jobless = a_wave(1), a_wave(2), a_wave(3), a_wave(4, job_id=None)
    waits = a_wave(5, status=WaveStatus.PENDING, job_id=None)
    answers = (done, an_ended_job(done)), (runs, a_job(runs, JobStatus.PENDING, *[ServerStatus.PENDING] * 2))
    conclusion = after(an_execution(done, runs, unknown, jobless, waits), *answers, seconds=2000)
    assert conclusion.status is ExecutionStatus.TIMEOUT
    assert [(wave.status, wave.message) for wave in conclusion.waves] == [
        (WaveStatus.COMPLETED, None),
        (WaveStatus.TIMEOUT, "job was PENDING when last seen; watching ended after 2000 s"),
        (WaveStatus.UNKNOWN, "DRS had not reported the outcome after 2000 s"),
        (WaveStatus.UNKNOWN, "DRS had not reported the outcome after 2000 s"),
        (WaveStatus.PENDING, None),
    ]


@pytest.mark.parametrize("end", [LAUNCHED, FAILED])
def test_an_overdue_execution_whose_jobs_all_ended_takes_their_truth(end: ServerStatus) -> None:
    wave = a_wave()
    conclusion = after(an_execution(wave), (wave, a_job(wave, JobStatus.COMPLETED, end, end)), seconds=90_000)
    assert conclusion.status is (ExecutionStatus.COMPLETED if end is LAUNCHED else ExecutionStatus.FAILED)


def test_equal_job_ids_in_other_accounts_and_regions_stay_apart() -> None:
    here, there, elsewhere = (a_wave(scope=scope) for scope in (EAST, WEST, OTHER_ACCOUNT))
    answers = (here, an_ended_job(here)), (elsewhere, a_job(elsewhere, JobStatus.COMPLETED, FAILED, FAILED))
    conclusion = after(an_execution(here, there, elsewhere), *answers)
    assert [wave.status for wave in conclusion.waves] == ["COMPLETED", "LAUNCHING", "FAILED"]
    assert conclusion.warnings == ("Wave 1: DRS does not know job drsjob-1 in us-west-2",)


def test_a_wave_without_a_job_is_a_warning_unless_it_waits_for_its_turn() -> None:
    lost, waits = a_wave(None, job_id=None), a_wave(3, status=WaveStatus.PENDING, job_id=None)
    had_one = a_wave(2, status=WaveStatus.PENDING, job_id=None, job_status=JobStatus.STARTED)
    conclusion = after(an_execution(lost, had_one, waits))
    assert conclusion.warnings == ("Wave None has no JobId", "Wave 2 has no JobId")
    assert conclusion.notes == ("Wave 3 has no JobId",)


def test_what_drs_takes_back_is_not_believed() -> None:
    wave = a_wave(2, job_status=JobStatus.STARTED, servers=servers_in([LAUNCHED, ServerStatus.PENDING]))
    conclusion = after(
        an_execution(wave), (wave, a_job(wave, JobStatus.PENDING, ServerStatus.PENDING, ServerStatus.PENDING))
    )
    assert conclusion.waves[0].job_status is JobStatus.STARTED
    assert conclusion.waves[0].servers == wave.servers
    assert conclusion.warnings == (
        "Wave 2: job drsjob-2 went from STARTED back to PENDING",
        "Server s-0 went from LAUNCHED back to PENDING",
    )


def test_an_instance_id_once_seen_outlives_the_job_that_no_longer_names_it() -> None:
    wave = a_wave(servers=servers_in([ServerStatus.IN_PROGRESS]))

    def naming(instance_id: str | None, status: JobStatus) -> tuple[Wave, Job]:
        return wave, Job("drsjob-1", status, (ServerLaunch("s-0", LAUNCHED, instance_id),))

    seen = after(an_execution(wave), naming("i-0123456789abcdef0", JobStatus.STARTED)).waves
    ended = after(an_execution(*seen), naming(None, JobStatus.COMPLETED)).waves
    assert ended[0].servers == (replace(wave.servers[0], status=LAUNCHED, instance_id="i-0123456789abcdef0"),)


def test_instance_id_reported_after_the_status_is_stored() -> None:
    wave = a_wave(job_status=JobStatus.STARTED, servers=servers_in([LAUNCHED]))
    answer = (wave, Job("drsjob-1", JobStatus.STARTED, (ServerLaunch("s-0", LAUNCHED, "i-1"),)))
    assert after(an_execution(wave), answer).waves[0].servers == (replace(wave.servers[0], instance_id="i-1"),)


def test_server_named_only_by_the_job_is_added_with_its_launch() -> None:
    wave = a_wave(servers=())
    answer = (wave, Job("drsjob-1", JobStatus.STARTED, (ServerLaunch("s-9", LAUNCHED, "i-9"),)))
    added = Server(source_server_id="s-9", status=LAUNCHED, instance_id="i-9")
    assert after(an_execution(wave), answer).waves[0].servers == (added,)


def test_message_of_an_unchanged_wave_status_shows_the_present_reason() -> None:
    wave = a_wave(servers=())
    recovery = an_execution(wave, kind=ExecutionType.RECOVERY)
    silent = Job("drsjob-1", JobStatus.COMPLETED)
    launching = replace(silent, servers=(ServerLaunch("s-0", ServerStatus.IN_PROGRESS, None),))
    acting = replace(silent, servers=(ServerLaunch("s-0", LAUNCHED, None, (ActionStatus.IN_PROGRESS,)),))
    messages = []
    for job in (silent, launching, acting):
        recovery = replace(recovery, waves=after(recovery, (wave, job)).waves)
        assert recovery.waves[0].status is WaveStatus.IN_PROGRESS
        messages.append(recovery.waves[0].message)
    assert messages == [
        "job ended, DRS did not report the outcome of any server",
        "job ended, DRS did not report the outcome of s-0",
        "job ended, launch actions still run",
    ]


def test_a_poll_that_learns_nothing_new_leaves_the_wave_itself() -> None:
    """Most polls bring no news, so they create no objects."""
    servers = servers_in([ServerStatus.IN_PROGRESS, ServerStatus.PENDING])
    wave = a_wave(status=WaveStatus.IN_PROGRESS, job_status=JobStatus.STARTED, servers=servers)
    job = a_job(wave, JobStatus.STARTED, ServerStatus.IN_PROGRESS, ServerStatus.PENDING)
    assert after(an_execution(wave), (wave, job)).waves[0] is wave


def test_a_server_listed_twice_is_merged_in_both_places() -> None:
    wave = a_wave(servers=(Server(source_server_id="s-0"), Server(source_server_id="s-0")))
    conclusion = after(an_execution(wave), (wave, a_job(wave, JobStatus.COMPLETED, LAUNCHED)))
    assert conclusion.status is ExecutionStatus.COMPLETED
    assert [server.status for server in conclusion.waves[0].servers] == [LAUNCHED, LAUNCHED]


def test_a_wave_that_is_no_longer_watched_is_not_given_another_end() -> None:
    for status in (WaveStatus.TIMEOUT, WaveStatus.UNKNOWN):
        wave = a_wave(status=status, message="as it was", job_status=JobStatus.COMPLETED)
        assert after(an_execution(wave), seconds=2000).waves == (wave,)
