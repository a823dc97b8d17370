"""What an account and Region keeps of recovery plans and their executions, and both in the form of answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from drsim.simulator.drs_api.region import DrsRegion, Members, conflict, not_found, validation_error
from drsim.simulator.drs_api.shapes import Frame
from drsim.simulator.randomness import Stream
from drsim.simulator.services.drs import DrsRefusedError
from drsim.simulator.services.plan_runs import PlanRun, PlanServer, PlanStep, RunState, StepProblem, StepState

MINUTE_US: Final = 60_000_000


@dataclass(slots=True, kw_only=True)
class StepRecord:
    """A step of a plan. `steps` of its plan are in their order."""

    arn: str
    step: PlanStep
    created_us: int
    updated_us: int


@dataclass(slots=True, kw_only=True)
class PlanRecord:
    arn: str
    name: str
    description: str | None
    created_us: int
    updated_us: int
    steps: list[StepRecord] = field(default_factory=list)

    @property
    def status(self) -> str:
        """ACTIVE with at least one server step, else INVALID."""
        return "ACTIVE" if any(each.step.servers for each in self.steps) else "INVALID"

    @property
    def server_ids(self) -> list[str]:
        return [server_id for each in self.steps for server_id in each.step.server_ids]


@dataclass(slots=True, kw_only=True)
class ExecutionRecord:
    """An execution. `snapshots` are the recovery snapshots chosen for servers, which else launch with latest data."""

    arn: str
    plan_arn: str
    is_drill: bool
    snapshots: Mapping[str, str]
    run: PlanRun


@dataclass(slots=True)
class Plans:
    """The plans and executions of an account and Region, by ARN, in the order in which they were made."""

    plans: dict[str, PlanRecord] = field(default_factory=dict)
    executions: dict[str, ExecutionRecord] = field(default_factory=dict)
    answered: dict[tuple[str, str], tuple[Members, Members]] = field(default_factory=dict)
    """The requests and answers by operation and client token."""
    made_count: int = 0

    def has_made(self, answer: Members) -> bool:
        """Return whether the plan, step or execution still exists that an answer shows as made."""
        (made,) = answer.values()
        steps = (step.arn for plan in self.plans.values() for step in plan.steps)
        arns = {*self.plans, *self.executions, *steps}
        own = ("recoveryPlanStepArn", "recoveryPlanExecutionArn", "recoveryPlanArn")
        return next(made[name] for name in own if name in made) in arns

    def new_id(self, region: DrsRegion, prefix: str) -> str:
        """Return a new id. AWS does not publish the form of these ids."""
        self.made_count += 1
        account_id, name = region.scope
        stream = Stream(0, f"moto-drs/{account_id}/{name}/plans/{self.made_count}")
        return f"{prefix}-{stream.hexadecimal(16)}{stream.hexadecimal(1)}"

    def plan(self, arn: str) -> PlanRecord:
        """Return a plan. Raises DrsRefusedError: ResourceNotFoundException."""
        if arn not in self.plans:
            raise not_found(arn, "recovery-plan")
        return self.plans[arn]

    def step(self, arn: str) -> tuple[PlanRecord, StepRecord]:
        """Return a step of a plan. Raises DrsRefusedError: ResourceNotFoundException."""
        for plan in self.plans.values():
            for step in plan.steps:
                if step.arn == arn:
                    return plan, step
        raise not_found(arn, "recovery-plan-step")

    def execution(self, arn: str) -> ExecutionRecord:
        """Return an execution. Raises DrsRefusedError: ResourceNotFoundException."""
        if arn not in self.executions:
            raise not_found(arn, "recovery-plan-execution")
        return self.executions[arn]

    def execution_step(self, arn: str) -> tuple[ExecutionRecord, int]:
        """Return an execution and the number of its step, from 0. Raises DrsRefusedError: ResourceNotFoundException."""
        for execution in self.executions.values():
            for number in range(len(execution.run.steps)):
                if execution_step_arn(execution, number) == arn:
                    return execution, number
        raise not_found(arn, "recovery-plan-execution-step")

    def running(self, at_us: int) -> Iterable[ExecutionRecord]:
        """Yield the executions that have not ended."""
        return (each for each in self.executions.values() if not each.run.state(at_us).status.terminal)


def plans_with(region: DrsRegion, server_id: str) -> list[str]:
    """Return the ARNs of the plans that have a source server, which cannot be deleted meanwhile."""
    return [plan.arn for plan in region.part(Plans).plans.values() if server_id in plan.server_ids]


def refuse_second_execution(
    region: DrsRegion, plan_arn: str, server_ids: Iterable[str], *, other_than: str = ""
) -> None:
    """Raise DrsRefusedError: ConflictException if the plan is being executed, or another plan with its servers."""
    ids = set(server_ids)
    for running in region.part(Plans).running(region.frame.now_us):
        if running.arn == other_than:
            continue
        plan_id = running.plan_arn.partition("/")[2]
        if running.plan_arn == plan_arn:
            text = f"Another execution is already active for plan {plan_id}"
            raise conflict(text, plan_arn, "recovery-plan")
        steps = running.run.state(region.frame.now_us).steps
        if shared := sorted(ids.intersection(each for step in steps for each in step.step.server_ids)):
            # AWS's text is not published; it names plan and execution.
            text = (
                f"Source server {shared[0]} belongs to recovery plan {plan_id}, whose execution "
                f"{running.arn.partition('/')[2]} is running"
            )
            raise conflict(text, running.plan_arn, "recovery-plan")


def answered_before(region: DrsRegion, operation: str, request: Members) -> Members | None:
    """Return the first answer to a request with this client token, or None if what it made is deleted (assumed).

    Raises DrsRefusedError: ConflictException if the other members differ from those of the first request (assumed).
    """
    token, kept = request.get("clientToken"), region.part(Plans)
    first = kept.answered.get((operation, token)) if token else None
    if first is None or not kept.has_made(first[1]):
        return None
    if first[0] != request:
        raise conflict(f"clientToken {token} was used with other parameters", str(token), "client-token")
    return first[1]


def remember(region: DrsRegion, operation: str, request: Members, answer: Members) -> Members:
    """Keep the answer for later requests with the same client token, without a limit of time (assumed)."""
    if token := request.get("clientToken"):
        region.part(Plans).answered[operation, token] = (request, answer)
    return answer


def servers_of(region: DrsRegion, path: str, listed: Sequence[Members]) -> tuple[PlanServer, ...]:
    """Read a list of servers. Raises DrsRefusedError: ValidationException, or ResourceNotFoundException (assumed)."""
    servers: dict[str, PlanServer] = {}
    for number, each in enumerate(listed):
        arn, at = each["serverArn"], f"{path}.{number}.serverArn"
        server_id = arn.rpartition("/")[2]
        if arn != region.frame.arn("source-server", server_id):
            raise validation_error([(at, f"Source server {arn} is not of this account and Region")])
        if server_id not in region.world.service.servers(region.scope):
            raise not_found(arn, "source-server")
        if server_id in servers:
            raise validation_error([(at, f"Source server {arn} is listed twice")])
        servers[server_id] = PlanServer(server_id, each.get("impactLevel", "CRITICAL") == "CRITICAL")
    return tuple(servers.values())


def quota_exceeded(region: DrsRegion, text: str) -> DrsRefusedError:
    """ServiceQuotaExceededException, 402. Plans have no codes in Service Quotas."""
    members = {"resourceId": region.scope.account_id, "resourceType": "account"}
    codes = {"serviceCode": "drs", "quotaCode": "unknown"}
    return DrsRefusedError("ServiceQuotaExceededException", text, **members, **codes)


def plan_members(frame: Frame, plan: PlanRecord) -> Members:
    """RecoveryPlan."""
    described = {} if plan.description is None else {"description": plan.description}
    return {**plan_summary(frame, plan), **described, "tags": dict(frame.tags.get(plan.arn, {}))}


def plan_summary(frame: Frame, plan: PlanRecord) -> Members:
    """RecoveryPlanSummary."""
    return {
        "recoveryPlanArn": plan.arn,
        "name": plan.name,
        "status": plan.status,
        "createdAt": frame.time(plan.created_us),
        "updatedAt": frame.time(plan.updated_us),
    }


def steps_members(frame: Frame, plan: PlanRecord) -> list[Members]:
    """RecoveryPlanStep of each step, in order."""
    return [
        {
            "recoveryPlanStepArn": each.arn,
            "stepOrder": order,
            "stepName": each.step.name,
            "configuration": _configuration(frame, each.step, "serverStepConfiguration"),
            "createdAt": frame.time(each.created_us),
            "updatedAt": frame.time(each.updated_us),
        }
        for order, each in enumerate(plan.steps, 1)
    ]


def execution_members(frame: Frame, execution: ExecutionRecord) -> Members:
    """RecoveryPlanExecution."""
    state = execution.run.state(frame.now_us)
    ended = {} if state.ended_us is None else {"completedAt": frame.time(state.ended_us)}
    return {**execution_summary(frame, execution), **ended, "tags": dict(frame.tags.get(execution.arn, {}))}


def execution_summary(frame: Frame, execution: ExecutionRecord) -> Members:
    """RecoveryPlanExecutionSummary."""
    state = execution.run.state(frame.now_us)
    return {
        "recoveryPlanExecutionArn": execution.arn,
        "recoveryPlanArn": execution.plan_arn,
        "mode": "DRILL" if execution.is_drill else "RECOVERY",
        "status": state.status.value,
        "startedAt": frame.time(execution.run.started_us),
        **_error_detail(state.problem),
    }


def execution_step_arn(execution: ExecutionRecord, number: int) -> str:
    """The ARN of a step, which counts from 0. It is not published, and is assumed to lie below the execution's."""
    return f"{execution.arn}/step/rpes-{number + 1:017}"


def execution_step_summary(frame: Frame, execution: ExecutionRecord, state: RunState, number: int) -> Members:
    """RecoveryPlanExecutionStepSummary."""
    step: StepState = state.steps[number]
    return {
        "recoveryPlanExecutionStepArn": execution_step_arn(execution, number),
        "stepName": step.step.name,
        "stepIndex": number + 1,
        "status": step.status.value,
        "configuration": _configuration(frame, step.step, "executionServerStepConfiguration", step.job_ids),
        **_error_detail(step.problem),
    }


def execution_step_members(frame: Frame, execution: ExecutionRecord, number: int) -> Members:
    """RecoveryPlanExecutionStep."""
    state = execution.run.state(frame.now_us)
    step = state.steps[number]
    return {
        **execution_step_summary(frame, execution, state, number),
        "attempt": step.attempt,
        "createdAt": frame.time(execution.run.started_us),
        "updatedAt": frame.time(step.updated_us),
    }


def _configuration(frame: Frame, step: PlanStep, name: str, job_ids: Mapping[str, str] | None = None) -> Members:
    if not step.servers:
        return {"waitStepConfiguration": {"waitDurationMinutes": step.wait_us // MINUTE_US}}
    servers: list[dict[str, Any]] = []
    for server in step.servers:
        level = "CRITICAL" if server.is_critical else "OPTIONAL"
        servers.append({"serverArn": frame.arn("source-server", server.server_id), "impactLevel": level})
        if job_ids and server.server_id in job_ids:
            servers[-1]["jobID"] = job_ids[server.server_id]
    return {name: {"servers": servers}}


def _error_detail(problem: StepProblem | None) -> Members:
    return {} if problem is None else {"errorDetail": {"message": problem.message, "code": problem.code}}
