"""A table with a GSI in the client tier's DynamoDB and in moto's, and the answers of both to the same request."""

from collections.abc import Mapping
from typing import Any, Final

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

from drsim.simulator.client.dynamodb.operations import Tables
from drsim.simulator.client.dynamodb.schema import PlainTable, Schema, Schemas, Writer
from drsim.simulator.client.forms import wire_members
from drsim.simulator.services.errors import ServiceError

NAME: Final = "table"
INDEX: Final = "by-group"
BY: Final = Writer("finder", "request", "finder.py:1")
KINDS: Final = {"pk": "S", "sk": "N", "g": "S"}

Answer = tuple[str, Mapping[str, Any]]
"""The code of an error or "", and the members."""


class Ours:
    """The client tier's DynamoDB with this table."""

    def __init__(self, *, page_bytes_max: int = 1_048_576) -> None:
        self.tables = Tables(lambda: 0)
        table = PlainTable(NAME, Schemas(Schema("pk", "sk"), KINDS, {INDEX: Schema("g")}))
        table.page_bytes_max = page_bytes_max
        self.tables.add(table)

    def ask(self, operation: str, **members: Any) -> Answer:
        """Answer a request; the members of an error are its message and its own."""
        try:
            return "", wire_members(self.tables.answer(operation, {"TableName": NAME, **members}, BY))
        except ServiceError as error:
            return error.code, {"message": error.message, **getattr(error, "members", {})}

    def items(self) -> list[Mapping[str, Any]]:
        """All items, in the order of their keys."""
        return sorted_items(self.ask("Scan")[1]["Items"])


class Moto:
    """moto's DynamoDB with this table; for one test."""

    def __init__(self) -> None:
        self.mock = mock_aws()
        self.mock.start()
        make: Any = boto3.client
        self.client = make("dynamodb", "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")
        self.client.create_table(
            TableName=NAME,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in KINDS.items()],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": INDEX,
                    "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )

    def ask(self, operation: str, **members: Any) -> Answer:
        try:
            found = self.client._make_api_call(operation, {"TableName": NAME, **members})
        except ClientError as error:
            return error.response["Error"]["Code"], error.response
        except (AssertionError, AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            # moto's own failures.
            return type(error).__name__, {}
        # moto gives the capacity unasked.
        dropped = ("ResponseMetadata", "ConsumedCapacity")
        return "", {name: value for name, value in found.items() if name not in dropped}

    def items(self) -> list[Mapping[str, Any]]:
        return sorted_items(self.ask("Scan")[1]["Items"])

    def close(self) -> None:
        self.mock.stop()


def sorted_items(items: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
    """Items in the order of their keys, sets in the order of their members."""
    return sorted(map(_sorted_sets, items), key=lambda item: (item["pk"]["S"], float(item["sk"]["N"])))


def _sorted_sets(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: {kind: _sorted(kind, each) for kind, each in value.items()} for name, value in item.items()}


def _sorted(kind: str, value: Any) -> Any:
    return sorted(value) if kind in ("SS", "NS") else value
