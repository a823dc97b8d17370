"""Clients in the style of public code do on this DRS what they are for."""

from typing import Any

import pytest

from drsim.simulator.moto_drs import JobLife, add_source_servers, advance, fail_launches, set_replication, uninitialize
from tests.simulator.moto_drs.clients import failback_runbook, inventory, plan_runner, synchronizer, terraform
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, client, servers, session, start

WEST = "us-west-2"

# --- plan runner ----------------------------------------------------------------------------------------------


def run_plan(drs: DrsClient, waves: list[list[str]]) -> Any:
    state = plan_runner.begin(waves, is_drill=True)
    for _ in range(200):
        state = plan_runner.tick(drs, state)
        if state["status"] != "RUNNING":
            break
        advance(0.25)
    return state


def test_plan_runner_recovers_one_wave_after_the_other(drs: DrsClient) -> None:
    database, web, cache = servers(3)
    state = run_plan(drs, [[database], [web, cache]])
    assert state["status"] == "SUCCEEDED"
    second, first = drs.describe_jobs()["items"]
    assert [first["jobID"], second["jobID"]] == state["jobs"]
    assert first["endDateTime"] <= second["creationDateTime"]
    assert (first["tags"], second["initiatedBy"]) == ({"wave": "0"}, "START_DRILL")


def test_plan_runner_stops_after_a_wave_with_a_failed_server(drs: DrsClient) -> None:
    database, web = servers(2)
    fail_launches(ACCOUNT, EAST, [database])
    state = run_plan(drs, [[database], [web]])
    assert (state["status"], state["wave"], len(drs.describe_jobs()["items"])) == ("FAILED", 0, 1)


def test_plan_runner_waits_for_a_server_that_another_job_uses(drs: DrsClient) -> None:
    ids = servers(1, life=JobLife.model_validate({"pending": "3m", "started": "1m", "in_progress": "1m"}))
    start(drs, ids)
    state = run_plan(drs, [ids])
    assert (state["status"], len(drs.describe_jobs()["items"])) == ("SUCCEEDED", 2)


# --- synchronizer ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_synchronizer_copies_tags_and_settings_once(drs: DrsClient) -> None:
    ec2 = session().client("ec2", EAST)
    (instance,) = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"]
    ec2.create_tags(Resources=[instance["InstanceId"]], Tags=[{"Key": "tier", "Value": "web"}])
    hints = {"awsInstanceID": instance["InstanceId"], "hostname": "web-1", "fqdn": "web-1"}
    servers(1, tags={"stays": "here"})
    (server_id,) = servers(1, origin="AWS", tags={"old": "tag"}, properties={"identificationHints": hints})
    first = synchronizer.synchronize(drs, ec2)
    assert first == {server_id: ["tag tier", "no tag old", "copyTags", "targetInstanceTypeRightSizingMethod"]}
    (server,) = drs.describe_source_servers(filters={"sourceServerIDs": [server_id]})["items"]
    assert server["tags"] == {"tier": "web"}
    assert drs.get_launch_configuration(sourceServerID=server_id)["copyTags"] is True
    assert synchronizer.synchronize(drs, ec2) == {}


# --- failback -------------------------------------------------------------------------------------------------


def test_failback_runbook_drills_from_the_recovery_region_to_the_origin(drs: DrsClient) -> None:
    origin = client(WEST)
    ids = servers(1, origin="AWS", origin_region=WEST)
    start(drs, ids)
    advance(1)
    (instance,) = drs.describe_recovery_instances()["items"]
    launched = failback_runbook.drill(drs, origin, instance["recoveryInstanceID"], advance)
    (there,) = origin.describe_recovery_instances()["items"]
    assert (there["recoveryInstanceID"], there["isDrill"]) == (launched, True)
    (replica,) = origin.describe_source_servers()["items"]
    assert replica["replicationDirection"] == "FAILBACK"
    assert replica["dataReplicationInfo"]["dataReplicationState"] == "STOPPED"
    assert drs.describe_recovery_instances()["items"] == []


def test_failback_runbook_stops_the_replica_before_it_terminates(drs: DrsClient) -> None:
    origin, ids = client(WEST), servers(1, origin="AWS", origin_region=WEST)
    start(drs, ids)
    advance(1)
    (instance,) = drs.describe_recovery_instances()["items"]
    server_id = failback_runbook.reverse(drs, instance["recoveryInstanceID"], advance)
    failback_runbook.await_replica(origin, server_id, advance)
    with pytest.raises(drs.exceptions.ConflictException, match="cannot be terminated during failback"):
        drs.terminate_recovery_instances(recoveryInstanceIDs=[instance["recoveryInstanceID"]])
    failback_runbook.clean_up(drs, origin, instance["recoveryInstanceID"], server_id, advance)


# --- inventory ------------------------------------------------------------------------------------------------


def test_inventory_lists_servers_of_regions_that_use_drs(drs: DrsClient) -> None:
    (first,) = servers(1, tags={"tier": "web"}, disks_bytes=(8 * 1024**3, 1024**3))
    (second,) = add_source_servers(ACCOUNT, WEST, 1, life=FIXED)
    set_replication(ACCOUNT, WEST, second, "STALLED", error="AGENT_NOT_SEEN")
    uninitialize(ACCOUNT, "eu-west-1")
    start(drs, [first])
    advance(60)
    found = inventory.rows([(region, client(region)) for region in (EAST, "eu-west-1", WEST)])
    assert [(row["region"], row["id"], row["state"]) for row in found] == [
        (EAST, first, "CONTINUOUS"),
        (WEST, second, "STALLED"),
    ]
    east = found[0]
    assert (east["tier"], east["last_launch"], east["disk_bytes"]) == ("web", "SUCCEEDED", 9 * 1024**3)
    assert east["instance"] == drs.describe_recovery_instances()["items"][0]["recoveryInstanceID"]
    assert east["snapshot"].startswith("pit-")


# --- Terraform ------------------------------------------------------------------------------------------------

POLICY = [
    {"ruleID": 1, "units": "MINUTE", "interval": 10, "retentionDuration": 60, "enabled": True},
    {"ruleID": 2, "units": "HOUR", "interval": 1, "retentionDuration": 24, "enabled": True},
    {"ruleID": 3, "units": "DAY", "interval": 1, "retentionDuration": 3, "enabled": True},
]
WANTED: dict[str, Any] = {
    "stagingAreaSubnetId": "subnet-12345678",
    "associateDefaultSecurityGroup": True,
    "replicationServersSecurityGroupsIDs": ["sg-12345678"],
    "replicationServerInstanceType": "t3.small",
    "useDedicatedReplicationServer": False,
    "defaultLargeStagingDiskType": "GP3",
    "ebsEncryption": "DEFAULT",
    "bandwidthThrottling": 0,
    "dataPlaneRouting": "PRIVATE_IP",
    "createPublicIP": False,
    "stagingAreaTags": {"team": "dr"},
    "pitPolicy": POLICY,
    "tags": {"managed": "terraform"},
}


def test_template_is_created_read_updated_and_deleted(drs: DrsClient) -> None:
    present = terraform.create(drs, WANTED, wait=lambda: advance(0.1))
    assert terraform.drift(present, WANTED) == {}
    wanted = {**WANTED, "bandwidthThrottling": 100, "tags": {"owner": "dr"}}
    assert terraform.drift(present, wanted).keys() == {"bandwidthThrottling", "tags"}
    present = terraform.update(drs, present, wanted)
    assert terraform.drift(present, wanted) == {}
    for _ in range(2):
        terraform.delete(drs, present[terraform.ID])
    assert terraform.read(drs, present[terraform.ID]) is None
