"""Findings in words: their titles, how often they occurred, and those of several runs merged by meaning."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, get_args

from drsim.scenarios.record import ConsequenceName, FindingRecord
from drsim.scenarios.result import Result
from drsim.simulator.durations import plural

_RANKS: Final = {name: rank for rank, name in enumerate(get_args(ConsequenceName))}


_WRITES: Final = frozenset(
    ("put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items", "execute_statement")
)


class MergedFinding(NamedTuple):
    """One finding in several runs: that of the first `result` with it at the top, and its violations by scenario.

    `runs` has the first run of each scenario with it.
    """

    finding: FindingRecord
    result: Result
    counts: dict[str, int]
    runs: dict[str, Result]


def title(finding: FindingRecord) -> str:
    """The property and the kind, with the attribute or operation: "no-lost-update: overwritten, Hostname"."""
    where = f", {finding.where}" if finding.where else ""
    return f"{finding.property}: {finding.kind}{where}"


def extent(finding: FindingRecord) -> str:
    """How often it occurred: "2 executions, 5 times"."""
    times = plural(finding.count, "time")
    if not finding.executions:
        return times
    if finding.at_least:
        return f"{finding.executions:,} or more executions, {times}"
    return f"{plural(finding.executions, 'execution')}, {times}"


def culprit(finding: FindingRecord) -> str:
    """The line of the handler's file, or the function if no line is known; "" if no function did it.

    A write shows what the function had decided before.
    """
    is_write = finding.place.rpartition(" ")[2] in _WRITES
    return f"written at {finding.place}" if is_write else finding.place or finding.function


def summary(finding: FindingRecord) -> str:
    """The finding on one line."""
    return f"{title(finding)} ({extent(finding)}) {culprit(finding)}".rstrip()


def each_of(findings: Iterable[FindingRecord]) -> list[FindingRecord]:
    """All findings in order, each before those that follow from it."""
    return [found for finding in findings for found in (finding, *finding.followers)]


def merged(results: Sequence[Result]) -> list[MergedFinding]:
    """Return the findings of several runs by meaning: by consequence, those of most scenarios first.

    A finding that follows from another in each of its runs is left out.
    """
    found: dict[tuple[str, str, str, str], MergedFinding] = {}
    for result in results:
        for each in result.findings:
            found.setdefault(_meaning(each), MergedFinding(each, result, {}, {}))
    for result in results:
        for each in each_of(result.findings):
            if each_merged := found.get(_meaning(each)):
                counts = each_merged.counts
                counts[result.scenario] = counts.get(result.scenario, 0) + each.count
                each_merged.runs.setdefault(result.scenario, result)
    return sorted(found.values(), key=lambda each: (_RANKS[each.finding.consequence], -len(each.counts)))


def _meaning(finding: FindingRecord) -> tuple[str, str, str, str]:
    return finding.property, finding.kind, finding.function, finding.where
