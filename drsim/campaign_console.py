"""A campaign on the terminal: its totals, and its failures, which are shrunk, kept as files, printed and replayed.

No failure is lost: one that cannot be shrunk is kept as it was found, and an existing file is not overwritten.
"""

import shlex
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

from rich.console import Console
from rich.table import Table

from drsim import campaign_files, campaign_report
from drsim.arguments import UserError
from drsim.console import block, line, long_line
from drsim.program import runnable
from drsim.repeating import Repeater
from drsim.reports.markdown import clock
from drsim.reports.objectives import objectives_in_words
from drsim.reports.text import visible
from drsim.scenarios import explanation, failure, machine
from drsim.scenarios.campaign import Campaign, LedgerCell
from drsim.scenarios.contradiction import BROKEN, Contradiction, in_words, signature
from drsim.scenarios.crashes import Crashed, CrashPoint
from drsim.scenarios.explanation import Difference
from drsim.scenarios.failure import Failure
from drsim.scenarios.files import ScenarioError
from drsim.scenarios.model import Scenario
from drsim.scenarios.narration import Line
from drsim.scenarios.parts import Code
from drsim.scenarios.repeating import NOT_DETERMINISTIC
from drsim.scenarios.result import RunVerdict, instant
from drsim.scenarios.shrink import shrunk_failure
from drsim.simulator.checks.ledger import PHASES
from drsim.simulator.checks.monitor import UNSORTED
from drsim.simulator.durations import plural, show_seconds
from drsim.simulator.errors import RunEndingError
from drsim.simulator.faults.kinds import Fault
from drsim.tiers import running_code
from drsim.trust import Trust
from drsim.watching import Check

Found: TypeAlias = Sequence[tuple[Scenario, Contradiction]]
"""Failures, each with the scenario in which it occurs."""
_GROUPS_SHOWN_MAX: Final = 5
_NEVER_SHOWN_MAX: Final = 4
"""With more names, the ledger is longer than 25 lines of 60 columns."""
_SHRINK_SECONDS: Final = 60.0
_WIDTH_MIN: Final = 60
_STYLES: Final = {"fault": "magenta", "trouble": "red", "look": "dim", "call": "dim", "more": "dim"}
"""How lines of a story look, by kind."""


def show_totals(
    console: Console, scenario: Scenario, campaign: Campaign, seeds_count: int, seconds: float, where: str
) -> None:
    """Print a campaign in which `seeds_count` seeds were run now; `where` is "" if none was left to run."""
    console.print()
    line(console, campaign.verdict, f"{scenario.name}: {campaign.claim()}", bold=True)
    rate = f"{seeds_count / max(seconds, 0.001):.0f} seeds/s"
    ran = f"{plural(seeds_count, 'seed')} in {show_seconds(seconds)}, {rate} {where}"
    block(console, ran if where else "no seed was left to run", indent=2)
    if campaign.recovery_s:
        took = ", ".join(f"{name} {campaign.recovery(q)} s" for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1)))
        overdue, allowed = campaign.recovery_s.total(), show_seconds(scenario.completion_bound_us / 1e6)
        ended = f"{plural(overdue, 'execution')} overdue when healed ended after {took} of {allowed}"
        block(console, ended, indent=2)
    for achieved in objectives_in_words(campaign):
        block(console, f"recovery: {achieved}", indent=2)
    for reason, count in sorted(campaign.unwinnable.items()):
        block(console, f"{plural(count, 'execution')} could not end as DRS's truth demands: {reason}", indent=2)
    for name in campaign.unexercised:
        line(console, "unknown", f"{name}: the scenario declares it, and no seed exercised it", indent=2)
    for (name, what), group in campaign.groups().items():
        seeds = ", ".join(str(each.seed) for each in group[:5])
        more = f" and {len(group) - 5} more" if len(group) > 5 else ""
        line(console, "fail", f"{name}: {plural(len(group), 'seed')} ({seeds}{more})", indent=2)
        block(console, what if group[0].kind != UNSORTED.name else f"expected {group[0].expected}")
        if name == BROKEN:
            block(console, group[0].observed)
    if campaign.fired:
        _show_ledger(console, scenario, campaign)


def _show_ledger(console: Console, scenario: Scenario, campaign: Campaign) -> None:
    """Show each phase of life with the kinds of fault that were injected in it, of those that can be."""
    ledger = campaign.ledger(scenario)
    absent = [fault for fault, cells in ledger.items() if not any(cell.struck for cell in cells.values())]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("  phase", "kinds of fault", "during a poll", "changed an end"):
        table.add_column(name, justify="left" if name.endswith("phase") else "right", no_wrap=True)
    gaps = []
    for phase in PHASES:
        cells = {fault: each[phase] for fault, each in ledger.items() if each[phase].possible}
        counts = [sum(getattr(cell, name) > 0 for cell in cells.values()) for name in LedgerCell._fields[:3]]
        table.add_row(f"  {_phase(phase)}", f"{counts[0]} of {len(cells)}", *(f"{count}" for count in counts[1:]))
        never = [fault for fault, cell in cells.items() if not cell.struck and fault not in absent]
        gaps += [f"never in {_phase(phase)}: {_few(never)}"] if never else []
    console.print()
    block(console, "Kinds of fault that were injected, by the execution's phase of life:", indent=2)
    console.print(table)
    block(console, f"compared with the run without faults: {plural(campaign.compared, 'seed')}", "dim", indent=2)
    if campaign.overdue_seeds:
        share = campaign.overdue_seeds / campaign.seeds_count
        block(console, f"faults met an execution older than its timeout in {share:.0%} of seeds", "dim", indent=2)
    for gap in [f"never injected: {_few(absent)}"] * bool(absent) + gaps:
        block(console, gap, "dim", indent=2)


def _few(faults: Sequence[Fault]) -> str:
    left = len(faults) - _NEVER_SHOWN_MAX
    return ", ".join(faults[:_NEVER_SHOWN_MAX]) + (f" and {left} more" if left > 0 else "")


def _phase(phase: str) -> str:
    return phase.lower().replace("_", " ")


def show_crashes(
    console: Console, name: str, verdict: RunVerdict, points: Sequence[CrashPoint], crashed: Crashed
) -> None:
    console.print()
    covered, violations = crashed.points_count - len(crashed.missed), plural(len(crashed.failures), "violation")
    line(console, verdict, f"{name}: {covered} of {len(points)} crash points covered, {violations}", bold=True)
    calls = sorted({str(point.rule.operation) for point in points})
    block(console, f"before and after each call ({', '.join(calls)}), alone and with a redelivery", indent=2)
    for violated, group in crashed.groups().items():
        example = group[0][0].rule
        line(console, "fail", f"{violated}: {plural(len(group), 'crash point')}, such as {example}", indent=2)
    for rule in crashed.missed[:_GROUPS_SHOWN_MAX]:
        line(console, "unknown", f"never injected: {rule}", indent=2)


def keep_each(console: Console, failures: Found, code: Code, folder: Path, check: Check) -> bool:
    """Shrink the first failures, keep and print them. False if interrupted. Raises OSError, and what `check` does."""
    broken = [each for each in failures if each[1].property == BROKEN][:_GROUPS_SHOWN_MAX]
    others = [each for each in failures if each[1].property != BROKEN]
    left = [f"{found.property}, seed {found.seed}" for _, found in others[_GROUPS_SHOWN_MAX:]]
    try:
        with Repeater() as repeater:
            for scenario, found in [*broken, *others[:_GROUPS_SHOWN_MAX]]:
                check()
                console.print()
                _keep(console, scenario, found, code, folder, repeater)
    except KeyboardInterrupt:
        console.print("  interrupted; failures not shrunk yet are left out")
        return False
    if left:
        console.print()
        block(console, f"not shrunk: {plural(len(left), 'further kind')} of failure ({'; '.join(left)})", indent=2)
    return True


def _keep(
    console: Console, scenario: Scenario, found: Contradiction, code: Code, folder: Path, repeater: Repeater
) -> None:
    name = f"{found.property}, seed {found.seed}"
    for path in campaign_files.failure_paths(folder, found):
        if not path.exists():
            break
        try:
            with running_code(f"{path}"):
                kept = failure.read(path)
                Trust(given=code).check(failure.code_of(kept), path)
                has_changed = failure.has_other_code(kept, code)
                still_fails = not has_changed or failure.replay(kept).outcome == "still fails"
        except (ScenarioError, UserError) as error:
            line(console, "fail", f"{name}, not shrunk: its file exists and cannot be read or run: {error}", bold=True)
            return
        # With --watch, the file may hold an earlier failure of this name: fixed since, or of another property now.
        # A seed may break a property in another way since.
        if not still_fails or kept.signature not in ("", signature(found)):
            continue
        # Other code may be deterministic: this failure is judged again, in the place of the earlier one.
        if has_changed and kept.differing is not None:
            break
        # This campaign kept it before an interruption, or an earlier round. It may have been shrunk further since.
        line(console, "fail", f"{name}, kept before in {path}", bold=True)
        _show_failure(console, kept, path)
        return
    began = machine.wall_seconds()
    if found.property == BROKEN:
        kept, runs_count, trouble = failure.unshrunk(scenario, found, code), 0, "a broken simulation is not shrunk"
    elif differing := repeater.divergence(scenario, found, code):
        kept, runs_count, trouble = failure.unshrunk(scenario, found, code, differing), 0, NOT_DETERMINISTIC
    else:
        kept, runs_count, trouble = shrunk_failure(scenario, found, code=code, seconds_max=_SHRINK_SECONDS)
    kept = kept.model_copy(update={"signature": signature(found)})
    failure.write(kept, path)
    how = f"shrunk in {show_seconds(machine.wall_seconds() - began)} ({plural(runs_count, 'run')})"
    line(console, "fail", f"{name}, {f'kept as it was found: {trouble}' if trouble else how}", bold=True)
    (_show_end if trouble else _show_failure)(console, kept, path)


def _show_failure(console: Console, kept: Failure, path: Path) -> None:
    block(console, campaign_report.size_of(kept.scenario), indent=2)
    for rule in kept.scenario.faults:
        block(console, f"{rule}")
    difference = None
    try:
        lines, difference = explanation.story(kept), explanation.difference(kept)
    except (Exception, RunEndingError) as error:
        long_line(console, f"  no story: {in_words(error)}")
    else:
        _show_story(console, kept, lines)
    _show_end(console, kept, path, difference)


def _show_story(console: Console, kept: Failure, lines: Sequence[Line]) -> None:
    """Print each line beside its virtual time and its time of day."""
    for each in lines:
        at = clock(instant(kept.scenario.epoch_us + each.at_us))
        _hanging(console, f"{each.at_us / 1e6:>13.3f} s  {at}  ", each.text, _STYLES.get(each.kind, ""))


def _hanging(console: Console, head: str, text: str, style: str = "") -> None:
    """Print text that is wrapped right of its head."""
    width = max(console.width, _WIDTH_MIN)
    lines = textwrap.wrap(head + visible(text), width, subsequent_indent=" " * len(head), break_on_hyphens=False)
    long_line(console, "\n".join(lines), style)


def _show_end(console: Console, kept: Failure, path: Path, difference: Difference | None = None) -> None:
    _hanging(console, "    expected  ", kept.expected, "bold")
    _hanging(console, "    observed  ", kept.observed, "bold")
    if kept.differing is not None:
        console.print("  its handlers are not deterministic, and two runs of it first differ here:")
        long_line(console, f"    first   {kept.differing.first}")
        long_line(console, f"    second  {kept.differing.second}")
    if difference is not None:
        long_line(console, f"  {difference.passing} passes; they first differ here:")
        _hanging(console, "    fails   ", difference.fails)
        _hanging(console, "    passes  ", difference.passes)
    long_line(console, f"  replay  {runnable(shlex.join(['drsim', 'replay', str(path)]))}")


def replayed(console: Console, path: Path, parts: str | None, trust: Trust, *, with_story: bool = True) -> str:
    """Run a saved failure again, print its outcome, and return it. Raises ScenarioError, and UserError for its code."""
    kept = failure.read(path)
    if parts is None:
        trust.check(failure.code_of(kept), path)
    answer = failure.replay(kept, parts)
    verdict = "pass" if answer.outcome == "fixed" else "fail"
    line(console, verdict, f"{answer.outcome}: {answer.detail}", bold=True)
    long_line(console, f"  failure  {path}")
    if answer.outcome == "still fails" and with_story:
        shown = kept if parts is None else kept.model_copy(update={"parts": parts, "functions": None})
        _show_failure(console, shown, path)
    return answer.outcome


def shrunk_again(console: Console, path: Path, trust: Trust) -> bool:
    """Make a saved failure smaller, in its place. A file that a person has edited stays, and a new one is written.

    False if it no longer fails. Raises ScenarioError, OSError, and UserError for its code.
    """
    kept = failure.read(path)
    trust.check(failure.code_of(kept), path)
    if failure.replay(kept).outcome == "fixed":
        line(console, "pass", f"{path}: fixed, there is nothing to shrink", bold=True)
        return False
    code = failure.code_of(kept)
    # Comments are not in the data. drsim's own text has none.
    is_own = path.read_text(encoding="utf-8") == failure.in_yaml(kept)
    place = path if is_own else next(each for each in campaign_files.numbered(path) if not each.exists())
    with Repeater() as repeater:
        differing = repeater.divergence(kept.scenario, kept, code)
    if differing:
        kept = kept.model_copy(update={"digest": "", "differing": differing})
        failure.write(kept, place)
        line(console, "fail", f"{place}: {kept.property}, not shrunk: {NOT_DETERMINISTIC}", bold=True)
        _show_end(console, kept, place)
        return True
    smaller, runs_count, trouble = shrunk_failure(kept.scenario, kept, code=code, seconds_max=_SHRINK_SECONDS)
    if trouble:
        line(console, "fail", f"{path}: {kept.property}, left as it is: {trouble}", bold=True)
        return True
    smaller = smaller.model_copy(update={"signature": kept.signature})
    failure.write(smaller, place)
    line(console, "fail", f"{place}: {kept.property}, shrunk ({plural(runs_count, 'run')})", bold=True)
    if not is_own:
        long_line(console, f"  {path} stays: it has comments or other changes of yours")
    _show_failure(console, smaller, place)
    return True
