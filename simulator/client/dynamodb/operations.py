"""DynamoDB's operations on items: from the members of a request to those of the answer, with plain items.

Sources: DynamoDB API reference, 2026-11; paritysuite/dynamodb-conformance (captured on AWS in 2026) for messages.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

from drsim.simulator.client.dynamodb import capacity, expressions, updates
from drsim.simulator.client.dynamodb.query import query, scan
from drsim.simulator.client.dynamodb.requests import Expressions, refused_members
from drsim.simulator.client.dynamodb.schema import ItemTable, Key, Schema, Writer
from drsim.simulator.client.dynamodb.values import Item, plain_item, wire_item
from drsim.simulator.client.errors import AwsError, invalid
from drsim.simulator.contract.layout import HOME_ACCOUNT, HOME_REGION
from drsim.simulator.handlers.errors import NotSimulatedError
from drsim.simulator.services.errors import ItemTooLargeError
from drsim.simulator.services.stored_item import ITEM_BYTES_MAX, item_size_bytes

Members = Mapping[str, Any]
Answer = dict[str, Any]

_ALL: Final = {"ProjectionType": "ALL"}
_TOKEN_US: Final = 600_000_000
"""How long a transaction's token holds."""
_NOT_HERE: Final = "the client tier does not simulate: use --tier wire"
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

    def check_condition(self, old: Item | None) -> None:
        """Raise AwsError if the present item does not meet the condition."""
        if not self.expressions.holds("ConditionExpression", old):
            shows_old = self.asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and old is not None
            members = {"Item": wire_item(old)} if shows_old and old is not None else {}
            raise AwsError("ConditionalCheckFailedException", "The conditional request failed", **members)


class Tables:
    """The tables of the home account and Region, and their operations on items."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._tables: dict[str, ItemTable] = {}
        # Transactions by their tokens: when, and what they asked for.
        self._tokens: dict[str, tuple[int, Members]] = {}

    def add(self, table: ItemTable) -> None:
        self._tables[table.name] = table

    def named(self, name: str) -> ItemTable:
        """Return a table by its name or ARN. Raises AwsError."""
        found = self._tables.get(name.rpartition("/")[2])
        if found is None:
            raise AwsError("ResourceNotFoundException", "Requested resource not found")
        return found

    def answer(self, operation: str, asked: Members, by: Writer, as_at_us: int | None = None) -> Answer:
        """Answer a request. Raises AwsError, and NotSimulatedError for what nothing here simulates."""
        if operation == "ListTables":
            return {"TableNames": sorted(self._tables)}
        if operation in _OF_MANY:
            return _OF_MANY[operation](self, asked, by)
        if operation not in _OF_ONE:
            raise NotSimulatedError(f"{by.function} calls dynamodb {operation}, which {_NOT_HERE}")
        if legacy := refused_members(asked):
            what = f"{operation} with {', '.join(legacy)}"
            raise NotSimulatedError(f"{by.function} calls dynamodb {what}, which {_NOT_HERE}")
        return _OF_ONE[operation](Request(self.named(asked["TableName"]), asked, by, as_at_us))

    def is_repeated(self, token: str | None, asked: Members) -> bool:
        """Return whether a transaction was made before. Raises AwsError for another one with the same token."""
        known = None if token is None else self._tokens.get(token)
        if known is None or known[0] < self._now_us() - _TOKEN_US:
            return False
        if known[1] != asked:
            message = "The request uses the same client token as a previous, but non-identical request."
            raise AwsError("IdempotentParameterMismatchException", message)
        return True

    def keep_token(self, token: str | None, asked: Members) -> None:
        """Remember a transaction that was made."""
        if token is not None:
            self._tokens[token] = (self._now_us(), deepcopy(asked))


def get_item(request: Request) -> Answer:
    found = request.table.find(request.key, request.as_at_us)
    answer: Answer = {} if found is None else {"Item": request.expressions.shown(found)}
    return answer | capacity.of_read(request.asked, request.table.name, lambda: capacity.size_of(found))


def put_item(request: Request) -> Answer:
    asked, table = request.asked, request.table
    if asked.get("ReturnValues", "NONE") not in _OLD_OR_NONE:
        raise invalid("ReturnValues can only be ALL_OLD or NONE")
    new = plain_item(asked["Item"])
    key = table.schemas.check_item(new)
    old = table.find(key)
    request.check_condition(old)
    table.replace(key, new, request.by)
    return _old(request, old) | capacity.of_write(request.asked, request.table.name, old, new)


def delete_item(request: Request) -> Answer:
    if request.asked.get("ReturnValues", "NONE") not in _OLD_OR_NONE:
        raise invalid("ReturnValues can only be ALL_OLD or NONE")
    key = request.key
    old = request.table.find(key)
    request.check_condition(old)
    request.table.replace(key, None, request.by)
    return _old(request, old) | capacity.of_write(request.asked, request.table.name, old, None)


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
    return answer | capacity.of_write(request.asked, request.table.name, old, new)


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
    page = query(request.table, request.asked, request.expressions)
    page.update(capacity.of_read(request.asked, request.table.name, lambda: page.size_bytes))
    return page


def scan_items(request: Request) -> Answer:
    page = scan(request.table, request.asked, request.expressions)
    page.update(capacity.of_read(request.asked, request.table.name, lambda: page.size_bytes))
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


# --- several items ----------------------------------------------------------------------------------------------------


def batch_get(tables: Tables, asked: Members, by: Writer) -> Answer:
    responses: dict[str, list[Item]] = {}
    for name, wanted in asked["RequestItems"].items():
        if "AttributesToGet" in wanted:
            raise NotSimulatedError(
                f"{by.function} calls dynamodb BatchGetItem with AttributesToGet, which {_NOT_HERE}"
            )
        table, keys = tables.named(name), [plain_item(key) for key in wanted["Keys"]]
        if len(keys) > 100:
            problem = "Member must have length less than or equal to 100"
            raise invalid(f"Value at 'RequestItems.{name}.member.Keys' failed to satisfy constraint: {problem}")
        found = [table.schemas.key_of(key) for key in keys]
        if len(set(found)) < len(found):
            raise invalid("Provided list of item keys contains duplicates")
        shown = Expressions({each: wanted[each] for each in wanted if each.startswith(("Expression", "Projection"))})
        items = (table.find(key) for key in found)
        responses[name.rpartition("/")[2]] = [shown.shown(item) for item in items if item is not None]
    return {"Responses": responses, "UnprocessedKeys": {}}


def batch_write(tables: Tables, asked: Members, by: Writer) -> Answer:
    requested = asked["RequestItems"]
    if not requested:
        raise invalid("The requestItems parameter is required for BatchWriteItem")
    if sum(map(len, requested.values())) > 25:
        what = "Map value must satisfy constraint: [Member must have length less than or equal to 25"
        limits = f"{what}, Member must have length greater than or equal to 1]"
        raise invalid(f"1 validation error detected: Value at 'requestItems' failed to satisfy constraint: {limits}")
    writes: list[tuple[ItemTable, Key, dict[str, Any] | None]] = []
    for name, changes in requested.items():
        table = tables.named(name)
        for change in changes:
            if len(change) != 1:
                raise invalid(
                    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of them"
                )
            if "PutRequest" in change:
                item = plain_item(change["PutRequest"]["Item"])
                writes.append((table, table.schemas.check_item(item), item))
                if item_size_bytes(item) > ITEM_BYTES_MAX:
                    raise ItemTooLargeError(is_update=False)
            else:
                writes.append((table, table.schemas.key_of(plain_item(change["DeleteRequest"]["Key"])), None))
    if len({(table.name, key) for table, key, _ in writes}) < len(writes):
        raise invalid("Provided list of item keys contains duplicates")
    for table, key, new in writes:
        table.replace(key, new, by)
    return {"UnprocessedItems": {}}


def transact_get(tables: Tables, asked: Members, by: Writer) -> Answer:
    requests = [Request(tables.named(each["Get"]["TableName"]), each["Get"], by) for each in asked["TransactItems"]]
    _check_distinct(requests, [request.key for request in requests])
    found = [(request, request.table.find(request.key)) for request in requests]
    return {"Responses": [{} if item is None else {"Item": each.expressions.shown(item)} for each, item in found]}


def transact_write(tables: Tables, asked: Members, by: Writer) -> Answer:
    """All of the writes, or none."""
    actions = [(kind, each[kind]) for each in asked["TransactItems"] for kind in each]
    if len(actions) > 100:
        limit = "Member must have length less than or equal to 100"
        raise invalid(f"1 validation error detected: Value at 'transactItems' failed to satisfy constraint: {limit}")
    if tables.is_repeated(asked.get("ClientRequestToken"), asked):
        return {}
    requests = [Request(tables.named(members["TableName"]), members, by) for _, members in actions]
    keys = [
        request.table.schemas.check_item(plain_item(members["Item"])) if kind == "Put" else request.key
        for (kind, members), request in zip(actions, requests, strict=True)
    ]
    _check_distinct(requests, keys)
    for kind, members in actions:
        if kind == "Put":
            _check_size(plain_item(members["Item"]), is_update=False)
    reasons: list[dict[str, Any]] = []
    writes: list[tuple[Request, Key, dict[str, Any] | None, bool]] = []
    for (kind, members), request, key in zip(actions, requests, keys, strict=True):
        try:
            new = _new_item(kind, members, request, key)
        except AwsError as error:
            code = error.code.removesuffix("Exception")
            reasons.append({"Code": "ValidationError" if code == "Validation" else code, "Message": error.message})
            reasons[-1] |= error.members
            continue
        reasons.append({"Code": "None"})
        if kind != "ConditionCheck":
            writes.append((request, key, new, kind == "Update"))
    if any(reason["Code"] != "None" for reason in reasons):
        codes = ", ".join(reason["Code"] for reason in reasons)
        message = "Transaction cancelled, please refer cancellation reasons for specific reasons"
        raise AwsError("TransactionCanceledException", f"{message} [{codes}]", CancellationReasons=reasons)
    for request, key, item, is_update in writes:
        request.table.replace(key, item, by, is_update=is_update)
    tables.keep_token(asked.get("ClientRequestToken"), asked)
    return {}


def _new_item(kind: str, members: Members, request: Request, key: Key) -> dict[str, Any] | None:
    """Return the item after one action of a transaction. Raises AwsError for the reason that cancels it."""
    if kind == "Update":
        _, old, new = change_of(request)
        _check_size(new, is_update=True)
        return None if old is None and not new else dict(new)
    request.check_condition(request.table.find(key))
    if kind != "Put":
        return None
    return plain_item(members["Item"])


def _check_size(item: Item, *, is_update: bool) -> None:
    if item_size_bytes(item) > ITEM_BYTES_MAX:
        raise invalid(ItemTooLargeError(is_update=is_update).message)


def _check_distinct(requests: list[Request], keys: list[Key]) -> None:
    if len({(request.table.name, key) for request, key in zip(requests, keys, strict=True)}) < len(keys):
        raise invalid("Transaction request cannot include multiple operations on one item")


_OF_ONE: Final[Mapping[str, Callable[[Request], Answer]]] = {
    "DeleteItem": delete_item,
    "DescribeTable": describe_table,
    "GetItem": get_item,
    "PutItem": put_item,
    "Query": query_items,
    "Scan": scan_items,
    "UpdateItem": update_item,
}
_OF_MANY: Final[Mapping[str, Callable[[Tables, Members, Writer], Answer]]] = {
    "BatchGetItem": batch_get,
    "BatchWriteItem": batch_write,
    "TransactGetItems": transact_get,
    "TransactWriteItems": transact_write,
}
