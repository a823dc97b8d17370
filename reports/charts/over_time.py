"""Charts over time: lines, steps and stacked bars.

Each function returns a `<figure>` whose id is made from its name, which must be unique on the page. Units are those of
results (ms, s, B, %); a figure is shown in the unit that suits it: 60000 ms as 60 s.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

from markupsafe import Markup

from drsim.reports.charts import drawing, scales
from drsim.reports.charts.drawing import Key, Mark, Shape
from drsim.reports.charts.scales import Axis
from drsim.reports.text import visible

POINTS_MAX: Final = 600
"""A line of more points is drawn by four of each column: the first, the lowest, the highest and the last."""
Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values over time: (seconds since the epoch, value), in time's order. None breaks the line.

    `colour` is a variable of page.css, "" for the next one. `right` puts the series on the second axis.
    """

    label: str
    points: Sequence[Point]
    colour: str = ""
    right: bool = False
    style: Literal["line", "step"] = "line"

    def values(self) -> list[tuple[float, float]]:
        return [(at, value) for at, value in self.points if value is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A shaded time, such as that of an alarm, in seconds since the epoch, by default to the end of the chart."""

    label: str
    start: float
    end: float | None
    colour: str = "--fault"


def timeline(
    name: str,
    title: str,
    series: Sequence[Series],
    *,
    unit: str = "",
    unit_right: str = "",
    basis: str = "",
    marks: Sequence[Mark] = (),
    spans: Sequence[Span] = (),
    bounds: tuple[float, float] | None = None,
    gap_seconds: float | None = None,
) -> Markup:
    """Lines or steps over time, broken where two points are more than `gap_seconds` apart.

    Marks belong to the left axis. `bounds` is the time shown, by default that of the points.
    """
    whole = [_drawable(each, index, bounds) for index, each in enumerate(series)]
    drawn = [_thinned(each) for each in whole]
    time = scales.time_axis(*(bounds or scales.extent([at for each in drawn for at, _ in each.points])), 30)
    axes = [
        _axis([value for each in drawn if each.right is right for _, value in each.values()], marks_of, unit_of)
        for right, marks_of, unit_of in ((False, marks, unit), (True, (), unit_right))
    ]
    shapes = [
        shape
        for index, each in enumerate(drawn)
        for shape in _lines(each, index, time, axes[each.right], gap_seconds, filled=len(drawn) == 1)
    ]
    return _figure(name, title, whole, drawn, time, axes, shapes, basis=basis, marks=marks, spans=spans)


def stacked(name: str, title: str, series: Sequence[Series], *, basis: str = "") -> Markup:
    """Bars over time: the values of each instant stacked, the first series at the bottom. No value is negative."""
    drawn = [_drawable(each, index, None) for index, each in enumerate(series)]
    instants = sorted({at for each in drawn for at, _ in each.points})
    width = min((after - before for before, after in pairwise(instants)), default=60.0)
    low, high = scales.extent(instants)
    time = scales.time_axis(low - width / 2, high + width / 2, 0.5)
    tops = dict.fromkeys(instants, 0.0)
    bars: list[list[tuple[float, float, float, float]]] = [[] for _ in drawn]
    for each, own in zip(drawn, bars, strict=True):
        for at, value in each.values():
            if value > 0:
                own.append((time.at(at - width * 0.42), time.at(at + width * 0.42), tops[at], tops[at] + value))
                tops[at] += value
    axis = _axis(list(tops.values()), (), "")
    shapes = []
    for index, (each, own) in enumerate(zip(drawn, bars, strict=True)):
        sides = [(left, right, axis.at(bottom), axis.at(top)) for left, right, bottom, top in own]
        shapes.append(Shape(drawing.boxes(sides), "bars", each.colour, index))
    return _figure(name, title, drawn, drawn, time, [axis], shapes, basis=basis, are_stacked=True)


def _figure(
    name: str,
    title: str,
    whole: Sequence[Series],
    drawn: Sequence[Series],
    time: Axis,
    axes: Sequence[Axis],
    shapes: Sequence[Shape],
    *,
    basis: str,
    marks: Sequence[Mark] = (),
    spans: Sequence[Span] = (),
    are_stacked: bool = False,
) -> Markup:
    """The figure around the shapes. `axes` are the left one and perhaps the right one."""
    axis, marked = axes[0], drawing.across(marks, axes[0])
    right = next((axes[1] for each in drawn if each.right), None)
    keys = [Key(each.label, each.colour, index) for index, each in enumerate(drawn)]
    shaded = {each.label: Key(each.label, each.colour) for each in spans}
    return drawing.ChartLayout(
        name=name,
        title=title,
        summary=_summary(whole, axes),
        data=_data(drawn, time, axes, are_stacked=are_stacked),
        shapes=[drawing.grid(axis), *_shades(spans, time), *shapes, *marked.lines],
        marked=marked,
        bottom=time.labels(),
        left=axis.labels(upright=True),
        right=right.labels(upright=True) if right else (),
        basis=basis,
        unit=axis.unit,
        unit_right=right.unit if right else "",
        keys=[*(keys if len(keys) > 1 or shaded else ()), *shaded.values()],
        is_flat=not spans and all(len({value for _, value in each.values()}) <= 1 for each in whole),
    ).html()


def _drawable(series: Series, index: int, bounds: tuple[float, float] | None) -> Series:
    """The series within the bounds and with a colour. Values that cannot be drawn become gaps."""
    low, high = bounds or (0.0, scales.LAST_INSTANT)
    points = [
        (at, value if scales.drawable(value) else None)
        for at, value in series.points
        if scales.drawable(at) and max(low, 0.0) <= at <= min(high, scales.LAST_INSTANT)
    ]
    return replace(series, points=points, colour=drawing.coloured(series.colour, index))


def _thinned(series: Series) -> Series:
    """The series with as many points as can be distinguished. The line looks the same."""
    size = -(-len(series.points) * 4 // POINTS_MAX)
    if size <= 4:
        return series
    columns = (series.points[start : start + size] for start in range(0, len(series.points), size))
    return replace(series, points=[point for column in columns for point in _outline(column)])


def _outline(column: Sequence[Point]) -> list[Point]:
    """The first, lowest, highest and last point of a column, and its first gap."""
    valued = [(value, index) for index, (_, value) in enumerate(column) if value is not None]
    gaps = [index for index, (_, value) in enumerate(column) if value is None]
    extremes = [min(valued)[1], max(valued)[1]] if valued else []
    return [column[index] for index in sorted({0, len(column) - 1, *gaps[:1], *extremes})]


def _axis(values: Sequence[float], marks: Sequence[Mark], unit: str) -> Axis:
    """An axis from 0 for all values, and for the marks that do not squash them."""
    low, high = scales.extent([0.0, *values])
    name, divisor = scales.in_unit(scales.unit_of(unit), max(abs(low), abs(high)))
    low, high = drawing.room_for(low, high, marks)
    whole = not name and all(float(value).is_integer() for value in values)
    return scales.linear(low, high, whole=whole, unit=name, divisor=divisor)


def _lines(
    series: Series, index: int, time: Axis, axis: Axis, gap_seconds: float | None, *, filled: bool
) -> Iterator[Shape]:
    """Paths of a series: its lines, its points without neighbours and, if it is alone, the area below it."""
    colour, step = series.colour, series.style == "step"
    runs = [[(time.at(at), axis.at(value)) for at, value in run] for run in _runs(series.points, gap_seconds)]
    lines = [run for run in runs if len(run) > 1]
    if filled:
        base = min(max(axis.at(0), 0.0), 1.0)
        yield Shape("".join(drawing.line(run, step=step, base=base) for run in lines), "area", colour, index)
    yield Shape("".join(drawing.line(run, step=step) for run in lines), "line", colour, index)
    yield Shape(drawing.dots(run[0] for run in runs if len(run) == 1), "dots", colour, index)


def _runs(points: Sequence[Point], gap_seconds: float | None) -> Iterator[list[tuple[float, float]]]:
    """The parts of a line between its gaps."""
    run: list[tuple[float, float]] = []
    for at, value in [*points, (math.inf, None)]:
        if run and (value is None or (gap_seconds is not None and at - run[-1][0] > gap_seconds)):
            yield run
            run = []
        if value is not None:
            run.append((at, value))


def _shades(spans: Sequence[Span], time: Axis) -> Iterator[Shape]:
    for each in spans:
        start, end = max(time.at(each.start), 0.0), 1.0 if each.end is None else min(time.at(each.end), 1.0)
        if start <= end and start < 1:
            # Wide enough to be seen even if it lasts less than a pixel.
            yield Shape(drawing.boxes([(start, max(end, start + 0.003), 0, 1)]), "span", each.colour)


def _summary(series: Sequence[Series], axes: Sequence[Axis]) -> str:
    """A sentence: the number of values (of instants if there are several series), their period and the highest."""
    instants = sorted({at for each in series for at, _ in each.values()})
    if not instants:
        return ""
    first, last = instants[0], instants[-1]
    days = last - first >= scales.DAY
    highest = []
    for each in series:
        at, value = max(each.values(), key=lambda point: point[1], default=(0.0, 0.0))
        if value:
            of = f"{visible(each.label, drawing.LABEL_MAX)} " if len(series) > 1 else ""
            when = f" at {scales.clock_of(at, day=days)}" if first != last else ""
            highest.append(f"{of}{axes[each.right].text(value)}{when}")
    shown = ", ".join(highest[:3])
    if first == last:
        many = sum(len(each.values()) for each in series)
        return f"{many} value{'' if many == 1 else 's'} at {scales.clock_of(first)}: {shown or 0}."
    what = "instants" if len(series) > 1 else "values"
    when = f"from {scales.clock_of(first, day=days)} to {scales.clock_of(last, day=days)}"
    return f"{len(instants)} {what} {when}; {f'highest {shown}' if shown else 'all 0'}."


def _data(series: Sequence[Series], time: Axis, axes: Sequence[Axis], *, are_stacked: bool) -> drawing.Data:
    instants = sorted({at for each in series for at, _ in each.points})
    shown = []
    for each in series:
        axis = axes[each.right]
        ends = None if are_stacked else [axis.low, axis.high]
        shown.append(drawing.data_of(each.label, each.colour, axis.unit, ends, list(_held(each, instants, axis))))
    base = int(time.low)
    ends = [round(end - base, 1) for end in (time.low, time.high)]
    return {"t": base, "d": ends, "x": [round(at - base, 1 if at % 1 else None) for at in instants], "s": shown}


def _held(series: Series, instants: Sequence[float], axis: Axis) -> Iterator[float | None]:
    """The value of a series at each instant. A step keeps its value until the next."""
    own = dict(series.points)
    last = max(own, default=0.0)
    value: float | None = None
    for at in instants:
        value = own.get(at, value if series.style == "step" and at < last else None)
        yield None if value is None else value / axis.divisor
