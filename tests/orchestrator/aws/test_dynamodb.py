"""The requests that the two ports to the table send to DynamoDB."""

import boto3.session
import pytest
from botocore.exceptions import ConnectionClosedError

from drsim.orchestrator.aws.dynamodb import ItemStore, StatusIndex
from drsim.orchestrator.errors import TryLaterError
from drsim.orchestrator.model import ExecutionStatus, PollUpdate
from tests.orchestrator.aws.wire import Wire, in_json, refusal
from tests.orchestrator.ports import START_US
from tests.orchestrator.samples import KEY

KEY_SENT = {"ExecutionId": {"S": "e-1"}, "PlanId": {"S": "plan-1"}}


def test_look_queries_the_index_by_status_page_after_page(
    session: boto3.session.Session,
) -> None:
    client = session.client("dynamodb")
    last = KEY_SENT | {"Status": {"S": "POLLING"}, "StartTime": {"N": "100"}}
    wire = Wire(client, in_json({"Items": [], "LastEvaluatedKey": last}), in_json({"Items": []}))
    index = StatusIndex(client, "executions", "ByStatus")
    first = index.polling_page(None)
    assert index.polling_page(first.next_cursor).next_cursor is None
    query = {
        "TableName": "executions",
        "IndexName": "ByStatus",
        "KeyConditionExpression": "#status = :polling",
        "ExpressionAttributeNames": {"#status": "Status"},
        "ExpressionAttributeValues": {":polling": {"S": "POLLING"}},
        "ScanIndexForward": True,
    }
    assert [request.json for request in wire.requests] == [query, query | {"ExclusiveStartKey": last}]


def test_read_is_strongly_consistent(session: boto3.session.Session) -> None:
    client = session.client("dynamodb")
    wire = Wire(client, in_json({}))
    assert ItemStore(client, "executions").get(KEY) is None
    assert [request.json for request in wire.requests] == [
        {"TableName": "executions", "Key": KEY_SENT, "ConsistentRead": True}
    ]


def test_failed_read_names_the_execution(session: boto3.session.Session, sleeps: list[float]) -> None:
    client = session.client("dynamodb")
    Wire(client, refusal("ProvisionedThroughputExceededException"))
    with pytest.raises(TryLaterError, match=r"^GetItem \(execution e-1\): ProvisionedThroughputExceededException: no"):
        ItemStore(client, "executions").get(KEY)


def test_write_without_an_answer_names_the_execution(session: boto3.session.Session, sleeps: list[float]) -> None:
    client = session.client("dynamodb")
    Wire(client, ConnectionClosedError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com/"))
    update = PollUpdate(key=KEY, expected_version=3, last_polled_us=START_US, waves=())
    with pytest.raises(TryLaterError, match=r"^UpdateItem \(execution e-1, POLLING at version 3\): "):
        ItemStore(client, "executions").save_poll(update)


def test_poll_update_names_only_what_it_changes(session: boto3.session.Session) -> None:
    client = session.client("dynamodb")
    wire = Wire(client, in_json({}))
    store = ItemStore(client, "executions")
    store.save_poll(PollUpdate(key=KEY, expected_version=3, last_polled_us=START_US + 500_000, waves=()))
    store.save_poll(
        PollUpdate(
            key=KEY,
            expected_version=0,
            last_polled_us=START_US,
            waves=(),
            status=ExecutionStatus.FAILED,
            end_us=START_US + 1,
        )
    )
    running, ends = [request.json for request in wire.requests]
    assert running == {
        "TableName": "executions",
        "Key": KEY_SENT,
        "UpdateExpression": "SET #Waves = :Waves, #LastPolledTime = :LastPolledTime, #Version = :Version",
        "ConditionExpression": "#Status = :polling AND (#Version = :expected)",
        "ExpressionAttributeNames": {
            "#Waves": "Waves",
            "#LastPolledTime": "LastPolledTime",
            "#Version": "Version",
            "#Status": "Status",
        },
        "ExpressionAttributeValues": {
            ":Waves": {"L": []},
            ":LastPolledTime": {"N": "1764361949.500000"},
            ":Version": {"N": "4"},
            ":polling": {"S": "POLLING"},
            ":expected": {"N": "3"},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    assert ends["ConditionExpression"] == (
        "#Status = :polling AND (#Version = :expected OR attribute_not_exists(#Version))"
    )
    assert ends["UpdateExpression"].endswith(", #Status = :Status, #EndTime = :EndTime")
    assert ends["ExpressionAttributeValues"][":Status"] == {"S": "FAILED"}
    assert ends["ExpressionAttributeValues"][":EndTime"] == {"N": "1764361949.000001"}
