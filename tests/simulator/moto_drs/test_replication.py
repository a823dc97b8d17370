"""Replication over time, the calls that start, stop and retry it, and disconnecting and deleting a source server."""

from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.drs_api import source_servers
from drsim.simulator.drs_api.replication import ERRORS, STEPS
from drsim.simulator.drs_api.shapes import iso_duration
from drsim.simulator.drs_api.source_properties import GIB
from drsim.simulator.moto_drs import drs_backends, set_replication
from tests.simulator.moto_drs.answers import MODEL
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, refusal, servers, start

UNKNOWN = "s-00000000000000000"


def info(drs: DrsClient) -> Any:
    """The replication of the only server, or of the last one."""
    return drs.describe_source_servers()["items"][-1]["dataReplicationInfo"]


def state(drs: DrsClient) -> str:
    return str(info(drs)["dataReplicationState"])


def problem(server_id: str) -> str | None:
    return source_servers.launch_problem(drs_backends[ACCOUNT][EAST].region, server_id)


def statuses(drs: DrsClient) -> list[str]:
    steps = info(drs)["dataReplicationInitiation"]["steps"]
    assert [each["name"] for each in steps] == list(STEPS)
    return [each["status"] for each in steps]


def test_steps_and_errors_are_those_of_the_model() -> None:
    assert set(STEPS) <= set(MODEL.shape_for("DataReplicationInitiationStepName").enum)  # type: ignore[attr-defined]
    assert set(ERRORS) == set(MODEL.shape_for("DataReplicationErrorString").enum)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("duration_us", "text"),
    [
        (0, "P0D"),
        (660_000_000, "PT11M"),
        (86_400_000_000, "P1D"),
        (178_332_136_909, "P2DT1H32M12.136909S"),
        (500_000, "PT0.5S"),
        (3_600_000_000, "PT1H"),
    ],
)
def test_duration_is_shown_as_aws_does(duration_us: int, text: str) -> None:
    assert iso_duration(duration_us) == text


def test_new_agent_leads_to_continuous_replication(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1, replication="INITIATING", disks_bytes=[30 * GIB, 10 * GIB])
    seen = [state(drs)]
    assert "firstByteDateTime" not in drs.describe_source_servers()["items"][0]["lifeCycle"]
    for _ in range(120):
        clock.tick(10)
        if (now := state(drs)) != seen[-1]:
            seen.append(now)
        assert (problem(server_id) is None) == (now == "CONTINUOUS")
    assert seen == ["INITIATING", "INITIAL_SYNC", "CREATING_SNAPSHOT", "CONTINUOUS"]
    life = drs.describe_source_servers()["items"][0]["lifeCycle"]
    # AWS's samples: 58 s to 2.7 min.
    assert "2025-11-28T20:33:27" <= life["firstByteDateTime"] <= "2025-11-28T20:35:11.1"


def test_initiation_steps_follow_one_another(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    servers(1, replication="INITIATING")
    assert statuses(drs) == ["IN_PROGRESS", *["NOT_STARTED"] * 10]
    clock.tick(30)
    middle = statuses(drs)
    count = middle.count("SUCCEEDED")
    assert 0 < count < 11
    assert middle == ["SUCCEEDED"] * count + ["IN_PROGRESS"] + ["NOT_STARTED"] * (10 - count)
    clock.tick(170)
    assert statuses(drs) == ["SUCCEEDED"] * 11
    initiation = info(drs)["dataReplicationInitiation"]
    assert initiation["startDateTime"] == "2025-11-28T20:32:29.000000+00:00"
    assert initiation["nextAttemptDateTime"] == "2025-11-28T20:35:00.000000+00:00"


def test_steps_of_a_shared_replication_server_are_skipped(drs: DrsClient) -> None:
    servers(2)
    assert statuses(drs) == ["SUCCEEDED", *["SKIPPED"] * 5, *["SUCCEEDED"] * 5]


def test_initial_sync_copies_every_disk_until_its_eta(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    servers(1, replication="INITIAL_SYNC", disks_bytes=[100 * GIB, 50 * GIB])
    # 150 GiB take 1,536 s.
    assert info(drs)["etaDateTime"] == "2025-11-28T20:58:05.000001+00:00"
    clock.tick(768)
    shown = info(drs)
    assert [each["replicatedStorageBytes"] * 1000 // GIB for each in shown["replicatedDisks"]] == [49_999, 24_999]
    assert "lagDuration" not in shown
    clock.tick(769)
    assert (state(drs), "etaDateTime" in info(drs)) == ("CREATING_SNAPSHOT", False)
    clock.tick(60)
    assert (state(drs), info(drs)["lagDuration"]) == ("CONTINUOUS", "P0D")


def test_state_follows_the_clock_in_both_directions(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1)
    clock.tick(600)
    set_replication(ACCOUNT, EAST, server_id, "STALLED", error="AGENT_NOT_SEEN")
    clock.tick(60)
    assert (state(drs), info(drs)["lagDuration"]) == ("STALLED", "PT1M")
    clock.tick(-120)
    assert state(drs) == "CONTINUOUS"
    clock.tick(120)
    assert state(drs) == "STALLED"
    clock.tick(-120)
    drs.stop_replication(sourceServerID=server_id)
    clock.tick(120)
    assert state(drs) == "STOPPED", "what was to come is replaced"
    clock.tick(-10_000)
    assert state(drs) == "CONTINUOUS", "as it was added"


# --- trouble --------------------------------------------------------------------------------------------------


def test_stalled_server_lags_more_and_more_but_launches(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1)
    set_replication(ACCOUNT, EAST, server_id, "STALLED", error="AGENT_NOT_SEEN", raw_error="no handshake", lag="1m")
    clock.tick(600)
    shown = info(drs)
    assert shown["lagDuration"] == "PT11M"
    assert shown["dataReplicationError"] == {"error": "AGENT_NOT_SEEN", "rawError": "no handshake"}
    assert shown["replicatedDisks"][0]["backloggedStorageBytes"] == 660 * 1024**2
    seen = drs.describe_source_servers()["items"][0]["lifeCycle"]["lastSeenByServiceDateTime"]
    assert seen == "2025-11-28T20:32:29.000000+00:00"
    assert problem(server_id) is None
    set_replication(ACCOUNT, EAST, server_id, "CONTINUOUS")
    assert (state(drs), info(drs)["lagDuration"], "dataReplicationError" in info(drs)) == ("CONTINUOUS", "P0D", False)


def test_lag_counts_from_the_last_continuous_state(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1)
    for later in ("BACKLOG", "PAUSED", "STALLED"):
        set_replication(ACCOUNT, EAST, server_id, later)
        clock.tick(60)
    assert info(drs)["lagDuration"] == "PT3M"
    set_replication(ACCOUNT, EAST, server_id, "CONTINUOUS", lag="5m")
    clock.tick(60)
    assert info(drs)["lagDuration"] == "PT5M"


def test_backlog_is_never_larger_than_the_disk(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1, disks_bytes=[GIB])
    set_replication(ACCOUNT, EAST, server_id, "BACKLOG")
    clock.tick(86_400)
    assert info(drs)["replicatedDisks"][0]["backloggedStorageBytes"] == GIB


@pytest.mark.parametrize("step", STEPS[1:])
def test_failed_step_stalls_the_initiation(drs: DrsClient, step: str) -> None:
    (server_id,) = servers(1, replication="INITIATING")
    set_replication(ACCOUNT, EAST, server_id, "STALLED", error=f"FAILED_TO_{step}")
    number = STEPS.index(step)
    assert statuses(drs) == ["SUCCEEDED"] * number + ["FAILED"] + ["NOT_STARTED"] * (10 - number)
    assert problem(server_id) == f"Source Server {server_id} has not finished its initial sync"


def test_rescan_climbs_and_ends_in_continuous(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1, disks_bytes=[40 * GIB])
    set_replication(ACCOUNT, EAST, server_id, "RESCAN")
    assert info(drs)["replicatedDisks"][0]["rescannedStorageBytes"] == 0
    clock.tick(50)
    disk = info(drs)["replicatedDisks"][0]
    assert 0 < disk["rescannedStorageBytes"] < disk["replicatedStorageBytes"] == 40 * GIB
    assert problem(server_id) is None
    clock.tick(60)
    assert (state(drs), info(drs)["lagDuration"]) == ("CONTINUOUS", "P0D")


def test_interrupted_sync_keeps_what_it_has_copied(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1, replication="INITIAL_SYNC", disks_bytes=[100 * GIB])
    clock.tick(512)
    set_replication(ACCOUNT, EAST, server_id, "STALLED", error="UNSTABLE_NETWORK")
    clock.tick(10_000)
    shown = info(drs)
    assert shown["replicatedDisks"][0]["replicatedStorageBytes"] * 10 // GIB == 499
    assert "lagDuration" not in shown
    assert problem(server_id) is not None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("HEALTHY", {}), "state must be one of INITIATING, .*, got 'HEALTHY'"),
        (("BACKLOG", {"error": "AGENT_NOT_SEEN"}), "state must be STALLED for a server with an error, got BACKLOG"),
        (("STALLED", {"error": "TIRED"}), "error must be one of AGENT_NOT_SEEN, .*, got 'TIRED'"),
    ],
)
def test_impossible_replication_is_refused(drs: DrsClient, given: tuple[str, Any], message: str) -> None:
    (server_id,) = servers(1)
    with pytest.raises(ValueError, match=message):
        set_replication(ACCOUNT, EAST, server_id, given[0], **given[1])
    with pytest.raises(ValueError, match=f"server_id must be a source server of {ACCOUNT} in {EAST}, got '{UNKNOWN}'"):
        set_replication(ACCOUNT, EAST, UNKNOWN, "STALLED")
    assert state(drs) == "CONTINUOUS"


# --- calls ----------------------------------------------------------------------------------------------------


def test_stopped_server_starts_again_with_an_initial_sync(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1, disks_bytes=[500 * GIB])
    stopped = drs.stop_replication(sourceServerID=server_id)["sourceServer"]
    assert stopped["dataReplicationInfo"]["dataReplicationState"] == "STOPPED"
    assert "lagDuration" not in stopped["dataReplicationInfo"]
    assert problem(server_id) == f"Source Server {server_id} does not replicate: its state is STOPPED"
    clock.tick(86_400)
    assert state(drs) == "STOPPED"
    life = drs.describe_source_servers()["items"][0]["lifeCycle"]
    assert life["elapsedReplicationDuration"] == "P0D"
    started = drs.start_replication(sourceServerID=server_id)["sourceServer"]
    assert started["dataReplicationInfo"]["dataReplicationState"] == "INITIATING"
    assert started["dataReplicationInfo"]["replicatedDisks"][0]["replicatedStorageBytes"] == 0
    assert problem(server_id) == f"Source Server {server_id} has not finished its initial sync"
    clock.tick(163)
    assert state(drs) == "INITIAL_SYNC"
    clock.tick(5_200)
    assert (state(drs), problem(server_id)) == ("CONTINUOUS", None)


@pytest.mark.parametrize("before", ["CONTINUOUS", "STALLED", "DISCONNECTED"])
def test_only_a_stopped_server_can_be_started(drs: DrsClient, before: str) -> None:
    (server_id,) = servers(1, replication=before)
    refused = refusal(drs.start_replication, sourceServerID=server_id)
    assert refused.kind == (409, "ConflictException")
    assert refused.members == {"resourceId": server_id, "resourceType": "source-server"}
    assert before in refused.message
    assert state(drs) == before


@pytest.mark.parametrize("before", ["STOPPED", "DISCONNECTED"])
def test_server_that_does_not_replicate_cannot_be_stopped(drs: DrsClient, before: str) -> None:
    (server_id,) = servers(1, replication=before)
    refused = refusal(drs.stop_replication, sourceServerID=server_id)
    assert refused.kind == (409, "ConflictException")
    assert before in refused.message


def test_retry_of_a_stalled_server_scans_its_data_again(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1, disks_bytes=[500 * GIB])
    set_replication(ACCOUNT, EAST, server_id, "STALLED", error="AGENT_NOT_SEEN")
    clock.tick(60)
    answer = drs.retry_data_replication(sourceServerID=server_id)
    assert answer["sourceServerID"] == server_id
    assert answer["dataReplicationInfo"]["dataReplicationState"] == "INITIATING"
    assert answer["dataReplicationInfo"]["replicatedDisks"][0]["replicatedStorageBytes"] == 500 * GIB
    assert problem(server_id) is None
    clock.tick(163)
    assert state(drs) == "RESCAN"
    clock.tick(1_300)
    assert state(drs) == "CONTINUOUS"


@pytest.mark.parametrize("before", ["STOPPED", "DISCONNECTED"])
def test_retry_without_data_syncs_from_the_start(drs: DrsClient, clock: FrozenDateTimeFactory, before: str) -> None:
    (server_id,) = servers(1, replication=before, disks_bytes=[500 * GIB])
    drs.retry_data_replication(sourceServerID=server_id)
    clock.tick(163)
    assert state(drs) == "INITIAL_SYNC"


@pytest.mark.parametrize("before", ["CONTINUOUS", "INITIATING", "RESCAN"])
def test_retry_needs_replication_that_stands_still(drs: DrsClient, before: str) -> None:
    (server_id,) = servers(1, replication=before)
    refused = refusal(drs.retry_data_replication, sourceServerID=server_id)
    assert (refused.kind, refused.fields) == ((400, "ValidationException"), ["sourceServerID"])


def test_disconnected_server_has_no_bytes_lag_or_eta(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1, replication="INITIAL_SYNC", disks_bytes=[GIB])
    answer = drs.disconnect_source_server(sourceServerID=server_id)
    shown = answer["dataReplicationInfo"]
    assert answer["sourceServerID"] == server_id
    assert shown["dataReplicationState"] == "DISCONNECTED"
    assert [each["totalStorageBytes"] for each in shown["replicatedDisks"]] == [0]
    assert not {"lagDuration", "etaDateTime", "dataReplicationInitiation"} & set(shown)
    assert problem(server_id) == f"Source Server {server_id} does not replicate: its state is DISCONNECTED"
    clock.tick(600)
    life = drs.describe_source_servers()["items"][0]["lifeCycle"]
    assert life["lastSeenByServiceDateTime"] == "2025-11-28T20:32:29.000000+00:00"
    refused = refusal(drs.disconnect_source_server, sourceServerID=server_id)
    assert (refused.kind, refused.message) == (
        (409, "ConflictException"),
        f"Source Server {server_id} is already disconnected.",
    )


def test_server_with_a_recovery_instance_stays_connected(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1)
    start(drs, [server_id])
    assert "being processed by a Job" in refusal(drs.disconnect_source_server, sourceServerID=server_id).message
    clock.tick(60)
    refused = refusal(drs.disconnect_source_server, sourceServerID=server_id)
    assert refused.kind == (409, "ConflictException")
    assert refused.message == f"Cannot disconnect Source Server {server_id} because it has a Recovery Instance."
    (instance,) = drs.describe_recovery_instances()["items"]
    drs.terminate_recovery_instances(recoveryInstanceIDs=[instance["recoveryInstanceID"]])
    clock.tick(60)
    drs.disconnect_source_server(sourceServerID=server_id)
    assert state(drs) == "DISCONNECTED"


def test_disconnected_server_is_deleted_with_its_tags(drs: DrsClient) -> None:
    (server_id,) = servers(1, tags={"a": "b"})
    arn = drs.describe_source_servers()["items"][0]["arn"]
    refused = refusal(drs.delete_source_server, sourceServerID=server_id)
    assert refused.kind == (409, "ConflictException")
    assert refused.message == f"Cannot delete Source Server {server_id} because it is CONTINUOUS; disconnect it first."
    drs.disconnect_source_server(sourceServerID=server_id)
    drs.delete_source_server(sourceServerID=server_id)
    assert drs.describe_source_servers()["items"] == []
    for call in (drs.delete_source_server, drs.start_replication, drs.get_replication_configuration):
        assert refusal(call, sourceServerID=server_id).kind == (404, "ResourceNotFoundException")
    assert refusal(drs.list_tags_for_resource, resourceArn=arn).code == "ResourceNotFoundException"
    assert refusal(start, drs=drs, ids=[server_id]).code == "ConflictException"
    backend = drs_backends[ACCOUNT][EAST]
    backend.world.service.add_servers(backend.scope, [server_id], FIXED)
    assert drs.describe_source_servers()["items"][0]["tags"] == {}
    assert state(drs) == "CONTINUOUS"


@pytest.mark.parametrize(
    "method",
    ["start_replication", "stop_replication", "retry_data_replication", "disconnect_source_server",
     "delete_source_server"],
)  # fmt: skip
def test_unknown_and_malformed_servers_are_refused(drs: DrsClient, method: str) -> None:
    refused = refusal(getattr(drs, method), sourceServerID=UNKNOWN)
    assert refused.kind == (404, "ResourceNotFoundException")
    assert refused.members == {"resourceId": UNKNOWN, "resourceType": "source-server"}
    assert refusal(getattr(drs, method), sourceServerID=f"x{UNKNOWN[1:]}").kind == (400, "ValidationException")
