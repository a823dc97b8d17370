"""Executions of recovery plans of DRS, step by step, as a part of `result.json`."""

from typing import Final

from drsim.scenarios.record import RecoveryPlanRecord, RecoveryPlanStepRecord
from drsim.scenarios.result import instant
from drsim.simulator.native_plans import NativePlan
from drsim.simulator.services.plan_runs import StepProblem, StepState
from drsim.simulator.world import World

_PLANS_MAX: Final = 10
"""The executions that a result describes."""


def recovery_plans_of(world: World) -> tuple[RecoveryPlanRecord, ...]:
    """Return the first executions of recovery plans, as they are at the end of the run."""
    plans = list(world.workload.native.items())[:_PLANS_MAX]
    return tuple(_record(execution_id, native, world) for execution_id, native in plans)


def _record(execution_id: str, native: NativePlan, world: World) -> RecoveryPlanRecord:
    state, epoch_us = native.state(), world.spec.epoch_us
    launched = {
        server.source_server_id
        for _, job in native.jobs
        for server in job.servers
        if server.launches and server.ended_us <= world.kernel.now_us
    }
    jobs: dict[int, list[str]] = {}
    for number, job in native.jobs:
        jobs.setdefault(number, []).append(job.job_id)
    in_table = world.status_of(native.plan.key)
    return RecoveryPlanRecord(
        execution_id=execution_id,
        status=str(state.status),
        in_table="" if in_table is None else str(in_table),
        started_at=instant(epoch_us + native.run.started_us),
        ended_at=None if state.ended_us is None else instant(epoch_us + state.ended_us),
        error=_text(state.problem),
        steps=tuple(
            _step(step, launched, tuple(jobs.get(number, ())), epoch_us) for number, step in enumerate(state.steps)
        ),
    )


def _step(step: StepState, launched: set[str], jobs: tuple[str, ...], epoch_us: int) -> RecoveryPlanStepRecord:
    servers = step.step.servers
    return RecoveryPlanStepRecord(
        name=step.step.name,
        wait_s=step.step.wait_us // 1_000_000,
        critical=sum(each.is_critical for each in servers),
        optional=sum(not each.is_critical for each in servers),
        launched=sum(each.server_id in launched for each in servers),
        status=str(step.status),
        attempts=step.attempt if step.begun_us is not None else 0,
        began_at=None if step.begun_us is None else instant(epoch_us + step.begun_us),
        ended_at=None if step.ended_us is None else instant(epoch_us + step.ended_us),
        jobs=jobs,
        error=_text(step.problem),
    )


def _text(problem: StepProblem | None) -> str:
    return "" if problem is None else problem.message
