"""Initialization, and source servers that are staged in other accounts."""

from typing import Any, Final

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.orchestrator.model import JobScope
from drsim.simulator.drs_api import source_servers
from drsim.simulator.drs_api.account import create_extended_source_server
from drsim.simulator.drs_api.region import DrsRegion, DrsWorld
from drsim.simulator.kernel import Kernel
from drsim.simulator.moto_drs import (
    add_source_servers,
    load_source_servers,
    remove_staging_role,
    set_replication,
    uninitialize,
)
from drsim.simulator.moto_drs.models import drs_backends
from drsim.simulator.services.drs import DrsService
from drsim.simulator.services.spec import Drs
from drsim.simulator.trace import Trace
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, client, refusal, servers, start

STAGING: Final = "999988887777"
KEY: Final = f"arn:aws:kms:{EAST}:{STAGING}:key/0f0e0d0c"


def staged(count: int = 1, **more: Any) -> list[str]:
    """ARNs of new servers in the staging account, encrypted with a key that can be shared."""
    ids = add_source_servers(STAGING, EAST, count, **{"life": FIXED, **more})
    for server_id in ids:
        there = client(account=STAGING)
        there.update_replication_configuration(
            sourceServerID=server_id, ebsEncryption="CUSTOM", ebsEncryptionKeyArn=KEY
        )
    return [f"arn:aws:drs:{EAST}:{STAGING}:source-server/{server_id}" for server_id in ids]


def extend(drs: DrsClient, arn: str, **more: Any) -> Any:
    return drs.create_extended_source_server(sourceServerArn=arn, **more)["sourceServer"]


def problem(server_id: str) -> str | None:
    return source_servers.launch_problem(drs_backends[ACCOUNT][EAST].region, server_id)


def test_initialization_ends_the_uninitialized_state(drs: DrsClient) -> None:
    uninitialize(ACCOUNT, EAST)
    assert refusal(drs.describe_source_servers).code == "UninitializedAccountException"
    for _ in range(2):
        assert drs.initialize_service()["ResponseMetadata"]["HTTPStatusCode"] == 204
        assert drs.describe_source_servers()["items"] == []


def test_extended_server_shows_its_staging_server(drs: DrsClient) -> None:
    (arn,) = staged(origin="AWS", properties={"ramBytes": 5})
    answer = drs.create_extended_source_server(sourceServerArn=arn, tags={"a": "b"})
    made = answer["sourceServer"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["sourceServerID"] != arn.rpartition("/")[2]
    assert made["arn"] == f"arn:aws:drs:{EAST}:{ACCOUNT}:source-server/{made['sourceServerID']}"
    assert made["tags"] == {"a": "b"}
    assert made["stagingArea"] == {"status": "EXTENDED", "stagingAccountID": STAGING, "stagingSourceServerArn": arn}
    (source,) = client(account=STAGING).describe_source_servers()["items"]
    for name in ("sourceProperties", "sourceCloudProperties", "dataReplicationInfo", "agentVersion"):
        assert made[name] == source[name]
    assert drs.describe_source_servers(filters={"stagingAccountIDs": [STAGING]})["items"] == [made]
    settings = drs.get_replication_configuration(sourceServerID=made["sourceServerID"])
    assert (settings["ebsEncryption"], settings["ebsEncryptionKeyArn"]) == ("CUSTOM", KEY)


def test_extension_of_a_loaded_server_has_launches_of_its_own(drs: DrsClient) -> None:
    item = {"sourceServerID": "s-00000000000000001", "recoveryInstanceId": "i-00000000", "lastLaunchResult": "FAILED"}
    load_source_servers(STAGING, EAST, {"items": [item]})
    there = client(account=STAGING)
    there.update_replication_configuration(
        sourceServerID=item["sourceServerID"], ebsEncryption="CUSTOM", ebsEncryptionKeyArn=KEY
    )
    made = extend(drs, there.describe_source_servers()["items"][0]["arn"])
    assert (made["lastLaunchResult"], "recoveryInstanceId" in made) == ("NOT_STARTED", False)


def test_extended_server_replicates_with_its_staging_server(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (arn,) = staged()
    server_id = extend(drs, arn)["sourceServerID"]
    clock.tick(3_600)
    assert problem(server_id) is None
    set_replication(STAGING, EAST, arn.rpartition("/")[2], "STALLED", error="AGENT_NOT_SEEN")
    (shown,) = drs.describe_source_servers()["items"]
    assert shown["dataReplicationInfo"]["dataReplicationState"] == "STALLED"


def test_extended_server_is_launched_in_the_target_account(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (arn,) = staged()
    server_id = extend(drs, arn)["sourceServerID"]
    clock.tick(3_600)
    start(drs, [server_id])
    clock.tick(36)
    assert drs.describe_source_servers()["items"][0]["lastLaunchResult"] == "SUCCEEDED"
    there = client(account=STAGING)
    assert there.describe_source_servers()["items"][0]["lastLaunchResult"] == "NOT_STARTED"


def test_extensible_servers_are_those_that_extend_nothing(drs: DrsClient) -> None:
    first, second = staged(2, tags={"role": "db"})
    (foreign,) = add_source_servers("210987654321", EAST, 1)
    third = f"arn:aws:drs:{EAST}:210987654321:source-server/{foreign}"
    other = client(account="210987654321")
    other.update_replication_configuration(sourceServerID=foreign, ebsEncryption="CUSTOM", ebsEncryptionKeyArn=KEY)
    client(account=STAGING).create_extended_source_server(sourceServerArn=third)
    listed = drs.list_extensible_source_servers(stagingAccountID=STAGING)["items"]
    assert [(each["arn"], each["tags"]) for each in listed] == [(first, {"role": "db"}), (second, {"role": "db"})]
    hints = client(account=STAGING).describe_source_servers()["items"][0]["sourceProperties"]["identificationHints"]
    assert listed[0]["hostname"] == hints["hostname"]
    made = extend(drs, first)
    listed = drs.list_extensible_source_servers(stagingAccountID=STAGING)["items"]
    assert [each["arn"] for each in listed] == [second]
    drs.delete_source_server(sourceServerID=made["sourceServerID"])
    again = extend(drs, first)
    assert again["sourceServerID"] != made["sourceServerID"]


def test_staging_accounts_are_listed_once_and_in_pages(drs: DrsClient) -> None:
    servers(1)
    for account_id in ("111122223333", "210987654321", "210987654321"):
        servers(1, staging_account_id=account_id)
    listed = drs.list_staging_accounts()["accounts"]
    assert listed == [{"accountID": "111122223333"}, {"accountID": "210987654321"}]
    pages = [page["accounts"] for page in drs.get_paginator("list_staging_accounts").paginate(
        PaginationConfig={"PageSize": 1})]  # fmt: skip
    assert pages == [[each] for each in listed]
    assert refusal(drs.list_staging_accounts, maxResults=51).fields == ["maxResults"]


def test_numbers_of_a_query_are_checked_as_numbers(drs: DrsClient) -> None:
    def spoil(request: Any, **_: Any) -> None:
        request.url = request.url.replace("maxResults=50", "maxResults=some")

    drs.meta.events.register("before-sign.drs", spoil)
    assert refusal(drs.list_staging_accounts, maxResults=50).kind == (400, "ValidationException")


def test_one_staging_server_is_extended_into_many_targets(drs: DrsClient) -> None:
    (arn,) = staged()
    targets = [drs, client(account="210987654321")]
    assert [extend(each, arn)["stagingArea"]["stagingSourceServerArn"] for each in targets] == [arn, arn]


def test_extension_that_cannot_be_is_refused(drs: DrsClient) -> None:
    (arn,) = staged()
    (unencrypted,) = add_source_servers(STAGING, EAST, 1)
    (own,) = servers(1)
    made = extend(drs, arn)
    wrong = [
        (arn, "is already extended"),
        (
            arn.replace(arn.rpartition("/")[2], unencrypted),
            "cannot be extended if it has the default EBS encryption key",
        ),
        (f"arn:aws:drs:{EAST}:{ACCOUNT}:source-server/{own}", "cannot be a staging account"),
        (arn.replace(EAST, "us-west-2"), "cannot be a staging account"),
        (arn.replace(EAST, "nowhere"), "cannot be a staging account"),
    ]
    for source, text in wrong:
        refused = refusal(drs.create_extended_source_server, sourceServerArn=source)
        assert refused.kind == (400, "ValidationException")
        assert text in refused.message
    third = client(account="210987654321")
    refused = refusal(third.create_extended_source_server, sourceServerArn=made["arn"])
    assert refused.kind == (400, "ValidationException")
    assert "is an extended source server itself" in refused.message
    assert refusal(drs.list_extensible_source_servers, stagingAccountID=ACCOUNT).fields == ["stagingAccountID"]
    assert refusal(drs.list_extensible_source_servers, stagingAccountID="12345678901x").fields == ["stagingAccountID"]
    assert refusal(drs.create_extended_source_server, sourceServerArn="a" * 20).kind == (400, "ValidationException")


@pytest.mark.parametrize("spoilt", ["s-00000000000000000", "service"])
def test_extension_of_an_unknown_server_is_not_found(drs: DrsClient, spoilt: str) -> None:
    (arn,) = staged()
    source = arn.replace(":drs:", ":mgn:") if spoilt == "service" else f"{arn.rpartition('/')[0]}/{spoilt}"
    assert refusal(drs.create_extended_source_server, sourceServerArn=source).kind == (404, "ResourceNotFoundException")


def test_missing_role_denies_access_and_breaks_extensions(drs: DrsClient) -> None:
    first, second = staged(2)
    server_id = extend(drs, first)["sourceServerID"]
    remove_staging_role(STAGING, EAST, ACCOUNT)
    for call, request in (
        (drs.create_extended_source_server, {"sourceServerArn": second}),
        (drs.list_extensible_source_servers, {"stagingAccountID": STAGING}),
    ):
        refused = refusal(call, **request)
        assert (refused.kind, refused.message) == ((403, "AccessDeniedException"), "Error in Authorization")
    (shown,) = drs.describe_source_servers()["items"]
    assert shown["stagingArea"] == {
        "status": "EXTENSION_ERROR",
        "stagingAccountID": STAGING,
        "stagingSourceServerArn": first,
        "errorMessage": "Error in Authorization",
    }
    assert problem(server_id) == "Error in Authorization"
    assert extend(client(account="210987654321"), second)["stagingArea"]["status"] == "EXTENDED"


def test_extension_outlives_its_staging_server_in_error(drs: DrsClient) -> None:
    (arn,) = staged()
    server_id, there = extend(drs, arn)["sourceServerID"], client(account=STAGING)
    there.disconnect_source_server(sourceServerID=arn.rpartition("/")[2])
    there.delete_source_server(sourceServerID=arn.rpartition("/")[2])
    (shown,) = drs.describe_source_servers()["items"]
    assert (shown["sourceServerID"], shown["stagingArea"]["status"]) == (server_id, "EXTENSION_ERROR")
    assert shown["stagingArea"]["errorMessage"] == f"Staging Source Server {arn} does not exist"
    assert shown["dataReplicationInfo"]["dataReplicationState"] == "DISCONNECTED"
    assert problem(server_id) == f"Staging Source Server {arn} does not exist"
    drs.delete_source_server(sourceServerID=server_id)
    assert drs.describe_source_servers()["items"] == []


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("start_replication", "ConflictException"),
        ("stop_replication", "ConflictException"),
        ("disconnect_source_server", "ConflictException"),
        ("update_replication_configuration", "ConflictException"),
        ("retry_data_replication", "ValidationException"),
    ],
)
def test_extended_server_changes_only_where_it_is_staged(drs: DrsClient, method: str, code: str) -> None:
    (arn,) = staged()
    server_id = extend(drs, arn)["sourceServerID"]
    refused = refusal(getattr(drs, method), sourceServerID=server_id)
    assert refused.code == code
    assert refused.message.endswith(f"Source Server {server_id} is staged in {STAGING} and changes only there.")


def test_extended_server_is_deleted_without_its_staging_server(drs: DrsClient) -> None:
    (arn,) = staged()
    drs.delete_source_server(sourceServerID=extend(drs, arn)["sourceServerID"])
    assert drs.describe_source_servers()["items"] == []
    (source,) = client(account=STAGING).describe_source_servers()["items"]
    assert (source["arn"], source["dataReplicationInfo"]["dataReplicationState"]) == (arn, "INITIAL_SYNC")


def test_world_of_many_accounts_extends_within_itself(kernel: Kernel) -> None:
    service = DrsService(kernel, Trace(), Drs())
    world, server_id = DrsWorld(service, 0), "s-00000000000000001"
    staging, target = DrsRegion(JobScope(STAGING, EAST), world), DrsRegion(JobScope(ACCOUNT, EAST), world)
    service.add_servers(staging.scope, [server_id], FIXED)
    source_servers.record(staging, server_id).settings |= {"ebsEncryption": "CUSTOM", "ebsEncryptionKeyArn": KEY}
    arn = staging.frame.arn("source-server", server_id)
    answer = create_extended_source_server(target, {"sourceServerArn": arn})
    assert isinstance(answer, dict)
    made = answer["sourceServer"]["sourceServerID"]
    assert list(service.servers(target.scope)) == [made]
    assert source_servers.launch_problem(target, made) is None
