"""Creates in moto what a contract says about the functions' surroundings, and describes a team's own functions."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import boto3
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.surroundings import OtherTable, Surroundings, items_in, statements_in
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.services.spec import Functions
from drsim.simulator.wire.deployment import REGION, DeployedFunction, Role, Statement
from drsim.simulator.wire.errors import HandlerError

_serialize = TypeSerializer().serialize
_PASS: Final = json.dumps({"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}})
_ROLE_ARN: Final = f"arn:aws:iam::{HOME_ACCOUNT}:role/state-machine"
_ANYTHING: Final = Role((Statement(("*",), ("*",)),))


def team_functions(contract: Contract, functions: Functions) -> Mapping[str, DeployedFunction]:
    """Return a team's functions by our names for their roles; one with both roles is there twice.

    A function without a role document may do anything. Raises HandlerError for a document that is not supported.
    """
    names, documents = contract.functions, contract.judged.roles
    finder = names.one or names.finder or FINDER
    poller = names.one or names.poller or POLLER
    of_finder, of_poller = documents.get("finder", ""), documents.get("poller", "")
    if names.one is not None:
        of_finder = of_poller = of_finder or of_poller
    return {
        FINDER: _team_function(finder, functions.finder.memory_mb, of_finder),
        POLLER: _team_function(poller, functions.poller.memory_mb, of_poller),
    }


def _team_function(name: str, memory_mb: int, document: str) -> DeployedFunction:
    try:
        role = Role(tuple(Statement.of(each) for each in statements_in(document))) if document else _ANYTHING
    except ValueError as error:
        raise HandlerError(f"judged.roles: {document}: {error}") from None
    arn = f"arn:aws:lambda:{REGION}:{HOME_ACCOUNT}:function:{name}"
    return DeployedFunction(name=name, arn=arn, memory_mb=memory_mb, environment={}, role=role)


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
