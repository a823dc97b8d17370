"""The summary of a campaign on the terminal: the claim, the rate, the ledger of faults and the groups of failures."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from drsim.console import block, duration, line, plural
from drsim.failures import GROUPS_SHOWN_MAX
from drsim.scenarios.campaign import Campaign
from drsim.scenarios.contradiction import BROKEN
from drsim.scenarios.crashes import Crashed, CrashPoint
from drsim.scenarios.model import Scenario
from drsim.scenarios.result import RunVerdict
from drsim.simulator.checks.ledger import PHASES


def show(
    console: Console, scenario: Scenario, campaign: Campaign, seeds_count: int, seconds: float, where: str
) -> None:
    """Print a campaign in which `seeds_count` seeds were run now; `where` is "" if none was left to run."""
    console.print()
    line(console, campaign.verdict, f"{scenario.name}: {campaign.claim()}", bold=True)
    rate = f"{seeds_count / max(seconds, 0.001):.0f} seeds/s"
    ran = f"{plural(seeds_count, 'seed')} in {duration(seconds)}, {rate} {where}"
    console.print(f"  {ran if where else 'no seed was left to run'}")
    if campaign.recovery_s:
        took = ", ".join(f"{name} {campaign.recovery(q)} s" for name, q in (("p50", 0.5), ("p99", 0.99), ("max", 1)))
        overdue, allowed = campaign.recovery_s.total(), duration(scenario.bounds.completion / 1e6)
        console.print(f"  {plural(overdue, 'execution')} overdue when healed ended after {took} of {allowed}")
    for reason, count in sorted(campaign.unwinnable.items()):
        console.print(Text(f"  {plural(count, 'execution')} could not end as DRS's truth demands: {reason}"))
    if campaign.fired:
        _show_ledger(console, scenario, campaign)
    for name in campaign.unexercised:
        line(console, "unknown", f"{name}: the scenario declares it, and no seed exercised it", indent=2)
    for (name, expected), group in campaign.groups().items():
        seeds = ", ".join(str(each.seed) for each in group[:5])
        more = f" and {len(group) - 5} more" if len(group) > 5 else ""
        line(console, "fail", f"{name}: {plural(len(group), 'seed')} ({seeds}{more})", indent=2)
        block(console, f"expected {expected}")
        if name == BROKEN:
            block(console, group[0].observed)


def _show_ledger(console: Console, scenario: Scenario, campaign: Campaign) -> None:
    ledger = campaign.ledger(scenario)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    table.add_column("  fault", no_wrap=True)
    for phase in PHASES:
        table.add_column(_in_words(phase), justify="right")
    for fault, cells in ledger.items():
        counts = [f"{cell.struck}/{cell.met_poll}/{cell.changed}" if cell.struck else "-" for cell in cells.values()]
        table.add_row(f"  {fault}", *counts)
    console.print("\n  injected / during a running poll / outcome changed", end=" ")
    console.print(f"(of {campaign.compared} seeds\n  that also ran without faults); executions by their phase of life")
    console.print(table)
    if campaign.overdue_seeds:
        share = campaign.overdue_seeds / campaign.seeds_count
        console.print(f"  faults met an execution older than its timeout in {share:.0%} of seeds")
    for count, met in (("struck", "met"), ("met_poll", "met a running poll")):
        for fault, cells in ledger.items():
            if never := [phase for phase, cell in cells.items() if cell.possible and not getattr(cell, count)]:
                console.print(Text(f"  {fault} never {met}: {', '.join(map(_in_words, never))}", "dim"))
    console.print()


def _in_words(phase: str) -> str:
    return phase.lower().replace("_", " ")


def show_crashes(
    console: Console, name: str, verdict: RunVerdict, points: Sequence[CrashPoint], crashed: Crashed
) -> None:
    """Print the outcome of a scenario's crash points."""
    console.print()
    covered, violations = crashed.points_count - len(crashed.missed), plural(len(crashed.failures), "violation")
    line(console, verdict, f"{name}: {covered} of {len(points)} crash points covered, {violations}", bold=True)
    calls = sorted({str(point.rule.operation) for point in points})
    console.print(f"  before and after each call ({', '.join(calls)}), alone and with a redelivery")
    for violated, group in crashed.groups().items():
        example = group[0][0].rule
        line(console, "fail", f"{violated}: {plural(len(group), 'crash point')}, such as {example}", indent=2)
    for rule in crashed.missed[:GROUPS_SHOWN_MAX]:
        line(console, "unknown", f"never injected: {rule}", indent=2)
