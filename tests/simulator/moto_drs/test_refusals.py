"""Calls that are refused: code, HTTP status and members of each error, and in which order they are checked."""

from typing import Any

import pytest
from botocore.config import Config
from freezegun.api import FrozenDateTimeFactory

from drsim.simulator.drs_api.answers import answer
from drsim.simulator.moto_drs import (
    AccessDeniedError,
    Drs,
    DRSError,
    InternalServerError,
    ThrottlingError,
    add_source_servers,
    drs_backends,
    fail_next,
    set_quotas,
    uninitialize,
)
from tests.simulator.moto_drs.answers import MODEL
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, refusal, servers, session, start
from tests.simulator.moto_drs.well_formed import ARN, INSTANCE, JOB, MODELLED, REQUESTS, SERVER


@pytest.mark.parametrize(
    ("operation", "code"), [each for each in MODELLED if each[1] in {"InternalServerException", "ThrottlingException"}]
)
def test_every_operation_can_be_throttled_and_can_fail(drs: DrsClient, operation: str, code: str) -> None:
    error: DRSError = ThrottlingError(retry_after_s=7, quota_code="L-1")
    members: dict[str, Any] = {"serviceCode": "drs", "quotaCode": "L-1", "retryAfterSeconds": "7"}
    status = 429
    if code == "InternalServerException":
        error, members, status = InternalServerError(retry_after_s=3), {"retryAfterSeconds": 3}, 500
    fail_next(ACCOUNT, EAST, operation, error)
    method, request = REQUESTS[operation]
    refused = refusal(getattr(drs, method), **request)
    assert refused.kind == (status, code)
    assert refused.members == members


@pytest.mark.parametrize("operation", [name for name, code in MODELLED if code == "AccessDeniedException"])
def test_access_can_be_denied_where_that_is_modelled(drs: DrsClient, operation: str) -> None:
    fail_next(ACCOUNT, EAST, operation, AccessDeniedError())
    method, request = REQUESTS[operation]
    assert refusal(getattr(drs, method), **request).kind == (403, "AccessDeniedException")


def test_calls_fail_the_given_number_of_times_and_botocore_retries(
    drs: DrsClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_next(ACCOUNT, EAST, "DescribeJobs", ThrottlingError(), times=2)
    assert [refusal(drs.describe_jobs).status for _ in range(2)] == [429, 429]
    assert drs.describe_jobs()["items"] == []
    slept: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", slept.append)
    fail_next(ACCOUNT, EAST, "DescribeJobs", InternalServerError(), times=2)
    patient = session().client("drs", EAST, config=Config(retries={"mode": "standard"}))
    assert patient.describe_jobs()["ResponseMetadata"]["RetryAttempts"] == len(slept) == 2


def test_fail_next_refuses_impossible_failures() -> None:
    with pytest.raises(ValueError, match=r"operation must be one of .*, DeleteJob, .*, got 'describe_jobs'"):
        fail_next(ACCOUNT, EAST, "describe_jobs", ThrottlingError())
    with pytest.raises(ValueError, match="times must be >= 1, got 0"):
        fail_next(ACCOUNT, EAST, "DescribeJobs", ThrottlingError(), times=0)


@pytest.mark.parametrize(
    "operation", [name for name in REQUESTS if (name, "UninitializedAccountException") in MODELLED]
)
def test_an_account_without_drs_is_uninitialized_there_and_nowhere_else(drs: DrsClient, operation: str) -> None:
    uninitialize(ACCOUNT, EAST)
    method, request = REQUESTS[operation]
    refused = refusal(getattr(drs, method), **request)
    assert (refused.kind, refused.message) == ((400, "UninitializedAccountException"), "Account not initialized")
    # The tag operations do not model that error.
    assert refusal(drs.list_tags_for_resource, resourceArn=ARN).kind == (404, "ResourceNotFoundException")


# --- requests that break the model's constraints --------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "request_", "fields"),
    [
        ("describe_jobs", {"filters": {"jobIDs": ["job-drill-1234567890abcdef"]}}, ["filters.jobIDs.0"] * 2),
        ("describe_jobs", {"filters": {"jobIDs": [JOB, f"{JOB[:-1]}-"]}}, ["filters.jobIDs.1"]),
        ("describe_jobs", {"filters": {"jobIDs": [JOB] * 1001}}, ["filters.jobIDs"]),
        ("describe_jobs", {"filters": {"fromDate": "2025-11-28 20:32:29"}}, ["filters.fromDate"]),
        ("describe_jobs", {"filters": {"fromDate": "2025-11-28T20:32:29Zulu"}}, ["filters.fromDate"]),
        ("describe_jobs", {"filters": {"toDate": "2025-02-30T00:00:00Z"}}, ["filters.toDate"]),
        ("describe_jobs", {"nextToken": "x" * 2049}, ["nextToken"]),
        ("describe_jobs", {"nextToken": "never given"}, ["nextToken"]),
        ("describe_jobs", {"nextToken": "YWZ0ZXI6LTE="}, ["nextToken"]),
        ("describe_job_log_items", {"jobID": "drsjob-0000000000000000é"}, ["jobID"]),
        ("describe_source_servers", {"filters": {"sourceServerIDs": [SERVER] * 201}}, ["filters.sourceServerIDs"]),
        ("describe_source_servers", {"filters": {"hardwareId": "x" * 257}}, ["filters.hardwareId"]),
        ("describe_source_servers", {"filters": {"stagingAccountIDs": ["12345678901x"]}},
         ["filters.stagingAccountIDs.0"]),
        # No ValidationException is modelled here, nor anything else that fits.
        ("describe_recovery_instances", {"filters": {"recoveryInstanceIDs": ["i-0000000g"]}},
         ["filters.recoveryInstanceIDs.0"]),
        ("describe_recovery_instances", {"nextToken": "never given"}, ["nextToken"]),
        ("tag_resource", {"resourceArn": ARN, "tags": {"k" * 257: "v"}}, ["tags." + "k" * 257]),
        ("tag_resource", {"resourceArn": ARN, "tags": {"k": "v" * 257}}, ["tags.k"]),
        ("untag_resource", {"resourceArn": ARN, "tagKeys": ["k" * 257]}, ["tagKeys.0"]),
        ("list_tags_for_resource", {"resourceArn": "nor an ARN at all, this"}, ["resourceArn"]),
    ],
)  # fmt: skip
def test_request_that_only_the_model_forbids_is_refused(
    drs: DrsClient, method: str, request_: dict[str, Any], fields: list[str]
) -> None:
    refused = refusal(getattr(drs, method), **request_)
    assert refused.kind == (400, "ValidationException")
    assert refused.members == {"reason": "fieldValidationFailed"}
    assert refused.fields == fields


def test_as_many_ids_as_the_model_allows_pass(drs: DrsClient) -> None:
    assert drs.describe_jobs(filters={"jobIDs": [JOB] * 1000})["items"] == []
    assert drs.describe_source_servers(filters={"sourceServerIDs": [SERVER] * 200})["items"] == []
    assert drs.describe_recovery_instances(filters={"sourceServerIDs": [SERVER] * 201})["items"] == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"null"])
def test_a_body_that_is_no_json_object_cannot_be_parsed(drs: DrsClient, body: bytes) -> None:
    def spoil(request: Any, **_: Any) -> None:
        request.data = body

    drs.meta.events.register("before-sign.drs", spoil)
    refused = refusal(drs.describe_jobs)
    assert (refused.kind, refused.members) == ((400, "ValidationException"), {"reason": "cannotParse"})


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b'{"maxResults": 0}', ["maxResults"]),
        (b'{"maxResults": "5"}', ["maxResults"]),
        (b'{"maxResults": true}', ["maxResults"]),
        (b'{"filters": []}', ["filters"]),
        (b'{"filters": {"jobIDs": [null]}}', ["filters.jobIDs.0"]),
    ],
)
def test_invalid_request_over_raw_http_is_refused(drs: DrsClient, body: bytes, fields: list[str]) -> None:
    def spoil(request: Any, **_: Any) -> None:
        request.data = body

    drs.meta.events.register("before-sign.drs", spoil)
    assert refusal(drs.describe_jobs).fields == fields


def test_a_required_member_that_raw_http_leaves_out_is_missed(drs: DrsClient) -> None:
    def spoil(request: Any, **_: Any) -> None:
        request.data = b'{"jobID": null}'

    drs.meta.events.register("before-sign.drs", spoil)
    refused = refusal(drs.describe_job_log_items, jobID=JOB)
    assert (refused.kind, refused.fields) == ((400, "ValidationException"), ["jobID"])


def test_a_member_that_is_null_or_unknown_is_as_if_it_were_not_there(drs: DrsClient) -> None:
    def spoil(request: Any, **_: Any) -> None:
        request.data = b'{"maxResults": null, "filters": {"jobIDs": null}, "planet": "Mars"}'

    drs.meta.events.register("before-sign.drs", spoil)
    assert drs.describe_jobs()["items"] == []


def test_two_hundred_and_one_servers_are_too_many_for_a_job(drs: DrsClient) -> None:
    refused = refusal(start, drs=drs, ids=servers(201))
    assert refused.kind == (402, "ServiceQuotaExceededException")
    assert (refused.members["serviceCode"], refused.members["quotaCode"]) == ("drs", "L-B827C881")
    refused = refusal(drs.terminate_recovery_instances, recoveryInstanceIDs=[INSTANCE] * 201)
    assert refused.kind == (402, "ServiceQuotaExceededException")


def test_unknown_server_is_a_conflict_and_no_job_starts(drs: DrsClient) -> None:
    refused = refusal(start, drs=drs, ids=[*servers(1), SERVER])
    assert refused.kind == (409, "ConflictException")
    assert drs.describe_jobs()["items"] == []


def test_an_unknown_snapshot_is_a_conflict(drs: DrsClient) -> None:
    (server,) = servers(1)
    bad = [{"sourceServerID": server, "recoverySnapshotID": "pit-00000000000000000"}]
    assert refusal(drs.start_recovery, sourceServers=bad).kind == (409, "ConflictException")
    assert drs.describe_jobs()["items"] == []


def test_an_unknown_instance_is_a_conflict_that_ends_nothing(drs: DrsClient) -> None:
    refused = refusal(drs.terminate_recovery_instances, recoveryInstanceIDs=[INSTANCE])
    assert refused.kind == (409, "ConflictException")
    assert refused.members == {"resourceId": INSTANCE, "resourceType": "recovery-instance"}


def test_missing_job_cannot_be_deleted(drs: DrsClient) -> None:
    refused = refusal(drs.delete_job, jobID=JOB)
    assert refused.kind == (404, "ResourceNotFoundException")
    assert refused.members == {"resourceId": JOB, "resourceType": "job"}


def test_a_job_that_has_not_ended_cannot_be_deleted(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    job_id = start(drs, servers(1))["jobID"]
    clock.tick(34)
    refused = refusal(drs.delete_job, jobID=job_id)
    assert refused.kind == (409, "ConflictException")
    assert refused.members == {"resourceId": job_id, "resourceType": "job"}
    clock.tick(1)
    drs.delete_job(jobID=job_id)


@pytest.mark.parametrize(
    "arn",
    [
        ARN,
        f"arn:aws:drs:{EAST}:{ACCOUNT}:source-server/{SERVER}",
        f"arn:aws:drs:{EAST}:{ACCOUNT}:recovery-instance/{INSTANCE}",
        f"arn:aws:drs:{EAST}:{ACCOUNT}:launch-configuration-template/lct-1",
        f"arn:aws:drs:{EAST}:{ACCOUNT}:nothing",
    ],
)
def test_missing_resource_has_no_tags(drs: DrsClient, arn: str) -> None:
    for call, more in (
        (drs.list_tags_for_resource, {}),
        (drs.tag_resource, {"tags": {"a": "b"}}),
        (drs.untag_resource, {"tagKeys": ["a"]}),
    ):
        assert refusal(call, resourceArn=arn, **more).kind == (404, "ResourceNotFoundException")


def test_a_resource_of_another_account_or_region_has_no_tags_here(drs: DrsClient) -> None:
    arn = start(drs, servers(1))["arn"]
    assert drs.list_tags_for_resource(resourceArn=arn)["tags"] == {}
    for other in (arn.replace(ACCOUNT, "999988887777"), arn.replace(EAST, "us-west-2"), arn.replace(":drs:", ":mgn:")):
        assert refusal(drs.list_tags_for_resource, resourceArn=other).status == 404


def test_a_source_server_id_that_drs_could_not_have_given_is_refused_early() -> None:
    with pytest.raises(ValueError, match=r"must match s-\[0-9a-zA-Z\]\{17\}, got 's-1'"):
        add_source_servers(ACCOUNT, EAST, ["s-1"])
    with pytest.raises(ValueError, match="servers must be >= 0, got -1"):
        add_source_servers(ACCOUNT, EAST, -1)


# --- quotas and conflicts -------------------------------------------------------------------------------------


def test_a_server_in_a_job_refuses_the_whole_call(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    busy, free = servers(2)
    start(drs, [busy])
    refused = refusal(start, drs=drs, ids=[free, busy])
    assert refused.kind == (409, "ConflictException")
    assert refused.message == (
        "One or more of the Source Servers included in API call are currently being processed by a Job"
    )
    assert refused.members == {"resourceId": busy, "resourceType": "source-server"}
    start(drs, [free])
    clock.tick(35)
    (instance, _) = drs.describe_recovery_instances()["items"]
    drs.terminate_recovery_instances(recoveryInstanceIDs=[instance["recoveryInstanceID"]])
    assert refusal(start, drs=drs, ids=[busy]).kind == (409, "ConflictException")
    again = refusal(drs.terminate_recovery_instances, recoveryInstanceIDs=[instance["recoveryInstanceID"]])
    assert again.kind == (409, "ConflictException")


@pytest.mark.parametrize(
    ("jobs", "size", "quota"), [([1] * 20, 1, "L-D88FAC3A"), ([], 101, "L-B827C881"), ([100] * 5, 1, "L-05AFA8C6")]
)
def test_a_job_beyond_a_quota_is_refused_until_there_is_room(
    drs: DrsClient, clock: FrozenDateTimeFactory, jobs: list[int], size: int, quota: str
) -> None:
    for count in jobs:
        start(drs, servers(count))
    ids = servers(size)
    refused = refusal(start, drs=drs, ids=ids)
    assert refused.kind == (402, "ServiceQuotaExceededException")
    assert refused.members["quotaCode"] == quota
    assert refused.members["serviceCode"] == "drs"
    clock.tick(35)
    start(drs, ids[:100])


def test_quotas_can_be_set(drs: DrsClient) -> None:
    set_quotas(ACCOUNT, EAST, Drs(jobs_max=1))
    first, second = servers(2)
    start(drs, [first])
    assert refusal(start, drs=drs, ids=[second]).members["quotaCode"] == "L-D88FAC3A"


def test_a_termination_counts_against_the_quotas(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    start(drs, servers(2, life=FIXED))
    clock.tick(60)
    one, two = (each["recoveryInstanceID"] for each in drs.describe_recovery_instances()["items"])
    set_quotas(ACCOUNT, EAST, Drs(jobs_max=1))
    drs.terminate_recovery_instances(recoveryInstanceIDs=[one])
    refused = refusal(drs.terminate_recovery_instances, recoveryInstanceIDs=[two])
    assert refused.kind == (402, "ServiceQuotaExceededException")


SNAPSHOT = "snap-0000000000000000"
"""The id of an EBS snapshot, of as many characters as that of a recovery snapshot."""


@pytest.mark.parametrize(
    ("operation", "request_", "field"),
    [
        ("list_launch_actions", {"resourceId": "server 1"}, "resourceId"),
        ("start_recovery", {"sourceServers": [{"sourceServerID": "job-drill-1234567890"}]}, ".sourceServerID"),
        (
            "start_recovery",
            {"sourceServers": [{"sourceServerID": SERVER, "recoverySnapshotID": SNAPSHOT}]},
            "ID",
        ),
        ("terminate_recovery_instances", {"recoveryInstanceIDs": ["i-00000000!"]}, "recoveryInstanceIDs.0"),
        ("delete_job", {"jobID": "drsjob-0000000000000000!"}, "jobID"),
        ("delete_recovery_instance", {"recoveryInstanceID": "i-00000000!"}, "recoveryInstanceID"),
        ("stop_replication", {"sourceServerID": "s-0000000000000000!"}, "sourceServerID"),
    ],
)
def test_malformed_id_is_invalid_also_where_that_is_not_modelled(
    drs: DrsClient, operation: str, request_: dict[str, Any], field: str
) -> None:
    refused = refusal(getattr(drs, operation), **request_)
    assert refused.kind == (400, "ValidationException")
    assert refused.fields[0].endswith(field)


# --- tags -----------------------------------------------------------------------------------------------------


def test_resource_has_at_most_fifty_tags(drs: DrsClient) -> None:
    most, (server,) = {f"key-{number}": "" for number in range(50)}, servers(1)
    (arn,) = (each["arn"] for each in drs.describe_source_servers()["items"])
    drs.tag_resource(resourceArn=arn, tags=most)
    drs.tag_resource(resourceArn=arn, tags={"key-0": "changed"})
    refused = refusal(drs.tag_resource, resourceArn=arn, tags={"one more": ""})
    assert (refused.kind, refused.fields) == ((400, "ValidationException"), ["tags"])
    assert drs.list_tags_for_resource(resourceArn=arn)["tags"] == {**most, "key-0": "changed"}
    assert refusal(start, drs=drs, ids=[server], tags={**most, "one more": ""}).status == 400
    assert drs.describe_jobs()["items"] == []


@pytest.mark.parametrize("key", ["aws:cloudformation:stack-name", "AWS:x"])
def test_tag_key_of_aws_is_refused(drs: DrsClient, key: str) -> None:
    job = start(drs, servers(1))
    assert refusal(drs.tag_resource, resourceArn=job["arn"], tags={key: "x"}).fields == ["tags"]
    assert refusal(drs.create_recovery_plan, name="plan", tags={key: "x"}).fields == ["tags"]


@pytest.mark.usefixtures("drs")
def test_member_named_tags_is_ignored_where_the_model_has_none() -> None:
    region = drs_backends[ACCOUNT][EAST].region
    assert answer(MODEL.operation_model("DescribeJobs"), region, {"tags": 5}) == {"items": []}
