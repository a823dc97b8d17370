"""Recovery snapshots through boto3: which exist, how they are found, and launches from them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.moto_drs import set_replication
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, DrsClient, refusal, servers, start

ADDED = datetime.fromisoformat("2025-11-28T20:32:29+00:00")


def expected(drs: DrsClient, server: str, **more: Any) -> list[str]:
    """The expected times of a server's snapshots, as day and time."""
    items = drs.describe_recovery_snapshots(sourceServerID=server, **more)["items"]
    return [each["expectedTimestamp"][8:16] for each in items]


def test_snapshots_are_taken_every_10_minutes_and_kept_an_hour(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    assert expected(drs, server) == []
    clock.tick(60)
    assert expected(drs, server) == ["28T20:32"]
    clock.tick(timedelta(minutes=26, seconds=46))
    assert expected(drs, server) == ["28T20:32", "28T20:40", "28T20:50", "28T21:00"]
    clock.tick(timedelta(minutes=31))
    assert expected(drs, server)[:2] == ["28T20:32", "28T20:40"]
    clock.tick(timedelta(minutes=30))
    # 21:00 is that of an hour and stays.
    assert expected(drs, server) == [f"28T{time}" for time in ("21:00", "21:10", "21:20", "21:30", "21:40")] + [
        "28T21:50",
        "28T22:00",
    ]


def test_hourly_snapshots_are_kept_a_day_and_daily_ones_a_week(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    clock.tick(timedelta(days=9, minutes=30))
    found = expected(drs, server)
    assert len(found) == 6 + 23 + 7 - 1
    assert [each for each in found if each.endswith("T00:00")] == [f"0{day}T00:00" for day in range(1, 8)]
    assert [each for each in found if each.startswith("06") and not each.endswith("T00:00")] == [
        f"06T{hour}:00" for hour in (22, 23)
    ]


def test_a_snapshot_is_the_same_in_each_answer_and_of_its_server(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    clock.tick(60)
    (one,) = drs.describe_recovery_snapshots(sourceServerID=first)["items"]
    assert one["sourceServerID"] == first
    late = datetime.fromisoformat(one["timestamp"]) - datetime.fromisoformat(one["expectedTimestamp"])
    assert timedelta(seconds=2) <= late <= timedelta(seconds=15)
    assert len(one["ebsSnapshots"]) == 1
    clock.tick(60)
    assert drs.describe_recovery_snapshots(sourceServerID=first)["items"] == [one]
    (other,) = drs.describe_recovery_snapshots(sourceServerID=second)["items"]
    assert other["snapshotID"] != one["snapshotID"]
    clock.move_to(ADDED - timedelta(hours=1))
    assert expected(drs, first) == []


def test_snapshots_are_filtered_ordered_and_paged(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    clock.tick(timedelta(hours=1))
    items = drs.describe_recovery_snapshots(sourceServerID=server)["items"]
    assert len(items) == 6
    assert drs.describe_recovery_snapshots(sourceServerID=server, order="DESC")["items"] == items[::-1]
    filters = {"fromDateTime": items[1]["timestamp"], "toDateTime": items[3]["timestamp"]}
    assert drs.describe_recovery_snapshots(sourceServerID=server, filters=filters)["items"] == items[1:4]
    pages = drs.get_paginator("describe_recovery_snapshots").paginate(
        sourceServerID=server, PaginationConfig={"PageSize": 4}
    )
    assert [len(page["items"]) for page in pages] == [4, 2]


def test_an_unknown_server_has_no_snapshots(drs: DrsClient) -> None:
    assert drs.describe_recovery_snapshots(sourceServerID="s-00000000000000000")["items"] == []


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"sourceServerID": "s-0000000000000000!"}, "sourceServerID"),
        ({"filters": {"fromDateTime": "2025-02-30T00:00:00Z"}}, "filters.fromDateTime"),
        ({"filters": {"toDateTime": "yesterday at about noon"}}, "filters.toDateTime"),
        ({"nextToken": "none of ours"}, "nextToken"),
    ],
)
def test_wrong_requests_for_snapshots_are_validation_errors(
    drs: DrsClient, request_: dict[str, Any], field: str
) -> None:
    (server,) = servers(1)
    refused = refusal(drs.describe_recovery_snapshots, **{"sourceServerID": server, **request_})
    assert (refused.kind, refused.fields) == ((400, "ValidationException"), [field])


def test_a_launch_from_a_snapshot_has_its_time_and_takes_none(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    clock.tick(timedelta(minutes=50))
    chosen = drs.describe_recovery_snapshots(sourceServerID=first)["items"][1]
    pairs = [{"sourceServerID": first, "recoverySnapshotID": chosen["snapshotID"]}, {"sourceServerID": second}]
    job = drs.start_recovery(sourceServers=pairs)["job"]
    clock.tick(60)
    points = {
        each["sourceServerID"]: each["pointInTimeSnapshotDateTime"]
        for each in drs.describe_recovery_instances()["items"]
    }
    assert points == {first: chosen["timestamp"], second: job["creationDateTime"]}
    log = drs.describe_job_log_items(jobID=job["jobID"])["items"]
    of_first = [str(each["event"]) for each in log if each["eventData"].get("sourceServerID") == first]
    assert of_first == ["CONVERSION_START", "CONVERSION_END", "LAUNCH_START", "LAUNCH_END"]
    of_second = [str(each["event"]) for each in log if each["eventData"].get("sourceServerID") == second]
    assert of_second[:2] == ["SNAPSHOT_START", "SNAPSHOT_END"]


def test_a_snapshot_of_another_server_or_a_pruned_one_conflicts(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    clock.tick(60)
    (chosen,) = drs.describe_recovery_snapshots(sourceServerID=first)["items"]
    snapshot = {"recoverySnapshotID": chosen["snapshotID"]}
    refused = refusal(drs.start_recovery, sourceServers=[{"sourceServerID": second, **snapshot}])
    assert refused.kind == (409, "ConflictException")
    assert refused.members == {"resourceId": chosen["snapshotID"], "resourceType": "recovery-snapshot"}
    clock.tick(timedelta(hours=2))
    assert refusal(drs.start_recovery, sourceServers=[{"sourceServerID": first, **snapshot}]).status == 409
    start(drs, [first])


# --- replication that does not run ----------------------------------------------------------------------------


def test_no_snapshot_is_taken_before_the_initial_sync_or_in_a_lag(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1, replication="INITIAL_SYNC")
    clock.tick(60)
    assert expected(drs, server) == []
    clock.tick(timedelta(minutes=30))
    before = expected(drs, server)
    assert before[-3:] == ["28T20:40", "28T20:50", "28T21:00"]
    set_replication(ACCOUNT, EAST, server, "STALLED", error="AGENT_NOT_SEEN")
    clock.tick(timedelta(minutes=20))
    assert expected(drs, server) == before


def test_stopped_replication_deletes_all_snapshots(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    clock.tick(timedelta(hours=3))
    assert len(expected(drs, server)) == 6 + 2
    drs.stop_replication(sourceServerID=server)
    assert expected(drs, server) == []
    drs.start_replication(sourceServerID=server)
    clock.tick(timedelta(hours=1))
    # The first is taken when the initial sync has ended, and none is of before.
    assert expected(drs, server)[:2] == ["28T23:36", "28T23:40"]


def test_daily_snapshots_are_kept_as_the_server_is_configured(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    policy = drs.get_replication_configuration(sourceServerID=server)["pitPolicy"]
    policy[2]["retentionDuration"] = 3
    # A rule is enabled unless it says otherwise.
    del policy[2]["enabled"]
    drs.update_replication_configuration(sourceServerID=server, pitPolicy=policy)
    clock.tick(timedelta(days=9))
    assert [each for each in expected(drs, server) if each.endswith("T00:00")] == [f"0{day}T00:00" for day in (5, 6, 7)]


def test_a_stalled_server_launches_from_its_previous_snapshot(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    clock.tick(timedelta(minutes=20))
    last = drs.describe_recovery_snapshots(sourceServerID=server)["items"][-1]
    set_replication(ACCOUNT, EAST, server, "STALLED", error="AGENT_NOT_SEEN")
    clock.tick(timedelta(minutes=5))
    job_id = start(drs, [server])["jobID"]
    clock.tick(60)
    events = [str(each["event"]) for each in drs.describe_job_log_items(jobID=job_id)["items"]]
    assert events[1:4] == ["SNAPSHOT_START", "SNAPSHOT_FAIL", "USING_PREVIOUS_SNAPSHOT"]
    (instance,) = drs.describe_recovery_instances()["items"]
    assert instance["pointInTimeSnapshotDateTime"] == last["timestamp"]


def test_a_server_that_cannot_be_launched_conflicts(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (ready,) = servers(1)
    (early,) = servers(1, replication="INITIAL_SYNC")
    refused = refusal(start, drs=drs, ids=[ready, early])
    assert (refused.kind, refused.members["resourceId"]) == ((409, "ConflictException"), early)
    assert drs.describe_jobs()["items"] == []
    clock.tick(timedelta(minutes=10))
    start(drs, [ready, early])


@pytest.mark.parametrize("days", [1, 6, 9, 400])
def test_last_snapshot_of_a_stalled_server_is_never_pruned(
    drs: DrsClient, clock: FrozenDateTimeFactory, days: int
) -> None:
    (server,) = servers(1)
    clock.tick(timedelta(days=2, minutes=33))
    last = drs.describe_recovery_snapshots(sourceServerID=server)["items"][-1]
    set_replication(ACCOUNT, EAST, server, "STALLED", error="AGENT_NOT_SEEN")
    clock.tick(timedelta(days=days))
    assert drs.describe_recovery_snapshots(sourceServerID=server)["items"][-1] == last
    start(drs, [server])
    clock.tick(60)
    (instance,) = drs.describe_recovery_instances()["items"]
    assert instance["pointInTimeSnapshotDateTime"] == last["timestamp"]
    set_replication(ACCOUNT, EAST, server, "CONTINUOUS")
    clock.tick(timedelta(days=1, hours=1))
    assert last not in drs.describe_recovery_snapshots(sourceServerID=server)["items"]


def test_short_recovery_from_a_stall_keeps_the_snapshot_before(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    clock.tick(timedelta(minutes=33))
    for state in ("STALLED", "CONTINUOUS", "STALLED"):
        set_replication(ACCOUNT, EAST, server, state)
        clock.tick(60)
    clock.tick(timedelta(days=30))
    assert expected(drs, server) == ["28T21:00"]
