"""Recovery times of two sides beside their objectives."""

from collections.abc import Iterator, Sequence

from drsim.reports.objectives import name_of, took
from drsim.scenarios.record import ObjectiveRecord
from drsim.scenarios.result import Result


def recoveries(a: Sequence[Result], b: Sequence[Result]) -> Iterator[tuple[str, str | None, str | None]]:
    """For executions, then each wave: what each side achieved of its objective; None where nothing recovered."""
    sides = [_by_name(runs) for runs in (a, b)]
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        before, after = (_achieved(side[name]) if name in side else None for side in sides)
        yield name, before, after


def _by_name(runs: Sequence[Result]) -> dict[str, list[ObjectiveRecord]]:
    found: dict[str, list[ObjectiveRecord]] = {}
    for run in runs:
        for record in run.objectives:
            if record.times:
                found.setdefault(name_of(record), []).append(record)
    return found


def _achieved(records: Sequence[ObjectiveRecord]) -> str:
    """One side in words; of several runs, the p95 of the worst one."""
    worst = max(record.times.p95 for record in records if record.times)
    count = sum(record.times.count for record in records if record.times)
    p95 = f"p95 {took(worst)}" + (" in the worst run" if len(records) > 1 else "")
    objectives = list(dict.fromkeys(record.objective for record in records))
    if objectives == [None]:
        return f"{p95}, no objective"
    allowed = " and ".join("none" if each is None else took(each) for each in objectives)
    return f"{p95} of {allowed}, {sum(record.missed for record in records):,} of {count:,} missed"
