"""`drsim check`: the errors of scenario, contract, failure and result files, each recognised by its content."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from drsim.arguments import UserError

if TYPE_CHECKING:
    from drsim.scenarios.model import Scenario

Kind = Literal["scenario", "contract", "failure", "result"]

_FAILURE = {"property", "scenario"}
_SCENARIO = {"workload", "why", "title"}


def check(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Scenarios, contracts, saved failures, results.")
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
    from drsim.scenarios.files import ScenarioError, load, text_of

    text = text_of(path)
    kind = _kind_of(text)
    match kind:
        case "result":
            _check_result(text, path)
        case "failure":
            failure.read(path)
        case "scenario":
            _check_fit(load(str(path)), path)
        case "contract":
            # A contract is read as a part of a scenario, and this one fits each.
            load("drill", contract=str(path))
        case None:
            raise ScenarioError(
                f"{path}: is no scenario (workload, title, why), contract (limits, promises, style), "
                "failure (property, scenario) or result.json"
            )
    return kind


def _kind_of(text: str) -> Kind | None:
    """What a text is by its outermost fields, even if it is damaged; None for something else."""
    from drsim.simulator.contract.model import Contract

    if text.lstrip().startswith("{"):
        return "result" if '"criteria"' in text else None
    fields = set(re.findall(r"^['\"]?(\w+)['\"]?[ \t]*:", text, re.MULTILINE))
    if fields >= _FAILURE:
        return "failure"
    if fields & _SCENARIO:
        return "scenario"
    return "contract" if fields & {*Contract.model_fields, "extends"} else None


def _check_result(text: str, path: Path) -> None:
    from pydantic import ValidationError

    from drsim.scenarios.files import ScenarioError, plain, shown
    from drsim.scenarios.result import Result

    try:
        Result.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise ScenarioError(*(f"{path}: {plain(each, shown(each['loc']) or 'the file')}" for each in found)) from None


def _check_fit(scenario: "Scenario", path: Path) -> None:
    """Check that the contract can hold the workload. Raises ScenarioError."""
    from drsim.scenarios.adapting import adapted
    from drsim.scenarios.files import ScenarioError
    from drsim.simulator.workload import check_fit

    try:
        # Without a contract, the functions that run decide what a scenario must fit.
        if scenario.contract is not None:
            check_fit(adapted(scenario)[0].workload, scenario.contract)
    except ValueError as error:
        raise ScenarioError(f"{path}: {error}") from None
