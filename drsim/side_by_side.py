"""A comparison on the terminal, in 100 columns: what was set differently first, differences of values last."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.text import Text

from drsim.console import block, line
from drsim.reports.comparing import wording
from drsim.reports.comparing.comparison import Compared, Comparison
from drsim.reports.comparing.effect import Histogram
from drsim.reports.comparing.regressions import Judgement
from drsim.reports.text import visible
from drsim.simulator.durations import number

_MARKS: Final = {"worse": "fail", "better": "pass", "changed": "unknown", "same": "unknown"}
_LEVELS: Final = " ▁▂▃▄▅▆▇█"
_PLAIN_LEVELS: Final = " .:-=+*#@"
_CELLS: Final = 24
_TEXT_MAX: Final = 84
_SHOWN_MAX: Final = 12


def show(console: Console, comparison: Comparison) -> None:
    """Print a comparison, with the beginning of long lists; the page and the JSON have all."""
    console.print()
    console.print(Text(f"A  {wording.whose(comparison.a)}\nB  {wording.whose(comparison.b)}"))
    verdict = "fail" if comparison.changed("worse") else "pass"
    line(console, verdict, wording.headline(comparison), bold=True)
    _show_pairs(console, "Set differently", [(each.name, each.a, each.b) for each in comparison.settings])
    if moved := [each for each in comparison.judged if each.moved]:
        _title(console, "Verdicts that changed")
        for each in moved:
            _show_judged(console, each)
    values = [(each.name, each.a.value, each.b.value) for each in comparison.judged if each.revalued]
    counts = sorted(comparison.counts, key=lambda each: -abs(each.b - each.a) / max(each.a, each.b))
    per_run = " (mean of the runs)" if comparison.of_sets else ""
    executions = [
        (
            each.execution_id,
            f"{each.a_status}, {each.a_polls} polls recorded",
            f"{each.b_status}, {each.b_polls} polls recorded",
        )
        for each in comparison.executions
    ]
    objectives = [(each.name, each.a, each.b) for each in comparison.objectives]
    _show_pairs(console, "Recovery time against its objective", objectives)
    _show_pairs(console, "Criteria with another value", values)
    _show_pairs(console, f"Counts{per_run}", [(each.name, number(each.a), number(each.b)) for each in counts])
    _show_pairs(console, "Executions", executions)
    if comparison.distributions and not comparison.same_traces:
        _show_distributions(console, comparison.distributions)
    for note in wording.notes(comparison):
        console.print(Text(f"\n  {note}", "dim"))


def _title(console: Console, text: str) -> None:
    console.print(Text(f"\n  {text}", "bold"))


def _show_judged(console: Console, judged: Judgement) -> None:
    verdicts = f"{wording.outcome(judged.a)} -> {wording.outcome(judged.b)}"
    line(console, _MARKS[judged.change], f"{wording.named(judged):<39} {verdicts}", indent=2)
    for name, side in (("A", judged.a), ("B", judged.b)):
        if text := "; ".join(filter(None, (wording.pass_rate(side), wording.reason(judged, side)))):
            console.print(Text(f"      {name}  {visible(text, _TEXT_MAX)}", "dim"))


def _show_pairs(console: Console, title: str, pairs: Sequence[tuple[str, str | None, str | None]]) -> None:
    """A line for each name with its values in A and B, or three if one is too short."""
    if not pairs:
        return
    _title(console, title)
    for name, before, after in pairs[:_SHOWN_MAX]:
        a, b = ("none" if value is None else visible(value, _TEXT_MAX) for value in (before, after))
        shown = visible(name, _TEXT_MAX)
        if len(shown) <= 39 and len(a) + len(b) <= 50:
            console.print(Text(f"    {shown:<39} {a} -> {b}"))
        else:
            console.print(Text(f"    {shown}\n      A  {a}\n      B  {b}"))
    if len(pairs) > _SHOWN_MAX:
        console.print(Text(f"    and {len(pairs) - _SHOWN_MAX} more", "dim"))


def _show_distributions(console: Console, distributions: Sequence[Compared]) -> None:
    _title(console, "Distributions")
    for each in (each for each in distributions if not (each.same or each.few)):
        text = f"{visible(each.name, 40):<25} {wording.difference(each)}"
        if each.clear:
            line(console, "fault", text, indent=2)
            _show_figures(console, each)
        else:
            line(console, "not exercised", text, indent=2)
    same = [visible(each.name, 40) for each in distributions if each.same]
    few = [visible(each.name, 40) for each in distributions if each.few]
    for names, text in ((same, "the same values on both sides:"), (few, "too few values to tell:")):
        if names:
            line(console, "not exercised", text, indent=2)
            block(console, ", ".join(names), "dim")


def _show_figures(console: Console, compared: Compared) -> None:
    if not (compared.a and compared.b):
        return
    levels = _LEVELS if console.encoding.lower().startswith("utf") else _PLAIN_LEVELS
    shapes = shapes_of(compared.a.histogram, compared.b.histogram, levels)
    unit, size = wording.unit_of(compared)
    shifts = ("", f"; p50 {wording.shift(compared)}")
    for name, shape, side, shift in zip("AB", shapes, (compared.a, compared.b), shifts, strict=True):
        p50, p95, p99 = (number(value / size) for value in (side.p50, side.p95, side.p99))
        figures = f"p50 {p50}, p95 {p95}, p99 {p99} {unit}, {side.count:,} values{shift}"
        console.print(Text(f"      {name} |{shape}| {figures}"), no_wrap=True, overflow="ellipsis")


def shapes_of(a: Histogram, b: Histogram, levels: str) -> Iterator[str]:
    """Both histograms as a line of text, on one scale from the smallest value to the largest."""
    low, high = min(a[0][0], b[0][0]), max(a[-1][0], b[-1][0])
    width = (high - low) / _CELLS or 1.0
    for histogram in (a, b):
        cells = [0] * _CELLS
        for value, count in histogram:
            cells[min(int((value - low) / width), _CELLS - 1)] += count
        # Only empty cells are blank.
        yield "".join(levels[-(-count * (len(levels) - 1) // max(cells))] for count in cells)
