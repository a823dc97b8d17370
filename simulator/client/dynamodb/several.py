"""DynamoDB's operations on several items: batches and transactions.

Sources: DynamoDB API reference, 2026-11; paritysuite/dynamodb-conformance (captured on AWS in 2026) for messages.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from drsim.simulator.client.dynamodb.capacity import Consumed
from drsim.simulator.client.dynamodb.items import Answer, Members, Request, change_of
from drsim.simulator.client.dynamodb.requests import Expressions
from drsim.simulator.client.dynamodb.schema import ItemTable, Key, Writer
from drsim.simulator.client.dynamodb.values import Item, plain_item
from drsim.simulator.client.errors import AwsError, invalid
from drsim.simulator.handlers.errors import NotSimulatedError
from drsim.simulator.services.errors import ItemTooLargeError
from drsim.simulator.services.stored_item import ITEM_BYTES_MAX, item_size_bytes

if TYPE_CHECKING:
    from drsim.simulator.client.dynamodb.operations import Tables

NOT_HERE: Final = "the client tier does not simulate: use --tier wire"


def batch_get(tables: "Tables", asked: Members, by: Writer) -> Answer:
    responses: dict[str, list[Item]] = {}
    used = Consumed(asked)
    for name, wanted in asked["RequestItems"].items():
        if "AttributesToGet" in wanted:
            raise NotSimulatedError(f"{by.function} calls dynamodb BatchGetItem with AttributesToGet, which {NOT_HERE}")
        table, keys = tables.named(name), [plain_item(key) for key in wanted["Keys"]]
        if len(keys) > 100:
            problem = "Member must have length less than or equal to 100"
            raise invalid(f"Value at 'RequestItems.{name}.member.Keys' failed to satisfy constraint: {problem}")
        found = [table.schemas.key_of(key) for key in keys]
        if len(set(found)) < len(found):
            raise invalid("Provided list of item keys contains duplicates")
        shown = Expressions({each: wanted[each] for each in wanted if each.startswith(("Expression", "Projection"))})
        items = [table.find(key) for key in found]
        for item in items:
            used.read_item(table, item, is_strong=wanted.get("ConsistentRead"))
        responses[name.rpartition("/")[2]] = [shown.shown(item) for item in items if item is not None]
    return {"Responses": responses, "UnprocessedKeys": {}, **used.of_many}


def batch_write(tables: "Tables", asked: Members, by: Writer) -> Answer:
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
    used = Consumed(asked)
    for table, key, new in writes:
        used.write(table, table.find(key), new)
        table.replace(key, new, by)
    return {"UnprocessedItems": {}, **used.of_many}


def transact_get(tables: "Tables", asked: Members, by: Writer) -> Answer:
    requests = [Request(tables.named(each["Get"]["TableName"]), each["Get"], by) for each in asked["TransactItems"]]
    _check_distinct(requests, [request.key for request in requests])
    found = [(request, request.table.find(request.key)) for request in requests]
    responses = [{} if item is None else {"Item": each.expressions.shown(item)} for each, item in found]
    return {"Responses": responses, **_read(asked, found)}


def _read(asked: Members, found: list[tuple[Request, Item | None]]) -> Answer:
    """Return what a transaction used that reads these items."""
    used = Consumed(asked, kind="Read")
    for request, item in found:
        used.read_item(request.table, item, is_strong=True)
    return used.of_many


def transact_write(tables: "Tables", asked: Members, by: Writer) -> Answer:
    """All of the writes, or none."""
    actions = [(kind, each[kind]) for each in asked["TransactItems"] for kind in each]
    if len(actions) > 100:
        limit = "Member must have length less than or equal to 100"
        raise invalid(f"1 validation error detected: Value at 'transactItems' failed to satisfy constraint: {limit}")
    is_repeated = tables.is_repeated(asked.get("ClientRequestToken"), asked)
    requests = [Request(tables.named(members["TableName"]), members, by) for _, members in actions]
    keys = [
        request.table.schemas.check_item(plain_item(members["Item"])) if kind == "Put" else request.key
        for (kind, members), request in zip(actions, requests, strict=True)
    ]
    _check_distinct(requests, keys)
    if is_repeated:
        return _read(asked, [(each, each.table.find(key)) for each, key in zip(requests, keys, strict=True)])
    for kind, members in actions:
        if kind == "Put":
            _check_size(plain_item(members["Item"]), is_update=False)
    reasons: list[dict[str, Any]] = []
    writes: list[tuple[Request, Key, dict[str, Any] | None, bool]] = []
    used = Consumed(asked, kind="Write")
    for (kind, members), request, key in zip(actions, requests, keys, strict=True):
        try:
            new = _new_item(kind, members, request, key)
        except AwsError as error:
            code = error.code.removesuffix("Exception")
            reasons.append({"Code": "ValidationError" if code == "Validation" else code, "Message": error.message})
            reasons[-1] |= error.members
            continue
        reasons.append({"Code": "None"})
        old = request.table.find(key)
        used.write(request.table, old, old if kind == "ConditionCheck" else new)
        if kind != "ConditionCheck":
            writes.append((request, key, new, kind == "Update"))
    if any(reason["Code"] != "None" for reason in reasons):
        codes = ", ".join(reason["Code"] for reason in reasons)
        message = "Transaction cancelled, please refer cancellation reasons for specific reasons"
        raise AwsError("TransactionCanceledException", f"{message} [{codes}]", CancellationReasons=reasons)
    for request, key, item, is_update in writes:
        request.table.replace(key, item, by, is_update=is_update)
    tables.keep_token(asked.get("ClientRequestToken"), asked)
    return used.of_many


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


OF_MANY: Final[Mapping[str, Callable[["Tables", Members, Writer], Answer]]] = {
    "BatchGetItem": batch_get,
    "BatchWriteItem": batch_write,
    "TransactGetItems": transact_get,
    "TransactWriteItems": transact_write,
}
