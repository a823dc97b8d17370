"""DescribeJobs: its requests, and the meaning of its answers. The answers have the shapes of AWS's service model."""

import boto3.session
import pytest

from drsim.orchestrator.aws.drs import RegionalJobs
from drsim.orchestrator.errors import MalformedError, RefusedError
from drsim.orchestrator.model import ActionStatus, Job, JobScope, JobStatus, ServerLaunch, ServerStatus
from drsim.orchestrator.ports import JobsPage
from tests.orchestrator.aws.wire import Answer, Request, Wire, in_json
from tests.orchestrator.samples import EAST, WEST

JOB_ID = "drsjob-0123456789abcdef0"
JOB = {
    "jobID": JOB_ID,
    "arn": "arn:aws:drs:us-east-1:777788889999:job/drsjob-0123456789abcdef0",
    "type": "LAUNCH",
    "initiatedBy": "START_RECOVERY",
    "creationDateTime": "2022-12-07T19:15:38.846723+00:00",
    "endDateTime": "2022-12-07T19:35:38.846723+00:00",
    "status": "COMPLETED",
    "participatingServers": [
        {
            "sourceServerID": "s-1",
            "recoveryInstanceID": "i-1",
            "launchStatus": "LAUNCHED",
            "launchActionsStatus": {
                "ssmAgentDiscoveryDatetime": "2022-12-07T19:30:38.846723+00:00",
                "runs": [
                    {"action": {"actionId": "a", "order": 2}, "runId": "r-1", "status": "SUCCEEDED"},
                    {"runId": "r-2", "status": "FAILED", "failureReason": "no"},
                    {"runId": "r-3"},
                ],
            },
        },
        {"sourceServerID": "s-2", "launchStatus": "FAILED", "recoveryInstanceID": ""},
        {"sourceServerID": "s-3", "launchStatus": "TERMINATED", "launchActionsStatus": {}},
        {"sourceServerID": "s-4"},
    ],
    "tags": {"Owner": "dr"},
    "participatingResources": [],
}


def jobs_over(session: boto3.session.Session, *answers: Answer | Exception) -> tuple[RegionalJobs, Wire]:
    client = session.client("drs")
    return RegionalJobs(lambda _: client), Wire(client, *answers)


def sent(request: Request) -> tuple[str, object]:
    return request.url, request.json


def test_job_is_read_with_servers_instances_and_launch_actions(
    session: boto3.session.Session,
) -> None:
    jobs, wire = jobs_over(session, in_json({"items": [JOB]}))
    assert jobs.describe_page(EAST, [JOB_ID], None) == JobsPage(
        (
            Job(
                JOB_ID,
                JobStatus.COMPLETED,
                (
                    ServerLaunch(
                        "s-1",
                        ServerStatus.LAUNCHED,
                        "i-1",
                        # A run without a status is neither running nor ended: DRS left the status out.
                        (ActionStatus.SUCCEEDED, ActionStatus.FAILED, None),
                    ),
                    ServerLaunch("s-2", ServerStatus.FAILED),
                    ServerLaunch("s-3", ServerStatus.TERMINATED),
                    # DRS said nothing about s-4.
                ),
            ),
        )
    )
    url = "https://drs.us-east-1.amazonaws.com/DescribeJobs"
    assert list(map(sent, wire.requests)) == [(url, {"filters": {"jobIDs": [JOB_ID]}})]


def test_next_page_is_requested_by_token_and_the_last_has_none(session: boto3.session.Session) -> None:
    bare = {"jobID": JOB_ID, "status": "PENDING"}
    jobs, wire = jobs_over(session, in_json({"items": [], "nextToken": "t-2"}), in_json({"items": [bare]}))
    first = jobs.describe_page(EAST, [JOB_ID], None)
    last = jobs.describe_page(EAST, [JOB_ID], first.next_token)
    assert (first, last) == (JobsPage((), "t-2"), JobsPage((Job(JOB_ID, JobStatus.PENDING),)))
    assert wire.requests[1].json == {"filters": {"jobIDs": [JOB_ID]}, "nextToken": "t-2"}


@pytest.mark.parametrize("answer", [{}, {"items": []}, {"items": [], "nextToken": ""}])
def test_answer_without_jobs_is_an_empty_page(session: boto3.session.Session, answer: object) -> None:
    jobs, _ = jobs_over(session, in_json(answer))
    assert jobs.describe_page(EAST, [JOB_ID], None) == JobsPage(())


def test_each_account_and_region_uses_its_own_client(session: boto3.session.Session) -> None:
    clients = {scope: session.client("drs", region_name=scope.region) for scope in (EAST, WEST)}
    wires = {scope: Wire(client, in_json({"items": []})) for scope, client in clients.items()}
    RegionalJobs(clients.__getitem__).describe_page(WEST, [JOB_ID], None)
    assert [len(wires[scope].requests) for scope in (EAST, WEST)] == [0, 1]
    assert wires[WEST].requests[0].url == "https://drs.us-west-2.amazonaws.com/DescribeJobs"


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"status": "CANCELLED"}, "status must be one of PENDING, STARTED, COMPLETED, got 'CANCELLED'"),
        ({"status": None}, "status must be one of PENDING, STARTED, COMPLETED, got None"),
        (
            {"participatingServers": [{"sourceServerID": "s-1", "launchStatus": "PAUSED"}]},
            r"server s-1: launchStatus must be one of .*, got 'PAUSED'",
        ),
        # NOT_STARTED is not a word of DRS. This package uses it for servers that no job has named.
        (
            {"participatingServers": [{"sourceServerID": "s-1", "launchStatus": "NOT_STARTED"}]},
            r"server s-1: launchStatus must be one of .*, got 'NOT_STARTED'",
        ),
        (
            {
                "participatingServers": [
                    {
                        "sourceServerID": "s-1",
                        "launchStatus": "LAUNCHED",
                        "launchActionsStatus": {"runs": [{"status": "?"}]},
                    }
                ]
            },
            r"server s-1: run must be one of IN_PROGRESS, SUCCEEDED, FAILED, got '\?'",
        ),
        (
            {"participatingServers": [{"launchStatus": "LAUNCHED"}]},
            "sourceServerID must be a text of at least one character, got None",
        ),
    ],
)
def test_unknown_or_missing_word_of_drs_is_refused(
    session: boto3.session.Session, job: dict[str, object], message: str
) -> None:
    jobs, _ = jobs_over(session, in_json({"items": [JOB | job]}))
    with pytest.raises(MalformedError, match=rf"^DescribeJobs: job {JOB_ID}: {message}$"):
        jobs.describe_page(EAST, [JOB_ID], None)


def test_job_without_an_id_is_refused(session: boto3.session.Session) -> None:
    jobs, _ = jobs_over(session, in_json({"items": [{"status": "PENDING"}]}))
    with pytest.raises(MalformedError, match=r"^DescribeJobs: jobID must be a text .*, got None$"):
        jobs.describe_page(EAST, [JOB_ID], None)


def test_impossible_job_id_is_left_out_of_the_request(session: boto3.session.Session) -> None:
    jobs, wire = jobs_over(session, in_json({"items": []}))
    jobs.describe_page(EAST, ["job-drill-1234567890abcdef", JOB_ID, f"{JOB_ID}0"], None)
    assert [request.json for request in wire.requests] == [{"filters": {"jobIDs": [JOB_ID]}}]


def test_request_without_a_possible_job_id_is_not_sent(session: boto3.session.Session) -> None:
    jobs, wire = jobs_over(session, in_json({"items": [JOB]}))
    assert jobs.describe_page(EAST, ["drsjob-1"], None) == JobsPage(())
    assert wire.requests == []


def test_invalid_region_is_refused(session: boto3.session.Session) -> None:
    jobs = RegionalJobs(lambda scope: session.client("drs", region_name=scope.region))
    with pytest.raises(RefusedError, match=r"^DescribeJobs \(account 1, not a region\): InvalidRegionError: "):
        jobs.describe_page(JobScope("1", "not a region"), [JOB_ID], None)
