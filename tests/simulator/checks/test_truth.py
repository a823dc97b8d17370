"""The truth about jobs, waves and executions, and that its two answers, how and when, agree at every instant."""

from typing import Any

import pytest

from drsim.orchestrator.model import ExecutionStatus, ExecutionType, JobStatus, WaveStatus
from drsim.simulator.checks.truth import Truth
from drsim.simulator.contract.presets import OUR_CONTRACT
from drsim.simulator.durations import NEVER_US
from drsim.simulator.kernel import Kernel
from drsim.simulator.reader import ExecutionView, WaveView
from drsim.simulator.services.drs import DrsJob, DrsService
from drsim.simulator.services.spec import Drs, JobLife
from drsim.simulator.trace import Trace
from tests.simulator.cloudwatch.runs import LIFE, SCOPE, SECOND_US, SPEC

TIMEOUT_US = 1800 * SECOND_US
ENDED_US = 210 * SECOND_US


class Drill:
    """DRS, the truth about it, and executions over its jobs."""

    def __init__(self, *, seed: int = 0, **promises: Any) -> None:
        kernel = Kernel(seed=seed)
        self.drs = DrsService(kernel, Trace(), Drs())
        given = OUR_CONTRACT.promises.model_copy(update=promises)
        self.truth = Truth(self.drs, given, epoch_us=SPEC.epoch_us, timeout_us=TIMEOUT_US)
        self._servers_count = 0

    def job(self, life: JobLife = LIFE, servers: int = 1, **changes: Any) -> DrsJob:
        """A job that started at 0, with servers of its own."""
        names = [f"s-{self._servers_count + number}" for number in range(servers)]
        self._servers_count += servers
        self.drs.add_servers(SCOPE, names, life.model_copy(update=changes))
        return self.drs.start_recovery(SCOPE, names)


def a_wave(job: DrsJob | None = None, **changes: Any) -> WaveView:
    job_id = None if job is None else job.job_id
    wave = WaveView(1, None, SCOPE, WaveStatus.PENDING, job_id, None, None, (), {}, ())
    return wave._replace(**changes)


def an_execution(*waves: WaveView, total: int | None = None, recovery: bool = False) -> ExecutionView:
    return ExecutionView(
        status=ExecutionStatus.POLLING,
        type=ExecutionType.RECOVERY if recovery else ExecutionType.DRILL,
        start_us=SPEC.epoch_us,
        end_us=None,
        last_polled_us=None,
        version=0,
        total_waves=len(waves) if total is None else total,
        waves=waves,
        word="POLLING",
        owes_polls=True,
        unreadable=(),
    )


def status_of(truth: Truth, execution: ExecutionView, at_us: int) -> str | None:
    """How the execution ended, for a poll that asks and decides at the same instant."""
    overdue = at_us > truth.times_out_us(execution)
    ends = [truth.wave_status(execution, wave, at_us, overdue=overdue) for wave in execution.waves]
    return truth.sum_of(execution, ends)


def test_a_job_is_known_by_its_id_in_its_own_place() -> None:
    drill = Drill()
    job = drill.job()
    assert drill.truth.job(a_wave(job)) is job
    assert drill.truth.job(a_wave()) is None
    assert drill.truth.job(a_wave(job, scope=SCOPE._replace(region="eu-west-1"))) is None
    assert drill.truth.job(a_wave(job_id="drsjob-x")) is None


def test_execution_is_overdue_after_its_thirtieth_minute() -> None:
    assert Drill().truth.times_out_us(an_execution()) == TIMEOUT_US


@pytest.mark.parametrize(
    ("servers", "failed", "end"),
    [(2, 0, WaveStatus.COMPLETED), (2, 1, WaveStatus.PARTIAL), (2, 2, WaveStatus.FAILED), (1, 1, WaveStatus.FAILED)],
)
@pytest.mark.parametrize("recovery", [False, True])
def test_a_wave_ends_with_its_job_and_as_its_servers_did(
    servers: int, failed: int, end: WaveStatus, recovery: bool
) -> None:
    drill = Drill()
    wave = a_wave(drill.job(servers=servers, failed_servers=failed))
    execution = an_execution(wave, recovery=recovery)
    assert drill.truth.wave_status(execution, wave, ENDED_US - 1, overdue=False) is None
    assert drill.truth.wave_status(execution, wave, ENDED_US, overdue=False) is end
    assert drill.truth.final_us(execution) == ENDED_US


def test_launch_actions_keep_waves_of_recoveries_open_but_not_of_drills() -> None:
    drill = Drill()
    life = JobLife.model_validate(LIFE.model_dump() | {"actions": 2, "action_time": "30s"})
    wave = a_wave(drill.job(life))
    settled_us = ENDED_US + 60 * SECOND_US
    recovery = an_execution(wave, recovery=True)
    assert drill.truth.wave_status(an_execution(wave), wave, ENDED_US, overdue=False) is WaveStatus.COMPLETED
    assert drill.truth.wave_status(recovery, wave, settled_us - 1, overdue=False) is None
    assert drill.truth.wave_status(recovery, wave, settled_us, overdue=False) is WaveStatus.COMPLETED
    # What was to be confirmed by then stays unconfirmed.
    assert drill.truth.wave_status(recovery, wave, settled_us - 1, overdue=True) is WaveStatus.PARTIAL
    assert drill.truth.final_us(recovery) == settled_us


def test_a_launch_action_that_fails_leaves_the_wave_of_a_recovery_partial() -> None:
    drill = Drill()
    wave = a_wave(drill.job(actions=2, failed_actions=1))
    assert drill.truth.wave_status(an_execution(wave, recovery=True), wave, TIMEOUT_US, overdue=False) == "PARTIAL"


def test_wave_without_job_is_open_unless_the_worker_set_it_failed() -> None:
    truth = Drill().truth
    execution = an_execution(total=1)
    for status, end in ((WaveStatus.FAILED, WaveStatus.FAILED), (WaveStatus.LAUNCHING, None)):
        assert truth.wave_status(execution, a_wave(status=status), 0, overdue=True) is end
    assert truth.wave_status(execution, a_wave(job_id="drsjob-x"), TIMEOUT_US, overdue=True) is None


@pytest.mark.parametrize(
    ("ends", "total", "status"),
    [
        (["COMPLETED", "COMPLETED"], 2, "COMPLETED"),
        (["FAILED", "FAILED"], 2, "FAILED"),
        (["PARTIAL"], 1, "PARTIAL"),
        (["COMPLETED", "FAILED"], 2, "PARTIAL"),
        (["COMPLETED", "PARTIAL"], 2, "PARTIAL"),
        (["COMPLETED", None], 2, None),
        (["COMPLETED", "TIMEOUT"], 2, None),
        (["COMPLETED"], 2, None),
        ([], 0, None),
    ],
)
def test_an_execution_ends_as_all_its_waves_together(ends: list[Any], total: int, status: str | None) -> None:
    assert Drill().truth.sum_of(an_execution(total=total), [end and WaveStatus(end) for end in ends]) == status


def test_unknown_wave_count_leaves_the_outcome_open() -> None:
    drill = Drill()
    execution = an_execution(a_wave(drill.job()))._replace(total_waves=None)
    assert Drill().truth.sum_of(execution, [WaveStatus.COMPLETED]) is None
    assert drill.truth.final_us(execution) == NEVER_US


def test_what_never_ends_has_no_last_instant() -> None:
    drill = Drill()
    hanging, job = a_wave(drill.job(hangs=True)), a_wave(drill.job())
    for waves, total in (([], 0), ([job], 2), ([job, a_wave()], 2), ([job, a_wave(job_id="drsjob-x")], 2)):
        assert drill.truth.final_us(an_execution(*waves, total=total)) == NEVER_US
    assert drill.truth.final_us(an_execution(hanging)) >= NEVER_US
    assert drill.truth.final_us(an_execution(job, a_wave(status=WaveStatus.FAILED))) == ENDED_US
    assert drill.truth.final_us(an_execution(a_wave(status=WaveStatus.FAILED))) == 0


def test_launch_actions_that_outlast_the_timeout_end_with_it() -> None:
    drill = Drill()
    life = JobLife.model_validate(LIFE.model_dump() | {"actions": 1, "action_time": "1h"})
    execution = an_execution(a_wave(drill.job(life)), recovery=True)
    assert drill.truth.final_us(execution) == TIMEOUT_US + 1


@pytest.mark.parametrize("seed", range(40))
def test_the_last_instant_is_the_first_at_which_the_status_is_known(seed: int) -> None:
    """Two ways to the same: `final_us` works it out, and here the status is asked for at every change of any job."""
    drill = Drill(seed=seed)
    life = JobLife.model_validate(
        {"pending": "1m..20m", "started": "10s..1m", "in_progress": "1m..10m", "action_time": "1m..9m"}
    )
    changes: dict[str, Any] = {"failed_servers": seed % 3, "actions": seed % 4, "failed_actions": seed % 2}
    jobs = [drill.job(life, servers=2, **changes) for _ in range(3)]
    execution = an_execution(*map(a_wave, jobs), recovery=seed % 5 > 1)
    final_us = drill.truth.final_us(execution)
    instants = {change for job in jobs for change in job.changes_between(0, NEVER_US)} | {TIMEOUT_US + 1}
    known = [at_us for at_us in sorted(instants) if status_of(drill.truth, execution, at_us) is not None]
    assert known[0] == final_us
    assert status_of(drill.truth, execution, final_us - 1) is None
    assert all(job.status(final_us) is JobStatus.COMPLETED for job in jobs)


# --- promises ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("partial", "wave", "ends"),
    [
        (True, WaveStatus.PARTIAL, {"PARTIAL"}),
        (False, WaveStatus.FAILED, {"FAILED"}),
        (None, WaveStatus.PARTIAL, {"PARTIAL", "FAILED"}),
    ],
)
def test_mixed_outcome_follows_the_promise(partial: bool | None, wave: WaveStatus, ends: set[str]) -> None:
    drill = Drill(partial=partial)
    mixed = a_wave(drill.job(servers=2, failed_servers=1))
    execution = an_execution(mixed)
    assert drill.truth.wave_status(execution, mixed, ENDED_US, overdue=False) is wave
    assert drill.truth.wave_ends(execution, mixed, ENDED_US, overdue=False) == ends
    assert drill.truth.sums_of(execution, [wave]) == ends
    assert drill.truth.outcomes(execution, [ENDED_US], overdue=False) == ends


def test_failure_of_every_server_is_never_partial() -> None:
    drill = Drill(partial=None)
    failed = a_wave(drill.job(servers=2, failed_servers=2))
    assert drill.truth.sums_of(an_execution(failed), [WaveStatus.FAILED]) == {"FAILED"}


def test_launch_actions_without_a_promise_count_or_not() -> None:
    drill = Drill(launch_actions=False)
    wave = a_wave(drill.job(actions=2, failed_actions=1))
    execution = an_execution(wave, recovery=True)
    assert drill.truth.wave_ends(execution, wave, TIMEOUT_US, overdue=False) == {"COMPLETED", "PARTIAL"}
    assert drill.truth.outcomes(execution, [TIMEOUT_US], overdue=False) == {"COMPLETED", "PARTIAL"}


def test_cancelled_execution_is_settled_once_no_job_runs() -> None:
    drill = Drill(settles="CANCELLING")
    execution = an_execution(a_wave(drill.job()), a_wave(), total=3)
    assert drill.truth.final_us(execution) == NEVER_US
    assert drill.truth.final_us(execution._replace(word="CANCELLING")) == ENDED_US
    assert drill.truth.final_us(execution._replace(word="CANCELLING", waves=())) == 0
