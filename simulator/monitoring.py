"""The deployed alarms and the dashboard, read from the template and run on the simulated CloudWatch's metrics.

Owns when an alarm changes its state. Nobody in a world hears of alarms, so they are evaluated when the run is over,
and come out as if they had been all the while. Source: CloudWatch user guide, "Alarm evaluation" and "Configuring how
alarms treat missing data".
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

from orchestrator.settings import MINUTE_US, SECOND_US
from simulator.cloudwatch import NAMESPACE, TABLE, Metric, Minute, joined, statistic
from simulator.events import FINDER, POLLER
from simulator.template import Resolver, template

_ALARM: Final = "AWS::CloudWatch::Alarm"
_COMPARISONS: Final = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": ">=",
    "LessThanThreshold": "<",
    "LessThanOrEqualToThreshold": "<=",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm on one metric. `comparison` and `missing` are CloudWatch's words."""

    name: str
    description: str
    metric: Metric
    statistic: str
    period_us: int
    threshold: float
    comparison: str
    missing: str


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


@lru_cache(maxsize=1)
def alarms() -> tuple[Alarm, ...]:
    """The template's alarms, as deployed with its defaults."""
    resolver = _resolver()
    return tuple(
        _alarm(resolver.value(resource["Properties"]))
        for resource in template()["Resources"].values()
        if resource["Type"] == _ALARM
    )


@lru_cache(maxsize=1)
def dashboard() -> tuple[Widget, ...]:
    """The widgets of the template's dashboard, in its order."""
    body = json.loads(_resolver().value(template()["Resources"]["PollingDashboard"]["Properties"]["DashboardBody"]))
    return tuple(_widget(widget["properties"]) for widget in body["widgets"])


def history(alarm: Alarm, minutes: Sequence[Minute], first: int, last: int) -> tuple[Change, ...]:
    """How the alarm's state changed from minute `first` until before minute `last`.

    It looks at the end of every minute, at a sliding period. Data that is missing changes nothing where the alarm
    ignores it, and is good where it is notBreaching.
    """
    by_number = {minute.number: minute for minute in minutes}
    width = alarm.period_us // MINUTE_US
    changes = [Change(first - 1, "INSUFFICIENT_DATA", "created")]
    for now in range(first, last):
        period = joined(by_number[number] for number in range(now - width + 1, now + 1) if number in by_number)
        if period is None:
            if alarm.missing == "ignore":
                continue
            state, reason = "OK", f"no datapoint in {width} min, which is not breaching"
        else:
            value = statistic(period, alarm.statistic)
            sign = _COMPARISONS[alarm.comparison]
            breaching = _breaches(value, sign, alarm.threshold)
            state = "ALARM" if breaching else "OK"
            reason = f"{alarm.statistic} {value:g} is {'' if breaching else 'not '}{sign} {alarm.threshold:g}"
        if state != changes[-1].state:
            changes.append(Change(now, state, reason))
    return tuple(changes)


def condition(alarm: Alarm) -> str:
    """When it alarms, in words: Errors of ExecutionPoller: Sum over 5 min > 5."""
    whose = f" of {alarm.metric.dimensions[-1]}" if alarm.metric.dimensions else ""
    width = alarm.period_us // MINUTE_US
    sign = _COMPARISONS[alarm.comparison]
    return f"{alarm.metric.name}{whose}: {alarm.statistic} over {width} min {sign} {alarm.threshold:g}"


def _breaches(value: float, sign: str, threshold: float) -> bool:
    match sign:
        case ">":
            return value > threshold
        case ">=":
            return value >= threshold
        case "<":
            return value < threshold
        case _:
            return value <= threshold


def _resolver() -> Resolver:
    """Names as this simulation has them: of the functions and the table; parameters with their defaults."""
    document = template()
    defaults = {name: str(about["Default"]) for name, about in document["Parameters"].items() if "Default" in about}
    names = {"FinderFunction": FINDER, "PollerFunction": POLLER, "ExecutionTable": TABLE, "AWS::Region": "us-east-1"}
    assert defaults["MetricsNamespace"] == NAMESPACE, "the poller's metrics are found under their deployed namespace"
    return Resolver({**defaults, **names}, document["Conditions"])


def _alarm(properties: Mapping[str, Any]) -> Alarm:
    assert properties["EvaluationPeriods"] == 1, "alarms on several periods are not evaluated here"
    dimensions = [text for part in properties.get("Dimensions", ()) for text in (part["Name"], part["Value"])]
    return Alarm(
        name=properties["AlarmName"],
        description=properties["AlarmDescription"],
        metric=Metric(properties["Namespace"], properties["MetricName"], tuple(dimensions)),
        statistic=properties["Statistic"],
        period_us=properties["Period"] * SECOND_US,
        threshold=properties["Threshold"],
        comparison=properties["ComparisonOperator"],
        missing=properties["TreatMissingData"],
    )


def _widget(properties: Mapping[str, Any]) -> Widget:
    lines: list[Line] = []
    before: list[str] = []
    for entry in properties["metrics"]:
        *words, options = entry if isinstance(entry[-1], dict) else (*entry, {})
        before = _filled(words, before)
        stat = options.get("stat", properties.get("stat", "Average"))
        metric = Metric(before[0], before[1], tuple(before[2:]))
        lines.append(Line(metric, stat, options.get("yAxis") == "right"))
    marks = properties.get("annotations", {}).get("horizontal", ())
    return Widget(properties["title"], tuple(lines), tuple((mark["label"], mark["value"]) for mark in marks))


def _filled(words: Sequence[str], before: Sequence[str]) -> list[str]:
    """A metric written short: "." repeats the word above, "..." all words above but those that follow it.

    Source: CloudWatch API reference, "Dashboard body structure and syntax".
    """
    if words and words[0] == "...":
        kept = len(before) - len(words) + 1
        return [*before[:kept], *words[1:]]
    return [before[place] if word == "." else word for place, word in enumerate(words)]
