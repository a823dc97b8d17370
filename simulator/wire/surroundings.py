"""Creates in moto what a contract says about the functions' surroundings."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import boto3
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.contract.surroundings import OtherTable, Surroundings, items_in
from drsim.simulator.handlers.errors import HandlerError
from drsim.simulator.wire.deployment import REGION

_serialize = TypeSerializer().serialize
_PASS: Final = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})
_ROLE_ARN: Final = f"arn:aws:iam::{HOME_ACCOUNT}:role/state-machine"


def create(surroundings: Surroundings) -> None:
    """Create everything. Raises HandlerError for what AWS would refuse."""
    for what, step in _steps(surroundings):
        try:
            step()
        except (BotoCoreError, ClientError, TypeError, ValueError) as error:
            raise HandlerError(f"surroundings: cannot create {what}: {error}") from None


def _steps(surroundings: Surroundings) -> Iterator[tuple[str, Callable[[], object]]]:
    for table in surroundings.tables:
        yield f"table {table.name}", partial(_create_table, table)
    for name in surroundings.topics:
        yield f"topic {name}", partial(_client("sns").create_topic, Name=name)
    for name in surroundings.buses:
        yield f"bus {name}", partial(_client("events").create_event_bus, Name=name)
    for name, value in surroundings.parameters.items():
        yield f"parameter {name}", partial(_client("ssm").put_parameter, Name=name, Value=value, Type="String")
    for name in surroundings.state_machines:
        given = {"name": name, "definition": _PASS, "roleArn": _ROLE_ARN}
        yield f"state machine {name}", partial(_client("stepfunctions").create_state_machine, **given)


def _client(service: str) -> Any:
    make: Any = boto3.client
    return make(service, region_name=REGION)


def _create_table(table: OtherTable) -> None:
    """Create a table whose keys have the types that they have in its items; without items, they are text."""
    items = items_in(table.items) if table.items else []
    keys = {table.hash: "HASH", **({} if table.range is None else {table.range: "RANGE"})}
    for item in items:
        if missing := [name for name in keys if name not in item]:
            raise ValueError(f"{table.items}: each item must have the key {missing[0]}, got {item}")
    wire_items = [{name: _serialize(value) for name, value in item.items()} for item in items]
    types = {name: next(iter(wire_items[0][name])) if wire_items else "S" for name in keys}
    client = _client("dynamodb")
    client.create_table(
        TableName=table.name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in types.items()],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
    )
    for item in wire_items:
        client.put_item(TableName=table.name, Item=item)
