"""The oracle finds each planted contradiction, in answers of DRS or in what it does, and none before."""

from collections.abc import Callable
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.moto_drs import ec2
from tests.simulator.moto_drs.conftest import EAST, DrsClient, servers, session, start
from tests.simulator.moto_drs.consistency import contradictions
from tests.simulator.moto_drs.plan_calls import of_servers, of_wait, plan
from tests.simulator.moto_drs.plan_calls import start as execute
from tests.simulator.moto_drs.test_failback import launched, paired
from tests.simulator.moto_drs.test_network_recovery import recover
from tests.simulator.moto_drs.test_networks import protected

Change = Callable[[Any], None]


def planted(drs: DrsClient, operation: str, change: Change) -> list[str]:
    """The contradictions of a consistent world, once answers of this operation are changed."""
    assert contradictions(drs, session().client("ec2", EAST)) == []

    def after_call(parsed: Any, **_: Any) -> None:
        change(parsed)

    drs.meta.events.register(f"after-call.drs.{operation}", after_call)
    return contradictions(drs, session().client("ec2", EAST))


def first_server(parsed: Any) -> Any:
    """The first server of the first step."""
    return parsed["recoveryPlanExecutionSteps"][0]["configuration"]["executionServerStepConfiguration"]["servers"][0]


def without_job(parsed: Any) -> None:
    del first_server(parsed)["jobID"]


def of_another_job(parsed: Any) -> None:
    first_server(parsed)["jobID"] = parsed["recoveryPlanExecutionSteps"][-1]["configuration"][
        "executionServerStepConfiguration"
    ]["servers"][0]["jobID"]


def of_deleted_job(parsed: Any) -> None:
    first_server(parsed)["jobID"] = "drsjob-00000000000000000"


def step_is(status: str, number: int = 0) -> Change:
    def change(parsed: Any) -> None:
        parsed["recoveryPlanExecutionSteps"][number]["status"] = status

    return change


def execution_is(**members: str) -> Change:
    def change(parsed: Any) -> None:
        parsed["recoveryPlanExecutions"][0].update(members)

    return change


STEPS, EXECUTIONS = "ListRecoveryPlanExecutionSteps", "ListRecoveryPlanExecutions"


@pytest.mark.parametrize(
    ("seconds", "operation", "change", "text"),
    [
        (10, STEPS, without_job, "EXECUTING without a job of s-"),
        (10, STEPS, of_deleted_job, "EXECUTING without an open job"),
        (10, STEPS, step_is("COMPLETED"), "IN_PROGRESS with 0 running steps"),
        (30, STEPS, step_is("COMPLETED"), "is IN_PROGRESS in drsjob-"),
        (10, STEPS, step_is("EXECUTING", 1), "IN_PROGRESS with 2 running steps"),
        (900, STEPS, without_job, "COMPLETED without a job of s-"),
        (900, STEPS, of_another_job, "does not hold s-"),
        (900, STEPS, step_is("FAILED"), "COMPLETED with ['FAILED'"),
        (900, STEPS, step_is("NOT_STARTED"), "a step began before an earlier one"),
        (900, EXECUTIONS, execution_is(status="IN_PROGRESS"), "IN_PROGRESS with 0 running steps"),
        (900, EXECUTIONS, execution_is(mode="RECOVERY"), "is a START_DRILL, and the mode says START_RECOVERY"),
    ],
)
def test_false_plan_execution_is_found(
    drs: DrsClient, clock: FrozenDateTimeFactory, seconds: int, operation: str, change: Change, text: str
) -> None:
    first, second = servers(2)
    execute(drs, plan(drs, of_servers(first), of_wait(1), of_servers(second)))
    clock.tick(seconds)
    assert text in "; ".join(planted(drs, operation, change))


def test_step_completed_despite_a_failed_critical_server_is_found(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    execute(drs, plan(drs, of_servers(server)))
    clock.tick(900)

    def change(parsed: Any) -> None:
        parsed["items"][0]["participatingServers"][0]["launchStatus"] = "FAILED"

    assert "although the CRITICAL" in "; ".join(planted(drs, "DescribeJobs", change))


def test_false_result_of_a_network_is_found(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    recover(drs, *protected(drs, clock))
    clock.tick(900)

    def change(parsed: Any) -> None:
        parsed["items"][0]["lastRecovery"]["lastRecoveryResult"] = "FAIL"

    found = planted(drs, "DescribeSourceNetworks", change)
    assert "lastRecoveryResult is FAIL, and its launchStatus LAUNCHED" in found[0]


def test_network_result_without_its_job_is_found(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    recover(drs, *protected(drs, clock))

    def change(parsed: Any) -> None:
        del parsed["items"][0]["lastRecovery"]["jobID"]

    assert "IN_PROGRESS with the job None" in planted(drs, "DescribeSourceNetworks", change)[0]


def test_network_in_two_open_jobs_is_found(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    recover(drs, *protected(drs, clock))

    def change(parsed: Any) -> None:
        parsed["items"].append({**parsed["items"][0], "jobID": "drsjob-00000000000000000"})

    assert "a source network is in two open jobs" in planted(drs, "DescribeJobs", change)


def test_launch_ready_without_replication_is_found(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    paired(drs, clock)

    def change(parsed: Any) -> None:
        parsed["items"][0]["dataReplicationInfo"]["dataReplicationState"] = "INITIAL_SYNC"

    found = planted(drs, "DescribeRecoveryInstances", change)
    assert "FAILBACK_READY_FOR_LAUNCH, and its replication is INITIAL_SYNC" in found[0]


@pytest.mark.parametrize(
    ("failback", "text"),
    [({"state": "FAILBACK_IN_PROGRESS"}, "its server is LAUNCHED"), ({"failbackJobID": None}, "without a job")],
)
def test_false_failback_is_found(
    drs: DrsClient, clock: FrozenDateTimeFactory, failback: dict[str, Any], text: str
) -> None:
    drs.start_failback_launch(recoveryInstanceIDs=paired(drs, clock))
    clock.tick(900)

    def change(parsed: Any) -> None:
        parsed["items"][0]["failback"].update(failback)

    assert text in planted(drs, "DescribeRecoveryInstances", change)[0]


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"ec2InstanceID": "i-00000000000000000"}, "EC2 has no instance"),
        ({"ec2InstanceState": "STOPPED"}, "STOPPED, and RUNNING in EC2"),
    ],
)
def test_false_instance_of_ec2_is_found(
    drs: DrsClient, clock: FrozenDateTimeFactory, members: dict[str, Any], text: str
) -> None:
    launched(drs, clock)
    found = planted(drs, "DescribeRecoveryInstances", lambda parsed: parsed["items"][0].update(members))
    assert text in found[0]


def test_instance_that_a_launch_forgot_to_replace_is_found(
    drs: DrsClient, clock: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (server,) = servers(1)
    start(drs, [server])
    clock.tick(900)
    cloud = session().client("ec2", EAST)
    assert contradictions(drs, cloud) == []
    monkeypatch.setattr(ec2, "_terminate", lambda *_: None)
    start(drs, [server])
    clock.tick(900)
    assert f"{server}: 2 instances in EC2" in contradictions(drs, cloud)


def test_instance_tagged_for_another_server_is_found(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = launched(drs, clock)
    cloud = session().client("ec2", EAST)
    cloud.create_tags(Resources=[instance_id], Tags=[{"Key": "drs.amazonaws.com-source-server", "Value": "s-1"}])
    assert contradictions(drs, cloud)[0].endswith("and of s-1 in EC2")
