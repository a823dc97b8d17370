"""Jobs of source networks: their stacks, logs, failures and quotas."""

from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.moto_drs import Drs, set_quotas, set_source_network
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, DrsClient, refusal, servers, start
from tests.simulator.moto_drs.test_networks import UNKNOWN, VPC, created, protected, shown


def recover(drs: DrsClient, *network_ids: str, **more: Any) -> Any:
    """The job of a StartSourceNetworkRecovery for them."""
    networks = [{"sourceNetworkID": each} for each in network_ids]
    return drs.start_source_network_recovery(sourceNetworks=networks, **more)["job"]


def events(drs: DrsClient, job_id: str) -> list[str]:
    return [str(item["event"]) for item in drs.describe_job_log_items(jobID=job_id)["items"]]


def test_first_recovery_deploys_a_new_stack(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (network_id,) = protected(drs, clock)
    job = recover(drs, network_id, tags={"drill": "1"})
    assert (job["type"], job["initiatedBy"], job["status"]) == ("LAUNCH", "CREATE_NETWORK_RECOVERY", "PENDING")
    assert "participatingServers" not in job
    assert job["tags"] == {"drill": "1"}
    seen = []
    for seconds in (0, 10, 240, 30):
        clock.tick(seconds)
        (now,) = drs.describe_jobs(filters={"jobIDs": [job["jobID"]]})["items"]
        (part,) = now["participatingResources"]
        assert part["participatingResourceID"] == {"sourceNetworkID": network_id}
        network = shown(drs, network_id)
        seen.append(
            (
                now["status"],
                part["launchStatus"],
                network["lastRecovery"]["lastRecoveryResult"],
                "launchedVpcID" in network,
            )
        )
    assert seen == [
        ("PENDING", "PENDING", "IN_PROGRESS", False),
        ("STARTED", "IN_PROGRESS", "IN_PROGRESS", False),
        ("STARTED", "IN_PROGRESS", "IN_PROGRESS", False),
        ("COMPLETED", "LAUNCHED", "SUCCESS", True),
    ]
    assert network["cfnStackName"] == f"drs-{network_id}"
    assert network["lastRecovery"]["jobID"] == job["jobID"]
    assert network["lastRecovery"]["apiCallDateTime"].isoformat() == "2025-11-28T20:37:29+00:00"
    assert events(drs, job["jobID"]) == [
        "JOB_START",
        "DEPLOY_NETWORK_CONFIGURATION_START",
        "DEPLOY_NETWORK_CONFIGURATION_END",
        "UPDATE_LAUNCH_TEMPLATE_START",
        "UPDATE_LAUNCH_TEMPLATE_END",
        "JOB_END",
    ]


def test_log_of_a_network_job_names_stack_and_both_vpcs(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (network_id,) = protected(drs, clock)
    job = recover(drs, network_id)
    clock.tick(300)
    items = drs.describe_job_log_items(jobID=job["jobID"])["items"]
    data = [item["eventData"].get("eventResourceData", {}).get("sourceNetworkData") for item in items]
    known = {"sourceNetworkID": network_id, "sourceVpc": VPC, "stackName": f"drs-{network_id}"}
    with_target = {**known, "targetVpc": shown(drs, network_id)["launchedVpcID"]}
    assert data == [None, known, *[with_target] * 3, None]


def test_later_recovery_updates_the_last_stack(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (network_id,) = protected(drs, clock)
    recover(drs, network_id)
    clock.tick(300)
    first = shown(drs, network_id)
    job = recover(drs, network_id)
    assert job["initiatedBy"] == "UPDATE_NETWORK_RECOVERY"
    clock.tick(300)
    assert events(drs, job["jobID"])[1:3] == ["UPDATE_NETWORK_CONFIGURATION_START", "UPDATE_NETWORK_CONFIGURATION_END"]
    second = shown(drs, network_id)
    assert (second["cfnStackName"], second["launchedVpcID"]) == (first["cfnStackName"], first["launchedVpcID"])


def test_recovery_as_new_deploys_another_stack(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (network_id,) = protected(drs, clock)
    recover(drs, network_id)
    clock.tick(300)
    first = shown(drs, network_id)
    assert recover(drs, network_id, deployAsNew=True)["initiatedBy"] == "CREATE_NETWORK_RECOVERY"
    clock.tick(300)
    second = shown(drs, network_id)
    assert second["cfnStackName"] == f"drs-{network_id}-2"
    assert second["launchedVpcID"] != first["launchedVpcID"]


def test_stack_name_can_be_chosen_but_not_taken(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = protected(drs, clock, VPC, "vpc-00000000")

    def named(network_id: str, name: str, **more: Any) -> Any:
        networks = [{"sourceNetworkID": network_id, "cfnStackName": name}]
        return drs.start_source_network_recovery(sourceNetworks=networks, **more)["job"]

    assert named(first, "mine")["initiatedBy"] == "CREATE_NETWORK_RECOVERY"
    clock.tick(300)
    assert shown(drs, first)["cfnStackName"] == "mine"
    assert refusal(lambda: named(second, "mine")).kind == (409, "ConflictException")
    assert refusal(lambda: named(first, "mine", deployAsNew=True)).kind == (409, "ConflictException")
    assert named(first, "mine")["initiatedBy"] == "UPDATE_NETWORK_RECOVERY"


@pytest.mark.parametrize(
    ("outcome", "status", "result", "log"),
    [
        ("FAIL", "FAILED", "FAIL", ["DEPLOY_NETWORK_CONFIGURATION_FAILED", "NETWORK_RECOVERY_FAIL"]),
        (
            "PARTIAL_SUCCESS",
            "LAUNCHED",
            "PARTIAL_SUCCESS",
            ["DEPLOY_NETWORK_CONFIGURATION_END", "UPDATE_LAUNCH_TEMPLATE_START", "UPDATE_LAUNCH_TEMPLATE_FAILED"],
        ),
    ],
)
def test_recovery_that_fails_completes_its_job(
    drs: DrsClient, clock: FrozenDateTimeFactory, outcome: str, status: str, result: str, log: list[str]
) -> None:
    (network_id,) = protected(drs, clock)
    set_source_network(ACCOUNT, EAST, network_id, outcome=outcome)
    job = recover(drs, network_id)
    clock.tick(300)
    (now,) = drs.describe_jobs()["items"]
    assert (now["status"], now["participatingResources"][0]["launchStatus"]) == ("COMPLETED", status)
    assert now["endDateTime"] == f"2025-11-28T20:{'41:39' if outcome == 'FAIL' else '42:09'}.000000+00:00"
    network = shown(drs, network_id)
    assert network["lastRecovery"]["lastRecoveryResult"] == result
    assert ("launchedVpcID" in network) == (outcome == "PARTIAL_SUCCESS")
    assert events(drs, job["jobID"])[2:] == [*log, "JOB_END"]
    items = drs.describe_job_log_items(jobID=job["jobID"])["items"]
    assert ["rawError" in item["eventData"] for item in items] == ["FAIL" in str(item["event"]) for item in items]


def test_association_adopts_a_stack_without_deploying_it(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (network_id,) = protected(drs, clock)
    recover(drs, network_id)
    clock.tick(300)
    first = shown(drs, network_id)
    recover(drs, network_id, deployAsNew=True)
    clock.tick(300)
    job = drs.associate_source_network_stack(sourceNetworkID=network_id, cfnStackName=first["cfnStackName"])["job"]
    assert job["initiatedBy"] == "ASSOCIATE_NETWORK_RECOVERY"
    clock.tick(40)
    assert events(drs, job["jobID"]) == [
        "JOB_START",
        "UPDATE_LAUNCH_TEMPLATE_START",
        "UPDATE_LAUNCH_TEMPLATE_END",
        "JOB_END",
    ]
    again = shown(drs, network_id)
    assert again["lastRecovery"]["lastRecoveryResult"] == "ASSOCIATE_SUCCESS"
    assert (again["cfnStackName"], again["launchedVpcID"]) == (first["cfnStackName"], first["launchedVpcID"])
    set_source_network(ACCOUNT, EAST, network_id, outcome="FAIL")
    failing = drs.associate_source_network_stack(sourceNetworkID=network_id, cfnStackName="other")["job"]
    clock.tick(40)
    assert shown(drs, network_id)["lastRecovery"]["lastRecoveryResult"] == "ASSOCIATE_FAIL"
    assert shown(drs, network_id)["cfnStackName"] == first["cfnStackName"]
    assert events(drs, failing["jobID"])[2:] == ["UPDATE_LAUNCH_TEMPLATE_FAILED", "NETWORK_RECOVERY_FAIL", "JOB_END"]


def test_network_in_a_job_is_busy(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = protected(drs, clock, VPC, "vpc-00000000")
    recover(drs, first, second)
    drs.stop_source_network_replication(sourceNetworkID=first)
    conflict = (409, "ConflictException")
    assert refusal(lambda: recover(drs, second)).kind == conflict
    busy = refusal(drs.associate_source_network_stack, sourceNetworkID=second, cfnStackName="stack")
    assert (busy.kind, busy.members["resourceId"]) == (conflict, second)
    assert refusal(drs.delete_source_network, sourceNetworkID=first).kind == conflict
    clock.tick(300)
    drs.delete_source_network(sourceNetworkID=first)


def test_recovery_refuses_unknown_and_repeated_networks(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (network_id,) = protected(drs, clock)
    for ids, field in (([UNKNOWN], 0), ([network_id, network_id], 1), ([network_id, UNKNOWN], 1)):
        refused = refusal(lambda ids=ids: recover(drs, *ids))
        assert refused.kind == (400, "ValidationException")
        assert refused.fields == [f"sourceNetworks.{field}.sourceNetworkID"]
    assert drs.describe_jobs()["items"] == []


def test_recovery_needs_a_network_that_was_protected(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (network_id,) = protected(drs, clock)
    early = created(drs, "vpc-00000000")
    assert refusal(lambda: recover(drs, early)).kind == (409, "ConflictException")
    set_source_network(ACCOUNT, EAST, network_id, problem="role is missing")
    assert refusal(lambda: recover(drs, network_id)).kind == (409, "ConflictException")


def test_network_job_is_deleted_and_counts_against_the_quota(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = protected(drs, clock, VPC, "vpc-00000000")
    set_quotas(ACCOUNT, EAST, Drs(jobs_max=1))
    job = recover(drs, first)
    assert refusal(lambda: recover(drs, second)).members["quotaCode"] == "L-D88FAC3A"
    assert refusal(start, drs=drs, ids=servers(1)).members["quotaCode"] == "L-D88FAC3A"
    assert refusal(drs.delete_job, jobID=job["jobID"]).kind == (409, "ConflictException")
    clock.tick(300)
    drs.delete_job(jobID=job["jobID"])
    assert drs.describe_jobs()["items"] == []
    # The network remembers its recovery.
    assert shown(drs, first)["lastRecovery"]["jobID"] == job["jobID"]


def test_jobs_of_networks_and_servers_are_listed_together(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (network_id,) = protected(drs, clock)
    network_job = recover(drs, network_id)["jobID"]
    clock.tick(1)
    server_job = start(drs, servers(1))["jobID"]
    assert [each["jobID"] for each in drs.describe_jobs()["items"]] == [server_job, network_job]
    clock.tick(60)
    assert len(drs.describe_recovery_instances()["items"]) == 1
