"""`drsim logs`: what the functions of a run logged and raised. `reports.logged` reads it from the trace."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from drsim.arguments import UserError, complain
from drsim.stored_runs import RESULT, damage_of, result_in, wrong_line

if TYPE_CHECKING:
    from drsim.reports.logged import Entry

LevelName = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
_NEAR_MAX: Final = 3


def logs(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    execution: Annotated[str, typer.Argument(metavar="EXECUTION", help="Only what concerns this execution.")] = "",
    function: Annotated[str, typer.Option(metavar="F", help="Only this function: finder, poller or its name.")] = "",
    level: Annotated[
        LevelName, typer.Option(case_sensitive=False, help="Only lines of at least this level.")
    ] = "DEBUG",
    as_json: Annotated[bool, typer.Option("--json", help="Print each log event as a line of JSON.")] = False,
) -> None:
    """Print what functions logged and raised, with instants in virtual time.

    A failed invocation is an entry of level ERROR, and so is one that returned a statusCode of 400 or more.
    """
    from drsim.reports.logged import entries
    from drsim.simulator.decoder import NoEventError
    from drsim.simulator.events import FINDER, POLLER
    from drsim.simulator.trace import read_lines

    path, start = _trace_of(run)
    name = {"finder": FINDER, "poller": POLLER}.get(function, function)
    shown = _json_line if as_json else _text
    is_empty = True
    try:
        for entry in entries(read_lines(path)):
            if name in ("", entry.function) and entry.reaches(level) and (not execution or entry.concerns(execution)):
                print(shown(entry, start))
                is_empty = False
        if is_empty:
            _check_names(path, execution, name)
            complain(f"{run}: no function logged or raised anything that fits")
    except NoEventError:
        raise UserError(f"{path}: {wrong_line(path)}") from None


def _trace_of(run: Path) -> tuple[Path, datetime]:
    """The complete trace of a run, and the instant at which the run starts. Raises UserError."""
    from drsim.outputs import TRACE

    folder = run.parent if run.name == RESULT else run
    result, path = result_in(folder), folder / TRACE
    if result.trace != "full" or result.trace_digest is None:
        kept = f"this one has --trace {result.trace}"
        raise UserError(f"{run}: log lines are in the trace of a run with --trace full, and {kept}")
    if damage := damage_of(path, result.trace_digest):
        raise UserError(f"{path}: {damage}")
    return path, datetime.fromisoformat(result.metrics.configuration["start"])


def _check_names(path: Path, execution: str, function: str) -> None:
    """Raise UserError if the trace has no such execution or function."""
    from difflib import get_close_matches

    from drsim.simulator.decoder import ItemRecord, events_of
    from drsim.simulator.events import FINDER, POLLER, LambdaStarted
    from drsim.simulator.trace import read_lines

    def known() -> Iterator[tuple[str, str]]:
        yield from (("", FINDER), ("", POLLER))
        for event in events_of(read_lines(path), ItemRecord, LambdaStarted):
            if isinstance(event, ItemRecord | LambdaStarted):
                yield event.execution_id, event.function if isinstance(event, LambdaStarted) else ""

    executions, functions = ({*names} - {""} for names in zip(*known(), strict=True))
    for what, name, names in (("execution", execution, executions), ("function", function, functions)):
        if name and name not in names:
            near = get_close_matches(name, sorted(names), n=_NEAR_MAX, cutoff=0.0)
            raise UserError(f"{path.parent}: no {what} {name!r}; the nearest: {', '.join(near) or 'there is none'}")


def _text(entry: "Entry", start: datetime) -> str:
    from drsim.reports.text import plain

    at = f"{start + timedelta(microseconds=entry.at_us):%H:%M:%S.%f}"[:-3]
    words = plain(f"{entry.function}  {entry.level:<7}  {entry.execution_id or '-'}").replace("\n", " ")
    first, *others = plain(entry.message.replace("\t", " ")).split("\n")
    return "\n".join([f"{at}  {words}  {first}".rstrip(), *(f"    {line}".rstrip() for line in others)])


def _json_line(entry: "Entry", start: datetime) -> str:
    at = (start + timedelta(microseconds=entry.at_us)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ids = {"function": entry.function, "request_id": entry.request_id, "execution_id": entry.execution_id}
    return json.dumps({"at": at, **ids, "level": entry.level, "message": entry.message})
