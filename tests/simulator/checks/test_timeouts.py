"""Timeout-truth, fed by hand: the job is STARTED at 60 s, launches from 90 s on, and ends at 210 s."""

from typing import Any

import pytest

from drsim.simulator.checks.timeouts import TimeoutTruth
from drsim.simulator.events import LambdaEnded
from drsim.simulator.services.drs import DrsJob
from drsim.simulator.services.spec import JobLife
from tests.simulator.checks.test_completion import a_bench, done, seen
from tests.simulator.cloudwatch.runs import (
    START_S,
    Bench,
    Item,
    a_wave,
    an_item,
    without,
)

STUCK = JobLife.model_validate({"pending": "60s", "started": "30s", "hangs": True})


def gave_up(job: DrsJob, **changes: Any) -> Item:
    """The execution after its timeout, with its only wave."""
    return an_item(Version=2, Status="TIMEOUT", EndTime=START_S + 1801, Waves=[seen(job, Status="TIMEOUT") | changes])


def test_a_timeout_that_is_due_passes() -> None:
    bench, job, _ = a_bench(TimeoutTruth, life=STUCK)
    bench.at(1801)
    bench.ask(job.job_id)
    bench.write(gave_up(job))
    bench.write(gave_up(job))
    assert (bench.said(), bench.monitor.checked) == ([], 1)


def test_timeout_truth_wants_thirty_minutes_and_a_question() -> None:
    bench, job, _ = a_bench(TimeoutTruth, life=STUCK)
    bench.at(1800)
    bench.write(gave_up(job))
    assert bench.said() == [
        ("TIMEOUT only after 1800 s", "after 1800 s"),
        (f"DRS asked about job {job.job_id}", "it was not"),
    ]


def test_timeout_truth_leaves_no_wave_as_if_it_were_watched() -> None:
    bench, job, _ = a_bench(TimeoutTruth, life=STUCK)
    bench.at(1801)
    bench.ask(job.job_id)
    bench.write(gave_up(job, Status="LAUNCHING"))
    assert bench.said() == [("wave 1 TIMEOUT or UNKNOWN, because polling has ended", "LAUNCHING")]


@pytest.mark.parametrize(
    ("status", "job_id", "right"),
    [
        ("PENDING", None, True),
        ("LAUNCHING", None, False),
        ("UNKNOWN", None, True),
        ("PENDING", "drsjob-x", False),
        ("UNKNOWN", "drsjob-x", True),
    ],
)
def test_only_a_wave_that_waits_for_its_turn_may_stay_pending(status: str, job_id: str | None, right: bool) -> None:
    bench, job, _ = a_bench(TimeoutTruth, life=STUCK)
    bench.at(1801)
    bench.ask(job.job_id)
    wave = without(a_wave(Status=status), "JobId") | ({} if job_id is None else {"JobId": job_id})
    bench.write(gave_up(job) | {"Waves": [wave]})
    assert (bench.said() == []) is right


@pytest.mark.parametrize(("status", "right"), [("TIMEOUT", False), ("UNKNOWN", True)])
def test_a_wave_whose_job_has_ended_may_be_unknown_and_did_not_time_out(status: str, right: bool) -> None:
    bench, stuck, _ = a_bench(TimeoutTruth, life=STUCK)
    job = bench.job("s-2", life=JobLife.model_validate({"pending": "60s", "started": "30s", "in_progress": "1711s"}))
    bench.at(1801)
    bench.ask(stuck.job_id, job.job_id)
    waves = [seen(stuck, Status="TIMEOUT"), seen(job, Status=status)]
    bench.write(gave_up(stuck) | {"TotalWaves": 2, "Waves": waves})
    assert bench.said() == ([] if right else [("wave 1 as its job ended", "TIMEOUT")])


def test_no_timeout_over_a_job_that_had_ended_when_drs_was_asked() -> None:
    bench, job, _ = a_bench(TimeoutTruth)
    bench.at(1801)
    bench.ask(job.job_id)
    bench.write(gave_up(job))
    assert bench.said() == [
        ("COMPLETED, for every job had ended", "TIMEOUT"),
        ("wave 1 as its job ended", "TIMEOUT"),
    ]


def test_a_job_that_ends_between_question_and_write_makes_no_timeout_false() -> None:
    life = JobLife.model_validate({"pending": "60s", "started": "30s", "in_progress": "1711500ms"})
    bench, job, _ = a_bench(TimeoutTruth, life=life)
    bench.at(1801)
    bench.ask(job.job_id)
    bench.at(1802)
    assert job.ended_us == 1801_500_000
    bench.write(gave_up(job))
    assert bench.said() == []


def test_waves_that_are_finished_or_wait_for_their_turn_stay_as_they_are() -> None:
    bench, job, _ = a_bench(TimeoutTruth, TotalWaves=3)
    waits = without(without(a_wave(Status="PENDING", Servers=[]), "JobId"), "JobStatus")
    unknown = a_wave(JobId="drsjob-x", Status="UNKNOWN")
    bench.at(1801)
    bench.write(gave_up(job) | {"TotalWaves": 3, "Waves": [done(job), waits, unknown]})
    assert bench.said() == []


def test_an_execution_that_appears_as_a_timeout_is_judged_as_well() -> None:
    bench = Bench(TimeoutTruth)
    bench.write(an_item(Status="TIMEOUT", Waves=[]))
    assert bench.said() == [("TIMEOUT only after 1800 s", "after 0 s")]


def test_answers_to_an_invocation_are_forgotten_when_it_ends() -> None:
    bench, job, _ = a_bench(TimeoutTruth, life=STUCK)
    bench.at(1801)
    bench.ask(job.job_id)
    bench.trace.emit(LambdaEnded(0, "r-1", "ExecutionPoller", "e-1", "ok", 0, 90, ""))
    bench.write(gave_up(job))
    assert bench.said() == [(f"DRS asked about job {job.job_id}", "it was not")]
