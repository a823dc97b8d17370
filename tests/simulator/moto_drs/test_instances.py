"""Source servers, recovery instances, their termination, and tags."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.moto_drs import JobLife, add_source_servers
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, refusal, servers, start


def launched(drs: DrsClient, clock: FrozenDateTimeFactory, count: int, **more: Any) -> list[Any]:
    """Recovery instances of new source servers."""
    start(drs, servers(count), **more)
    clock.tick(60)
    return list(drs.describe_recovery_instances()["items"])


def test_a_new_source_server_replicates_and_was_never_launched(drs: DrsClient) -> None:
    (server_id,) = servers(1, tags={"role": "db"})
    (server,) = drs.describe_source_servers()["items"]
    assert server["sourceServerID"] == server_id
    assert server["arn"] == f"arn:aws:drs:{EAST}:{ACCOUNT}:source-server/{server_id}"
    assert server["tags"] == {"role": "db"}
    assert server["lastLaunchResult"] == "NOT_STARTED"
    assert server["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    assert server["dataReplicationInfo"]["lagDuration"] == "P0D"
    assert server["lifeCycle"]["addedToServiceDateTime"] == "2025-11-28T20:32:29.000000+00:00"
    assert server["lifeCycle"]["lastLaunch"] == {"initiated": {}}
    assert "recoveryInstanceId" not in server


def test_a_source_server_shows_its_last_launch(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    good = start(drs, servers(1), isDrill=True)["jobID"]
    life = JobLife.model_validate({**FIXED.model_dump(), "failed_servers": 1})
    bad = start(drs, servers(1, life=life))["jobID"]
    # One whose instance is gone again at once, and one that never begins.
    for own in ({"terminates": "0s"}, {"pending_servers": 1}):
        start(drs, servers(1, life=JobLife.model_validate({**FIXED.model_dump(), **own})))
    seen = []
    for seconds in (0, 20, 20):
        clock.tick(seconds)
        items = drs.describe_source_servers()["items"]
        seen.append([(each["lastLaunchResult"], each["lifeCycle"]["lastLaunch"]["status"]) for each in items])
    assert seen == [
        [("PENDING", "PENDING")] * 4,
        [("PENDING", "IN_PROGRESS")] * 3 + [("PENDING", "PENDING")],
        [("SUCCEEDED", "LAUNCHED"), ("FAILED", "FAILED"), ("SUCCEEDED", "TERMINATED"), ("FAILED", "PENDING")],
    ]
    first, second = (each["lifeCycle"]["lastLaunch"]["initiated"] for each in items[:2])
    assert (first["jobID"], first["type"]) == (good, "DRILL")
    assert (second["jobID"], second["type"]) == (bad, "RECOVERY")
    assert first["apiCallDateTime"] == "2025-11-28T20:32:29.000000+00:00"
    assert ["recoveryInstanceId" in each for each in items] == [True, False, False, False]


def test_source_servers_are_filtered_by_id_hardware_and_staging_account(drs: DrsClient) -> None:
    first, second = servers(2)
    (third,) = servers(1, staging_account_id="999988887777")
    items = drs.describe_source_servers()["items"]

    def found(**filters: Any) -> list[str]:
        return [each["sourceServerID"] for each in drs.describe_source_servers(filters=filters)["items"]]

    assert found() == [first, second, third]
    assert found(sourceServerIDs=[third, first, "s-00000000000000000"]) == [first, third]
    hardware = items[1]["sourceProperties"]["identificationHints"]["vmWareUuid"]
    assert found(hardwareId=hardware) == [second]
    assert found(hardwareId="none such") == []
    assert found(stagingAccountIDs=["999988887777"]) == [third]
    assert found(stagingAccountIDs=[ACCOUNT]) == [first, second]
    assert found(sourceServerIDs=[first], stagingAccountIDs=["999988887777"]) == []
    assert items[2]["stagingArea"] == {"status": "EXTENDED", "stagingAccountID": "999988887777"}


def test_a_launched_server_has_a_recovery_instance_that_outlives_the_job(
    drs: DrsClient, clock: FrozenDateTimeFactory
) -> None:
    (server_id,) = servers(1)
    job_id = start(drs, [server_id], isDrill=True)["jobID"]
    clock.tick(34)
    assert drs.describe_recovery_instances()["items"] == []
    clock.tick(1)
    (instance,) = drs.describe_recovery_instances()["items"]
    assert (instance["sourceServerID"], instance["jobID"], instance["isDrill"]) == (server_id, job_id, True)
    assert instance["ec2InstanceState"] == "RUNNING"
    assert instance["ec2InstanceID"] == instance["recoveryInstanceID"]
    assert instance["arn"].endswith(f":{ACCOUNT}:recovery-instance/{instance['recoveryInstanceID']}")
    (item,) = [each for each in drs.describe_job_log_items(jobID=job_id)["items"] if str(each["event"]) == "LAUNCH_END"]
    assert item["eventData"]["targetInstanceID"] == instance["ec2InstanceID"]
    (server,) = drs.describe_source_servers()["items"]
    assert server["recoveryInstanceId"] == instance["recoveryInstanceID"]


def test_recovery_instances_are_filtered_by_id_and_by_source_server(
    drs: DrsClient, clock: FrozenDateTimeFactory
) -> None:
    first, second = launched(drs, clock, 2)

    def found(**filters: Any) -> list[Any]:
        return list(drs.describe_recovery_instances(filters=filters)["items"])

    assert found(recoveryInstanceIDs=[second["recoveryInstanceID"]]) == [second]
    assert found(sourceServerIDs=[first["sourceServerID"]]) == [first]
    assert found(recoveryInstanceIDs=["i-00000000"]) == []
    assert found(recoveryInstanceIDs=[second["recoveryInstanceID"]], sourceServerIDs=[first["sourceServerID"]]) == []
    assert found(recoveryInstanceIDs=[], sourceServerIDs=[]) == [first, second]


def test_the_next_launch_takes_the_place_of_the_instance_before(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (before,) = launched(drs, clock, 1, isDrill=True)
    start(drs, [before["sourceServerID"]])
    assert drs.describe_recovery_instances()["items"] == [before]
    clock.tick(60)
    (after,) = drs.describe_recovery_instances()["items"]
    assert after["recoveryInstanceID"] != before["recoveryInstanceID"]
    assert (before["isDrill"], after["isDrill"]) == (True, False)


def test_a_termination_is_a_job_that_ends_its_instances_and_no_others(
    drs: DrsClient, clock: FrozenDateTimeFactory
) -> None:
    kept, ended = launched(drs, clock, 2)
    job = drs.terminate_recovery_instances(recoveryInstanceIDs=[ended["recoveryInstanceID"]])["job"]
    assert (job["type"], job["initiatedBy"]) == ("TERMINATE", "TERMINATE_RECOVERY_INSTANCES")
    seen = []
    for seconds in (0, 10, 5, 19, 1):
        clock.tick(seconds)
        (now,) = drs.describe_jobs(filters={"jobIDs": [job["jobID"]]})["items"]
        (server,) = now["participatingServers"]
        states = [each["ec2InstanceState"] for each in drs.describe_recovery_instances()["items"]]
        seen.append((now["status"], server["launchStatus"], "recoveryInstanceID" in server, states))
    assert seen == [
        ("PENDING", "PENDING", True, ["RUNNING", "RUNNING"]),
        ("STARTED", "PENDING", True, ["RUNNING", "RUNNING"]),
        ("STARTED", "IN_PROGRESS", True, ["RUNNING", "SHUTTING-DOWN"]),
        ("STARTED", "IN_PROGRESS", True, ["RUNNING", "SHUTTING-DOWN"]),
        ("COMPLETED", "TERMINATED", False, ["RUNNING"]),
    ]
    assert [each["recoveryInstanceID"] for each in drs.describe_recovery_instances()["items"]] == [
        kept["recoveryInstanceID"]
    ]
    clock.tick(1)
    events = [str(each["event"]) for each in drs.describe_job_log_items(jobID=job["jobID"])["items"]]
    assert events == ["JOB_START", "CLEANUP_START", "CLEANUP_END", "JOB_END"]
    gone = refusal(drs.terminate_recovery_instances, recoveryInstanceIDs=[ended["recoveryInstanceID"]])
    assert gone.kind == (409, "ConflictException")


def test_a_server_can_be_launched_again_after_its_instance_was_terminated(
    drs: DrsClient, clock: FrozenDateTimeFactory
) -> None:
    (first,) = launched(drs, clock, 1)
    drs.terminate_recovery_instances(recoveryInstanceIDs=[first["recoveryInstanceID"]] * 2)
    clock.tick(60)
    start(drs, [first["sourceServerID"]])
    clock.tick(60)
    (second,) = drs.describe_recovery_instances()["items"]
    assert first["recoveryInstanceID"] != second["recoveryInstanceID"]
    drs.terminate_recovery_instances(recoveryInstanceIDs=[second["recoveryInstanceID"]])
    assert len({job["jobID"] for job in drs.describe_jobs()["items"]}) == 4


def test_a_clock_that_goes_back_shows_what_there_was(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance,) = launched(drs, clock, 1)
    drs.terminate_recovery_instances(recoveryInstanceIDs=[instance["recoveryInstanceID"]])
    clock.move_to("2025-11-28 20:32:40")
    assert drs.describe_recovery_instances()["items"] == []


def test_jobs_servers_and_instances_can_be_tagged_and_untagged(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (instance,) = launched(drs, clock, 1, tags={"plan": "a"})
    (server,) = drs.describe_source_servers()["items"]
    (job,) = drs.describe_jobs()["items"]
    for arn in (instance["arn"], server["arn"], job["arn"]):
        before = drs.list_tags_for_resource(resourceArn=arn)["tags"]
        assert before == ({"plan": "a"} if arn == job["arn"] else {})
        drs.tag_resource(resourceArn=arn, tags={"plan": "b", "empty": "", "two words & more": "ü/=?"})
        drs.untag_resource(resourceArn=arn, tagKeys=["empty", "never there"])
        assert drs.list_tags_for_resource(resourceArn=arn)["tags"] == {"plan": "b", "two words & more": "ü/=?"}
        drs.untag_resource(resourceArn=arn, tagKeys=["two words & more"])
    tagged = {"plan": "b"}
    assert drs.describe_recovery_instances()["items"][0]["tags"] == tagged
    assert drs.describe_source_servers()["items"][0]["tags"] == tagged
    assert drs.describe_jobs()["items"][0]["tags"] == tagged


def test_servers_with_ids_of_ones_own_are_kept_and_others_differ(drs: DrsClient) -> None:
    given = ["s-1234567890abcdef0", "s-1234567890abcdef1"]
    assert add_source_servers(ACCOUNT, EAST, given) == given
    made = servers(2) + servers(3)
    assert len({*given, *made}) == 7
    assert [each["sourceServerID"] for each in drs.describe_source_servers()["items"]] == given + made
