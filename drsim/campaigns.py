"""Campaigns: exploring and crash points, as `drsim explore` runs them, on processes or dask.

`drsim.campaign_files` owns the files, and `drsim.campaign_console` what is printed and kept of each failure.
"""

import logging
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, Union

from rich.console import Console

from drsim import campaign_console, campaign_files, campaign_report
from drsim.arguments import EngineName, ExitCode, UserError
from drsim.campaign_console import Found
from drsim.console import errors, line, long_line
from drsim.processes import ProcessExecutor
from drsim.progress import Pace, progress
from drsim.scenarios import crashes, machine
from drsim.scenarios.campaign import Campaign, Explored, Header, missing_ranges
from drsim.scenarios.contradiction import BROKEN, is_of_handlers, scenario_of
from drsim.scenarios.explore import LostError, explore
from drsim.scenarios.extras import needs
from drsim.scenarios.files import ScenarioError
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import Code
from drsim.scenarios.result import RunVerdict
from drsim.scenarios.source_scan import sources_digest
from drsim.simulator.durations import plural
from drsim.trust import Trust
from drsim.watching import Check, unwatched

if TYPE_CHECKING:
    from drsim.clusters import OnCluster

Engine: TypeAlias = Union[ProcessExecutor, "OnCluster"]
"""An executor of ready workers. Its `troubles` grow by a line for each worker that joined and could not start."""
_OTHERS: Final = {
    "scenario": "another scenario, --set or --contract",
    "parts": "other --parts",
    "functions": "other --finder, --poller, --path or --env",
    "sources": "other code of your handlers: it has changed since",
    "code": "other code of drsim or of --parts",
}
"""What differs if a field of two headers does."""
EngineStart: TypeAlias = Callable[[], AbstractContextManager[Engine]]


@contextmanager
def running(name: EngineName, jobs: int, scheduler: str = "", parts: str = "") -> Iterator[Engine]:
    """The engine, ready, and killed afterwards with the calls that still run. Without a scheduler, dask runs here.

    It repeats the calls of a worker that dies; a call that cost several workers raises BrokenExecutor. Raises UserError
    if processes cannot start, the scheduler cannot be reached, or its workers do not fit, and MissingExtraError without
    `distributed`.
    """
    with ExitStack() as stack:
        if name == "process":
            try:
                executor = ProcessExecutor(jobs)
            except BrokenExecutor as error:
                raise UserError(f"--jobs {jobs}: {error}") from None
            stack.callback(executor.shutdown, wait=False, cancel_futures=True)
            yield executor
            return
        with needs("cluster", "--engine dask"):
            from drsim import clusters
        # drsim reports what a user can act on in its own words.
        logging.disable(logging.CRITICAL)
        stack.callback(logging.disable, logging.NOTSET)
        named = f"--scheduler {scheduler}" if scheduler else f"--jobs {jobs}"
        cluster = scheduler or stack.enter_context(clusters.here(jobs))
        yield stack.enter_context(clusters.connected(cluster, named, parts))


@dataclass(slots=True)
class _Work:
    """How calls on an engine went. `engine` is None until its workers are ready."""

    engine: Engine | None = None
    interrupted: bool = False
    lost: str = ""


@contextmanager
def _working() -> Iterator[_Work]:
    """Turn an interruption and lost workers into data."""
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
    engine: EngineStart,
    code: Code,
    seeds: tuple[int, int],
    seconds_max: float | None,
    resume: bool,
    restart: bool,
    check: Check = unwatched,
) -> ExitCode:
    """Explore seeds, and show and keep the failures. Raises OSError, ScenarioError, and UserError for the engine.

    `check` is called about once a second; its ChangedError leaves the campaign as it is.
    Without `resume` or `restart` the folder must hold no campaign: its file would be replaced.
    """
    path, header = folder / campaign_files.CAMPAIGN, _header(scenario, code, seeds)
    kept = _kept(path, header) if resume else []
    campaign = Campaign(kept)
    before, began = campaign.seeds_count, machine.wall_seconds()
    ranges = missing_ranges(*seeds, [(each.first, each.last) for each in kept])
    left_count = sum(high - low + 1 for low, high in ranges)
    with (
        _working() as work,
        # Nothing is written before there are workers: without any, an earlier campaign stays as it is.
        engine() if ranges else nullcontext() as work.engine,
        progress(errors(), scenario.name, left_count, Pace(seconds_max=seconds_max)) as show,
    ):
        if restart:
            _set_aside(console, folder)
        campaign_files.begin(path, header, kept)
        # The start of the workers is no part of the rate.
        began = machine.wall_seconds()
        with path.open("a", encoding="utf-8") as file:
            for each in explore(scenario, ranges, work.engine, _for_workers(code), seconds_max) if work.engine else ():
                campaign.add(each)
                file.write(campaign_files.line_of(each) + "\n")
                file.flush()
                done = campaign.seeds_count - before
                rate = done / max(machine.wall_seconds() - began, 0.001)
                of_all = f"{campaign.seeds_count:,} of {plural(before + left_count, 'seed')}"
                show(done, f"{of_all}, {rate:.0f} seeds/s, {len(campaign.failed_seeds):,} failed")
                check()
    if ranges and work.engine is None:
        console.print("  interrupted before anything began; what earlier campaigns left is as it was")
        return ExitCode.INTERRUPTED
    seconds, where = machine.wall_seconds() - began, work.engine.where() if work.engine else ""
    campaign_console.show_totals(console, scenario, campaign, campaign.seeds_count - before, seconds, where)
    if not isinstance(code, str) and header.sources != sources_digest(code):
        line(console, "unknown", "your handlers' code changed during the campaign: seeds ran different code", indent=2)
    firsts = [(scenario_of(scenario, group[0]), group[0]) for group in campaign.groups().values()]
    exit_code = _ended(console, work, campaign.verdict, firsts, code, folder, check)
    _report(console, folder, code)
    if (work.interrupted or work.lost) and campaign.seeds_count < seeds[1] - seeds[0] + 1:
        console.print(f"  {'interrupted; ' if work.interrupted else ''}--resume continues from {path}")
    return exit_code


def crashed(
    console: Console,
    scenario: Scenario,
    folder: Path,
    *,
    engine: EngineStart,
    code: Code,
    seed: int,
    restart: bool,
    check: Check = unwatched,
) -> ExitCode:
    """Kill the functions at each of their calls; show and keep failures. Raises OSError, UserError for the engine.

    `check` may raise ChangedError after each of the calls on the engine.
    """
    plain, points = crashes.crash_points(scenario, seed, code)
    done = crashes.Crashed()
    with progress(errors(), scenario.name, len(points)) as show, _working() as work, engine() as work.engine:
        if restart:
            _set_aside(console, folder)
        campaign_report.remove(folder)
        for each in crashes.crash_everywhere(plain, points, seed, work.engine, _for_workers(code)):
            done = done.plus(each)
            covered = done.points_count - len(done.missed)
            show(covered, f"{covered} of {len(points)} crash points, {plural(len(done.failures), 'violation')}")
            check()
    is_whole = bool(points) and not (work.interrupted or work.lost)
    verdict: RunVerdict = "fail" if done.failures or done.missed else "pass" if is_whole else "unknown"
    campaign_console.show_crashes(console, f"{scenario.name}, seed {seed}", verdict, points, done)
    firsts = [(point.within(plain), found) for (point, found), *_ in done.groups().values()]
    exit_code = _ended(console, work, verdict, firsts, code, folder, check)
    page = campaign_report.write_crashes(folder, scenario, seed, verdict, points, done)
    long_line(console, f"  report  {page}")
    return exit_code


def _for_workers(code: Code) -> Code:
    """Return what runs as workers find it, which may work in other folders."""
    return code if isinstance(code, str) else code.from_anywhere()


def _header(scenario: Scenario, code: Code, seeds: tuple[int, int]) -> Header:
    """What a campaign explores, with a digest of all code that runs."""
    if not isinstance(code, str):
        digest, sources = machine.code_digest(), sources_digest(code)
        return Header(scenario=scenario, parts="", functions=code, seeds=seeds, code=digest, sources=sources)
    module = sys.modules.get(code.partition(":")[0])
    digest = machine.code_digest(None if module is None else module.__file__)
    return Header(scenario=scenario, parts=code, code=digest, seeds=seeds)


def _kept(path: Path, header: Header) -> list[Explored]:
    """What an earlier campaign explored. Raises ScenarioError if this campaign explores something else."""
    try:
        kept = campaign_files.read(path)
    except ScenarioError as error:
        raise ScenarioError(f"--resume: {error}") from None
    if kept is None:
        return []
    if others := [what for field, what in _OTHERS.items() if getattr(kept.header, field) != getattr(header, field)]:
        raise ScenarioError(f"--resume: {path} was explored with {', '.join(others)}; --restart starts over")
    return kept.ranges


def _set_aside(console: Console, folder: Path) -> None:
    if aside := campaign_files.set_aside(folder):
        long_line(console, f"  the earlier campaign is now in {aside}")


def _ended(
    console: Console, work: _Work, verdict: RunVerdict, firsts: Found, code: Code, folder: Path, check: Check
) -> ExitCode:
    """Print what was lost, keep the first failure of each group unless interrupted, and return the exit code."""
    if work.lost:
        line(console, "unknown", work.lost, indent=2)
    for trouble in work.engine.troubles if work.engine else ():
        line(console, "unknown", f"a worker could not take part: {trouble}", indent=2)
    work.interrupted = work.interrupted or not campaign_console.keep_each(console, firsts, code, folder, check)
    if work.interrupted:
        return ExitCode.INTERRUPTED
    if broken := [found for _, found in firsts if found.property == BROKEN]:
        return ExitCode.USAGE if all(map(is_of_handlers, broken)) else ExitCode.INTERNAL
    if verdict == "fail":
        return ExitCode.FAIL
    return ExitCode.UNKNOWN if work.lost or verdict == "unknown" else ExitCode.PASS


def _report(console: Console, folder: Path, code: Code) -> None:
    try:
        long_line(console, f"  report  {campaign_report.write(folder, Trust(given=code))[0]}")
    except UserError as error:
        long_line(console, f"  no report: {error}")
