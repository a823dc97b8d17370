"""`drsim list` and `drsim show`: the scenarios that come with drsim, all and one by one."""

import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from drsim import arguments
from drsim.arguments import reading

if TYPE_CHECKING:
    from drsim.scenarios.model import Scenario


def list_scenarios(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list, nothing else.")] = False,
) -> None:
    """Show the scenarios that come with drsim."""
    from rich.table import Table
    from rich.text import Text

    from drsim.console import output
    from drsim.scenarios.files import catalogue, load
    from drsim.simulator.durations import show_duration

    scenarios = [load(name) for name in catalogue()]
    if as_json:
        print(json.dumps([_record(each) for each in scenarios], indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("scenario", no_wrap=True)
    table.add_column("executions", justify="right")
    table.add_column("up to", justify="right")
    table.add_column("what it is")
    for each in scenarios:
        table.add_row(each.name, str(_executions(each)), show_duration(each.duration), Text(each.title))
    output().print(table)


def _record(scenario: "Scenario") -> dict[str, Any]:
    """A scenario for programs."""
    return {
        "name": scenario.name,
        "title": scenario.title,
        "why": scenario.why,
        "suites": list(scenario.suites),
        "executions": _executions(scenario),
        "duration_seconds": scenario.duration / 1_000_000,
    }


def _executions(scenario: "Scenario") -> int:
    return sum(group.executions for group in scenario.workload)


def show(name: arguments.NameArgument) -> None:
    """Print a scenario as YAML, below its purpose: `drsim show drill > mine.yaml` starts one of your own."""
    from importlib.resources import files

    from drsim.scenarios.files import STDIN, is_yaml, load, parse, text_of

    if name == STDIN or is_yaml(name):
        # Once, since standard input and pipes cannot be read again.
        text = reading(lambda: text_of(Path(name)))
        where = "standard input" if name == STDIN else name
        scenario = reading(lambda: parse(text, where, folder=Path(name).parent))
    else:
        scenario = reading(lambda: load(name))
        # A former name leads to the scenario's own.
        file = files("drsim.scenarios") / "catalogue" / f"{scenario.name}.yaml"
        text = file.read_text(encoding="utf-8")
    declared = ", ".join((*scenario.exercises.properties, *scenario.exercises.criteria))
    print(_comment(scenario.title))
    print(_comment(f"Purpose: {scenario.why}"))
    if declared:
        print(_comment(f"It passes only if a run exercises: {declared}."))
    print(text, end="")


def _comment(text: str) -> str:
    """A text from a file as comments, of which it can write nothing else."""
    from drsim.reports.text import visible

    shown = visible(text, len(text))
    return "\n".join(textwrap.wrap(shown, 100, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False))
