"""Source networks: their replication, export, jobs and deletion."""

import json
from typing import Any, Final

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.moto_drs import Drs, set_quotas, set_source_network
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, DrsClient, refusal, servers, session, start

VPC: Final = "vpc-0123456789abcdef0"
BUCKET: Final = "drs-network-templates"
UNKNOWN: Final = "sn-00000000000000000"


def created(drs: DrsClient, vpc_id: str = VPC, **more: Any) -> str:
    """A new source network's id."""
    made = drs.create_source_network(vpcID=vpc_id, originAccountID=ACCOUNT, originRegion="us-west-2", **more)
    return str(made["sourceNetworkID"])


def protected(drs: DrsClient, clock: FrozenDateTimeFactory, *vpc_ids: str) -> list[str]:
    """New source networks that are PROTECTED, and can be exported."""
    drs.create_launch_configuration_template(exportBucketArn=f"arn:aws:s3:::{BUCKET}")
    ids = [created(drs, vpc_id) for vpc_id in vpc_ids or (VPC,)]
    for network_id in ids:
        drs.start_source_network_replication(sourceNetworkID=network_id)
    clock.tick(300)
    return ids


def shown(drs: DrsClient, network_id: str) -> Any:
    (found,) = drs.describe_source_networks(filters={"sourceNetworkIDs": [network_id]})["items"]
    return found


def recover(drs: DrsClient, *network_ids: str, **more: Any) -> Any:
    """The job of a StartSourceNetworkRecovery for them."""
    networks = [{"sourceNetworkID": each} for each in network_ids]
    return drs.start_source_network_recovery(sourceNetworks=networks, **more)["job"]


def events(drs: DrsClient, job_id: str) -> list[str]:
    return [str(item["event"]) for item in drs.describe_job_log_items(jobID=job_id)["items"]]


# --- networks and their replication ---------------------------------------------------------------------------


def test_new_network_is_stopped_and_was_never_recovered(drs: DrsClient) -> None:
    network_id = created(drs, tags={"team": "net"})
    found = shown(drs, network_id)
    assert found == {
        "sourceNetworkID": network_id,
        "arn": f"arn:aws:drs:{EAST}:{ACCOUNT}:source-network/{network_id}",
        "tags": {"team": "net"},
        "sourceVpcID": VPC,
        "sourceAccountID": ACCOUNT,
        "sourceRegion": "us-west-2",
        "replicationStatus": "STOPPED",
        "lastRecovery": {"lastRecoveryResult": "NOT_STARTED"},
    }
    assert drs.list_tags_for_resource(resourceArn=found["arn"])["tags"] == {"team": "net"}
    drs.tag_resource(resourceArn=found["arn"], tags={"more": "1"})
    assert shown(drs, network_id)["tags"] == {"team": "net", "more": "1"}


def test_networks_are_filtered_by_id_account_and_region(drs: DrsClient) -> None:
    first, second = created(drs), created(drs, "vpc-00000000")
    other = drs.create_source_network(vpcID=VPC, originAccountID="999988887777", originRegion="eu-west-1")
    third = other["sourceNetworkID"]

    def found(**filters: Any) -> list[str]:
        return [each["sourceNetworkID"] for each in drs.describe_source_networks(filters=filters)["items"]]

    assert found() == [first, second, third]
    assert found(sourceNetworkIDs=[third, first, UNKNOWN]) == [first, third]
    assert found(originAccountID=ACCOUNT) == [first, second]
    assert found(originRegion="eu-west-1") == [third]
    assert found(originRegion="eu-west-1", originAccountID=ACCOUNT) == []


def test_networks_come_in_pages(drs: DrsClient) -> None:
    ids = [created(drs, f"vpc-0000000{number}") for number in range(3)]
    pages = drs.get_paginator("describe_source_networks").paginate(PaginationConfig={"PageSize": 2})
    assert [[each["sourceNetworkID"] for each in page["items"]] for page in pages] == [ids[:2], ids[2:]]


def test_vpc_has_one_network(drs: DrsClient) -> None:
    first = created(drs)
    refused = refusal(created, drs=drs)
    assert refused.kind == (409, "ConflictException")
    assert refused.members == {"resourceId": first, "resourceType": "source-network"}
    drs.delete_source_network(sourceNetworkID=first)
    assert created(drs) != first


def test_networks_beyond_the_quota_are_refused(drs: DrsClient) -> None:
    for number in range(100):
        last = created(drs, f"vpc-{number:08}")
    refused = refusal(created, drs=drs)
    assert refused.kind == (402, "ServiceQuotaExceededException")
    assert (refused.members["serviceCode"], refused.members["quotaCode"]) == ("drs", "L-4B0323BD")
    drs.delete_source_network(sourceNetworkID=last)
    created(drs)


@pytest.mark.parametrize(
    "bad", [{"vpcID": "vpc-12345xyz9"}, {"originAccountID": "12345678901x"}, {"originRegion": "mars-1"}]
)
def test_network_of_an_impossible_place_is_invalid(drs: DrsClient, bad: dict[str, str]) -> None:
    request = {"vpcID": VPC, "originAccountID": ACCOUNT, "originRegion": "us-west-2", **bad}
    refused = refusal(drs.create_source_network, **request)
    assert (refused.kind, refused.fields) == ((400, "ValidationException"), list(bad))


def test_replication_protects_a_network_after_five_minutes(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    network_id = created(drs)
    started = drs.start_source_network_replication(sourceNetworkID=network_id)["sourceNetwork"]
    assert (started["sourceNetworkID"], started["replicationStatus"]) == (network_id, "IN_PROGRESS")
    clock.tick(299)
    assert shown(drs, network_id)["replicationStatus"] == "IN_PROGRESS"
    clock.tick(1)
    assert shown(drs, network_id)["replicationStatus"] == "PROTECTED"
    stopped = drs.stop_source_network_replication(sourceNetworkID=network_id)["sourceNetwork"]
    assert stopped["replicationStatus"] == "STOPPED"
    clock.tick(600)
    assert shown(drs, network_id)["replicationStatus"] == "STOPPED"
    clock.tick(-601)
    assert shown(drs, network_id)["replicationStatus"] == "IN_PROGRESS"


def test_replication_is_neither_started_nor_stopped_twice(drs: DrsClient) -> None:
    network_id = created(drs)
    conflict = (409, "ConflictException")
    assert refusal(drs.stop_source_network_replication, sourceNetworkID=network_id).kind == conflict
    drs.start_source_network_replication(sourceNetworkID=network_id)
    assert refusal(drs.start_source_network_replication, sourceNetworkID=network_id).kind == conflict


def test_network_with_a_problem_is_in_error(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (network_id,) = protected(drs, clock)
    set_source_network(ACCOUNT, EAST, network_id, problem="DRSSourceNetworkRole cannot be assumed")
    found = shown(drs, network_id)
    assert found["replicationStatus"] == "ERROR"
    assert found["replicationStatusDetails"] == "DRSSourceNetworkRole cannot be assumed"
    set_source_network(ACCOUNT, EAST, network_id)
    assert "replicationStatusDetails" not in shown(drs, network_id)


def test_network_is_deleted_once_and_only_when_stopped(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (network_id,) = protected(drs, clock)
    arn = shown(drs, network_id)["arn"]
    assert refusal(drs.delete_source_network, sourceNetworkID=network_id).kind == (409, "ConflictException")
    drs.stop_source_network_replication(sourceNetworkID=network_id)
    drs.delete_source_network(sourceNetworkID=network_id)
    assert drs.describe_source_networks()["items"] == []
    assert refusal(drs.delete_source_network, sourceNetworkID=network_id).kind == (404, "ResourceNotFoundException")
    assert refusal(drs.list_tags_for_resource, resourceArn=arn).status == 404


@pytest.mark.parametrize(
    "operation",
    [
        "delete_source_network",
        "start_source_network_replication",
        "stop_source_network_replication",
        "export_source_network_cfn_template",
        "associate_source_network_stack",
    ],
)
def test_call_for_an_unknown_network_finds_none(drs: DrsClient, operation: str) -> None:
    more = {"cfnStackName": "stack"} if operation.startswith("associate") else {}
    refused = refusal(getattr(drs, operation), sourceNetworkID=UNKNOWN, **more)
    assert refused.kind == (404, "ResourceNotFoundException")
    assert refused.members == {"resourceId": UNKNOWN, "resourceType": "source-network"}
    malformed = refusal(getattr(drs, operation), sourceNetworkID="sn-0000000000000000!", **more)
    assert (malformed.kind, malformed.fields) == ((400, "ValidationException"), ["sourceNetworkID"])


# --- export ---------------------------------------------------------------------------------------------------


def test_export_writes_a_template_to_the_bucket(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    s3 = session().client("s3", EAST)
    s3.create_bucket(Bucket=BUCKET)
    (network_id,) = protected(drs, clock)
    url = drs.export_source_network_cfn_template(sourceNetworkID=network_id)["s3DestinationUrl"]
    assert url == f"s3://{BUCKET}/{network_id}.json"
    template = json.loads(s3.get_object(Bucket=BUCKET, Key=f"{network_id}.json")["Body"].read())
    assert [each["Type"] for each in template["Resources"].values()] == ["AWS::EC2::VPC"]


def test_export_without_the_bucket_in_s3_still_answers(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (network_id,) = protected(drs, clock)
    assert drs.export_source_network_cfn_template(sourceNetworkID=network_id)["s3DestinationUrl"]


def test_export_needs_a_protected_network_and_a_bucket(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    network_id = created(drs)
    drs.start_source_network_replication(sourceNetworkID=network_id)
    clock.tick(299)
    early = refusal(drs.export_source_network_cfn_template, sourceNetworkID=network_id)
    assert (early.kind, "has not been replicated yet" in early.message) == ((409, "ConflictException"), True)
    clock.tick(1)
    without = refusal(drs.export_source_network_cfn_template, sourceNetworkID=network_id)
    assert (without.kind, "exportBucketArn" in without.message) == ((409, "ConflictException"), True)


def test_interrupted_replication_does_not_protect(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (network_id,) = protected(drs, clock)
    other = created(drs, "vpc-00000000")
    for call in (drs.start_source_network_replication, drs.stop_source_network_replication):
        call(sourceNetworkID=other)
        clock.tick(200)
    clock.tick(600)
    assert refusal(drs.export_source_network_cfn_template, sourceNetworkID=other).kind == (409, "ConflictException")
    assert drs.export_source_network_cfn_template(sourceNetworkID=network_id)["s3DestinationUrl"]


def test_stopped_network_keeps_the_template_it_had(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (network_id,) = protected(drs, clock)
    drs.stop_source_network_replication(sourceNetworkID=network_id)
    drs.start_source_network_replication(sourceNetworkID=network_id)
    assert drs.export_source_network_cfn_template(sourceNetworkID=network_id)["s3DestinationUrl"]


# --- jobs -----------------------------------------------------------------------------------------------------


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
