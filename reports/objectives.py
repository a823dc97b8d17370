"""Recovery times against their objectives, as the words and rows of reports. `figures` has the plots."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from drsim.scenarios.campaign import Campaign
from drsim.scenarios.record import ObjectiveRecord
from drsim.scenarios.result import Result
from drsim.simulator.durations import plural, show_seconds

WHOLE: Final = "Execution"
"""How reports name the row of whole executions."""


class AchievedRow(NamedTuple):
    """The line of whole executions, or of one wave, in a table, as texts; "-" where there is no value."""

    name: str
    objective: str
    p50: str
    p95: str
    max: str
    missed: str
    unrecovered: str
    own: str
    rpo: str


def took(seconds: float | None) -> str:
    """A recovery time for people: 22m 1s; "-" without one."""
    return "-" if seconds is None else show_seconds(seconds)


def name_of(record: ObjectiveRecord) -> str:
    return record.wave or WHOLE


def row_of(record: ObjectiveRecord) -> AchievedRow:
    times, own = record.times, record.own
    judged = times is not None and record.objective is not None
    return AchievedRow(
        name=name_of(record),
        objective=took(record.objective),
        p50=took(times.p50 if times else None),
        p95=took(times.p95 if times else None),
        max=took(times.max if times else None),
        missed=f"{record.missed:,} of {times.count:,}" if times and judged else "-",
        unrecovered=", ".join(f"{count:,} {what}" for what, count in record.unrecovered.items()) or "-",
        own=took(own.p95 if own else None),
        rpo=took(record.rpo.p95 if record.rpo else None),
    )


def sentence(record: ObjectiveRecord, records: Iterable[ObjectiveRecord] = ()) -> str:
    """Executions in one line: p95 22m 1s, max 22m 1s; 0 of 100 missed 25m. `records` are those of all waves."""
    row = row_of(record)
    p50 = f"p50 {row.p50}, " if record.objective is None else ""
    achieved = f"{p50}p95 {row.p95}, max {row.max}" if record.times and record.times.count > 1 else row.p95
    judged = without_objective(records) if record.objective is None else f"{row.missed} missed {row.objective}"
    return f"{achieved}; {judged}{open_at_end(record)}"


def open_at_end(record: ObjectiveRecord) -> str:
    """How many of the times count to the end of the run, since no end was recorded; "" if none does."""
    return f"; {record.still_open:,} still open when the run ended" if record.still_open else ""


def without_objective(records: Iterable[ObjectiveRecord]) -> str:
    """What whole executions without an objective have, beside the waves that may have one."""
    waves = sum(each.objective is not None for each in records)
    have = "has" if waves == 1 else "have"
    return (
        f"objective: none for whole executions; {plural(waves, 'wave')} {have} one" if waves else "no objective is set"
    )


def recovery_facts(result: Result) -> dict[str, str]:
    """What whole executions, and waves with an objective, achieved, in seconds, for formats of name and value."""
    facts: dict[str, str] = {}
    for record in result.objectives:
        name = f"recovery {name_of(record)}"
        if record.times and (record.objective is not None or not record.wave):
            facts[f"{name} p95 seconds"] = f"{record.times.p95:.3f}"
            facts[f"{name} max seconds"] = f"{record.times.max:.3f}"
        if record.objective is not None:
            facts[f"{name} objective seconds"] = f"{record.objective:.3f}"
            facts[f"{name} missed"] = str(record.missed)
    return facts


def objectives_in_words(campaign: Campaign) -> Iterator[str]:
    """For each objective: Execution: 2 of 40 seeds missed 25m; worst p95 26m 3s (seed 17)."""
    for wave, each in sorted(campaign.objectives.items()):
        seeds = f"{each.seeds_missed:,} of {each.seeds:,} seeds missed {took(each.objective_s)}"
        recoveries = f" ({each.missed:,} of {each.recoveries:,} recoveries)" if each.missed else ""
        yield f"{wave or WHOLE}: {seeds}{recoveries}; worst p95 {took(each.worst_s)} (seed {each.worst_seed})"
