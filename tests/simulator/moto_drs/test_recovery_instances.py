"""Recovery instances: their object, disconnection, deletion and termination."""

import pytest
from freezegun.api import FrozenDateTimeFactory

from tests.simulator.moto_drs.conftest import EAST, DrsClient, refusal, servers, session, start
from tests.simulator.moto_drs.test_failback import CONFLICT, GIB, launched, paired, shown

# --- the object -----------------------------------------------------------------------------------------------


def test_instance_has_hardware_and_names_of_its_server(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = launched(drs, clock, disks_bytes=(8 * GIB, 100 * GIB))
    (server,) = drs.describe_source_servers()["items"]
    source, found = server["sourceProperties"], shown(drs, instance_id)
    properties = found["recoveryInstanceProperties"]
    assert found["originEnvironment"] == "ON_PREMISES"
    assert "originAvailabilityZone" not in found
    assert found["agentVersion"] == server["agentVersion"]
    for name in ("cpus", "ramBytes", "os"):
        assert properties[name] == source[name]
    hints = {name: source["identificationHints"][name] for name in ("fqdn", "hostname")}
    assert properties["identificationHints"] == {**hints, "awsInstanceID": instance_id}
    disks = [(each["internalDeviceName"], each["bytes"]) for each in properties["disks"]]
    assert disks == [(each["deviceName"], each["bytes"]) for each in source["disks"]]
    assert len({each["ebsVolumeID"] for each in properties["disks"]}) == 2
    assert len(properties["networkInterfaces"]) == 1
    assert shown(drs, instance_id) == {**found}


def test_agent_is_seen_two_minutes_after_the_launch(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    start(drs, servers(1))
    clock.tick(154)
    (found,) = drs.describe_recovery_instances()["items"]
    assert found["failback"] == {"state": "FAILBACK_NOT_STARTED"}
    assert found["dataReplicationInfo"] == {"dataReplicationState": "NOT_STARTED"}
    clock.tick(1)
    (found,) = drs.describe_recovery_instances()["items"]
    assert found["failback"]["agentLastSeenByServiceDateTime"] == "2025-11-28T20:35:04.000000+00:00"


@pytest.mark.slow
def test_instance_shows_state_addresses_and_volumes_of_ec2(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    ec2 = session().client("ec2", EAST)
    (instance_id,) = launched(drs, clock, disks_bytes=(8 * GIB, 100 * GIB))
    ((of_ec2,),) = [each["Instances"] for each in ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]]
    found = shown(drs, instance_id)
    properties = found["recoveryInstanceProperties"]
    assert found["ec2InstanceState"] == "RUNNING"
    volumes = [each["Ebs"]["VolumeId"] for each in of_ec2["BlockDeviceMappings"]]
    assert [each["ebsVolumeID"] for each in properties["disks"]] == volumes
    (interface,) = of_ec2["NetworkInterfaces"]
    assert properties["networkInterfaces"] == [
        {"macAddress": interface["MacAddress"], "ips": [of_ec2["PrivateIpAddress"]], "isPrimary": True}
    ]
    ec2.stop_instances(InstanceIds=[instance_id])
    assert shown(drs, instance_id)["ec2InstanceState"] == "STOPPED"
    ec2.terminate_instances(InstanceIds=[instance_id])
    assert shown(drs, instance_id)["ec2InstanceState"] == "TERMINATED"


# --- the end of an instance -----------------------------------------------------------------------------------


def test_disconnected_instance_stays_without_replication(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = paired(drs, clock)
    drs.disconnect_recovery_instance(recoveryInstanceID=instance_id)
    at = shown(drs, instance_id)["failback"]["agentLastSeenByServiceDateTime"]
    clock.tick(60)
    found = shown(drs, instance_id)
    info = found["dataReplicationInfo"]
    assert (info["dataReplicationState"], "lagDuration" in info) == ("DISCONNECTED", False)
    assert info["replicatedDisks"][0]["totalStorageBytes"] == 0
    assert found["failback"]["agentLastSeenByServiceDateTime"] == at
    assert (found["failback"]["state"], found["ec2InstanceState"]) == ("FAILBACK_NOT_STARTED", "RUNNING")
    assert refusal(drs.disconnect_recovery_instance, recoveryInstanceID=instance_id).kind == CONFLICT
    assert refusal(drs.start_failback_launch, recoveryInstanceIDs=[instance_id]).kind == CONFLICT


def test_server_is_disconnected_after_its_instance_only(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = launched(drs, clock)
    server_id = shown(drs, instance_id)["sourceServerID"]
    refused = refusal(drs.disconnect_source_server, sourceServerID=server_id)
    assert refused.message == f"Cannot disconnect Source Server {server_id} because it has a Recovery Instance."
    drs.disconnect_recovery_instance(recoveryInstanceID=instance_id)
    assert drs.disconnect_source_server(sourceServerID=server_id)["lastLaunchResult"] == "SUCCEEDED"


def test_deleted_instance_is_gone_from_drs(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = launched(drs, clock)
    arn = shown(drs, instance_id)["arn"]
    early = refusal(drs.delete_recovery_instance, recoveryInstanceID=instance_id)
    assert (early.kind, early.members["resourceId"]) == (CONFLICT, instance_id)
    drs.disconnect_recovery_instance(recoveryInstanceID=instance_id)
    drs.delete_recovery_instance(recoveryInstanceID=instance_id)
    assert drs.describe_recovery_instances()["items"] == []
    (server,) = drs.describe_source_servers()["items"]
    assert ("recoveryInstanceId" in server, server["lastLaunchResult"]) == (False, "SUCCEEDED")
    assert refusal(drs.list_tags_for_resource, resourceArn=arn).status == 404
    assert refusal(drs.terminate_recovery_instances, recoveryInstanceIDs=[instance_id]).kind == CONFLICT
    assert refusal(drs.delete_recovery_instance, recoveryInstanceID=instance_id).kind == CONFLICT
    malformed = refusal(drs.delete_recovery_instance, recoveryInstanceID="i-0123456789x")
    assert malformed.kind == (400, "ValidationException")
    start(drs, [server["sourceServerID"]])
    clock.tick(60)
    (next_one,) = drs.describe_recovery_instances()["items"]
    assert next_one["recoveryInstanceID"] != instance_id


def test_instance_that_is_launched_into_again_is_a_new_one(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1)
    into = {"launchIntoEC2InstanceID": "i-0123456789abcdef0"}
    drs.update_launch_configuration(sourceServerID=server_id, launchIntoInstanceProperties=into)
    start(drs, [server_id])
    clock.tick(155)
    (instance,) = drs.describe_recovery_instances()["items"]
    instance_id = instance["recoveryInstanceID"]
    assert instance_id == "i-0123456789abcdef0"
    drs.tag_resource(resourceArn=instance["arn"], tags={"a": "b"})
    drs.disconnect_recovery_instance(recoveryInstanceID=instance_id)
    drs.delete_recovery_instance(recoveryInstanceID=instance_id)
    start(drs, [server_id])
    clock.tick(155)
    again = shown(drs, instance_id)
    assert again["dataReplicationInfo"]["dataReplicationState"] == "NOT_STARTED"
    assert (again["tags"], again["jobID"] == instance["jobID"]) == ({}, False)


def test_instance_keeps_its_hardware_once_its_server_is_deleted(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = launched(drs, clock, origin="AWS", disks_bytes=(100 * GIB,))
    drs.disconnect_recovery_instance(recoveryInstanceID=instance_id)
    before = shown(drs, instance_id)
    drs.disconnect_source_server(sourceServerID=before["sourceServerID"])
    drs.delete_source_server(sourceServerID=before["sourceServerID"])
    assert shown(drs, instance_id) == before
    drs.delete_recovery_instance(recoveryInstanceID=instance_id)


def test_instance_in_a_job_is_neither_disconnected_nor_deleted(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = launched(drs, clock, 2)
    drs.disconnect_recovery_instance(recoveryInstanceID=second)
    drs.terminate_recovery_instances(recoveryInstanceIDs=[first, second])
    for call, instance_id in ((drs.disconnect_recovery_instance, first), (drs.delete_recovery_instance, second)):
        refused = refusal(call, recoveryInstanceID=instance_id)
        assert (refused.kind, "currently being processed by a Job" in refused.message) == (CONFLICT, True)
    clock.tick(60)
    assert drs.describe_recovery_instances()["items"] == []


def test_instance_is_not_terminated_during_failback(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = paired(drs, clock)
    refused = refusal(drs.terminate_recovery_instances, recoveryInstanceIDs=[instance_id])
    assert (refused.kind, "cannot be terminated during failback" in refused.message) == (CONFLICT, True)
    drs.start_failback_launch(recoveryInstanceIDs=[instance_id])
    clock.tick(60)
    drs.terminate_recovery_instances(recoveryInstanceIDs=[instance_id])
    clock.tick(60)
    assert drs.describe_recovery_instances()["items"] == []
