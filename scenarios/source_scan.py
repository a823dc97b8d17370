"""What the source of handlers shows without running it: names in texts, paths into items, words, and variables."""

import ast
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

from drsim.simulator.handlers.functions import Handlers

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NOT_OWN: Final = ("site-packages", "__pycache__", "node_modules")
_WORD: Final = re.compile(r"[A-Z][A-Z_]{2,}")


@dataclass(frozen=True, slots=True)
class SourceScan:
    """Identifiers in texts with their counts, paths of constant subscripts, words in capitals, and variables.

    A variable of the environment has its default, or None. `calls` are names of called methods, `event_keys` the
    fields read of an event, and `choices` texts by which code chooses what to do.
    """

    identifiers: Counter[str] = field(default_factory=Counter)
    paths: Counter[tuple[str, ...]] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)
    variables: dict[str, str | None] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    event_keys: dict[str, None] = field(default_factory=dict)
    choices: dict[str, None] = field(default_factory=dict)


def scan(files: Iterable[Path]) -> SourceScan:
    """Scan Python files; one that cannot be parsed is skipped, for importing it will say why."""
    found = SourceScan()
    for file in files:
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, SyntaxError):
            continue
        for node in ast.walk(tree):
            _note(node, found)
    return found


def files_of(places: Iterable[str], folders: Iterable[Path]) -> list[Path]:
    """Return the Python files of handlers, given as FILE.py:NAME or MODULE:NAME, and of further folders."""
    return list(_names_of(places, folders))


def _names_of(places: Iterable[str], folders: Iterable[Path]) -> dict[Path, str]:
    """Return these files, each with its name within the folder in which it was found."""
    folders, roots, names = list(folders), list[Path](), dict[Path, str]()
    for place in places:
        stem = place.rpartition(":")[0]
        if stem.endswith(".py"):
            roots.append(Path(stem).parent)
        else:
            _add_module(stem.partition(".")[0], folders, roots, names)
    for root in (*roots, *folders):
        for file in _python_files(root):
            names.setdefault(file, file.relative_to(root).as_posix())
    return names


def _add_module(name: str, folders: Iterable[Path], roots: list[Path], names: dict[Path, str]) -> None:
    """Add a top-level module's file, or its package's folders, from where the import system finds it."""
    spec = PathFinder.find_spec(name, [*map(str, folders), "", *sys.path])
    if spec is not None and spec.submodule_search_locations is not None:
        roots += map(Path, spec.submodule_search_locations)
    elif spec is not None and spec.origin is not None:
        names[Path(spec.origin)] = Path(spec.origin).name


def _python_files(root: Path) -> Iterator[Path]:
    """Yield the Python files below a folder, but none of a virtual environment, a cache or a repository."""
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in _NOT_OWN)
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(".py"))


def sources_of(handlers: Handlers) -> list[Path]:
    """Return the Python files of handlers."""
    return list(_sources(handlers))


def sources_digest(handlers: Handlers) -> str:
    """Return the SHA-256 of the Python files of handlers and of their names within their folders.

    Their folders may be anywhere. A file that cannot be read is left out.
    """
    digest = sha256()
    for file, name in _sources(handlers).items():
        with suppress(OSError):
            digest.update(f"{name}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _sources(handlers: Handlers) -> dict[Path, str]:
    return _names_of([each for each in (handlers.finder, handlers.poller) if each], handlers.paths)


def _note(node: ast.AST, found: SourceScan) -> None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        found.identifiers.update(_IDENTIFIER.findall(node.value))
        if _WORD.fullmatch(node.value):
            found.words[node.value] += 1
    if isinstance(node, ast.Subscript | ast.Call):
        path = tuple(_path(node))
        if len(path) > 1:
            found.paths[path] += 1
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        found.calls[node.func.attr] += 1
    found.choices.update(dict.fromkeys(_choices(node)))
    if (
        isinstance(node, ast.Subscript | ast.Call)
        and _root(node) in ("event", "payload")
        and len(path := tuple(_path(node))) == 1
    ):
        found.event_keys[path[0]] = None
    name, default = _variable(node)
    if name is not None:
        found.variables.setdefault(name, default)


def _path(node: ast.AST) -> Iterator[str]:
    """Yield the constant keys of `x["a"]["b"]` and of `x.get("a", {}).get("b")`, outermost first."""
    inner: ast.AST | None = None
    key: ast.AST | None = None
    if isinstance(node, ast.Subscript):
        inner, key = node.value, node.slice
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
        inner, key = node.func.value, next(iter(node.args), None)
    if inner is not None and isinstance(key, ast.Constant) and isinstance(key.value, str):
        yield from _path(inner)
        yield key.value


def _root(node: ast.AST) -> str:
    """Return the name of the variable that `x["a"]` or `x.get("a")` reads."""
    inner = node.value if isinstance(node, ast.Subscript) else node.func if isinstance(node, ast.Call) else None
    inner = inner.value if isinstance(inner, ast.Attribute) else inner
    return inner.id if isinstance(inner, ast.Name) else ""


def _choices(node: ast.AST) -> Iterator[str]:
    """Yield the texts of comparisons, of cases, and of mappings from texts to functions."""
    found: list[ast.expr | None] = []
    if isinstance(node, ast.Compare):
        found = [node.left, *node.comparators]
    elif isinstance(node, ast.MatchValue):
        found = [node.value]
    elif isinstance(node, ast.Dict):
        found = [key for key, value in zip(node.keys, node.values, strict=True) if isinstance(value, ast.Name)]
    for each in found:
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and re.fullmatch(r"[a-z_-]+", each.value):
            yield each.value


def _variable(node: ast.AST) -> tuple[str | None, str | None]:
    """Return the variable of the environment that a node reads, and its default."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("environ"):
        return (node.slice.value, None) if isinstance(node.slice, ast.Constant) else (None, None)  # type: ignore[return-value]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("environ.get", "getenv")) and node.args:
        name, *rest = (each.value if isinstance(each, ast.Constant) else None for each in node.args)
        return (str(name), None if not rest or rest[0] is None else str(rest[0])) if name else (None, None)
    return None, None
