"""Finder and poller together over minutes of virtual time: the cadence of polls, and the end of the execution."""

from collections.abc import Callable

import pytest

from drsim.orchestrator.model import Execution, ExecutionStatus, Job, JobRef, JobStatus, ServerStatus
from drsim.orchestrator.poller import Poller
from drsim.orchestrator.settings import SECOND_US, Settings
from tests.orchestrator.ports import START_US, Jobs, PublishedMetrics
from tests.orchestrator.rigs import DEFAULTS, FinderRig
from tests.orchestrator.samples import EAST, a_job, a_wave, an_ended_job, an_execution, an_item

FOUR_SWEEPS = Settings(sweeps_per_invocation=4)
WAVE = a_wave()
PENDING = a_job(WAVE, JobStatus.PENDING)
STARTED = a_job(WAVE, JobStatus.STARTED, ServerStatus.PENDING, ServerStatus.PENDING)
IN_PROGRESS = a_job(WAVE, JobStatus.STARTED, ServerStatus.IN_PROGRESS, ServerStatus.PENDING)
ENDED = an_ended_job(WAVE)


def always(job: Job) -> Callable[[int], Job]:
    """A job that never changes."""

    def job_at(second: int) -> Job:
        return job

    return job_at


class System:
    """One execution with one wave, a finder that runs every minute, and the poller that it invokes."""

    def __init__(self, job_at: Callable[[int], Job], settings: Settings, poll_seconds: int = 0) -> None:
        self._finder = FinderRig(an_item(an_execution(WAVE)), settings=settings)
        self._jobs = Jobs()
        self._job_at = job_at
        self._poll_us = poll_seconds * SECOND_US
        self._poller = Poller(
            store=self._finder.table,
            jobs=self._jobs,
            metrics=PublishedMetrics(),
            clock=self._finder.clock,
            settings=settings,
        )
        self._jobs.on_call = self._answer_after_a_while
        self._finder.invoker.on_invoke = self._poll

    def _answer_after_a_while(self) -> None:
        self._finder.clock.pass_us(self._poll_us)
        second = (self._finder.clock.now_us() - START_US) // SECOND_US
        self._jobs.known[JobRef(EAST, ENDED.job_id)] = self._job_at(second)

    def _poll(self) -> None:
        dispatch = self._finder.invoker.accepted[-1]
        self._poller.poll(dispatch, deadline_us=self._finder.clock.now_us() + 300 * SECOND_US)

    def run(self, minutes: int) -> list[int]:
        """The seconds since the first tick at which the execution was found due, over this many minutes."""
        for minute in range(minutes):
            tick_us = START_US + minute * 60 * SECOND_US
            self._finder.clock.pass_us(tick_us - self._finder.clock.now_us())
            self._finder.run()
        return [((dispatch.dispatched_us or 0) - START_US) // SECOND_US for dispatch in self._finder.invoker.accepted]

    @property
    def execution(self) -> Execution:
        execution = self._finder.table.get(an_execution(WAVE).key)
        assert execution is not None
        return execution


@pytest.mark.parametrize(("job", "interval_s"), [(PENDING, 45), (STARTED, 15), (IN_PROGRESS, 30)])
@pytest.mark.parametrize("poll_seconds", [0, 3])
def test_four_looks_a_minute_make_every_interval_effective(job: Job, interval_s: int, poll_seconds: int) -> None:
    system = System(always(job), FOUR_SWEEPS, poll_seconds)
    assert system.run(minutes=6) == list(range(0, 360, interval_s))


@pytest.mark.parametrize("job", [PENDING, STARTED, IN_PROGRESS])
def test_one_look_a_minute_makes_every_interval_a_minute(job: Job) -> None:
    assert System(always(job), DEFAULTS, poll_seconds=2).run(minutes=4) == [0, 60, 120, 180]


def test_execution_is_polled_by_phase_until_it_completes() -> None:
    def job_at(second: int) -> Job:
        if second < 100:
            return PENDING if second < 60 else STARTED
        return IN_PROGRESS if second < 170 else ENDED

    system = System(job_at, FOUR_SWEEPS)
    assert system.run(minutes=5) == [0, 45, 90, 105, 135, 165, 195]
    assert system.execution.status is ExecutionStatus.COMPLETED
    assert system.execution.end_us == START_US + 195 * SECOND_US


def test_hanging_job_is_timeout_at_the_first_poll_past_the_limit() -> None:
    system = System(always(STARTED), DEFAULTS)
    assert system.run(minutes=40)[-1] == 1860
    assert system.execution.status is ExecutionStatus.TIMEOUT
    assert system.execution.waves[0].job_status is JobStatus.STARTED
