"""Figures for people: a table on the terminal, and the measured sections of docs/performance.md.

People write the prose of the page. Only the text between `<!-- measured: NAME -->` and `<!-- end -->` is replaced.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench.figures import Bench, Figure, Machine, Part

PAGE: Final = Path(__file__).parents[2] / "docs" / "performance.md"
_SECTION: Final = re.compile(r"(<!-- measured: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_WHOLE_FROM: Final = 100


def terminal(name: str, part: Part) -> str:
    """One part, with one line per figure."""
    rows = [(each.name, _value(each), _extremes(each), _aim(each)) for each in part.figures]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  " + "   ".join((name.ljust(widths[0]), value.rjust(widths[1]), extremes.ljust(widths[2]), aim)).rstrip()
        for name, value, extremes, aim in rows
    ]
    return "\n".join([f"{name} ({_code(part)}; load {part.load:.1f})", *lines])


def renewed(page: str, bench: Bench) -> str:
    """The page with new measured sections. All other lines are unchanged."""

    def section(found: re.Match[str]) -> str:
        begin, name, end = found.groups()
        if name == "machine":
            return f"{begin}{_machine(bench.machine)}\n{end}"
        part = bench.parts.get(name)
        if part is None:
            return f"{begin}Not measured on this machine. To measure: `nox -s bench -- {name}`.\n{end}"
        return f"{begin}{_table(part.figures)}\n\nMeasured: {_code(part)}; load {part.load:.1f}.\n{end}"

    return _SECTION.sub(section, page)


def _machine(machine: Machine) -> str:
    return f"{machine.cores} cores of {machine.processor}, {machine.system}, Python {machine.python}."


def _table(figures: Sequence[Figure]) -> str:
    head = ["| Figure | Median | Lowest to highest | Target | How |", "|---|---:|---:|---|---|"]
    rows = [f"| {each.name} | {_value(each)} | {_extremes(each)} | {_aim(each)} | {each.how} |" for each in figures]
    return "\n".join([*head, *rows])


def _code(part: Part) -> str:
    return f"commit {part.commit} of {part.date}{', with later changes' if part.changed else ''}"


def _value(figure: Figure) -> str:
    return f"{_number(figure.value)} {figure.unit}".strip()


def _extremes(figure: Figure) -> str:
    if figure.rounds == 1:
        return "one round"
    return f"{_number(figure.low)} to {_number(figure.high)} in {figure.rounds} rounds"


def _aim(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return f"{figure.verdict}: {figure.target.kind} {_number(figure.target.bound)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= _WHOLE_FROM else f"{value:.3g}"
