"""The forms in which clients see DynamoDB's items: the API's, and the Python values of boto3's resources.

Stands in for the handlers that boto3's resources register (boto3 1.44.8, dynamodb/transform.py): it converts in one
pass what they copy, transform and serialise.
"""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any, Final

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder
from boto3.dynamodb.types import Binary

from drsim.simulator.client.dynamodb.values import (
    DEPTH_MAX,
    DIGITS_MAX,
    Item,
    Made,
    in_range,
    made,
    python_item,
    wire_item,
)
from drsim.simulator.client.errors import AwsError

Members = dict[str, Any]

_CONDITIONS: Final = ("FilterExpression", "KeyConditionExpression", "ConditionExpression")
"""In the order in which boto3 numbers their placeholders: that of the members in the service model."""
MADE: Final = ("Key", "Item", "ExclusiveStartKey", "ExpressionAttributeValues")
"""The members that hold items or values, which `wire_asked` makes."""
_NESTED: Final = frozenset(
    ("AttributeUpdates", "Expected", "KeyConditions", "QueryFilter", "RequestItems", "ScanFilter", "TransactItems")
)
"""Members whose values boto3 converts deep inside, or that come from before expressions."""


class UnusualError(Exception):
    """Values that boto3 itself converts, or refuses in its own words."""


def wire_asked(asked: Members) -> Members:
    """Return a request of a resource as the API has it. Raises UnusualError."""
    if not _NESTED.isdisjoint(asked):
        raise UnusualError
    converted = dict(asked)
    for name in MADE:
        if name in asked:
            value = asked[name]
            if type(value) is not dict:
                raise UnusualError
            converted[name] = {each: _made(held) for each, held in value.items()}
    built = [name for name in _CONDITIONS if isinstance(asked.get(name), ConditionBase)]
    if built:
        builder = ConditionExpressionBuilder()
        names, values = dict(asked.get("ExpressionAttributeNames", {})), converted.get("ExpressionAttributeValues", {})
        for name in built:
            expression = builder.build_expression(asked[name], is_key_condition=name == "KeyConditionExpression")
            converted[name] = expression.condition_expression
            names |= expression.attribute_name_placeholders
            values |= {each: _made(held) for each, held in expression.attribute_value_placeholders.items()}
        converted |= {"ExpressionAttributeNames": names} if names else {}
        converted |= {"ExpressionAttributeValues": values} if values else {}
    return converted


def _made(value: Any) -> Made:
    return made(_plain(value))


def _plain(value: Any, depth: int = 0) -> Any:
    """Return the plain form of a value, which is right for DynamoDB. Raises UnusualError."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int or kind is Decimal:
        return _number(value)
    if kind is list and depth < DEPTH_MAX:
        return [each if type(each) is str else _plain(each, depth + 1) for each in value]
    if kind is dict and depth < DEPTH_MAX:
        for name in value:
            if type(name) is not str or not name:
                raise UnusualError
        return {name: each if type(each) is str else _plain(each, depth + 1) for name, each in value.items()}
    if kind is bytes or kind is Binary:
        return bytes(value)
    raise UnusualError


def _number(value: Decimal | int) -> Decimal | int:
    text = str(value)
    if len(text) <= DIGITS_MAX and text.isdecimal():
        return int(text)
    if isinstance(value, int):
        if -(10**DIGITS_MAX) < value < 10**DIGITS_MAX:
            return value
    elif value.is_finite() and len(value.as_tuple().digits) <= DIGITS_MAX:
        with suppress(AwsError):
            return in_range(value)
    raise UnusualError


def wire_members(members: Members) -> Members:
    """Return an answer's members with new items in the API's form."""
    return _converted(members, wire_item)


def python_members(members: Members) -> Members:
    """Return an answer's members with new items as boto3's resources show them."""
    return _converted(members, python_item)


def _converted(members: Members, form: Callable[[Item], Members]) -> Members:
    new = dict(members)
    for name in ("Item", "Attributes", "LastEvaluatedKey"):
        if name in new:
            new[name] = form(new[name])
    if "Items" in new:
        new["Items"] = [form(item) for item in new["Items"]]
    if "Responses" in new:
        responses = new["Responses"]
        if isinstance(responses, dict):
            new["Responses"] = {name: [form(item) for item in items] for name, items in responses.items()}
        else:
            new["Responses"] = [{name: form(item) for name, item in each.items()} for each in responses]
    return new
