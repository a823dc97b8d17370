"""Recovery instances of on-premises servers: their object, failback with a Failback Client, disconnection, deletion."""

from typing import Any, Final

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.orchestrator.model import JobScope
from drsim.simulator.moto_drs import JobLife, drs_backends, pair_failback_client
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, refusal, servers, session, start

UNKNOWN: Final = "i-00000000000000000"
CONFLICT: Final = (409, "ConflictException")
GIB: Final = 1024**3


def launched(drs: DrsClient, clock: FrozenDateTimeFactory, count: int = 1, **more: Any) -> list[str]:
    """Ids of recovery instances whose agents have been seen."""
    start(drs, servers(count, **more))
    clock.tick(155)
    return [each["recoveryInstanceID"] for each in drs.describe_recovery_instances()["items"]]


def paired(drs: DrsClient, clock: FrozenDateTimeFactory, count: int = 1) -> list[str]:
    """Ids of recovery instances that are ready for a failback launch."""
    ids = launched(drs, clock, count)
    for instance_id in ids:
        pair_failback_client(ACCOUNT, EAST, instance_id)
    clock.tick(600)
    return ids


def shown(drs: DrsClient, instance_id: str) -> Any:
    (found,) = drs.describe_recovery_instances(filters={"recoveryInstanceIDs": [instance_id]})["items"]
    return found


def states(drs: DrsClient, instance_id: str) -> tuple[str, str]:
    """The states of failback and of replication."""
    found = shown(drs, instance_id)
    return found["failback"]["state"], found["dataReplicationInfo"]["dataReplicationState"]


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


# --- failback -------------------------------------------------------------------------------------------------


def test_paired_client_copies_the_data_and_gets_ready(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = launched(drs, clock)
    client_id = pair_failback_client(ACCOUNT, EAST, instance_id, to_original=False)
    seen = []
    for _ in range(40):
        seen.append(states(drs, instance_id))
        clock.tick(10)
    assert list(dict.fromkeys(seen)) == [
        ("FAILBACK_IN_PROGRESS", "INITIATING"),
        ("FAILBACK_IN_PROGRESS", "INITIAL_SYNC"),
        ("FAILBACK_READY_FOR_LAUNCH", "CONTINUOUS"),
    ]
    failback = shown(drs, instance_id)["failback"]
    assert (failback["failbackClientID"], failback["failbackToOriginalServer"]) == (client_id, False)
    assert failback["failbackInitiationTime"] == "2025-11-28T20:35:04.000000+00:00"
    assert failback["failbackClientLastSeenByServiceDateTime"] == failback["agentLastSeenByServiceDateTime"]
    assert failback["failbackInitiationTime"] < failback["firstByteDateTime"] < "2025-11-28T20:38:04"


def test_failback_shows_steps_bytes_and_time_left(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = launched(drs, clock, disks_bytes=(100 * GIB,))
    pair_failback_client(ACCOUNT, EAST, instance_id)
    info = shown(drs, instance_id)["dataReplicationInfo"]
    steps = info["dataReplicationInitiation"]["steps"]
    assert steps[0] == {"name": "LINK_FAILBACK_CLIENT_WITH_RECOVERY_INSTANCE", "status": "IN_PROGRESS"}
    assert [each["status"] for each in steps[1:]] == ["NOT_STARTED"] * 6
    assert info["replicatedDisks"][0]["replicatedStorageBytes"] == 0
    clock.tick(400)
    info = shown(drs, instance_id)["dataReplicationInfo"]
    assert info["dataReplicationState"] == "INITIAL_SYNC"
    assert 0 < info["replicatedDisks"][0]["replicatedStorageBytes"] < 100 * GIB
    assert info["etaDateTime"] > "2025-11-28T20:42"
    clock.tick(2000)
    info = shown(drs, instance_id)["dataReplicationInfo"]
    (disk,) = info["replicatedDisks"]
    assert (disk["replicatedStorageBytes"], disk["totalStorageBytes"]) == (100 * GIB, 100 * GIB)
    assert {each["status"] for each in info["dataReplicationInitiation"]["steps"]} == {"SUCCEEDED"}
    assert info["lagDuration"] == "P0D"


@pytest.mark.parametrize(
    ("error", "statuses"),
    [
        ("FAILBACK_CLIENT_NOT_SEEN", ["SUCCEEDED"] * 7),
        ("FAILED_TO_CONFIGURE_REPLICATION_SOFTWARE", ["SUCCEEDED"] * 4 + ["FAILED"] + ["NOT_STARTED"] * 2),
    ],
)
def test_stalled_client_is_an_error_until_it_is_stopped(
    drs: DrsClient, clock: FrozenDateTimeFactory, error: str, statuses: list[str]
) -> None:
    (instance_id,) = launched(drs, clock)
    pair_failback_client(ACCOUNT, EAST, instance_id, error=error)
    clock.tick(600)
    assert states(drs, instance_id) == ("FAILBACK_ERROR", "STALLED")
    info = shown(drs, instance_id)["dataReplicationInfo"]
    assert info["dataReplicationError"] == {"error": error}
    assert [each["status"] for each in info["dataReplicationInitiation"]["steps"]] == statuses
    assert refusal(drs.start_failback_launch, recoveryInstanceIDs=[instance_id]).kind == CONFLICT
    drs.stop_failback(recoveryInstanceID=instance_id)
    pair_failback_client(ACCOUNT, EAST, instance_id)
    with pytest.raises(ValueError, match=r"error must be one of AGENT_NOT_SEEN, .*, got 'FAILED'"):
        pair_failback_client(ACCOUNT, EAST, instance_id, error="FAILED")


def test_failback_launch_is_a_job_that_completes_the_failback(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = paired(drs, clock, 2)
    ids = [first, second, first]
    job = drs.start_failback_launch(recoveryInstanceIDs=ids, tags={"why": "home"})["job"]
    assert (job["type"], job["initiatedBy"], job["status"]) == ("LAUNCH", "FAILBACK", "PENDING")
    assert job["tags"] == {"why": "home"}
    servers_of_both = [shown(drs, each)["sourceServerID"] for each in (first, second)]
    assert [each["sourceServerID"] for each in job["participatingServers"]] == servers_of_both
    assert shown(drs, first)["failback"]["failbackJobID"] == job["jobID"]
    assert states(drs, first) == ("FAILBACK_IN_PROGRESS", "CONTINUOUS")
    clock.tick(36)
    (now,) = drs.describe_jobs(filters={"jobIDs": [job["jobID"]]})["items"]
    assert [each["launchStatus"] for each in now["participatingServers"]] == ["LAUNCHED"] * 2
    assert states(drs, first) == states(drs, second) == ("FAILBACK_COMPLETED", "STOPPED")
    items = drs.describe_job_log_items(jobID=job["jobID"])["items"]
    of_first = [
        str(each["event"])
        for each in items
        if each["eventData"].get("sourceServerID", servers_of_both[0]) == servers_of_both[0]
    ]
    assert of_first == ["JOB_START", "CONVERSION_START", "CONVERSION_END", "LAUNCH_START", "LAUNCH_END", "JOB_END"]
    assert not any({"targetInstanceID", "conversionServerID"} & set(each["eventData"]) for each in items)


def test_failback_job_leaves_instance_and_last_launch(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = paired(drs, clock)
    (before,) = drs.describe_source_servers()["items"]
    drs.start_failback_launch(recoveryInstanceIDs=[instance_id])
    clock.tick(60)
    (after,) = drs.describe_source_servers()["items"]
    assert after["recoveryInstanceId"] == before["recoveryInstanceId"] == instance_id
    assert after["lifeCycle"]["lastLaunch"] == before["lifeCycle"]["lastLaunch"]
    assert after["lastLaunchResult"] == "SUCCEEDED"


def test_failed_failback_launch_is_an_error_and_can_be_repeated(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = paired(drs, clock)
    server_id, service = shown(drs, instance_id)["sourceServerID"], drs_backends[ACCOUNT][EAST].world.service
    failing = JobLife.model_validate({**FIXED.model_dump(), "failed_servers": 1})
    service.add_servers(JobScope(ACCOUNT, EAST), [server_id], failing)
    job = drs.start_failback_launch(recoveryInstanceIDs=[instance_id])["job"]
    clock.tick(60)
    assert states(drs, instance_id) == ("FAILBACK_ERROR", "CONTINUOUS")
    events = [str(each["event"]) for each in drs.describe_job_log_items(jobID=job["jobID"])["items"]]
    assert events[-2:] == ["LAUNCH_FAILED", "JOB_END"]
    service.add_servers(JobScope(ACCOUNT, EAST), [server_id], FIXED)
    drs.start_failback_launch(recoveryInstanceIDs=[instance_id])
    clock.tick(60)
    assert states(drs, instance_id) == ("FAILBACK_COMPLETED", "STOPPED")


def test_failback_launch_needs_instances_that_are_ready(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (ready, idle, syncing) = launched(drs, clock, 3)
    pair_failback_client(ACCOUNT, EAST, ready)
    clock.tick(600)
    pair_failback_client(ACCOUNT, EAST, syncing)
    for instance_id in (idle, syncing):
        refused = refusal(drs.start_failback_launch, recoveryInstanceIDs=[ready, instance_id])
        assert refused.kind == CONFLICT
        assert refused.members == {"resourceId": instance_id, "resourceType": "recovery-instance"}
    unknown = refusal(drs.start_failback_launch, recoveryInstanceIDs=[ready, UNKNOWN])
    assert (unknown.kind, unknown.fields) == ((400, "ValidationException"), ["recoveryInstanceIDs.1"])
    assert len(drs.describe_jobs()["items"]) == 1
    drs.start_failback_launch(recoveryInstanceIDs=[ready])
    busy = refusal(drs.start_failback_launch, recoveryInstanceIDs=[ready])
    assert (busy.kind, "currently being processed by a Job" in busy.message) == (CONFLICT, True)
    clock.tick(60)
    assert refusal(drs.start_failback_launch, recoveryInstanceIDs=[ready]).kind == CONFLICT


def test_stopped_failback_has_not_started_and_can_begin_again(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = paired(drs, clock)
    drs.stop_failback(recoveryInstanceID=instance_id)
    assert states(drs, instance_id) == ("FAILBACK_NOT_STARTED", "NOT_STARTED")
    assert set(shown(drs, instance_id)["failback"]) == {"state", "agentLastSeenByServiceDateTime"}
    drs.stop_failback(recoveryInstanceID=instance_id)
    clock.tick(1)
    pair_failback_client(ACCOUNT, EAST, instance_id)
    assert states(drs, instance_id) == ("FAILBACK_IN_PROGRESS", "INITIATING")


def test_stop_does_not_end_a_failback_that_is_launched(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = paired(drs, clock)
    drs.start_failback_launch(recoveryInstanceIDs=[instance_id])
    drs.stop_failback(recoveryInstanceID=instance_id)
    clock.tick(60)
    drs.stop_failback(recoveryInstanceID=instance_id)
    assert states(drs, instance_id) == ("FAILBACK_COMPLETED", "STOPPED")


def test_clock_that_goes_back_undoes_a_failback(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = paired(drs, clock)
    drs.start_failback_launch(recoveryInstanceIDs=[instance_id])
    clock.tick(60)
    drs.disconnect_recovery_instance(recoveryInstanceID=instance_id)
    seen = []
    for seconds in (-1, -60, -599, -2):
        clock.tick(seconds)
        seen.append(states(drs, instance_id))
    assert seen == [
        ("FAILBACK_COMPLETED", "STOPPED"),
        ("FAILBACK_READY_FOR_LAUNCH", "CONTINUOUS"),
        ("FAILBACK_IN_PROGRESS", "INITIATING"),
        ("FAILBACK_NOT_STARTED", "NOT_STARTED"),
    ]


def test_pairing_is_refused_where_no_client_could_pair(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    with pytest.raises(ValueError, match=f"recovery instance {UNKNOWN} is no recovery instance"):
        pair_failback_client(ACCOUNT, EAST, UNKNOWN)
    start(drs, servers(1))
    clock.tick(60)
    (early,) = [each["recoveryInstanceID"] for each in drs.describe_recovery_instances()["items"]]
    with pytest.raises(ValueError, match=f"{early} has an agent that DRS has not seen yet"):
        pair_failback_client(ACCOUNT, EAST, early)
    clock.tick(100)
    pair_failback_client(ACCOUNT, EAST, early)
    with pytest.raises(ValueError, match=f"{early} is paired already"):
        pair_failback_client(ACCOUNT, EAST, early)
    drs.disconnect_recovery_instance(recoveryInstanceID=early)
    with pytest.raises(ValueError, match=f"{early} is disconnected"):
        pair_failback_client(ACCOUNT, EAST, early)


def test_failback_configuration_has_defaults_and_is_updated(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance_id,) = launched(drs, clock)

    def settings() -> dict[str, Any]:
        answer = drs.get_failback_replication_configuration(recoveryInstanceID=instance_id)
        return {name: each for name, each in answer.items() if name != "ResponseMetadata"}

    defaults = {
        "recoveryInstanceID": instance_id,
        "name": "Failback Replication Configuration",
        "bandwidthThrottling": 0,
        "usePrivateIP": False,
        "internetProtocol": "IPV4",
    }
    assert settings() == defaults
    update = drs.update_failback_replication_configuration
    update(recoveryInstanceID=instance_id, bandwidthThrottling=12, usePrivateIP=True)
    update(recoveryInstanceID=instance_id, name="home")
    assert settings() == {**defaults, "bandwidthThrottling": 12, "usePrivateIP": True, "name": "home"}
    wrong = refusal(update, recoveryInstanceID=instance_id, internetProtocol="IPV5")
    assert (wrong.kind, wrong.fields) == ((400, "ValidationException"), ["internetProtocol"])


@pytest.mark.parametrize(
    "operation",
    [
        "disconnect_recovery_instance",
        "stop_failback",
        "get_failback_replication_configuration",
        "update_failback_replication_configuration",
        "reverse_replication",
    ],
)
def test_call_for_an_unknown_instance_finds_none(drs: DrsClient, operation: str) -> None:
    refused = refusal(getattr(drs, operation), recoveryInstanceID=UNKNOWN)
    assert refused.kind == (404, "ResourceNotFoundException")
    assert refused.members == {"resourceId": UNKNOWN, "resourceType": "recovery-instance"}
    malformed = refusal(getattr(drs, operation), recoveryInstanceID="i-0123456789x")
    assert (malformed.kind, malformed.fields) == ((400, "ValidationException"), ["recoveryInstanceID"])


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
