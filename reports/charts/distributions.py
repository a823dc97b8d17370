"""Charts of distributions: the share of values in each step, the share up to each value, and ranges in rows."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

from markupsafe import Markup

from drsim.reports.charts import drawing, scales
from drsim.reports.charts.drawing import Key, Mark, Shape
from drsim.reports.charts.histograms import Cell, cells_of, coarsest, cumulated, edges_of, share_up_to, shares_of
from drsim.reports.charts.scales import Axis, AxisLabel
from drsim.reports.text import visible
from drsim.scenarios.result import Distribution
from drsim.simulator.durations import plural

Distributions: TypeAlias = Mapping[str, Distribution]

_LOG_FROM: Final = 100
"""An axis over more than two decades is logarithmic."""
_CURVE_POINTS: Final = 200
_RANGE_FIGURES: Final = {"min": "--faint", "p50": "--c1", "p95": "--c1", "p99": "--c1", "max": "--faint"}


class _DistributionPlot(NamedTuple):
    """A drawing over an axis: labelled places, and at each place a share for each distribution."""

    height: Axis
    shapes: Sequence[Shape]
    places: Sequence[float]
    labels: Sequence[str]
    shares: Sequence[Sequence[float]]


def distribution(
    name: str,
    title: str,
    distributions: Distributions,
    *,
    marks: Sequence[Mark] = (),
    log: bool = True,
    from_zero: bool = False,
) -> Markup:
    """Distributions of one unit, by their labels. The axis may be logarithmic if `log`; it begins at 0 if `from_zero`.

    A single one shows the share of values in each step, with p50, p95 and p99; several show the share up to each value.
    """
    shown = list(distributions.values())
    several = len(shown) > 1
    cells = [list(cells_of(each)) for each in shown]
    axis = _axis(shown, marks, log=log and not from_zero, low=0.0 if from_zero else math.inf)
    picture = _cdf(axis, cells) if several else _density(axis, cells[0] if cells else [])
    marked = drawing.upright(marks, axis, _percentiles(shown[0], axis) if len(shown) == 1 else ())
    labels = distributions if several else ["share of values"] * len(shown)
    ends = [0, picture.height.high * 100]
    series = [
        drawing.data_of(label, drawing.coloured("", index), "%", ends, [share * 100 for share in shares])
        for index, (label, shares) in enumerate(zip(labels, picture.shares, strict=True))
    ]
    return drawing.ChartLayout(
        name=name,
        title=title,
        summary=_summary(distributions),
        data={"p": [round(each * drawing.WIDTH) for each in picture.places], "l": picture.labels, "s": series},
        shapes=[drawing.grid(picture.height), *picture.shapes, *marked.lines],
        marked=marked,
        bottom=axis.labels(),
        left=picture.height.labels(upright=True),
        basis=_bases(shown),
        keys=[Key(label, drawing.coloured("", index), index) for index, label in enumerate(distributions) if several],
        is_flat=all(each.min == each.max for each in shown),
    ).html()


def ranges(name: str, title: str, distributions: Distributions, *, marks: Sequence[Mark] = ()) -> Markup:
    """Distributions of one unit below each other: a line from the least to the largest value, a bar from p50 to p99."""
    shown = list(distributions.values())
    axis = _axis(shown, marks, steps=4)
    rows = max(len(shown), 1)
    middles = [(index + 0.5) / rows for index in range(len(shown))]
    shapes = [shape for each, middle in zip(shown, middles, strict=True) for shape in _row(each, axis, middle, rows)]
    marked = drawing.upright(marks, axis)
    series = [
        drawing.data_of(key, colour, axis.unit, None, [getattr(each, key) / axis.divisor for each in shown])
        for key, colour in _RANGE_FIGURES.items()
    ]
    places = [scales.percent(middle) for middle in middles]
    return drawing.ChartLayout(
        name=name,
        title=title,
        summary="Line: from least to largest; bar: from p50 (the dot) to p99, with p95 inside." if shown else "",
        data={
            "rows": 1,
            "p": [round(middle * drawing.WIDTH) for middle in middles],
            "l": [visible(label, drawing.LABEL_MAX) for label in distributions],
            "s": series,
        },
        shapes=[drawing.grid(axis, upright=False), *shapes, *marked.lines],
        marked=marked,
        bottom=axis.labels(),
        left=list(map(AxisLabel, places, distributions)),
        right=list(map(AxisLabel, places, [scales.quantity(each.p99, scales.unit_of(each.unit)) for each in shown])),
        basis=_bases(shown),
        unit_right="p99",
        rows=rows,
    ).html()


def _row(found: Distribution, axis: Axis, middle: float, rows: int) -> Iterator[Shape]:
    at, top, bottom = 1 - middle, 1 - middle + 0.26 / rows, 1 - middle - 0.26 / rows
    p50, p95, p99 = axis.at(found.p50), axis.at(found.p95), axis.at(found.p99)
    yield Shape(drawing.line([(axis.at(found.min), at), (axis.at(found.max), at)]), "whisker", "--c1")
    yield Shape(drawing.boxes([(p50, p99, bottom, top)]), "box", "--c1")
    yield Shape(drawing.boxes([(p95, p95, bottom, top)]), "bars", "--c1")
    yield Shape(drawing.dots([(p50, at)]), "dots", "--c1")


def _axis(
    shown: Sequence[Distribution],
    marks: Sequence[Mark],
    *,
    log: bool = True,
    steps: int = 7,
    low: float = math.inf,
) -> Axis:
    """An axis for all values and `low`, no finer than they are known, and for the marks that do not squash them."""
    least = low
    unit = scales.unit_of(shown[0].unit) if shown else ""
    low, high = scales.extent([end for each in shown for end in (each.min, each.max)])
    if log and 0 < _LOG_FROM * low < high:
        near = [each.value for each in marks if scales.drawable(each.value) and low / 10 <= each.value <= high * 10]
        return scales.logarithmic(min(low, *near, low), max(high, *near, high), unit)
    lacking = max(4 * coarsest(cell for each in shown for cell in cells_of(each)) - (high - low), 0) / 2
    low, high = drawing.room_for(min(low - lacking, least), high + lacking, marks)
    unit, divisor = scales.in_unit(unit, max(abs(low), abs(high)))
    axis = scales.linear(low, high, steps, unit=unit, divisor=divisor)
    return replace(axis, ticks=[AxisLabel(at, scales.with_unit(label, unit)) for at, label in axis.ticks])


def _bases(shown: Sequence[Distribution]) -> str:
    return ", ".join(dict.fromkeys(each.basis for each in shown))


def _density(axis: Axis, cells: Sequence[Cell]) -> _DistributionPlot:
    edges = edges_of(cells, axis)
    shares = shares_of(cells, edges)
    percents = scales.linear(0, max(shares) * 100, 4)
    height = Axis(0, percents.high / 100, [AxisLabel(at / 100, f"{label}%") for at, label in percents.ticks])
    sides = [(max(axis.at(low), 0.0), min(axis.at(high), 1.0)) for low, high in pairwise(edges)]
    inset = 0.04 * (sides[0][1] - sides[0][0])
    placed = [(*side, height.at(share)) for side, share in zip(sides, shares, strict=True) if share]
    bars = [(left + inset, right - inset, 0, top) for left, right, top in placed]
    shapes = [Shape(drawing.boxes(bars), "bars", drawing.coloured("", 0), 0)]
    labels = [f"{scales.figure(low / axis.divisor)} to {axis.text(high)}" for low, high in pairwise(edges)]
    return _DistributionPlot(
        height, shapes, [(left + right) / 2 for left, right in sides], labels, [shares] if cells else []
    )


def _cdf(axis: Axis, cells: Sequence[Sequence[Cell]]) -> _DistributionPlot:
    height = Axis(0, 1, [AxisLabel(quarter / 4, f"{quarter * 25}%") for quarter in range(5)])
    curves = [cumulated(each) for each in cells]
    values = sorted({value for curve in curves for value, _ in curve})
    # Points nearer than this cannot be distinguished.
    values = list({round(axis.at(value) * _CURVE_POINTS): value for value in values}.values())
    shapes = []
    for index, curve in enumerate(curves):
        points = [(0.0, 0.0), *((axis.at(value), share) for value, share in curve), (1.0, 1.0)]
        shapes.append(Shape(drawing.line(points), "line", drawing.coloured("", index), index))
    labels = [f"up to {axis.text(value)}" for value in values]
    shares = [[share_up_to(value, curve) for value in values] for curve in curves]
    return _DistributionPlot(height, shapes, [axis.at(value) for value in values], labels, shares)


def _percentiles(found: Distribution, axis: Axis) -> Iterator[Mark]:
    """Marks at p50, p95 and p99. Equal texts make one mark."""
    groups: dict[str, list[str]] = {}
    for name in ("p50", "p95", "p99"):
        groups.setdefault(axis.text(getattr(found, name)), []).append(name)
    for names in groups.values():
        yield Mark(label=", ".join(names), value=getattr(found, names[0]), colour="--ink")


def _summary(distributions: Distributions) -> str:
    """A sentence: the number of values, and where they are; of three distributions at most."""
    parts = []
    for label, each in list(distributions.items())[:3]:
        values, unit = plural(each.count, "value"), scales.unit_of(each.unit)
        figures = (each.min, each.p50, each.p95, each.p99, each.max)
        low, p50, p95, p99, high = (scales.quantity(at, unit) for at in figures)
        if len(distributions) > 1:
            parts.append(f"{visible(label, drawing.LABEL_MAX)}: {values}, p50 {p50}, p95 {p95}, p99 {p99}")
        elif low == high:
            parts.append(f"{values}, all {low}")
        else:
            parts.append(f"{values} from {low} to {high}, half of them up to {p50}")
    return f"{'; '.join(parts)}." if parts else ""
