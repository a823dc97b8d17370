"""Recovery plans as tests make them."""

from typing import Any

from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, DrsClient

STEP_ARN = f"arn:aws:drs:{EAST}:{ACCOUNT}:recovery-plan/rp-00000000000000000/step/rps-00000000000000000"
PLAN_ARN = f"arn:aws:drs:{EAST}:{ACCOUNT}:recovery-plan/rp-00000000000000000"
EXECUTION_ARN = f"arn:aws:drs:{EAST}:{ACCOUNT}:recovery-plan-execution/rpe-00000000000000000"


def server_arn(server_id: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:drs:{EAST}:{account}:source-server/{server_id}"


def of_servers(*ids: str, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """The configuration of a server step."""
    servers: list[dict[str, str]] = [{"serverArn": server_arn(each)} for each in ids]
    servers += [{"serverArn": server_arn(each), "impactLevel": "OPTIONAL"} for each in optional]
    return {"serverStepConfiguration": {"servers": servers}}


def of_wait(minutes: int) -> dict[str, Any]:
    """The configuration of a wait step."""
    return {"waitStepConfiguration": {"waitDurationMinutes": minutes}}


def plan(drs: DrsClient, *configurations: dict[str, Any], name: str = "plan") -> str:
    """The ARN of a new plan with these steps, named step 1 and so on."""
    arn: str = drs.create_recovery_plan(name=name)["recoveryPlan"]["recoveryPlanArn"]
    for number, configuration in enumerate(configurations, 1):
        add(drs, arn, configuration, f"step {number}")
    return arn


def add(drs: DrsClient, arn: str, configuration: dict[str, Any], name: str = "step", **more: Any) -> Any:
    """A new step of a plan."""
    request = {"recoveryPlanArn": arn, "stepName": name, "configuration": configuration, **more}
    return drs.create_recovery_plan_step(**request)["recoveryPlanStep"]


def names(drs: DrsClient, arn: str) -> list[tuple[int, str]]:
    """Order and name of each step of a plan."""
    steps = drs.list_recovery_plan_steps(recoveryPlanArn=arn)["recoveryPlanSteps"]
    return [(step["stepOrder"], step["stepName"]) for step in steps]


def start(drs: DrsClient, arn: str, mode: str = "DRILL", **more: Any) -> str:
    """The ARN of a new execution."""
    request = {"recoveryPlanArn": arn, "mode": mode, **more}
    execution: str = drs.start_recovery_plan_execution(**request)["recoveryPlanExecution"]["recoveryPlanExecutionArn"]
    return execution


def shown(drs: DrsClient, execution: str) -> Any:
    return drs.get_recovery_plan_execution(recoveryPlanExecutionArn=execution)["recoveryPlanExecution"]


def steps(drs: DrsClient, execution: str) -> list[Any]:
    """The steps of an execution, in full."""
    found = drs.list_recovery_plan_execution_steps(recoveryPlanExecutionArn=execution)["recoveryPlanExecutionSteps"]
    arns = [each["recoveryPlanExecutionStepArn"] for each in found]
    return [
        drs.get_recovery_plan_execution_step(recoveryPlanExecutionStepArn=arn)["recoveryPlanExecutionStep"]
        for arn in arns
    ]


def statuses(drs: DrsClient, execution: str) -> list[str]:
    """The status of the execution, then those of its steps."""
    return [shown(drs, execution)["status"], *(each["status"] for each in steps(drs, execution))]


def step_arn(drs: DrsClient, execution: str, number: int) -> str:
    """The ARN of the step with this number, from 1."""
    arn: str = steps(drs, execution)[number - 1]["recoveryPlanExecutionStepArn"]
    return arn


def job_ids(step: Any) -> list[str | None]:
    """The job of each server of an execution's step."""
    return [each.get("jobID") for each in step["configuration"]["executionServerStepConfiguration"]["servers"]]
