"""Source servers as they are shown: hardware, origin, staging area, and servers of real accounts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.drs_api import source_servers
from drsim.simulator.drs_api.source_properties import GIB
from drsim.simulator.moto_drs import add_source_servers, drs_backends, load_source_servers, set_replication
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, refusal, servers, session, start

RECORDED: Final = """
sourceServerID arn tags lastLaunchResult
dataReplicationInfo.lagDuration dataReplicationInfo.dataReplicationState
dataReplicationInfo.replicatedDisks.deviceName dataReplicationInfo.replicatedDisks.totalStorageBytes
dataReplicationInfo.replicatedDisks.replicatedStorageBytes dataReplicationInfo.replicatedDisks.rescannedStorageBytes
dataReplicationInfo.replicatedDisks.backloggedStorageBytes
dataReplicationInfo.dataReplicationInitiation.startDateTime
dataReplicationInfo.dataReplicationInitiation.nextAttemptDateTime
dataReplicationInfo.dataReplicationInitiation.steps.name dataReplicationInfo.dataReplicationInitiation.steps.status
lifeCycle.addedToServiceDateTime lifeCycle.firstByteDateTime lifeCycle.elapsedReplicationDuration
lifeCycle.lastSeenByServiceDateTime lifeCycle.lastLaunch.initiated
sourceProperties.lastUpdatedDateTime sourceProperties.recommendedInstanceType
sourceProperties.identificationHints.awsInstanceID sourceProperties.identificationHints.fqdn
sourceProperties.identificationHints.hostname
sourceProperties.networkInterfaces.ips sourceProperties.networkInterfaces.isPrimary
sourceProperties.networkInterfaces.macAddress
sourceProperties.disks.bytes sourceProperties.disks.deviceName
sourceProperties.cpus.cores sourceProperties.cpus.modelName
sourceProperties.ramBytes sourceProperties.os.fullString
"""
"""Members that AWS's recorded servers of 2022-12 fill; with those that hold them, 46."""

NEWER: Final = """
agentVersion replicationDirection stagingArea.status stagingArea.stagingAccountID
sourceCloudProperties.originAccountID sourceCloudProperties.originRegion sourceCloudProperties.originAvailabilityZone
sourceProperties.supportsNitroInstances sourceProperties.architecture
dataReplicationInfo.stagingAvailabilityZone dataReplicationInfo.replicatedDisks.volumeStatus
"""
"""What the AWS CLI's example and the model have beside them."""


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Paths of the members without members of their own; items of a list share their path."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        for each in value:
            yield from leaves(each, path)
    elif isinstance(value, dict) and value:
        for name, each in value.items():
            yield from leaves(each, f"{path}.{name}".lstrip("."))
    else:
        yield path


def described(drs: DrsClient, *ids: str) -> list[Any]:
    return list(drs.describe_source_servers(filters={"sourceServerIDs": list(ids)})["items"])


def test_ec2_server_fills_all_members_that_aws_recorded(drs: DrsClient) -> None:
    servers(1, origin="AWS")
    (server,) = drs.describe_source_servers()["items"]
    assert set(leaves(server)) == set(f"{RECORDED} {NEWER}".split())
    holders = {path.rpartition(".")[0] for path in RECORDED.split()} - {""} | {"dataReplicationInfo", "lifeCycle"}
    assert len({*RECORDED.split(), *holders, "sourceProperties"}) == 46
    assert server["sourceProperties"]["identificationHints"]["awsInstanceID"].startswith("i-0")
    assert server["sourceCloudProperties"] == {
        "originAccountID": ACCOUNT,
        "originRegion": EAST,
        "originAvailabilityZone": "us-east-1a",
    }


def test_cross_account_server_names_its_origin(drs: DrsClient) -> None:
    servers(1, origin="AWS", origin_account_id="999988887777", origin_region="eu-west-1")
    (server,) = drs.describe_source_servers()["items"]
    assert server["sourceCloudProperties"] == {
        "originAccountID": "999988887777",
        "originRegion": "eu-west-1",
        "originAvailabilityZone": "eu-west-1a",
    }
    assert server["stagingArea"] == {"status": "NOT_EXTENDED", "stagingAccountID": ACCOUNT}


def test_server_on_premises_has_no_cloud_and_no_instance(drs: DrsClient) -> None:
    servers(1)
    (server,) = drs.describe_source_servers()["items"]
    assert "sourceCloudProperties" not in server
    assert set(server["sourceProperties"]["identificationHints"]) == {"hostname", "fqdn", "vmWareUuid"}


def test_servers_differ_in_hints_and_addresses_and_keep_them(drs: DrsClient) -> None:
    servers(2, origin="AWS")
    first, again = drs.describe_source_servers()["items"], drs.describe_source_servers()["items"]
    assert first == again
    one, two = (each["sourceProperties"] for each in first)
    assert one["identificationHints"] != two["identificationHints"]
    assert one["networkInterfaces"] != two["networkInterfaces"]


@pytest.mark.parametrize(
    ("cores", "gib", "expected"),
    [(2, 4, "c5.large"), (2, 5, "c5.xlarge"), (17, 8, "c5.9xlarge"), (4, 1024, "c5.24xlarge")],
)
def test_type_is_recommended_by_cores_and_memory(drs: DrsClient, cores: int, gib: int, expected: str) -> None:
    cpus = [{"cores": 1, "modelName": "cpu"}] * cores
    servers(1, properties={"cpus": cpus, "ramBytes": gib * GIB, "os": {"fullString": "Windows Server 2022"}})
    properties = drs.describe_source_servers()["items"][0]["sourceProperties"]
    assert properties["recommendedInstanceType"] == expected
    assert properties["os"] == {"fullString": "Windows Server 2022"}


def test_disks_are_those_of_the_machine(drs: DrsClient) -> None:
    (far,) = servers(1, disks_bytes=[GIB] * 28)
    (near,) = servers(1, disks_bytes=[GIB, 2 * GIB], origin="AWS")
    names = [[each["deviceName"] for each in server["sourceProperties"]["disks"]] for server in described(drs, far)]
    assert (names[0][0], names[0][25:]) == ("/dev/sda", ["/dev/sdz", "/dev/sdaa", "/dev/sdab"])
    (server,) = described(drs, near)
    assert server["sourceProperties"]["disks"] == [
        {"deviceName": "/dev/nvme0n1", "bytes": GIB},
        {"deviceName": "/dev/nvme1n1", "bytes": 2 * GIB},
    ]
    assert [each["totalStorageBytes"] for each in server["dataReplicationInfo"]["replicatedDisks"]] == [GIB, 2 * GIB]


def test_no_more_disks_replicate_than_the_model_has_room_for(drs: DrsClient) -> None:
    (server_id,) = servers(1, disks_bytes=[GIB] * 61)
    (server,) = drs.describe_source_servers()["items"]
    assert len(server["sourceProperties"]["disks"]) == 61
    assert len(server["dataReplicationInfo"]["replicatedDisks"]) == 60
    assert len(drs.get_replication_configuration(sourceServerID=server_id)["replicatedDisks"]) == 60


def test_hardware_id_finds_instance_and_mac_address(drs: DrsClient) -> None:
    ids = servers(2, origin="AWS")
    properties = [each["sourceProperties"] for each in drs.describe_source_servers()["items"]]
    hardware = [
        properties[1]["identificationHints"]["awsInstanceID"],
        properties[0]["networkInterfaces"][0]["macAddress"],
    ]
    found = [drs.describe_source_servers(filters={"hardwareId": each})["items"] for each in hardware]
    assert [[server["sourceServerID"] for server in each] for each in found] == [[ids[1]], [ids[0]]]


def test_elapsed_duration_grows_from_the_first_byte_on(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    servers(1)
    drs.describe_source_servers()
    clock.tick(2 * 86_400 + 3_600 + 32 * 60 + 12)
    (server,) = drs.describe_source_servers()["items"]
    life = server["lifeCycle"]
    assert server["sourceProperties"]["lastUpdatedDateTime"] == life["lastSeenByServiceDateTime"]
    assert life["elapsedReplicationDuration"] == "P2DT1H32M12S"
    assert life["firstByteDateTime"] == life["addedToServiceDateTime"] == "2025-11-28T20:32:29.000000+00:00"
    assert life["lastSeenByServiceDateTime"] == "2025-11-30T22:04:41.000000+00:00"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"origin": "VMWARE"}, "origin must be ON_PREMISES or AWS, got 'VMWARE'"),
        ({"origin_region": "eu-west-1"}, "origin must be AWS for servers with"),
        ({"properties": {"ram": 1}}, "properties must be members of lastUpdatedDateTime, .*, got 'ram'"),
        ({"properties": {"ramBytes": "1"}}, "properties.ramBytes must be a long, got '1'"),
        ({"disks_bytes": [8, -1]}, "disks_bytes must be >= 0, got -1"),
        ({"replication": "HEALTHY"}, "state must be one of INITIATING, .*, got 'HEALTHY'"),
    ],
)
def test_impossible_servers_are_refused(drs: DrsClient, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        servers(1, **given)
    assert drs.describe_source_servers()["items"] == []


# --- servers of real accounts ---------------------------------------------------------------------------------

EXPORTED: Final[dict[str, Any]] = {
    "sourceServerID": "s-3a4b5c6d7e8f90123",
    "arn": "arn:aws:drs:us-west-2:111122223333:source-server/s-3a4b5c6d7e8f90123",
    "tags": {"Name": "db-1"},
    "lastLaunchResult": "SUCCEEDED",
    "recoveryInstanceId": "i-0123456789abcdef0",
    "futureMember": {"kept": True},
    "dataReplicationInfo": {
        "dataReplicationState": "CONTINUOUS",
        "lagDuration": "PT11M",
        "replicatedDisks": [{"deviceName": "/dev/xvda", "totalStorageBytes": 10 * GIB, "futureBytes": 1}],
    },
    "lifeCycle": {
        "addedToServiceDateTime": "2022-12-01T10:00:00+00:00",
        "lastLaunch": {"initiated": {"jobID": "drsjob-0123456789abcdef0", "type": "DRILL"}, "status": "LAUNCHED"},
    },
    "sourceProperties": {
        "disks": [{"deviceName": "/dev/xvda", "bytes": 10 * GIB}],
        "identificationHints": {"awsInstanceID": "i-0fedcba9876543210", "hostname": "db-1"},
    },
    "stagingArea": {"status": "NOT_EXTENDED", "stagingAccountID": "111122223333"},
}
ARN: Final = f"arn:aws:drs:{EAST}:{ACCOUNT}:source-server/{EXPORTED['sourceServerID']}"


def raw_servers() -> list[Any]:
    """The servers as they are on the wire, with the members that botocore does not know."""
    plain, bodies = session().client("drs", EAST), []
    plain.meta.events.register("response-received.drs", lambda response_dict, **_: bodies.append(response_dict["body"]))
    plain.describe_source_servers()
    return list(json.loads(bodies[0])["items"])


def test_exported_servers_are_shown_as_they_were(drs: DrsClient, tmp_path: Path) -> None:
    path = tmp_path / "servers.json"
    path.write_text(json.dumps({"items": [EXPORTED]}), encoding="utf-8")
    assert load_source_servers(ACCOUNT, EAST, path) == [EXPORTED["sourceServerID"]]
    staging = {"status": "NOT_EXTENDED", "stagingAccountID": ACCOUNT}
    expected = {"lastUpdatedDateTime": "2025-11-28T20:32:29.000000+00:00", **EXPORTED["sourceProperties"]}
    (server,) = raw_servers()
    assert server.pop("replicationDirection") == "FAILOVER"
    # Its launches were those of the real account, whose jobs and instances are not here.
    assert server == {
        **{name: EXPORTED[name] for name in EXPORTED if name != "recoveryInstanceId"},
        "arn": ARN,
        "stagingArea": staging,
        "sourceProperties": expected,
        "lastLaunchResult": "NOT_STARTED",
        "lifeCycle": {**EXPORTED["lifeCycle"], "lastLaunch": {"initiated": {}}},
    }
    assert EXPORTED["lifeCycle"]["lastLaunch"]["status"] == "LAUNCHED"
    assert drs.list_tags_for_resource(resourceArn=ARN)["tags"] == {"Name": "db-1"}


def test_loaded_answer_is_the_same_when_it_is_loaded_again(drs: DrsClient) -> None:
    servers(1, origin="AWS", tags={"a": "b"}, disks_bytes=[GIB, GIB])
    before = drs.describe_source_servers()
    load_source_servers(ACCOUNT, EAST, before)
    assert drs.describe_source_servers()["items"] == before["items"]


def test_loaded_server_is_launched_and_replicates_like_others(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = load_source_servers(ACCOUNT, EAST, {"items": [EXPORTED]}, life=FIXED)
    job_id = start(drs, [server_id], isDrill=False)["jobID"]
    clock.tick(60)
    set_replication(ACCOUNT, EAST, server_id, "RESCAN")
    (server,) = raw_servers()
    assert server["lastLaunchResult"] == "SUCCEEDED"
    assert server["lifeCycle"]["lastLaunch"]["initiated"]["jobID"] == job_id
    assert server["lifeCycle"]["addedToServiceDateTime"] == EXPORTED["lifeCycle"]["addedToServiceDateTime"]
    assert server["recoveryInstanceId"] == drs.describe_recovery_instances()["items"][0]["recoveryInstanceID"]
    assert server["dataReplicationInfo"]["dataReplicationState"] == "RESCAN"
    assert server["dataReplicationInfo"]["replicatedDisks"][0]["totalStorageBytes"] == 10 * GIB
    assert EXPORTED["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"


def test_null_members_of_an_export_are_missing_ones(drs: DrsClient) -> None:
    names = ("tags", "sourceProperties", "stagingArea", "lifeCycle", "dataReplicationInfo", "recoveryInstanceId")
    load_source_servers(ACCOUNT, EAST, {"items": [{**EXPORTED, **dict.fromkeys(names)}]})
    (server,) = raw_servers()
    assert server["tags"] == {}
    assert not {"sourceProperties", "recoveryInstanceId"} & set(server)
    assert server["stagingArea"]["status"] == "NOT_EXTENDED"
    assert server["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"


def test_loaded_extended_server_keeps_its_staging_area(drs: DrsClient) -> None:
    area = {"status": "EXTENDED", "stagingAccountID": "999988887777", "stagingSourceServerArn": EXPORTED["arn"]}
    load_source_servers(ACCOUNT, EAST, {"items": [{**EXPORTED, "stagingArea": area, "tags": None}]})
    assert raw_servers()[0]["stagingArea"] == area
    assert [each["accountID"] for each in drs.list_staging_accounts()["accounts"]] == ["999988887777"]


def test_loaded_stopped_server_can_be_started(drs: DrsClient) -> None:
    stopped = {**EXPORTED, "dataReplicationInfo": {"dataReplicationState": "STOPPED"}}
    (server_id,) = load_source_servers(ACCOUNT, EAST, {"items": [stopped]})
    assert refusal(drs.stop_replication, sourceServerID=server_id).code == "ConflictException"
    plain = session().client("drs", EAST)
    started = plain.start_replication(sourceServerID=server_id)["sourceServer"]
    assert started["dataReplicationInfo"]["dataReplicationState"] == "INITIATING"


@pytest.mark.parametrize(("lag", "launches"), [({"lagDuration": "PT9H"}, True), ({}, False)])
def test_loaded_stalled_server_launches_if_it_has_a_lag(drs: DrsClient, lag: dict[str, str], launches: bool) -> None:
    stalled = {"dataReplicationState": "STALLED", "dataReplicationError": {"error": "AGENT_NOT_SEEN"}, **lag}
    (server_id,) = load_source_servers(ACCOUNT, EAST, {"items": [{**EXPORTED, "dataReplicationInfo": stalled}]})
    problem = source_servers.launch_problem(drs_backends[ACCOUNT][EAST].region, server_id)
    assert (problem is None) == launches
    assert raw_servers()[0]["dataReplicationInfo"] == stalled


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"servers.json must be a JSON file, got Expecting"),
        ("[]", r'servers.json must be an answer of describe-source-servers: {"items": \[...\]} has all servers'),
        ('{"items": {}}', r"must be an answer of describe-source-servers"),
        ('{"items": [{}]}', r"items\[0\].sourceServerID must match s-.*, got None"),
        ('{"items": ["s-1"]}', r"items\[0\] must be a structure, got 's-1'"),
        ('{"items": [{"sourceServerID": "s-1"}]}', r"items\[0\].sourceServerID must match s-.*, got 's-1'"),
        (
            '{"items": [{"sourceServerID": "s-3a4b5c6d7e8f90123", "sourceProperties": {"disks": [{"bytes": "1"}]}}]}',
            r"items\[0\].sourceProperties.disks\[0\].bytes must be a long, got '1'",
        ),
        (
            '{"items": [{"sourceServerID": "s-3a4b5c6d7e8f90123"}, {"sourceServerID": "s-3a4b5c6d7e8f90123"}]}',
            r"items\[0\] and items\[1\] are the same server, s-3a4b5c6d7e8f90123",
        ),
    ],
)
def test_wrong_export_is_one_clear_error(drs: DrsClient, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "servers.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        load_source_servers(ACCOUNT, EAST, path)
    assert drs.describe_source_servers()["items"] == []


def test_server_that_is_added_again_is_replaced(drs: DrsClient) -> None:
    (server_id,) = servers(1, origin="AWS")
    add_source_servers(ACCOUNT, EAST, [server_id])
    (server,) = drs.describe_source_servers()["items"]
    assert "sourceCloudProperties" not in server
