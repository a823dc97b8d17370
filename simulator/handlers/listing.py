"""Requests that list executions: which status a query or scan of the team's table asks for."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from drsim.simulator.contract.layout import Layout
from drsim.simulator.handlers.operations import Members, is_table

_EQUAL: Final = re.compile(r"([#:\w.-]+)\s*=\s*([#:\w.-]+)")
_QUOTED: Final = re.compile(r"'([^']*)'")
_CURSORS: Final = ("ExclusiveStartKey", "NextToken")


def status_asked(operation: str, asked: Members, layout: Layout) -> str | None:
    """Return the status that a request of the team's table asks for, "" if it asks for all; None if it lists none."""
    table = layout.contract.table
    if operation == "ExecuteStatement":
        return _in_statement(asked, layout)
    if not is_table(asked, table.name):
        return None
    if operation == "Scan":
        return _among(_texts(asked.get("ExpressionAttributeValues", {}).values()), layout)
    if operation == "Query" and asked.get("IndexName") == table.index:
        return next(_keys(asked, layout.execution.path("status")), None)
    return None


def is_first_page(asked: Members) -> bool:
    """Return whether a request reads the first page; the segments of a parallel scan are pages of one."""
    return not any(cursor in asked for cursor in _CURSORS) and not asked.get("Segment")


def is_last_page(page: Members) -> bool:
    """Return whether an answer has no further page."""
    return "LastEvaluatedKey" not in page and "NextToken" not in page


def _keys(asked: Members, status: str) -> Iterator[str]:
    """Yield the statuses that a query's key condition names."""
    names, values = asked.get("ExpressionAttributeNames", {}), asked.get("ExpressionAttributeValues", {})
    for left, right in _EQUAL.findall(asked.get("KeyConditionExpression", "")):
        for name, value in ((left, right), (right, left)):
            if names.get(name, name) == status and value in values:
                yield from _texts([values[value]])
    # Requests from before DynamoDB had expressions.
    yield from _texts(asked.get("KeyConditions", {}).get(status, {}).get("AttributeValueList", ()))


def _in_statement(asked: Members, layout: Layout) -> str | None:
    statement = str(asked.get("Statement", ""))
    if not statement.lstrip().upper().startswith("SELECT") or layout.contract.table.name not in statement:
        return None
    values = [*_QUOTED.findall(statement), *_texts(asked.get("Parameters", ()))]
    # A statement that names an item lists none.
    return _among(values, layout) if not values or set(values) & {*layout.executions.all} else None


def _among(values: Iterable[str], layout: Layout) -> str:
    """Return the status that a filter names, an open one if there is one; "" if it names none."""
    named = [value for value in values if value in layout.executions.all]
    return next((value for value in named if value in layout.open_words), named[0] if named else "")


def _texts(values: Iterable[Any]) -> Iterator[str]:
    yield from (value["S"] for value in values if isinstance(value, Mapping) and isinstance(value.get("S"), str))
