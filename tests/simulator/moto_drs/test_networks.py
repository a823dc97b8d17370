"""Source networks: their replication, export, jobs and deletion."""

import json
from typing import Any, Final

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.moto_drs import set_source_network
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, DrsClient, refusal, session

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
