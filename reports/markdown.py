"""`report.md`: the twelve sections of the Phase 2 report, filled from one run's result.

Owns how a figure is written. The template owns the words; neither holds a figure of its own.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from reports.phase_2 import CRITERIA, FIGURES
from scenarios.result import Result, TickRecord

_SIGNS = {"pass": "✅ PASS", "fail": "❌ FAIL", "not exercised": "➖ not exercised", "unknown": "❔ UNKNOWN"}


class Period(NamedTuple):
    """Ticks in a row that saw the same."""

    first: str
    last: str
    ticks: int
    found: int
    polled: int


def render(result: Result) -> str:
    """The report of one run, as GitHub-flavoured Markdown."""
    environment = Environment(
        loader=PackageLoader("reports"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: "-" if value is None else value,
        # Markdown, not HTML: what a run brings in is escaped by `cell`.
        autoescape=False,
    )
    environment.filters |= {"cell": cell, "clock": clock, "number": number}
    template = environment.get_template("report.md.j2")
    text = template.render(
        run=result,
        metrics=result.metrics,
        counts=_Counts(result.metrics.counts),
        configuration=result.metrics.configuration,
        phase_2=FIGURES,
        phase_2_criteria=CRITERIA,
        periods=list(periods(result.metrics.ticks)),
        cadence_sentence=cadence_sentence(result),
        sign=_SIGNS.__getitem__,
        span=partial(span, result),
        property=lambda name: next(each for each in result.properties if each.name == name),
        figure=result.metrics.distributions.get,
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def cadence_sentence(result: Result) -> str:
    """What the distance between looks makes of the intervals: "One look a minute makes the 15 ... s intervals 60 s"."""
    cadence = sorted(result.metrics.cadence, key=lambda each: each.configured)
    every = result.metrics.look_every
    looks = "One look a minute" if every == 60 else f"One look every {number(every)} s"
    configured = _listed([number(each.configured) for each in cadence])
    effective = [number(each.effective) for each in cadence]
    same = len(set(effective)) == 1
    return f"{looks} makes the {configured} s intervals {effective[0] if same else _listed(effective)} s in effect."


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


class _Counts(dict[str, int]):
    """Counts by name; what never happened is 0."""

    def __missing__(self, name: str) -> int:
        return 0


def periods(ticks: tuple[TickRecord, ...]) -> Iterator[Period]:
    """Ticks in a row that found and polled the same number of executions, as one line."""
    for (found, polled), group in groupby(ticks, key=lambda tick: (tick.found, tick.polled)):
        members = list(group)
        yield Period(clock(members[0].at)[:5], clock(members[-1].at)[:5], len(members), found, polled)


def span(result: Result, *names: str) -> str | None:
    """The range of one or more distributions: "5.1-9.4 ms (p50 6.9, p99 9.4; 26 values)". None if there is no value."""
    found = [result.metrics.distributions[name] for name in names if name in result.metrics.distributions]
    if not found:
        return None
    low, high = min(each.min for each in found), max(each.max for each in found)
    count = sum(each.count for each in found)
    unit, scale = (found[0].unit, 1) if found[0].unit != "ms" or high < 10_000 else ("s", 1000)
    values = f"{count} value{'' if count == 1 else 's'}"
    if low == high:
        return f"{number(low / scale)} {unit} ({values})"
    text = f"{number(low / scale)}-{number(high / scale)} {unit}"
    if len(found) > 1:
        return f"{text} ({values})"
    return f"{text} (p50 {number(found[0].p50 / scale)}, p99 {number(found[0].p99 / scale)}; {values})"


def number(value: float) -> str:
    """A figure with as many digits as it deserves: 60000, 115.3, 59.98, 0.25."""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def clock(instant: str) -> str:
    """The time of day of an ISO instant: 20:32:29."""
    return instant[11:19]


def cell(text: object) -> str:
    """Any text as the content of a table's cell: it cannot end the cell, begin HTML or start a line."""
    escaped = str(text).replace("\\", "\\\\").replace("|", "\\|").replace("`", "'")
    return " ".join(escaped.replace("&", "&amp;").replace("<", "&lt;").split())
