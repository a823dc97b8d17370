"""Query and Scan: key conditions, pages, filters and projections.

Sources: DynamoDB API reference, "Query" and "Scan", 2026-11; paritysuite/dynamodb-conformance for messages.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from drsim.simulator.client.dynamodb import conditions
from drsim.simulator.client.dynamodb.requests import Expressions
from drsim.simulator.client.dynamodb.schema import ItemTable, Key, Placed, Schema
from drsim.simulator.client.dynamodb.tree import Attribute, Between, Both, Compare, Condition, FunctionCall, Value
from drsim.simulator.client.dynamodb.values import Item, kind_of, plain_item
from drsim.simulator.client.errors import AwsError, invalid

_WHAT: Final = "KeyConditionExpression"
_TURNED: Final = {"=": "=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


class Page(dict[str, Any]):
    """The members of a page's answer, and the bytes that were read for it."""

    size_bytes: int


def query(table: ItemTable, asked: Mapping[str, Any], given: Expressions) -> Page:
    """Return the page of a Query. Raises AwsError."""
    index = asked.get("IndexName")
    schema = table.schemas.of(index)
    condition = given.tree(_WHAT)
    if condition is None:
        problem = "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
        raise invalid(problem)
    hash_value, range_condition = _keys(condition, schema, table, given)
    _check_filter(given, schema)
    entries = table.entries(index, hash_value)
    if range_condition is not None:
        entries = [each for each in entries if conditions.holds(range_condition, each.item, given.values)]
    start = asked.get("ExclusiveStartKey")
    begins = None
    if start is not None:
        begins = _start(plain_item(start), table, schema, index)
        if begins[schema.hash] != hash_value:
            problem = "The provided starting key is outside query boundaries based on provided conditions"
            raise invalid(problem)

    def order_of(item: Item) -> Any:
        return schema.order(item, None if index is None else _table_key(item, table))

    return _page(table, asked, given, entries, begins, order_of, is_forward=asked.get("ScanIndexForward", True))


def scan(table: ItemTable, asked: Mapping[str, Any], given: Expressions) -> Page:
    """Return the page of a Scan. Raises AwsError."""
    index = asked.get("IndexName")
    schema = table.schemas.of(index)
    entries = table.entries(index)
    segment, total = asked.get("Segment"), asked.get("TotalSegments")
    if (segment is None) != (total is None):
        missing, present = ("TotalSegments", "Segment") if total is None else ("Segment", "TotalSegments")
        problem = f"The {missing} parameter is required but was not present in the request when {present} parameter"
        raise invalid(f"{problem} is present")
    if segment is not None and total is not None:
        if segment >= total:
            problem = "The Segment parameter is zero-based and must be less than parameter TotalSegments"
            raise invalid(f"{problem}: Segment: {segment} is not less than TotalSegments: {total}")
        entries = [each for each in entries if each.order[0] % total == segment]
    start = asked.get("ExclusiveStartKey")
    begins = None if start is None else _start(plain_item(start), table, schema, index)
    return _page(table, asked, given, entries, begins, lambda item: (table.serial(_table_key(item, table)),))


def _table_key(item: Item, table: ItemTable) -> Key:
    return tuple([item[name] for name in table.schemas.key.names])


def _page(
    table: ItemTable,
    asked: Mapping[str, Any],
    given: Expressions,
    entries: Sequence[Placed],
    begins: Item | None,
    order_of: Callable[[Item], Any],
    *,
    is_forward: bool = True,
) -> Page:
    index, limit, select = asked.get("IndexName"), asked.get("Limit"), _select(asked)
    schema = table.schemas.of(index)
    if asked.get("ConsistentRead") and index is not None:
        raise invalid("Consistent reads are not supported on global secondary indexes")
    ordered = entries if is_forward else entries[::-1]
    names = dict.fromkeys((*schema.names, *table.schemas.key.names))
    shown: list[Item] = []
    scanned = size_bytes = 0
    last: Item | None = None
    for entry in ordered[_after(begins, ordered, order_of, is_forward=is_forward) :]:
        scanned += 1
        size_bytes += entry.size_bytes
        if given.holds("FilterExpression", entry.item):
            shown.append(entry.item)
        # A page stops at its limit, or after the item with which it reaches 1 MB, even if none follows.
        if scanned == limit or size_bytes >= table.page_bytes_max:
            last = {name: entry.item[name] for name in names}
            break
    page = Page(Count=len(shown), ScannedCount=scanned)
    page.size_bytes = size_bytes
    if select != "COUNT":
        page["Items"] = [given.shown(item) for item in shown]
    if last is not None:
        page["LastEvaluatedKey"] = last
    return page


def _select(asked: Mapping[str, Any]) -> str | None:
    select: str | None = asked.get("Select")
    if select == "COUNT" and "ProjectionExpression" in asked:
        raise invalid("Cannot specify the ProjectionExpression when choosing to get only the Count")
    if select == "SPECIFIC_ATTRIBUTES" and "ProjectionExpression" not in asked:
        problem = "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        raise invalid(problem)
    if select == "ALL_PROJECTED_ATTRIBUTES" and "IndexName" not in asked:
        raise invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    return select


def _after(begins: Item | None, ordered: Sequence[Placed], order_of: Callable[[Item], Any], *, is_forward: bool) -> int:
    """Return the place after the item whose key is given, which need not exist any more."""
    if begins is None:
        return 0
    order = order_of(begins)
    if is_forward:
        return bisect_right(ordered, order, key=lambda entry: entry.order)
    return next((place for place, entry in enumerate(ordered) if entry.order < order), len(ordered))


def _start(start: Item, table: ItemTable, schema: Schema, index: str | None) -> Item:
    names = {*schema.names, *table.schemas.key.names}
    if start.keys() != names or any(kind_of(start[name]) != table.schemas.kinds[name] for name in names):
        extra = "" if index is None else ": The provided key element does not match the schema"
        raise invalid(f"The provided starting key is invalid{extra}")
    return start


# --- key conditions ---------------------------------------------------------------------------------------------------


def _keys(condition: Condition, schema: Schema, table: ItemTable, given: Expressions) -> tuple[Any, Condition | None]:
    """Return the value of the hash key and the condition on the range key. Raises AwsError for any other condition."""
    by_name: dict[str, Condition] = {}
    parts = list(_parts(condition))
    if len(parts) > 2:
        what = f"The number of query conditions ({len(parts)}) exceeds the number of key attributes"
        raise invalid(f"{what} defined in the schema ({len(schema.names)})")
    for part in parts:
        name, straight = _on_key(part)
        if name in by_name:
            raise invalid("KeyConditionExpressions must only contain one condition per key")
        by_name[name] = straight
    if schema.hash not in by_name:
        raise invalid(f"Query condition missed key schema element: {schema.hash}")
    for name in by_name:
        if name not in schema.names:
            missed = schema.range if schema.range is not None else name
            raise invalid(f"Query condition missed key schema element: {missed}")
    equal = by_name[schema.hash]
    if not (isinstance(equal, Compare) and equal.operator == "=" and isinstance(equal.right, Value)):
        raise invalid("Query key condition not supported")
    range_condition = None if schema.range is None else by_name.get(schema.range)
    if isinstance(range_condition, Compare) and range_condition.operator == "<>":
        raise invalid("Query key condition not supported")
    for name, straight in by_name.items():
        for value in _values_in(straight):
            if kind_of(given.values[value.name]) != table.schemas.kinds[name]:
                problem = "Condition parameter type does not match schema type"
                raise invalid(f"One or more parameter values were invalid: {problem}")
    return given.values[equal.right.name], range_condition


def _parts(condition: Condition) -> list[Condition]:
    if isinstance(condition, Both):
        return [*_parts(condition.left), *_parts(condition.right)]
    return [condition]


def _on_key(part: Condition) -> tuple[str, Condition]:
    """Return the attribute of a condition and the condition with that attribute first."""
    match part:
        case Compare(operator, Value() as value, Attribute() as attribute) if operator in _TURNED:
            part = Compare(_TURNED[operator], attribute, value)
            return _name(attribute), part
        case Compare(_, Attribute() as attribute, Value()):
            return _name(attribute), part
        case Between(Attribute() as attribute, Value(), Value()):
            return _name(attribute), part
        case FunctionCall("begins_with", (Attribute() as attribute, Value())):
            return _name(attribute), part
    raise _unsupported(part)


def _unsupported(part: Condition) -> AwsError:
    operator = {"Either": "OR", "Not": "NOT", "Among": "IN"}.get(type(part).__name__)
    if operator is None and isinstance(part, FunctionCall):
        operator = part.name
    if operator is None:
        return invalid("Query key condition not supported")
    return invalid(f"Invalid {_WHAT}: Invalid operator used in KeyConditionExpression: {operator}")


def _name(attribute: Attribute) -> str:
    if len(attribute.path) > 1:
        problem = "KeyConditionExpressions cannot have conditions on nested attributes"
        raise invalid(f"Invalid {_WHAT}: {problem}")
    return str(attribute.path[0])


def _values_in(condition: Condition) -> list[Value]:
    match condition:
        case Compare(_, _, Value() as value):
            return [value]
        case Between(_, Value() as low, Value() as high):
            return [low, high]
        case FunctionCall(_, (_, Value() as value)):
            return [value]
    return []


def _check_filter(given: Expressions, schema: Schema) -> None:
    condition = given.tree("FilterExpression")
    for path in () if condition is None else conditions.paths_of(condition):
        if path[0] in schema.names:
            problem = "Filter Expression can only contain non-primary key attributes: Primary key attribute"
            raise invalid(f"{problem}: {path[0]}")
