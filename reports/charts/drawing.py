"""What all charts share: the layout of a figure, its marks, and the paths of its lines and boxes.

A chart needs no script to be seen: it is an SVG of lines, stretched to the available width, with HTML text around it.
`charts.css` is the look; `charts.js` adds crosshair, tooltips and a table of the values.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from markupsafe import Markup

from drsim.reports.charts.scales import Axis, AxisLabel, drawable, percent, quantity, rounded
from drsim.reports.page import environment
from drsim.reports.text import visible

Data = Mapping[str, object]

WIDTH, HEIGHT = 1000, 400
"""The SVG's own units; the page stretches it."""
COLOURS: Final = ("--c1", "--c2", "--c3", "--c4", "--c5", "--c6")
"""Variables of page.css, for series without a colour."""
LABEL_MAX, _MARK_MAX = 80, 40
# In percent of the plot: the distance at which labels above each other touch, the width of a character in a narrow
# plot, and where a label has more room to its left.
_NEAR, _CHARACTER, _LATE = 9, 2.5, 60
_ARROWS: Final = {"low": "↓", "high": "↑", "before": "←", "after": "→"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A limit or threshold: a line across the chart, or an arrow with the value at its edge if it is far outside."""

    label: str
    value: float
    colour: str = "--fail"


class Shape(NamedTuple):
    """A path of the SVG, and the number of the series that it belongs to, if any."""

    path: str
    kind: str
    colour: str = ""
    series: int | None = None


class Key(NamedTuple):
    """An entry of the legend. With a series, it switches that on and off."""

    label: str
    colour: str
    series: int | None = None


class MarkLabel(NamedTuple):
    """The label of a mark: its percentage from left or top, its side of that place, and its row above the plot."""

    label: str
    at: float
    side: str
    colour: str
    row: int = 0


class Marked(NamedTuple):
    """Marks on an axis: their lines, labels of those beyond its ends, and those beside or above the plot."""

    lines: Sequence[Shape]
    beyond: Sequence[MarkLabel]
    across: Sequence[MarkLabel] = ()
    upright: Sequence[MarkLabel] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLayout:
    """A chart laid out, as `charts.html.j2` takes it. Without values, the summary is empty.

    `data` is what charts.js shows. Its "s" holds each series: "n" is its name, "c" its colour, "u" its unit, "v" its
    values (None for a gap), and "y" the ends of its axis (None if no dots follow the crosshair). The places of the
    values are either "p", from 0 to 1000, with labels "l", or over time "x", in seconds after "t" of an axis with the
    ends "d". With "rows" the places are from top to bottom.
    """

    name: str
    title: str
    summary: str
    data: Data
    shapes: Sequence[Shape]
    marked: Marked
    bottom: Sequence[AxisLabel]
    left: Sequence[AxisLabel]
    right: Sequence[AxisLabel] = ()
    basis: str = ""
    unit: str = ""
    unit_right: str = ""
    keys: Sequence[Key] = ()
    rows: int = 0
    is_wide: bool = False
    is_flat: bool = False
    """All values are equal, or there is none: the page shows a row with a sparkline, not a plot."""

    def html(self) -> Markup:
        """The figure; every text from a run is escaped, cut and made visible."""
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", self.name)[:LABEL_MAX]
        context = {"figure": self, "name": name, "width": WIDTH, "height": HEIGHT, "label_max": LABEL_MAX}
        return Markup(environment().get_template("charts.html.j2").render(context))


def data_of(name: str, colour: str, unit: str, ends: Sequence[float] | None, values: Sequence[float | None]) -> Data:
    shown = [None if value is None else rounded(value) for value in values]
    return {"n": visible(name, LABEL_MAX), "c": colour, "u": unit, "y": ends, "v": shown}


def coloured(colour: str, index: int) -> str:
    """The colour, by default that of the index in the legend."""
    return colour or COLOURS[index % len(COLOURS)]


def room_for(low: float, high: float, marks: Iterable[Mark]) -> tuple[float, float]:
    """The ends of an axis with those marks that leave half of it to the values; if all are equal, the nearest mark."""
    middle = low / 2 + high / 2
    for each in sorted((each for each in marks if drawable(each.value)), key=lambda mark: abs(mark.value - middle)):
        wide = max(high, each.value) - min(low, each.value)
        if wide <= 2 * (high - low) or low == high:
            low, high = min(low, each.value), max(high, each.value)
    return low, high


def across(marks: Iterable[Mark], axis: Axis) -> Marked:
    """Lines from left to right, labelled at the right, or at the left if another label is near."""
    inside, outside = _split(marks, axis, ("low", "high"))
    shapes, notes, last = [], [], -100.0
    for mark in sorted(inside, key=lambda mark: axis.at(mark.value)):
        shapes.append(Shape(f"M0 {_y(axis.at(mark.value))}h{WIDTH}", "mark", mark.colour))
        at = percent(1 - axis.at(mark.value))
        near = abs(at - last) < _NEAR
        notes.append(MarkLabel(_text(mark, axis), at, "start" if near else "end", mark.colour))
        last = -100.0 if near else at
    return Marked(shapes, outside, across=notes)


def upright(marks: Iterable[Mark], axis: Axis, others: Iterable[Mark] = ()) -> Marked:
    """Lines from bottom to top, with their labels above the plot in as many rows as they need."""
    inside, outside = _split(marks, axis, ("before", "after"))
    placed = sorted([*others, *inside], key=lambda mark: mark.value)
    late = [mark for mark in placed if percent(axis.at(mark.value)) >= _LATE]
    notes: list[MarkLabel] = []
    # From the edges to the middle: a label is to the right of its line, or to the left if the plot soon ends. So the
    # lines that it could cover were placed before it, and end below it.
    for mark in [*late, *reversed(placed[: len(placed) - len(late)])]:
        at = percent(axis.at(mark.value))
        side = "end" if at >= _LATE else "start"
        tried = [MarkLabel(_text(mark, axis), at, side, mark.colour, row) for row in range(len(notes) + 1)]
        # If every row clashes, a line runs through a label, which is better than two overlapping labels.
        notes.append(next((one for one in tried if not any(_clash(one, other) for other in notes)), tried[-1]))
    lines = [Shape(f"M{_x(axis.at(mark.value))} 0v{HEIGHT}", "mark", mark.colour) for mark in placed]
    return Marked(lines, outside, upright=[*reversed(notes[len(late) :]), *notes[: len(late)]])


def _split(marks: Iterable[Mark], axis: Axis, ends: tuple[str, str]) -> tuple[list[Mark], list[MarkLabel]]:
    """The marks on the axis, and labels for those beyond its ends, each with an arrow to where it would be."""
    inside, outside = [], []
    for mark in (each for each in marks if drawable(each.value)):
        if axis.holds(mark.value):
            inside.append(mark)
            continue
        side, value = ends[axis.at(mark.value) > 0], quantity(mark.value / axis.divisor, axis.unit)
        outside.append(MarkLabel(f"{_ARROWS[side]} {visible(mark.label, _MARK_MAX)} {value}", 0.0, side, mark.colour))
    return inside, outside


def grid(axis: Axis, *, upright: bool = True) -> Shape:
    return Shape("".join(f"M0 {_y(at)}h{WIDTH}" if upright else f"M{_x(at)} 0v{HEIGHT}" for at in axis.grid()), "grid")


def line(points: Sequence[tuple[float, float]], *, step: bool = False, base: float | None = None) -> str:
    """A line through points given as shares of width and height; with `base`, the area between it and that height."""
    placed = [(_x(x), _y(y)) for x, y in points]
    text = f"M{placed[0][0]} {placed[0][1]}"
    for (x0, y0), (x, y) in pairwise(placed):
        text += f"h{x - x0}{f'v{y - y0}' if y != y0 else ''}" if step else f"l{x - x0} {y - y0}"
    return text if base is None else f"{text}V{_y(base)}H{placed[0][0]}z"


def dots(points: Iterable[tuple[float, float]]) -> str:
    """Dots: lines without length, visible by their round ends."""
    return "".join(f"M{_x(x)} {_y(y)}h0" for x, y in points)


def boxes(sides: Iterable[tuple[float, float, float, float]]) -> str:
    """Boxes of left, right, bottom and top as shares of width and height. Each is thick enough to be seen."""
    text = ""
    for left, right, bottom, top in sides:
        x, y = round(left * WIDTH, 1), _y(top)
        width, height = max(round(right * WIDTH - x, 1), 1), max(_y(bottom) - y, 1)
        text += f"M{x:g} {y}h{width:g}v{height}h{-width:g}z"
    return text


def _text(mark: Mark, axis: Axis) -> str:
    return f"{visible(mark.label, _MARK_MAX)} {axis.text(mark.value)}"


def _clash(one: MarkLabel, other: MarkLabel) -> bool:
    """Whether a label covers the other, or the line that leads up to it."""
    below, above = sorted((one, other), key=lambda note: note.row)
    left, right = _ends(below)
    if below.row != above.row:
        return left < above.at < right
    return left < _ends(above)[1] and _ends(above)[0] < right


def _ends(note: MarkLabel) -> tuple[float, float]:
    width = len(note.label) * _CHARACTER
    return (note.at - width, note.at) if note.side == "end" else (note.at, note.at + width)


def _x(share: float) -> int:
    return round(share * WIDTH)


def _y(share: float) -> int:
    return round((1 - share) * HEIGHT)
