"""The backend in moto's server, over a real socket."""

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, FIXED, DrsClient, client, refusal, session, start

pytest.importorskip("flask_cors", reason="moto's server needs moto[server]")

from drsim.simulator.moto_drs import JobLife, add_source_servers

OVER = JobLife.model_validate({"pending": "0s", "started": "0s", "in_progress": "0s"})


def a_client(endpoint_url: str, region: str = EAST) -> DrsClient:
    return client(region, endpoint_url=endpoint_url)


@pytest.mark.slow
@pytest.mark.socket
def test_a_drill_runs_over_http_with_every_operation(endpoint_url: str) -> None:
    drs = a_client(endpoint_url)
    ids = add_source_servers(ACCOUNT, EAST, 3, life=OVER)
    job = start(drs, ids, isDrill=True, tags={"a": "b"})
    assert [each["jobID"] for each in drs.describe_jobs(filters={"jobIDs": [job["jobID"]]})["items"]] == [job["jobID"]]
    assert str(drs.describe_job_log_items(jobID=job["jobID"])["items"][0]["event"]) == "JOB_START"
    pages = drs.get_paginator("describe_source_servers").paginate(PaginationConfig={"PageSize": 2})
    assert [each["sourceServerID"] for page in pages for each in page["items"]] == ids
    drs.tag_resource(resourceArn=job["arn"], tags={"c/d": "e f"})
    drs.untag_resource(resourceArn=job["arn"], tagKeys=["a"])
    assert drs.list_tags_for_resource(resourceArn=job["arn"])["tags"] == {"c/d": "e f"}
    instances = [each["recoveryInstanceID"] for each in drs.describe_recovery_instances()["items"]]
    drs.terminate_recovery_instances(recoveryInstanceIDs=instances)
    assert drs.describe_recovery_instances()["items"] == []
    drs.delete_job(jobID=job["jobID"])
    assert len(drs.describe_jobs()["items"]) == 1


@pytest.mark.slow
@pytest.mark.socket
def test_over_http_ec2_has_what_a_job_launched(endpoint_url: str) -> None:
    drs, ec2 = a_client(endpoint_url), session().client("ec2", EAST, endpoint_url=endpoint_url)
    (server,) = add_source_servers(ACCOUNT, EAST, 1, life=OVER)
    start(drs, [server])
    (instance_id,) = (each["recoveryInstanceID"] for each in drs.describe_recovery_instances()["items"])
    (reservation,) = ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
    (instance,) = reservation["Instances"]
    tags = {each["Key"]: each["Value"] for each in instance["Tags"]}
    assert (instance["State"]["Name"], tags["drs.amazonaws.com-source-server"]) == ("running", server)


@pytest.mark.slow
@pytest.mark.socket
def test_over_http_errors_and_regions_are_what_they_are_in_process(endpoint_url: str) -> None:
    east, west = a_client(endpoint_url), a_client(endpoint_url, "us-west-2")
    (server,) = add_source_servers(ACCOUNT, EAST, 1, life=FIXED)
    start(east, [server])
    assert refusal(start, drs=east, ids=[server]).kind == (409, "ConflictException")
    assert refusal(east.describe_jobs, filters={"jobIDs": ["job-drill-1234567890abcdef"]}).kind == (
        400,
        "ValidationException",
    )
    assert refusal(west.delete_job, jobID="drsjob-00000000000000000").kind == (404, "ResourceNotFoundException")
    assert west.describe_source_servers()["items"] == []


CREDENTIALS = "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/drs/aws4_request, SignedHeaders=a, Signature=b"


def raw(url: str, body: bytes | None) -> tuple[int, Any]:
    """The status and answer of a request that botocore would not send."""
    headers = {"Authorization": CREDENTIALS, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=body, headers=headers, method="GET" if body is None else "POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.slow
@pytest.mark.socket
def test_unknown_members_of_a_request_are_ignored(endpoint_url: str) -> None:
    (server,) = add_source_servers(ACCOUNT, EAST, 1)
    request = {"sourceServerID": server, "name": "mine", "licensing": {"osByol": True, "bogus": 2}}
    unknown = {"ec2LaunchTemplateID": ["x"], "bogus": 1}
    before = a_client(endpoint_url).get_launch_configuration(sourceServerID=server)
    status, answer = raw(f"{endpoint_url}/UpdateLaunchConfiguration", json.dumps({**request, **unknown}).encode())
    expected = {**before, "name": "mine", "licensing": {"osByol": True}}
    expected.pop("ResponseMetadata")
    assert (status, answer) == (200, expected)
    assert session().client("ec2", EAST, endpoint_url=endpoint_url).describe_instances()["Reservations"] == []


@pytest.mark.slow
@pytest.mark.socket
@pytest.mark.parametrize(
    ("path", "body"),
    [("ListStagingAccounts?maxResults=" + "9" * 5000, None), ("DescribeJobs", b"\xff"), ("DescribeJobs", b"[]")],
    ids=["digits", "no UTF-8", "list"],
)
def test_an_unreadable_request_is_a_validation_exception(endpoint_url: str, path: str, body: bytes | None) -> None:
    status, answer = raw(f"{endpoint_url}/{path}", body)
    assert (status, answer["__type"]) == (400, "ValidationException")
