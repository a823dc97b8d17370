"""`drsim contract`: propose a contract for handlers, from which a user starts."""

import os
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer.exceptions import Exit

from drsim import arguments
from drsim.arguments import ExitCode, UserError, complain, writing

if TYPE_CHECKING:
    from drsim.scenarios.proposal import Proposal
    from drsim.scenarios.source_scan import SourceScan
    from drsim.tiers import Choice

_HOME: Final = "us-east-1:777788889999"
_TABLE: Final = re.compile(r"[a-zA-Z0-9_.-]{3,255}")
_GUESSES: Final = (
    ("TABLE", "executions"),
    ("INDEX", "StatusIndex"),
    ("GSI", "StatusIndex"),
    ("TOPIC", f"arn:aws:sns:{_HOME}:execution-ended"),
    ("STATE_MACHINE", f"arn:aws:states:{_HOME}:stateMachine:plan"),
    ("BUS", "executions"),
    ("FINDER", "ExecutionFinder"),
    ("POLLER", "ExecutionPoller"),
    ("FUNCTION", "ExecutionPoller"),
    ("REGION", "us-east-1"),
    ("ACCOUNT", "777788889999"),
)
"""What a variable of the environment probably names, by a part of its own name."""


def contract(
    finder: Annotated[str, typer.Option(metavar="PLACE", help="Your finder: FILE.py:HANDLER or MODULE:HANDLER.")],
    poller: Annotated[
        str, typer.Option(metavar="PLACE", help="Your poller; leave it out if the finder does all.")
    ] = "",
    paths: arguments.PathsOption = None,
    variables: arguments.VariablesOption = None,
    table: Annotated[str, typer.Option(metavar="NAME", help="The name of your table, if no variable holds it.")] = "",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where it goes; by default it is printed.")] = None,
) -> None:
    """Propose a contract for your handlers: run a few drills without judging, and look at what the table then holds."""
    from drsim.tiers import Choice

    choice = Choice("client", finder, poller, tuple(paths or ()), tuple(variables or ()))
    if problems := list(choice.problems()):
        raise UserError("\n".join(problems))
    proposal, choice = proposed(choice, table)
    file = str(out or "contract.yaml")
    options = [("--finder", finder), *([("--poller", poller)] if poller else [])]
    options += [("--path", str(path)) for path in choice.paths]
    options += [("--env", variable) for variable in choice.variables]
    words = [word for option in options for word in option]
    text = proposal_text(proposal, shlex.join(["drsim", "run", "--suite", "acceptance", "--contract", file, *words]))
    if out is None:
        print(text, end="")
    else:
        writing(lambda: out.write_text(text, encoding="utf-8"))
    raise Exit(warned(proposal))


def warned(proposal: "Proposal") -> ExitCode:
    """Return the exit code of a proposal, and print a warning if little is known."""
    if proposal.is_complete:
        return ExitCode.PASS
    complain(f"no function wrote to the table, so little is known: {' '.join(proposal.unknown[-1].split())}")
    return ExitCode.UNKNOWN


def proposal_text(proposal: "Proposal", command: str) -> str:
    """The proposed contract as YAML; its comments give the command that judges functions by it."""
    from drsim.scenarios.proposal_text import text_of

    return text_of(proposal, commands=(command,))


def proposed(choice: "Choice", table: str = "") -> "tuple[Proposal, Choice]":
    """Propose a contract for these handlers, and return them with the variables that they need. Raises UserError."""
    from drsim.scenarios.extras import needs

    with needs("client", "drsim contract"):
        from drsim.scenarios.promising import propose
        from drsim.scenarios.source_scan import files_of, scan
        from drsim.simulator.handlers.errors import HandlerError
        from drsim.simulator.handlers.functions import Handlers
    places = [each for each in (choice.finder, choice.poller) if each]
    source = scan(files_of(places, choice.paths))
    given = dict(variable.split("=", 1) for variable in choice.variables)
    assumed = {key: value for key, value in _guessed(source, table) if key not in given}
    known = {**assumed, **given}
    name_of_table = table or _table_of(known)
    if name_of_table and not _TABLE.fullmatch(name_of_table):
        raise UserError(f"the name of a table has 3 to 255 letters, digits, _, - and ., got {name_of_table!r}")
    handlers = Handlers(finder=choice.finder, poller=choice.poller or None, paths=choice.paths, variables=known)
    files = [place.rpartition(":")[0] for place in places if ".py:" in place]
    folder = os.path.commonpath([Path(file).resolve().parent for file in files]) if files else ""
    name = re.sub(r"\W", "_", Path(folder).name) or "proposed"
    try:
        proposal = propose(handlers, source, table=name_of_table, name=name)
    except HandlerError as error:
        raise UserError(str(error)) from None
    if assumed:
        complain(f"assumed {', '.join(f'{key}={value}' for key, value in assumed.items())}; --env gives other values")
    if name_of_table in assumed.values():
        proposal.reasons["table/name"] = "assumed"
    for part, kind in (("BUS", "buses"), ("TOPIC", "topics"), ("STATE_MACHINE", "state_machines")):
        names = [value.rpartition(":")[2] for key, value in known.items() if part in key]
        if names and kind not in proposal.data.get("surroundings", {}):
            proposal.put(f"surroundings/{kind}", names, "named by a variable")
    return proposal, replace(choice, variables=tuple(f"{key}={value}" for key, value in known.items()))


def _guessed(source: "SourceScan", table: str) -> Iterator[tuple[str, str]]:
    """Yield a value for each variable without a default whose name shows what it holds."""
    for name, default in source.variables.items():
        value = next((value for part, value in _GUESSES if part in name.upper()), None)
        if default is None and value is not None:
            yield name, table if table and "TABLE" in name else value


def _table_of(variables: Mapping[str, str]) -> str:
    return next((value for name, value in variables.items() if "TABLE" in name), "")
