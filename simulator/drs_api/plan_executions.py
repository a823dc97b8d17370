"""Executions of recovery plans: started, watched, changed, retried, cancelled and deleted.

`services.plan_runs` has their states over time. Source: AWS DRS user guide, recovery plans (2026-11).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from drsim.simulator.drs_api import jobs, snapshots
from drsim.simulator.drs_api.plan_records import (
    MINUTE_US,
    ExecutionRecord,
    PlanRecord,
    Plans,
    answered_before,
    execution_members,
    execution_step_members,
    execution_step_summary,
    execution_summary,
    refuse_second_execution,
    remember,
    servers_of,
)
from drsim.simulator.drs_api.plans import SERVERS_MAX
from drsim.simulator.drs_api.region import Answer, DrsOperation, DrsRegion, Members, conflict, validation_error
from drsim.simulator.drs_api.source_servers import launch_problem
from drsim.simulator.services.drs import DrsRefusedError
from drsim.simulator.services.plan_runs import Due, Outcome, PlanRun, RunCall, StepProblem
from drsim.simulator.services.plan_runs import settle as settle_runs


def settle(region: DrsRegion) -> None:
    """Let everything happen that executions of plans are due to do by now: each job starts as of its own instant."""
    kept: Plans | None = region.world.parts.get((region.scope, Plans))
    if kept is None or not kept.executions:
        return
    records = {id(each.run): each for each in kept.executions.values()}
    settle_runs([each.run for each in records.values()], region.frame.now_us, partial(_act, region, records))


def _act(region: DrsRegion, records: Mapping[int, ExecutionRecord], run: PlanRun, due: Due) -> Outcome:
    """Validate servers and, for a step, start one job with all of them (assumed), as of the instant at which it is due.

    The checks are those of StartRecovery: one server that cannot be launched prevents the launch of all.
    """
    execution = records[id(run)]
    with region.world.service.as_of(due.at_us):
        if problems := list(_problems(region, execution, due.server_ids)):
            return StepProblem("VALIDATION_FAILED", f"Validation failed: {'; '.join(problems)}.")
        if due.step < 0:
            return ()
        pinned = {each: execution.snapshots[each] for each in due.server_ids if each in execution.snapshots}
        try:
            return (jobs.launch(region, due.server_ids, is_drill=execution.is_drill, snapshots=pinned),)
        except DrsRefusedError as error:
            return StepProblem(error.code, error.message)


def _problems(region: DrsRegion, execution: ExecutionRecord, server_ids: Sequence[str]) -> Iterator[str]:
    busy, servers = region.world.service.busy_servers(region.scope), region.world.service.servers(region.scope)
    for server_id in server_ids:
        pinned = execution.snapshots.get(server_id)
        if server_id not in servers:
            yield f"source server {server_id} does not exist"
        elif server_id in busy:
            yield f"source server {server_id} is being processed by another job"
        elif (problem := launch_problem(region, server_id)) is not None:
            yield f"source server {server_id}: {problem}"
        elif pinned is not None and pinned not in [each.snapshot_id for each in snapshots.known(region, server_id)]:
            yield f"recovery snapshot {pinned} of source server {server_id} does not exist"


def start_recovery_plan_execution(region: DrsRegion, request: Members) -> Answer:
    """Start an execution of a copy of the plan. It is CREATED, and validates its servers next."""
    if (answer := answered_before(region, "StartRecoveryPlanExecution", request)) is not None:
        return answer
    kept, now_us = region.part(Plans), region.frame.now_us
    plan = kept.plan(request["recoveryPlanArn"])
    refuse_second_execution(region, plan.arn, ())
    plan_id = plan.arn.partition("/")[2]
    if not plan.steps:
        text = f"Recovery plan {plan_id} has no steps. Add at least one step to the plan before starting an execution."
        raise validation_error([("recoveryPlanArn", text)])
    if plan.status != "ACTIVE":
        text = f"Recovery plan {plan_id} is in status {plan.status} and cannot be executed."
        raise conflict(f"{text} Only ACTIVE plans can be executed.", plan.arn, "recovery-plan")
    chosen = _snapshots(plan, request.get("sourceServers", ()))
    refuse_second_execution(region, plan.arn, plan.server_ids)
    arn = region.frame.arn("recovery-plan-execution", kept.new_id(region, "rpe"))
    run = PlanRun(now_us, tuple(each.step for each in plan.steps))
    is_drill = request["mode"] == "DRILL"
    kept.executions[arn] = execution = ExecutionRecord(
        arn=arn, plan_arn=plan.arn, is_drill=is_drill, snapshots=chosen, run=run
    )
    if tags := request.get("tags"):
        region.world.tags[arn] = dict(tags)
    answered = {"recoveryPlanExecution": execution_members(region.frame, execution)}
    return remember(region, "StartRecoveryPlanExecution", request, answered)


def _snapshots(plan: PlanRecord, listed: Sequence[Members]) -> dict[str, str]:
    """The recovery snapshots by server. Raises DrsRefusedError: ValidationException."""
    ids = [each["sourceServerID"] for each in listed]
    if unknown := [each for each in ids if each not in plan.server_ids]:
        raise validation_error([("sourceServers", f"Source server IDs not found in plan: {', '.join(unknown)}")])
    if twice := [each for each, count in Counter(ids).items() if count > 1]:
        raise validation_error([("sourceServers", f"Source server IDs listed twice: {', '.join(twice)}")])
    return {each["sourceServerID"]: each["recoverySnapshotID"] for each in listed}


def get_recovery_plan_execution(region: DrsRegion, request: Members) -> Answer:
    execution = region.part(Plans).execution(request["recoveryPlanExecutionArn"])
    return {"recoveryPlanExecution": execution_members(region.frame, execution)}


def list_recovery_plan_executions(region: DrsRegion, request: Members) -> Answer:
    """The executions of a plan or of all, with any status or one, newest first; none for an unknown plan."""
    found = (execution_summary(region.frame, each) for each in reversed(region.part(Plans).executions.values()))
    wanted = {name: request[name] for name in ("recoveryPlanArn", "status") if name in request}
    return [each for each in found if wanted.items() <= each.items()]


def cancel_recovery_plan_execution(region: DrsRegion, request: Members) -> Answer:
    """Cancel: a server step that runs goes on to its end, a wait ends, and later steps are SKIPPED."""
    execution = region.part(Plans).execution(request["recoveryPlanExecutionArn"])
    _call(region, execution, RunCall(region.frame.now_us, "cancel"), execution.arn)
    return {"recoveryPlanExecution": execution_members(region.frame, execution)}


def delete_recovery_plan_execution(region: DrsRegion, request: Members) -> Answer:
    """Delete the record of an execution that has ended; what it launched stays."""
    kept = region.part(Plans)
    execution = kept.execution(request["recoveryPlanExecutionArn"])
    status = execution.run.state(region.frame.now_us).status
    if not status.terminal:
        text = f"Recovery plan execution {execution.arn.partition('/')[2]} is in status {status}"
        raise conflict(text, execution.arn, "recovery-plan-execution")
    del kept.executions[execution.arn]
    region.world.tags.pop(execution.arn, None)
    return {"recoveryPlanExecutionArn": execution.arn}


def get_recovery_plan_execution_step(region: DrsRegion, request: Members) -> Answer:
    execution, number = region.part(Plans).execution_step(request["recoveryPlanExecutionStepArn"])
    return {"recoveryPlanExecutionStep": execution_step_members(region.frame, execution, number)}


def list_recovery_plan_execution_steps(region: DrsRegion, request: Members) -> Answer:
    """The steps of an execution in their order, with any status or one."""
    execution = region.part(Plans).execution(request["recoveryPlanExecutionArn"])
    state, wanted = execution.run.state(region.frame.now_us), request.get("filter", {}).get("status")
    steps = [execution_step_summary(region.frame, execution, state, number) for number in range(len(state.steps))]
    return [each for each in steps if wanted in (None, each["status"])]


def update_recovery_plan_execution_step(region: DrsRegion, request: Members) -> Answer:
    """Skip a step, or replace the servers or the time of one that has not started."""
    execution, number = region.part(Plans).execution_step(request["recoveryPlanExecutionStepArn"])
    given = [name for name in ("status", "servers", "waitDurationMinutes") if name in request]
    if len(given) != 1:
        text = "one of status, servers and waitDurationMinutes must be given"
        raise validation_error([("", f"{text}, got {', '.join(given) or 'none'}")])
    now_us, arn = region.frame.now_us, request["recoveryPlanExecutionStepArn"]
    if given == ["status"]:
        if request["status"] != "SKIPPED":
            raise validation_error([("status", f"status must be SKIPPED, got {request['status']}")])
        _call(region, execution, RunCall(now_us, "skip", number), arn)
    else:
        step = execution.run.state(now_us).steps[number].step
        if bool(step.servers) != (given == ["servers"]):
            kind = "server" if step.servers else "wait"
            raise validation_error([(given[0], f"a {kind} step has no {given[0]}")])
        changed = step._replace(**_changed(region, execution, number, request))
        _call(region, execution, RunCall(now_us, "change", number, changed), arn)
    return {"recoveryPlanExecutionStep": execution_step_members(region.frame, execution, number)}


def _changed(region: DrsRegion, execution: ExecutionRecord, number: int, request: Members) -> dict[str, Any]:
    """The fields of a step that a request replaces. Raises DrsRefusedError."""
    if "servers" not in request:
        return {"wait_us": request["waitDurationMinutes"] * MINUTE_US}
    servers = servers_of(region, "servers", request["servers"])
    steps = execution.run.state(region.frame.now_us).steps
    taken = {each for other, step in enumerate(steps) if other != number for each in step.step.server_ids}
    if twice := [each.server_id for each in servers if each.server_id in taken]:
        raise validation_error([("servers", f"Source server {twice[0]} is in another step of the execution")])
    if len(taken) + len(servers) > SERVERS_MAX:
        raise validation_error([("servers", f"an execution must have at most {SERVERS_MAX} servers")])
    return {"servers": servers}


def retry_recovery_plan_execution_step(region: DrsRegion, request: Members) -> Answer:
    """Launch the servers of a FAILED step again that did not launch, then go on with the steps after it."""
    arn = request["recoveryPlanExecutionStepArn"]
    execution, number = region.part(Plans).execution_step(arn)
    if not execution.run.steps[number].servers:
        raise validation_error([("recoveryPlanExecutionStepArn", "a wait step cannot be retried; skip it")])
    _call(region, execution, RunCall(region.frame.now_us, "retry", number), arn)
    return {"recoveryPlanExecutionStep": execution_step_members(region.frame, execution, number)}


def _call(region: DrsRegion, execution: ExecutionRecord, call: RunCall, arn: str) -> None:
    """Make a call on an execution, with what follows at once. Raises DrsRefusedError: ConflictException."""
    state = execution.run.state(call.at_us)
    kind = "recovery-plan-execution" + ("" if arn == execution.arn else "-step")
    if (refusal := state.refusal(call)) is not None:
        raise conflict(f"The {call.action} is not possible: {refusal}", arn, kind)
    if state.status.terminal:
        # The call makes it run again.
        ids = [each for step in state.steps for each in step.step.server_ids]
        refuse_second_execution(region, execution.plan_arn, ids, other_than=execution.arn)
    execution.run.call(call)
    settle(region)


_GUIDE: Final = "user guide, recovery plans, 2026-11"

OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "StartRecoveryPlanExecution": DrsOperation(
        start_recovery_plan_execution,
        assumed="Validation takes 5 s. A plan without steps is refused before one that is not ACTIVE. A step starts "
        "at the instant at which the one before it ends, with one job for all of its servers. The codes of "
        "errorDetail, and the text for a server of another running execution.",
        source=_GUIDE,
    ),
    "GetRecoveryPlanExecution": DrsOperation(
        get_recovery_plan_execution,
        assumed="TIMED_OUT, which the user guide has and the model lacks. A server fails if its launchStatus is "
        "FAILED, or still PENDING when the job ends.",
        source=_GUIDE,
    ),
    "ListRecoveryPlanExecutions": DrsOperation(
        list_recovery_plan_executions, assumed="Newest first; none for an unknown plan.", source=_GUIDE
    ),
    "CancelRecoveryPlanExecution": DrsOperation(
        cancel_recovery_plan_execution,
        assumed="An execution in CREATED or in a wait step is CANCELLED at once; one that times out is CANCELLED, too.",
        source=_GUIDE,
    ),
    "DeleteRecoveryPlanExecution": DrsOperation(
        delete_recovery_plan_execution, assumed="Before its end it is a ConflictException.", source=_GUIDE
    ),
    "GetRecoveryPlanExecutionStep": DrsOperation(
        get_recovery_plan_execution_step,
        assumed="A step's ARN lies below its execution's. errorDetail names OPTIONAL servers that failed.",
        source=_GUIDE,
    ),
    "ListRecoveryPlanExecutionSteps": DrsOperation(
        list_recovery_plan_execution_steps, assumed="In their order.", source=_GUIDE
    ),
    "UpdateRecoveryPlanExecutionStep": DrsOperation(
        update_recovery_plan_execution_step,
        assumed="None or several changes are a ValidationException, a step in another status is a ConflictException. "
        "Skipping a later step of a FAILED execution does not resume it.",
        source=_GUIDE,
    ),
    "RetryRecoveryPlanExecutionStep": DrsOperation(
        retry_recovery_plan_execution_step,
        assumed="A wait step is a ValidationException, any other wrong state a ConflictException. The 24 hours count "
        "from the first start.",
        source=_GUIDE,
    ),
}
