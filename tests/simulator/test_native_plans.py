"""Recovery plans of DRS in scenarios: when their steps start jobs, and what the plan's worker writes of them.

A job lasts 90 s here, the validation of a plan 5 s.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from drsim.simulator.events import StartRefused
from drsim.simulator.kernel import Kernel
from drsim.simulator.native_plans import NativePlan
from drsim.simulator.services.plan_runs import VALIDATION_US
from tests.simulator.workloads import SECOND, WRITE_US, Rig

BEGUN_US = 5 * SECOND + WRITE_US
"""When the worker has written the item and starts the plan."""
FIRST_US = BEGUN_US + VALIDATION_US
JOB_US = 90 * SECOND
PERSON_US = 60 * SECOND


def rig_of(kernel: Kernel, *waves: dict[str, Any], faults: Sequence[Mapping[str, Any]] = (), **group: Any) -> Rig:
    """A world with one recovery plan, whose server steps are these waves."""
    plan = {"kind": "recovery_plan", "ids": ["e"], "waves": list(waves), "on_failure_after": "60s", **group}
    return Rig(kernel, plan, faults=faults, duration="30m")


def native_of(rig: Rig) -> NativePlan:
    (native,) = rig.workload.native.values()
    return native


def statuses(rig: Rig) -> list[str]:
    """The status of the execution, then those of its steps."""
    state = native_of(rig).state()
    return [str(state.status), *(str(step.status) for step in state.steps)]


def jobs(rig: Rig) -> list[tuple[int, int]]:
    """The instant and the number of servers of each job."""
    return [(job.at_us, job.servers) for job in rig.jobs]


def test_steps_start_their_jobs_one_after_the_other(kernel: Kernel) -> None:
    rig = rig_of(kernel, {"servers": 2}, {"servers": 3, "wait_before": "2m"}, {})
    rig.run("30m")
    second_us = FIRST_US + JOB_US + 120 * SECOND
    assert jobs(rig) == [(FIRST_US, 2), (second_us, 3), (second_us + JOB_US, 1)]
    assert statuses(rig) == ["COMPLETED"] * 5
    assert native_of(rig).state().ended_us == second_us + 2 * JOB_US
    assert [wave["JobId"] for wave in rig.waves()] == [job.job_id for job in rig.jobs]
    assert [wave["Status"] for wave in rig.waves()] == ["LAUNCHING"] * 3


def test_worker_writes_a_job_when_it_next_looks_at_the_plan(kernel: Kernel) -> None:
    rig = rig_of(kernel, {}, {})
    rig.run("4m")
    first_us, second_us = (change.at_us for change in rig.changes[1:])
    # It looks every 7 s, and again that long after a write.
    assert first_us == BEGUN_US + 7 * SECOND + WRITE_US
    assert (second_us - WRITE_US - first_us) % (7 * SECOND) == 0
    assert 0 < second_us - WRITE_US - rig.jobs[1].at_us < 7 * SECOND


def test_failed_optional_server_lets_the_next_step_start(kernel: Kernel) -> None:
    rig = rig_of(kernel, {"servers": 3, "optional": 1, "failing": 1}, {})
    rig.run("30m")
    assert statuses(rig) == ["COMPLETED"] * 3
    assert [launches for _, _, launches, _ in rig.jobs[0].lives] == [True, True, False]


def test_failed_critical_server_ends_the_plan_and_its_waves(kernel: Kernel) -> None:
    rig = rig_of(kernel, {"servers": 2, "failing": 1}, {}, {"wait_before": "1m"})
    rig.run("30m")
    assert statuses(rig) == ["FAILED", "FAILED", "NOT_STARTED", "NOT_STARTED", "NOT_STARTED"]
    assert len(rig.jobs) == 1
    first, *others = rig.waves()
    assert first["JobId"] == rig.jobs[0].job_id
    for wave in others:
        assert (wave["Status"], wave.get("JobId")) == ("FAILED", None)
        assert "NOT_STARTED" in wave["StatusMessage"]


def test_retry_of_a_person_is_a_further_wave_of_failed_servers(kernel: Kernel) -> None:
    rig = rig_of(kernel, {"name": "Web", "servers": 3, "failing": 2}, {}, on_failure="retry")
    rig.run("30m")
    retried_us = FIRST_US + JOB_US + PERSON_US
    assert jobs(rig) == [(FIRST_US, 3), (retried_us, 2), (retried_us + JOB_US, 1)]
    assert statuses(rig) == ["COMPLETED"] * 3
    assert [wave["WaveName"] for wave in rig.waves()] == ["Web", "Wave 2", "Web, attempt 2"]
    assert [wave["JobId"] for wave in rig.waves()] == [rig.jobs[each].job_id for each in (0, 2, 1)]
    assert rig.attributes()["TotalWaves"] == 3
    assert len(rig.waves()[2]["Servers"]) == 2


def test_person_retries_a_step_once(kernel: Kernel) -> None:
    fault = {"fault": "servers-fail", "run": 1}
    rig = rig_of(kernel, {}, {}, on_failure="retry", faults=(fault,))
    rig.run("30m")
    assert len(rig.jobs) == 2
    assert statuses(rig) == ["FAILED", "FAILED", "NOT_STARTED"]


def test_person_who_skips_resumes_with_the_next_step(kernel: Kernel) -> None:
    rig = rig_of(kernel, {"failing": 1}, {}, on_failure="skip")
    rig.run("30m")
    assert jobs(rig) == [(FIRST_US, 1), (FIRST_US + JOB_US + PERSON_US, 1)]
    assert statuses(rig) == ["COMPLETED", "SKIPPED", "COMPLETED"]


def test_cancelled_plan_starts_no_further_step(kernel: Kernel) -> None:
    rig = rig_of(kernel, {}, {}, cancel_after="30s")
    rig.run("30m")
    assert statuses(rig) == ["CANCELLED", "COMPLETED", "SKIPPED"]
    assert len(rig.jobs) == 1


def test_job_that_hangs_keeps_its_step_executing(kernel: Kernel) -> None:
    rig = rig_of(kernel, {}, {}, faults=({"fault": "job-hangs", "run": 1},))
    rig.run("30m")
    assert statuses(rig) == ["IN_PROGRESS", "EXECUTING", "NOT_STARTED"]


@pytest.mark.parametrize(("nth", "ends"), [(1, ["COMPLETED"] * 3), (None, ["FAILED", "FAILED", "NOT_STARTED"])])
def test_fault_acts_on_the_attempts_that_its_rule_selects(kernel: Kernel, nth: int | None, ends: list[str]) -> None:
    fault = {"fault": "quota", "run": 1, **({} if nth is None else {"nth": nth})}
    rig = rig_of(kernel, {}, {}, on_failure="retry", faults=(fault,))
    rig.run("30m")
    assert statuses(rig) == ends
    assert len(rig.waves()) == 2


def test_step_that_exceeds_a_quota_of_drs_fails(kernel: Kernel) -> None:
    plan = {"kind": "recovery_plan", "ids": ["e"], "waves": 1, "servers": 2}
    rig = Rig(kernel, plan, drs={"servers_per_job_max": 1})
    refused: list[StartRefused] = []
    rig.trace.listen(StartRefused, refused.append)
    rig.run()
    assert statuses(rig) == ["FAILED", "FAILED"]
    assert [event.at_us for event in refused] == [FIRST_US]
    assert "servers in a single job" in str(native_of(rig).state().steps[0].problem)


def test_another_plan_does_not_change_the_jobs_of_the_first(kernel: Kernel) -> None:
    lives = []
    for others in (0, 3):
        own = Kernel(seed=7)
        first = {"kind": "recovery_plan", "ids": ["e"], "waves": 2, "servers": 2, "place": 0}
        more = [{"kind": "recovery_plan", "executions": others, "place": 0}] if others else []
        rig = Rig(own, first, *more)
        rig.run()
        (native,) = (each for each in rig.workload.native.values() if each.plan.key.execution_id == "e")
        lives.append([(job.created_us, job.job_id) for _, job in native.jobs])
        own.close()
    assert lives[0] == lives[1]
    assert len(lives[0]) == 2
