"""The deployed alarms and dashboard, read from the template. Alarms are evaluated on the simulated metrics.

Nothing in a world reacts to alarms, so they are evaluated after the run, as if each value arrived within its minute. On
AWS an error counts for the minute in which its invocation began, and arrives when that ends. Sources: CloudWatch user
guide, "Alarm evaluation" and "Configuring how alarms treat missing data".
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import ge, gt, le, lt
from typing import Any, Final, NamedTuple, Self

from drsim.orchestrator.settings import MINUTE_US, SECOND_US
from drsim.simulator.cloudformation import resolver, template
from drsim.simulator.cloudwatch.metrics import NAMES, Metric, MetricSeries, statistic

_COMPARISONS: Final[Mapping[str, tuple[str, Callable[[float, float], bool]]]] = {
    "GreaterThanThreshold": (">", gt),
    "GreaterThanOrEqualToThreshold": (">=", ge),
    "LessThanThreshold": ("<", lt),
    "LessThanOrEqualToThreshold": ("<=", le),
}
_WITHOUT_DATA: Final = {"notBreaching": "OK", "breaching": "ALARM", "missing": "INSUFFICIENT_DATA"}
"""The state without data, by the alarm's treatment of missing data; "ignore" keeps the state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm on one metric. `comparison` and `missing` are CloudWatch's words."""

    name: str
    description: str
    metric: Metric
    statistic: str
    unit: str | None
    period_us: int
    periods: int
    threshold: float
    comparison: str
    missing: str
    actions: tuple[str, ...]

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> Self:
        """Make an alarm from its description by CloudFormation or DescribeAlarms, which use the same names."""
        dimensions = [text for part in properties.get("Dimensions", ()) for text in (part["Name"], part["Value"])]
        return cls(
            name=properties["AlarmName"],
            description=properties["AlarmDescription"],
            metric=Metric(properties["Namespace"], properties["MetricName"], tuple(dimensions)),
            statistic=properties["Statistic"],
            unit=properties.get("Unit"),
            period_us=properties["Period"] * SECOND_US,
            periods=properties["EvaluationPeriods"],
            threshold=properties["Threshold"],
            comparison=properties["ComparisonOperator"],
            missing=properties["TreatMissingData"],
            actions=tuple(properties.get("AlarmActions", ())),
        )


class StateChange(NamedTuple):
    """An alarm's new state, from the end of a minute on. Minutes count from the Unix epoch.

    `value` is the statistic that decided, None without data.
    """

    minute: int
    state: str
    reason: str
    value: float | None = None


@lru_cache(maxsize=1)
def alarms_by_name() -> Mapping[str, Alarm]:
    """The template's alarms, deployed with its defaults, by their names in it without "Alarm", such as PollerErrors."""
    deployed = resolver(NAMES)
    return {
        name.removesuffix("Alarm"): Alarm.of(deployed.value(resource["Properties"]))
        for name, resource in template()["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def history(alarm: Alarm, series: MetricSeries | None, first: int, last: int) -> tuple[StateChange, ...]:
    """Evaluate an alarm on its metric's values, at the end of each minute from `first` until before `last`.

    Return its changes of state. The period slides. Raises ValueError for an alarm on several periods.
    """
    if alarm.periods != 1:
        raise ValueError(f"an alarm that is evaluated must have 1 period, {alarm.name} has {alarm.periods}")
    # An alarm with a unit ignores values in other units.
    seen = series.minutes if series is not None and alarm.unit in (None, series.unit) else ()
    minutes = {minute.number: minute for minute in seen}
    width = alarm.period_us // MINUTE_US
    sign, breaches = _COMPARISONS[alarm.comparison]
    changes = [StateChange(first - 1, "INSUFFICIENT_DATA", "created")]
    for now in range(first, last):
        before = changes[-1].state
        period = [minutes[number] for number in range(now - width + 1, now + 1) if number in minutes]
        value = statistic(period, alarm.statistic) if period else None
        if value is not None:
            breaching = breaches(value, alarm.threshold)
            state = "ALARM" if breaching else "OK"
            reason = f"{alarm.statistic} {value:g} is {'' if breaching else 'not '}{sign} {alarm.threshold:g}"
        else:
            state = _WITHOUT_DATA.get(alarm.missing, before)
            reason = f"no data in {width} min, which is {alarm.missing}"
        if state != before:
            changes.append(StateChange(now, state, reason, value))
    return tuple(changes)


def condition(alarm: Alarm) -> str:
    """Format the condition: Errors of ExecutionPoller: Sum over 5 min > 5."""
    whose = f" of {alarm.metric.dimensions[-1]}" if alarm.metric.dimensions else ""
    width = alarm.period_us // MINUTE_US
    sign, _ = _COMPARISONS[alarm.comparison]
    return f"{alarm.metric.name}{whose}: {alarm.statistic} over {width} min {sign} {alarm.threshold:g}"


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
