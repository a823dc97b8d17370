"""Updates of DynamoDB, applied to plain items.

Sources: DynamoDB developer guide, "Update expressions", 2026-11; ScyllaDB's and paritysuite's tests against AWS for
what it leaves out, such as several changes of one list.
"""

from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Any, Final, NoReturn

from drsim.simulator.client.dynamodb.conditions import wrong_type
from drsim.simulator.client.dynamodb.expressions import MISSING, Values, at
from drsim.simulator.client.dynamodb.tree import Action, Attribute, FunctionCall, Operand, Path, Sum, Value
from drsim.simulator.client.dynamodb.values import LONG_NAMES, SETS, Item, in_range, kind_of
from drsim.simulator.client.errors import invalid

# As exact as numbers are, with room to see that a result is not.
_ARITHMETIC: Final = Context(prec=38, Emin=-400, Emax=400, traps=[Inexact, InvalidOperation, Overflow])


def check_update(actions: Iterable[Action], values: Values) -> None:
    """Check the types of an update's values, which AWS does before it reads the item. Raises AwsError."""
    for section, _, value in actions:
        if section in ("ADD", "DELETE") and isinstance(value, Value):
            kind = kind_of(values[value.name])
            if kind not in (("N", *SETS) if section == "ADD" else SETS):
                problem = "Incorrect operand type for operator or function"
                raise invalid(
                    f"Invalid UpdateExpression: {problem}; operator: {section}, operand type: {LONG_NAMES[kind]}"
                )
        elif section == "SET":
            _check_set(value, values)


def _check_set(operand: Operand | None, values: Values) -> None:
    match operand:
        case Sum(sign, left, right):
            for term in (left, right):
                if isinstance(term, Value) and (kind := kind_of(values[term.name])) != "N":
                    wrong_type("UpdateExpression", sign, kind)
                _check_set(term, values)
        case FunctionCall(name, arguments):
            for each in arguments:
                if name == "list_append" and isinstance(each, Value) and (kind := kind_of(values[each.name])) != "L":
                    wrong_type("UpdateExpression", name, kind)
                _check_set(each, values)


def updated(item: Item, actions: tuple[Action, ...], values: Values) -> dict[str, Any]:
    """Return the item after an update; what it leaves alone is the same object. Raises AwsError.

    Every operand and list index means the item before the update.
    """
    sets = [(path, _value(value, item, values)) for section, path, value in actions if section == "SET" and value]
    sums = [(section, path, value) for section, path, value in actions if section in ("ADD", "DELETE")]
    new = _Copied(item)
    appended: list[tuple[Path, Any]] = []
    for path, value in sets:
        if not new.put(path, value):
            appended.append((path, value))
    removed = [path for section, path, _ in actions if section == "REMOVE"]
    for section, path, operand in sums:
        assert isinstance(operand, Value), "the grammar takes nothing else"
        value = _changed(section, at(item, path), values[operand.name])
        if value is MISSING:
            removed.append(path)
        elif not new.put(path, value):
            appended.append((path, value))
    # From the last index on, so that those of the others stay.
    for path in sorted(removed, key=lambda path: [step if type(step) is int else -1 for step in path], reverse=True):
        new.remove(path)
    for path, value in sorted(appended, key=lambda each: each[0][-1]):
        new.append(path, value)
    return new.item


def touched(actions: Iterable[Action]) -> list[Path]:
    """Return the paths that an update writes."""
    return [action.path for action in actions]


class _Copied:
    """An item of which only the containers on the way to a change are copied."""

    def __init__(self, item: Item) -> None:
        self.item: dict[str, Any] = dict(item)
        self._old = item
        self._own: dict[Path, Any] = {(): self.item}

    def put(self, path: Path, value: Any) -> bool:
        """Set a value; False if it lies behind the end of a list."""
        container, step = self._container(path), path[-1]
        if type(step) is int:
            if step >= len(container):
                return False
            container[step] = value
        else:
            container[step] = value
        return True

    def append(self, path: Path, value: Any) -> None:
        self._container(path).append(value)

    def remove(self, path: Path) -> None:
        """Remove a value, if there is one."""
        # On an item without the attribute nothing is on the way either.
        if len(path) > 1 and not self._old:
            return
        container, step = self._container(path), path[-1]
        if type(step) is int:
            del container[step : step + 1]
        else:
            container.pop(step, None)

    def _container(self, path: Path) -> Any:
        """Return the map or list that holds the last step, copied. Raises AwsError for a path that does not exist."""
        for depth in range(1, len(path)):
            way = path[:depth]
            if way not in self._own:
                below = self._own[way[:-1]]
                found = at(self._old, way)
                if found is MISSING or type(found) not in (dict, list):
                    _no_path()
                copy = self._own[way] = found.copy()
                below[way[-1]] = copy
        container = self._own[path[:-1]]
        if type(container) is not (list if type(path[-1]) is int else dict):
            _no_path()
        return container


def _no_path() -> NoReturn:
    raise invalid("The document path provided in the update expression is invalid for update")


def _value(operand: Operand, item: Item, values: Values) -> Any:
    """Return the value of an operand of SET."""
    match operand:
        case Value(name):
            return values[name]
        case Attribute(path):
            found = at(item, path)
            if found is MISSING:
                raise invalid("The provided expression refers to an attribute that does not exist in the item")
            return found
        case FunctionCall("if_not_exists", (Attribute(path), default)):
            found = at(item, path)
            return _value(default, item, values) if found is MISSING else found
        case FunctionCall("list_append", arguments):
            first, second = [_value(each, item, values) for each in arguments]
            if type(first) is not list or type(second) is not list:
                _wrong_operand()
            return [*first, *second]
        case Sum(sign, left, right):
            return _sum(_value(left, item, values), _value(right, item, values), sign)
    raise AssertionError(f"{operand} is no operand of SET")


def _sum(left: Any, right: Any, sign: str = "+") -> Any:
    if kind_of(left) != "N" or kind_of(right) != "N":
        _wrong_operand()
    try:
        terms = Decimal(left), Decimal(right)
        return in_range(_ARITHMETIC.add(*terms) if sign == "+" else _ARITHMETIC.subtract(*terms))
    except (Inexact, InvalidOperation, Overflow):
        problem = "Attempting to store a number with magnitude larger than supported range"
        raise invalid(f"Number overflow. {problem}") from None


def _changed(section: str, old: Any, value: Any) -> Any:
    """Return the result of ADD or DELETE; MISSING if nothing is left."""
    if old is MISSING:
        return value if section == "ADD" else MISSING
    if kind_of(old) != kind_of(value):
        _wrong_operand()
    if kind_of(old) == "N":
        return _sum(old, value)
    return (old | value if section == "ADD" else old - value) or MISSING


def _wrong_operand() -> NoReturn:
    raise invalid("An operand in the update expression has an incorrect data type")
