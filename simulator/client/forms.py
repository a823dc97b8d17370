"""The forms in which clients see DynamoDB's items: the API's, and the Python values of boto3's resources.

Stands in for the handlers that boto3's resources register (boto3 1.44.8, dynamodb/transform.py): it converts in one
pass what they copy, transform and serialise.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder
from boto3.dynamodb.types import Binary

from drsim.simulator.client.dynamodb.values import Item, number_text, python_item, wire_item

Members = dict[str, Any]

_CONDITIONS: Final = ("FilterExpression", "KeyConditionExpression", "ConditionExpression")
"""In the order in which boto3 numbers their placeholders: that of the members in the service model."""
MADE: Final = ("Key", "Item", "ExclusiveStartKey", "ExpressionAttributeValues")
"""The members that hold items or values."""
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
            converted[name] = _wire_map(value)
    built = [name for name in _CONDITIONS if isinstance(asked.get(name), ConditionBase)]
    if built:
        builder = ConditionExpressionBuilder()
        names, values = dict(asked.get("ExpressionAttributeNames", {})), converted.get("ExpressionAttributeValues", {})
        for name in built:
            expression = builder.build_expression(asked[name], is_key_condition=name == "KeyConditionExpression")
            converted[name] = expression.condition_expression
            names |= expression.attribute_name_placeholders
            values |= {each: _wire(held) for each, held in expression.attribute_value_placeholders.items()}
        converted |= {"ExpressionAttributeNames": names} if names else {}
        converted |= {"ExpressionAttributeValues": values} if values else {}
    return converted


def _wire(value: Any) -> dict[str, Any]:
    form = _WIRE.get(type(value))
    if form is None:
        raise UnusualError
    return form(value)


def _number(value: Decimal | int) -> dict[str, Any]:
    if type(value) is int and -(10**38) < value < 10**38:
        return {"N": str(value)}
    if not isinstance(value, Decimal) or not value.is_finite() or len(value.as_tuple().digits) > 38:
        raise UnusualError
    return {"N": number_text(value)}


def _map(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {"M": _wire_map(value)}


def _wire_map(value: Mapping[Any, Any]) -> dict[str, Any]:
    for name in value:
        if not isinstance(name, str):
            raise UnusualError
    return {name: _wire(each) for name, each in value.items()}


_WIRE: Final[Mapping[type, Callable[[Any], dict[str, Any]]]] = {
    str: lambda value: {"S": value},
    bool: lambda value: {"BOOL": value},
    type(None): lambda _: {"NULL": True},
    int: _number,
    Decimal: _number,
    dict: _map,
    list: lambda value: {"L": [_wire(each) for each in value]},
    bytes: lambda value: {"B": value},
    Binary: lambda value: {"B": bytes(value)},
}


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
