"""Output on the terminal: lines with marks. `drsim.progress` shows how far a command is."""

import os
import shutil
import sys
from typing import Final

from rich.console import Console
from rich.text import Text

from drsim.scenarios.result import Outcome, Verdict

_WIDTH_PIPED: Final = 100
_WIDTH_MAX: Final = 120
"""Longer lines of prose are hard to read; what users copy is never wrapped."""
_TEXT_WIDTH_MIN: Final = 20
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
    """Standard output, as wide as the terminal or COLUMNS, and at most 120 columns."""
    width = shutil.get_terminal_size((_WIDTH_PIPED, 0)).columns if _has_width() else _WIDTH_PIPED
    return _Output(highlight=False, width=min(width, _WIDTH_MAX))


def _has_width() -> bool:
    """Return whether output has a width: a pipe has none unless COLUMNS gives one."""
    return sys.stdout.isatty() or "COLUMNS" in os.environ


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
    """A line with its mark. Hostile text stays text. Where output has a width, a long line wraps beside its mark."""
    sign, words = mark(console, verdict), Text(text, "bold" if bold else "")
    if verdict == "not exercised":
        words.stylize("dim")
    if _has_width():
        hanging(console, Text(" " * indent) + sign, words)
    else:
        console.print(Text(" " * indent) + sign + Text(" ") + words, no_wrap=True, overflow="ignore", crop=False)


def hanging(console: Console, head: Text, *texts: Text) -> None:
    """Texts below each other, each wrapped right of the first one's head, without blanks at the ends of lines."""
    blank = Text(" " * (head.cell_len + 1))
    start = head + Text(" ")
    for text in texts:
        for each in text.wrap(console, max(console.width - blank.cell_len, _TEXT_WIDTH_MIN), overflow="fold"):
            each.rstrip()
            console.print(start + each, soft_wrap=True)
            start = blank


def block(console: Console, text: str, style: str = "", *, indent: int = 4) -> None:
    """Text that is indented and wrapped, below a line."""
    hanging(console, Text(" " * (indent - 1)), Text(text, style))


def long_line(console: Console, text: str, style: str = "") -> None:
    """Text that users copy, which is never wrapped."""
    console.print(Text(text, style), soft_wrap=True)
