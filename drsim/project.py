"""`[tool.drsim]` of the nearest pyproject.toml: what a project's commands and tests use unless they are given another.

Owns the keys, their checks, and which of them a command reads. Files that it names are relative to its folder.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeGuard

from typer.core import TyperCommand

from drsim.arguments import UserError, is_seed, seeds_of

FILE: Final = "pyproject.toml"
_SHOWN_MAX: Final = 200
CODE: Final = ("finder", "poller", "paths", "env", "contract")
"""The keys of one pair of functions, which other code replaces all together."""


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.isprintable()


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_seeds(value: object) -> bool:
    try:
        return bool(seeds_of(value)) if isinstance(value, str) else is_seed(value)
    except UserError:
        return False


_KEYS: Final[Mapping[str, tuple[Callable[[object], bool], str]]] = {
    "finder": (_is_text, "FILE.py:HANDLER or MODULE:HANDLER"),
    "poller": (_is_text, "FILE.py:HANDLER or MODULE:HANDLER"),
    "paths": (_are_texts, 'a list of folders such as ["layer"]'),
    "env": (
        lambda value: isinstance(value, dict) and _are_texts([*value, *value.values()]),
        'a table of texts such as { TABLE_NAME = "executions" }',
    ),
    "contract": (_is_text, "a YAML file, ours or plain"),
    "out": (lambda value: _is_text(value) and value != "", "a folder"),
    "seed": (is_seed, "a whole number >= 0 of at most 18 digits"),
    "seeds": (_are_seeds, 'FIRST-LAST, such as "1-100", or one seed'),
    "set": (_are_texts, 'a list of changes such as ["executions=200"]'),
}
"""Each key with its check, and what it must be in words."""

_READ_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "run": (*CODE, "out", "seed", "set"),
    "explore": (*CODE, "out", "seeds", "set"),
    "contract": ("finder", "poller", "paths", "env"),
}
_PARAMETERS: Final = {"env": "variables", "set": "changes"}
"""Parameters of commands that have another name than their key."""


def project_file(folder: Path) -> Path | None:
    """The pyproject.toml in this folder or the nearest one above it."""
    folder = folder.absolute()
    return next((file for each in (folder, *folder.parents) if (file := each / FILE).is_file()), None)


def options_of(file: Path | None, start: Path) -> dict[str, Any]:
    """The keys of `[tool.drsim]` in a file, checked, with paths as seen from `start`; none without the table.

    Raises UserError with a line for each error.
    """
    if file is None:
        return {}
    shown = os.path.relpath(file)
    # Most projects' files have nothing for drsim.
    tool = toml_of(file, only_with="drsim").get("tool", {})
    given = tool.get("drsim", {}) if isinstance(tool, dict) else {}
    if not isinstance(given, dict):
        raise UserError(f"{shown}: tool.drsim must be a table of {', '.join(_KEYS)}, got {_short(given)}")
    problems = [problem for key, value in given.items() if (problem := _problem(key, value))]
    if not given.get("finder"):
        problems += [f"{key} needs finder, whose functions it belongs to" for key in CODE[1:] if key in given]
    if problems:
        raise UserError("\n".join(f"{shown}: tool.drsim.{problem}" for problem in problems))
    return {key: _seen_from(start, file.parent, key, value) for key, value in given.items()}


def toml_of(file: Path, *, only_with: str = "") -> dict[str, Any]:
    """What a TOML file holds; nothing if its text does not have `only_with` in it. Raises UserError."""
    import tomllib

    try:
        text = file.read_text(encoding="utf-8")
        return tomllib.loads(text) if only_with in text else {}
    except OSError as error:
        reason = error.strerror or str(error)
    except RecursionError:
        reason = "its values are nested too deep"
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
    except ValueError:
        # Python converts no more than a few thousand digits.
        reason = "a number in it has too many digits"
    raise UserError(f"cannot read {os.path.relpath(file)}: {reason}")


def _short(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"


def _problem(key: str, value: object) -> str:
    """What is wrong with a key or its value; "" if nothing is."""
    if key not in _KEYS:
        import difflib

        near = difflib.get_close_matches(key, _KEYS, n=1)
        hint = f"did you mean {near[0]!r}? the keys" if near else "the keys"
        return f"{key}: there is no such key; {hint} are {', '.join(_KEYS)}"
    is_right, what = _KEYS[key]
    return "" if is_right(value) else f"{key} must be {what}, got {_short(value)}"


def _seen_from(start: Path, root: Path, key: str, value: Any) -> Any:
    if key == "paths":
        return [rooted(each, root, start) for each in value]
    if key in ("finder", "poller"):
        return rooted_place(value, root, start)
    if key == "contract":
        return rooted_file(value, root, start)
    if key == "out":
        return rooted(value, root, start)
    return str(value) if key == "seeds" else value


def rooted(path: str, root: Path, start: Path) -> str:
    """A path relative to `root` as one relative to `start`."""
    return path if Path(path).is_absolute() else os.path.relpath(root / path, start)


def rooted_file(name: str, root: Path, start: Path) -> str:
    """The same for a name that is a path only if it is a YAML file's."""
    return rooted(name, root, start) if Path(name).suffix.lower() in (".yaml", ".yml") else name


def rooted_place(place: str, root: Path, start: Path) -> str:
    """The same for FILE.py:HANDLER; MODULE:HANDLER stays as it is."""
    file, colon, handler = place.rpartition(":")
    return f"{rooted(file, root, start)}{colon}{handler}" if file.endswith(".py") else place


def merged(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Options in layers, of which later ones win. Other code replaces all keys of the code before it."""
    found: dict[str, Any] = {}
    for layer in layers:
        is_other = "finder" in layer or "parts" in layer or layer.get("tier") == "fast"
        found = {**{key: value for key, value in found.items() if not (is_other and key in CODE)}, **layer}
    return found


def check_code(options: Mapping[str, Any]) -> None:
    """Raise UserError if these options of pyproject.toml name a file or folder of code outside of its project.

    Each command that runs them calls this first. Modules are allowed, since a team's package may be installed. What a
    person names on the command line, and what pytest imports, is no concern of this.
    """
    from drsim.trust import project_root

    file = project_file(Path.cwd())
    if file is None:
        return
    root = project_root(file.parent)
    places = [(key, options[key].rpartition(":")[0]) for key in ("finder", "poller") if options.get(key)]
    named = [(key, place) for key, place in places if place.endswith(".py")]
    for key, place in [*named, *(("paths", path) for path in options.get("paths", ()))]:
        found = Path(place).resolve()
        if not found.is_relative_to(root):
            raise UserError(
                f"{os.path.relpath(file)}: tool.drsim.{key} names code to import: {found}, outside of its project "
                f"{root}; --finder, --poller and --path on the command line run it, with your rights"
            )


def options_here() -> dict[str, Any]:
    """The options that commands in the current folder have by default. Raises UserError."""
    here = Path.cwd()
    return options_of(project_file(here), here)


class ProjectCommand(TyperCommand):
    """A command whose options are by default those of pyproject.toml."""

    # typer does not export the class of `ctx`.
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        if "help" not in given:
            ctx.default_map = self._defaults(given)
        rest = super().parse_args(ctx, args)
        if ctx.params.get("changes"):
            # `--set ''` stands for no change, in place of those of pyproject.toml.
            ctx.params["changes"] = [change for change in ctx.params["changes"] if change]
        return rest

    def _defaults(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The values by parameter, for a command line that gives these parameters."""
        read = _READ_BY[self.name or ""]
        if "seeds" in given:
            read = tuple(key for key in read if key != "seed")
        project = {key: value for key, value in options_here().items() if key in read}
        options = merged(project, given)
        check_code({key: value for key, value in options.items() if value is project.get(key)})
        found = {_PARAMETERS.get(key, key): options[key] for key in read if key in options}
        if "variables" in found:
            found["variables"] = [f"{name}={value}" for name, value in found["variables"].items()]
        return found
