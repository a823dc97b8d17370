"""CloudWatch as a run left it, as records of its result: metrics, alarms and the dashboard."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from orchestrator.settings import MINUTE_US
from scenarios.result import AlarmChange, AlarmRecord, MetricRecord, Minute, Widget, WidgetLine
from simulator import cloudwatch, monitoring
from simulator.cloudwatch import Metric
from simulator.world import World


class Monitored(NamedTuple):
    """All three."""

    metrics: tuple[MetricRecord, ...]
    alarms: tuple[AlarmRecord, ...]
    dashboard: tuple[Widget, ...]


def monitored(world: World) -> Monitored:
    """What CloudWatch holds of a world that has run."""
    found = world.cloudwatch.metrics()
    first, last = ((world.spec.epoch_us + at_us) // MINUTE_US for at_us in (0, world.kernel.now_us))
    places = {metric: place for place, metric in enumerate(found)}
    return Monitored(
        tuple(_metric(metric, world.cloudwatch.units[metric], minutes) for metric, minutes in found.items()),
        tuple(
            AlarmRecord(
                name=alarm.name,
                description=alarm.description,
                condition=monitoring.condition(alarm),
                metric=places.get(alarm.metric),
                statistic=alarm.statistic,
                period_minutes=alarm.period_us // MINUTE_US,
                threshold=alarm.threshold,
                changes=tuple(
                    AlarmChange(at=_instant(change.minute + 1), state=change.state, reason=change.reason)
                    for change in monitoring.history(alarm, found.get(alarm.metric, ()), first, last)
                ),
            )
            for alarm in monitoring.alarms()
        ),
        tuple(_widget(widget, places) for widget in monitoring.dashboard()),
    )


def _metric(metric: Metric, unit: str, minutes: Sequence[cloudwatch.Minute]) -> MetricRecord:
    return MetricRecord(
        namespace=metric.namespace,
        name=metric.name,
        dimensions=metric.dimensions,
        unit=unit,
        basis="modelled" if unit == "Milliseconds" else "observed",
        minutes=tuple(
            Minute(
                each.number * 60,
                each.count,
                *(round(value, 3) for value in (each.total, each.low, each.high, each.p50, each.p99)),
            )
            for each in minutes
        ),
    )


def _widget(widget: monitoring.Widget, places: dict[Metric, int]) -> Widget:
    several = {line.metric.name for line in widget.lines if _alike(widget, line) > 1}
    return Widget(
        title=widget.title,
        lines=tuple(
            WidgetLine(
                label=_label(line, named=line.metric.name in several),
                metric=places.get(line.metric),
                statistic=line.statistic,
                right=line.right,
            )
            for line in widget.lines
        ),
        marks=widget.marks,
    )


def _alike(widget: monitoring.Widget, line: monitoring.Line) -> int:
    """How many lines of the widget show this metric by its name and statistic: dimensions must then tell them apart."""
    shown = (line.metric.name, line.statistic)
    return sum((other.metric.name, other.statistic) == shown for other in widget.lines)


def _label(line: monitoring.Line, *, named: bool) -> str:
    label = f"{line.metric.name} ({line.statistic})"
    return f"{label}, {line.metric.dimensions[-1]}" if named else label


def _instant(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, tz=UTC).isoformat().replace("+00:00", "Z")
