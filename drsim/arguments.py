"""What commands share: options, exit codes, and errors of arguments, files and disks as messages for users."""

import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeGuard, TypeVar

import typer

if TYPE_CHECKING:
    from drsim.scenarios.model import Scenario

T = TypeVar("T")
SEED_MAX: Final = 10**18 - 1
"""The largest seed, wherever it is given: the largest of 18 digits."""
SEEDS_MAX: Final = 100_000
"""The most seeds of `drsim run` and of tests, which keep a folder or a test for each; `drsim explore` takes more."""


def is_seed(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= SEED_MAX


def _completed(start: str) -> list[str]:
    """The scenarios of the catalogue that begin with what the shell has; it completes files by itself."""
    from drsim.scenarios.files import catalogue

    return [name for name in catalogue() if name.startswith(start)]


_NAMES: Final = typer.Argument(
    metavar="NAME|FILE...", help="Catalogue scenarios, YAML files, or - for standard input.", autocompletion=_completed
)
NamesArgument = Annotated[list[str], _NAMES]
NameArgument = Annotated[
    str, typer.Argument(metavar="NAME|FILE", help="A catalogue scenario or a YAML file.", autocompletion=_completed)
]
Suite = Literal["acceptance", "faults", "load", "all"]
SomeNamesArgument = Annotated[list[str] | None, _NAMES]
SuiteOption = Annotated[
    Suite | None, typer.Option("--suite", help="Scenarios of the catalogue that belong together; all: no large loads.")
]
SeedOption = Annotated[int, typer.Option(min=0, max=SEED_MAX, help="Random seed.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the scenario, e.g. executions=200 or duration=45m."),
]


def _named_folder(text: str | Path) -> Path:
    if not str(text).strip():
        raise typer.BadParameter(f"must name a folder, such as drsim-runs or ., got {str(text)!r}")
    return Path(text)


OutOption = Annotated[
    Path, typer.Option(metavar="DIR", parser=_named_folder, help="Where the folder of each run or campaign goes.")
]
OUT_DEFAULT = Path("drsim-runs")
FinderOption = Annotated[str, typer.Option(metavar="PLACE", help="Your finder: FILE.py:HANDLER or MODULE:HANDLER.")]
PollerOption = Annotated[
    str, typer.Option(metavar="PLACE", help="Your poller, likewise; none if your finder polls by itself.")
]
PathsOption = Annotated[
    list[Path] | None, typer.Option("--path", metavar="DIR", help="A folder of modules that your handlers import.")
]
VariablesOption = Annotated[
    list[str] | None, typer.Option("--env", metavar="KEY=VALUE", help="An environment variable of your handlers.")
]
ContractOption = Annotated[
    str, typer.Option(metavar="FILE|ours|plain", help="What your functions promise, in place of the scenario's.")
]
ByOption = Annotated[
    str,
    typer.Option(metavar="NAME", help="Who runs this, for evidence.json; by default CI's, git's or the login's."),
]
CommentOption = Annotated[str, typer.Option(metavar="TEXT", help="A remark for evidence.json.")]
EngineName = Literal["process", "dask"]
TraceKept = Literal["off", "summary", "full", "chrome"]


class ExitCode(IntEnum):
    PASS = 0
    FAIL = 1
    INTERRUPTED = 2
    INTERNAL = 3
    USAGE = 4
    UNKNOWN = 5


_BY_SEVERITY = [ExitCode[name] for name in ("PASS", "UNKNOWN", "FAIL", "USAGE", "INTERNAL", "INTERRUPTED")]


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code of several runs."""
    return max(codes, key=_BY_SEVERITY.index, default=ExitCode.PASS)


_LINES_MAX: Final = 50


def complain(text: str) -> None:
    """Write a message to standard error, its control characters as escapes, and of a long one the first lines."""
    from drsim.reports.text import plain

    lines = text.split("\n")
    for line in lines[:_LINES_MAX]:
        sys.stderr.write(f"drsim: {plain(line)}\n")
    if more := lines[_LINES_MAX:]:
        sys.stderr.write(f"drsim: ... and {len(more):,} more of these lines\n")


def jobs_default() -> int:
    """The number of CPUs available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class UserError(Exception):
    """An error that the user can fix; the message describes it."""


def option(name: str, read: Callable[[], T]) -> T:
    """Read an option's value. Raises UserError instead of ValueError."""
    try:
        return read()
    except ValueError as error:
        raise UserError(f"{name}: {error}") from None


def seeds_of(text: str) -> range:
    """The seeds of `--seeds`: FIRST-LAST, or one seed. Raises UserError."""
    first, _, last = text.partition("-")
    if not re.fullmatch(r"[0-9]{1,18}(-[0-9]{1,18})?", text) or int(last or first) < int(first):
        raise UserError(f"--seeds must be FIRST-LAST, such as 1-20, or one seed, got {text!r}")
    return range(int(first), int(last or first) + 1)


def few(seeds: Sequence[int]) -> Sequence[int]:
    """These seeds, if they are not too many for `drsim run` and for tests. Raises UserError."""
    if len(seeds) > SEEDS_MAX:
        rule = f"--seeds must be at most {SEEDS_MAX:,} seeds, and `drsim explore` takes more"
        raise UserError(f"{rule}, got {len(seeds):,}")
    return seeds


def reading(read: Callable[[], T]) -> T:
    """Read a user's files. Raises UserError for errors in them."""
    from drsim.scenarios.files import ScenarioError

    try:
        return read()
    except ScenarioError as error:
        raise UserError("\n".join(error.problems)) from None


def writing(write: Callable[[], T]) -> T:
    """Write files. Raises UserError for an error of the disk or the folder."""
    try:
        return write()
    except OSError as error:
        raise UserError(f"cannot write {error.filename or 'the results'}: {error.strerror or error}") from None


def chosen(names: list[str] | None, suite: Suite | None) -> list[str]:
    """The names of the scenarios to run: those given, or those of a suite. Raises UserError without any."""
    from drsim.scenarios.suites import names_of

    if suite is None:
        if not names:
            raise UserError("name a scenario or a file, or give --suite; `drsim list` shows the catalogue")
        return names
    if names:
        raise UserError(f"--suite {suite} chooses the scenarios: leave out {', '.join(names)}")
    return names_of(suite)


def loaded(names: list[str], changes: list[str], *, contract: str = "", is_small: bool = False) -> "list[Scenario]":
    """All scenarios, or their smaller forms, with this contract if there is one.

    Raises UserError with the errors of all of them.
    """
    from drsim.scenarios.files import STDIN, ScenarioError, catalogue, file_beside, load
    from drsim.scenarios.suites import small

    if names.count(STDIN) > 1:
        raise UserError(f"{STDIN} is standard input, which can be read once, got {STDIN} {names.count(STDIN)} times")
    scenarios: list[Scenario] = []
    problems: list[str] = []
    for name in names:
        if name in catalogue() and (beside := file_beside(name)):
            complain(f"{name} is the scenario of the catalogue, not the file here: that one is ./{beside}")
        try:
            read = small if is_small else load
            scenarios.append(read(name, changes, contract=contract))
        except ScenarioError as error:
            problems += error.problems
    counts = Counter(scenario.name for scenario in scenarios)
    twice = sorted(name for name, count in counts.items() if count > 1)
    problems += [f"{name}: named twice, and the second run would overwrite the first" for name in twice]
    if problems:
        # Scenarios that share a contract share its errors.
        raise UserError("\n".join(dict.fromkeys(problems)))
    return scenarios
