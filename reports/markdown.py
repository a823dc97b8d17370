"""`report.md`: the twelve sections of the Phase 2 report, filled from one run's result.

Owns how a figure is written, and what a report that would be too long leaves out. The templates own the words.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from itertools import groupby
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from drsim.reports import findings, objectives
from drsim.reports.capacity import note
from drsim.reports.compiled import CompiledTemplates
from drsim.reports.first_screen import first_screen, idle_line, passed_line
from drsim.reports.sections import TITLES, Document, Section, render_sections, troubles
from drsim.reports.text import plain, visible
from drsim.scenarios.metric_records import Minute, WidgetLine
from drsim.scenarios.result import Result, TickRecord
from drsim.simulator.durations import MINUTES_FROM, about, number, plural, show_seconds
from drsim.simulator.figures.table import FIGURES, parts_named

SIGNS: Final = {
    "pass": "✅ PASS",
    "degraded": "⚠️ PASS, degraded",
    "fail": "❌ FAIL",
    "not exercised": "➖ not exercised",
    "unknown": "❔ UNKNOWN",
}
"""How each verdict and outcome is written."""

STATISTICS: Final[Mapping[str, Callable[[Minute], float]]] = {
    "Sum": lambda minute: minute.sum,
    "Maximum": lambda minute: minute.max,
    "Minimum": lambda minute: minute.min,
    "Average": lambda minute: minute.sum / minute.samples,
    "SampleCount": lambda minute: minute.samples,
    "p50": lambda minute: minute.p50,
    "p99": lambda minute: minute.p99,
}
"""How CloudWatch computes each statistic from the values of one minute."""

# GitHub accepts a step summary of 1 MiB. Source: GitHub Docs, workflow commands, job summaries, 2026-11.
BYTES_MAX: Final = 900_000
ROWS_MAX: Final = 60
_FEWER_ROWS: Final = (20, 5, 1)
_LOWEST_VALUE_FIRST: Final = (
    *("environment", "logging", "security", "infrastructure", "integration", "poller", "finder", "cloudwatch"),
    *("limitations", "performance", "errors", "acceptance", "summary"),
)


def render(result: Result) -> str:
    """The text of `document`, for callers that need no troubles."""
    return document(result).text


def document(result: Result, bytes_max: int = BYTES_MAX) -> Document:
    """The report of one run, as GitHub-flavoured Markdown of less than `bytes_max` bytes in UTF-8.

    A report that would be longer first gets shorter tables, then loses whole sections, those of least value first; it
    says so. The troubles are the sections that could not be written.
    """
    template = environment().get_template("markdown/report.md.j2")
    for written, shortened in _shorter_and_shorter(result):
        failed = troubles(written)
        text = template.render(
            run=result,
            configuration=result.metrics.configuration,
            degraded=first_screen(result).degraded,
            sections=written,
            troubles=failed,
            shortened=shortened,
            bytes_max=bytes_max,
        )
        text = re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"
        if len(text.encode()) < bytes_max:
            break
    return Document(text, failed)


def _shorter_and_shorter(result: Result) -> Iterator[tuple[list[Section], tuple[str, ...]]]:
    """The sections of the whole report, then of shorter ones, each with a list of what was shortened."""
    yield sections(result), ()
    for rows_max in _FEWER_ROWS:
        written, tables = sections(result, rows_max), f"long tables end after {rows_max} row{'s' * (rows_max > 1)}"
        yield written, (tables,)
    left_out: list[str] = []
    for name in _LOWEST_VALUE_FIRST:
        left_out += [each.title for each in written if each.name == name]
        written = [each._replace(text="Left out, see above.\n") if each.name == name else each for each in written]
        yield written, (tables, f"left out: {', '.join(left_out)}")


def sections(
    result: Result, rows_max: int = ROWS_MAX, *, signs: Mapping[str, str] = SIGNS, has_first_screen: bool = False
) -> list[Section]:
    """The findings, if there are any, the executive summary and the twelve sections as Markdown, with shortened tables.

    Verdicts are written as in `signs`. The summary leaves out what a first screen and its tiles show, if there is one.
    """
    metrics, first = result.metrics, cache(partial(first_screen, result))
    context = {
        "run": result,
        "metrics": metrics,
        "counts": Counter(metrics.counts),
        "configuration": metrics.configuration,
        "figure_table": FIGURES,
        "rows_of": lambda *names: [_row(result, name) for name in names],
        "periods": lambda: list(_periods(metrics.ticks)),
        "capacity": lambda: note(result.capacity, is_ours=result.is_ours),
        "first": first,
        "has_first_screen": has_first_screen,
        "passed_line": lambda: passed_line(first(), result),
        "idle_line": lambda: idle_line(first(), result),
        "unexercised": lambda: [each.name for each in result.criteria if each.verdict == "not exercised"],
        "span": partial(span, result),
        "values_of": partial(values_of, result),
        "property": {each.name: each for each in result.properties}.__getitem__,
        "figure": metrics.distributions.get,
        "sign": signs.__getitem__,
    }
    titles = ({"findings": "Findings"} if result.findings else {}) | {"summary": "Executive Summary"} | TITLES
    return render_sections(environment(rows_max), "markdown/{}.md.j2", context, titles)


@cache
def environment(rows_max: int = ROWS_MAX) -> Environment:
    """The environment of templates for Markdown, kept, since compiling them takes longer than rendering them."""
    found = Environment(
        loader=PackageLoader("drsim.reports"),
        bytecode_cache=CompiledTemplates(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_written,
        # Markdown, not HTML: what a run brings in is escaped by `cell` and `code`.
        autoescape=False,
    )
    found.filters |= {"cell": cell, "code": code, "fenced": fenced, "clock": clock, "number": number, "about": about}
    found.filters |= {"title": findings.title, "extent": findings.extent, "culprit": findings.culprit}
    found.filters |= {"indented": indented, "duration": show_seconds, "plural": plural}
    found.filters |= {"took": objectives.took, "achieved": objectives.row_of, "recovered": objectives.sentence}
    found.filters["recovery_parts"] = parts_named
    found.filters["head"] = lambda rows: rows[:rows_max]
    found.globals |= {"sign": SIGNS.__getitem__}
    return found


def _written(value: object) -> object:
    """What an expression of a template writes: figures with separators. A seed is no figure; write it as `| string`."""
    if value is None:
        return "-"
    return number(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _row(result: Result, name: str) -> tuple[str, str, str | int | None, str]:
    """Return the title, the value of Phase 2, that of the run and the basis of a figure; None without a value."""
    figure = FIGURES[name]
    value = span(result, name) if figure.unit else result.metrics.counts.get(name, 0)
    return figure.title, figure.phase_2, value, figure.basis


def _periods(ticks: tuple[TickRecord, ...]) -> Iterator[tuple[str, str, int, int, int]]:
    """Ticks in a row that found and polled the same numbers of executions: first, last, ticks, found, polled."""
    for (found, polled), group in groupby(ticks, key=lambda tick: (tick.found, tick.polled)):
        instants = [clock(tick.at)[:5] for tick in group]
        yield instants[0], instants[-1], len(instants), found, polled


def span(result: Result, *names: str) -> str | None:
    """The range of one or more distributions: "5.1-9.4 ms (p50 6.9, p99 9.4; 26 values)". None if there is no value."""
    found = [result.metrics.distributions[name] for name in names if name in result.metrics.distributions]
    if not found:
        return None
    low, high = min(each.min for each in found), max(each.max for each in found)
    values = plural(sum(each.count for each in found), "value")
    unit, scale = (found[0].unit, 1) if found[0].unit != "ms" or high < 10_000 else ("s", 1000)
    in_minutes = unit == "s" and high / scale >= MINUTES_FROM
    after = "" if in_minutes else f" {unit}"

    def write(value: float) -> str:
        return show_seconds(value / scale) if in_minutes else number(value / scale)

    if write(low) == write(high):
        return f"{write(low)}{after} ({values})"
    text = f"{write(low)}-{write(high)}{after}"
    if len(found) > 1:
        return f"{text} ({values})"
    return f"{text} (p50 {write(found[0].p50)}, p99 {write(found[0].p99)}; {values})"


def values_of(result: Result, line: WidgetLine) -> list[float]:
    """The values of a line of the dashboard, for each minute in which its metric has one."""
    if line.metric is None:
        return []
    return [STATISTICS[line.statistic](minute) for minute in result.metrics.cloudwatch[line.metric].minutes]


def clock(instant: str) -> str:
    """The time of day of an ISO instant: 20:32:29."""
    return instant[11:19]


def cell(text: object) -> str:
    """Any text, shortened, as plain text in a table's cell or in a line: Markdown in it has no effect.

    GitHub also links addresses, mentions and references. It finds them after unescaping, but not in code, so their
    signs are shown as code: a`@`b.example.
    """
    escaped = re.sub(
        r"(?P<sign>(?:@(?=[\w-])|#(?=\d)|(?<=[wW]{3})\.|:(?=//)|(?<=[gG][hH])-(?=\d))+)"
        r"|[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])|^[#>+-](?=[#>+\- ])|(?<=^\d)[.)](?= )",
        lambda found: f"`{found.group()}`" if found["sign"] else f"\\{found.group()}",
        visible(text),
    )
    return escaped.replace("&", "&amp;").replace("<", "&lt;")


def code(text: object, *, in_table: bool = True) -> str:
    """Any text as code, "-" if there is none. In a table, text with a bar is a cell, since renderers disagree on it."""
    shown = visible(text)
    if not shown:
        return "-"
    if in_table and "|" in shown:
        return cell(text)
    ticks = re.findall("`+", shown)
    fence, space = "`" * (1 + max(map(len, ticks), default=0)), " " if ticks else ""
    return f"{fence}{space}{shown}{space}{fence}"


def indented(text: str) -> str:
    """Any text of several lines as a block of code; an indented block has no end that the text could contain."""
    return "\n".join(f"    {plain(line)}" for line in text.split("\n"))


def fenced(text: object, length_max: int = 400) -> str:
    """Any text as a line of a fenced block, or within a code span: it cannot end either."""
    return visible(text, length_max).replace("`", "'")
