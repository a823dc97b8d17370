"""Charts of distributions: the share of values in each step, the share up to each value, and ranges below each other.

Owns how they look; what a histogram knows and does not is `reports.charts.histograms`.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from markupsafe import Markup

from drsim.reports.charts.drawing import (
    LABEL_MAX,
    WIDTH,
    Axis,
    Figure,
    Key,
    Mark,
    Place,
    Shape,
    beyond,
    boxes,
    coloured,
    columns,
    dots,
    grid,
    line,
    percent,
    room_for,
    upright,
)
from drsim.reports.charts.histograms import Cell, cells_of, coarsest, cumulated, edges_of, share_up_to, shares_of
from drsim.reports.charts.scales import (
    Scale,
    Tick,
    drawable,
    figure,
    in_unit,
    linear,
    logarithmic,
    quantity,
    rounded,
    unit_of,
    with_unit,
)
from drsim.reports.text import visible
from drsim.scenarios.result import Distribution

_LOG_FROM: Final = 100
"""An axis over more than two decades is logarithmic."""
_CURVE_POINTS: Final = 200


class _Picture(NamedTuple):
    """What is drawn over an axis: at each place, which has a label, a share for each distribution."""

    height: Axis
    shapes: Sequence[Shape]
    places: Sequence[float]
    labels: Sequence[str]
    shares: Sequence[Sequence[float]]


def distribution(
    name: str,
    title: str,
    distributions: Mapping[str, Distribution],
    *,
    kind: Literal["density", "cdf"] | None = None,
    basis: str = "",
    marks: Sequence[Mark] = (),
    bounds: tuple[float, float] | None = None,
    log: bool | None = None,
) -> Markup:
    """Distributions of one unit over each other, by their labels; a single one with its p50, p95 and p99.

    `kind` "density" shows the share of values in each step, "cdf" the share up to each value; by default several are
    shown by the latter. `bounds` are values that the axis shall hold. `log` is by default decided by the values.
    """
    shown = list(distributions.values())
    cells = [list(cells_of(each)) for each in shown]
    axis = _axis(shown, cells, marks, bounds, log)
    picture = (_cdf if (kind or ("density", "cdf")[len(shown) > 1]) == "cdf" else _density)(axis, cells)
    drawn = [each for each in marks if drawable(each.value)]
    inside = [each for each in drawn if axis.holds(each.value)]
    lines, notes = upright([*(_percentiles(shown[0], axis) if len(shown) == 1 else ()), *inside], axis)
    labels = list(distributions) if len(shown) > 1 else ["share of values"] * len(shown)
    return Figure(
        name=name,
        title=title,
        summary=_summary(distributions),
        data={
            "p": [round(each * WIDTH) for each in picture.places],
            "l": picture.labels,
            "s": [
                {
                    "n": visible(label, LABEL_MAX),
                    "c": coloured("", index),
                    "u": "%",
                    "y": [0, picture.height.scale.high * 100],
                    "v": [rounded(share * 100) for share in picture.shares[index]],
                }
                for index, label in enumerate(labels)
            ],
        },
        shapes=[grid(picture.height), *picture.shapes, *lines],
        bottom=axis.level(),
        left=picture.height.upright(),
        basis=basis or ", ".join(dict.fromkeys(each.basis for each in shown)),
        keys=[Key(label, coloured("", index), index) for index, label in enumerate(labels) if len(shown) > 1],
        upright=notes,
        beyond=beyond([(each, axis) for each in drawn if each not in inside], ("before", "after")),
        empty=not shown,
    ).html()


def ranges(
    name: str,
    title: str,
    distributions: Mapping[str, Distribution],
    *,
    basis: str = "",
    marks: Sequence[Mark] = (),
    bounds: tuple[float, float] | None = None,
    log: bool | None = None,
) -> Markup:
    """Distributions of one unit below each other: a line from the least to the largest value, a bar from p50 to p99."""
    shown = list(distributions.values())
    axis = _axis(shown, [list(cells_of(each)) for each in shown], marks, bounds, log, steps=4)
    rows = max(len(shown), 1)
    middles = [(index + 0.5) / rows for index in range(len(shown))]
    shapes = [columns(axis)]
    for each, middle in zip(shown, middles, strict=True):
        at, top, bottom = 1 - middle, 1 - middle + 0.26 / rows, 1 - middle - 0.26 / rows
        shapes += [
            Shape(line([(axis.at(each.min), at), (axis.at(each.max), at)]), "whisker", "--c1"),
            Shape(boxes([(axis.at(each.p50), axis.at(each.p99), bottom, top)]), "box", "--c1"),
            Shape(boxes([(axis.at(each.p95), axis.at(each.p95), bottom, top)]), "bars", "--c1"),
            Shape(dots([(axis.at(each.p50), at)]), "dots", "--c1"),
        ]
    drawn = [each for each in marks if drawable(each.value)]
    inside = [each for each in drawn if axis.holds(each.value)]
    lines, notes = upright(inside, axis)
    figures = {"min": "--faint", "p50": "--c1", "p95": "--c1", "p99": "--c1", "max": "--faint"}
    return Figure(
        name=name,
        title=title,
        summary="Line: from least to largest; bar: from p50 (the dot) to p99, with p95 inside."
        if shown
        else "No values.",
        data={
            "rows": 1,
            "p": [round(middle * WIDTH) for middle in middles],
            "l": [visible(label, LABEL_MAX) for label in distributions],
            "s": [
                {
                    "n": key,
                    "c": colour,
                    "u": axis.unit,
                    "y": None,
                    "v": [rounded(getattr(each, key) / axis.divisor) for each in shown],
                }
                for key, colour in figures.items()
            ],
        },
        shapes=[*shapes, *lines],
        bottom=axis.level(),
        left=[Place(percent(middle), label) for middle, label in zip(middles, distributions, strict=True)],
        right=[
            Place(percent(at), quantity(each.p99, unit_of(each.unit))) for at, each in zip(middles, shown, strict=True)
        ],
        basis=basis or ", ".join(dict.fromkeys(each.basis for each in shown)),
        unit_right="p99",
        upright=notes,
        beyond=beyond([(each, axis) for each in drawn if each not in inside], ("before", "after")),
        rows=rows,
        empty=not shown,
    ).html()


def _axis(
    shown: Sequence[Distribution],
    cells: Sequence[Sequence[Cell]],
    marks: Sequence[Mark],
    bounds: tuple[float, float] | None,
    log: bool | None,
    steps: int = 7,
) -> Axis:
    """An axis for all values, no finer than they are known, and for the marks that do not squash them."""
    unit = unit_of(shown[0].unit) if shown else ""
    low = min([*(each.min for each in shown), *(bounds or ())], default=0.0)
    high = max([*(each.max for each in shown), *(bounds or ())], default=0.0)
    if low > 0 and (high > _LOG_FROM * low if log is None else log):
        near = [each.value for each in marks if drawable(each.value) and low / 10 <= each.value <= high * 10]
        scale, ticks = logarithmic(min(low, *near, low), max(high, *near, high), unit)
        return Axis(scale=scale, ticks=ticks, unit=unit)
    lacking = max(4 * coarsest(cells) - (high - low), 0) / 2
    low, high = room_for(low - lacking, high + lacking, marks)
    name, divisor = in_unit(unit, max(abs(low), abs(high)))
    scale, ticks = linear(low / divisor, high / divisor, steps)
    named = [Tick(tick.value, with_unit(tick.label, name)) for tick in ticks]
    return Axis(scale=scale, ticks=named, unit=name, divisor=divisor)


def _density(axis: Axis, cells: Sequence[Sequence[Cell]]) -> _Picture:
    """The share of values in each step: bars, or outlines if there are several."""
    edges = edges_of(cells, axis.scale, axis.divisor)
    shares = [shares_of(each, edges) for each in cells]
    scale, ticks = linear(0, max((share for each in shares for share in each), default=0.0) * 100, 4)
    height = Axis(scale=Scale(0, scale.high / 100), ticks=[Tick(tick.value / 100, f"{tick.label}%") for tick in ticks])
    sides = [(max(axis.at(low), 0.0), min(axis.at(high), 1.0)) for low, high in pairwise(edges)]
    shapes = []
    for index, each in enumerate(shares):
        colour = coloured("", index)
        if len(shares) == 1:
            inset = 0.04 * (sides[0][1] - sides[0][0])
            bars = [
                (left + inset, right - inset, 0, height.at(share))
                for (left, right), share in zip(sides, each, strict=True)
                if share
            ]
            shapes.append(Shape(boxes(bars), "bars", colour, index))
            continue
        tops = [(left, height.at(share)) for (left, _), share in zip(sides, each, strict=True)]
        outline = [(sides[0][0], 0.0), *tops, (sides[-1][1], 0.0)]
        shapes.append(Shape(line(outline, step=True, base=0), "area", colour, index))
        shapes.append(Shape(line(outline, step=True), "line", colour, index))
    labels = [f"{figure(low / axis.divisor)} to {axis.text(high)}" for low, high in pairwise(edges)]
    return _Picture(height, shapes, [(left + right) / 2 for left, right in sides], labels, shares)


def _cdf(axis: Axis, cells: Sequence[Sequence[Cell]]) -> _Picture:
    """The share of values up to each value, as lines."""
    height = Axis(scale=Scale(0, 1), ticks=[Tick(quarter / 4, f"{quarter * 25}%") for quarter in range(5)])
    curves = [cumulated(each) for each in cells]
    values = sorted({value for curve in curves for value, _ in curve})
    # No two points nearer than can be told apart.
    values = list({round(axis.at(value) * _CURVE_POINTS): value for value in values}.values())
    shares = [[share_up_to(value, curve) for value in values] for curve in curves]
    places = [axis.at(value) for value in values]
    shapes = [
        Shape(
            line([(0.0, 0.0), *((axis.at(value), share) for value, share in curve), (1.0, 1.0)]),
            "line",
            coloured("", index),
            index,
        )
        for index, curve in enumerate(curves)
    ]
    return _Picture(height, shapes, places, [f"up to {axis.text(value)}" for value in values], shares)


def _percentiles(found: Distribution, axis: Axis) -> Iterator[Mark]:
    """Marks at p50, p95 and p99; those that read alike are one."""
    groups: dict[str, list[tuple[str, float]]] = {}
    for name, value in (("p50", found.p50), ("p95", found.p95), ("p99", found.p99)):
        groups.setdefault(axis.text(value), []).append((name, value))
    for group in groups.values():
        yield Mark(label=", ".join(name for name, _ in group), value=group[0][1], colour="--ink")


def _summary(distributions: Mapping[str, Distribution]) -> str:
    """One sentence: how many values, and where half and nearly all of them lie; of the first three at most."""
    if not distributions:
        return "No values."
    parts = []
    for label, each in list(distributions.items())[:3]:
        values, unit = f"{each.count} value{'' if each.count == 1 else 's'}", unit_of(each.unit)
        low, p50, p95, p99, high = (quantity(at, unit) for at in (each.min, each.p50, each.p95, each.p99, each.max))
        if len(distributions) > 1:
            parts.append(f"{visible(label, LABEL_MAX)}: {values}, p50 {p50}, p95 {p95}, p99 {p99}")
        elif low == high:
            parts.append(f"{values}, all {low}")
        else:
            parts.append(f"{values} from {low} to {high}, half of them up to {p50}")
    return f"{'; '.join(parts)}."
