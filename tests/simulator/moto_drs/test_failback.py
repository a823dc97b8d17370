"""Failback to on-premises: Failback Clients, launches, configuration."""

from typing import Any, Final

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.orchestrator.model import JobScope
from drsim.simulator.moto_drs import JobLife, drs_backends, pair_failback_client
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, refusal, servers, start

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
