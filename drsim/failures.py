"""Failures on the terminal: shrunk, kept as files, printed, and replayed.

Owns what is printed of one failure, and that none is lost: one that cannot be shrunk is kept as it was found, and an
existing file is not overwritten.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from drsim import campaign_files, campaign_report
from drsim.console import duration, line
from drsim.scenarios import explanation, failure, machine
from drsim.scenarios.contradiction import BROKEN, Contradiction, in_words
from drsim.scenarios.failure import Failure
from drsim.scenarios.files import ScenarioError
from drsim.scenarios.model import Scenario
from drsim.scenarios.shrink import shrunk_failure
from drsim.simulator.trace import BrokenSimulationError

GROUPS_SHOWN_MAX: Final = 5
_SHRINK_SECONDS: Final = 60.0


def keep_each(console: Console, failures: Sequence[tuple[Scenario, Contradiction]], parts: str, folder: Path) -> bool:
    """Shrink the first failures, keep and print them. False if interrupted. Raises OSError."""
    broken = [each for each in failures if each[1].property == BROKEN][:GROUPS_SHOWN_MAX]
    others = [each for each in failures if each[1].property != BROKEN][:GROUPS_SHOWN_MAX]
    try:
        for scenario, found in [*broken, *others]:
            _keep(console, scenario, found, parts, campaign_files.failure_path(folder, found))
    except KeyboardInterrupt:
        console.print("  interrupted; failures not shrunk yet are left out")
        return False
    return True


def _keep(console: Console, scenario: Scenario, found: Contradiction, parts: str, path: Path) -> None:
    """Shrink a failure, keep it and print its story."""
    name = f"{found.property}, seed {found.seed}"
    console.print()
    if path.exists():
        _show_again(console, name, path)
        return
    began = machine.wall_seconds()
    if found.property == BROKEN:
        kept, runs_count, trouble = failure.unshrunk(scenario, found, parts), 0, "a broken simulation is not shrunk"
    else:
        kept, runs_count, trouble = shrunk_failure(scenario, found, parts_place=parts, seconds_max=_SHRINK_SECONDS)
    failure.write(kept, path)
    if trouble:
        line(console, "fail", f"{name}, kept as it was found: {trouble}", bold=True)
        _show_values(console, kept)
        _show_replay(console, path)
        return
    seconds = duration(machine.wall_seconds() - began)
    line(console, "fail", f"{name}, shrunk in {seconds} ({runs_count} runs)", bold=True)
    show(console, kept, path)


def _show_again(console: Console, name: str, path: Path) -> None:
    """The story of a failure that this campaign kept before it was interrupted; it may have been made smaller since."""
    try:
        kept = failure.read(path)
    except ScenarioError as error:
        line(console, "fail", f"{name}, not shrunk, for its file is there and cannot be read: {error}", bold=True)
        return
    line(console, "fail", f"{name}, kept before in {path}", bold=True)
    show(console, kept, path)


def show(console: Console, kept: Failure, path: Path) -> None:
    """Print the story of a failure, or why there is none."""
    console.print(f"  {campaign_report.size_of(kept.scenario)}")
    for rule in kept.scenario.faults:
        console.print(Text(f"    {rule}"))
    try:
        lines, difference = explanation.story(kept), explanation.difference(kept)
    except (Exception, BrokenSimulationError) as error:
        console.print(Text(f"  no story: {in_words(error)}"), soft_wrap=True)
        lines, difference = [], None
    for each in lines:
        console.print(Text(f"    {each.at_us / 1e6:>9.3f} s  {each.text}"), soft_wrap=True)
    _show_values(console, kept)
    if difference is not None:
        console.print(Text(f"  {difference.passing} passes; they first differ here:"), soft_wrap=True)
        console.print(Text(f"    fails   {difference.fails}"), no_wrap=True, overflow="ellipsis")
        console.print(Text(f"    passes  {difference.passes}"), no_wrap=True, overflow="ellipsis")
    _show_replay(console, path)


def _show_values(console: Console, kept: Failure) -> None:
    console.print(Text(f"    expected  {kept.expected}", "bold"), soft_wrap=True)
    console.print(Text(f"    observed  {kept.observed}", "bold"), soft_wrap=True)


def _show_replay(console: Console, path: Path) -> None:
    console.print(Text(f"  replay  drsim replay {path}"), soft_wrap=True)


def replayed(console: Console, path: Path, parts_place: str | None) -> str:
    """Run a saved failure again, show what became of it, and return that. Raises ScenarioError."""
    kept = failure.read(path)
    answer = failure.replay(kept, parts_place)
    verdict = "pass" if answer.outcome == "fixed" else "fail"
    line(console, verdict, f"{path}: {answer.outcome}: {answer.detail}", bold=True)
    if answer.outcome == "still fails":
        shown = kept if parts_place is None else kept.model_copy(update={"parts": parts_place})
        show(console, shown, path)
    return answer.outcome


def shrunk_again(console: Console, path: Path) -> bool:
    """Make a saved failure smaller, in its place. False if it no longer fails. Raises ScenarioError and OSError."""
    kept = failure.read(path)
    if failure.replay(kept).outcome == "fixed":
        line(console, "pass", f"{path}: fixed, there is nothing to shrink", bold=True)
        return False
    smaller, runs_count, trouble = shrunk_failure(
        kept.scenario, kept, parts_place=kept.parts, seconds_max=_SHRINK_SECONDS
    )
    if trouble:
        line(console, "fail", f"{path}: {kept.property}, left as it is: {trouble}", bold=True)
        return True
    failure.write(smaller, path)
    line(console, "fail", f"{path}: {kept.property}, shrunk ({runs_count} runs)", bold=True)
    show(console, smaller, path)
    return True
