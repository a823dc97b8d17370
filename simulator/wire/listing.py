"""Requests that list executions: which status a query or scan of the team's table asks for."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from drsim.simulator.contract.layout import Layout

_EQUAL: Final = re.compile(r"([#:\w.-]+)\s*=\s*([#:\w.-]+)")
_QUOTED: Final = re.compile(r"'([^']*)'")
_CURSORS: Final = ("ExclusiveStartKey", "NextToken")


def status_asked(operation: str, body: Mapping[str, Any], layout: Layout) -> str | None:
    """Return the status that a request of the team's table asks for, "" if it asks for all; None if it lists none."""
    table = layout.contract.table
    if operation == "ExecuteStatement":
        return _in_statement(body, layout)
    if body.get("TableName", "").rpartition("/")[2] != table.name:
        return None
    if operation == "Scan":
        return _among(_texts(body.get("ExpressionAttributeValues", {}).values()), layout)
    if operation == "Query" and body.get("IndexName") == table.index:
        return next(_keys(body, layout.execution.path("status")), None)
    return None


def is_first_page(body: Mapping[str, Any]) -> bool:
    """Return whether a request reads the first page; the segments of a parallel scan are pages of one."""
    return not any(cursor in body for cursor in _CURSORS) and not body.get("Segment")


def is_last_page(page: Mapping[str, Any]) -> bool:
    """Return whether an answer has no further page."""
    return "LastEvaluatedKey" not in page and "NextToken" not in page


def _keys(body: Mapping[str, Any], status: str) -> Iterator[str]:
    """Yield the statuses that a query's key condition names."""
    names, values = body.get("ExpressionAttributeNames", {}), body.get("ExpressionAttributeValues", {})
    for left, right in _EQUAL.findall(body.get("KeyConditionExpression", "")):
        for name, value in ((left, right), (right, left)):
            if names.get(name, name) == status and value in values:
                yield from _texts([values[value]])
    # Requests from before DynamoDB had expressions.
    yield from _texts(body.get("KeyConditions", {}).get(status, {}).get("AttributeValueList", ()))


def _in_statement(body: Mapping[str, Any], layout: Layout) -> str | None:
    statement = str(body.get("Statement", ""))
    if not statement.lstrip().upper().startswith("SELECT") or layout.contract.table.name not in statement:
        return None
    values = [*_QUOTED.findall(statement), *_texts(body.get("Parameters", ()))]
    # A statement that names an item lists none.
    return _among(values, layout) if not values or set(values) & {*layout.executions.all} else None


def _among(values: Iterable[str], layout: Layout) -> str:
    """Return the status that a filter names, an open one if there is one; "" if it names none."""
    named = [value for value in values if value in layout.executions.all]
    return next((value for value in named if value in layout.open_words), named[0] if named else "")


def _texts(values: Iterable[Any]) -> Iterator[str]:
    yield from (value["S"] for value in values if isinstance(value, Mapping) and isinstance(value.get("S"), str))
