"""Which status a request lists: the looks of finders that write their queries in other ways."""

from typing import Any, Final

import pytest

from drsim.simulator.contract.layout import Layout
from drsim.simulator.contract.presets import preset
from drsim.simulator.handlers.listing import is_first_page, is_last_page, status_asked

TABLE: Final = "drs-orchestration-execution-history-test"
LAYOUT: Final = Layout(preset("plain", words={"execution": {"POLLING": ["POLLING", "CANCELLING"]}}))
QUERY: Final = {"TableName": TABLE, "IndexName": "StatusIndex"}
NAMED: Final = {
    "KeyConditionExpression": "#s = :s AND StartTime >= :t",
    "ExpressionAttributeNames": {"#s": "Status"},
    "ExpressionAttributeValues": {":t": {"N": "1"}, ":s": {"S": "POLLING"}},
}


def word(value: str) -> dict[str, dict[str, str]]:
    return {":s": {"S": value}}


@pytest.mark.parametrize(
    ("operation", "body", "status"),
    [
        ("Query", {**QUERY, **NAMED}, "POLLING"),
        ("Query", {**QUERY, **NAMED, "TableName": f"arn:aws:dynamodb:us-east-1:1:table/{TABLE}"}, "POLLING"),
        (
            "Query",
            {**QUERY, "KeyConditionExpression": ":s=Status", "ExpressionAttributeValues": word("CANCELLING")},
            "CANCELLING",
        ),
        (
            "Query",
            {**QUERY, "KeyConditionExpression": "(Status = :s)", "ExpressionAttributeValues": word("FAILED")},
            "FAILED",
        ),
        (
            "Query",
            {
                **QUERY,
                "KeyConditions": {"Status": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "POLLING"}]}},
            },
            "POLLING",
        ),
        ("Query", {**QUERY, **NAMED, "TableName": "plans"}, None),
        ("Query", {**NAMED, "TableName": TABLE}, None),
        ("Query", {**QUERY, **NAMED, "IndexName": "PlanIndex"}, None),
        (
            "Query",
            {**QUERY, "KeyConditionExpression": "PlanId = :s", "ExpressionAttributeValues": word("POLLING")},
            None,
        ),
        ("Scan", {"TableName": TABLE}, ""),
        (
            "Scan",
            {"TableName": TABLE, "FilterExpression": "Status = :s", "ExpressionAttributeValues": word("POLLING")},
            "POLLING",
        ),
        (
            "Scan",
            {"TableName": TABLE, "FilterExpression": "Status = :s", "ExpressionAttributeValues": word("COMPLETED")},
            "COMPLETED",
        ),
        (
            "Scan",
            {"TableName": TABLE, "FilterExpression": "PlanId = :s", "ExpressionAttributeValues": word("plan-1")},
            "",
        ),
        ("Scan", {"TableName": "plans"}, None),
        ("ExecuteStatement", {"Statement": f"SELECT * FROM \"{TABLE}\" WHERE Status = 'POLLING'"}, "POLLING"),
        (
            "ExecuteStatement",
            {"Statement": f'select * from "{TABLE}"."StatusIndex" where Status = ?', "Parameters": [{"S": "POLLING"}]},
            "POLLING",
        ),
        ("ExecuteStatement", {"Statement": f"SELECT * FROM \"{TABLE}\" WHERE ExecutionId = 'e-1'"}, None),
        ("ExecuteStatement", {"Statement": f"UPDATE \"{TABLE}\" SET Status = 'POLLING'"}, None),
        ("ExecuteStatement", {"Statement": "SELECT * FROM plans"}, None),
        ("GetItem", {"TableName": TABLE, "Key": {}}, None),
    ],
)
def test_status_that_a_request_asks_for_is_found(operation: str, body: dict[str, Any], status: str | None) -> None:
    assert status_asked(operation, body, LAYOUT) == status


def test_segments_of_a_parallel_scan_are_pages_of_one() -> None:
    assert is_first_page({"Segment": 0, "TotalSegments": 2})
    assert not is_first_page({"Segment": 1, "TotalSegments": 2})


def test_cursors_distinguish_pages() -> None:
    assert not is_first_page({"ExclusiveStartKey": {}})
    assert not is_first_page({"NextToken": "next"})
    assert (is_last_page({"Items": []}), is_last_page({"LastEvaluatedKey": {}})) == (True, False)
