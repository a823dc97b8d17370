"""What users do with DRS, each from its begin to its end: the state machine makes other calls in between.

Each journey is a function of a `Traveller`, which calls DRS and lets time pass. One that is refused ends there.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

from tests.simulator.moto_drs.conftest import EAST
from tests.simulator.moto_drs.plan_calls import of_wait, server_arn
from tests.simulator.moto_drs.well_formed import ACTION, TEMPLATE

STAGING: Final = "999988887777"
WEST: Final = "us-west-2"
_BUCKET: Final = "arn:aws:s3:::drs-export"
_POLICY: Final = [{**rule, "enabled": True} for rule in TEMPLATE["pitPolicy"]]
_TEMPLATE: Final = {**TEMPLATE, "pitPolicy": _POLICY}
_OVER: Final = frozenset({"COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"})


class ImpossibleError(Exception):
    """This world lacks what the journey needs, or the call was refused: the journey ends."""


class Traveller(Protocol):
    """Who makes a journey: calls, waits, and what only a test can do, which may raise ImpossibleError."""

    account: str

    def ask(self, operation: str, **request: Any) -> Any:
        """The answer. Raises ImpossibleError if the call is refused."""

    def wait(self, minutes: float) -> None: ...

    def servers(self, count: int, **more: Any) -> list[str]: ...

    def vary(self, count: int) -> int:
        """A number from 0 to count - 1."""

    def pair(self, instance_id: str, error: str) -> None: ...

    def set_state(self, server_id: str, state: str, error: str) -> None: ...

    def fail_launches(self, ids: list[str], *, fail: bool) -> None: ...

    def launch_in_the_west(self, server_arn: str) -> None: ...


def set_up(at: Traveller) -> None:
    """The world in which journeys begin: templates, and servers of all origins."""
    at.ask("CreateLaunchConfigurationTemplate", exportBucketArn=_BUCKET)
    at.ask("CreateReplicationConfigurationTemplate", **_TEMPLATE)
    at.servers(2)
    at.servers(1, origin="AWS")


def _launched(at: Traveller, ids: list[str], **more: Any) -> list[str]:
    """The recovery instances of a new job for these servers, once their agents have been seen."""
    job = at.ask("StartRecovery", sourceServers=[{"sourceServerID": each} for each in ids], **more)["job"]
    for minutes in (1.0, 13.0, 60.0):
        at.wait(minutes)
        at.ask("DescribeJobs", filters={"jobIDs": [job["jobID"]]})
    at.ask("DescribeJobLogItems", jobID=job["jobID"])
    found = at.ask("DescribeRecoveryInstances", filters={"sourceServerIDs": ids})["items"]
    if not found:
        raise ImpossibleError
    return [each["recoveryInstanceID"] for each in found]


def drill(at: Traveller) -> None:
    ids = at.servers(2)
    _launched(at, ids, isDrill=True, tags={"drill": "1"})
    points = at.ask("DescribeRecoverySnapshots", sourceServerID=ids[0], order="DESC")["items"]
    point = points[at.vary(len(points))]["snapshotID"]
    # It replaces the instance of the first launch.
    request = {"sourceServerID": ids[0], "recoverySnapshotID": point}
    job = at.ask("StartRecovery", sourceServers=[request])["job"]
    at.wait(60)
    found = at.ask("DescribeRecoveryInstances", filters={"sourceServerIDs": ids})["items"]
    at.ask("TerminateRecoveryInstances", recoveryInstanceIDs=[each["recoveryInstanceID"] for each in found])
    at.wait(60)
    at.ask("DeleteJob", jobID=job["jobID"])


def _of_servers(at: Traveller, *ids: str, optional: str = "") -> dict[str, Any]:
    """The configuration of a step of these servers, all CRITICAL but the optional one."""
    servers = [{"serverArn": server_arn(each, at.account)} for each in ids]
    servers += [{"serverArn": server_arn(optional, at.account), "impactLevel": "OPTIONAL"}] if optional else []
    return {"serverStepConfiguration": {"servers": servers}}


def _execution(at: Traveller, *configurations: dict[str, Any], mode: str = "DRILL") -> str:
    """The ARN of a new execution of a new plan with these steps."""
    plans = at.ask("ListRecoveryPlans")["recoveryPlans"]
    name = f"Journey {len(plans)} {at.vary(10**9)}"
    plan = at.ask("CreateRecoveryPlan", name=name)["recoveryPlan"]["recoveryPlanArn"]
    for number, configuration in enumerate(configurations, 1):
        step = {"stepName": f"step {number}", "configuration": configuration}
        at.ask("CreateRecoveryPlanStep", recoveryPlanArn=plan, **step)
    started = at.ask("StartRecoveryPlanExecution", recoveryPlanArn=plan, mode=mode)
    return str(started["recoveryPlanExecution"]["recoveryPlanExecutionArn"])


def _settled(at: Traveller, execution: str, *, waits: int = 12, minutes: float = 30) -> str:
    """Its status once it has one that lasts."""
    for _ in range(waits):
        shown = at.ask("GetRecoveryPlanExecution", recoveryPlanExecutionArn=execution)["recoveryPlanExecution"]
        _steps(at, execution)
        if shown["status"] in _OVER:
            return str(shown["status"])
        at.wait(minutes)
    raise ImpossibleError


def _steps(at: Traveller, execution: str) -> list[Any]:
    listed = at.ask("ListRecoveryPlanExecutionSteps", recoveryPlanExecutionArn=execution)
    found: list[Any] = listed["recoveryPlanExecutionSteps"]
    return found


def plan_changes_and_completes(at: Traveller) -> None:
    first, second, third = at.servers(3)
    plan = at.ask("CreateRecoveryPlan", name=f"Plan of {first}")["recoveryPlan"]["recoveryPlanArn"]
    configurations = (_of_servers(at, first), _of_servers(at, second, optional=third), of_wait(5), of_wait(7))
    steps = []
    for number, configuration in enumerate(configurations):
        made = at.ask(
            "CreateRecoveryPlanStep", recoveryPlanArn=plan, stepName=f"Step {number}", configuration=configuration
        )
        steps.append(made["recoveryPlanStep"]["recoveryPlanStepArn"])
    at.ask("DeleteRecoveryPlanStep", recoveryPlanStepArn=steps.pop())
    at.ask("UpdateRecoveryPlanStep", recoveryPlanStepArn=steps[0], stepName="Renamed")
    order = [steps[1], steps[2], steps[0]]
    at.ask("ReorderRecoveryPlanSteps", recoveryPlanArn=plan, orderedStepArns=order)
    at.ask("ListRecoveryPlanSteps", recoveryPlanArn=plan)
    at.ask("GetRecoveryPlanStep", recoveryPlanStepArn=steps[0])
    at.ask("UpdateRecoveryPlan", recoveryPlanArn=plan, description="Changed")
    at.ask("GetRecoveryPlan", recoveryPlanArn=plan)
    started = at.ask("StartRecoveryPlanExecution", recoveryPlanArn=plan, mode="RECOVERY")
    execution = started["recoveryPlanExecution"]["recoveryPlanExecutionArn"]
    wait_step = _steps(at, execution)[1]["recoveryPlanExecutionStepArn"]
    at.ask("UpdateRecoveryPlanExecutionStep", recoveryPlanExecutionStepArn=wait_step, waitDurationMinutes=3)
    _settled(at, execution)
    at.ask("GetRecoveryPlanExecutionStep", recoveryPlanExecutionStepArn=wait_step)
    at.ask("ListRecoveryPlanExecutions", recoveryPlanArn=plan)
    at.ask("DeleteRecoveryPlanExecution", recoveryPlanExecutionArn=execution)
    at.ask("DeleteRecoveryPlan", recoveryPlanArn=plan)


def _failed_step(at: Traveller) -> tuple[str, str, list[str]]:
    """A FAILED execution, its failed step, and the servers of that step. The next launch of these succeeds."""
    ids = at.servers(2)
    at.fail_launches(ids[:1], fail=True)
    execution = _execution(at, _of_servers(at, *ids), of_wait(2))
    if _settled(at, execution) != "FAILED":
        raise ImpossibleError
    at.fail_launches(ids[:1], fail=False)
    return execution, _steps(at, execution)[0]["recoveryPlanExecutionStepArn"], ids


def plan_fails_and_is_retried(at: Traveller) -> None:
    execution, step, _ = _failed_step(at)
    at.ask("RetryRecoveryPlanExecutionStep", recoveryPlanExecutionStepArn=step)
    at.wait(1)
    _settled(at, execution)


def plan_fails_and_is_skipped(at: Traveller) -> None:
    execution, step, _ = _failed_step(at)
    at.ask("UpdateRecoveryPlanExecutionStep", recoveryPlanExecutionStepArn=step, status="SKIPPED")
    _settled(at, execution)


def plan_is_cancelled(at: Traveller) -> None:
    execution = _execution(at, _of_servers(at, *at.servers(1)), of_wait(9), mode="RECOVERY")
    at.wait((0.05, 1, 5, 30)[at.vary(4)])
    at.ask("CancelRecoveryPlanExecution", recoveryPlanExecutionArn=execution)
    _settled(at, execution)


def plan_times_out(at: Traveller) -> None:
    """Each wait takes two hours, so that a launch may still run after 24 hours."""
    configurations = [_of_servers(at, *at.servers(1)), *(of_wait(120) for _ in range(13))]
    _settled(at, _execution(at, *configurations), minutes=300)


def failback_to_on_premises(at: Traveller) -> None:
    server_id = at.servers(1)[0]
    instance_id = _launched(at, [server_id])[0]
    one = {"recoveryInstanceID": instance_id}
    at.ask("UpdateFailbackReplicationConfiguration", bandwidthThrottling=5, **one)
    at.ask("GetFailbackReplicationConfiguration", **one)
    at.pair(instance_id, "NOT_CONVERGING" if at.vary(3) == 0 else "")
    at.ask("DescribeRecoveryInstances")
    at.wait(60)
    at.ask("DescribeRecoveryInstances")
    if at.vary(3) == 0:
        at.ask("StopFailback", **one)
        at.pair(instance_id, "")
        at.wait(60)
    at.ask("StartFailbackLaunch", recoveryInstanceIDs=[instance_id])
    at.wait(90)
    at.ask("DescribeRecoveryInstances")
    at.ask("StopFailback", **one)
    at.ask("DisconnectRecoveryInstance", **one)
    at.ask("DeleteRecoveryInstance", **one)
    at.ask("DisconnectSourceServer", sourceServerID=server_id)
    at.ask("DeleteSourceServer", sourceServerID=server_id)


def failback_within_aws(at: Traveller) -> None:
    region = (EAST, WEST)[at.vary(2)]
    server_id = at.servers(1, origin="AWS", origin_region=region)[0]
    instance_id = _launched(at, [server_id])[0]
    made = at.ask("ReverseReplication", recoveryInstanceID=instance_id)["reversedDirectionSourceServerArn"]
    at.wait(60)
    at.ask("DescribeRecoveryInstances")
    if region == WEST:
        at.launch_in_the_west(made)
        at.wait(60)
    at.ask("DescribeSourceServers", filters={"sourceServerIDs": [server_id]})


def replication_stops_and_starts(at: Traveller) -> None:
    one = {"sourceServerID": at.servers(1)[0]}
    at.ask("StopReplication", **one)
    at.ask("StartReplication", **one)
    at.wait(60)
    at.set_state(one["sourceServerID"], "STALLED", "AGENT_NOT_SEEN")
    at.ask("DescribeSourceServers")
    at.ask("UpdateReplicationConfiguration", bandwidthThrottling=7, **one)
    at.ask("GetReplicationConfiguration", **one)
    at.ask("StopReplication", **one)
    at.ask("RetryDataReplication", **one)
    at.ask("DisconnectSourceServer", **one)
    at.ask("DeleteSourceServer", **one)


def launch_settings_change(at: Traveller) -> None:
    server_id = at.servers(1)[0]
    at.ask("UpdateLaunchConfiguration", sourceServerID=server_id, copyTags=True, launchDisposition="STOPPED")
    at.ask("PutLaunchAction", resourceId=server_id, **ACTION)
    at.ask("ListLaunchActions", resourceId=server_id)
    _launched(at, [server_id])
    at.ask("DeleteLaunchAction", resourceId=server_id, actionId=ACTION["actionId"])
    at.ask("GetLaunchConfiguration", sourceServerID=server_id)


def templates_change(at: Traveller) -> None:
    for each in at.ask("DescribeLaunchConfigurationTemplates")["items"]:
        one = {"launchConfigurationTemplateID": each["launchConfigurationTemplateID"]}
        at.ask("UpdateLaunchConfigurationTemplate", copyTags=True, **one)
        at.ask("DeleteLaunchConfigurationTemplate", **one)
    at.ask("CreateLaunchConfigurationTemplate", exportBucketArn=_BUCKET)
    for each in at.ask("DescribeReplicationConfigurationTemplates")["items"]:
        one = {"replicationConfigurationTemplateID": each["replicationConfigurationTemplateID"]}
        at.ask("UpdateReplicationConfigurationTemplate", bandwidthThrottling=3, **one)
        at.ask("DeleteReplicationConfigurationTemplate", **one)
    at.ask("CreateReplicationConfigurationTemplate", **_TEMPLATE)


def network_is_recovered(at: Traveller) -> None:
    for each in at.ask("DescribeLaunchConfigurationTemplates")["items"]:
        template_id = each["launchConfigurationTemplateID"]
        at.ask("UpdateLaunchConfigurationTemplate", launchConfigurationTemplateID=template_id, exportBucketArn=_BUCKET)
    vpc = {"vpcID": f"vpc-{at.vary(16**8):08x}", "originAccountID": at.account, "originRegion": WEST}
    one = {"sourceNetworkID": at.ask("CreateSourceNetwork", **vpc)["sourceNetworkID"]}
    at.ask("StartSourceNetworkReplication", **one)
    at.wait(10)
    at.ask("ExportSourceNetworkCfnTemplate", **one)
    for _ in range(2):
        at.ask("StartSourceNetworkRecovery", sourceNetworks=[one])
        at.ask("DescribeSourceNetworks")
        at.wait(10)
        at.ask("DescribeSourceNetworks")
    at.ask("AssociateSourceNetworkStack", cfnStackName=f"stack-of-{one['sourceNetworkID']}", **one)
    at.wait(10)
    at.ask("DescribeSourceNetworks")
    at.ask("StopSourceNetworkReplication", **one)
    at.ask("DeleteSourceNetwork", **one)


def server_is_extended(at: Traveller) -> None:
    at.servers(1, staging=True)
    at.ask("ListStagingAccounts")
    found = at.ask("ListExtensibleSourceServers", stagingAccountID=STAGING)["items"]
    if not found:
        raise ImpossibleError
    made = at.ask("CreateExtendedSourceServer", sourceServerArn=found[-1]["arn"])["sourceServer"]
    _launched(at, [made["sourceServerID"]])


def tags_change(at: Traveller) -> None:
    at.ask("InitializeService")
    server = at.ask("DescribeSourceServers")["items"][0]
    at.ask("TagResource", resourceArn=server["arn"], tags={"tier": "web"})
    at.ask("ListTagsForResource", resourceArn=server["arn"])
    at.ask("UntagResource", resourceArn=server["arn"], tagKeys=["tier"])


JOURNEYS: Final[tuple[Callable[[Traveller], None], ...]] = (
    drill,
    plan_changes_and_completes,
    plan_fails_and_is_retried,
    failback_to_on_premises,
    network_is_recovered,
    failback_within_aws,
    plan_fails_and_is_skipped,
    plan_is_cancelled,
    plan_times_out,
    replication_stops_and_starts,
    launch_settings_change,
    templates_change,
    server_is_extended,
    tags_change,
)
