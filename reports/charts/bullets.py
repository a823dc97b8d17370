"""Charts in rows of what was achieved: bullet bars against a limit, and times stacked from their parts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from markupsafe import Markup

from drsim.reports.charts import drawing, scales
from drsim.reports.charts.drawing import Key, Shape
from drsim.reports.charts.scales import Axis, AxisLabel
from drsim.reports.text import visible

_COLOURS: Final = ("--faint", "--c6", "--c3", "--c1", "--c4", "--c2", "--c5")
"""Of the parts of a stack, from its first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullet:
    """One row: a bar to p95, a dot at p50, a line to the largest value, and a limit if there is one. Seconds."""

    p50: float
    p95: float
    most: float
    limit: float | None
    note: str


def bullets(name: str, title: str, rows: Mapping[str, Bullet], *, basis: str) -> Markup:
    """Achieved times below each other, each against its own limit; a bar beyond it has the colour of failures."""
    axis = _axis([each.limit or 0 for each in rows.values()] + [each.most for each in rows.values()])
    middles = _middles(len(rows))
    shapes = [
        shape
        for each, middle in zip(rows.values(), middles, strict=True)
        for shape in _bullet(each, axis, middle, len(rows))
    ]
    columns = {"p50": "p50", "p95": "p95", "max": "most", "objective": "limit"}
    values = {label: [getattr(each, field) for each in rows.values()] for label, field in columns.items()}
    series = [
        drawing.data_of(label, "--c1", axis.unit, None, [None if at is None else at / axis.divisor for at in found])
        for label, found in values.items()
    ]
    has_limit = any(each.limit is not None for each in rows.values())
    shaded = " Shaded: up to the objective." if has_limit else ""
    places = [scales.percent(middle) for middle in middles]
    return _layout(
        name,
        title,
        f"Bar: p95; dot: p50; line: up to the largest.{shaded}",
        rows=list(rows),
        series=series,
        shapes=shapes,
        axis=axis,
        basis=basis,
        right=[AxisLabel(at, each.note) for at, each in zip(places, rows.values(), strict=True)],
        unit_right="p95 of objective" if has_limit else "p95",
    )


def stacks(name: str, title: str, rows: Mapping[str, Mapping[str, float]], *, basis: str) -> Markup:
    """Times below each other, each as its parts in a row. All rows have the same parts, in seconds."""
    parts = list(next(iter(rows.values()), {}))
    axis = _axis([sum(each.values()) for each in rows.values()])
    shapes = []
    for middle, row in zip(_middles(len(rows)), rows.values(), strict=True):
        left = 0.0
        for number, part in enumerate(parts):
            if row[part] > 0:
                top, bottom = 1 - middle + 0.3 / len(rows), 1 - middle - 0.3 / len(rows)
                box = drawing.boxes([(axis.at(left), axis.at(left + row[part]), bottom, top)])
                shapes.append(Shape(box, "bars", _COLOURS[number % len(_COLOURS)], number))
            left += row[part]
    series = [
        drawing.data_of(
            part,
            _COLOURS[number % len(_COLOURS)],
            axis.unit,
            None,
            [each[part] / axis.divisor for each in rows.values()],
        )
        for number, part in enumerate(parts)
    ]
    keys = [Key(part, _COLOURS[number % len(_COLOURS)], number) for number, part in enumerate(parts)]
    shares = {part: sum(row[part] for row in rows.values()) for part in parts}
    summary = f"Mean times; {max(shares, key=shares.__getitem__)} is the largest part." if parts else ""
    return _layout(
        name, title, summary, rows=list(rows), series=series, shapes=shapes, axis=axis, basis=basis, keys=keys
    )


def _layout(
    name: str,
    title: str,
    summary: str,
    *,
    rows: list[str],
    series: list[drawing.Data],
    shapes: list[Shape],
    axis: Axis,
    basis: str,
    keys: list[Key] | None = None,
    right: list[AxisLabel] | None = None,
    unit_right: str = "",
) -> Markup:
    middles = _middles(len(rows))
    return drawing.ChartLayout(
        name=name,
        title=title,
        summary=summary if rows else "",
        data={
            "rows": 1,
            "p": [round(middle * drawing.WIDTH) for middle in middles],
            "l": [visible(label, drawing.LABEL_MAX) for label in rows],
            "s": series,
        },
        shapes=[drawing.grid(axis, upright=False), *shapes],
        marked=drawing.Marked((), ()),
        bottom=axis.labels(),
        left=[AxisLabel(scales.percent(middle), label) for middle, label in zip(middles, rows, strict=True)],
        right=right or (),
        basis=basis,
        unit_right=unit_right,
        keys=keys or (),
        rows=max(len(rows), 1),
    ).html()


def _bullet(each: Bullet, axis: Axis, middle: float, rows: int) -> Iterator[Shape]:
    at, half = 1 - middle, 1 / rows
    colour = "--fail" if each.limit is not None and each.p95 > each.limit else "--c1"
    if each.limit is not None:
        limit, bottom, top = axis.at(each.limit), at - 0.36 * half, at + 0.36 * half
        yield Shape(drawing.boxes([(0, limit, bottom, top)]), "span", "--c6")
        yield Shape(drawing.boxes([(limit - 0.003, limit + 0.003, bottom, top)]), "bars", "--ink")
    yield Shape(drawing.line([(0, at), (axis.at(each.most), at)]), "whisker", colour)
    yield Shape(drawing.boxes([(0, axis.at(each.p95), at - 0.16 * half, at + 0.16 * half)]), "bars", colour)
    yield Shape(drawing.dots([(axis.at(each.p50), at)]), "dots", "--paper")


def _middles(rows: int) -> list[float]:
    return [(index + 0.5) / rows for index in range(rows)]


def _axis(values: list[float]) -> Axis:
    """An axis in seconds, minutes or hours, from 0 to the largest value."""
    most = max((each for each in values if scales.drawable(each)), default=1.0)
    unit, divisor = scales.in_unit("s", most)
    axis = scales.linear(0, most or 1.0, 4, unit=unit, divisor=divisor)
    return replace(axis, ticks=[AxisLabel(at, scales.with_unit(label, unit)) for at, label in axis.ticks])
