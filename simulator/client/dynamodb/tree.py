"""The trees of DynamoDB's expressions."""

from collections.abc import Sequence
from typing import NamedTuple

Step = str | int
Path = tuple[Step, ...]
"""A document path: names of attributes and indexes of lists."""


class Value(NamedTuple):
    """A placeholder of a value, such as :v."""

    name: str


class Attribute(NamedTuple):
    """A document path."""

    path: Path


class FunctionCall(NamedTuple):
    """A function and its arguments."""

    name: str
    arguments: tuple["Operand", ...]


class Sum(NamedTuple):
    """operand + operand, or with "-"."""

    sign: str
    left: "Operand"
    right: "Operand"


Operand = Value | Attribute | FunctionCall | Sum


class Compare(NamedTuple):
    """operand = operand, or with another comparator."""

    operator: str
    left: Operand
    right: Operand


class Between(NamedTuple):
    operand: Operand
    low: Operand
    high: Operand


class Among(NamedTuple):
    """operand IN (operand, ...)."""

    operand: Operand
    choices: tuple[Operand, ...]


class Not(NamedTuple):
    condition: "Condition"


class Both(NamedTuple):
    left: "Condition"
    right: "Condition"


class Either(NamedTuple):
    left: "Condition"
    right: "Condition"


Condition = Compare | Between | Among | Not | Both | Either | FunctionCall


class Action(NamedTuple):
    """One action of an update; `value` is None for REMOVE."""

    section: str
    path: Path
    value: Operand | None


def shown(path: Path) -> str:
    """Return a path as AWS's messages show it: [a, b, [1]]."""
    return f"[{', '.join(f'[{step}]' if isinstance(step, int) else step for step in path)}]"


def overlap(paths: Sequence[Path]) -> str:
    """Return AWS's words for paths of which one contains another or needs a list for its map; "" without any."""
    for number, one in enumerate(paths):
        for other in paths[number + 1 :]:
            steps = next(((a, b) for a, b in zip(one, other, strict=False) if a != b), None)
            if steps is None or type(steps[0]) is not type(steps[1]):
                verb = "overlap" if steps is None else "conflict"
                problem = f"Two document paths {verb} with each other; must remove or rewrite one of these paths"
                return f"{problem}; path one: {shown(one)}, path two: {shown(other)}"
    return ""
