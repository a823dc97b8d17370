"""The client tier's parts of a world: functions on real boto3, whose calls are answered at the client's boundary."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from drsim.simulator.client.answers import Answer
from drsim.simulator.client.boundary import answered_by
from drsim.simulator.client.clients import made_quickly
from drsim.simulator.client.deployment import deployed_functions
from drsim.simulator.client.dynamodb.execution_table import ClientTable
from drsim.simulator.client.dynamodb.operations import Tables
from drsim.simulator.client.dynamodb.schema import PlainTable, Schema, Schemas, Writer
from drsim.simulator.client.dynamodb.values import kind_of, plain_item
from drsim.simulator.client.forms import UnusualError, wire_asked
from drsim.simulator.client.responder import ClientResponder
from drsim.simulator.contract.layout import HOME_REGION
from drsim.simulator.contract.surroundings import OtherTable, Surroundings, items_in
from drsim.simulator.handlers import sandbox
from drsim.simulator.handlers.calls import Calls, Watch
from drsim.simulator.handlers.deployed import DeployedFunction
from drsim.simulator.handlers.errors import HandlerError
from drsim.simulator.handlers.functions import OURS, Handlers
from drsim.simulator.handlers.meanings import MEANINGS
from drsim.simulator.handlers.tier import HandlerTier
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.world import Parts, World

_DEPLOYER: Final = Writer("the deployment", "", "")


def client_parts(spec: WorldSpec, *, functions: Handlers | None = None, watch: Watch | None = None) -> Parts:
    """Return the parts of one run in the client tier."""
    return _ClientTier(spec, functions or OURS, watch).parts


class _ClientTier(HandlerTier):
    table = ClientTable
    rule_arn = ""

    def __init__(self, spec: WorldSpec, functions: Handlers, watch: Watch | None) -> None:
        super().__init__(spec, functions, watch)
        surroundings = self.contract.surroundings
        _check_names(surroundings)
        self._others = [] if functions.are_ours else [_other_table(each) for each in surroundings.tables]
        self._calls: Calls[Answer]

    def deploy(self, spec: WorldSpec) -> Mapping[str, DeployedFunction]:
        parameters = {"DrsRoleName": "drs-orchestration-polling"} if spec.accounts > 1 else {}
        functions, self.rule_arn = deployed_functions(parameters)
        return functions

    def connect(self, world: World) -> None:
        assert isinstance(world.table, ClientTable), "this tier's parts make it one"
        tables = Tables(lambda: world.kernel.now_us)
        for table in (world.table, *self._others):
            tables.add(table)
        responder = ClientResponder(world, tables, self.contract.surroundings)
        own_line = partial(self.own_line, world)
        self._calls = Calls(world, world.table, responder, self.names, own_line, MEANINGS, self.watch)

    @contextmanager
    def running(self, world: World) -> Iterator[None]:
        with (
            sandbox.no_credentials(HOME_REGION),
            sandbox.repeatable(world.kernel.seed),
            made_quickly(),
            answered_by(self._calls),
            super().running(world),
        ):
            yield


# Amazon SNS CreateTopic, EventBridge CreateEventBus, Systems Manager PutParameter, Step Functions CreateStateMachine.
_NAMES: Final = {
    "topics": ("topic", re.compile(r"[\w-]{1,256}(\.fifo)?", re.ASCII)),
    "buses": ("bus", re.compile(r"[\w./-]{1,256}", re.ASCII)),
    "parameters": ("parameter", re.compile(r"[\w./-]{1,1011}", re.ASCII)),
    "state_machines": ("state machine", re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/]{1,80}")),
}


def _check_names(surroundings: Surroundings) -> None:
    """Raise HandlerError for a name that AWS would refuse."""
    for kind, (what, pattern) in _NAMES.items():
        for name in getattr(surroundings, kind):
            if not pattern.fullmatch(name):
                text = f"its name must match {pattern.pattern}"
                raise HandlerError(f"surroundings: cannot create {what} {name}: {text}")


def _other_table(table: OtherTable) -> PlainTable:
    """Return a table whose keys have the types that they have in its items; without items, they are text."""
    try:
        return _filled(table)
    except (ServiceError, UnusualError, TypeError) as error:
        raise HandlerError(f"surroundings: cannot create table {table.name}: {table.items}: {error}") from None


def _filled(table: OtherTable) -> PlainTable:
    items = [_plain(item) for item in (items_in(table.items) if table.items else [])]
    key = Schema(table.hash, table.range)
    for item in items:
        if missing := [name for name in key.names if name not in item]:
            raise TypeError(f"each item must have the key {missing[0]}, got {item}")
    kinds = {name: kind_of(items[0][name]) if items else "S" for name in key.names}
    if strange := [name for name, kind in kinds.items() if kind not in ("S", "N", "B")]:
        raise TypeError(f"the key {strange[0]} must be text, number or binary, got {items[0][strange[0]]!r}")
    made = PlainTable(table.name, Schemas(key, kinds))
    for item in items:
        made.replace(made.schemas.check_item(item), item, _DEPLOYER)
    return made


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return plain_item(wire_asked({"Item": dict(item)})["Item"])
