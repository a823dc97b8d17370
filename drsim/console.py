"""Output on the terminal: progress in virtual time, and the summary of a run in the style of k6."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from drsim.reports.documents import PAGE
from drsim.reports.statuses import counted
from drsim.scenarios.result import PropertyResult, Result, Verdict
from drsim.simulator.durations import plural

_WIDTH_PIPED: Final = 100
_STYLES: Final = {"pass": "green", "fail": "bold red", "not exercised": "dim", "unknown": "yellow", "fault": "magenta"}
_MARKS: Final = {"pass": "✓", "fail": "✗", "not exercised": "-", "unknown": "?", "fault": "!"}
_PLAIN_MARKS: Final = {**_MARKS, "pass": "+", "fail": "x"}
_VIOLATIONS_SHOWN_MAX: Final = 3


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


def line(console: Console, verdict: Verdict | str, text: str, *, indent: int = 0, bold: bool = False) -> None:
    """A line with its mark. Hostile text stays text, and a long line is cut at the terminal's edge, not wrapped."""
    marks = _MARKS if console.encoding.lower().startswith("utf") else _PLAIN_MARKS
    line = Text(" " * indent).append(f"{marks[verdict]} ", style=_STYLES[verdict]).append(text, "bold" if bold else "")
    if verdict == "not exercised":
        line.stylize("dim")
    terminal = console.is_terminal
    console.print(line, no_wrap=True, overflow="ellipsis" if terminal else "ignore", crop=terminal)


def block(console: Console, text: str, style: str = "") -> None:
    """Text that is indented and wrapped, below a line."""
    console.print(Padding(Text(text, style), (0, 0, 0, 4)))


def long_line(console: Console, text: str, style: str = "") -> None:
    """Text that users copy, which is never wrapped."""
    console.print(Text(text, style), soft_wrap=True)


def duration(seconds: float) -> str:
    """A duration for people: 26m 0.3s."""
    hours, minutes = divmod(int(seconds) // 60, 60)
    rest = f"{round(seconds - hours * 3600 - minutes * 60, 1):g}s"
    return " ".join([*([f"{hours}h"] if hours else []), *([f"{minutes}m"] if hours or minutes else []), rest])


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
            show_done(now_us, f"{duration(now_us / 1_000_000)} of virtual time")

        yield show_time if console.is_terminal else None


def show(console: Console, result: Result, folder: Path) -> None:
    console.print()
    line(console, result.verdict, f"{result.scenario}, seed {result.seed}: {result.verdict.upper()}", bold=True)
    console.print(Text(f"  {result.metrics.configuration['title']}"), style="dim")
    ends = ", ".join(f"{count} {phrase}" for count, phrase in counted(result.executions))
    started = plural(result.started, "execution") + (f" ({ends})" if ends else "")
    took = f"{duration(result.virtual_seconds)} of virtual time in {result.wall_seconds:.2f} s"
    console.print(f"  {took}: {started}, {plural(result.polls, 'poll')}")
    if result.adapted:
        console.print(Text(f"  adapted to the contract: {', '.join(result.adapted)}"), style="dim")
    console.print()
    for criterion in result.criteria:
        text = f"{criterion.name:<37}{criterion.value:<30} {criterion.threshold}"
        line(console, criterion.verdict, text, indent=2)
        if criterion.verdict == "fail":
            block(console, criterion.evidence, "dim")
    console.print()
    _show_properties(console, result.properties)
    if result.faults:
        _show_faults(console, result)
    if result.unjudged:
        line(console, "not exercised", _unjudged(result), indent=2)
    long_line(console, f"  replay  {result.replay}")
    long_line(console, f"  report  {folder / PAGE}")


def _unjudged(result: Result) -> str:
    first, more = result.unjudged[0].check, len(result.unjudged) - 1
    others = f" and {more} more" if more else ""
    return f"{plural(more + 1, 'check')} {'are' if more else 'is'} off: {first}{others}; see report"


def _show_faults(console: Console, result: Result) -> None:
    struck = [each.struck for each in result.faults if each.struck]
    total = plural(sum(struck), "time")
    line(console, "fault", f"{len(struck)} of {plural(len(result.faults), 'fault rule')} injected, {total}", indent=2)
    for each in result.faults:
        times = plural(each.struck, "time") if each.struck else "never"
        line(console, "fault" if each.struck else "not exercised", f"{times}: {each.rule}", indent=4)
    if recovery := result.metrics.distributions.get("recovery"):
        quantiles = (("p50", recovery.p50), ("p99", recovery.p99), ("max", recovery.max))
        figures = ", ".join(f"{name} {value / 1000:.0f} s" for name, value in quantiles)
        line(console, "fault", f"{recovery.count} overdue when healed, ended after that within {figures}", indent=2)
    for lost in result.unwinnable:
        which = lost.execution_id or "every execution"
        line(console, "unknown", f"{which} cannot end as DRS's truth demands: {lost.reason}", indent=2)


def _show_properties(console: Console, properties: tuple[PropertyResult, ...]) -> None:
    held = [each for each in properties if each.verdict == "pass"]
    quiet = [each.name for each in properties if each.verdict == "not exercised"]
    if held:
        checks = plural(sum(each.checked for each in held), "check")
        line(console, "pass", f"{len(held)} of {len(properties)} properties hold, {checks}", indent=2)
    if quiet:
        line(console, "not exercised", f"{len(quiet)} not exercised:", indent=2)
        block(console, ", ".join(quiet), "dim")
    for each in properties:
        if each.verdict == "fail":
            line(console, "fail", f"{each.name}: {plural(each.violations_count, 'violation')}", indent=2)
            block(console, each.rule)
            for violation in each.violations[:_VIOLATIONS_SHOWN_MAX]:
                console.print(Text(f"    {violation.at[11:23]} {violation.execution_id}"))
                console.print(Text(f"      expected {violation.expected}"))
                console.print(Text(f"      observed {violation.observed}"))


def show_total(console: Console, results: list[Result]) -> None:
    passed = sum(result.verdict == "pass" for result in results)
    others = [f"{result.scenario} {result.verdict}" for result in results if result.verdict != "pass"]
    verdict = "pass" if not others else "fail" if any(result.verdict == "fail" for result in results) else "unknown"
    console.print()
    line(console, verdict, ", ".join([f"{passed} of {plural(len(results), 'run')} passed", *others]), bold=True)
