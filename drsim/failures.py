"""Failures on the terminal: shrunk, kept as files, printed, and replayed.

None is lost: a failure that cannot be shrunk is kept as it was found, and an existing file is not overwritten.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

from rich.console import Console
from rich.text import Text

from drsim import campaign_files, campaign_report
from drsim.console import duration, line, long_line, plural
from drsim.scenarios import explanation, failure, machine
from drsim.scenarios.contradiction import BROKEN, Contradiction, in_words
from drsim.scenarios.explanation import Difference
from drsim.scenarios.failure import Failure
from drsim.scenarios.files import ScenarioError
from drsim.scenarios.model import Scenario
from drsim.scenarios.shrink import shrunk_failure
from drsim.simulator.trace import BrokenSimulationError

Found: TypeAlias = Sequence[tuple[Scenario, Contradiction]]
"""Failures, each with the scenario in which it occurs."""
GROUPS_SHOWN_MAX: Final = 5
_SHRINK_SECONDS: Final = 60.0


def keep_each(console: Console, failures: Found, parts: str, folder: Path) -> bool:
    """Shrink the first failures, keep and print them. False if interrupted. Raises OSError."""
    broken = [each for each in failures if each[1].property == BROKEN][:GROUPS_SHOWN_MAX]
    others = [each for each in failures if each[1].property != BROKEN][:GROUPS_SHOWN_MAX]
    try:
        for scenario, found in [*broken, *others]:
            console.print()
            _keep(console, scenario, found, parts, campaign_files.failure_path(folder, found))
    except KeyboardInterrupt:
        console.print("  interrupted; failures not shrunk yet are left out")
        return False
    return True


def _keep(console: Console, scenario: Scenario, found: Contradiction, parts: str, path: Path) -> None:
    name = f"{found.property}, seed {found.seed}"
    if path.exists():
        # This campaign kept it before an interruption. It may have been shrunk further since.
        try:
            kept = failure.read(path)
        except ScenarioError as error:
            line(console, "fail", f"{name}, not shrunk: its file exists and cannot be read: {error}", bold=True)
            return
        line(console, "fail", f"{name}, kept before in {path}", bold=True)
        _show(console, kept, path)
        return
    began = machine.wall_seconds()
    if found.property == BROKEN:
        kept, runs_count, trouble = failure.unshrunk(scenario, found, parts), 0, "a broken simulation is not shrunk"
    else:
        kept, runs_count, trouble = shrunk_failure(scenario, found, parts_place=parts, seconds_max=_SHRINK_SECONDS)
    failure.write(kept, path)
    how = f"shrunk in {duration(machine.wall_seconds() - began)} ({plural(runs_count, 'run')})"
    line(console, "fail", f"{name}, {f'kept as it was found: {trouble}' if trouble else how}", bold=True)
    (_show_end if trouble else _show)(console, kept, path)


def _show(console: Console, kept: Failure, path: Path) -> None:
    """Print the story of a failure, or why there is none."""
    console.print(f"  {campaign_report.size_of(kept.scenario)}")
    for rule in kept.scenario.faults:
        console.print(Text(f"    {rule}"))
    difference = None
    try:
        lines, difference = explanation.story(kept), explanation.difference(kept)
    except (Exception, BrokenSimulationError) as error:
        long_line(console, f"  no story: {in_words(error)}")
    else:
        for each in lines:
            long_line(console, f"    {each.at_us / 1e6:>9.3f} s  {each.text}")
    _show_end(console, kept, path, difference)


def _show_end(console: Console, kept: Failure, path: Path, difference: Difference | None = None) -> None:
    long_line(console, f"    expected  {kept.expected}", "bold")
    long_line(console, f"    observed  {kept.observed}", "bold")
    if difference is not None:
        long_line(console, f"  {difference.passing} passes; they first differ here:")
        console.print(Text(f"    fails   {difference.fails}"), no_wrap=True, overflow="ellipsis")
        console.print(Text(f"    passes  {difference.passes}"), no_wrap=True, overflow="ellipsis")
    long_line(console, f"  replay  drsim replay {path}")


def replayed(console: Console, path: Path, parts_place: str | None) -> str:
    """Run a saved failure again, print its outcome, and return it. Raises ScenarioError."""
    kept = failure.read(path)
    answer = failure.replay(kept, parts_place)
    verdict = "pass" if answer.outcome == "fixed" else "fail"
    line(console, verdict, f"{path}: {answer.outcome}: {answer.detail}", bold=True)
    if answer.outcome == "still fails":
        _show(console, kept if parts_place is None else kept.model_copy(update={"parts": parts_place}), path)
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
    line(console, "fail", f"{path}: {kept.property}, shrunk ({plural(runs_count, 'run')})", bold=True)
    _show(console, smaller, path)
    return True
