"""`report.md`: the twelve sections of the Phase 2 report, filled from one run's result.

Owns how a figure is written, and what is left out of a report that would be too long. The templates own the words;
neither holds a figure of its own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import groupby
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from drsim.reports import phase_2
from drsim.reports.capacity import about, note
from drsim.reports.metrics import STATISTICS
from drsim.reports.sections import TITLES, Document, Section, render_sections, troubles
from drsim.reports.text import visible
from drsim.scenarios.result import Result, TickRecord, WidgetLine
from drsim.simulator.figures.table import FIGURES

SIGNS: Final[Mapping[str, str]] = {
    "pass": "✅ PASS",
    "fail": "❌ FAIL",
    "not exercised": "➖ not exercised",
    "unknown": "❔ UNKNOWN",
}
"""How each verdict is written."""

# GitHub takes a step summary of 1 MiB. Source: GitHub Docs, workflow commands, job summaries, 2026-11.
BYTES_MAX: Final = 900_000
_ROWS_MAX: Final = (60, 20, 5, 1)
_LOWEST_VALUE_FIRST: Final = (
    "environment",
    "logging",
    "security",
    "infrastructure",
    "integration",
    "poller",
    "finder",
    "cloudwatch",
    "limitations",
    "performance",
    "errors",
    "acceptance",
    "summary",
)


class Period(NamedTuple):
    """Ticks in a row that saw the same."""

    first: str
    last: str
    ticks: int
    found: int
    polled: int


def render(result: Result) -> str:
    """The text of `document`, for callers that have no use for its troubles."""
    return document(result).text


def document(result: Result, bytes_max: int = BYTES_MAX) -> Document:
    """The report of one run, as GitHub-flavoured Markdown of less than `bytes_max` bytes in UTF-8.

    Of a report that would be longer, first the tables end sooner, then whole sections are left out, those of least
    value first; it says so. The troubles are the sections that could not be written.
    """
    whole, *shorter = _ROWS_MAX
    written, left_out = sections(result, whole), []
    text = _assembled(result, written, bytes_max, ())
    for rows_max in shorter:
        if _fits(text, bytes_max):
            break
        written, tables = (
            sections(result, rows_max),
            f"long tables end after {rows_max} row{'s' if rows_max > 1 else ''}",
        )
        text = _assembled(result, written, bytes_max, (tables,))
    for name in _LOWEST_VALUE_FIRST:
        if _fits(text, bytes_max):
            break
        written = [each._replace(text="Left out, see above.\n") if each.name == name else each for each in written]
        left_out += [each.title for each in written if each.name == name]
        text = _assembled(result, written, bytes_max, (tables, f"left out: {', '.join(left_out)}"))
    return Document(text, troubles(written))


def sections(result: Result, rows_max: int = _ROWS_MAX[0], *, signs: Mapping[str, str] = SIGNS) -> list[Section]:
    """The executive summary and the twelve sections, as Markdown; long tables end after `rows_max` rows.

    `signs` says how each verdict is written.
    """
    metrics = result.metrics
    context = {
        "run": result,
        "metrics": metrics,
        "counts": _Counts(metrics.counts),
        "configuration": metrics.configuration,
        "phase_2": phase_2.TEXTS,
        "phase_2_criteria": phase_2.CRITERIA,
        "figure_table": FIGURES,
        "rows_of": lambda *names: [_row(result, name) for name in names],
        "periods": lambda: list(periods(metrics.ticks)),
        "cadence_sentence": partial(cadence_sentence, result),
        "capacity": lambda: note(result.capacity),
        "unexercised": lambda: [each.name for each in result.criteria if each.verdict == "not exercised"],
        "span": partial(span, result),
        "values_of": partial(values_of, result),
        "property": {each.name: each for each in result.properties}.__getitem__,
        "figure": metrics.distributions.get,
        "sign": signs.__getitem__,
    }
    titles = {"summary": "Executive Summary"} | dict(TITLES)
    return render_sections(_environment(rows_max), "markdown/{}.md.j2", context, titles)


def _assembled(result: Result, written: Sequence[Section], bytes_max: int, shortened: Sequence[str]) -> str:
    template = _environment(_ROWS_MAX[0]).get_template("markdown/report.md.j2")
    text = template.render(
        run=result,
        configuration=result.metrics.configuration,
        sections=written,
        troubles=troubles(written),
        shortened=shortened,
        bytes_max=bytes_max,
    )
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def _fits(text: str, bytes_max: int) -> bool:
    return len(text.encode()) < bytes_max


@cache
def _environment(rows_max: int) -> Environment:
    """The templates' environment, kept, since to compile them takes longer than to render them."""
    environment = Environment(
        loader=PackageLoader("drsim.reports"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: "-" if value is None else value,
        # Markdown, not HTML: what a run brings in is escaped by `cell` and `code`.
        autoescape=False,
    )
    environment.filters |= {
        "cell": cell,
        "code": code,
        "clock": clock,
        "number": number,
        "about": about,
        "head": lambda rows: rows[:rows_max],
    }
    environment.globals["sign"] = SIGNS.__getitem__
    return environment


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


def _row(result: Result, name: str) -> tuple[str, str, str | int | None, str]:
    """Return the title, the value of Phase 2, that of the run and the basis of a figure; None without a value."""
    figure = FIGURES[name]
    value = span(result, name) if figure.unit else result.metrics.counts.get(name, 0)
    return figure.title, figure.phase_2, value, figure.basis


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


def values_of(result: Result, line: WidgetLine) -> list[float]:
    """What a line of the dashboard shows, minute by minute; none where its metric got no value."""
    if line.metric is None:
        return []
    value = STATISTICS[line.statistic]
    return [value(minute) for minute in result.metrics.cloudwatch[line.metric].minutes]


def number(value: float) -> str:
    """A figure with as many digits as it deserves: 60000, 115.3, 59.98, 0.25."""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def clock(instant: str) -> str:
    """The time of day of an ISO instant: 20:32:29."""
    return instant[11:19]


def cell(text: object) -> str:
    """Any text as the content of a table's cell or of a line: it stays text, in its place, and has an end.

    It can begin no HTML, link, picture, code or emphasis, end no cell, and start no list, heading or quotation. Nor
    does GitHub make a link of an address, a mention of a name or a reference of a number: it looks for these in the
    text as it is shown, where an escape does not help, but in no code, so the sign that makes one is shown as code:
    a`@`b.example.
    """
    escaped = re.sub(
        r"(?P<sign>(?:@(?=[\w-])|#(?=\d)|(?<=[wW]{3})\.|:(?=//)|(?<=[gG][hH])-(?=\d))+)"
        r"|[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])|^[#>+-](?=[#>+\- ])|(?<=^\d)[.)](?= )",
        lambda found: f"`{found.group()}`" if found["sign"] else f"\\{found.group()}",
        visible(text),
    )
    return escaped.replace("&", "&amp;").replace("<", "&lt;")


def code(text: object, *, in_table: bool = True) -> str:
    """Any text as code, "-" if there is none. In a table, a text with a bar is not: there, readers disagree."""
    shown = visible(text)
    if not shown:
        return "-"
    if in_table and "|" in shown:
        return cell(text)
    ticks = re.findall("`+", shown)
    fence, space = "`" * (1 + max(map(len, ticks), default=0)), " " if ticks else ""
    return f"{fence}{space}{shown}{space}{fence}"
