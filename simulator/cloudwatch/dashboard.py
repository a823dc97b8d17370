"""The deployed dashboard, read from the template."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Self

from drsim.simulator.cloudformation import resolver, template
from drsim.simulator.cloudwatch.metrics import NAMES, Metric


class WidgetMetric(NamedTuple):
    """One metric in a widget of the dashboard."""

    metric: Metric
    statistic: str
    right: bool


@dataclass(frozen=True, slots=True)
class DashboardWidget:
    """One widget of the dashboard; `marks` are its horizontal annotations, label and value."""

    title: str
    lines: tuple[WidgetMetric, ...]
    marks: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> Self:
        """Make a widget from its entry in the dashboard's body."""
        lines: list[WidgetMetric] = []
        before: list[str] = []
        for entry in properties["metrics"]:
            *words, options = entry if isinstance(entry[-1], dict) else (*entry, {})
            namespace, name, *dimensions = before = _filled(words, before)
            metric, stat = Metric(namespace, name, tuple(dimensions)), options.get("stat", properties.get("stat"))
            lines.append(WidgetMetric(metric, stat or "Average", options.get("yAxis") == "right"))
        marks = properties.get("annotations", {}).get("horizontal", ())
        return cls(properties["title"], tuple(lines), tuple((mark["label"], mark["value"]) for mark in marks))


@lru_cache(maxsize=1)
def dashboard() -> tuple[DashboardWidget, ...]:
    """The widgets of the template's dashboard, in its order."""
    properties = template()["Resources"]["PollingDashboard"]["Properties"]
    body = json.loads(resolver(NAMES).value(properties["DashboardBody"]))
    return tuple(DashboardWidget.of(each["properties"]) for each in body["widgets"])


def _filled(words: Sequence[str], before: Sequence[str]) -> list[str]:
    """Expand CloudWatch's short form: "." repeats the word above, "..." the words above except the last ones given.

    Source: CloudWatch API reference, "Dashboard body structure and syntax".
    """
    if words[0] == "...":
        words = [*before[: len(before) - len(words) + 1], *words[1:]]
    return [before[position] if word == "." else word for position, word in enumerate(words)]
