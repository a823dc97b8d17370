"""DynamoDB's values: from the API's form, such as {"N": "1.50"}, to plain Python values and back.

Plain numbers are ints, or Decimals if they have a fraction; sets hold texts, numbers or bytes. Sources: DynamoDB
developer guide, "Supported data types" and "Constraints", 2026-11; paritysuite/dynamodb-conformance for the messages.
"""

from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException
from typing import Any, Final

from boto3.dynamodb.types import Binary

from drsim.simulator.client.errors import invalid

Item = Mapping[str, Any]

_INVALID: Final = "One or more parameter values were invalid: "
DEPTH_MAX: Final = 31
"""How deep lists and maps may lie in an attribute's value."""
DIGITS_MAX: Final = 38
_EXPONENT_MAX: Final = 125
_EXPONENT_MIN: Final = -130
_EXACT: Final = Context(prec=1000)
SETS: Final = ("SS", "NS", "BS")
LONG_NAMES: Final = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "L": "LIST",
    "M": "MAP",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
}


def kind_of(value: object) -> str:
    """Return the type of a plain value: S, N, B, BOOL, NULL, L, M, SS, NS or BS."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind
    if isinstance(value, set):
        member = next(iter(value))
        return "SS" if isinstance(member, str) else "BS" if isinstance(member, bytes) else "NS"
    raise TypeError(f"a plain value must be one of DynamoDB's types, got {value!r}")


_KINDS: Final[Mapping[type, str]] = {
    str: "S",
    int: "N",
    Decimal: "N",
    bytes: "B",
    bool: "BOOL",
    type(None): "NULL",
    list: "L",
    dict: "M",
}


def number(text: str) -> int | Decimal:
    """Return a number as DynamoDB keeps it. Raises AwsError."""
    if text.isascii() and text.isdecimal() and len(text) <= DIGITS_MAX:
        return int(text)
    try:
        found = Decimal(text) if "_" not in text and text == text.strip() else None
    except DecimalException:
        found = None
    if found is None or not found.is_finite():
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    return in_range(found)


def in_range(value: Decimal | int) -> int | Decimal:
    """Return a finite number in its plain form: an int if it is whole. Raises AwsError for one that is too large."""
    if type(value) is int and -(10**DIGITS_MAX) < value < 10**DIGITS_MAX:
        return value
    shown = _EXACT.normalize(Decimal(value))
    if not shown:
        return 0
    if shown.adjusted() > _EXPONENT_MAX:
        raise invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if shown.adjusted() < _EXPONENT_MIN:
        raise invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range")
    if len(shown.as_tuple().digits) > DIGITS_MAX:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    return int(shown) if shown == shown.to_integral_value() else shown


def number_text(value: int | Decimal) -> str:
    """Return a number as the API shows it: without an exponent."""
    return f"{value:f}" if type(value) is Decimal else str(value)


class Made(dict[str, Any]):
    """A value in the API's form with its plain form. Of lists and maps, nothing reads the API's form below the top."""

    __slots__ = ("plain",)

    plain: Any


def made(value: Any) -> Made:
    """Return the API's form of a plain value, which it shares."""
    kind = kind_of(value)
    new = Made(((kind, number_text(value) if kind == "N" else True if kind == "NULL" else value),))
    new.plain = value
    return new


def plain(wire: Any, depth: int = 0) -> Any:
    """Return the plain form of an attribute's value. Raises AwsError."""
    if type(wire) is Made:
        return wire.plain
    if len(wire) != 1:
        what = "is empty, must contain" if not wire else "has more than one datatypes set, must contain"
        raise invalid(f"Supplied AttributeValue {what} exactly one of the supported datatypes")
    ((kind, value),) = wire.items()
    if kind == "S":
        return _text(value)
    if kind == "N":
        return number(value)
    if kind == "M":
        _check_depth(depth)
        if "" in value:
            raise invalid(f"{_INVALID}Empty attribute name")
        return {_text(name): plain(each, depth + 1) for name, each in value.items()}
    if kind == "L":
        _check_depth(depth)
        return [plain(each, depth + 1) for each in value]
    return _REST[kind](value)


def _text(value: str) -> str:
    """Return a text as a plain one, such as a member of a StrEnum."""
    return value if type(value) is str else str.__str__(value)


def _check_depth(depth: int) -> None:
    if depth >= DEPTH_MAX:
        where = "Attributes in the item have nested levels beyond supported limit"
        raise invalid(f"Nesting Levels have exceeded supported limits: {where}")


def _null(value: object) -> None:
    if value is not True:
        raise invalid(f"{_INVALID}Null attribute value types must have the value of true")


def _bytes(value: Any) -> bytes:
    content = value.read() if hasattr(value, "read") else value
    return content.encode() if isinstance(content, str) else bytes(content)


def _set(what: str, member: Callable[[Any], Any]) -> Callable[[Any], set[Any]]:
    def made(values: Any) -> set[Any]:
        if not values:
            raise invalid(_INVALID + (f"An {what} set  may not be empty" if what != "Binary" else _EMPTY_BINARY))
        found = set(map(member, values))
        if len(found) < len(values):
            shown = ", ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in values)
            raise invalid(f"{_INVALID}Input collection [{shown}] contains duplicates.")
        return found

    return made


_EMPTY_BINARY: Final = "Binary sets should not be empty"
_REST: Final[Mapping[str, Callable[[Any], Any]]] = {
    "BOOL": bool,
    "NULL": _null,
    "B": _bytes,
    "SS": _set("string", _text),
    "NS": _set("number", number),
    "BS": _set("Binary", _bytes),
}


def plain_item(wire: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain form of an item or a key. Raises AwsError."""
    return {_text(name): plain(value) for name, value in wire.items()}


def wire(value: Any) -> dict[str, Any]:
    """Return a new value in the API's form."""
    kind = _KINDS.get(type(value))
    if kind in ("S", "BOOL", "B"):
        return {kind: value}
    if kind == "N":
        return {"N": number_text(value)}
    if kind == "M":
        return {"M": {name: wire(each) for name, each in value.items()}}
    if kind == "L":
        return {"L": [wire(each) for each in value]}
    if kind == "NULL":
        return {"NULL": True}
    kind = kind_of(value)
    # AWS gives no order of a set's members.
    return {kind: [number_text(each) if kind == "NS" else each for each in sorted(value)]}


def wire_item(item: Item) -> dict[str, Any]:
    """Return a new item in the API's form."""
    return {name: wire(value) for name, value in item.items()}


def python(value: Any) -> Any:
    """Return a new value as boto3's resources show it: numbers are Decimals, binaries `Binary`."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return Decimal(value)
    if kind is dict:
        return {name: each if type(each) is str else python(each) for name, each in value.items()}
    if kind is list:
        return [each if type(each) is str else python(each) for each in value]
    if kind is bytes:
        return Binary(value)
    return value if kind is Decimal else set(map(python, value))


def python_item(item: Item) -> dict[str, Any]:
    """Return a new item as boto3's resources show it."""
    return {name: each if type(each) is str else python(each) for name, each in item.items()}


def same(one: Any, other: Any) -> bool:
    """Return whether two plain values are equal for DynamoDB, which has no number that equals a truth value."""
    kind = type(one)
    if kind is str:
        return type(other) is str and one == other
    if kind is dict:
        return type(other) is dict and one.keys() == other.keys() and all(same(one[each], other[each]) for each in one)
    if kind is list:
        return type(other) is list and len(one) == len(other) and all(map(same, one, other))
    return kind_of(one) == kind_of(other) and bool(one == other)
