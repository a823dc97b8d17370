"""Output on the terminal: lines with marks, and progress in virtual time."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from drsim.scenarios.result import Outcome, Verdict
from drsim.simulator.durations import show_seconds

_WIDTH_PIPED: Final = 100
_STYLES: Final = {
    "pass": "green",
    "degraded": "yellow",
    "fail": "bold red",
    "not exercised": "dim",
    "unknown": "yellow",
    "fault": "magenta",
}
_MARKS: Final = {"pass": "✓", "degraded": "!", "fail": "✗", "not exercised": "-", "unknown": "?", "fault": "!"}
_PLAIN_MARKS: Final = {**_MARKS, "pass": "+", "fail": "x"}


class _Output(Console):
    """Standard output. When its reader closes the pipe, the remaining runs continue and write their files."""

    def on_broken_pipe(self) -> None:
        leave_unseen()


def leave_unseen() -> None:
    """Discard all further output, so that a closed pipe fails nothing."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def output() -> Console:
    console = _Output(highlight=False)
    return console if console.is_terminal else _Output(highlight=False, width=_WIDTH_PIPED)


def errors() -> Console:
    return Console(highlight=False, stderr=True)


def label(outcome: Outcome) -> str:
    """The outcome in words: PASS; PASS, degraded; FAIL; UNKNOWN."""
    return "PASS, degraded" if outcome == "degraded" else outcome.upper()


def mark(console: Console, verdict: Verdict | str) -> Text:
    """The sign of a verdict, in its colour, as the terminal can show it."""
    marks = _MARKS if console.encoding.lower().startswith("utf") else _PLAIN_MARKS
    return Text(marks[verdict], _STYLES[verdict])


def line(console: Console, verdict: Verdict | str, text: str, *, indent: int = 0, bold: bool = False) -> None:
    """A line with its mark. Hostile text stays text, and a long line is cut at the terminal's edge, not wrapped."""
    line = Text(" " * indent) + mark(console, verdict) + Text(f" {text}", "bold" if bold else "")
    if verdict == "not exercised":
        line.stylize("dim")
    terminal = console.is_terminal
    console.print(line, no_wrap=True, overflow="ellipsis" if terminal else "ignore", crop=terminal)


def block(console: Console, text: str, style: str = "", *, indent: int = 4) -> None:
    """Text that is indented and wrapped, below a line."""
    console.print(Padding(Text(text, style), (0, 0, 0, indent)))


def long_line(console: Console, text: str, style: str = "") -> None:
    """Text that users copy, which is never wrapped."""
    console.print(Text(text, style), soft_wrap=True)


@contextmanager
def progress(console: Console, name: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """A bar, on a terminal only, as a function of how much is done and a remark."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[remark]}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=total, remark="")
        yield lambda done, remark: bar.update(task, completed=done, remark=remark)


@contextmanager
def virtual_time(console: Console, name: str, duration_us: int) -> Iterator[Callable[[int], None] | None]:
    """A bar in virtual time while a run lasts, on a terminal only."""
    with progress(console, name, duration_us) as show_done:

        def show_time(now_us: int) -> None:
            show_done(now_us, f"{show_seconds(now_us / 1_000_000)} of virtual time")

        yield show_time if console.is_terminal else None
