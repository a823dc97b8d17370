"""`PollingIndex` and `ExecutionStore` over DynamoDB. `orchestrator.items` converts items."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from ..errors import MalformedError
from ..items import execution_of, seconds_item, waves_item
from ..model import Execution, ExecutionKey, ExecutionStatus, PollUpdate
from ..ports import IndexPage
from .errors import AWS_ERRORS, CONDITION_FAILED, port_error

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_POLLING: Final = ExecutionStatus.POLLING.value
_SERIALIZER: Final = TypeSerializer()
_DESERIALIZER: Final = TypeDeserializer()


class StatusIndex:
    """`PollingIndex` over the table's index, whose key is Status and StartTime."""

    def __init__(self, client: "DynamoDBClient", table: str, index: str) -> None:
        self._client = client
        self._table = table
        self._index = index

    def polling_page(self, cursor: object | None) -> IndexPage:
        """Call Query once. A page holds up to 1 MB (DynamoDB API reference, Query, 2026-11)."""
        further: dict[str, Any] = {} if cursor is None else {"ExclusiveStartKey": cursor}
        try:
            answer = self._client.query(
                TableName=self._table,
                IndexName=self._index,
                # Status is a reserved word of DynamoDB's expressions.
                KeyConditionExpression="#status = :polling",
                ExpressionAttributeNames={"#status": "Status"},
                ExpressionAttributeValues={":polling": {"S": _POLLING}},
                ScanIndexForward=True,
                **further,
            )
        except AWS_ERRORS as error:
            raise port_error("Query", error, self._index) from error
        executions: list[Execution] = []
        malformed: list[str] = []
        for item in answer["Items"]:
            try:
                executions.append(execution_of(_values(item)))
            except MalformedError as error:
                malformed.append(str(error))
        return IndexPage(tuple(executions), tuple(malformed), answer.get("LastEvaluatedKey"))


class ItemStore:
    """`ExecutionStore` over the table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def get(self, key: ExecutionKey) -> Execution | None:
        try:
            answer = self._client.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True)
        except AWS_ERRORS as error:
            raise port_error("GetItem", error, f"execution {key.execution_id}") from error
        item = answer.get("Item")
        return None if item is None else execution_of(_values(item))

    def save_poll(self, update: PollUpdate) -> None:
        """Call UpdateItem once, with a condition; it sets the attributes that a poll may change and no others."""
        attributes: dict[str, object] = {
            "Waves": waves_item(update.waves),
            "LastPolledTime": seconds_item(update.last_polled_us),
            "Version": update.expected_version + 1,
        }
        if update.status is not None and update.end_us is not None:
            attributes |= {"Status": update.status.value, "EndTime": seconds_item(update.end_us)}
        # An item without a Version is at version 0, as in `orchestrator.items`.
        unversioned = " OR attribute_not_exists(#Version)" if update.expected_version == 0 else ""
        values: dict[str, object] = {f":{name}": value for name, value in attributes.items()}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(update.key),
                UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
                ConditionExpression=f"#Status = :polling AND (#Version = :expected{unversioned})",
                ExpressionAttributeNames={f"#{name}": name for name in (*attributes, "Status")},
                ExpressionAttributeValues=_item(values | {":polling": _POLLING, ":expected": update.expected_version}),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except AWS_ERRORS as error:
            about = f"execution {update.key.execution_id}, {_POLLING} at version {update.expected_version}"
            raise port_error("UpdateItem", error, about + _found(error)) from error


def _key(key: ExecutionKey) -> dict[str, Any]:
    return {"ExecutionId": {"S": key.execution_id}, "PlanId": {"S": key.plan_id}}


def _item(values: Mapping[str, object]) -> dict[str, Any]:
    return {name: _SERIALIZER.serialize(value) for name, value in values.items()}


def _values(item: Mapping[str, Any]) -> dict[str, object]:
    return {name: _DESERIALIZER.deserialize(value) for name, value in item.items()}


def _found(error: Exception) -> str:
    if not isinstance(error, ClientError) or error.response["Error"]["Code"] != CONDITION_FAILED:
        return ""
    response: Mapping[str, Any] = error.response
    if "Item" not in response:
        return "; found no item"
    found = _values(response["Item"])
    return f"; found {found.get('Status')} at version {found.get('Version', 0)}"
