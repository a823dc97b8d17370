"""The expressions of one request: their placeholders are checked over all of them together, then each is read."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from drsim.simulator.client.dynamodb import conditions, expressions, updates
from drsim.simulator.client.dynamodb.expressions import Parsed, Values, parsed
from drsim.simulator.client.dynamodb.tree import Action, Condition, Path
from drsim.simulator.client.dynamodb.values import Item, plain
from drsim.simulator.client.errors import AwsError, invalid

_NAMES: Final = "ExpressionAttributeNames"
_VALUES: Final = "ExpressionAttributeValues"
_EXPRESSIONS: Final = (
    "UpdateExpression",
    "ConditionExpression",
    "KeyConditionExpression",
    "FilterExpression",
    "ProjectionExpression",
)


class Expressions:
    """The expressions of a request, or of one element of a transaction. Raises AwsError."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        given = [name for name in _EXPRESSIONS if name in asked]
        names: Mapping[str, str] = asked.get(_NAMES, {})
        wire_values: Mapping[str, Any] = asked.get(_VALUES, {})
        for member in (_NAMES, _VALUES):
            if member in asked:
                _check_placeholders(member, asked[member], is_used=bool(given))
        try:
            self.values: Values = {name: plain(value) for name, value in wire_values.items()}
        except AwsError as error:
            raise _about_values(error, wire_values) from None
        texts = tuple([(name, asked[name]) for name in given])
        self._parsed = _parsed(texts, frozenset(names.items()), frozenset(self.values))
        for name, found in self._parsed.items():
            if name == "UpdateExpression":
                updates.check_update(found.tree, self.values)
            elif name != "ProjectionExpression":
                conditions.check_condition(name, found.tree, self.values)

    @property
    def actions(self) -> tuple[Action, ...]:
        found = self._parsed.get("UpdateExpression")
        return () if found is None else found.tree

    @property
    def paths(self) -> tuple[Path, ...] | None:
        """The paths of the projection; None without one."""
        found = self._parsed.get("ProjectionExpression")
        return None if found is None else found.tree

    def tree(self, name: str) -> Condition | None:
        found = self._parsed.get(name)
        return None if found is None else found.tree

    def holds(self, name: str, item: Item | None) -> bool:
        """Return whether an item meets a condition; a request without one asks for nothing."""
        found = self._parsed.get(name)
        return found is None or conditions.holds(found.tree, {} if item is None else item, self.values)

    def shown(self, item: Item) -> Item:
        """Return what the projection leaves of an item."""
        paths = self.paths
        return item if paths is None else expressions.projected(item, paths)


@lru_cache(maxsize=4096)
def _parsed(
    texts: tuple[tuple[str, str], ...], names: frozenset[tuple[str, str]], values: frozenset[str]
) -> Mapping[str, Parsed]:
    """Parse the expressions, which use all of the names and of the values. Raises AwsError."""
    known = dict(names)
    found = {name: parsed(name, text, known) for name, text in texts}
    for name, each in found.items():
        if missing := sorted(each.values - values):
            problem = "An expression attribute value used in expression is not defined"
            raise invalid(f"Invalid {name}: {problem}; attribute value: {missing[0]}")
    used_names = {name for each in found.values() for name in each.names}
    used_values = {name for each in found.values() for name in each.values}
    for member, unused in ((_NAMES, known.keys() - used_names), (_VALUES, values - used_values)):
        if unused:
            shown = ", ".join(sorted(unused))
            raise invalid(f"Value provided in {member} unused in expressions: keys: {{{shown}}}")
    return found


def _check_placeholders(member: str, given: Mapping[str, Any], *, is_used: bool) -> None:
    if not is_used:
        raise invalid(f"{member} can only be specified when using expressions")
    if not given:
        raise invalid(f"{member} must not be empty")
    sign = "#" if member == _NAMES else ":"
    for name in given:
        if not name.startswith(sign) or not name[1:].replace("_", "a").isalnum():
            raise invalid(f'{member} contains invalid key: Syntax error; key: "{name}"')


def _about_values(error: AwsError, wire_values: Mapping[str, Any]) -> AwsError:
    """Say which of the values is wrong."""
    for name, value in wire_values.items():
        try:
            plain(value)
        except AwsError as found:
            return invalid(f"{_VALUES} contains invalid value: {found.message} for key {name}")
    return error


def refused_members(asked: Mapping[str, Any]) -> Iterable[str]:
    """Return the members from before DynamoDB had expressions."""
    return [name for name in _LEGACY if name in asked]


_LEGACY: Final = (
    "AttributesToGet",
    "AttributeUpdates",
    "ConditionalOperator",
    "Expected",
    "KeyConditions",
    "QueryFilter",
    "ScanFilter",
)
