"""YAML from users, read within bounds: nesting, aliases and numbers that no file needs are errors with a line.

Owns how a text becomes data, and where in the text a part of the data stands.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import yaml

DEPTH_MAX: Final = 64
ALIASED_MAX: Final = 100_000
"""The most values that all aliases of a text may stand for: eight levels of ten aliases would be a billion."""
DIGITS_MAX: Final = 38
"""Of a whole number, as in DynamoDB."""
TEXT_MAX: Final = 2_000_000
"""Of characters: each 100,000 take a third of a second to read."""
_SHOWN_MAX: Final = 60
_SCALAR_MAX: Final = 200
"""Of characters, in a number or a date. A number in base 60, such as 1:10:10, takes time of its length squared."""
_KINDS: Final = {"int": f"whole number of at most {DIGITS_MAX} digits", "timestamp": "date or time", "float": "number"}

_TEXTS: Final = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:binary")

Steps = tuple[str | int, ...]


class YamlTextError(ValueError):
    """A text cannot be read as YAML. `line` counts from 1."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(f"line {line}: {problem}")
        self.problem, self.line = problem, line


class YamlDocument(NamedTuple):
    """A text's data, and the node that it comes from; both are None for an empty text."""

    root: yaml.Node | None
    data: Any


def parsed(text: str) -> YamlDocument:
    """Read a YAML text. Raises YamlTextError."""
    if len(text) > TEXT_MAX:
        raise YamlTextError(f"a YAML text must have at most {TEXT_MAX:,} characters, got {len(text):,}", 1)
    try:
        loader = _BoundedLoader(text)
        root = loader.get_single_node()
        return YamlDocument(root, None if root is None else loader.construct_document(root))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlTextError(error.problem or "it is not YAML", 1 if mark is None else mark.line + 1) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlTextError(f"the character U+{ord(text[error.position]):04X} is not allowed", line) from None


class _BoundedLoader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._count = self._aliased = 0
        # What each anchor stands for, itself included; 0 while it is being read.
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose a node as PyYAML does, and count what it stands for."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            self._count_alias(event)
            return super().compose_node(parent, index)
        if self._depth >= DEPTH_MAX:
            raise yaml.composer.ComposerError(
                None, None, f"must be nested at most {DEPTH_MAX} levels deep", event.start_mark
            )
        before = self._count
        self._count += 1
        self._depth += 1
        if event.anchor is not None:
            self._sizes[event.anchor] = 0
        node = super().compose_node(parent, index)
        self._depth -= 1
        if event.anchor is not None:
            self._sizes[event.anchor] = self._count - before
        return node

    def _count_alias(self, event: Any) -> None:
        size = self._sizes.get(event.anchor, 1)
        self._count += size
        self._aliased += size
        problem = f"aliases must stand for at most {ALIASED_MAX:,} values" if self._aliased > ALIASED_MAX else ""
        if not size:
            problem = "this alias contains itself"
        if problem:
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Construct a value; a text that its type does not allow, such as the date 2025-13-45, is an error of YAML."""
        is_scalar = isinstance(node, yaml.ScalarNode) and node.tag not in _TEXTS
        if is_scalar and len(node.value) > _SCALAR_MAX:
            raise _unreadable(node)
        try:
            value = super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise _unreadable(node) from None
        if isinstance(value, int) and abs(value) >= 10**DIGITS_MAX:
            raise _unreadable(node)
        if isinstance(value, str) and any("\ud800" <= each <= "\udfff" for each in value):
            raise yaml.constructor.ConstructorError(
                None, None, "half of a surrogate pair is no character", node.start_mark
            )
        return value


def _unreadable(node: yaml.Node) -> yaml.YAMLError:
    kind = str(node.tag).rpartition(":")[2]
    text = str(node.value) if isinstance(node, yaml.ScalarNode) else "a list or a mapping"
    shown = repr(text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…")
    return yaml.constructor.ConstructorError(None, None, f"{shown} is no {_KINDS.get(kind, kind)}", node.start_mark)


class TextLines:
    """Where the parts of a text begin. Each node is searched once, however many parts are asked for."""

    def __init__(self, root: yaml.Node) -> None:
        self._root = root
        # By id: PyYAML's nodes are all kept by their root. Of repeated fields, the first counts.
        self._within: dict[int, dict[str | int, tuple[yaml.Node, yaml.Node]]] = {}

    def of(self, path: Steps) -> int:
        """The line of the innermost part of the path that is in the text, counted from 1."""
        node = self._root
        line = node.start_mark.line
        for step in path:
            if id(node) not in self._within:
                self._within[id(node)] = {name: (begin, value) for name, begin, value in reversed(_entries(node))}
            found = self._within[id(node)].get(step)
            if found is None:
                break
            begin, node = found
            line = begin.start_mark.line
        return int(line) + 1


def repeated(node: yaml.Node) -> Iterator[tuple[int, Steps]]:
    """Yield line and path of repeated fields, of which YAML silently takes the last. Each node is searched once."""
    searched: set[int] = set()

    def search(node: yaml.Node, path: Steps) -> Iterator[tuple[int, Steps]]:
        if id(node) in searched:
            return
        searched.add(id(node))
        seen: set[str | int] = set()
        for step, begin, value in _entries(node):
            if step in seen:
                yield begin.start_mark.line + 1, (*path, step)
            seen.add(step)
            yield from search(value, (*path, step))

    return search(node, ())


def _entries(node: yaml.Node) -> list[tuple[str | int, yaml.Node, yaml.Node]]:
    """The fields or entries of a node: name or number, where it begins, and its value."""
    if isinstance(node, yaml.MappingNode):
        # A key may be a list, which no model takes.
        return [(str(key.value), key, value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return [(number, each, each) for number, each in enumerate(node.value)]
    return []
