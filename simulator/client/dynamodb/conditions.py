"""Conditions of DynamoDB, evaluated on plain items.

Sources: DynamoDB developer guide, "Expressions", 2026-11; ScyllaDB's and paritysuite's tests against AWS for what it
leaves out, such as comparisons with a missing attribute.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import ge, gt, le, lt
from typing import Any, Final, NoReturn

from drsim.simulator.client.dynamodb.expressions import MISSING, Values, at
from drsim.simulator.client.dynamodb.tree import (
    Among,
    Attribute,
    Between,
    Both,
    Compare,
    Condition,
    Either,
    FunctionCall,
    Not,
    Operand,
    Path,
    Value,
)
from drsim.simulator.client.dynamodb.values import SETS, Item, kind_of, number_text, same
from drsim.simulator.client.errors import invalid

_ORDERED: Final = ("S", "N", "B")
_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_TYPES: Final = ("B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M")


def holds(condition: Condition, item: Item, values: Values) -> bool:
    """Return whether an item meets a condition."""
    match condition:
        case Compare(operator, left, right):
            return _compared(operator, read(left, item, values), read(right, item, values))
        case Both(left, right):
            return holds(left, item, values) and holds(right, item, values)
        case Either(left, right):
            return holds(left, item, values) or holds(right, item, values)
        case Not(inner):
            return not holds(inner, item, values)
        case Between(operand, low, high):
            value = read(operand, item, values)
            return _compared(">=", value, read(low, item, values)) and _compared("<=", value, read(high, item, values))
        case Among(operand, choices):
            value = read(operand, item, values)
            return any(_compared("=", value, read(each, item, values)) for each in choices)
        case FunctionCall(name, arguments):
            return _FUNCTIONS[name](*[read(each, item, values) for each in arguments])


def read(operand: Operand, item: Item, values: Values) -> Any:
    """Return an operand's value, or MISSING."""
    match operand:
        case Value(name):
            return values[name]
        case Attribute(path):
            return at(item, path)
        case FunctionCall("size", (argument,)):
            return _size(read(argument, item, values))
    raise AssertionError(f"{operand} is no operand of a condition")


def _compared(operator: str, left: Any, right: Any) -> bool:
    if left is MISSING or right is MISSING:
        return operator == "<>"
    if operator == "=":
        return same(left, right)
    if operator == "<>":
        return not same(left, right)
    kind = kind_of(left)
    return kind in _ORDERED and kind == kind_of(right) and _ORDERS[operator](left, right)


def _size(value: Any) -> Any:
    kind = "" if value is MISSING else kind_of(value)
    if kind == "S":
        # In units of UTF-16.
        return len(value) if value.isascii() else len(value.encode("utf-16-le")) // 2
    return len(value) if kind in ("B", "L", "M", *SETS) else MISSING


def _contains(container: Any, sought: Any) -> bool:
    if container is MISSING or sought is MISSING:
        return False
    kind = kind_of(container)
    if kind == "L":
        return any(same(each, sought) for each in container)
    if kind in ("S", "B"):
        return kind_of(sought) == kind and sought in container
    return kind in SETS and kind_of(sought) == kind[0] and sought in container


def _begins(value: Any, prefix: Any) -> bool:
    if value is MISSING or prefix is MISSING:
        return False
    return kind_of(value) in ("S", "B") and kind_of(value) == kind_of(prefix) and bool(value.startswith(prefix))


_FUNCTIONS: Final[Mapping[str, Callable[..., bool]]] = {
    "attribute_exists": lambda value: value is not MISSING,
    "attribute_not_exists": lambda value: value is MISSING,
    "attribute_type": lambda value, kind: value is not MISSING and kind_of(value) == kind,
    "begins_with": _begins,
    "contains": _contains,
}


def check_condition(what: str, condition: Condition, values: Values) -> None:
    """Check the types of a condition's values, which AWS does before it reads an item. Raises AwsError."""
    match condition:
        case Both(left, right) | Either(left, right):
            check_condition(what, left, values)
            check_condition(what, right, values)
        case Not(inner):
            check_condition(what, inner, values)
        case Compare(operator, left, right):
            _check_size(what, (left, right), values)
            if operator in _ORDERS:
                _check_ordered(what, operator, (left, right), values)
        case Between(operand, low, high):
            _check_size(what, (operand, low, high), values)
            _check_ordered(what, "BETWEEN", (operand, low, high), values)
            _check_bounds(what, low, high, values)
        case Among(operand, choices):
            _check_size(what, (operand, *choices), values)
        case FunctionCall(name, arguments):
            _check_call(what, name, arguments, values)


def _check_size(what: str, operands: Iterable[Operand], values: Values) -> None:
    for operand in operands:
        if isinstance(operand, FunctionCall) and isinstance(operand.arguments[0], Value):
            kind = kind_of(values[operand.arguments[0].name])
            if kind in ("N", "BOOL", "NULL"):
                wrong_type(what, "size", kind)


def _check_ordered(what: str, operator: str, operands: Iterable[Operand], values: Values) -> None:
    for operand in operands:
        if isinstance(operand, Value) and (kind := kind_of(values[operand.name])) not in _ORDERED:
            wrong_type(what, operator, kind)


def _check_bounds(what: str, low: Operand, high: Operand, values: Values) -> None:
    if not isinstance(low, Value) or not isinstance(high, Value):
        return
    bounds = values[low.name], values[high.name]
    kinds = [kind_of(bound) for bound in bounds]
    texts = [f"AttributeValue: {{{kind}:{_shown(bound)}}}" for kind, bound in zip(kinds, bounds, strict=True)]
    which = f"lower bound operand: {texts[0]}, upper bound operand: {texts[1]}"
    if kinds[0] != kinds[1]:
        problem = "The BETWEEN operator requires same data type for lower and upper bounds"
        raise invalid(f"Invalid {what}: {problem}; {which}")
    if bounds[0] > bounds[1]:
        problem = "The BETWEEN operator requires upper bound to be greater than or equal to lower bound"
        raise invalid(f"Invalid {what}: {problem}; {which}")


def _shown(value: Any) -> str:
    return str(value) if isinstance(value, str | bytes) else number_text(value)


def _check_call(what: str, name: str, arguments: tuple[Operand, ...], values: Values) -> None:
    known = [kind_of(values[each.name]) if isinstance(each, Value) else None for each in arguments]
    if name == "begins_with":
        for kind in known:
            if kind not in (None, "S", "B"):
                wrong_type(what, name, kind)
    elif name == "contains" and known[0] not in (None, "S", "B", "L", *SETS):
        wrong_type(what, name, known[0])
    elif name == "attribute_type":
        second = arguments[1]
        kind = values[second.name] if isinstance(second, Value) else None
        if known[1] != "S":
            wrong_type(what, name, known[1] or "M")
        if kind not in _TYPES:
            listed = ",".join(_TYPES)
            problem = f"Invalid attribute type name found; type: {kind}, valid types: {{{listed}}}"
            raise invalid(f"Invalid {what}: {problem}")


def wrong_type(what: str, operator: str, kind: str | None) -> NoReturn:
    problem = "Incorrect operand type for operator or function; operator or function"
    raise invalid(f"Invalid {what}: {problem}: {operator}, operand type: {kind}")


def paths_of(condition: Condition) -> Iterator[Path]:
    """Yield every path in a condition."""
    match condition:
        case Both(left, right) | Either(left, right):
            yield from paths_of(left)
            yield from paths_of(right)
        case Not(inner):
            yield from paths_of(inner)
        case Compare(_, left, right):
            yield from _paths_in((left, right))
        case Between(operand, low, high):
            yield from _paths_in((operand, low, high))
        case Among(operand, choices):
            yield from _paths_in((operand, *choices))
        case FunctionCall(_, arguments):
            yield from _paths_in(arguments)


def _paths_in(operands: Iterable[Operand]) -> Iterator[Path]:
    for operand in operands:
        if isinstance(operand, Attribute):
            yield operand.path
        elif isinstance(operand, FunctionCall):
            yield from _paths_in(operand.arguments)
