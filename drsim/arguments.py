"""Command-line arguments as values, and errors of arguments, files and disks as messages for users."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from drsim.scenarios.model import Scenario
    from drsim.simulator.trace import Level

T = TypeVar("T")


class TraceFormat(StrEnum):
    """Further formats of a trace."""

    CHROME = "chrome"


class TraceKept(StrEnum):
    """Which events of a run are written; chrome is full, in that format as well."""

    OFF = "off"
    SUMMARY = "summary"
    FULL = "full"
    CHROME = "chrome"

    @property
    def level(self) -> "Level":
        """The level of the trace itself."""
        return "off" if self is TraceKept.OFF else "summary" if self is TraceKept.SUMMARY else "full"


class EngineName(StrEnum):
    """The values of `--engine`."""

    PROCESS = "process"
    DASK = "dask"


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """Where `drsim explore` runs its seeds. Without a scheduler's address, dask runs on this machine."""

    name: EngineName
    jobs: int
    scheduler: str = ""


def jobs_default() -> int:
    """The number of CPUs available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class UserError(Exception):
    """An error that the user can fix; the message describes it."""


def seeds_of(text: str) -> tuple[int, int]:
    """The first and the last seed of --seeds. Raises UserError."""
    import re

    first, _, last = text.partition("-")
    if not re.fullmatch(r"[0-9]+(-[0-9]+)?", text) or int(last or first) < int(first):
        raise UserError(f"--seeds must be FIRST-LAST, such as 1-10000, or one seed, got {text!r}")
    return int(first), int(last or first)


def seconds_of(text: str | None) -> float | None:
    """The duration of --time. Raises UserError."""
    from drsim.simulator.durations import duration_us

    try:
        return None if text is None else duration_us(text) / 1_000_000
    except ValueError as error:
        raise UserError(f"--time: {error}") from None


def check_parts(place: str) -> None:
    """Raise UserError if --parts names no parts."""
    from drsim.scenarios.parts import parts_of

    try:
        parts_of(place)
    except ValueError as error:
        raise UserError(f"--parts: {error}") from None


def reading(read: "Callable[[], T]") -> "T":
    """Read a user's files. Raises UserError for errors in them."""
    from drsim.scenarios.files import ScenarioError

    try:
        return read()
    except ScenarioError as error:
        raise UserError("\n".join(error.problems)) from None


def loaded(names: list[str], changes: list[str]) -> "list[Scenario]":
    """All scenarios. Raises UserError with the errors of all of them."""
    from drsim.scenarios.files import ScenarioError, load

    scenarios, problems = [], []
    for name in names:
        try:
            scenarios.append(load(name, changes))
        except ScenarioError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    counts = Counter(scenario.name for scenario in scenarios)
    twice = sorted(name for name, count in counts.items() if count > 1)
    problems += [f"{name}: named twice, and the second run would overwrite the first" for name in twice]
    if problems:
        raise UserError("\n".join(problems))
    return scenarios


def writing(write: Callable[[], T]) -> T:
    """Write files. Raises UserError for an error of the disk or the folder."""
    try:
        return write()
    except OSError as error:
        raise UserError(f"cannot write {error.filename or 'the results'}: {error.strerror}") from None
