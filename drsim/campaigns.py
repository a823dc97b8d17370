"""Campaigns: exploring and crash points, as `drsim explore` runs them.

Owns their course, from the workers to the files. The workers are `drsim.engines`'s, the files `drsim.campaign_files`'s,
the summary is `drsim.campaign_summary`'s, and each failure is `drsim.failures`'s.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from drsim import campaign_files, campaign_report, campaign_summary, engines
from drsim.arguments import EngineChoice, UserError
from drsim.campaign_files import Header
from drsim.console import errors, line
from drsim.failures import keep_each
from drsim.scenarios import crashes, machine
from drsim.scenarios.campaign import Campaign, Explored, missing_ranges
from drsim.scenarios.contradiction import BROKEN, scenario_of
from drsim.scenarios.explore import LostError, explore
from drsim.scenarios.files import ScenarioError
from drsim.scenarios.model import Scenario
from drsim.scenarios.result import RunVerdict


class Ended(NamedTuple):
    """How a campaign ended."""

    failed: bool
    broken: bool = False
    interrupted: bool = False
    unknown: bool = False


@dataclass(slots=True)
class _Work:
    """How calls on an engine went. `engine` is None until its workers are ready."""

    engine: "engines.Engine | None" = None
    interrupted: bool = False
    lost: str = ""


@contextmanager
def _working() -> Iterator[_Work]:
    """Turn an interruption, and workers that are lost, into data."""
    work = _Work()
    try:
        yield work
    except KeyboardInterrupt:
        work.interrupted = True
    except LostError as error:
        work.lost = str(error)


def explored(
    console: Console,
    scenario: Scenario,
    folder: Path,
    *,
    seeds: tuple[int, int],
    choice: EngineChoice,
    seconds_max: float | None,
    parts_place: str,
    resume: bool,
    restart: bool,
) -> Ended:
    """Explore seeds, show and keep what they found. Raises OSError, ScenarioError, and UserError for the engine.

    Without `resume` or `restart` the folder must hold no campaign: its file would be replaced.
    """
    path, header = folder / campaign_files.CAMPAIGN, _header(scenario, seeds, parts_place)
    kept = _kept(path, header) if resume else []
    campaign = Campaign(kept)
    before, began = campaign.seeds_count, machine.wall_seconds()
    ranges = missing_ranges(*seeds, [(each.first, each.last) for each in kept])
    with (
        _working() as work,
        # Nothing is written before there are workers: where there are none, an earlier campaign stays as it is.
        engines.running(choice, parts_place) if ranges else nullcontext() as work.engine,
        _begun(console, path, header, kept, restart=restart) as file,
        _bar(scenario.name, sum(high - low + 1 for low, high in ranges)) as show,
    ):
        # The time in which workers start says nothing about the rate of the seeds to come.
        began = machine.wall_seconds()
        for each in explore(scenario, ranges, work.engine, parts_place, seconds_max) if work.engine else ():
            campaign.add(each)
            file.write(campaign_files.line_of(each) + "\n")
            file.flush()
            done = campaign.seeds_count - before
            rate = done / max(machine.wall_seconds() - began, 0.001)
            show(done, f"{campaign.seeds_count} seeds, {rate:.0f} seeds/s, {campaign.failed_count} failed")
    if ranges and work.engine is None:
        console.print("  interrupted before anything began; what earlier campaigns left is as it was")
        return Ended(False, interrupted=True)
    where = work.engine.where() if work.engine else ""
    seconds = machine.wall_seconds() - began
    campaign_summary.show(console, scenario, campaign, campaign.seeds_count - before, seconds, where)
    _show_lost(console, work)
    interrupted = work.interrupted
    if not interrupted:
        firsts = [(scenario_of(scenario, group[0]), group[0]) for group in campaign.groups().values()]
        interrupted = not keep_each(console, firsts, parts_place, folder)
    _report(console, folder)
    if (interrupted or work.lost) and campaign.seeds_count < seeds[1] - seeds[0] + 1:
        console.print(f"  {'interrupted; ' if interrupted else ''}--resume continues from {path}")
    broken = any(each.property == BROKEN for each in campaign.failures)
    return Ended(bool(campaign.failures), broken, interrupted, bool(work.lost) or campaign.verdict == "unknown")


def _header(scenario: Scenario, seeds: tuple[int, int], parts_place: str) -> Header:
    module = sys.modules.get(parts_place.partition(":")[0])
    code = machine.code_digest(None if module is None else module.__file__)
    return Header(scenario=scenario, parts=parts_place, code=code, seeds=seeds)


def _kept(path: Path, header: Header) -> list[Explored]:
    """What an earlier campaign explored. Raises ScenarioError if this one is of something else."""
    try:
        kept = campaign_files.read(path)
    except ScenarioError as error:
        raise ScenarioError(f"--resume: {error}") from None
    if kept is None:
        return []
    if kept.header.model_copy(update={"seeds": header.seeds}) != header:
        raise ScenarioError(f"--resume: {path} was explored with another scenario, --set, --parts or other code")
    return kept.ranges


@contextmanager
def _begun(
    console: Console, path: Path, header: Header, kept: Sequence[Explored], *, restart: bool
) -> Iterator[TextIO]:
    """The campaign's file with what is kept, open for further lines."""
    if restart:
        _set_aside(console, path.parent)
    campaign_files.begin(path, header, kept)
    with path.open("a", encoding="utf-8") as file:
        yield file


def _set_aside(console: Console, folder: Path) -> None:
    """Rename the folder of an earlier campaign, and show where it is now."""
    aside = campaign_files.set_aside(folder)
    if aside is not None:
        console.print(Text(f"  the earlier campaign is now in {aside}"), soft_wrap=True)


def _show_lost(console: Console, work: _Work) -> None:
    """What was not run, and which workers could not run anything."""
    if work.lost:
        line(console, "unknown", work.lost, indent=2)
    for trouble in work.engine.troubles if work.engine else ():
        line(console, "unknown", f"a worker could not take part: {trouble}", indent=2)


def _report(console: Console, folder: Path) -> None:
    """Write the campaign's report and print its path, or why there is none."""
    try:
        page, *_ = campaign_report.write(folder)
    except UserError as error:
        console.print(Text(f"  no report: {error}"), soft_wrap=True)
    else:
        console.print(Text(f"  report  {page}"), soft_wrap=True)


@contextmanager
def _bar(name: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """Live progress on a terminal: how many are done, and a remark."""
    console = errors()
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[remark]}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=total, remark="")
        yield lambda done, remark: progress.update(task, completed=done, remark=remark)


def crashed(
    console: Console,
    scenario: Scenario,
    folder: Path,
    *,
    seed: int,
    choice: EngineChoice,
    parts_place: str,
    restart: bool,
) -> Ended:
    """Kill the functions at each of their calls, show the outcome and keep failures.

    Raises OSError, and UserError for the engine.
    """
    plain, points = crashes.crash_points(scenario, seed, parts_place)
    done = crashes.Crashed()
    with (
        _bar(scenario.name, len(points)) as show,
        _working() as work,
        engines.running(choice, parts_place) as work.engine,
    ):
        if restart:
            _set_aside(console, folder)
        for each in crashes.crash_everywhere(plain, points, seed, work.engine, parts_place):
            done = done.plus(each)
            covered = done.points_count - len(done.missed)
            show(covered, f"{covered} of {len(points)} crash points, {len(done.failures)} violations")
    is_whole = bool(points) and not (work.interrupted or work.lost)
    verdict: RunVerdict = "fail" if done.failures or done.missed else "pass" if is_whole else "unknown"
    campaign_summary.show_crashes(console, f"{scenario.name}, seed {seed}", verdict, points, done)
    _show_lost(console, work)
    firsts = [(point.within(plain), found) for (point, found), *_ in done.groups().values()]
    interrupted = work.interrupted or not keep_each(console, firsts, parts_place, folder)
    broken = any(found.property == BROKEN for _, found in done.failures)
    return Ended(verdict == "fail", broken, interrupted, bool(work.lost) or not points)
