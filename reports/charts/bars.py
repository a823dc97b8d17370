"""Charts of shares: a bar for each limit, from nothing to all of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from drsim.reports.charts import drawing, scales
from drsim.reports.charts.drawing import Mark, Shape
from drsim.reports.charts.scales import AxisLabel
from drsim.reports.text import visible
from drsim.simulator.durations import number

_ALL: Final = 100
_HIGH: Final = 80
"""From this percentage on a limit is close."""


@dataclass(frozen=True, slots=True)
class Bar:
    """How much of a limit is used, in percent, and texts about it: in full, and a few words after the percentage."""

    label: str
    percent: float
    text: str
    note: str = ""


def bars(name: str, title: str, rows: Sequence[Bar], *, basis: str = "") -> Markup:
    """Bars below each other, on an axis from 0 to 100 % or to the longest bar, with a mark at 100 %."""
    shown = [each for each in rows if scales.drawable(each.percent)]
    axis = scales.linear(0, max([_ALL, *(each.percent for each in shown)]), 5, unit="%")
    count = max(len(shown), 1)
    middles = [(index + 0.5) / count for index in range(len(shown))]
    places = [scales.percent(middle) for middle in middles]
    shapes = []
    for each, middle in zip(shown, middles, strict=True):
        sides = (0.0, axis.at(each.percent), 1 - middle - 0.3 / count, 1 - middle + 0.3 / count)
        colour = "--fail" if each.percent >= _ALL else "--c2" if each.percent >= _HIGH else "--c1"
        shapes.append(Shape(drawing.boxes([sides]), "bars", colour))
    marked = drawing.upright([Mark(label="limit", value=_ALL)], axis)
    most = max(shown, key=lambda each: each.percent, default=None)
    labels = [visible(f"{each.label}: {each.text}", drawing.LABEL_MAX) for each in shown]
    return drawing.ChartLayout(
        name=name,
        title=title,
        summary=f"Most used: {visible(most.label)}, {most.text}." if most else "",
        data={
            "rows": 1,
            "p": [round(middle * drawing.WIDTH) for middle in middles],
            "l": labels,
            "s": [drawing.data_of("used", "--c1", "%", None, [each.percent for each in shown])],
        },
        shapes=[drawing.grid(axis, upright=False), *shapes, *marked.lines],
        marked=marked,
        bottom=[each._replace(label=f"{each.label}%") for each in axis.labels()],
        left=[AxisLabel(place, each.label) for place, each in zip(places, shown, strict=True)],
        right=[
            AxisLabel(place, f"{number(each.percent)}%{each.note and f', {each.note}'}")
            for place, each in zip(places, shown, strict=True)
        ],
        basis=basis,
        unit_right="used",
        rows=count,
        is_wide=True,
    ).html()
