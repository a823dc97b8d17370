"""Failback within AWS: ReverseReplication across Regions, accounts and Availability Zones."""

from typing import Any, Final

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.moto_drs import add_source_servers, load_source_servers, pair_failback_client, uninitialize
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, client, refusal, servers, start

WEST: Final = "us-west-2"
OTHER: Final = "999988887777"
CONFLICT: Final = (409, "ConflictException")


def instance_of(drs: DrsClient, server_id: str) -> Any:
    (found,) = drs.describe_recovery_instances(filters={"sourceServerIDs": [server_id]})["items"]
    return found


def server(drs: DrsClient, server_id: str) -> Any:
    (found,) = drs.describe_source_servers(filters={"sourceServerIDs": [server_id]})["items"]
    return found


def launched(drs: DrsClient, clock: FrozenDateTimeFactory, server_id: str, **more: Any) -> str:
    """The id of a server's new recovery instance, whose agent has been seen."""
    start(drs, [server_id], **more)
    clock.tick(155)
    return str(instance_of(drs, server_id)["recoveryInstanceID"])


def recovered(drs: DrsClient, clock: FrozenDateTimeFactory, **more: Any) -> tuple[str, str]:
    """A server that us-east-1 protects for us-west-2, and its recovery instance."""
    (server_id,) = servers(1, **{"origin": "AWS", "origin_region": WEST, **more})
    return server_id, launched(drs, clock, server_id)


def reverse(drs: DrsClient, instance_id: str) -> str:
    """The id of the source server that an instance feeds from now on."""
    answer = drs.reverse_replication(recoveryInstanceID=instance_id)
    return str(answer["reversedDirectionSourceServerArn"].rpartition("/")[2])


def states(drs: DrsClient, server_id: str) -> tuple[str, str]:
    """The states of failback and of replication of a server's recovery instance."""
    found = instance_of(drs, server_id)
    return found["failback"]["state"], found["dataReplicationInfo"]["dataReplicationState"]


def test_instance_from_aws_is_not_ready_before_reversal(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    server_id, _ = recovered(drs, clock)
    found = instance_of(drs, server_id)
    assert (found["originEnvironment"], found["originAvailabilityZone"]) == ("AWS", "us-west-2a")
    assert states(drs, server_id) == ("FAILBACK_NOT_READY_FOR_LAUNCH", "NOT_STARTED")


def test_reversal_makes_a_source_server_in_the_origin(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    server_id, instance_id = recovered(drs, clock)
    west = client(WEST)
    answer = drs.reverse_replication(recoveryInstanceID=instance_id)
    (made,) = west.describe_source_servers()["items"]
    assert answer["reversedDirectionSourceServerArn"] == made["arn"]
    assert made["arn"].startswith(f"arn:aws:drs:{WEST}:{ACCOUNT}:source-server/s-")
    assert made["replicationDirection"] == "FAILBACK"
    assert made["sourceCloudProperties"] == {
        "originAccountID": ACCOUNT,
        "originRegion": EAST,
        "originAvailabilityZone": "us-east-1a",
    }
    assert made["sourceProperties"]["identificationHints"]["awsInstanceID"] == instance_id
    own = server(drs, server_id)
    assert own["reversedDirectionSourceServerArn"] == made["arn"]
    assert made["reversedDirectionSourceServerArn"] == own["arn"]
    assert (own["replicationDirection"], made["sourceServerID"] != server_id) == ("FAILOVER", True)


def test_reversed_instance_is_ready_once_its_data_is_copied(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    server_id, instance_id = recovered(drs, clock)
    west, made = client(WEST), reverse(drs, instance_id)
    seen = []
    for _ in range(20):
        of_server = server(west, made)["dataReplicationInfo"]["dataReplicationState"]
        seen.append((*states(drs, server_id), of_server))
        clock.tick(20)
    assert list(dict.fromkeys(seen)) == [
        ("FAILBACK_NOT_READY_FOR_LAUNCH", "INITIATING", "INITIATING"),
        ("FAILBACK_NOT_READY_FOR_LAUNCH", "INITIAL_SYNC", "INITIAL_SYNC"),
        ("FAILBACK_NOT_READY_FOR_LAUNCH", "CREATING_SNAPSHOT", "CREATING_SNAPSHOT"),
        ("FAILBACK_READY_FOR_LAUNCH", "CONTINUOUS", "CONTINUOUS"),
    ]
    info = instance_of(drs, server_id)["dataReplicationInfo"]
    steps = [each["name"] for each in info["dataReplicationInitiation"]["steps"]]
    assert (len(steps), steps[-1]) == (11, "START_DATA_TRANSFER")
    assert info["stagingAvailabilityZone"] == "us-west-2a"


def test_failback_cycle_protects_the_first_server_again(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, recovered_id = recovered(drs, clock)
    west, made = client(WEST), reverse(drs, recovered_id)
    clock.tick(600)
    back_id = launched(west, clock, made)
    failback = instance_of(drs, first)["failback"]
    (job,) = west.describe_jobs()["items"]
    assert (failback["failbackJobID"], failback["failbackLaunchType"]) == (job["jobID"], "RECOVERY")
    assert reverse(west, back_id) == first
    hints = server(drs, first)["sourceProperties"]["identificationHints"]
    assert hints["awsInstanceID"] == back_id
    seen = []
    for _ in range(20):
        info = server(drs, first)["dataReplicationInfo"]
        error = info.get("dataReplicationError", {}).get("error")
        seen.append((info["dataReplicationState"], error))
        clock.tick(5)
    assert list(dict.fromkeys(seen)) == [("STALLED", "AGENT_NOT_SEEN"), ("RESCAN", None), ("CONTINUOUS", None)]
    assert len(drs.describe_source_servers()["items"]) == len(west.describe_source_servers()["items"]) == 1
    # The clean-up, in the order of AWS's user guide.
    west.stop_replication(sourceServerID=made)
    drs.terminate_recovery_instances(recoveryInstanceIDs=[recovered_id])
    west.delete_recovery_instance(recoveryInstanceID=back_id)
    west.disconnect_source_server(sourceServerID=made)
    west.delete_source_server(sourceServerID=made)
    clock.tick(60)
    assert drs.describe_recovery_instances()["items"] == west.describe_source_servers()["items"] == []
    again = launched(drs, clock, first)
    assert reverse(drs, again) != made


def test_drill_of_a_failback_names_its_job_and_type(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    server_id, instance_id = recovered(drs, clock)
    west, made = client(WEST), reverse(drs, instance_id)
    assert "failbackLaunchType" not in instance_of(drs, server_id)["failback"]
    clock.tick(600)
    launched(west, clock, made, isDrill=True)
    assert instance_of(drs, server_id)["failback"]["failbackLaunchType"] == "DRILL"


def test_instance_is_terminated_after_replication_stopped(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    server_id, instance_id = recovered(drs, clock)
    west, made = client(WEST), reverse(drs, instance_id)
    clock.tick(600)
    refused = refusal(drs.terminate_recovery_instances, recoveryInstanceIDs=[instance_id])
    assert (refused.kind, "cannot be terminated during failback" in refused.message) == (CONFLICT, True)
    west.stop_replication(sourceServerID=made)
    assert states(drs, server_id) == ("FAILBACK_NOT_READY_FOR_LAUNCH", "STOPPED")
    drs.terminate_recovery_instances(recoveryInstanceIDs=[instance_id])


def test_reversal_across_accounts_makes_the_server_there(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    _, instance_id = recovered(drs, clock, origin_account_id=OTHER)
    made = reverse(drs, instance_id)
    found = server(client(WEST, OTHER), made)
    assert found["arn"] == f"arn:aws:drs:{WEST}:{OTHER}:source-server/{made}"
    assert found["sourceCloudProperties"]["originAccountID"] == ACCOUNT


def test_reversal_across_zones_rescans_the_same_server(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    server_id, instance_id = recovered(drs, clock, origin_region=EAST)
    assert reverse(drs, instance_id) == server_id
    found = server(drs, server_id)
    assert found["dataReplicationInfo"]["dataReplicationState"] == "RESCAN"
    assert found["sourceProperties"]["identificationHints"]["awsInstanceID"] == instance_id
    assert len(drs.describe_source_servers()["items"]) == 1
    clock.tick(60)
    assert states(drs, server_id) == ("FAILBACK_READY_FOR_LAUNCH", "CONTINUOUS")


def test_reversal_before_the_agent_is_seen_is_a_conflict(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1, origin="AWS", origin_region=WEST)
    start(drs, [server_id])
    clock.tick(154)
    instance_id = instance_of(drs, server_id)["recoveryInstanceID"]
    refused = refusal(drs.reverse_replication, recoveryInstanceID=instance_id)
    assert (refused.kind, "not finished initializing" in refused.message) == (CONFLICT, True)
    assert refused.members == {"resourceId": instance_id, "resourceType": "recovery-instance"}
    clock.tick(1)
    reverse(drs, instance_id)


def test_reversal_is_refused_twice_and_when_disconnected(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    _, instance_id = recovered(drs, clock)
    reverse(drs, instance_id)
    assert refusal(drs.reverse_replication, recoveryInstanceID=instance_id).kind == CONFLICT
    refused = refusal(drs.disconnect_recovery_instance, recoveryInstanceID=instance_id)
    assert (refused.kind, "its replication is reversed" in refused.message) == (CONFLICT, True)
    drs.delete_recovery_instance(recoveryInstanceID=instance_id)
    _, gone = recovered(drs, clock)
    drs.disconnect_recovery_instance(recoveryInstanceID=gone)
    assert refusal(drs.reverse_replication, recoveryInstanceID=gone).kind == CONFLICT


def test_reversal_is_repeated_after_its_server_disconnected(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    server_id, instance_id = recovered(drs, clock)
    west, made = client(WEST), reverse(drs, instance_id)
    west.stop_replication(sourceServerID=made)
    assert refusal(drs.reverse_replication, recoveryInstanceID=instance_id).kind == CONFLICT
    clock.tick(1)
    west.disconnect_source_server(sourceServerID=made)
    west.delete_source_server(sourceServerID=made)
    again = reverse(drs, instance_id)
    assert again != made
    assert states(drs, server_id) == ("FAILBACK_NOT_READY_FOR_LAUNCH", "INITIATING")
    assert [each["sourceServerID"] for each in west.describe_source_servers()["items"]] == [again]


def test_reversal_of_an_instance_in_a_job_is_a_conflict(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    _, instance_id = recovered(drs, clock)
    drs.terminate_recovery_instances(recoveryInstanceIDs=[instance_id])
    refused = refusal(drs.reverse_replication, recoveryInstanceID=instance_id)
    assert (refused.kind, "currently being processed by a Job" in refused.message) == (CONFLICT, True)


def test_on_premises_instance_has_no_origin_to_reverse_to(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1)
    instance_id = launched(drs, clock, server_id)
    refused = refusal(drs.reverse_replication, recoveryInstanceID=instance_id)
    assert (refused.kind, refused.fields) == ((400, "ValidationException"), ["recoveryInstanceID"])


def test_instance_from_aws_takes_no_failback_client(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    _, instance_id = recovered(drs, clock)
    with pytest.raises(ValueError, match="comes from AWS"):
        pair_failback_client(ACCOUNT, EAST, instance_id)
    refused = refusal(drs.start_failback_launch, recoveryInstanceIDs=[instance_id])
    assert refused.kind == (400, "ValidationException")
    reverse(drs, instance_id)
    drs.stop_failback(recoveryInstanceID=instance_id)
    assert refusal(drs.reverse_replication, recoveryInstanceID=instance_id).kind == CONFLICT


def test_origin_without_drs_is_uninitialized(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    _, instance_id = recovered(drs, clock)
    uninitialize(ACCOUNT, WEST)
    refused = refusal(drs.reverse_replication, recoveryInstanceID=instance_id)
    assert refused.kind == (400, "UninitializedAccountException")
    client(WEST).initialize_service()
    reverse(drs, instance_id)


def test_template_lets_a_failback_launch_into_the_source(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    west = client(WEST)
    west.create_launch_configuration_template(launchIntoSourceInstance=True)
    server_id, instance_id = recovered(drs, clock)
    original = server(drs, server_id)["sourceProperties"]["identificationHints"]["awsInstanceID"]
    made = reverse(drs, instance_id)
    into = west.get_launch_configuration(sourceServerID=made)["launchIntoInstanceProperties"]
    assert into == {"launchIntoEC2InstanceID": original}


def test_servers_of_several_instances_have_their_own_ids(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    ids = add_source_servers(ACCOUNT, EAST, 3, life=FIXED, origin="AWS", origin_region=WEST)
    start(drs, ids)
    clock.tick(155)
    made = [reverse(drs, instance_of(drs, each)["recoveryInstanceID"]) for each in ids]
    assert [each["sourceServerID"] for each in client(WEST).describe_source_servers()["items"]] == made
    assert len(set(made)) == 3


@pytest.mark.parametrize(
    ("cloud", "refused_for"),
    [({"originRegion": "cn-north-1"}, "cn-north-1, a Region without DRS"), ({"originRegion": EAST}, ""), ({}, "")],
)
def test_a_loaded_server_is_reversed_to_where_it_can_have_come_from(
    drs: DrsClient, clock: FrozenDateTimeFactory, cloud: dict[str, str], refused_for: str
) -> None:
    loaded = {"sourceServerID": "s-00000000000000001", "sourceCloudProperties": cloud}
    (server_id,) = load_source_servers(ACCOUNT, EAST, {"items": [loaded]}, life=FIXED)
    instance_id = launched(drs, clock, server_id)
    if refused_for:
        refused = refusal(drs.reverse_replication, recoveryInstanceID=instance_id)
        assert (refused.code, refused_for in refused.message) == ("ValidationException", True)
    else:
        assert reverse(drs, instance_id) == server_id
