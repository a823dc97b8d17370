"""The deployed alarms and the dashboard, read from the template and run on the simulated CloudWatch's metrics.

Owns when an alarm changes its state. Nobody in a world hears of alarms, so they are evaluated when the run is over, as
if every value had been there at the end of its minute. On AWS an invocation's error, which counts for the minute in
which it began, comes when it ends. Source: CloudWatch user guide, "Alarm evaluation" and "Configuring how alarms treat
missing data".
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import ge, gt, le, lt
from typing import Any, Final, NamedTuple, Self

from drsim.orchestrator.settings import MINUTE_US, SECOND_US
from drsim.simulator.cloudformation import Resolver, template
from drsim.simulator.cloudwatch.metrics import NAMESPACE, TABLE, Metric, Series, statistic
from drsim.simulator.events import FINDER, POLLER

_ALARM: Final = "AWS::CloudWatch::Alarm"
_COMPARISONS: Final[Mapping[str, tuple[str, Callable[[float, float], bool]]]] = {
    "GreaterThanThreshold": (">", gt),
    "GreaterThanOrEqualToThreshold": (">=", ge),
    "LessThanThreshold": ("<", lt),
    "LessThanOrEqualToThreshold": ("<=", le),
}
_WITHOUT_DATA: Final = {"notBreaching": "OK", "breaching": "ALARM", "missing": "INSUFFICIENT_DATA"}
"""States by how an alarm treats missing data; one that ignores it stays as it is."""


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
        """An alarm as CloudFormation describes it, or as DescribeAlarms does: both have the same names."""
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


class Change(NamedTuple):
    """An alarm went into another state at the end of a minute, counted from the Unix epoch."""

    minute: int
    state: str
    reason: str


class Line(NamedTuple):
    """One metric in a widget of the dashboard."""

    metric: Metric
    statistic: str
    right: bool


@dataclass(frozen=True, slots=True)
class Widget:
    """One widget of the dashboard; `marks` are its horizontal annotations, label and value."""

    title: str
    lines: tuple[Line, ...]
    marks: tuple[tuple[str, float], ...]

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> Self:
        """A widget as the dashboard's body has it."""
        lines: list[Line] = []
        before: list[str] = []
        for entry in properties["metrics"]:
            *words, options = entry if isinstance(entry[-1], dict) else (*entry, {})
            namespace, name, *dimensions = before = _filled(words, before)
            stat = options.get("stat", properties.get("stat", "Average"))
            lines.append(Line(Metric(namespace, name, tuple(dimensions)), stat, options.get("yAxis") == "right"))
        marks = properties.get("annotations", {}).get("horizontal", ())
        return cls(properties["title"], tuple(lines), tuple((mark["label"], mark["value"]) for mark in marks))


@lru_cache(maxsize=1)
def alarms_by_name() -> Mapping[str, Alarm]:
    """The template's alarms, as deployed with its defaults, by their names in it without "Alarm": PollerErrors."""
    resolver = _resolver()
    return {
        name.removesuffix("Alarm"): Alarm.of(resolver.value(resource["Properties"]))
        for name, resource in template()["Resources"].items()
        if resource["Type"] == _ALARM
    }


def alarms() -> tuple[Alarm, ...]:
    """The template's alarms, as deployed with its defaults."""
    return tuple(alarms_by_name().values())


@lru_cache(maxsize=1)
def dashboard() -> tuple[Widget, ...]:
    """The widgets of the template's dashboard, in its order."""
    body = json.loads(_resolver().value(template()["Resources"]["PollingDashboard"]["Properties"]["DashboardBody"]))
    return tuple(Widget.of(each["properties"]) for each in body["widgets"])


def history(alarm: Alarm, series: Series | None, first: int, last: int) -> tuple[Change, ...]:
    """How the alarm's state changed from minute `first` until before minute `last`; `series` are its metric's values.

    It looks at the end of every minute, at a period that slides. What it does without data is its own to say. Raises
    ValueError for an alarm on several periods.
    """
    if alarm.periods != 1:
        raise ValueError(f"an alarm that is evaluated must have 1 period, {alarm.name} has {alarm.periods}")
    # An alarm with a unit sees no values in another.
    seen = series.minutes if series is not None and alarm.unit in (None, series.unit) else ()
    minutes = {minute.number: minute for minute in seen}
    width = alarm.period_us // MINUTE_US
    sign, breaches = _COMPARISONS[alarm.comparison]
    changes = [Change(first - 1, "INSUFFICIENT_DATA", "created")]
    for now in range(first, last):
        before = changes[-1].state
        period = [minutes[number] for number in range(now - width + 1, now + 1) if number in minutes]
        if period:
            value = statistic(period, alarm.statistic)
            breaching = breaches(value, alarm.threshold)
            state = "ALARM" if breaching else "OK"
            reason = f"{alarm.statistic} {value:g} is {'' if breaching else 'not '}{sign} {alarm.threshold:g}"
        else:
            state = _WITHOUT_DATA.get(alarm.missing, before)
            reason = f"no data in {width} min, which is {alarm.missing}"
        if state != before:
            changes.append(Change(now, state, reason))
    return tuple(changes)


def condition(alarm: Alarm) -> str:
    """When it alarms, in words: Errors of ExecutionPoller: Sum over 5 min > 5."""
    whose = f" of {alarm.metric.dimensions[-1]}" if alarm.metric.dimensions else ""
    width = alarm.period_us // MINUTE_US
    sign, _ = _COMPARISONS[alarm.comparison]
    return f"{alarm.metric.name}{whose}: {alarm.statistic} over {width} min {sign} {alarm.threshold:g}"


def _resolver() -> Resolver:
    """Names as this simulation has them: of the functions and the table; parameters with their defaults."""
    document = template()
    defaults = {name: str(about["Default"]) for name, about in document["Parameters"].items() if "Default" in about}
    names = {"FinderFunction": FINDER, "PollerFunction": POLLER, "ExecutionTable": TABLE, "AWS::Region": "us-east-1"}
    assert defaults["MetricsNamespace"] == NAMESPACE, "the poller's metrics are found under their deployed namespace"
    return Resolver({**defaults, **names}, document["Conditions"])


def _filled(words: Sequence[str], before: Sequence[str]) -> list[str]:
    """A metric written short: "." repeats the word above, "..." all words above but those that follow it.

    Source: CloudWatch API reference, "Dashboard body structure and syntax".
    """
    if words[0] == "...":
        words = [*before[: len(before) - len(words) + 1], *words[1:]]
    return [before[place] if word == "." else word for place, word in enumerate(words)]
