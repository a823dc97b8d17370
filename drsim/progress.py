"""How far a command is, on standard error: a bar on a terminal, and elsewhere a plain line every half minute.

Time left is an estimate: each unit of work that is left takes as long as those that are done.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Final, TypeAlias

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from drsim.scenarios import machine
from drsim.scenarios.model import Scenario
from drsim.simulator.durations import show_seconds

Show: TypeAlias = Callable[[float, str], None]
"""Shows how much of the work is done, and a remark."""
_PLAIN_SECONDS: Final = 30.0
_ESTIMATED_FROM_SECONDS: Final = 2.0
_WIDTH_FOR_BAR: Final = 80
"""On a narrower terminal the words need the room of the bar."""


@dataclass(slots=True, kw_only=True)
class Pace:
    """When work began and when a plain line was last shown, in wall seconds. `seconds_max` limits the whole work."""

    seconds_max: float | None = None
    every: float = _PLAIN_SECONDS
    began: float = field(default_factory=machine.wall_seconds)
    shown: float = field(default_factory=machine.wall_seconds)

    def left(self, done: float, total: float) -> str:
        """The end of a remark, such as ", about 40 s left"; "" while it is too early to estimate."""
        return time_left(done, total, machine.wall_seconds() - self.began, self.seconds_max)

    def is_line_due(self) -> bool:
        """Return whether a plain line is due, which then counts as shown."""
        now = machine.wall_seconds()
        is_due = now - self.shown >= self.every
        self.shown = now if is_due else self.shown
        return is_due


def time_left(done: float, total: float, seconds: float, seconds_max: float | None = None) -> str:
    """The end of a remark after that many seconds, such as ", about 40 s left"; "" while it is too early."""
    if not 0 < done < total or seconds < _ESTIMATED_FROM_SECONDS:
        return ""
    left = seconds / done * (total - done)
    if seconds_max is not None:
        left = min(left, max(seconds_max - seconds, 0))
    return f", about {show_seconds(ceil(left))} left"


@contextmanager
def progress(console: Console, name: str, total: float, pace: Pace | None = None) -> Iterator[Show]:
    """Show progress and the time left, of work whose pace may have begun earlier."""
    pace = pace or Pace()
    bar = [BarColumn(bar_width=20)] if console.width >= _WIDTH_FOR_BAR else []
    columns = (TextColumn("{task.description}", markup=False), *bar, TextColumn("{task.fields[remark]}", markup=False))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as live:
        task = live.add_task(name, total=total, remark="")

        def show(done: float, remark: str) -> None:
            if console.is_terminal:
                live.update(task, completed=done, remark=remark + pace.left(done, total))
            elif pace.is_line_due():
                console.print(Text(f"drsim: {name}: {remark}{pace.left(done, total)}"), soft_wrap=True)

        yield show


class Runs:
    """Progress of all runs of a command. A run counts by its executions and its virtual time."""

    def __init__(self, console: Console, scenarios: Sequence[Scenario], pace: Pace | None = None) -> None:
        self._console = console
        self._executions = [sum(group.executions for group in scenario.workload) for scenario in scenarios]
        self._weights = [
            scenario.duration * executions for scenario, executions in zip(scenarios, self._executions, strict=True)
        ]
        self._pace = pace or Pace()
        self._begun_count = 0

    @contextmanager
    def next(self, name: str) -> Iterator[Callable[[int], None]]:
        """Show the progress of the next run, as a function of its virtual time (us)."""
        before, executions = sum(self._weights[: self._begun_count]), self._executions[self._begun_count]
        self._begun_count += 1
        count = len(self._weights)
        title = f"{self._begun_count} of {count}: {name}" if count > 1 else name
        with progress(self._console, title, sum(self._weights), self._pace) as show:
            yield lambda now_us: show(before + now_us * executions, f"{show_seconds(now_us / 1e6)} of virtual time")
