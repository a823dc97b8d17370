"""The metric OldestExecutionAge: the age of a polled execution. An alarm goes off above 2,100 s."""

import pytest

from drsim.orchestrator.errors import PollFailedError, TryLaterError
from drsim.orchestrator.model import ExecutionStatus, ExecutionType, JobStatus, ServerStatus, Unit
from drsim.orchestrator.settings import SECOND_US
from tests.orchestrator.ports import START_US, raising
from tests.orchestrator.rigs import PollerRig
from tests.orchestrator.samples import a_job, a_wave, an_ended_job, an_execution, servers_in


def test_age_is_published_in_seconds_while_an_execution_is_polling() -> None:
    rig = PollerRig(an_execution(a_wave()))
    rig.clock.pass_us(1_500_000)
    rig.poll(started_us=START_US)
    rig.poll(started_us=START_US + 60 * SECOND_US)
    points = [(point.value, point.unit) for point in rig.metrics.points if point.name == "OldestExecutionAge"]
    assert points == [(1.5, Unit.SECONDS), (0, Unit.SECONDS)]


def test_age_is_measured_at_the_beginning_of_the_poll() -> None:
    rig = PollerRig(an_execution(a_wave()))
    rig.clock.pass_us(10 * SECOND_US)
    rig.table.on_get = lambda: rig.clock.pass_us(2 * SECOND_US)
    rig.poll(started_us=START_US)
    assert rig.metrics.values("OldestExecutionAge") == [10]


def test_age_is_not_published_without_a_start_time() -> None:
    rig = PollerRig(an_execution(a_wave()))
    rig.poll()
    assert rig.metrics.values("OldestExecutionAge") == []


def test_failed_poll_publishes_the_age() -> None:
    rig = PollerRig(an_execution(a_wave()))
    rig.clock.pass_us(2160 * SECOND_US)
    rig.table.on_get = raising(TryLaterError("Rate exceeded"))
    with pytest.raises(PollFailedError):
        rig.poll(started_us=START_US)
    assert rig.metrics.values("OldestExecutionAge") == [2160]


@pytest.mark.parametrize(
    ("ended", "end", "ages"), [(True, ExecutionStatus.COMPLETED, [2160]), (False, ExecutionStatus.TIMEOUT, [])]
)
def test_poll_that_ends_its_execution_publishes_age_except_timeout(
    ended: bool, end: ExecutionStatus, ages: list[float]
) -> None:
    wave = a_wave()
    rig = PollerRig(an_execution(wave))
    if ended:
        rig.answer((wave, an_ended_job(wave)))
    rig.clock.pass_us(2160 * SECOND_US)
    assert rig.poll(started_us=START_US).status is end
    assert rig.metrics.values("OldestExecutionAge") == ages
    assert rig.metrics.values("WavesPolled") == [1]


def test_incomplete_answers_publish_no_age_above_the_alarm() -> None:
    wave = a_wave(job_status=JobStatus.COMPLETED, servers=servers_in([ServerStatus.LAUNCHED]))
    rig = PollerRig(an_execution(wave, kind=ExecutionType.RECOVERY))
    rig.answer((wave, a_job(wave, JobStatus.COMPLETED)))
    statuses = []
    for age_s in (1790, 1850, 2090, 2150):
        rig.clock.pass_us(START_US + age_s * SECOND_US - rig.clock.now_us())
        statuses.append(rig.poll(started_us=START_US).status)
    assert statuses == [ExecutionStatus.POLLING] * 3 + [ExecutionStatus.TIMEOUT]
    assert rig.metrics.values("OldestExecutionAge") == [1790, 1850, 2090]
