"""What surrounds every operation: the record of calls, throttling, and moto's IAM."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from freezegun.api import FrozenDateTimeFactory
from moto.core import set_initial_no_auth_action_count

from drsim.simulator.moto_drs import ThrottlingError, advance, calls, drs_backends, fail_next, throttle
from drsim.simulator.moto_drs.authorization import needs
from tests.simulator.moto_drs.conftest import ACCOUNT, EAST, DrsClient, client, refusal, servers, session, start

# --- the record of calls --------------------------------------------------------------------------------------


def test_a_call_is_recorded_as_cloudtrail_does(drs: DrsClient) -> None:
    (server_id,) = servers(1)
    job = start(drs, [server_id], isDrill=True)
    (record,) = calls(ACCOUNT, EAST)
    assert (record["eventSource"], record["eventName"]) == ("drs.amazonaws.com", "StartRecovery")
    assert record["requestParameters"] == {"sourceServers": [{"sourceServerID": server_id}], "isDrill": True}
    assert record["responseElements"]["job"]["jobID"] == job["jobID"]
    assert (record["eventTime"], record["readOnly"]) == ("2025-11-28T20:32:29Z", False)
    assert record["userIdentity"] == {"arn": f"arn:aws:iam::{ACCOUNT}:root", "accountId": ACCOUNT}
    assert record["userAgent"].startswith("Boto3/")
    assert "errorCode" not in record


def test_a_read_is_recorded_without_its_response(drs: DrsClient) -> None:
    drs.describe_jobs(maxResults=5)
    (record,) = calls(ACCOUNT, EAST)
    assert (record["readOnly"], record["responseElements"]) == (True, None)
    assert record["requestParameters"] == {"maxResults": 5}


def test_a_refused_call_is_recorded_with_its_error(drs: DrsClient) -> None:
    missing = "drsjob-00000000000000000"
    refusal(drs.delete_job, jobID=missing)
    fail_next(ACCOUNT, EAST, "DescribeJobs", ThrottlingError())
    refusal(drs.describe_jobs)
    deleted, described = calls(ACCOUNT, EAST)
    assert (deleted["errorCode"], deleted["errorMessage"]) == (
        "ResourceNotFoundException",
        f"Job {missing} was not found",
    )
    assert (described["errorCode"], described["requestParameters"]) == ("ThrottlingException", None)


def test_calls_are_kept_by_account_and_region_and_found_by_operation(drs: DrsClient) -> None:
    drs.describe_jobs()
    drs.describe_source_servers()
    client("us-west-2").describe_jobs()
    assert [each["eventName"] for each in calls(ACCOUNT, EAST)] == ["DescribeJobs", "DescribeSourceServers"]
    assert len(calls(ACCOUNT, EAST, "DescribeJobs")) == len(calls(ACCOUNT, "us-west-2")) == 1
    assert len({each["eventID"] for each in calls(ACCOUNT, EAST)}) == 2


def test_changing_a_returned_record_changes_no_record(drs: DrsClient) -> None:
    drs.describe_jobs(filters={"jobIDs": []})
    calls(ACCOUNT, EAST)[0]["requestParameters"]["filters"]["jobIDs"].append("x")
    assert calls(ACCOUNT, EAST)[0]["requestParameters"] == {"filters": {"jobIDs": []}}


# --- throttling -----------------------------------------------------------------------------------------------


def test_calls_beyond_the_burst_are_throttled_until_refilled(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    throttle(ACCOUNT, EAST, rate=0.5, burst=2)
    drs.describe_jobs()
    drs.describe_source_servers()
    refused = refusal(drs.describe_jobs)
    assert refused.kind == (429, "ThrottlingException")
    assert refused.members["retryAfterSeconds"] == "2"
    clock.tick(1.5)
    assert refusal(drs.describe_jobs).members["retryAfterSeconds"] == "1"
    advance(1 / 60)
    drs.describe_jobs()
    # An hour fills the bucket to its burst, not beyond.
    clock.tick(3600)
    drs.describe_jobs()
    drs.describe_jobs()
    assert refusal(drs.describe_jobs).code == "ThrottlingException"


def test_one_operation_is_throttled_alone(drs: DrsClient) -> None:
    throttle(ACCOUNT, EAST, rate=1, operation="DescribeJobs")
    drs.describe_jobs()
    assert refusal(drs.describe_jobs).code == "ThrottlingException"
    drs.describe_source_servers()
    client("us-west-2").describe_jobs()


def test_a_clock_that_goes_back_adds_no_calls(drs: DrsClient, clock: FrozenDateTimeFactory) -> None:
    throttle(ACCOUNT, EAST, rate=1)
    drs.describe_jobs()
    clock.move_to("2025-11-28 20:00:00")
    assert refusal(drs.describe_jobs).members["retryAfterSeconds"] == "1"
    clock.tick(1)
    drs.describe_jobs()


def test_a_wrong_throttle_is_refused(drs: DrsClient) -> None:
    with pytest.raises(ValueError, match="rate must be > 0 and burst >= 1, got 0 and 1"):
        throttle(ACCOUNT, EAST, rate=0)
    with pytest.raises(ValueError, match=r"operation must be one of .*, got 'Describe'"):
        throttle(ACCOUNT, EAST, rate=1, operation="Describe")


# --- IAM ------------------------------------------------------------------------------------------------------


def user_with(*statements: Any) -> DrsClient:
    """A client with the keys of a new user of moto's IAM that has these statements."""
    iam = session().client("iam", EAST)
    iam.create_user(UserName="operator")
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_user_policy(UserName="operator", PolicyName="drs", PolicyDocument=document)
    key = iam.create_access_key(UserName="operator")["AccessKey"]
    return client(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])


def allow(actions: Any, resources: Any = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def test_a_user_may_call_what_its_policy_allows_and_no_more(drs: DrsClient) -> None:
    user = user_with(allow("drs:Describe*"))
    (server_id,) = servers(1)

    @set_initial_no_auth_action_count(0)
    def act() -> Any:
        assert len(user.describe_source_servers()["items"]) == 1
        return refusal(start, drs=user, ids=[server_id])

    refused = act()
    assert refused.kind == (403, "AccessDeniedException")
    assert refused.message == (
        f"User: arn:aws:iam::{ACCOUNT}:user/operator is not authorized to perform: drs:StartRecovery "
        f"on resource: arn:aws:drs:{EAST}:{ACCOUNT}:source-server/{server_id}"
    )
    assert drs.describe_jobs()["items"] == []
    assert calls(ACCOUNT, EAST)[1]["errorCode"] == "AccessDeniedException"
    assert calls(ACCOUNT, EAST)[1]["userIdentity"]["arn"] == f"arn:aws:iam::{ACCOUNT}:user/operator"


def test_a_policy_for_one_server_allows_no_other(drs: DrsClient) -> None:
    mine, other = servers(2)
    user = user_with(allow("drs:StartRecovery", f"arn:aws:drs:{EAST}:{ACCOUNT}:source-server/{mine}"))

    @set_initial_no_auth_action_count(0)
    def act() -> None:
        assert refusal(start, drs=user, ids=[mine, other]).kind == (403, "AccessDeniedException")
        assert start(user, [mine])["status"] == "PENDING"

    act()


def test_an_execution_of_a_plan_needs_no_right_on_its_servers() -> None:
    plan_arn = f"arn:aws:drs:{EAST}:{ACCOUNT}:recovery-plan/rp-1"
    pinned = [{"sourceServerID": "s-00000000000000001", "recoverySnapshotID": "pit-00000000000000001"}]
    frame = drs_backends[ACCOUNT][EAST].region.frame
    request = {"recoveryPlanArn": plan_arn, "mode": "DRILL", "sourceServers": pinned}
    assert needs("StartRecoveryPlanExecution", request, frame) == [("StartRecoveryPlanExecution", plan_arn)]
    own = frame.arn("source-server", pinned[0]["sourceServerID"])
    assert needs("StartRecovery", {"sourceServers": pinned}, frame) == [("StartRecovery", own)]


def test_tags_on_create_need_the_right_to_tag(drs: DrsClient) -> None:
    user, (server_id,) = user_with(allow("drs:StartRecovery")), servers(1)

    @set_initial_no_auth_action_count(0)
    def act() -> Any:
        refused = refusal(start, drs=user, ids=[server_id], tags={"a": "b"})
        start(user, [server_id])
        return refused

    assert "drs:TagResource" in act().message


@set_initial_no_auth_action_count(2)
def test_a_call_with_tags_counts_as_one_of_those_without_iam(drs: DrsClient) -> None:
    start(drs, servers(1), tags={"a": "b"})
    drs.describe_jobs()
    with pytest.raises(ClientError) as caught:
        session().client("drs", EAST).describe_jobs()
    assert caught.value.response["Error"]["Code"] == "InvalidClientTokenId"
