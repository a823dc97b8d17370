"""Recovery plans and their steps: made, edited, listed and deleted.

Source: AWS DRS user guide, recovery plans (2026-11), and botocore's model.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from drsim.simulator.drs_api.plan_records import (
    MINUTE_US,
    PlanRecord,
    Plans,
    StepRecord,
    answered_before,
    plan_members,
    plan_summary,
    quota_exceeded,
    remember,
    servers_of,
    steps_members,
)
from drsim.simulator.drs_api.region import Answer, DrsOperation, DrsRegion, Members, conflict, validation_error
from drsim.simulator.services.plan_runs import PlanStep

PLANS_MAX: Final = 1000
STEPS_MAX: Final = 20
SERVERS_MAX: Final = 100
"""Quotas of an account's Region and of a plan (user guide, recovery-plans-quotas, 2026-11)."""


def create_recovery_plan(region: DrsRegion, request: Members) -> Answer:
    """Create a plan without steps, whose status is INVALID."""
    if (answer := answered_before(region, "CreateRecoveryPlan", request)) is not None:
        return answer
    kept, now_us = region.part(Plans), region.frame.now_us
    _refuse_name(kept, request["name"])
    if len(kept.plans) >= PLANS_MAX:
        raise quota_exceeded(region, f"the quota of {PLANS_MAX} recovery plans is reached")
    arn = region.frame.arn("recovery-plan", kept.new_id(region, "rp"))
    about = {"name": request["name"], "description": request.get("description")}
    kept.plans[arn] = plan = PlanRecord(arn=arn, **about, created_us=now_us, updated_us=now_us)
    if tags := request.get("tags"):
        region.world.tags[arn] = dict(tags)
    return remember(region, "CreateRecoveryPlan", request, {"recoveryPlan": plan_members(region.frame, plan)})


def get_recovery_plan(region: DrsRegion, request: Members) -> Answer:
    plan = region.part(Plans).plan(request["recoveryPlanArn"])
    return {"recoveryPlan": plan_members(region.frame, plan)}


def list_recovery_plans(region: DrsRegion, _: Members) -> Answer:
    """All plans, oldest first."""
    return [plan_summary(region.frame, plan) for plan in region.part(Plans).plans.values()]


def update_recovery_plan(region: DrsRegion, request: Members) -> Answer:
    """Change the name, the description or both; what is left out stays."""
    kept = region.part(Plans)
    plan = kept.plan(request["recoveryPlanArn"])
    if (name := request.get("name")) is not None and name != plan.name:
        _refuse_name(kept, name)
        plan.name = name
    plan.description = request.get("description", plan.description)
    plan.updated_us = region.frame.now_us
    return {"recoveryPlan": plan_members(region.frame, plan)}


def delete_recovery_plan(region: DrsRegion, request: Members) -> Answer:
    """Delete a plan and its steps, unless it is being executed. Its executions stay."""
    kept = region.part(Plans)
    plan = kept.plan(request["recoveryPlanArn"])
    if any(each.plan_arn == plan.arn for each in kept.running(region.frame.now_us)):
        text = f"Recovery plan {plan.arn.partition('/')[2]} has an active execution"
        raise conflict(text, plan.arn, "recovery-plan")
    del kept.plans[plan.arn]
    region.world.tags.pop(plan.arn, None)
    return {"recoveryPlanArn": plan.arn}


def create_recovery_plan_step(region: DrsRegion, request: Members) -> Answer:
    """Add a step at its position, by default at the end; those from there on move down."""
    if (answer := answered_before(region, "CreateRecoveryPlanStep", request)) is not None:
        return answer
    kept, now_us = region.part(Plans), region.frame.now_us
    plan = kept.plan(request["recoveryPlanArn"])
    if len(plan.steps) >= STEPS_MAX:
        raise quota_exceeded(region, f"the quota of {STEPS_MAX} steps in a recovery plan is reached")
    order = request.get("stepOrder", len(plan.steps) + 1)
    if order > len(plan.steps) + 1:
        text = f"stepOrder must be at most {len(plan.steps) + 1}, got {order}"
        raise validation_error([("stepOrder", text)])
    step = _step(region, plan, request["stepName"], request["configuration"])
    if len(plan.server_ids) + len(step.servers) > SERVERS_MAX:
        raise quota_exceeded(region, f"the quota of {SERVERS_MAX} servers in a recovery plan is reached")
    arn = f"{plan.arn}/step/{kept.new_id(region, 'rps')}"
    record = StepRecord(arn=arn, step=step, created_us=now_us, updated_us=now_us)
    steps = [*plan.steps[: order - 1], record, *plan.steps[order - 1 :]]
    _refuse_first_wait(steps)
    plan.steps, plan.updated_us = steps, now_us
    answered = {"recoveryPlanStep": steps_members(region.frame, plan)[order - 1]}
    return remember(region, "CreateRecoveryPlanStep", request, answered)


def get_recovery_plan_step(region: DrsRegion, request: Members) -> Answer:
    plan, step = region.part(Plans).step(request["recoveryPlanStepArn"])
    return {"recoveryPlanStep": steps_members(region.frame, plan)[plan.steps.index(step)]}


def list_recovery_plan_steps(region: DrsRegion, request: Members) -> Answer:
    """The steps of a plan in their order."""
    return steps_members(region.frame, region.part(Plans).plan(request["recoveryPlanArn"]))


def update_recovery_plan_step(region: DrsRegion, request: Members) -> Answer:
    """Change the name, the configuration or both. The new list of servers replaces the old one."""
    plan, record = region.part(Plans).step(request["recoveryPlanStepArn"])
    name, step, now_us = request.get("stepName", record.step.name), record.step, region.frame.now_us
    if (configuration := request.get("configuration")) is not None:
        step = _step(region, plan, name, configuration, record)
        if bool(step.servers) != bool(record.step.servers):
            text = "the type of a step cannot be changed: delete the step, and create another one"
            raise validation_error([("configuration", text)])
        if len(plan.server_ids) - len(record.step.servers) + len(step.servers) > SERVERS_MAX:
            text = f"a recovery plan must have at most {SERVERS_MAX} servers"
            raise validation_error([("configuration.serverStepConfiguration.servers", text)])
    record.step = step._replace(name=name)
    record.updated_us = plan.updated_us = now_us
    return {"recoveryPlanStep": steps_members(region.frame, plan)[plan.steps.index(record)]}


def delete_recovery_plan_step(region: DrsRegion, request: Members) -> Answer:
    """Delete a step; those after it move up."""
    plan, record = region.part(Plans).step(request["recoveryPlanStepArn"])
    left = [each for each in plan.steps if each is not record]
    # A plan without server steps is INVALID, and may have wait steps left.
    if any(each.step.servers for each in left):
        _refuse_first_wait(left)
    plan.steps, plan.updated_us = left, region.frame.now_us
    return {"recoveryPlanStepArn": record.arn}


def reorder_recovery_plan_steps(region: DrsRegion, request: Members) -> Answer:
    """Put all steps of a plan into a new order."""
    plan, arns = region.part(Plans).plan(request["recoveryPlanArn"]), request["orderedStepArns"]
    steps = {each.arn: each for each in plan.steps}
    if sorted(arns) != sorted(steps):
        text = f"orderedStepArns must have each of the {len(steps)} steps of the plan once"
        raise validation_error([("orderedStepArns", text)])
    ordered = [steps[arn] for arn in arns]
    _refuse_first_wait(ordered)
    plan.steps, plan.updated_us = ordered, region.frame.now_us
    return {"recoveryPlanSteps": steps_members(region.frame, plan)}


def _refuse_name(kept: Plans, name: str) -> None:
    if other := next((each for each in kept.plans.values() if each.name == name), None):
        raise conflict(f"A recovery plan with the name {name} exists", other.arn, "recovery-plan")


def _step(
    region: DrsRegion, plan: PlanRecord, name: str, configuration: Members, replaced: StepRecord | None = None
) -> PlanStep:
    """Read a step's configuration. Raises DrsRefusedError."""
    if len(configuration) != 1:
        text = "configuration must have one of serverStepConfiguration and waitStepConfiguration"
        raise validation_error([("configuration", text)])
    if (wait := configuration.get("waitStepConfiguration")) is not None:
        return PlanStep(name, wait_us=wait["waitDurationMinutes"] * MINUTE_US)
    path = "configuration.serverStepConfiguration.servers"
    servers = servers_of(region, path, configuration["serverStepConfiguration"]["servers"])
    taken = {server_id for each in plan.steps if each is not replaced for server_id in each.step.server_ids}
    if twice := [each.server_id for each in servers if each.server_id in taken]:
        raise validation_error([(path, f"Source server {twice[0]} is in another step of the plan")])
    return PlanStep(name, servers)


def _refuse_first_wait(steps: Sequence[StepRecord]) -> None:
    """Raise DrsRefusedError: ValidationException if a wait step would come first."""
    if steps and not steps[0].step.servers:
        raise validation_error([("stepOrder", "the first step of a recovery plan must not be a wait step")])


_GUIDE: Final = "user guide, recovery plans, 2026-11"

OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "CreateRecoveryPlan": DrsOperation(
        create_recovery_plan,
        assumed="A second plan of a name is a ConflictException. A client token holds until the plan is deleted; with "
        "other members it is a ConflictException. The form of ids.",
        source=_GUIDE,
    ),
    "GetRecoveryPlan": DrsOperation(get_recovery_plan, source=_GUIDE),
    "ListRecoveryPlans": DrsOperation(list_recovery_plans, assumed="Oldest first.", source=_GUIDE),
    "UpdateRecoveryPlan": DrsOperation(
        update_recovery_plan,
        assumed="A second plan of a name is a ConflictException. Omitted members stay.",
        source=_GUIDE,
    ),
    "DeleteRecoveryPlan": DrsOperation(
        delete_recovery_plan, assumed="It is refused in CANCELLING, too. The plan's executions stay.", source=_GUIDE
    ),
    "CreateRecoveryPlanStep": DrsOperation(
        create_recovery_plan_step,
        assumed="An unknown server is a ResourceNotFoundException. One of another step, a wait as first step and a "
        "position beyond the end are ValidationExceptions. A step's ARN lies below its plan's.",
        source=_GUIDE,
    ),
    "GetRecoveryPlanStep": DrsOperation(get_recovery_plan_step, source=_GUIDE),
    "ListRecoveryPlanSteps": DrsOperation(list_recovery_plan_steps, assumed="In their order.", source=_GUIDE),
    "UpdateRecoveryPlanStep": DrsOperation(
        update_recovery_plan_step,
        assumed="More than 100 servers in the plan, and a configuration of the other type, are ValidationExceptions.",
        source=_GUIDE,
    ),
    "DeleteRecoveryPlanStep": DrsOperation(
        delete_recovery_plan_step,
        assumed="It is a ValidationException if a wait would then be the first step of those left.",
        source=_GUIDE,
    ),
    "ReorderRecoveryPlanSteps": DrsOperation(
        reorder_recovery_plan_steps,
        assumed="A missing, double or foreign step, and a wait as first step, are ValidationExceptions.",
        source=_GUIDE,
    ),
}
