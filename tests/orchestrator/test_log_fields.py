"""The structured fields of log lines, by which a reader finds the lines of one execution."""

import contextlib
import logging
from collections.abc import Callable

import pytest

from drsim.orchestrator.errors import LostRaceError, PollFailedError, TryLaterError
from drsim.orchestrator.model import ExecutionKey, ExecutionStatus, JobStatus, ServerStatus, WaveStatus
from drsim.orchestrator.settings import SECOND_US
from tests.orchestrator.ports import START_US, in_turn, raising
from tests.orchestrator.rigs import FinderRig, PollerRig
from tests.orchestrator.samples import KEY, a_wave, an_execution, an_item, servers_in


def gone() -> PollerRig:
    return PollerRig()


def ended() -> PollerRig:
    return PollerRig(an_execution(a_wave(), status=ExecutionStatus.COMPLETED))


def polled_meanwhile() -> PollerRig:
    return PollerRig(an_execution(a_wave(), last_polled_us=START_US))


def waiting_for_its_turn() -> PollerRig:
    return PollerRig(an_execution(a_wave(status=WaveStatus.PENDING, job_id=None)))


def without_a_job() -> PollerRig:
    return PollerRig(an_execution(a_wave(job_id=None)))


def overtaken() -> PollerRig:
    rig = PollerRig(an_execution(a_wave()))
    rig.table.on_save = in_turn(lambda: rig.table.write(KEY, InitiatedBy="Session 57"))
    return rig


def unanswered() -> PollerRig:
    rig = PollerRig(an_execution(a_wave()))
    rig.table.after_save = in_turn(raising(LostRaceError("its own write came first")))
    return rig


def throttled() -> PollerRig:
    rig = PollerRig(an_execution(a_wave()))
    rig.jobs.on_call = raising(TryLaterError("Rate exceeded"))
    return rig


def unmeasured() -> PollerRig:
    rig = PollerRig(an_execution(a_wave()))
    rig.metrics.on_publish = raising(TryLaterError("Rate exceeded"))
    return rig


@pytest.mark.parametrize(
    ("rig", "line"),
    [
        (gone, "Execution e-1 is gone"),
        (ended, "Execution e-1 is COMPLETED, not POLLING"),
        (polled_meanwhile, "Execution e-1 was polled meanwhile"),
        (waiting_for_its_turn, "Wave 1 has no JobId"),
        (without_a_job, "Wave 1 has no JobId"),
        (overtaken, "Another writer came first, reading again: execution e-1 was changed by another writer"),
        (unanswered, "The write was done, only its answer was lost"),
        (throttled, "Poll failed: Rate exceeded"),
        (unmeasured, "Metrics were not published: Rate exceeded"),
    ],
)
def test_every_log_line_of_a_poll_carries_the_execution_id(
    rig: Callable[[], PollerRig], line: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="drsim.orchestrator"), contextlib.suppress(PollFailedError):
        rig().poll(dispatched_us=START_US)
    assert line in caplog.messages
    assert [vars(record).get("execution_id") for record in caplog.records] == ["e-1"] * len(caplog.records)


def test_log_line_of_skipped_executions_carries_their_count(caplog: pytest.LogCaptureFixture) -> None:
    waiting = [an_execution(a_wave(), key=ExecutionKey(name, "plan-1"), last_polled_us=START_US) for name in "ab"]
    with caplog.at_level(logging.INFO, logger="drsim.orchestrator"):
        FinderRig(*map(an_item, waiting)).run()
    (record,) = caplog.records
    assert vars(record)["skipped"] == 2


def test_due_entry_of_several_phases_has_the_shortest_interval(
    caplog: pytest.LogCaptureFixture,
) -> None:
    launching = a_wave(1, job_status=JobStatus.STARTED, servers=servers_in([ServerStatus.IN_PROGRESS]))
    started = a_wave(2, job_status=JobStatus.STARTED)
    execution = an_execution(launching, started, last_polled_us=START_US - 20 * SECOND_US)
    with caplog.at_level(logging.INFO, logger="drsim.orchestrator"):
        FinderRig(an_item(execution)).run()
    (record,) = caplog.records
    assert vars(record)["due"] == [
        {"execution_id": "e-1", "phase": "STARTED", "interval_s": 15, "time_since_poll_s": 20}
    ]
