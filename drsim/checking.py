"""`drsim check`: the errors of scenario, contract, failure and result files, each recognised by its content."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from drsim.arguments import UserError

if TYPE_CHECKING:
    from drsim.scenarios.model import Scenario

Kind = Literal["scenario", "contract", "failure", "result"]

_FAILURE = {"property", "scenario"}
_SCENARIO = {"workload", "why", "title"}
_BLOCK_FIELD: Final = re.compile(r"^['\"]?(\w+)['\"]?[ \t]*:", re.MULTILINE)
_FLOW_FIELD: Final = re.compile(r"[{,]\s*['\"]?(\w+)['\"]?\s*:")


def check(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Scenarios, contracts, saved failures, results; - for standard input."),
    ],
) -> None:
    """Check files without running them: all errors of each; exit 4 if there are any."""
    from drsim.console import line, output
    from drsim.scenarios.files import ScenarioError

    problems: list[str] = []
    for path in paths:
        try:
            kind = _checked(path)
        except ScenarioError as error:
            problems += error.problems
            line(output(), "fail", f"{path}: {_count(len(error.problems))}")
        else:
            line(output(), "pass", f"{path}: {kind}")
    if problems:
        raise UserError("\n".join(problems))


def _count(count: int) -> str:
    from drsim.simulator.durations import plural

    return plural(count, "error")


def _checked(path: Path) -> Kind:
    """Return what the file is if it is right. Raises ScenarioError."""
    from drsim.scenarios import failure
    from drsim.scenarios.files import STDIN, ScenarioError, parse, text_of

    # Once, since standard input and pipes cannot be read again.
    text = text_of(path)
    where = "standard input" if str(path) == STDIN else str(path)
    kind = _kind_of(text)
    match kind:
        case "result":
            _check_result(text, where)
        case "failure":
            failure.parse(text, where)
        case "scenario":
            _check_fit(parse(text, where, folder=path.parent), where)
        case "contract":
            _check_contract(text, where, path.parent)
        case None:
            raise ScenarioError(
                f"{where}: is no scenario (workload, title, why), contract (limits, promises, style), "
                "failure (property, scenario) or result.json"
            )
    return kind


def _kind_of(text: str) -> Kind | None:
    """What a text is by its outermost fields, even if it is damaged; None for something else."""
    from drsim.simulator.contract.model import Contract

    fields = _fields_of(text)
    if "criteria" in fields:
        return "result"
    if fields >= _FAILURE:
        return "failure"
    if fields & _SCENARIO:
        return "scenario"
    return "contract" if fields & {*Contract.model_fields, "extends"} else None


def _fields_of(text: str) -> set[str]:
    """The outermost fields of a text, as JSON or YAML, or what looks like them in a damaged one."""
    from drsim.simulator.yaml_text import YamlTextError, parsed

    try:
        # Results are JSON, which may be larger than any YAML.
        data = json.loads(text) if text.lstrip().startswith("{") else parsed(text).data
    except YamlTextError:
        return set(_BLOCK_FIELD.findall(text))
    except (ValueError, RecursionError):
        if '"criteria"' in text:
            return {"criteria"}
        try:
            data = parsed(text).data
        except YamlTextError:
            return set(_FLOW_FIELD.findall(text))
    return set(map(str, data)) if isinstance(data, dict) else set()


def _check_result(text: str, where: str) -> None:
    from pydantic import ValidationError

    from drsim.scenarios.files import ScenarioError, plain, shown
    from drsim.scenarios.result import Result

    try:
        Result.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise ScenarioError(*(f"{where}: {plain(each, shown(each['loc']) or 'the file')}" for each in found)) from None


def _check_contract(text: str, where: str, folder: Path) -> None:
    """Check a contract as a part of a scenario, of which the drill fits each. Raises ScenarioError."""
    from pydantic import ValidationError

    from drsim.scenarios.files import ScenarioError, errors_of, load, located, shown, yaml_file
    from drsim.scenarios.model import Scenario
    from drsim.simulator.yaml_text import repeated

    document = yaml_file(text, where, "contract", "name, style and limits")
    problems = [
        f"{where}:{line}: {shown(steps)}: this field stands here twice" for line, steps in repeated(document.root)
    ]
    drill = load("drill").model_dump(mode="json")
    try:
        Scenario.model_validate({**drill, "contract": document.data}, context=folder)
    except ValidationError as error:
        problems += [located({**each, "loc": each["loc"][1:]}, document) for each in errors_of(error)]
    if problems:
        raise ScenarioError(*problems)


def _check_fit(scenario: "Scenario", where: str) -> None:
    """Check that the contract can hold the workload. Raises ScenarioError."""
    from drsim.scenarios.adapting import adapted
    from drsim.scenarios.files import ScenarioError
    from drsim.simulator.workload import check_fit

    try:
        # Without a contract, the functions that run decide what a scenario must fit.
        if scenario.contract is not None:
            check_fit(adapted(scenario)[0].workload, scenario.contract)
    except ValueError as error:
        raise ScenarioError(f"{where}: {error}") from None
