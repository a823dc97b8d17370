"""Charts for all HTML pages: lines, steps, dots and stacked bars over time.

Those of distributions are made by `distributions`. Every function gives a `<figure>`; its name becomes the figure's id
and must be unique on the page. Units are those of results (ms, s, B, %) or CloudWatch's; a figure is shown in the unit
that suits it: 60000 ms as 60 s.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, Literal

from markupsafe import Markup

from drsim.reports.charts.drawing import (
    LABEL_MAX,
    Axis,
    Figure,
    Key,
    Mark,
    Shape,
    across,
    beyond,
    boxes,
    coloured,
    dots,
    grid,
    line,
    room_for,
)
from drsim.reports.charts.scales import (
    DAY,
    LAST_INSTANT,
    Scale,
    clock_of,
    drawable,
    extent,
    in_unit,
    linear,
    rounded,
    time_ticks,
    unit_of,
)
from drsim.reports.text import visible

POINTS_MAX: Final = 600
"""A line of more points is drawn by four of each column: the first, the lowest, the highest and the last."""

Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values over time: (seconds since the epoch, value), in time's order. None breaks the line.

    `colour` is a variable of page.css; "" takes the next one. `right` puts it on the second axis.
    """

    label: str
    points: Sequence[Point]
    colour: str = ""
    right: bool = False
    style: Literal["line", "step", "dots"] = "line"

    def values(self) -> list[tuple[float, float]]:
        """The points that are no gap."""
        return [(at, value) for at, value in self.points if value is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A time that is shaded, such as a fault or an alarm, in seconds since the epoch; `end` None lasts to the end."""

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
    zero: bool = True,
) -> Markup:
    """Lines, steps or dots over time.

    `bounds` is the time shown, by default that of the points. A line is broken where two points are more than
    `gap_seconds` apart. With `zero` the axes begin at 0 if no value is negative.
    """
    whole = [_drawable(each, bounds) for each in series]
    drawn = [_thinned(each) for each in whole]
    low, high = bounds or extent([at for each in drawn for at, _ in each.points])
    time = _time(low, high, 30)
    axes = {
        right: _axis(
            [value for each in drawn if each.right == right for _, value in each.values()],
            [each for each in marks if each.right == right],
            unit_right if right else unit,
            zero=zero,
        )
        for right in (False, True)
    }
    shapes = [
        shape
        for index, each in enumerate(drawn)
        for shape in _lines(each, index, time, axes[each.right], gap_seconds, filled=len(drawn) == 1)
    ]
    return _over_time(name, title, drawn, shapes, time, axes, basis, marks, spans, whole=whole).html()


def stacked(
    name: str,
    title: str,
    series: Sequence[Series],
    *,
    unit: str = "",
    basis: str = "",
    marks: Sequence[Mark] = (),
    spans: Sequence[Span] = (),
    bounds: tuple[float, float] | None = None,
) -> Markup:
    """Bars over time: at each instant the series' values upon each other, the first at the bottom; none is negative."""
    drawn = [_drawable(each, bounds) for each in series]
    instants = sorted({at for each in drawn for at, _ in each.points})
    width = min((after - before for before, after in pairwise(instants)), default=60.0)
    low, high = bounds or extent(instants)
    time = _time(low - width / 2, high + width / 2, 0.5)
    tops = dict.fromkeys(instants, 0.0)
    bars: list[list[tuple[float, float, float, float]]] = []
    for each in drawn:
        bars.append([])
        for at, value in each.values():
            if value > 0:
                bars[-1].append((at - width * 0.42, at + width * 0.42, tops[at], tops[at] + value))
                tops[at] += value
    axis = _axis(list(tops.values()), marks, unit)
    shapes = [
        Shape(
            boxes((time.at(a), time.at(b), axis.at(bottom), axis.at(top)) for a, b, bottom, top in bars[index]),
            "bars",
            coloured(each.colour, index),
            index,
        )
        for index, each in enumerate(drawn)
    ]
    return _over_time(name, title, drawn, shapes, time, {False: axis}, basis, marks, spans, upon_each_other=True).html()


def _over_time(
    name: str,
    title: str,
    series: Sequence[Series],
    shapes: Sequence[Shape],
    time: Axis,
    axes: dict[bool, Axis],
    basis: str,
    marks: Sequence[Mark],
    spans: Sequence[Span],
    *,
    whole: Sequence[Series] | None = None,
    upon_each_other: bool = False,
) -> Figure:
    """What charts over time share, lines and bars."""
    placed = [(each, axes[each.right]) for each in marks if drawable(each.value) and each.right in axes]
    lines, labels = across([(mark, axis) for mark, axis in placed if axis.holds(mark.value)])
    second = any(each.right for each in series)
    keys = [Key(each.label, coloured(each.colour, index), index) for index, each in enumerate(series)]
    shaded = {each.label: Key(each.label, each.colour) for each in spans}
    return Figure(
        name=name,
        title=title,
        summary=_summary(whole or series, axes),
        data=_data(series, time.scale, axes, upon_each_other),
        shapes=[grid(axes[False]), *_shades(spans, time), *shapes, *lines],
        bottom=time.level(),
        left=axes[False].upright(),
        right=axes[True].upright() if second else (),
        basis=basis,
        unit=axes[False].unit,
        unit_right=axes[True].unit if second else "",
        keys=[*(keys if len(keys) > 1 or shaded else ()), *shaded.values()],
        across=labels,
        beyond=beyond([(mark, axis) for mark, axis in placed if not axis.holds(mark.value)], ("low", "high")),
        empty=not any(each.values() for each in series),
    )


def _drawable(series: Series, bounds: tuple[float, float] | None) -> Series:
    """The series within the bounds; values that cannot be drawn are gaps."""
    low, high = bounds or (0.0, LAST_INSTANT)
    points = [
        (at, value if drawable(value) else None)
        for at, value in series.points
        if drawable(at) and max(low, 0.0) <= at <= min(high, LAST_INSTANT)
    ]
    return replace(series, points=points)


def _thinned(series: Series) -> Series:
    """The series with no more points than can be told apart; the line looks the same."""
    size = -(-len(series.points) * 4 // POINTS_MAX)
    if size <= 4:
        return series
    columns = (series.points[start : start + size] for start in range(0, len(series.points), size))
    return replace(series, points=[point for column in columns for point in _outline(column)])


def _outline(column: Sequence[Point]) -> list[Point]:
    """Of some points the first, the lowest, the highest and the last, and a gap if there is one."""
    valued = [(value, index) for index, (_, value) in enumerate(column) if value is not None]
    gaps = [index for index, (_, value) in enumerate(column) if value is None]
    extremes = [min(valued)[1], max(valued)[1]] if valued else []
    return [column[index] for index in sorted({0, len(column) - 1, *gaps[:1], *extremes})]


def _time(low: float, high: float, room: float) -> Axis:
    scale = Scale(low, high) if high - low >= 1 else Scale(low - room, high + room)
    return Axis(scale=scale, ticks=time_ticks(scale))


def _axis(values: Sequence[float], marks: Sequence[Mark], unit: str, *, zero: bool = True) -> Axis:
    """An axis for all values, and for the marks that lie near enough not to squash them."""
    low, high = extent(values)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    name, divisor = in_unit(unit_of(unit), max(abs(low), abs(high)))
    low, high = room_for(low, high, marks)
    whole = not name and all(float(value).is_integer() for value in values)
    scale, ticks = linear(low / divisor, high / divisor, whole=whole)
    return Axis(scale=scale, ticks=ticks, unit=name, divisor=divisor)


def _lines(
    series: Series, index: int, time: Axis, axis: Axis, gap_seconds: float | None, *, filled: bool
) -> Iterator[Shape]:
    """A series as one path of lines, one of the points without neighbours, and the area below if it is alone."""
    colour, step = coloured(series.colour, index), series.style == "step"
    runs = [[(time.at(at), axis.at(value)) for at, value in run] for run in _runs(series.points, gap_seconds)]
    lines = [run for run in runs if len(run) > 1 and series.style != "dots"]
    base = min(max(axis.at(0), 0.0), 1.0)
    if filled:
        yield Shape("".join(line(run, step=step, base=base) for run in lines), "area", colour, index)
    yield Shape("".join(line(run, step=step) for run in lines), "line", colour, index)
    yield Shape(dots(point for run in runs if run not in lines for point in run), "dots", colour, index)


def _runs(points: Sequence[Point], gap_seconds: float | None) -> Iterator[list[tuple[float, float]]]:
    """The stretches of a line between its gaps."""
    run: list[tuple[float, float]] = []
    for at, value in points:
        if run and (value is None or (gap_seconds is not None and at - run[-1][0] > gap_seconds)):
            yield run
            run = []
        if value is not None:
            run.append((at, value))
    if run:
        yield run


def _shades(spans: Sequence[Span], time: Axis) -> Iterator[Shape]:
    for each in spans:
        start = max(time.at(each.start), 0.0)
        end = 1.0 if each.end is None else min(time.at(each.end), 1.0)
        if start <= end and start < 1:
            # What lasts less than a pixel is seen all the same.
            yield Shape(boxes([(start, max(end, start + 0.003), 0, 1)]), "span", each.colour)


def _summary(series: Sequence[Series], axes: dict[bool, Axis]) -> str:
    """One sentence: how many values, or instants with values of several series, from when to when, and the highest."""
    instants = sorted({at for each in series for at, _ in each.values()})
    if not instants:
        return "No values."
    first, last = extent(instants)
    days = last - first >= DAY
    highest = []
    for each in series:
        at, value = max(each.values(), key=lambda point: point[1], default=(0.0, 0.0))
        if value:
            of = f"{visible(each.label, LABEL_MAX)} " if len(series) > 1 else ""
            highest.append(f"{of}{axes[each.right].text(value)} at {clock_of(at, day=days)}")
    if first == last:
        many = sum(len(each.values()) for each in series)
        values = f"{many} value{'' if many == 1 else 's'} at {clock_of(first)}"
        return f"{values}: {', '.join(each.rpartition(' at ')[0] for each in highest[:3]) or 0}."
    what = "instants" if len(series) > 1 else "values"
    count = f"{len(instants)} {what} from {clock_of(first, day=days)} to {clock_of(last, day=days)}"
    return f"{count}; highest {', '.join(highest[:3])}." if highest else f"{count}; all 0."


def _data(series: Sequence[Series], time: Scale, axes: dict[bool, Axis], upon_each_other: bool) -> dict[str, object]:
    base = int(time.low)
    instants = sorted({at for each in series for at, _ in each.points})
    return {
        "t": base,
        "d": [round(time.low - base, 1), round(time.high - base, 1)],
        "x": [round(at - base, 1 if at % 1 else None) for at in instants],
        "s": [
            {
                "n": visible(each.label, LABEL_MAX),
                "c": coloured(each.colour, index),
                "u": axes[each.right].unit,
                "y": None if upon_each_other else [axes[each.right].scale.low, axes[each.right].scale.high],
                "v": [None if value is None else rounded(value) for value in _held(each, instants, axes[each.right])],
            }
            for index, each in enumerate(series)
        ],
    }


def _held(series: Series, instants: Sequence[float], axis: Axis) -> Iterator[float | None]:
    """A series' value at each instant; steps keep theirs until the next."""
    own = dict(series.points)
    last = max(own, default=0.0)
    value: float | None = None
    for at in instants:
        value = own.get(at, value if series.style == "step" and at < last else None)
        yield None if value is None else value / axis.divisor
