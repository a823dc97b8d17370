"""DynamoDB's operations on one item or one table: from the members of a request to those of the answer.

Sources: DynamoDB API reference, 2026-11; paritysuite/dynamodb-conformance (captured on AWS in 2026) for messages.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from drsim.simulator.client.dynamodb import expressions, updates
from drsim.simulator.client.dynamodb.capacity import Consumed
from drsim.simulator.client.dynamodb.query import Page, query, scan
from drsim.simulator.client.dynamodb.requests import Expressions
from drsim.simulator.client.dynamodb.schema import ItemTable, Key, Schema, Writer
from drsim.simulator.client.dynamodb.values import Item, plain_item, wire_item
from drsim.simulator.client.errors import AwsError, invalid
from drsim.simulator.contract.layout import HOME_ACCOUNT, HOME_REGION

Members = Mapping[str, Any]
Answer = dict[str, Any]

_ALL: Final = {"ProjectionType": "ALL"}
_OLD_OR_NONE: Final = ("NONE", "ALL_OLD")
_RETURNED: Final = ("ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW", "NONE")


@dataclass(slots=True)
class Request:
    """One request to a table: its members, its expressions, and who makes it."""

    table: ItemTable
    asked: Members
    by: Writer
    as_at_us: int | None = None
    expressions: Expressions = field(init=False)

    def __post_init__(self) -> None:
        self.expressions = Expressions(self.asked)

    @property
    def key(self) -> Key:
        return self.table.schemas.key_of(plain_item(self.asked["Key"]))

    def used(self, old: Item | None, new: Item | None) -> Answer:
        """Return what a write used, if the request asks for it."""
        used = Consumed(self.asked)
        used.write(self.table, old, new)
        return used.of_one

    def check_condition(self, old: Item | None) -> None:
        """Raise AwsError if the present item does not meet the condition."""
        if not self.expressions.holds("ConditionExpression", old):
            shows_old = self.asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and old is not None
            members = {"Item": wire_item(old)} if shows_old and old is not None else {}
            raise AwsError("ConditionalCheckFailedException", "The conditional request failed", **members)


def get_item(request: Request) -> Answer:
    found = request.table.find(request.key, request.as_at_us)
    answer: Answer = {} if found is None else {"Item": request.expressions.shown(found)}
    used = Consumed(request.asked)
    used.read_item(request.table, found, is_strong=request.asked.get("ConsistentRead"))
    return answer | used.of_one


def put_item(request: Request) -> Answer:
    asked, table = request.asked, request.table
    if asked.get("ReturnValues", "NONE") not in _OLD_OR_NONE:
        raise invalid("ReturnValues can only be ALL_OLD or NONE")
    new = plain_item(asked["Item"])
    key = table.schemas.check_item(new)
    old = table.find(key)
    request.check_condition(old)
    table.replace(key, new, request.by)
    return _old(request, old) | request.used(old, new)


def delete_item(request: Request) -> Answer:
    if request.asked.get("ReturnValues", "NONE") not in _OLD_OR_NONE:
        raise invalid("ReturnValues can only be ALL_OLD or NONE")
    key = request.key
    old = request.table.find(key)
    request.check_condition(old)
    request.table.replace(key, None, request.by)
    return _old(request, old) | request.used(old, None)


def update_item(request: Request) -> Answer:
    table, returned = request.table, request.asked.get("ReturnValues", "NONE")
    if returned not in _RETURNED:
        enum = "[ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]"
        problem = f"Value '{returned}' at 'returnValues' failed to satisfy constraint"
        raise invalid(f"1 validation error detected: {problem}: Member must satisfy enum value set: {enum}")
    key, old, new = change_of(request)
    if old is not None or new:
        table.replace(key, dict(new), request.by, is_update=True)
    answer: Answer = {}
    if returned.startswith("ALL_") and (shown := old if returned == "ALL_OLD" else new):
        answer["Attributes"] = shown
    elif returned.startswith("UPDATED_"):
        whole = old if returned == "UPDATED_OLD" else new
        paths = updates.touched(request.expressions.actions)
        if parts := expressions.projected(whole or {}, paths):
            answer["Attributes"] = parts
    return answer | request.used(old, new)


def change_of(request: Request) -> tuple[Key, Item | None, Item]:
    """Return the key, the present item and the new one of an UpdateItem; they are the same if nothing changes."""
    table, key, actions = request.table, request.key, request.expressions.actions
    for action in actions:
        if action.path[0] in table.schemas.key.names:
            what = f"Cannot update attribute {action.path[0]}. This attribute is part of the key"
            raise invalid(f"One or more parameter values were invalid: {what}")
    old = table.find(key)
    request.check_condition(old)
    names = dict(zip(table.schemas.key.names, key, strict=True))
    base = names if old is None else old
    new = updates.updated(base, actions, request.expressions.values)
    if old is None and actions and all(action.section in ("REMOVE", "DELETE") for action in actions):
        # Nothing is created for what only takes away.
        return key, None, {}
    table.schemas.check_index_keys(new, is_update=True)
    return key, old, new


def query_items(request: Request) -> Answer:
    return _page(request, query(request.table, request.asked, request.expressions))


def scan_items(request: Request) -> Answer:
    return _page(request, scan(request.table, request.asked, request.expressions))


def _page(request: Request, page: Page) -> Answer:
    used = Consumed(request.asked)
    index = request.asked.get("IndexName", "")
    used.read(request.table, page.size_bytes, is_strong=request.asked.get("ConsistentRead"), index=index)
    page.update(used.of_one)
    return page


def describe_table(request: Request) -> Answer:
    table = request.table
    schema = [*_shown_key(table.schemas.key)]
    kinds = [{"AttributeName": name, "AttributeType": kind} for name, kind in table.schemas.kinds.items()]
    count = len(table.entries(None))
    about = {"TableName": table.name, "TableStatus": "ACTIVE", "KeySchema": schema, "AttributeDefinitions": kinds}
    indexes = [
        {"IndexName": name, "KeySchema": [*_shown_key(index)], "IndexStatus": "ACTIVE", "Projection": _ALL}
        for name, index in table.schemas.indexes.items()
    ]
    arn = f"arn:aws:dynamodb:{HOME_REGION}:{HOME_ACCOUNT}:table/{table.name}"
    about |= {"TableArn": arn, **({"GlobalSecondaryIndexes": indexes} if indexes else {})}
    return {"Table": {**about, "ItemCount": count}}


def _shown_key(schema: Schema) -> Iterator[dict[str, str]]:
    for name, kind in zip(schema.names, ("HASH", "RANGE"), strict=False):
        yield {"AttributeName": name, "KeyType": kind}


def _old(request: Request, old: Item | None) -> Answer:
    return {"Attributes": old} if old is not None and request.asked.get("ReturnValues") == "ALL_OLD" else {}


OF_ONE: Final[Mapping[str, Callable[[Request], Answer]]] = {
    "DeleteItem": delete_item,
    "DescribeTable": describe_table,
    "GetItem": get_item,
    "PutItem": put_item,
    "Query": query_items,
    "Scan": scan_items,
    "UpdateItem": update_item,
}
