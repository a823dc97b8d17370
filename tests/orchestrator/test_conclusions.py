"""Properties of `decisions.conclude` for any execution in the table and any answer of DRS."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsim.orchestrator.decisions import conclude, jobs_to_ask
from drsim.orchestrator.model import (
    FINISHED_WAVE,
    Execution,
    ExecutionStatus,
    ExecutionType,
    JobRef,
    JobStatus,
    ServerStatus,
    Wave,
    WaveStatus,
)
from drsim.orchestrator.settings import SECOND_US
from tests.orchestrator import oracle
from tests.orchestrator.strategies import QUICK, SETTINGS, THOROUGH, TIME_IS_UP_US, Poll, ages_us, executions, polls


def _truths(poll: Poll) -> list[oracle.Truth]:
    return oracle.truths(poll.execution, poll.jobs, poll.now_us, SETTINGS)


@pytest.mark.slow
@THOROUGH
@given(polls())
def test_status_and_waves_match_the_oracle(poll: Poll) -> None:
    conclusion = poll.conclusion()
    assert conclusion.status == oracle.final_status(poll.execution, _truths(poll), poll.age_us, SETTINGS)
    assert [wave.status for wave in conclusion.waves] == oracle.wave_statuses(_truths(poll), conclusion.status)


@QUICK
@given(polls())
def test_servers_keep_the_furthest_status_seen(poll: Poll) -> None:
    for truth, wave in zip(_truths(poll), poll.conclusion().waves, strict=True):
        if not truth.wave.finished:
            assert [server.status for server in wave.servers] == truth.server_statuses()
            assert wave.job_status is (truth.job_status() if truth.job else truth.wave.job_status)


@QUICK
@given(polls())
def test_execution_is_completed_only_when_every_job_is(poll: Poll) -> None:
    conclusion = poll.conclusion()
    if conclusion.status is ExecutionStatus.COMPLETED:
        assert len(conclusion.waves) >= max(1, poll.execution.total_waves)
        for before, after in poll.pairs():
            assert after.status is WaveStatus.COMPLETED
            assert before.finished or after.job_status is JobStatus.COMPLETED


@QUICK
@given(polls())
def test_wave_ends_only_when_its_job_is_completed(poll: Poll) -> None:
    for before, after in poll.pairs():
        if after.finished and not before.finished:
            assert after.job is not None
            assert after.job in poll.jobs
            assert after.job_status is JobStatus.COMPLETED


@QUICK
@given(polls())
def test_execution_with_missing_waves_or_jobs_ends_only_in_timeout(poll: Poll) -> None:
    missing = len(poll.execution.waves) < max(1, poll.execution.total_waves)
    without_job = any(wave.job is None and not wave.finished for wave in poll.execution.waves)
    if missing or without_job:
        assert poll.conclusion().status in (None, ExecutionStatus.TIMEOUT)


@QUICK
@given(polls())
def test_finished_wave_is_never_changed(poll: Poll) -> None:
    for before, after in poll.pairs():
        if before.status in FINISHED_WAVE:
            assert after is before


@QUICK
@given(polls())
def test_no_server_and_no_instance_id_is_removed(poll: Poll) -> None:
    for before, after in poll.pairs():
        kept = after.servers[: len(before.servers)]
        assert [server.source_server_id for server in kept] == [server.source_server_id for server in before.servers]
        for old, new in zip(before.servers, kept, strict=True):
            assert new.extra == old.extra
            assert new.instance_id is not None or old.instance_id is None


@QUICK
@given(polls())
def test_servers_named_only_by_the_job_are_added_once(poll: Poll) -> None:
    for before, after in poll.pairs():
        added = [server.source_server_id for server in after.servers[len(before.servers) :]]
        known = {server.source_server_id for server in before.servers}
        job = None if before.job is None or before.finished else poll.jobs.get(before.job)
        named = [launch.source_server_id for launch in job.servers] if job else []
        assert added == [server_id for server_id in named if server_id not in known]


@QUICK
@given(polls())
def test_attributes_of_other_writers_are_unchanged(poll: Poll) -> None:
    def owned_by_others(wave: Wave) -> tuple[object, ...]:
        return wave.number, wave.name, wave.scope, wave.job_id, wave.extra

    for before, after in poll.pairs():
        assert owned_by_others(after) == owned_by_others(before)


@QUICK
@given(polls())
def test_statuses_change_only_by_allowed_moves(poll: Poll) -> None:
    status = poll.conclusion().status
    assert status is None or status in poll.execution.status.moves
    for before, after in poll.pairs():
        assert after.status in {before.status, *before.status.moves}
        if before.job_status is not None:
            assert after.job_status in {before.job_status, *before.job_status.moves}
        for old, new in zip(before.servers, after.servers, strict=False):
            assert new.status in {old.status, *old.status.moves}


@QUICK
@given(polls())
def test_timeout_needs_an_overdue_execution_with_unfinished_jobs(poll: Poll) -> None:
    if poll.conclusion().status is ExecutionStatus.TIMEOUT:
        assert poll.overdue
        all_there = len(poll.execution.waves) >= max(1, poll.execution.total_waves)
        assert not all_there or any(truth.end() is None for truth in _truths(poll))


@QUICK
@given(polls())
def test_execution_ends_when_time_for_incomplete_answers_is_up(poll: Poll) -> None:
    late = Poll(poll.execution, poll.jobs, poll.execution.start_us + TIME_IS_UP_US + 1)
    assert late.conclusion().status is not None


@QUICK
@given(polls())
def test_overdue_execution_stays_polling_only_for_incomplete_answers(poll: Poll) -> None:
    late = Poll(poll.execution, poll.jobs, poll.execution.start_us + SETTINGS.timeout_us + 1)
    if late.conclusion().status is None:
        assert any(truth.is_left_out() for truth in _truths(late))


@QUICK
@given(polls())
def test_timeout_keeps_the_last_seen_status_of_jobs_and_servers(poll: Poll) -> None:
    in_time = Poll(poll.execution, poll.jobs, poll.execution.start_us)
    if in_time.conclusion().status is None:
        late = Poll(poll.execution, poll.jobs, poll.execution.start_us + TIME_IS_UP_US + 1)
        for running, stopped in zip(in_time.conclusion().waves, late.conclusion().waves, strict=True):
            assert stopped.job_status is running.job_status
            assert stopped.servers == running.servers


@QUICK
@given(polls(), st.data())
def test_conclusion_does_not_depend_on_order_of_waves_or_jobs(poll: Poll, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(poll.execution.waves))))
    jobs = {
        ref: replace(poll.jobs[ref], servers=tuple(data.draw(st.permutations(poll.jobs[ref].servers))))
        for ref in data.draw(st.permutations(sorted(poll.jobs)))
    }
    shuffled = tuple(poll.execution.waves[index] for index in order)
    other = conclude(replace(poll.execution, waves=shuffled), jobs, poll.now_us, SETTINGS)
    same = poll.conclusion()
    assert other.status is same.status
    assert [wave.status for wave in other.waves] == [same.waves[index].status for index in order]


@QUICK
@given(polls())
def test_second_poll_of_the_same_answers_concludes_the_same(poll: Poll) -> None:
    first = poll.conclusion()
    again = conclude(replace(poll.execution, waves=first.waves), poll.jobs, poll.now_us, SETTINGS)
    assert (again.waves, again.status) == (first.waves, first.status)


@QUICK
@given(polls())
def test_answer_without_servers_removes_no_server(poll: Poll) -> None:
    silent = {ref: replace(job, servers=()) for ref, job in poll.jobs.items()}
    for before, after in Poll(poll.execution, silent, poll.now_us).pairs():
        assert after.servers == before.servers


@QUICK
@given(polls())
def test_each_unfinished_wave_without_a_known_job_is_logged_once(poll: Poll) -> None:
    conclusion = poll.conclusion()
    unfinished = [wave for wave in poll.execution.waves if not wave.finished]
    no_job = [f"Wave {wave.number} has no JobId" for wave in unfinished if wave.job is None]
    unknown = [
        f"Wave {wave.number}: DRS does not know job {wave.job_id} in {wave.scope.region}"
        for wave in unfinished
        if wave.job is not None and wave.job not in poll.jobs
    ]
    messages = sorted(conclusion.warnings + conclusion.notes)
    assert [text for text in messages if "has no JobId" in text] == sorted(no_job)
    assert [text for text in messages if "does not know" in text] == sorted(unknown)
    assert all(text.endswith("has no JobId") for text in conclusion.notes)


@QUICK
@given(polls())
def test_wave_with_a_job_unknown_to_drs_is_unchanged(poll: Poll) -> None:
    for before, after in Poll(poll.execution, {}, poll.execution.start_us).pairs():
        assert after is before


@QUICK
@given(executions())
def test_jobs_of_unfinished_waves_are_requested_once_each(execution: Execution) -> None:
    asked = jobs_to_ask(execution)
    assert len(set(asked)) == len(asked)
    assert set(asked) == {
        JobRef(wave.scope, wave.job_id)
        for wave in execution.waves
        if wave.job_id is not None and wave.status not in FINISHED_WAVE
    }


@QUICK
@given(polls(), ages_us)
def test_terminated_instance_does_not_change_a_finished_wave(poll: Poll, later_us: int) -> None:
    """Drill instances are terminated later: DRS then reports TERMINATED for servers of a COMPLETED wave."""
    first = poll.conclusion()
    gone = {
        ref: replace(job, servers=tuple(replace(launch, status=ServerStatus.TERMINATED) for launch in job.servers))
        for ref, job in poll.jobs.items()
    }
    again = conclude(replace(poll.execution, waves=first.waves), gone, poll.now_us + later_us, SETTINGS)
    for before, after in zip(first.waves, again.waves, strict=True):
        assert not before.finished or after is before


@QUICK
@given(polls())
def test_launch_actions_do_not_count_in_a_drill(poll: Poll) -> None:
    drill = replace(poll.execution, type=ExecutionType.DRILL)
    without_actions = {
        ref: replace(job, servers=tuple(replace(launch, actions=()) for launch in job.servers))
        for ref, job in poll.jobs.items()
    }
    assert conclude(drill, poll.jobs, poll.now_us, SETTINGS) == conclude(drill, without_actions, poll.now_us, SETTINGS)


@QUICK
@given(polls())
def test_age_within_the_timeout_does_not_change_the_conclusion(poll: Poll) -> None:
    """The same answers give the same conclusion at age zero and at the timeout."""
    young = conclude(poll.execution, poll.jobs, poll.execution.start_us, SETTINGS)
    old = conclude(poll.execution, poll.jobs, poll.execution.start_us + 1800 * SECOND_US, SETTINGS)
    assert old == young
