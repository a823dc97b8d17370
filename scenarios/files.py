"""Scenario files of the catalogue and of users. All errors are reported at once, each with its path and line."""

import difflib
import re
import stat
import sys
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
from drsim.simulator.yaml_text import Steps, TextLines, YamlTextError, parsed, repeated

_CATALOGUE: Final = files("drsim.scenarios") / "catalogue"
_ENDINGS: Final = (".yaml", ".yml")
STDIN: Final = "-"
"""The name of standard input, as of a file."""
_BYTES_MAX: Final = 16 * 1024 * 1024
"""Of any file, results too; a YAML text has a narrower bound."""
_VALUE_MAX: Final = 120
_MESSAGE_MAX: Final = 2_000


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
    if name_or_path == STDIN:
        return parse(text_of(Path(STDIN)), "standard input", changes, contract=contract)
    name = CURRENT.get(name_or_path, name_or_path)
    if name in catalogue():
        text = _CATALOGUE.joinpath(f"{name}.yaml").read_text(encoding="utf-8")
        return parse(text, name, changes, contract=contract)
    path = Path(name_or_path)
    if not is_yaml(name_or_path):
        near = difflib.get_close_matches(name_or_path, catalogue(), n=1)
        beside = file_beside(name_or_path)
        hint = f"did you mean {beside or near[0]!r}? " if beside or near else ""
        raise ScenarioError(
            f"no scenario {short(name_or_path)}: {hint}`drsim list` shows them; a file's name ends in .yaml"
        )
    return parse(text_of(path), name_or_path, changes, folder=path.parent, contract=contract)


def file_beside(name: str) -> str:
    """The YAML file in the current folder that a name without an ending may mean; "" if there is none."""
    files = (f"{name}{ending}" for ending in ("", *_ENDINGS))
    return next((file for file in files if name and _is_there(Path(file))), "")


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        # A name that no file can have: too long, or with a null character.
        return False


def is_yaml(name: str) -> bool:
    """Whether a file's name says that it is YAML, in any case."""
    return Path(name).suffix.lower() in _ENDINGS


def text_of(path: Path) -> str:
    """The text in a file; that of standard input for "-". Raises ScenarioError."""
    is_input = str(path) == STDIN
    where = "standard input" if is_input else str(path)
    try:
        if not is_input and stat.S_ISCHR(path.stat().st_mode):
            raise ScenarioError(f"cannot read {where}: it is a device")
        if is_input:
            data = sys.stdin.buffer.read(_BYTES_MAX + 1)
        else:
            with path.open("rb") as file:
                data = file.read(_BYTES_MAX + 1)
        if len(data) > _BYTES_MAX:
            raise ScenarioError(f"cannot read {where}: it must have at most {_BYTES_MAX:,} bytes")
        return data.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        is_text = not isinstance(error, UnicodeDecodeError)
        reason = (getattr(error, "strerror", None) or str(error)) if is_text else "it is not UTF-8 text"
        raise ScenarioError(f"cannot read {where}: {reason}") from None


class YamlFile(NamedTuple):
    """A YAML file with a mapping; `where` names it in errors, and `what` the thing that it describes."""

    where: str
    what: str
    root: yaml.Node
    lines: TextLines
    data: dict[Any, Any]


def yaml_file(text: str, where: str, what: str, fields: str) -> YamlFile:
    """Read a YAML text that is a mapping, with these fields for example. Raises ScenarioError."""
    try:
        root, data = parsed(text)
    except YamlTextError as error:
        raise ScenarioError(f"{where}:{error.line}: {error.problem}") from None
    if root is None or not isinstance(data, dict):
        raise ScenarioError(f"{where}: a {what} is a mapping of fields such as {fields}, got {short(data)}")
    return YamlFile(where, what, root, TextLines(root), data)


def parse(text: str, where: str, changes: Sequence[str] = (), *, folder: Path = Path(), contract: str = "") -> Scenario:
    """The scenario that a YAML text describes; `where` names it in errors. Raises ScenarioError.

    The path of its contract is relative to `folder`; that of a `contract` in its place is relative to the current one.
    """
    document = yaml_file(text, where, "scenario", "name, title and why")
    data, problems = document.data, list(_twice(document))
    own = None
    try:
        own = _contract(data, document, folder, contract)
        problems += [] if own is None else _twice(own)
    except ScenarioError as error:
        problems += error.problems
        data.pop("contract", None)
    changed = set()
    for change in changes:
        try:
            changed.add(_apply(data, change))
        except ValueError as error:
            shown = change if len(change) <= _VALUE_MAX else f"{change[:_VALUE_MAX]}…"
            problems.append(f"--set {shown}: {error}")
    files = folder if own is None else Path(own.where).parent
    try:
        scenario = Scenario.model_validate(current(data), context=files)
    except ValidationError as error:
        found = [_problem(details, document, own, changed) for details in errors_of(error)]
        problems += [text for _, text in sorted(found, key=lambda each: each[0])]
    if problems:
        raise ScenarioError(*problems)
    return scenario


def _contract(data: dict[Any, Any], document: YamlFile, folder: Path, instead: str) -> YamlFile | None:
    """Put the contract's fields into the scenario's data, and return its file if it has one. Raises ScenarioError."""
    named = instead or data.get("contract")
    if not isinstance(named, str):
        return None
    if named in PRESETS:
        data["contract"] = {"extends": named}
        return None
    if not is_yaml(named):
        line = f"{document.where}:{document.lines.of(('contract',))}: contract"
        known = f"{', '.join(PRESETS)} or a YAML file"
        raise ScenarioError(f"{'--contract' if instead else line} must be {known}, got {short(named)}")
    path = Path(named) if instead else folder / named
    own = yaml_file(text_of(path), str(path), "contract", "name, style and limits")
    data["contract"] = own.data
    return own


def _apply(data: dict[Any, Any], change: str) -> Steps:
    """Apply "key=value" to the data, and return the changed path. Raises ValueError."""
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise ValueError("write key=value, such as executions=200 or duration=45m")
    try:
        value = parsed(text).data
    except YamlTextError as error:
        raise ValueError(f"{short(text)} is no YAML value: {error.problem}") from None
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
    path: Steps = tuple(int(step) if re.fullmatch("[0-9]{1,9}", step) else step for step in key.split("."))
    if key.isupper() and len(path) == 1:
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
        raise ValueError(f"executions must be a whole number >= {len(groups)}, one for each group, got {short(total)}")
    shares = [group.get("executions", 1) for group in groups]
    for share in shares:
        if not isinstance(share, int) or isinstance(share, bool) or share < 1:
            raise ValueError(f"executions of each group must be a whole number >= 1, got {short(share)}")
    for group, share in zip(groups[:-1], shares[:-1], strict=True):
        group["executions"] = max(1, total * share // sum(shares))
    groups[-1]["executions"] = total - sum(group["executions"] for group in groups[:-1])
    for group in groups:
        if isinstance(ids := group.get("ids"), list):
            group["ids"] = ids[: group["executions"]]
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


def short(value: object) -> str:
    """A value as Python writes it, on one line without control characters, and cut if it is long."""
    text = repr(value)
    return text if len(text) <= _VALUE_MAX else f"{text[:_VALUE_MAX]}… ({len(text):,} characters)"


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
        message += f", got {short(value)}"
    if kind == "string_type" and isinstance(value, dict | list):
        bracket = "{" if isinstance(value, dict) else "["
        message += f', which YAML reads from a text that begins with {bracket}: put it into quotes, "{bracket}..."'
    if isinstance(value, str) and len(value) > _VALUE_MAX:
        message = message.replace(repr(value), short(value))
    if len(message) > _MESSAGE_MAX:
        message = f"{message[:_MESSAGE_MAX]}…"
    return message if not field else f"{field}{' ' if message.startswith('must ') else ': '}{message}"


def _problem(
    details: Mapping[str, Any], scenario: YamlFile, contract: YamlFile | None, changed: set[Steps]
) -> tuple[tuple[str, int], str]:
    """One of pydantic's errors as a line, after its place: file, line, field, rule and value."""
    path = tuple(details["loc"])
    # Settings are validated together, so an error names their common field.
    if any(path[: len(each)] == each or each[: len(path)] == path for each in changed):
        return ("", 0), f"--set {plain(details, shown(path) or 'the scenario')}"
    document = scenario
    if contract is not None and path[:1] == ("contract",):
        document, path = contract, path[1:]
    return (document.where, document.lines.of(path)), located({**details, "loc": path}, document)


def errors_of(error: ValidationError) -> list[Mapping[str, Any]]:
    """All of pydantic's errors but those that only follow: a list is too short because its entries are wrong."""
    found = error.errors(include_url=False)
    # The paths of all that holds something wrong.
    holders = {each["loc"][:length] for each in found for length in range(len(each["loc"]))}
    return [each for each in found if each["type"] != "too_short" or each["loc"] not in holders]


def located(details: Mapping[str, Any], document: YamlFile) -> str:
    """One of pydantic's errors as a line: file, line, field, rule and value."""
    path = tuple(details["loc"])
    message = plain(details, shown(path) or f"the {document.what}")
    return f"{document.where}:{document.lines.of(path)}: {message}"


def _twice(document: YamlFile) -> Iterator[str]:
    for line, path in repeated(document.root):
        yield f"{document.where}:{line}: {shown(path)}: this field stands here twice"


def shown(path: Steps) -> str:
    """A path for people: workload[0].jobs.pending."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
