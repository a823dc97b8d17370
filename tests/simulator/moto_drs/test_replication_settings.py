"""Replication configurations of source servers, and the template that new servers get theirs from."""

from typing import Any, Final

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.drs_api import source_servers
from drsim.simulator.drs_api.source_properties import GIB
from drsim.simulator.moto_drs import drs_backends
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, DrsClient, client, refusal, servers
from tests.simulator.moto_drs.well_formed import TEMPLATE, TEMPLATE_ID

KEY: Final = f"arn:aws:kms:{EAST}:{ACCOUNT}:key/0f0e0d0c"
PIT: Final[list[dict[str, Any]]] = TEMPLATE["pitPolicy"]


def state(drs: DrsClient) -> str:
    return str(drs.describe_source_servers()["items"][0]["dataReplicationInfo"]["dataReplicationState"])


def settings(answer: Any) -> dict[str, Any]:
    """The members that a template and a configuration share."""
    own = {"sourceServerID", "name", "replicatedDisks", "replicationConfigurationTemplateID", "arn", "tags"}
    return {name: value for name, value in answer.items() if name not in {*own, "ResponseMetadata"}}


def bad_pit(number: int, **changed: Any) -> list[dict[str, Any]]:
    """A policy of which one rule differs from the possible one."""
    return [{**rule, **(changed if each == number else {})} for each, rule in enumerate(PIT)]


def test_new_server_has_the_default_configuration(drs: DrsClient) -> None:
    (server_id,) = servers(1, disks_bytes=[8 * GIB, 125 * GIB, 126 * GIB])
    shown = drs.get_replication_configuration(sourceServerID=server_id)
    assert shown["sourceServerID"] == server_id
    assert shown["name"] == f"Data Replication Configuration for Source Server {server_id}"
    assert (shown["dataPlaneRouting"], shown["replicationServerInstanceType"]) == ("PUBLIC_IP", "t3.small")
    assert [(each["units"], each["interval"], each["retentionDuration"]) for each in shown["pitPolicy"]] == [
        ("MINUTE", 10, 60),
        ("HOUR", 1, 24),
        ("DAY", 1, 7),
    ]
    assert [each["ruleID"] for each in shown["pitPolicy"]] == [1, 2, 3]
    disks = [(each["deviceName"], each["isBootDisk"], each["stagingDiskType"]) for each in shown["replicatedDisks"]]
    assert disks == [("/dev/sda", True, "AUTO"), ("/dev/sdb", False, "AUTO"), ("/dev/sdc", False, "AUTO")]
    optimized = [each["optimizedStagingDiskType"] for each in shown["replicatedDisks"]]
    assert optimized == ["STANDARD", "STANDARD", "GP3"]


def test_update_changes_what_it_names_and_nothing_else(drs: DrsClient) -> None:
    first, second = servers(2, disks_bytes=[8 * GIB, 200 * GIB])
    before = drs.get_replication_configuration(sourceServerID=first)
    changed = {"name": "mine", "bandwidthThrottling": 100, "defaultLargeStagingDiskType": "ST1", "pitPolicy": PIT}
    answer = drs.update_replication_configuration(sourceServerID=first, **changed)
    after = drs.get_replication_configuration(sourceServerID=first)
    assert {name: after[name] for name in changed} == changed
    assert [each["optimizedStagingDiskType"] for each in after["replicatedDisks"]] == ["STANDARD", "ST1"]
    for each in (before, answer, after):
        del each["ResponseMetadata"]
    assert answer == after
    same = set(after) - set(changed) - {"replicatedDisks"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert drs.get_replication_configuration(sourceServerID=second)["bandwidthThrottling"] == 0


def test_update_of_one_disk_keeps_the_others(drs: DrsClient) -> None:
    (server_id,) = servers(1, disks_bytes=[8 * GIB, 200 * GIB])

    def update(**disk: Any) -> list[tuple[str, int, int]]:
        shown = drs.update_replication_configuration(sourceServerID=server_id, replicatedDisks=[disk])
        return [(each["stagingDiskType"], each["iops"], each["throughput"]) for each in shown["replicatedDisks"]]

    assert update(deviceName="/dev/sdb", stagingDiskType="GP3", iops=80_000, throughput=2_000) == [
        ("AUTO", 0, 0),
        ("GP3", 80_000, 2_000),
    ]
    assert update(deviceName="/dev/sda", stagingDiskType="GP2", optimizedStagingDiskType="SC1") == [
        ("GP2", 0, 0),
        ("GP3", 80_000, 2_000),
    ]
    shown = drs.get_replication_configuration(sourceServerID=server_id)["replicatedDisks"][0]
    assert shown["optimizedStagingDiskType"] == "STANDARD", "it is read-only"


@pytest.mark.parametrize("before", ["CONTINUOUS", "BACKLOG"])
def test_other_encryption_syncs_the_server_again(drs: DrsClient, clock: FrozenDateTimeFactory, before: str) -> None:
    (server_id,) = servers(1, replication=before)
    drs.update_replication_configuration(sourceServerID=server_id, ebsEncryption="DEFAULT")
    assert state(drs) == before
    drs.update_replication_configuration(sourceServerID=server_id, ebsEncryption="CUSTOM", ebsEncryptionKeyArn=KEY)
    assert state(drs) == "INITIAL_SYNC"
    region = drs_backends[ACCOUNT][EAST].region
    assert source_servers.launch_problem(region, server_id) is not None
    clock.tick(3_600)
    assert state(drs) == "CONTINUOUS"
    drs.update_replication_configuration(sourceServerID=server_id, ebsEncryption="CUSTOM", bandwidthThrottling=5)
    assert state(drs) == "CONTINUOUS"


@pytest.mark.parametrize("before", ["STOPPED", "STALLED", "DISCONNECTED"])
def test_other_encryption_starts_no_replication(drs: DrsClient, before: str) -> None:
    (server_id,) = servers(1, replication=before)
    drs.update_replication_configuration(sourceServerID=server_id, ebsEncryption="NONE")
    assert state(drs) == before


WRONG: Final[list[tuple[dict[str, Any], str]]] = [
    ({"ebsEncryption": "CUSTOM"}, "ebsEncryptionKeyArn"),
    ({"ebsEncryption": "SOME"}, "ebsEncryption"),
    ({"dataPlaneRouting": "ANY"}, "dataPlaneRouting"),
    ({"stagingAreaSubnetId": "net-00000000"}, "stagingAreaSubnetId"),
    ({"pitPolicy": bad_pit(0, interval=20)}, "pitPolicy"),
    ({"pitPolicy": bad_pit(0, retentionDuration=120)}, "pitPolicy"),
    ({"pitPolicy": bad_pit(1, retentionDuration=48)}, "pitPolicy"),
    ({"pitPolicy": bad_pit(2, interval=2)}, "pitPolicy"),
    ({"pitPolicy": bad_pit(2, retentionDuration=366)}, "pitPolicy"),
    ({"pitPolicy": list(reversed(PIT))}, "pitPolicy"),
]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        *WRONG,
        ({"replicatedDisks": [{"deviceName": "/dev/sdz"}]}, "replicatedDisks.0.deviceName"),
        ({"replicatedDisks": [{"iops": 1}]}, "replicatedDisks.0.deviceName"),
        ({"replicatedDisks": [{"deviceName": "/dev/sda", "throughput": 125}]}, "replicatedDisks.0.throughput"),
        (
            {"replicatedDisks": [{"deviceName": "/dev/sda", "stagingDiskType": "GP3", "throughput": 2_001}]},
            "replicatedDisks.0.throughput",
        ),
        (
            {"replicatedDisks": [{"deviceName": "/dev/sda", "stagingDiskType": "GP3", "iops": 80_001}]},
            "replicatedDisks.0.iops",
        ),
    ],
)
def test_settings_that_do_not_fit_change_nothing(drs: DrsClient, changed: dict[str, Any], field: str) -> None:
    (server_id,) = servers(1)
    before = drs.get_replication_configuration(sourceServerID=server_id)
    refused = refusal(drs.update_replication_configuration, sourceServerID=server_id, **changed)
    assert (refused.kind, refused.fields) == ((400, "ValidationException"), [field])
    after = drs.get_replication_configuration(sourceServerID=server_id)
    assert settings(after) == settings(before)
    assert after["replicatedDisks"] == before["replicatedDisks"]


@pytest.mark.parametrize("method", ["get_replication_configuration", "update_replication_configuration"])
def test_configuration_of_an_unknown_server_is_not_found(drs: DrsClient, method: str) -> None:
    refused = refusal(getattr(drs, method), sourceServerID="s-00000000000000000")
    assert refused.kind == (404, "ResourceNotFoundException")
    assert refusal(getattr(drs, method), sourceServerID="x-00000000000000000").kind == (400, "ValidationException")


# --- templates ------------------------------------------------------------------------------------------------


def test_template_is_created_with_defaults_and_tags(drs: DrsClient) -> None:
    made = drs.create_replication_configuration_template(**TEMPLATE, tags={"a": "b"})
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    template_id = made["replicationConfigurationTemplateID"]
    assert made["arn"] == f"arn:aws:drs:{EAST}:{ACCOUNT}:replication-configuration-template/{template_id}"
    assert {name: made[name] for name in TEMPLATE} == TEMPLATE
    assert (made["createPublicIP"], made["internetProtocol"], made["tags"]) == (True, "IPV4", {"a": "b"})
    del made["ResponseMetadata"]
    assert drs.describe_replication_configuration_templates()["items"] == [made]
    drs.tag_resource(resourceArn=made["arn"], tags={"c": "d"})
    assert drs.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {"a": "b", "c": "d"}


def test_new_servers_get_the_settings_of_the_template(drs: DrsClient) -> None:
    (old,) = servers(1)
    made = drs.create_replication_configuration_template(
        **{**TEMPLATE, "bandwidthThrottling": 7, "ebsEncryption": "CUSTOM", "ebsEncryptionKeyArn": KEY}
    )
    (new,) = servers(1)
    template_id = made["replicationConfigurationTemplateID"]
    drs.update_replication_configuration_template(replicationConfigurationTemplateID=template_id, bandwidthThrottling=9)
    (newest,) = servers(1)
    shown = [drs.get_replication_configuration(sourceServerID=each) for each in (old, new, newest)]
    assert [each["bandwidthThrottling"] for each in shown] == [0, 7, 9]
    assert settings(shown[1]) == settings(made)
    assert shown[2]["ebsEncryptionKeyArn"] == KEY
    drs.delete_replication_configuration_template(replicationConfigurationTemplateID=template_id)
    assert settings(drs.get_replication_configuration(sourceServerID=new)) == settings(made)


def test_dedicated_replication_servers_skip_no_step(drs: DrsClient) -> None:
    drs.create_replication_configuration_template(**TEMPLATE, useDedicatedReplicationServer=True)
    servers(2)
    for server in drs.describe_source_servers()["items"]:
        steps = server["dataReplicationInfo"]["dataReplicationInitiation"]["steps"]
        assert {each["status"] for each in steps} == {"SUCCEEDED"}


def test_second_template_exceeds_the_quota(drs: DrsClient) -> None:
    drs.create_replication_configuration_template(**TEMPLATE)
    refused = refusal(drs.create_replication_configuration_template, **TEMPLATE)
    assert refused.kind == (402, "ServiceQuotaExceededException")
    assert refused.members == {
        "resourceId": ACCOUNT,
        "resourceType": "account",
        "serviceCode": "drs",
        "quotaCode": "unknown",
    }
    assert len(drs.describe_replication_configuration_templates()["items"]) == 1
    assert client("us-west-2").create_replication_configuration_template(**TEMPLATE)["arn"]


def test_deleted_template_is_gone_and_the_next_has_another_id(drs: DrsClient) -> None:
    first = drs.create_replication_configuration_template(**TEMPLATE, tags={"a": "b"})
    template_id = first["replicationConfigurationTemplateID"]
    drs.delete_replication_configuration_template(replicationConfigurationTemplateID=template_id)
    assert drs.describe_replication_configuration_templates()["items"] == []
    assert refusal(drs.list_tags_for_resource, resourceArn=first["arn"]).code == "ResourceNotFoundException"
    second = drs.create_replication_configuration_template(**TEMPLATE)
    assert second["replicationConfigurationTemplateID"] != template_id
    assert second["tags"] == {}


@pytest.mark.parametrize(("changed", "field"), WRONG)
def test_template_that_does_not_fit_is_refused(drs: DrsClient, changed: dict[str, Any], field: str) -> None:
    refused = refusal(drs.create_replication_configuration_template, **{**TEMPLATE, **changed})
    assert (refused.kind, refused.fields[:1]) == ((400, "ValidationException"), [field])
    template_id = drs.create_replication_configuration_template(**TEMPLATE)["replicationConfigurationTemplateID"]
    call = drs.update_replication_configuration_template
    refused = refusal(call, replicationConfigurationTemplateID=template_id, **changed)
    assert (refused.kind, refused.fields[:1]) == ((400, "ValidationException"), [field])
    (shown,) = drs.describe_replication_configuration_templates()["items"]
    assert {name: shown[name] for name in TEMPLATE} == TEMPLATE


def test_template_that_does_not_exist_is_not_found(drs: DrsClient) -> None:
    calls: list[tuple[Any, dict[str, Any]]] = [
        (drs.update_replication_configuration_template, {"replicationConfigurationTemplateID": TEMPLATE_ID}),
        (drs.delete_replication_configuration_template, {"replicationConfigurationTemplateID": TEMPLATE_ID}),
        (drs.describe_replication_configuration_templates, {"replicationConfigurationTemplateIDs": [TEMPLATE_ID]}),
    ]
    for call, request in calls:
        refused = refusal(call, **request)
        assert refused.kind == (404, "ResourceNotFoundException")
        assert refused.members == {"resourceId": TEMPLATE_ID, "resourceType": "replication-configuration-template"}


def test_malformed_template_ids_are_refused(drs: DrsClient) -> None:
    wrong = f"x{TEMPLATE_ID[1:]}"
    for call in (drs.update_replication_configuration_template, drs.delete_replication_configuration_template):
        assert refusal(call, replicationConfigurationTemplateID=wrong).kind == (400, "ValidationException")
