"""The grammar of DynamoDB's expressions: from text to a tree.

Names are resolved here, and values stay placeholders, so that a tree is kept for all calls with the same texts. Source:
DynamoDB developer guide, "Expressions", 2026-11; ScyllaDB's and paritysuite's tests against AWS for what it leaves out.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeVar

from drsim.simulator.client.dynamodb.reserved_words import RESERVED_WORDS
from drsim.simulator.client.dynamodb.tree import (
    Action,
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
    Step,
    Sum,
    Value,
    overlap,
)
from drsim.simulator.client.errors import invalid

_TOKEN: Final = re.compile(r"\s*(#\w+|:\w+|[A-Za-z]\w*|\d+|<>|<=|>=|[=<>()\[\],.+-]|$|\S)", re.ASCII)
_T = TypeVar("_T")

_BYTES_MAX: Final = 4096
_OPERATORS_MAX: Final = 300
_IN_MAX: Final = 100
_STEPS_MAX: Final = 32
COMPARATORS: Final = ("=", "<>", "<", "<=", ">", ">=")


@dataclass(slots=True)
class Used:
    """The placeholders that an expression uses."""

    names: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)


# Functions of conditions with the number of their operands; size is an operand, all others are conditions.
_CONDITIONS: Final = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}
_UPDATES: Final = {"if_not_exists": 2, "list_append": 2}
_OF_PATHS: Final = ("attribute_exists", "attribute_not_exists")
_SECTIONS: Final = ("SET", "REMOVE", "ADD", "DELETE")


class Parser:
    """Parses one expression, `what` in messages. Each method raises AwsError for a wrong text."""

    def __init__(self, what: str, text: str, names: Mapping[str, str]) -> None:
        self.what = what
        self.used = Used()
        self._text = text
        self._names = names
        size = len(text.encode())
        if not text.strip():
            self.refuse("The expression can not be empty;")
        if size > _BYTES_MAX:
            extra = "" if what == "UpdateExpression" else f" expression size: {size}"
            self.refuse(f"Expression size has exceeded the maximum allowed size;{extra}")
        self._tokens = [found for found in _TOKEN.finditer(text) if found[1]]
        self._next = 0
        self._operators = 0

    def refuse(self, problem: str) -> NoReturn:
        raise invalid(f"Invalid {self.what}: {problem}")

    @property
    def _token(self) -> str:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else ""

    @property
    def _word(self) -> str:
        """The present token in upper case, as keywords are."""
        return self._token.upper()

    def _after(self) -> str:
        place = self._next + 1
        return self._tokens[place][1] if place < len(self._tokens) else ""

    def _take(self, expected: str = "") -> str:
        token = self._token
        if not token or (expected and token.upper() != expected):
            self._fail()
        self._next += 1
        return token

    def _fail(self) -> NoReturn:
        """Refuse the present token."""
        place = self._next
        near = self._tokens[max(place - 1, 0) : place + 2]
        shown = self._text[near[0].start(1) : near[-1].end(1)] if near else ""
        self.refuse(f'Syntax error; token: "{self._token or "<EOF>"}", near: "{shown}"')

    def _count_operator(self) -> None:
        self._operators += 1
        if self._operators > _OPERATORS_MAX:
            self.refuse(f"The expression contains too many operators; operator count: {self._operators}")

    def _end(self) -> None:
        if self._token:
            self._fail()

    def _several(self, one: Callable[[], _T]) -> list[_T]:
        """One or more, with commas between them."""
        found = [one()]
        while self._token == ",":
            self._take()
            found.append(one())
        return found

    # --- operands -------------------------------------------------------------------------------------------------

    def path(self) -> Path:
        """A document path, such as a.#b[1]."""
        steps: list[Step] = [self._name()]
        while self._token in (".", "["):
            if self._take() == ".":
                steps.append(self._name())
            else:
                index = self._token
                if not index.isdecimal():
                    self._fail()
                self._take()
                self._take("]")
                steps.append(int(index))
        if len(steps) > _STEPS_MAX:
            self.refuse(f"The document path has too many nesting levels; nesting levels: {len(steps)}")
        return tuple(steps)

    def _name(self) -> str:
        token = self._token
        if token.startswith("#"):
            self._take()
            self.used.names.add(token)
            if token not in self._names:
                problem = "An expression attribute name used in the document path is not defined"
                self.refuse(f"{problem}; attribute name: {token}")
            return self._names[token]
        if not token[:1].isalpha():
            self._fail()
        self._take()
        if token.upper() in RESERVED_WORDS:
            self.refuse(f"Attribute name is a reserved keyword; reserved keyword: {token}")
        return token

    def operand(self, functions: Mapping[str, int]) -> Operand:
        """A value, a path, or a call of one of these functions."""
        token = self._token
        if token.startswith(":"):
            self._take()
            self.used.values.add(token)
            return Value(token)
        if token[:1].isalpha() and self._after() == "(":
            return self.call(functions)
        return Attribute(self.path())

    def call(self, functions: Mapping[str, int]) -> FunctionCall:
        name = self._take()
        self._take("(")
        if name not in functions:
            if name in _CONDITIONS and functions is _UPDATES:
                self.refuse(f"The function is not allowed in an update expression; function: {name}")
            self.refuse(f"Invalid function name; function: {name}")
        arguments = self._several(lambda: self.operand(functions))
        self._take(")")
        if len(arguments) != functions[name]:
            what = "Incorrect number of operands for operator or function"
            self.refuse(f"{what}; operator or function: {name}, number of operands: {len(arguments)}")
        needs_path = name in (*_OF_PATHS, "if_not_exists")
        if needs_path and not isinstance(arguments[0], Attribute):
            self.refuse(f"Operator or function requires a document path; operator or function: {name}")
        if functions is _UPDATES and name == "list_append" and any(_appends(each) for each in arguments):
            self._misused(name)
        if functions is _CONDITIONS:
            for each in arguments:
                if isinstance(each, FunctionCall) and each.name != "size":
                    self._misused(each.name)
            if len(arguments) > 1:
                self._check_distinct(name, arguments[0], arguments[1:])
        return FunctionCall(name, tuple(arguments))

    def _misused(self, name: str) -> NoReturn:
        self.refuse(f"The function is not allowed to be used this way in an expression; function: {name}")

    def _check_distinct(self, operator: str, first: Operand, rest: "list[Operand]") -> None:
        if isinstance(first, Attribute) and first in rest:
            steps = "".join(f"[{step}]" if isinstance(step, int) else f", {step}" for step in first.path)
            problem = "The first operand must be distinct from the remaining operands for this operator or function"
            self.refuse(f"{problem}; operator: {operator}, first operand: [{steps.removeprefix(', ')}]")

    # --- conditions -----------------------------------------------------------------------------------------------

    def condition(self) -> Condition:
        found = self._either()
        self._end()
        return found

    def _either(self) -> Condition:
        left = self._both()
        while self._word == "OR":
            self._take()
            self._count_operator()
            left = Either(left, self._both())
        return left

    def _both(self) -> Condition:
        left = self._not()
        while self._word == "AND":
            self._take()
            self._count_operator()
            left = Both(left, self._not())
        return left

    def _not(self) -> Condition:
        if self._word == "NOT" and self._after() not in (".", "["):
            self._take()
            self._count_operator()
            return Not(self._not())
        if self._token == "(":
            return self._parenthesized()
        return self._simple()

    def _parenthesized(self) -> Condition:
        is_double = self._after() == "("
        self._take("(")
        begun = self._next
        found = self._either()
        self._take(")")
        # ((a = b)): the inner pair ends just before the outer one.
        if is_double and self._tokens[self._next - 2][1] == ")" and self._closes(begun, self._next - 2):
            self.refuse("The expression has redundant parentheses;")
        return found

    def _closes(self, opened: int, closed: int) -> bool:
        """Return whether the parenthesis at a place is closed by the one at the other."""
        depth = 0
        for place in range(opened, closed + 1):
            depth += {"(": 1, ")": -1}.get(self._tokens[place][1], 0)
            if depth == 0:
                return place == closed
        return False

    def _simple(self) -> Condition:
        operand = self.operand(_CONDITIONS)
        if self._token in COMPARATORS:
            self._count_operator()
            comparator = self._take()
            return Compare(comparator, self._compared(operand), self._compared(self.operand(_CONDITIONS)))
        if self._word == "BETWEEN":
            self._take()
            self._count_operator()
            low = self._compared(self.operand(_CONDITIONS))
            self._take("AND")
            return Between(self._compared(operand), low, self._compared(self.operand(_CONDITIONS)))
        if self._word == "IN":
            self._take()
            self._count_operator()
            return self._among(self._compared(operand))
        if not isinstance(operand, FunctionCall):
            self._fail()
        if operand.name == "size":
            self._misused("size")
        return operand

    def _among(self, operand: Operand) -> Among:
        self._take("(")
        choices = self._several(lambda: self._compared(self.operand(_CONDITIONS)))
        self._take(")")
        if len(choices) > _IN_MAX:
            problem = "The IN operator is provided with too many operands"
            self.refuse(f"{problem}; number of operands: {len(choices)}")
        return Among(operand, tuple(choices))

    def _compared(self, operand: Operand) -> Operand:
        if isinstance(operand, FunctionCall) and operand.name != "size":
            self._misused(operand.name)
        return operand

    # --- updates and projections ----------------------------------------------------------------------------------

    def update(self) -> tuple[Action, ...]:
        actions: list[Action] = []
        sections: set[str] = set()
        while self._token:
            section = self._word
            if section not in _SECTIONS:
                self._fail()
            self._take()
            if section in sections:
                self.refuse(f'The "{section}" section can only be used once in an update expression;')
            sections.add(section)
            actions += self._several(lambda: self._action(section))  # noqa: B023 - called at once
        self._check_apart([action.path for action in actions])
        return tuple(actions)

    def _action(self, section: str) -> Action:
        path = self.path()
        if section == "REMOVE":
            return Action(section, path, None)
        if section != "SET":
            if not self._token.startswith(":"):
                self._fail()
            return Action(section, path, self.operand({}))
        self._take("=")
        value = self.operand(_UPDATES)
        if self._token in ("+", "-"):
            self._count_operator()
            value = Sum(self._take(), value, self.operand(_UPDATES))
        return Action(section, path, value)

    def projection(self) -> tuple[Path, ...]:
        paths = self._several(self.path)
        self._end()
        self._check_apart(paths)
        return tuple(paths)

    def _check_apart(self, paths: list[Path]) -> None:
        if problem := overlap(paths):
            self.refuse(problem)


def _appends(operand: Operand) -> bool:
    return isinstance(operand, FunctionCall) and operand.name == "list_append"
