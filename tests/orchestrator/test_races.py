"""Races of a poll with other writers: a write between the poll's read and its own write is never overwritten."""

import logging
from typing import Final

import pytest

from drsim.orchestrator.errors import LostRaceError, PollFailedError
from drsim.orchestrator.items import seconds_item, waves_item
from drsim.orchestrator.model import ExecutionStatus, JobStatus, ServerStatus, Wave, WaveStatus
from drsim.orchestrator.poller import PollEnd, PollReport
from drsim.orchestrator.settings import SECOND_US, Settings
from tests.orchestrator.ports import START_US, Hook, in_turn, nothing, raising
from tests.orchestrator.rigs import PollerRig
from tests.orchestrator.samples import KEY, a_job, a_wave, an_ended_job, an_execution

FIRST, SECOND = a_wave(1), a_wave(2)
SECOND_WAITS = a_wave(2, status=WaveStatus.PENDING, job_id=None)
ANSWER_LOST: Final = LostRaceError("the write was sent twice, and the second one found the version of the first")


def writing(rig: PollerRig, *waves: Wave) -> Hook:
    """A hook in which the plan's worker writes these waves."""
    return lambda: rig.table.write(KEY, Waves=waves_item(waves))


def test_job_id_written_during_the_poll_is_kept() -> None:
    rig = PollerRig(an_execution(FIRST, SECOND_WAITS))
    rig.answer((FIRST, an_ended_job(FIRST)), (SECOND, a_job(SECOND, JobStatus.STARTED, ServerStatus.PENDING)))
    rig.jobs.on_call = in_turn(writing(rig, FIRST, SECOND))
    assert rig.poll() == PollReport(PollEnd.UPDATED, 2, ExecutionStatus.POLLING)
    first, second = rig.stored().waves
    assert first.status is WaveStatus.COMPLETED
    assert (second.job_id, second.job_status) == ("drsjob-2", JobStatus.STARTED)
    assert len(rig.table.written) == 1


def test_wave_added_during_the_poll_keeps_the_execution_open() -> None:
    rig = PollerRig(an_execution(FIRST))
    rig.answer((FIRST, an_ended_job(FIRST)))
    rig.jobs.on_call = in_turn(writing(rig, FIRST, SECOND_WAITS))
    assert rig.poll().status is ExecutionStatus.POLLING
    assert [wave.status for wave in rig.stored().waves] == [WaveStatus.COMPLETED, WaveStatus.PENDING]


def test_lost_race_is_read_and_decided_again(caplog: pytest.LogCaptureFixture) -> None:
    """The job ends between the two reads: the second decision follows DRS's second answer."""
    rig = PollerRig(an_execution(FIRST))
    rig.answer((FIRST, a_job(FIRST, JobStatus.STARTED)))

    def another_writer() -> None:
        rig.table.write(KEY, Note="of another writer")
        rig.answer((FIRST, an_ended_job(FIRST)))

    rig.table.on_save = in_turn(another_writer)
    with caplog.at_level(logging.INFO, logger="drsim.orchestrator"):
        assert rig.poll().status is ExecutionStatus.COMPLETED
    assert len(rig.table.reads) == len(rig.jobs.calls) == 2
    assert rig.table.items[KEY]["Note"] == "of another writer"
    assert rig.table.items[KEY]["Version"] == 2
    assert caplog.messages[0] == (
        "Another writer came first, reading again: execution e-1 was changed by another writer"
    )


@pytest.mark.parametrize("waves", [(FIRST,), (FIRST, SECOND)])
def test_cancellation_during_the_poll_wins(waves: tuple[Wave, ...]) -> None:
    """A person's change does not increment the version: the condition on the status protects it."""
    rig = PollerRig(an_execution(*waves))
    rig.answer(*[(wave, an_ended_job(wave)) for wave in waves])
    before = dict(rig.table.items[KEY])
    rig.table.on_save = in_turn(lambda: rig.table.items[KEY].update(Status="CANCELLED"))
    assert rig.poll() == PollReport(PollEnd.NOT_POLLING, status=ExecutionStatus.CANCELLED)
    assert rig.table.items[KEY] == {**before, "Status": "CANCELLED"}


def test_execution_deleted_during_the_poll_stays_deleted() -> None:
    rig = PollerRig(an_execution(FIRST))
    rig.table.on_save = in_turn(rig.table.items.clear)
    assert rig.poll() == PollReport(PollEnd.GONE)
    assert rig.table.items == {}


def test_second_of_two_pollers_with_one_dispatch_writes_nothing() -> None:
    rig = PollerRig(an_execution(FIRST))
    rig.answer((FIRST, a_job(FIRST, JobStatus.STARTED)))
    rig.table.on_save = in_turn(lambda: rig.table.write(KEY, LastPolledTime=seconds_item(START_US)))
    assert rig.poll(dispatched_us=START_US) == PollReport(PollEnd.NOT_DUE, status=ExecutionStatus.POLLING)
    assert rig.table.written == []


def test_execution_ended_by_another_poller_is_not_ended_again() -> None:
    rig = PollerRig(an_execution(FIRST))
    rig.answer((FIRST, an_ended_job(FIRST)))
    rig.table.on_save = in_turn(lambda: rig.table.write(KEY, Status="COMPLETED", EndTime=START_US // SECOND_US))
    rig.clock.pass_us(30 * SECOND_US)
    assert rig.poll().end is PollEnd.NOT_POLLING
    assert rig.stored().end_us == START_US


@pytest.mark.parametrize("attempts", [1, 3])
def test_poll_that_loses_every_race_fails_and_overwrites_nothing(attempts: int) -> None:
    rig = PollerRig(an_execution(FIRST), settings=Settings(save_attempts_max=attempts))
    rig.table.on_save = lambda: rig.table.write(KEY, Note="of another writer")
    with pytest.raises(PollFailedError, match="was changed by another writer"):
        rig.poll()
    assert len(rig.table.reads) == attempts
    assert rig.table.written == []
    assert rig.metrics.values("PollErrors") == [1]


def test_poll_that_loses_races_stops_before_its_deadline() -> None:
    rig = PollerRig(an_execution(FIRST))
    rig.table.on_save = lambda: rig.table.write(KEY, Note="of another writer")
    rig.jobs.on_call = rig.clock.passing_s(100)
    with pytest.raises(PollFailedError, match="was changed by another writer"):
        rig.poll(seconds=300)
    assert len(rig.table.reads) == 3
    rig.jobs.on_call = rig.clock.passing_s(99)
    with pytest.raises(PollFailedError):
        rig.poll(seconds=300)
    assert len(rig.table.reads) == 3 + 3


def test_changed_version_alone_is_a_lost_race() -> None:
    rig = PollerRig(an_execution(FIRST))
    rig.table.on_save = in_turn(lambda: rig.table.write(KEY))
    rig.poll()
    assert [update.expected_version for update in rig.table.written] == [1]


def test_written_poll_with_a_lost_answer_counts_as_a_poll() -> None:
    rig = PollerRig(an_execution(FIRST))
    rig.answer((FIRST, an_ended_job(FIRST)))
    rig.table.after_save = in_turn(raising(ANSWER_LOST))
    assert rig.poll() == PollReport(PollEnd.UPDATED, 1, ExecutionStatus.COMPLETED)
    assert len(rig.table.written) == len(rig.jobs.calls) == 1
    assert (rig.metrics.values("WavesPolled"), rig.metrics.values("PollErrors")) == ([1], [0])


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"Note": "of another writer"}, ExecutionStatus.POLLING), ({"Status": "CANCELLED"}, ExecutionStatus.CANCELLED)],
)
def test_poll_with_a_lost_answer_finds_its_write_below_a_later_one(
    changes: dict[str, object], status: ExecutionStatus
) -> None:
    rig = PollerRig(an_execution(FIRST))
    rig.answer((FIRST, a_job(FIRST, JobStatus.STARTED)))

    def another_writer() -> None:
        rig.table.write(KEY, **changes)
        raise ANSWER_LOST

    rig.table.after_save = in_turn(another_writer)
    assert rig.poll() == PollReport(PollEnd.UPDATED, 1, status)
    assert len(rig.table.written) == 1
    assert rig.metrics.values("WavesPolled") == [1]


def test_write_of_another_poll_is_not_taken_for_the_own_write() -> None:
    """The other poll's write has other waves, or another time."""
    rig = PollerRig(an_execution(FIRST))
    rig.answer((FIRST, an_ended_job(FIRST)))
    rig.table.on_save = in_turn(lambda: rig.table.write(KEY, LastPolledTime=seconds_item(rig.clock.now_us())), nothing)
    assert rig.poll().status is ExecutionStatus.COMPLETED
    assert len(rig.table.written) == 1


def test_unchanged_version_is_not_taken_for_the_own_write() -> None:
    """A person cancels without incrementing the version, and the manual poll has nothing new to write."""
    rig = PollerRig(an_execution(FIRST, last_polled_us=START_US))
    rig.table.on_save = in_turn(lambda: rig.table.items[KEY].update(Status="CANCELLED"))
    assert rig.poll() == PollReport(PollEnd.NOT_POLLING, status=ExecutionStatus.CANCELLED)
    assert rig.metrics.values("WavesPolled") == []
