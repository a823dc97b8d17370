"""Jobs through boto3: StartRecovery, DescribeJobs, DescribeJobLogItems and DeleteJob."""

from datetime import UTC, datetime
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.drs_api.events import launch_results
from drsim.simulator.drs_api.jobs import launch, start_aws_job
from drsim.simulator.moto_drs import Drs, JobLife, drs_backends, set_quotas
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, refusal, servers, start


def only_job(drs: DrsClient) -> Any:
    (job,) = drs.describe_jobs()["items"]
    return job


def life_with(**more: object) -> JobLife:
    return JobLife.model_validate({"pending": "10s", "started": "5s", "in_progress": "20s", **more})


def test_a_drill_lives_from_pending_to_completed_as_the_clock_moves(
    drs: DrsClient, clock: FrozenDateTimeFactory
) -> None:
    ids = servers(2)
    job_id = start(drs, ids, isDrill=True)["jobID"]
    seen = []
    for second in (0, 9, 10, 14, 15, 34, 35, 4000):
        clock.move_to(
            f"2025-11-28 {20 + (32 * 60 + 29 + second) // 3600}:{(32 + (29 + second) // 60) % 60:02}:"
            f"{(29 + second) % 60:02}"
        )
        job = only_job(drs)
        assert job["jobID"] == job_id
        seen.append((second, job["status"], [each["launchStatus"] for each in job["participatingServers"]]))
    assert seen == [
        (0, "PENDING", ["PENDING"] * 2),
        (9, "PENDING", ["PENDING"] * 2),
        (10, "STARTED", ["PENDING"] * 2),
        (14, "STARTED", ["PENDING"] * 2),
        (15, "STARTED", ["IN_PROGRESS"] * 2),
        (34, "STARTED", ["IN_PROGRESS"] * 2),
        (35, "COMPLETED", ["LAUNCHED"] * 2),
        (4000, "COMPLETED", ["LAUNCHED"] * 2),
    ]


def test_a_finished_drill_has_the_shape_of_awss_samples(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    started = start(drs, [server], isDrill=True, tags={"plan": "a"})
    clock.tick(100)
    job_id = started["jobID"]
    assert only_job(drs) == {
        "jobID": job_id,
        "arn": f"arn:aws:drs:{EAST}:{ACCOUNT}:job/{job_id}",
        "type": "LAUNCH",
        "initiatedBy": "START_DRILL",
        "creationDateTime": "2025-11-28T20:32:29.000000+00:00",
        "endDateTime": "2025-11-28T20:33:04.000000+00:00",
        "status": "COMPLETED",
        # Without recoveryInstanceID.
        "participatingServers": [{"sourceServerID": server, "launchStatus": "LAUNCHED"}],
        "tags": {"plan": "a"},
    }


def test_a_recovery_is_initiated_by_start_recovery_and_starts_pending(drs: DrsClient) -> None:
    job = start(drs, servers(1))
    assert (job["initiatedBy"], job["type"], job["status"], job["tags"]) == ("START_RECOVERY", "LAUNCH", "PENDING", {})
    assert "endDateTime" not in job


def test_a_job_started_by_another_part_of_drs_names_its_starter(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    region = drs_backends[ACCOUNT][EAST].region
    started = launch(region, [server, server], is_drill=False, initiated_by="DIAGNOSTIC", tags={"case": "1"})
    job = only_job(drs)
    assert (job["jobID"], job["initiatedBy"], job["type"]) == (started.job_id, "DIAGNOSTIC", "LAUNCH")
    assert (job["tags"], len(job["participatingServers"])) == ({"case": "1"}, 1)
    clock.tick(60)
    assert len(drs.describe_recovery_instances()["items"]) == 1


def test_of_two_snapshots_of_one_server_the_first_counts(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    (server,) = servers(1)
    clock.tick(3000)
    found = drs.describe_recovery_snapshots(sourceServerID=server)["items"]
    pairs = [{"sourceServerID": server, "recoverySnapshotID": each["snapshotID"]} for each in (found[2], found[0])]
    drs.start_recovery(sourceServers=pairs)
    clock.tick(60)
    (instance,) = drs.describe_recovery_instances()["items"]
    assert instance["pointInTimeSnapshotDateTime"] == found[2]["timestamp"]


def test_a_server_named_twice_takes_part_once(drs: DrsClient) -> None:
    (server,) = servers(1)
    assert len(start(drs, [server, server])["participatingServers"]) == 1


def test_a_launched_server_names_its_instance_until_the_job_has_ended(
    drs: DrsClient, clock: FrozenDateTimeFactory
) -> None:
    start(drs, servers(5, life=life_with(in_progress="5s..60s")))
    named = set()
    for _ in range(80):
        clock.tick(1)
        job = only_job(drs)
        for each in job["participatingServers"]:
            shows = each["launchStatus"] == "LAUNCHED" and job["status"] != "COMPLETED"
            assert ("recoveryInstanceID" in each) is shows
            named |= {each.get("recoveryInstanceID")} - {None}
    assert job["status"] == "COMPLETED"
    assert len(named) >= 3


def test_failed_server_shows_in_launch_status_and_log_and_job_completes(
    drs: DrsClient, clock: FrozenDateTimeFactory
) -> None:
    job_id = start(drs, servers(3, life=life_with(failed_servers=1)))["jobID"]
    clock.tick(60)
    job = only_job(drs)
    assert job["status"] == "COMPLETED"
    assert sorted(each["launchStatus"] for each in job["participatingServers"]) == ["FAILED", "LAUNCHED", "LAUNCHED"]
    failed = [each["sourceServerID"] for each in job["participatingServers"] if each["launchStatus"] == "FAILED"]
    items = drs.describe_job_log_items(jobID=job_id)["items"]
    (item,) = [each for each in items if str(each["event"]) == "LAUNCH_FAILED"]
    assert [item["eventData"]["sourceServerID"]] == failed
    assert item["eventData"]["rawError"]


def test_post_launch_actions_show_in_the_job_and_the_last_ones_fail(
    drs: DrsClient, clock: FrozenDateTimeFactory
) -> None:
    start(drs, servers(1, life=life_with(actions=2, action_time="10s", failed_actions=1)))
    seen = []
    for seconds in (34, 1, 10, 10):
        clock.tick(seconds)
        (server,) = only_job(drs)["participatingServers"]
        runs = server.get("launchActionsStatus", {}).get("runs", [])
        seen.append([(each["action"]["order"], each["status"], "failureReason" in each) for each in runs])
    assert seen == [
        [],
        [(2, "IN_PROGRESS", False)],
        [(2, "SUCCEEDED", False), (3, "IN_PROGRESS", False)],
        [(2, "SUCCEEDED", False), (3, "FAILED", True)],
    ]


def test_log_items_come_oldest_first_in_the_order_of_awss_samples(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    first, second = servers(2)
    job_id = start(drs, [first, second])["jobID"]
    assert drs.describe_job_log_items(jobID=job_id)["items"] == []
    clock.tick(36)
    items = drs.describe_job_log_items(jobID=job_id)["items"]
    shown = [(str(each["event"]), each["eventData"].get("sourceServerID")) for each in items]
    assert shown == [
        ("JOB_START", None),
        *[(event, name) for name in (first, second) for event in ("SNAPSHOT_START", "SNAPSHOT_END")],
        *[("CONVERSION_START", name) for name in (first, second)],
        *[(event, name) for name in (first, second) for event in ("CONVERSION_END", "LAUNCH_START")],
        *[("LAUNCH_END", name) for name in (first, second)],
        ("JOB_END", None),
    ]
    assert [each["logDateTime"] for each in items] == sorted(each["logDateTime"] for each in items)
    assert (items[0]["eventData"], items[-1]["eventData"]) == ({}, {})
    data = {str(each["event"]): set(each["eventData"]) for each in items}
    assert data["CONVERSION_END"] == {"sourceServerID", "conversionServerID"}
    assert data["LAUNCH_END"] == {"sourceServerID", "targetInstanceID"}


def test_a_log_shows_no_more_than_has_happened(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    job_id = start(drs, servers(1))["jobID"]
    clock.tick(20)
    assert str(drs.describe_job_log_items(jobID=job_id)["items"][-1]["event"]) == "LAUNCH_START"


def test_an_unknown_job_has_no_log_and_is_not_described(drs: DrsClient) -> None:
    start(drs, servers(1))
    unknown = "drsjob-00000000000000000"
    assert drs.describe_job_log_items(jobID=unknown)["items"] == []
    assert drs.describe_jobs(filters={"jobIDs": [unknown]})["items"] == []


def test_jobs_come_newest_first_and_of_one_instant_the_later_call_first(
    drs: DrsClient, clock: FrozenDateTimeFactory
) -> None:
    ids = servers(4)
    started = [start(drs, [ids[0]])["jobID"], start(drs, [ids[1]])["jobID"]]
    clock.tick(1)
    started += [start(drs, [ids[2]])["jobID"], start(drs, [ids[3]])["jobID"]]
    assert [job["jobID"] for job in drs.describe_jobs()["items"]] == started[::-1]


def test_jobs_are_filtered_by_id_and_by_dates_that_both_count(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    jobs = []
    for server in servers(3):
        jobs.append(start(drs, [server]))
        clock.tick(60)
    first, second, third = (job["jobID"] for job in jobs)

    def found(**filters: Any) -> list[str]:
        return [job["jobID"] for job in drs.describe_jobs(filters=filters)["items"]]

    assert found() == found(jobIDs=[]) == [third, second, first]
    assert found(jobIDs=[first, third, first]) == [third, first]
    assert found(fromDate="2025-11-28T20:33:29Z") == [third, second]
    assert found(toDate="2025-11-28T20:33:29Z") == [second, first]
    # What DRS said of a job is a filter as well, in AWS's form.
    assert found(fromDate=jobs[1]["creationDateTime"], toDate=jobs[1]["creationDateTime"]) == [second]
    assert found(jobIDs=[first], fromDate="2025-11-28T20:33:29Z") == []
    assert found(fromDate="2025-11-28T20:33:29.000001Z") == [third]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_pages_hold_max_results_and_go_on_to_the_end(drs: DrsClient, size: int) -> None:
    jobs = [start(drs, [server])["jobID"] for server in servers(5)]
    pages = []
    token = None
    while True:
        page = drs.describe_jobs(maxResults=size, **({} if token is None else {"nextToken": token}))
        pages.append([job["jobID"] for job in page["items"]])
        token = page.get("nextToken")
        if token is None:
            break
    assert [job for page in pages for job in page] == jobs[::-1]
    assert all(len(page) == size for page in pages[:-1])
    assert 1 <= len(pages[-1]) <= size


def test_botocores_paginators_walk_jobs_logs_servers_and_instances(
    drs: DrsClient, clock: FrozenDateTimeFactory
) -> None:
    ids = servers(3)
    job_id = start(drs, ids)["jobID"]
    clock.tick(60)
    config = {"PageSize": 2}
    logs = [
        item
        for page in drs.get_paginator("describe_job_log_items").paginate(jobID=job_id, PaginationConfig=config)
        for item in page["items"]
    ]
    assert logs == drs.describe_job_log_items(jobID=job_id)["items"]
    found = [
        item["sourceServerID"]
        for page in drs.get_paginator("describe_source_servers").paginate(PaginationConfig=config)
        for item in page["items"]
    ]
    launched = [
        item["sourceServerID"]
        for page in drs.get_paginator("describe_recovery_instances").paginate(PaginationConfig=config)
        for item in page["items"]
    ]
    assert found == launched == ids


def test_a_page_without_max_results_is_as_long_as_the_service_says(drs: DrsClient) -> None:
    servers(101)
    page = drs.describe_source_servers()
    assert len(page["items"]) == 100
    assert len(drs.describe_source_servers(nextToken=page["nextToken"])["items"]) == 1
    assert len(drs.describe_source_servers(maxResults=1000)["items"]) == 101
    set_quotas(ACCOUNT, EAST, Drs(page_size=7))
    assert len(drs.describe_source_servers()["items"]) == 7


def test_a_deleted_job_is_seen_no_more_but_what_it_launched_stays(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    job = start(drs, servers(1))
    clock.tick(60)
    drs.delete_job(jobID=job["jobID"])
    assert drs.describe_jobs()["items"] == []
    assert drs.describe_job_log_items(jobID=job["jobID"])["items"] == []
    assert [each["jobID"] for each in drs.describe_recovery_instances()["items"]] == [job["jobID"]]
    assert drs.describe_source_servers()["items"][0]["lastLaunchResult"] == "SUCCEEDED"
    assert refusal(drs.delete_job, jobID=job["jobID"]).kind == (404, "ResourceNotFoundException")
    assert refusal(drs.list_tags_for_resource, resourceArn=job["arn"]).kind == (404, "ResourceNotFoundException")


def test_times_are_texts_in_awss_form_of_the_hosts_time(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    created = start(drs, servers(1))["creationDateTime"]
    assert isinstance(created, str)
    assert datetime.fromisoformat(created) == datetime(2025, 11, 28, 20, 32, 29, tzinfo=UTC)


# --- jobs that AWS starts -------------------------------------------------------------------------------------


def test_job_for_a_target_account_makes_snapshots_only(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    region, ids = drs_backends[ACCOUNT][EAST].region, servers(2, life=FIXED.model_copy(update={"actions": 1}))
    job_id = start_aws_job(region, ids, "TARGET_ACCOUNT").job_id
    assert refusal(start, drs=drs, ids=ids[:1]).kind == (409, "ConflictException")
    clock.tick(34)
    (job,) = drs.describe_jobs()["items"]
    assert (job["type"], job["initiatedBy"]) == ("CREATE_CONVERTED_SNAPSHOT", "TARGET_ACCOUNT")
    clock.tick(60)
    (job,) = drs.describe_jobs()["items"]
    assert job["status"] == "COMPLETED"
    assert all("launchActionsStatus" not in each for each in job["participatingServers"])
    events = [str(each["event"]) for each in drs.describe_job_log_items(jobID=job_id)["items"]]
    ours = ["SNAPSHOT_START", "SNAPSHOT_END", "CONVERSION_START", "CONVERSION_END"]
    assert sorted(set(events)) == sorted(["JOB_START", *ours, "JOB_END"])
    assert drs.describe_recovery_instances()["items"] == []
    assert {each["lastLaunchResult"] for each in drs.describe_source_servers()["items"]} == {"NOT_STARTED"}
    assert list(launch_results(region, 0)) == []


def test_job_of_aws_support_launches_a_drill(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    start_aws_job(drs_backends[ACCOUNT][EAST].region, servers(1), "DIAGNOSTIC")
    clock.tick(60)
    (job,) = drs.describe_jobs()["items"]
    assert (job["type"], job["initiatedBy"]) == ("LAUNCH", "DIAGNOSTIC")
    assert [each["isDrill"] for each in drs.describe_recovery_instances()["items"]] == [True]


def test_job_that_aws_never_starts_is_refused(drs: DrsClient) -> None:
    with pytest.raises(ValueError, match="initiated_by must be DIAGNOSTIC or TARGET_ACCOUNT, got 'START_DRILL'"):
        start_aws_job(drs_backends[ACCOUNT][EAST].region, servers(1), "START_DRILL")
