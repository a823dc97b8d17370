"""Scenario files of the catalogue and of users. All errors are reported at once, each with its path and line."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from pydantic import ValidationError

from drsim.scenarios.aliases import CURRENT, current
from drsim.scenarios.model import Scenario
from drsim.simulator.contract.presets import PRESETS
from drsim.simulator.spec.groups import Group

_CATALOGUE: Final = files("drsim.scenarios") / "catalogue"


class ScenarioError(Exception):
    """A scenario file, its name or a change to it is wrong. `problems` has a line for each error."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def catalogue() -> tuple[str, ...]:
    """The names of the scenarios that come with drsim, in alphabetical order."""
    names = (entry.name for entry in _CATALOGUE.iterdir())
    return tuple(sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml")))


def load(name_or_path: str, changes: Sequence[str] = (), *, contract: str = "") -> Scenario:
    """The scenario of a name or file, with changes such as "executions=200". Raises ScenarioError.

    `contract`, the path of a file or a name, takes the place of the scenario's own.
    """
    name = CURRENT.get(name_or_path, name_or_path)
    if name in catalogue():
        text = _CATALOGUE.joinpath(f"{name}.yaml").read_text(encoding="utf-8")
        return parse(text, name, changes, contract=contract)
    path = Path(name_or_path)
    if not _is_file(name_or_path):
        near = difflib.get_close_matches(name_or_path, catalogue(), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ScenarioError(f"no scenario {name_or_path!r}: {hint}`drsim list` shows them; a file's name ends in .yaml")
    return parse(text_of(path), name_or_path, changes, folder=path.parent, contract=contract)


def _is_file(name: str) -> bool:
    return Path(name).suffix in (".yaml", ".yml")


def text_of(path: Path) -> str:
    """The text in a file. Raises ScenarioError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ScenarioError(f"cannot read {path}: {reason}") from None


class _YamlFile(NamedTuple):
    """A YAML file with a mapping; `where` names it in errors, and `what` the thing that it describes."""

    where: str
    what: str
    root: yaml.Node
    data: dict[Any, Any]


def _yaml_file(text: str, where: str, what: str, fields: str) -> _YamlFile:
    """Read a YAML text. Raises ScenarioError."""
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        data = None if root is None else loader.construct_document(root)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", str(error).splitlines()[0])
        raise ScenarioError(f"{where}{f':{mark.line + 1}' if mark else ''}: {problem}") from None
    if root is None or not isinstance(data, dict):
        raise ScenarioError(f"{where}: a {what} is a mapping of fields such as {fields}, got {data!r}")
    return _YamlFile(where, what, root, data)


def parse(text: str, where: str, changes: Sequence[str] = (), *, folder: Path = Path(), contract: str = "") -> Scenario:
    """The scenario that a YAML text describes; `where` names it in errors. Raises ScenarioError.

    The path of its contract is relative to `folder`; that of a `contract` in its place is relative to the current one.
    """
    document = _yaml_file(text, where, "scenario", "name, title and why")
    data, problems = document.data, list(_repeated(document.root, where))
    own = None
    try:
        own = _contract(data, document, folder, contract)
        problems += [] if own is None else _repeated(own.root, own.where)
    except ScenarioError as error:
        problems += error.problems
        data.pop("contract", None)
    changed = set()
    for change in changes:
        try:
            changed.add(_apply(data, change))
        except ValueError as error:
            problems.append(f"--set {change}: {error}")
    files = folder if own is None else Path(own.where).parent
    try:
        scenario = Scenario.model_validate(current(data), context=files)
    except ValidationError as error:
        found = [_problem(details, document, own, changed) for details in error.errors()]
        problems += [text for _, text in sorted(found, key=lambda each: each[0])]
    if problems:
        raise ScenarioError(*problems)
    return scenario


def _contract(data: dict[Any, Any], document: _YamlFile, folder: Path, instead: str) -> _YamlFile | None:
    """Put the contract's fields into the scenario's data, and return its file if it has one. Raises ScenarioError."""
    named = instead or data.get("contract")
    if not isinstance(named, str):
        return None
    if named in PRESETS:
        data["contract"] = {"extends": named}
        return None
    if not _is_file(named):
        line = f"{document.where}:{_line(document.root, ('contract',))}: contract"
        known = f"{', '.join(PRESETS)} or a YAML file"
        raise ScenarioError(f"{'--contract' if instead else line} must be {known}, got {named!r}")
    path = Path(named) if instead else folder / named
    own = _yaml_file(text_of(path), str(path), "contract", "name, style and limits")
    data["contract"] = own.data
    return own


Steps = tuple[str | int, ...]


def _apply(data: dict[Any, Any], change: str) -> Steps:
    """Apply "key=value" to the data, and return the changed path. Raises ValueError."""
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise ValueError("write key=value, such as executions=200 or duration=45m")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ValueError(f"{text!r} is no YAML value") from None
    if key == "executions":
        return _share_out(data.get("workload"), value)
    path = _path(key, data.get("workload"))
    _put(data, path, value, key)
    return path


def _put(place: Any, path: Steps, value: object, key: str) -> None:
    """Set the value at the path, creating mappings on the way. Raises ValueError."""
    step, rest = path[0], path[1:]
    if isinstance(place, list) and not (isinstance(step, int) and step < len(place)):
        raise ValueError(f"{key}: {step} is none of the {len(place)} entries, which count from 0")
    if not isinstance(place, list | dict):
        raise ValueError(f"{key}: {step} is a field of nothing")
    holder: Any = place
    if rest:
        _put(holder.setdefault(step, {}) if isinstance(holder, dict) else holder[step], rest, value, key)
    else:
        holder[step] = value


def _path(key: str, groups: object) -> Steps:
    """A dotted key as a path. A setting's name, or a field of the only group, needs no path."""
    path: Steps = tuple(int(step) if step.isdigit() else step for step in key.split("."))
    if key.isupper():
        return ("settings", key)
    if path[0] in Group.model_fields and path[0] not in Scenario.model_fields:
        if isinstance(groups, list) and len(groups) == 1:
            return ("workload", 0, *path)
        raise ValueError(f"write workload.N.{key}, for the scenario does not have just one group of executions")
    return path


def _share_out(groups: object, total: object) -> Steps:
    """Distribute a number of executions over the groups in proportion; the last one gets the rest."""
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups) or not groups:
        raise ValueError("the scenario has no executions to multiply")
    if not isinstance(total, int) or isinstance(total, bool) or total < len(groups):
        raise ValueError(f"executions must be a whole number >= {len(groups)}, one for each group, got {total!r}")
    shares = [group.get("executions", 1) for group in groups]
    for group, share in zip(groups[:-1], shares[:-1], strict=True):
        group["executions"] = max(1, total * share // sum(shares))
    groups[-1]["executions"] = total - sum(group["executions"] for group in groups[:-1])
    for group in groups:
        group["ids"] = list(group.get("ids", ()))[: group["executions"]]
    return ("workload",)


_PLAIN: Final = {
    "extra_forbidden": "there is no such field",
    "missing": "this field is required",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping of fields",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "too_short": "must have at least {min_length} item{s}, got {actual_length}",
    "too_long": "must have at most {max_length} items, got {actual_length}",
}
_OWN: Final = ("value_error", "fault", "extra_forbidden", "missing", "too_short", "too_long", "json_invalid")
"""The types of errors whose text says what was found, if it can."""


def plain(details: Mapping[str, Any], field: str = "") -> str:
    """One of pydantic's errors in the words of drsim: field, rule and value."""
    kind, value = str(details["type"]), details.get("input")
    message = re.sub(r"^[A-Z]\w+ should ", "must ", str(details["msg"]).removeprefix("Value error, "))
    if kind in _PLAIN:
        context = details.get("ctx", {})
        message = _PLAIN[kind].format_map({**context, "s": "" if context.get("min_length") == 1 else "s"})
    if kind == "tuple_type" and isinstance(value, str):
        message += f" such as [{value}]"
    if kind not in _OWN:
        message += f", got {value!r}"
    if kind == "string_type" and isinstance(value, dict | list):
        bracket = "{" if isinstance(value, dict) else "["
        message += f', which YAML reads from a text that begins with {bracket}: put it into quotes, "{bracket}..."'
    return message if not field else f"{field}{' ' if message.startswith('must ') else ': '}{message}"


def _problem(
    details: Mapping[str, Any], scenario: _YamlFile, contract: _YamlFile | None, changed: set[Steps]
) -> tuple[tuple[str, int], str]:
    """One of pydantic's errors as a line, after its place: file, line, field, rule and value."""
    path = tuple(details["loc"])
    # Settings are validated together, so an error names their common field.
    if any(path[: len(each)] == each or each[: len(path)] == path for each in changed):
        return ("", 0), f"--set {plain(details, shown(path) or 'the scenario')}"
    document = scenario
    if contract is not None and path[:1] == ("contract",):
        document, path = contract, path[1:]
    line = _line(document.root, path)
    message = plain(details, shown(path) or f"the {document.what}")
    return (document.where, line), f"{document.where}:{line}: {message}"


def _line(node: yaml.Node, path: Steps) -> int:
    """The line of the innermost part of the path that is in the file, counted from 1."""
    line = node.start_mark.line
    for step in path:
        found = next((entry for entry in _entries(node) if entry[0] == step), None)
        if found is None:
            break
        _, begin, node = found
        line = begin.start_mark.line
    return line + 1


def _repeated(node: yaml.Node, where: str, path: Steps = (), above: tuple[yaml.Node, ...] = ()) -> Iterator[str]:
    """Yield repeated fields, of which YAML silently takes the last, and aliases that contain themselves."""
    if node in above:
        yield f"{where}:{node.start_mark.line + 1}: {shown(path)}: this alias contains itself"
        return
    seen: set[str | int] = set()
    for step, begin, value in _entries(node):
        if step in seen:
            yield f"{where}:{begin.start_mark.line + 1}: {shown((*path, step))}: this field stands here twice"
        seen.add(step)
        yield from _repeated(value, where, (*path, step), (*above, node))


def _entries(node: yaml.Node) -> list[tuple[str | int, yaml.Node, yaml.Node]]:
    """The fields or entries of a node: name or number, where it begins, and its value."""
    if isinstance(node, yaml.MappingNode):
        return [(key.value, key, value) for key, value in node.value]
    return (
        [(number, each, each) for number, each in enumerate(node.value)] if isinstance(node, yaml.SequenceNode) else []
    )


def shown(path: Steps) -> str:
    """A path for people: workload[0].jobs.pending."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
