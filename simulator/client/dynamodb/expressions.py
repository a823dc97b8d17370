"""Expressions of DynamoDB, and what projections show of an item."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from drsim.simulator.client.dynamodb.grammar import Parser
from drsim.simulator.client.dynamodb.tree import Path
from drsim.simulator.client.dynamodb.values import Item

Values = Mapping[str, Any]
"""Plain values by their placeholders."""

MISSING: Final = object()
"""The value of an attribute that an item lacks."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression with the placeholders that it uses; its tree is a condition, actions or paths."""

    tree: Any
    names: frozenset[str]
    values: frozenset[str]


def parsed(what: str, text: str, names: Mapping[str, str]) -> Parsed:
    """Parse an expression; `what` is its member's name, such as FilterExpression. Raises AwsError."""
    parser = Parser(what, text, names)
    try:
        tree = _tree(parser, what)
    except RecursionError:
        parser.refuse("The expression contains too many nested parentheses")
    return Parsed(tree, frozenset(parser.used.names), frozenset(parser.used.values))


def _tree(parser: Parser, what: str) -> Any:
    if what == "UpdateExpression":
        return parser.update()
    if what == "ProjectionExpression":
        return parser.projection()
    return parser.condition()


def at(item: Any, path: Path) -> Any:
    """Return the value at a document path, or MISSING."""
    found = item
    for step in path:
        if type(step) is int:
            if type(found) is not list or step >= len(found):
                return MISSING
            found = found[step]
        else:
            if type(found) is not dict or step not in found:
                return MISSING
            found = found[step]
    return found


def projected(item: Item, paths: Iterable[Path]) -> dict[str, Any]:
    """Return the parts of an item at these paths, nested as in the item; selected list elements move together."""
    tree: dict[Any, Any] = {}
    for path in paths:
        if at(item, path) is not MISSING:
            branch = tree
            for step in path:
                branch = branch.setdefault(step, {})
    return {name: _part(item[name], branch) for name, branch in tree.items()}


def _part(value: Any, branch: Mapping[Any, Any]) -> Any:
    if not branch:
        return value
    if isinstance(value, list):
        return [_part(value[index], branch[index]) for index in sorted(branch)]
    return {name: _part(value[name], below) for name, below in branch.items()}
