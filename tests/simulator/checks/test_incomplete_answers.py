"""Monitors of ends where DRS's answers leave something out, fed by hand. The job ends at 210 s, or never."""

from dataclasses import replace
from typing import Any

import pytest

from drsim.orchestrator.model import Phase
from drsim.simulator.checks.completion import CompletionLiveness
from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.checks.timeouts import TimeoutTruth
from drsim.simulator.contract.limits import JudgedLimits
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.presets import OUR_CONTRACT, PRESETS
from drsim.simulator.events import JobsDescribed
from drsim.simulator.faults.kinds import DESCRIBE_JOBS, Fault
from drsim.simulator.faults.rules import Rule
from drsim.simulator.services.drs import DrsJob
from drsim.simulator.services.spec import JobLife
from drsim.simulator.spec.world import WorldSpec
from tests.simulator.cloudwatch.runs import LIFE, SCOPE, SECOND_US, Bench, Item, a_server, a_wave, an_item, without
from tests.simulator.tables import LIMITS

STUCK = JobLife.model_validate({"pending": "60s", "started": "30s", "hangs": True})
WAITS = "POLLING for up to 300 s after the timeout"


class Silence:
    """One monitor, an execution whose only wave has a job, and a DRS that leaves something out of each answer."""

    def __init__(
        self,
        monitor: type[Monitor],
        fault: Fault = Fault.JOB_VANISHED,
        *,
        life: JobLife = LIFE,
        limits: JudgedLimits = LIMITS,
        contract: Contract = OUR_CONTRACT,
        **changes: Any,
    ) -> None:
        self.bench = Bench(monitor, spec=WorldSpec(faults=(Rule(fault=fault),)), limits=limits, contract=contract)
        self.fault = fault
        self.job = self.bench.job(life=life)
        self.bench.write(an_item(Waves=[self.wave()], **changes), by="worker")

    def wave(self, **changes: Any) -> Item:
        return a_wave(JobId=self.job.job_id, **changes)

    def answer(self, second: float) -> None:
        """An answer about the job at that second that the fault has cut short."""
        self.bench.at(second)
        plan = self.bench.monitor.context.plan
        assert plan.hit(DESCRIBE_JOBS, function="ExecutionPoller", execution_id="e-1", request_id="r-1")
        found = () if self.fault is Fault.JOB_VANISHED else (self.job.job_id,)
        asked = (self.job.job_id,)
        now_us = self.bench.kernel.now_us
        self.bench.trace.emit(JobsDescribed(now_us, "r-1", "e-1", *SCOPE, asked, found, found, 1))

    def give_up(self, *others: Item, **changes: Any) -> None:
        waves = [self.wave(Status="UNKNOWN"), *others]
        self.bench.write(an_item(Version=2, Status="TIMEOUT", Waves=waves, **changes))

    def said(self) -> list[str]:
        return [expected for expected, _ in self.bench.said()]


# --- timeout-truth --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.JOB_VANISHED, Fault.SERVERS_OMITTED])
@pytest.mark.parametrize(("second", "right"), [(1801, False), (2040, False), (2040.001, True), (2101, True)])
def test_timeout_over_an_incomplete_answer_needs_four_minutes(fault: Fault, second: float, right: bool) -> None:
    """A poll that gives up one tick before the last instant knows that the next would come too late."""
    silence = Silence(TimeoutTruth, fault)
    silence.answer(second)
    silence.give_up()
    assert silence.said() == ([] if right else [WAITS])


@pytest.mark.parametrize(("status", "right"), [("NOT_STARTED", True), ("PENDING", False)])
def test_without_job_status_servers_show_that_a_job_was_named(status: str, right: bool) -> None:
    given = PRESETS["ours"]
    promises = {**given["promises"], "job_status": False}
    contract = Contract.model_validate({**given, "wave": {"job_status": None}, "promises": promises})
    silence = Silence(TimeoutTruth, contract=contract)
    wave = without(silence.wave(Servers=[a_server(status=status)]), "JobStatus")
    silence.bench.write(an_item(Version=2, Waves=[wave]), by="worker")
    silence.answer(1801)
    silence.bench.write(an_item(Version=3, Status="TIMEOUT", Waves=[{**wave, "Status": "UNKNOWN"}]))
    assert silence.said() == ([] if right else [WAITS])


def test_functions_that_promise_no_second_question_may_give_up_at_once() -> None:
    silence = Silence(TimeoutTruth, limits=replace(LIMITS, incomplete_answer_us=0))
    silence.answer(1801)
    silence.give_up()
    assert (silence.said(), silence.bench.monitor.checked) == ([], 1)


def test_giving_up_at_once_names_what_was_left_out() -> None:
    silence = Silence(TimeoutTruth)
    silence.answer(1801)
    silence.give_up()
    left_out = f"TIMEOUT 1 s after it, and DRS's answer left out job {silence.job.job_id} or its servers"
    assert silence.bench.said() == [(WAITS, left_out)]


@pytest.mark.parametrize(
    ("interval_s", "right"),
    [(240, True), (238, False)],
)
def test_patience_depends_on_the_intervals(interval_s: int, right: bool) -> None:
    limits = replace(LIMITS, intervals_us=dict.fromkeys(Phase, interval_s * SECOND_US))
    silence = Silence(TimeoutTruth, limits=limits)
    silence.answer(1861)
    silence.give_up()
    assert (silence.said() == []) is right


@pytest.mark.parametrize(("fault", "right"), [(Fault.JOB_VANISHED, False), (Fault.SERVERS_OMITTED, True)])
def test_timeout_over_a_running_job_without_servers_is_certain(fault: Fault, right: bool) -> None:
    """The job's status stands in the answer; of a vanished job a poll knows nothing."""
    silence = Silence(TimeoutTruth, fault, life=STUCK)
    silence.answer(1801)
    silence.give_up()
    assert (silence.said() == []) is right


def test_timeout_over_a_job_that_drs_never_named_comes_at_once() -> None:
    silence = Silence(TimeoutTruth)
    silence.bench.write(an_item(Waves=[without(silence.wave(), "JobStatus")], Version=2), by="worker")
    silence.answer(1801)
    silence.give_up()
    assert silence.said() == []


def test_waves_to_come_do_not_excuse_giving_up_on_an_incomplete_answer() -> None:
    silence = Silence(TimeoutTruth, TotalWaves=2)
    silence.answer(1801)
    silence.give_up(TotalWaves=2)
    assert silence.said() == [WAITS]


@pytest.mark.parametrize("life", [STUCK, LIFE])
def test_another_wave_does_not_excuse_giving_up_on_an_incomplete_answer(life: JobLife) -> None:
    silence = Silence(TimeoutTruth)
    other: DrsJob = silence.bench.job("s-2", life=life)
    second = a_wave(JobId=other.job_id, WaveNumber=2)
    silence.bench.write(an_item(Version=2, TotalWaves=2, Waves=[silence.wave(), second]), by="worker")
    silence.answer(1801)
    silence.bench.trace.emit(
        JobsDescribed(silence.bench.kernel.now_us, "r-1", "e-1", *SCOPE, (other.job_id,), (other.job_id,), (), 1)
    )
    silence.give_up(second | {"Status": "TIMEOUT" if life is STUCK else "UNKNOWN"}, TotalWaves=2)
    assert silence.said() == [WAITS]


# --- completion-liveness --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("silent", "owed"),
    [([], 210), ([300], 300), ([300, 1850], 1850), ([1850, 2100], 2100), ([1850, 2100, 2400], 2100)],
)
def test_incomplete_answers_put_an_end_off_until_35_minutes(silent: list[int], owed: int) -> None:
    silence = Silence(CompletionLiveness)
    for second in silent:
        silence.answer(second)
    silence.bench.monitor.finish((owed + 90) * SECOND_US)
    assert silence.said() == []
    silence.bench.monitor.finish((owed + 91) * SECOND_US)
    assert silence.said() == [f"terminal within 90 s of the truth at {owed} s"]


def test_incomplete_answers_about_another_execution_put_no_end_off() -> None:
    silence = Silence(CompletionLiveness)
    silence.bench.at(300)
    assert silence.bench.monitor.context.plan.hit(DESCRIBE_JOBS, function="ExecutionPoller", execution_id="e-2")
    silence.bench.monitor.finish(301 * SECOND_US)
    assert silence.said() == ["terminal within 90 s of the truth at 210 s"]
