"""Conclusions from incomplete answers of DRS: nothing final before INCOMPLETE_ANSWER_SECONDS have passed."""

from dataclasses import replace
from typing import Final

import pytest

from drsim.orchestrator.decisions import Conclusion, conclude
from drsim.orchestrator.model import (
    ActionStatus,
    Execution,
    ExecutionStatus,
    ExecutionType,
    Job,
    JobStatus,
    Server,
    ServerLaunch,
    ServerStatus,
    Wave,
    WaveStatus,
)
from drsim.orchestrator.settings import SECOND_US, Settings
from tests.orchestrator.samples import a_wave, an_execution

SUCCEEDED, RUNNING = ActionStatus.SUCCEEDED, ActionStatus.IN_PROGRESS
IN_PROGRESS, LAUNCHED, FAILED = ServerStatus.IN_PROGRESS, ServerStatus.LAUNCHED, ServerStatus.FAILED
DEFAULTS: Final = Settings()


def a_watched_wave(*servers: ServerStatus, job_status: JobStatus | None = JobStatus.COMPLETED) -> Wave:
    """A wave whose job DRS has named, with servers s-0, s-1 and so on in the statuses last seen."""
    seen = tuple(Server(source_server_id=f"s-{place}", status=status) for place, status in enumerate(servers))
    return a_wave(status=WaveStatus.IN_PROGRESS, job_status=job_status, servers=seen)


def a_job(*launches: ServerLaunch, status: JobStatus = JobStatus.COMPLETED) -> Job:
    return Job("drsjob-1", status, launches)


def a_launch(
    place: int = 0, status: ServerStatus = LAUNCHED, actions: tuple[ActionStatus | None, ...] = (SUCCEEDED,)
) -> ServerLaunch:
    return ServerLaunch(f"s-{place}", status, None, actions)


def a_recovery(*waves: Wave) -> Execution:
    return an_execution(*waves, kind=ExecutionType.RECOVERY)


def at(age_s: float, execution: Execution, *jobs: Job | None, settings: Settings = DEFAULTS) -> Conclusion:
    """The conclusion of a poll at this age. `jobs` has one entry per wave: None if DRS's answer lacks the job."""
    pairs = zip(execution.waves, jobs, strict=True)
    answers = {wave.job: job for wave, job in pairs if job is not None and wave.job is not None}
    return conclude(execution, answers, execution.start_us + round(age_s * SECOND_US), settings)


LEFT_OUT: Final = [
    pytest.param(a_recovery(a_watched_wave(LAUNCHED)), a_job(), id="launched server, so its actions"),
    pytest.param(a_recovery(a_watched_wave(LAUNCHED)), a_job(a_launch(actions=(None,))), id="action's status"),
    pytest.param(
        a_recovery(a_watched_wave(LAUNCHED)), a_job(a_launch(status=ServerStatus.PENDING, actions=())), id="launch"
    ),
    pytest.param(a_recovery(a_watched_wave(LAUNCHED, LAUNCHED)), a_job(a_launch()), id="one of two launched servers"),
    pytest.param(
        a_recovery(a_watched_wave(LAUNCHED, ServerStatus.TERMINATED)), a_job(a_launch()), id="terminated server"
    ),
    pytest.param(an_execution(a_watched_wave(IN_PROGRESS)), a_job(), id="server in progress"),
    pytest.param(an_execution(a_watched_wave(IN_PROGRESS)), a_job(a_launch(status=IN_PROGRESS)), id="server's end"),
    pytest.param(an_execution(a_watched_wave(ServerStatus.PENDING)), a_job(), id="pending server"),
    pytest.param(
        an_execution(a_watched_wave(IN_PROGRESS)),
        a_job(a_launch(status=ServerStatus.PENDING)),
        id="server that goes back to pending",
    ),
    pytest.param(an_execution(a_watched_wave(LAUNCHED, IN_PROGRESS)), a_job(a_launch()), id="one of two servers"),
    pytest.param(an_execution(a_watched_wave(ServerStatus.NOT_STARTED)), a_job(), id="servers never named"),
    pytest.param(
        an_execution(a_watched_wave(ServerStatus.NOT_STARTED, LAUNCHED)),
        a_job(a_launch(1)),
        id="one server never named",
    ),
    pytest.param(an_execution(a_watched_wave()), a_job(), id="servers of a wave without any"),
    pytest.param(
        an_execution(a_watched_wave(IN_PROGRESS, job_status=JobStatus.STARTED)),
        a_job(status=JobStatus.STARTED),
        id="server of a running job",
    ),
    pytest.param(an_execution(a_watched_wave(LAUNCHED)), None, id="ended job"),
    pytest.param(an_execution(a_watched_wave(IN_PROGRESS, job_status=JobStatus.PENDING)), None, id="pending job"),
]
"""Executions with one wave, and incomplete answers; each id names what the answer lacks."""


@pytest.mark.parametrize(("execution", "answer"), LEFT_OUT)
@pytest.mark.parametrize("age_s", [60, 1800, 1800.000001, 2100])
def test_incomplete_answer_leaves_the_execution_and_its_wave_open(
    execution: Execution, answer: Job | None, age_s: float
) -> None:
    conclusion = at(age_s, execution, answer)
    assert conclusion.status is None
    assert [wave.status for wave in conclusion.waves] == [WaveStatus.IN_PROGRESS]


@pytest.mark.parametrize(("execution", "answer"), LEFT_OUT)
def test_incomplete_answer_is_timeout_with_unknown_wave_after_35_minutes(
    execution: Execution, answer: Job | None
) -> None:
    conclusion = at(2100.000001, execution, answer)
    assert conclusion.status is ExecutionStatus.TIMEOUT
    (wave,) = conclusion.waves
    assert (wave.status, wave.message) == (WaveStatus.UNKNOWN, "DRS had not reported the outcome after 2100 s")
    assert wave.servers == execution.waves[0].servers


COMPLETE: Final = [
    pytest.param(a_recovery(a_watched_wave(LAUNCHED)), a_job(a_launch()), ExecutionStatus.COMPLETED, id="succeeded"),
    pytest.param(
        a_recovery(a_watched_wave(LAUNCHED)), a_job(a_launch(actions=())), ExecutionStatus.COMPLETED, id="no actions"
    ),
    pytest.param(
        a_recovery(a_watched_wave(LAUNCHED)),
        a_job(a_launch(actions=(SUCCEEDED, RUNNING))),
        ExecutionStatus.PARTIAL,
        id="running action",
    ),
    pytest.param(
        a_recovery(a_watched_wave(FAILED, LAUNCHED)), a_job(a_launch(1)), ExecutionStatus.PARTIAL, id="failed before"
    ),
    pytest.param(
        a_recovery(a_watched_wave(LAUNCHED)),
        a_job(a_launch(status=ServerStatus.TERMINATED)),
        ExecutionStatus.COMPLETED,
        id="terminated since",
    ),
    pytest.param(an_execution(a_watched_wave(IN_PROGRESS)), a_job(a_launch()), ExecutionStatus.COMPLETED, id="drill"),
    pytest.param(
        an_execution(a_watched_wave(ServerStatus.PENDING, IN_PROGRESS)),
        a_job(a_launch(0, ServerStatus.PENDING), a_launch(1)),
        ExecutionStatus.PARTIAL,
        id="server still pending in an ended job",
    ),
    pytest.param(
        an_execution(a_watched_wave(ServerStatus.NOT_STARTED, job_status=None)),
        a_job(a_launch(0, ServerStatus.PENDING)),
        ExecutionStatus.FAILED,
        id="only server still pending in an ended job",
    ),
    pytest.param(
        an_execution(a_watched_wave(LAUNCHED)), a_job(), ExecutionStatus.COMPLETED, id="drill that launched before"
    ),
    pytest.param(
        an_execution(a_watched_wave(LAUNCHED)),
        a_job(a_launch(actions=(None,))),
        ExecutionStatus.COMPLETED,
        id="actions of a drill",
    ),
    pytest.param(
        an_execution(a_watched_wave(IN_PROGRESS, job_status=JobStatus.STARTED)),
        a_job(a_launch(status=IN_PROGRESS), status=JobStatus.STARTED),
        ExecutionStatus.TIMEOUT,
        id="running job",
    ),
    pytest.param(
        an_execution(a_watched_wave(LAUNCHED, job_status=JobStatus.STARTED)),
        a_job(status=JobStatus.STARTED),
        ExecutionStatus.TIMEOUT,
        id="running job of a drill that launched before",
    ),
    pytest.param(
        an_execution(a_watched_wave(ServerStatus.NOT_STARTED, job_status=None)),
        None,
        ExecutionStatus.TIMEOUT,
        id="job that DRS never named",
    ),
    pytest.param(
        an_execution(a_wave(job_id=None, job_status=JobStatus.STARTED)), None, ExecutionStatus.TIMEOUT, id="no JobId"
    ),
]
"""Executions with one wave, complete answers of DRS, and the status after the first overdue poll."""


@pytest.mark.parametrize(("execution", "answer", "end"), COMPLETE)
@pytest.mark.parametrize("age_s", [1800.000001, 2100, 2101])
def test_complete_answer_decides_the_end_of_an_overdue_execution(
    execution: Execution, answer: Job | None, end: ExecutionStatus, age_s: float
) -> None:
    assert at(age_s, execution, answer).status is end


@pytest.mark.parametrize("silent", [a_job(), None], ids=["servers", "job"])
def test_complete_answer_after_an_incomplete_one_brings_the_true_end(silent: Job | None) -> None:
    recovery = a_recovery(a_watched_wave(LAUNCHED))
    first = at(1850, recovery, silent)
    second = at(1910, replace(recovery, waves=first.waves), a_job(a_launch()))
    assert (first.status, second.status) == (None, ExecutionStatus.COMPLETED)
    assert [(wave.status, wave.message) for wave in second.waves] == [(WaveStatus.COMPLETED, None)]


def test_one_incomplete_answer_keeps_all_unfinished_waves_open() -> None:
    waves = [
        replace(a_watched_wave(IN_PROGRESS, job_status=JobStatus.STARTED), number=number, job_id=f"drsjob-{number}")
        for number in (1, 2)
    ]
    runs = Job("drsjob-2", JobStatus.STARTED, (a_launch(status=IN_PROGRESS),))
    waiting, given_up = (at(age_s, an_execution(*waves), None, runs) for age_s in (2100, 2101))
    assert (waiting.status, given_up.status) == (None, ExecutionStatus.TIMEOUT)
    assert [wave.status for wave in waiting.waves] == [WaveStatus.IN_PROGRESS] * 2
    assert [wave.status for wave in given_up.waves] == [WaveStatus.UNKNOWN, WaveStatus.TIMEOUT]


@pytest.mark.parametrize(
    ("age_s", "ends"),
    [(2100, [WaveStatus.IN_PROGRESS] * 2), (2101, [WaveStatus.PARTIAL, WaveStatus.UNKNOWN])],
)
def test_running_actions_are_awaited_while_another_answer_is_incomplete(age_s: int, ends: list[WaveStatus]) -> None:
    waves = [replace(a_watched_wave(LAUNCHED), number=number, job_id=f"drsjob-{number}") for number in (1, 2)]
    runs = Job("drsjob-1", JobStatus.COMPLETED, (a_launch(actions=(RUNNING,)),))
    conclusion = at(age_s, a_recovery(*waves), runs, Job("drsjob-2", JobStatus.COMPLETED, ()))
    assert [wave.status for wave in conclusion.waves] == ends


@pytest.mark.parametrize("status", [WaveStatus.COMPLETED, WaveStatus.UNKNOWN])
def test_abandoned_wave_does_not_keep_the_execution_open(status: WaveStatus) -> None:
    over = replace(a_watched_wave(LAUNCHED), status=status)
    runs = replace(a_watched_wave(IN_PROGRESS, job_status=JobStatus.STARTED), number=2, job_id="drsjob-2")
    job = Job("drsjob-2", JobStatus.STARTED, (a_launch(status=IN_PROGRESS),))
    assert at(1801, an_execution(over, runs), None, job).status is ExecutionStatus.TIMEOUT


def test_message_names_the_servers_that_were_left_out() -> None:
    recovery = a_recovery(a_watched_wave(LAUNCHED, LAUNCHED, FAILED))
    (wave,) = at(1801, recovery, a_job(a_launch(1))).waves
    assert wave.message == "job ended, DRS did not report the outcome of s-0"


@pytest.mark.parametrize(("age_s", "status"), [(660, None), (661, ExecutionStatus.TIMEOUT)])
def test_setting_decides_how_long_an_execution_waits(age_s: int, status: ExecutionStatus | None) -> None:
    settings = Settings(timeout_us=600 * SECOND_US, incomplete_answer_us=60 * SECOND_US)
    assert at(age_s, a_recovery(a_watched_wave(LAUNCHED)), a_job(), settings=settings).status is status
