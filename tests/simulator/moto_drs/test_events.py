"""Events on the bus of moto's EventBridge, and metrics in moto's CloudWatch."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.drs_api.times import duration_s, unix_us
from drsim.simulator.moto_drs import JobLife, advance, load_source_servers, pair_failback_client, set_replication
from tests.simulator.moto_drs import plan_calls
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, servers, session, start

LAUNCH = "DRS Source Server Launch Result"


class Queue:
    """A queue of moto's SQS to which a rule of the default bus sends DRS's events."""

    def __init__(self) -> None:
        bus = session().client("events", EAST)
        self._sqs = session().client("sqs", EAST)
        self._url = self._sqs.create_queue(QueueName="seen")["QueueUrl"]
        bus.put_rule(Name="drs", EventPattern=json.dumps({"source": ["aws.drs"]}))
        bus.put_targets(Rule="drs", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:{EAST}:{ACCOUNT}:seen"}])

    def received(self, detail_type: str) -> list[Any]:
        """The events of a type that came since the last call."""
        found: list[Any] = []
        while messages := self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        found = [each for each in found if each["detail-type"] == detail_type]
        return sorted(found, key=lambda each: (each["time"], each["resources"]))


@pytest.fixture
def queue(drs: DrsClient) -> Queue:
    return Queue()


def test_each_launch_sends_one_result_at_its_end(drs: DrsClient, queue: Queue) -> None:
    life = JobLife.model_validate({**FIXED.model_dump(), "failed_servers": 1})
    good, bad = servers(1), servers(1, life=life)
    job_ids = [start(drs, good, isDrill=True)["jobID"], start(drs, bad)["jobID"]]
    advance(0.5)
    assert queue.received(LAUNCH) == []
    advance(0.5)
    received = queue.received(LAUNCH)
    assert [(each["source"], each["detail-type"], each["time"]) for each in received] == [
        ("aws.drs", LAUNCH, "2025-11-28T20:33:04Z")
    ] * 2
    found = {each["resources"][0].rpartition("/")[2]: each["detail"] for each in received}
    assert found == {
        good[0]: {"state": "RECOVERY_LAUNCH_SUCCEEDED", "job-id": job_ids[0], "is-drill": "TRUE"},
        bad[0]: {"state": "RECOVERY_LAUNCH_FAILED", "job-id": job_ids[1], "is-drill": "FALSE"},
    }
    drs.describe_jobs()
    advance(60)
    assert queue.received(LAUNCH) == []


def test_a_call_to_drs_sends_what_is_due_even_of_a_job_it_deletes(
    drs: DrsClient, queue: Queue, clock: FrozenDateTimeFactory
) -> None:
    job_id = start(drs, servers(12))["jobID"]
    clock.tick(60)
    drs.delete_job(jobID=job_id)
    assert len(queue.received(LAUNCH)) == 12


def test_a_termination_sends_no_launch_result(drs: DrsClient, queue: Queue) -> None:
    start(drs, servers(1))
    advance(1)
    assert len(queue.received(LAUNCH)) == 1
    (instance,) = drs.describe_recovery_instances()["items"]
    drs.terminate_recovery_instances(recoveryInstanceIDs=[instance["recoveryInstanceID"]])
    advance(1)
    assert queue.received(LAUNCH) == []


def test_a_rule_gets_no_event_from_before_the_last_call(drs: DrsClient) -> None:
    start(drs, servers(1))
    advance(1)
    queue = Queue()
    advance(1)
    assert queue.received(LAUNCH) == []


def test_after_the_clock_went_back_later_events_are_sent(
    drs: DrsClient, queue: Queue, clock: FrozenDateTimeFactory
) -> None:
    drs.describe_jobs()
    clock.move_to("2025-11-28 19:00:00")
    start(drs, servers(1))
    clock.tick(60)
    drs.describe_jobs()
    assert [each["time"] for each in queue.received(LAUNCH)] == ["2025-11-28T19:00:35Z"]


# --- the other detail types -----------------------------------------------------------------------------------


def test_each_snapshot_is_sent_with_its_ids_at_its_time(drs: DrsClient, queue: Queue) -> None:
    (server_id,) = servers(1)
    drs.describe_jobs()
    advance(21)
    (first, second) = queue.received("DRS PIT Snapshot Taken")[-2:]
    taken = drs.describe_recovery_snapshots(sourceServerID=server_id, order="ASC")["items"][-2:]
    for event, snapshot in zip((first, second), taken, strict=True):
        assert event["resources"] == [f"arn:aws:drs:{EAST}:{ACCOUNT}:source-server/{server_id}"]
        ebs_ids = ",".join(snapshot["ebsSnapshots"])
        assert event["detail"] == {"DrsSnapshotID": snapshot["snapshotID"], "EbsSnapshotIDs": ebs_ids}
        assert event["time"][:19] == snapshot["timestamp"][:19]
    advance(1)
    assert queue.received("DRS PIT Snapshot Taken") == []


def test_a_stall_is_sent_when_it_begins_and_when_it_ends(drs: DrsClient, queue: Queue) -> None:
    (server_id,) = servers(1)
    found = []
    for state in ("CONTINUOUS", "STALLED", "STALLED", "RESCAN", "CONTINUOUS"):
        set_replication(ACCOUNT, EAST, server_id, state, **({"error": "AGENT_NOT_SEEN"} if state == "STALLED" else {}))
        advance(0)
        received = queue.received("DRS Source Server Data Replication Stalled Change")
        found.append([each["detail"]["state"] for each in received])
    assert found == [[], ["STALLED"], [], ["NOT_STALLED"], []]


def test_failback_states_that_aws_lists_are_sent_once(drs: DrsClient, queue: Queue) -> None:
    start(drs, servers(1))
    advance(5)
    (instance,) = drs.describe_recovery_instances()["items"]
    pair_failback_client(ACCOUNT, EAST, instance["recoveryInstanceID"])
    found = []
    for _ in range(30):
        advance(1)
        found += queue.received("DRS Recovery Instance Failback State Change")
    drs.start_failback_launch(recoveryInstanceIDs=[instance["recoveryInstanceID"]])
    advance(120)
    found += queue.received("DRS Recovery Instance Failback State Change")
    assert [each["detail"]["state"] for each in found] == [
        "FAILBACK_IN_PROGRESS",
        # The launch, after FAILBACK_READY_FOR_LAUNCH, which AWS does not list.
        "FAILBACK_IN_PROGRESS",
        "FAILBACK_COMPLETED",
    ]
    assert {each["resources"][0] for each in found} == {instance["arn"]}


def test_a_failback_between_two_looks_is_sent_at_its_times(
    drs: DrsClient, queue: Queue, clock: FrozenDateTimeFactory
) -> None:
    start(drs, servers(1))
    clock.tick(300)
    (instance,) = drs.describe_recovery_instances()["items"]
    pair_failback_client(ACCOUNT, EAST, instance["recoveryInstanceID"])
    clock.tick(3600)
    drs.start_failback_launch(recoveryInstanceIDs=[instance["recoveryInstanceID"]])
    clock.tick(3600)
    drs.describe_jobs()
    found = queue.received("DRS Recovery Instance Failback State Change")
    assert [(each["time"], each["detail"]["state"]) for each in found] == [
        ("2025-11-28T20:37:29Z", "FAILBACK_IN_PROGRESS"),
        ("2025-11-28T21:37:29Z", "FAILBACK_IN_PROGRESS"),
        ("2025-11-28T21:38:04Z", "FAILBACK_COMPLETED"),
    ]


def test_a_short_stall_is_sent_with_both_of_its_times(
    drs: DrsClient, queue: Queue, clock: FrozenDateTimeFactory
) -> None:
    (server_id,) = servers(1)
    drs.describe_jobs()
    for state in ("STALLED", "CONTINUOUS"):
        clock.tick(60)
        set_replication(ACCOUNT, EAST, server_id, state)
    advance(30)
    found = queue.received("DRS Source Server Data Replication Stalled Change")
    assert [(each["time"], each["detail"]["state"]) for each in found] == [
        ("2025-11-28T20:33:29Z", "STALLED"),
        ("2025-11-28T20:34:29Z", "NOT_STALLED"),
    ]


def test_a_stall_from_before_the_first_rule_is_not_sent(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1)
    set_replication(ACCOUNT, EAST, server_id, "STALLED")
    clock.tick(3600)
    drs.describe_jobs()
    queue = Queue()
    clock.tick(60)
    set_replication(ACCOUNT, EAST, server_id, "CONTINUOUS")
    drs.describe_jobs()
    found = queue.received("DRS Source Server Data Replication Stalled Change")
    assert [each["detail"]["state"] for each in found] == ["NOT_STALLED"]


def test_networks_send_their_protection_and_each_end_of_a_recovery(drs: DrsClient, queue: Queue) -> None:
    recovery, protection = "DRS Source Network Recovery Result", "DRS Source Network Protection Status Change"
    drs.create_launch_configuration_template(exportBucketArn="arn:aws:s3:::exports")
    made = drs.create_source_network(vpcID="vpc-12345678", originAccountID=ACCOUNT, originRegion="us-west-2")
    network_id = made["sourceNetworkID"]
    drs.start_source_network_replication(sourceNetworkID=network_id)
    states = [each["detail"]["state"] for each in queue.received(protection)]
    advance(10)
    states += [each["detail"]["state"] for each in queue.received(protection)]
    assert states == ["IN_PROGRESS", "PROTECTED"]
    found, job_ids = [], []
    for _ in range(2):
        job = drs.start_source_network_recovery(sourceNetworks=[{"sourceNetworkID": network_id}])["job"]
        job_ids.append(job["jobID"])
        advance(60)
        found += [each["detail"] for each in queue.received(recovery)]
    assert found == [{"state": "SUCCESS", "job-id": job_id} for job_id in job_ids]


# --- metrics --------------------------------------------------------------------------------------------------


def statistics(name: str, server_id: str = "") -> list[tuple[float, str]]:
    """Average and unit of the points of the last hour."""
    now = datetime.now(UTC)
    dimensions: Any = [{"Name": "SourceServerID", "Value": server_id}] if server_id else []
    points = (
        session()
        .client("cloudwatch", EAST)
        .get_metric_statistics(
            Namespace="AWS/DRS",
            MetricName=name,
            Dimensions=dimensions,
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=5),
            Period=300,
            Statistics=["Average"],
        )["Datapoints"]
    )
    return [(each["Average"], each["Unit"]) for each in points]


def test_metrics_count_servers_and_show_each_ones_replication(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    start(drs, [first])
    clock.tick(95)
    assert statistics("TotalSourceServerCount") == [(2, "Count")]
    assert statistics("ActiveSourceServerCount") == statistics("ProtectedSourceServerCount") == [(2, "Count")]
    assert statistics("LagDuration", second) == [(0, "Seconds")]
    assert statistics("Backlog", second) == [(0, "Bytes")]
    assert statistics("ElapsedReplicationDuration", second) == [(95, "Seconds")]
    assert statistics("DurationSinceLastSuccessfulRecoveryLaunch", first) == [(60, "Seconds")]
    assert statistics("DurationSinceLastSuccessfulRecoveryLaunch", second) == []


def test_metrics_settle_plans_and_count_launches_of_deleted_jobs(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server_id,) = servers(1)
    plan_calls.start(drs, plan_calls.plan(drs, plan_calls.of_servers(server_id)))
    clock.tick(3600)
    name = "DurationSinceLastSuccessfulRecoveryLaunch"
    # The validation takes 5 s, and the launch 35.
    assert statistics(name, server_id) == [(3560, "Seconds")]
    drs.delete_job(jobID=drs.describe_jobs()["items"][0]["jobID"])
    assert statistics(name, server_id) == [(3560, "Seconds")]


def test_metrics_leave_out_what_cannot_be_read_of_a_loaded_server(drs: DrsClient) -> None:
    unreadable: dict[str, Any] = {
        "sourceServerID": "s-00000000000000001",
        "dataReplicationInfo": {"lagDuration": "PT-3S", "dataReplicationState": "CONTINUOUS"},
        "lifeCycle": {"firstByteDateTime": "x"},
    }
    load_source_servers(ACCOUNT, EAST, {"items": [unreadable]})
    assert statistics("LagDuration", unreadable["sourceServerID"]) == []
    assert statistics("ElapsedReplicationDuration", unreadable["sourceServerID"]) == []
    assert statistics("TotalSourceServerCount") == [(1, "Count")]


def test_metric_data_has_the_point_as_well(drs: DrsClient) -> None:
    (server_id,) = servers(1)
    dimensions: Any = [{"Name": "SourceServerID", "Value": server_id}]
    lag: Any = {"Metric": {"Namespace": "AWS/DRS", "MetricName": "LagDuration", "Dimensions": dimensions}}
    now = datetime.now(UTC)
    queries: Any = [{"Id": "lag", "MetricStat": {**lag, "Period": 300, "Stat": "Maximum"}}]
    span: Any = {"StartTime": now - timedelta(minutes=10), "EndTime": now + timedelta(minutes=5)}
    (result,) = (
        session().client("cloudwatch", EAST).get_metric_data(MetricDataQueries=queries, **span)["MetricDataResults"]
    )
    assert result["Values"] == [0]


def test_metrics_are_listed_by_server_in_their_region_alone(drs: DrsClient) -> None:
    servers(1)
    listed = session().client("cloudwatch", EAST).list_metrics(Namespace="AWS/DRS")["Metrics"]
    of_server = {each["MetricName"] for each in listed if each["Dimensions"]}
    assert of_server == {"LagDuration", "Backlog", "ElapsedReplicationDuration"}
    west = session().client("cloudwatch", "us-west-2").list_metrics(Namespace="AWS/DRS")["Metrics"]
    assert all(each["Dimensions"] == [] for each in west)


def test_durations_and_times_are_read_as_they_are_written() -> None:
    assert duration_s("P0D") == 0
    assert duration_s("PT11M") == 660
    assert duration_s("P2DT1H32M12.5S") == 178_332.5
    with pytest.raises(ValueError, match=r"must look like P2DT1H32M12.5S, got '11 minutes'"):
        duration_s("11 minutes")
    assert unix_us("1970-01-01T00:00:01.000002+00:00") == 1_000_002
