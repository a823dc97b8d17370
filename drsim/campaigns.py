"""Campaigns on the terminal: exploring and crash points, as `drsim explore` does them.

Owns what is printed of a campaign. The workers are `drsim.engines`'s, the files `drsim.campaign_files`'s, the report is
`drsim.campaign_report`'s; each failure by itself is `drsim.failures`'s.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple, TextIO

from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from drsim import campaign_files, campaign_report, engines
from drsim.arguments import EngineChoice, UserError
from drsim.campaign_files import Header
from drsim.console import duration, errors, line
from drsim.failures import GROUPS_SHOWN_MAX, keep_each
from drsim.scenarios import crashes, machine
from drsim.scenarios.campaign import Campaign, missing_ranges
from drsim.scenarios.explore import BROKEN, Contradiction, Explored, LostError, explore, scenario_of
from drsim.scenarios.files import ScenarioError
from drsim.scenarios.model import Scenario
from drsim.simulator.checks.ledger import PHASES


class Ended(NamedTuple):
    """How a campaign ended."""

    failed: bool
    broken: bool = False
    interrupted: bool = False
    unknown: bool = False


def explored(
    console: Console,
    scenario: Scenario,
    seeds: tuple[int, int],
    folder: Path,
    *,
    choice: EngineChoice,
    seconds_max: float | None,
    parts_place: str,
    resume: bool,
    restart: bool,
) -> Ended:
    """Explore seeds, show what was found and keep it. Raises OSError, ScenarioError, and UserError for the engine.

    Without `resume` or `restart` the folder must hold no campaign: its file would be replaced.
    """
    path = folder / campaign_files.CAMPAIGN
    campaign = Campaign()
    module = sys.modules.get(parts_place.partition(":")[0])
    code = machine.code_digest(None if module is None else module.__file__)
    header = Header(scenario=scenario, parts=parts_place, code=code, seeds=seeds)
    kept = _kept(path, header) if resume else []
    for each in kept:
        campaign.add(each)
    before, began, interrupted, lost = campaign.seeds_count, machine.wall_seconds(), False, ""
    ranges = missing_ranges(*seeds, [(each.first, each.last) for each in kept])
    engine: engines.Engine | None = None
    try:
        # Nothing is written before there are workers: where none can be had, an earlier campaign stays as it is.
        with (
            engines.running(choice, parts_place) if ranges else nullcontext(engines.NONE) as engine,
            _begun(console, path, header, kept, restart=restart) as file,
            _bar(scenario.name, sum(b - a + 1 for a, b in ranges)) as bar,
        ):
            # Rates are those of workers at work: how long these took to begin says nothing of the seeds to come.
            began = machine.wall_seconds()
            for each in explore(
                scenario,
                ranges,
                engine.executor,
                jobs=engine.jobs,
                parts_place=parts_place,
                seconds_max=seconds_max,
            ):
                campaign.add(each)
                file.write(campaign_files.line_of(each) + "\n")
                file.flush()
                rate = (campaign.seeds_count - before) / max(machine.wall_seconds() - began, 0.001)
                said = f"{campaign.seeds_count} seeds, {rate:.0f} seeds/s, {campaign.failed_count} failed"
                bar.show(campaign.seeds_count - before, said)
    except KeyboardInterrupt:
        interrupted = True
    except LostError as error:
        lost = str(error)
    if engine is None:
        console.print("  interrupted before anything began; what earlier campaigns left is as it was")
        return Ended(False, interrupted=True)
    seconds = machine.wall_seconds() - began
    _show(console, scenario, campaign, campaign.seeds_count - before, seconds, engine.told())
    _show_lost(console, lost, engine)
    if not interrupted:
        firsts = [(scenario_of(scenario, group[0]), group[0]) for group in campaign.groups().values()]
        interrupted = not keep_each(console, firsts, parts_place, folder)
    _report(console, folder)
    if (interrupted or lost) and campaign.seeds_count < seeds[1] - seeds[0] + 1:
        console.print(f"  {'interrupted; ' if interrupted else ''}--resume goes on from {path}")
    broken = any(each.property == BROKEN for each in campaign.failures)
    return Ended(bool(campaign.failures), broken, interrupted, bool(lost) or campaign.verdict == "unknown")


def _show_lost(console: Console, lost: str, engine: engines.Engine | None) -> None:
    """What was not run, and who could not run anything."""
    if lost:
        line(console, "unknown", lost, indent=2)
    for trouble in engine.troubles if engine is not None else ():
        line(console, "unknown", f"a worker could not take part: {trouble}", indent=2)


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


def _kept(path: Path, header: Header) -> list[Explored]:
    """What an earlier campaign explored. Raises ScenarioError for one that cannot go on."""
    try:
        kept = campaign_files.read(path)
    except ScenarioError as error:
        raise ScenarioError(f"--resume: {error}") from None
    if kept is None:
        return []
    before, now = (each.model_dump(mode="json", exclude={"seeds"}) for each in (kept.header, header))
    if before != now:
        raise ScenarioError(f"--resume: {path} was explored with another scenario, --set, --parts or other code")
    return kept.ranges


def _report(console: Console, folder: Path) -> None:
    """Write the campaign's report and say where it is. An old failure file that is broken costs no more than that."""
    try:
        page, *_ = campaign_report.write(folder)
    except UserError as error:
        console.print(Text(f"  no report: {error}"), soft_wrap=True)
    else:
        console.print(Text(f"  report  {page}"), soft_wrap=True)


class _Bar:
    """Live progress: how far, how fast, and what was found."""

    def __init__(self, progress: Progress | None, name: str, total: int) -> None:
        self._progress = progress
        self._task = None if progress is None else progress.add_task(name, total=total, said="")

    def show(self, completed: int, said: str) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=completed, said=said)


@contextmanager
def _bar(name: str, total: int) -> Iterator[_Bar]:
    console = errors()
    if not console.is_terminal:
        yield _Bar(None, name, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Bar(progress, name, total)


def _show(
    console: Console, scenario: Scenario, campaign: Campaign, seeds_count: int, seconds: float, told: str
) -> None:
    console.print()
    line(console, campaign.verdict, f"{scenario.name}: {campaign.claim()}", bold=True)
    rate = seeds_count / max(seconds, 0.001)
    ran = f"{seeds_count} seeds in {duration(seconds)}, {rate:.0f} seeds/s {told}"
    console.print(f"  {ran if told else 'no seed was left to run'}")
    if campaign.recovery_s:
        told = ", ".join(f"{name} {campaign.recovery(q)} s" for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1)))
        allowed = duration(scenario.bounds.completion / 1e6)
        console.print(f"  {campaign.recovery_s.total()} executions overdue when healed ended after {told} of {allowed}")
    for reason, count in sorted(campaign.unwinnable.items()):
        console.print(Text(f"  {count} executions could not end as DRS's truth demands: {reason}"))
    if campaign.fired:
        _show_ledger(console, scenario, campaign)
    for name in campaign.unexercised:
        line(console, "unknown", f"{name}: the scenario declares it, and no seed exercised it", indent=2)
    for (name, told), group in campaign.groups().items():
        seeds = ", ".join(str(each.seed) for each in group[:5])
        more = f" and {len(group) - 5} more" if len(group) > 5 else ""
        line(console, "fail", f"{name}: {len(group)} seeds ({seeds}{more})", indent=2)
        console.print(Padding(Text(f"expected {told}"), (0, 0, 0, 4)))
        if name == BROKEN:
            console.print(Padding(Text(group[0].observed), (0, 0, 0, 4)))


def _show_ledger(console: Console, scenario: Scenario, campaign: Campaign) -> None:
    """Each kind of fault by phase of life: struck / while a poll ran / changed how the execution ended."""
    faults = campaign_report.drawn_faults(scenario)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    table.add_column("  fault", no_wrap=True)
    for phase in PHASES:
        table.add_column(phase.lower().replace("_", " "), justify="right")
    for fault in faults:
        cells = [f"{fault} {phase}" for phase in PHASES]
        counts = [(campaign.fired[cell], campaign.in_flight[cell], campaign.changed[cell]) for cell in cells]
        table.add_row(f"  {fault}", *["/".join(map(str, each)) if each[0] else "-" for each in counts])
    console.print("\n  struck / while a poll of it ran / struck one that ended otherwise without faults", end=" ")
    console.print(f"(of {campaign.compared}")
    console.print("  seeds that were run so as well); executions by their phase of life")
    console.print(table)
    if campaign.overdue_seeds:
        share = campaign.overdue_seeds / campaign.seeds_count
        console.print(f"  faults met an execution older than its timeout in {share:.0%} of seeds")
    for count, met in ((campaign.fired, "met"), (campaign.in_flight, "met a running poll")):
        for fault, phases in campaign.empty_cells(faults, count).items():
            told = ", ".join(phase.lower().replace("_", " ") for phase in phases)
            console.print(Text(f"  {fault} never {met}: {told}", "dim"))
    console.print()


def crashed(
    console: Console,
    scenario: Scenario,
    seed: int,
    folder: Path,
    *,
    choice: EngineChoice,
    parts_place: str,
    restart: bool,
) -> Ended:
    """Kill the functions at each of their calls, show what came of it, and keep failures.

    Raises OSError, and UserError for the engine.
    """
    plain, points = crashes.crash_points(scenario, seed, parts_place)
    covered, failures, missed, interrupted = 0, list[tuple[crashes.CrashPoint, Contradiction]](), list[str](), False
    lost, engine = "", None
    with _bar(scenario.name, len(points)) as bar:
        try:
            with engines.running(choice, parts_place) as engine:
                if restart:
                    _set_aside(console, folder)
                for each in crashes.crash_everywhere(plain, points, seed, engine.executor, parts_place):
                    covered += each.points_count - len(each.missed)
                    missed += each.missed
                    failures += each.failures
                    bar.show(covered, f"{covered} of {len(points)} crash points, {len(failures)} violations")
        except KeyboardInterrupt:
            interrupted = True
        except LostError as error:
            lost = str(error)
    verdict = "fail" if failures or missed else "pass" if points and not (interrupted or lost) else "unknown"
    console.print()
    told = f"{covered} of {len(points)} crash points covered, {len(failures)} violations"
    line(console, verdict, f"{scenario.name}, seed {seed}: {told}", bold=True)
    calls = sorted({str(point.rule.operation) for point in points})
    console.print(f"  before and after each call ({', '.join(calls)}), alone and with a redelivery")
    _show_lost(console, lost, engine)
    groups: dict[str, list[tuple[crashes.CrashPoint, Contradiction]]] = {}
    for point, found in failures:
        groups.setdefault(found.property, []).append((point, found))
    for name, group in groups.items():
        line(console, "fail", f"{name}: {len(group)} crash points, such as {group[0][0].rule}", indent=2)
    for rule in missed[:GROUPS_SHOWN_MAX]:
        line(console, "unknown", f"never struck: {rule}", indent=2)
    firsts = [(crashes.with_point(plain, point), found) for (point, found), *_ in groups.values()]
    interrupted |= not interrupted and not keep_each(console, firsts, parts_place, folder)
    broken = any(found.property == BROKEN for _, found in failures)
    return Ended(bool(failures or missed), broken, interrupted, bool(lost) or not points)
