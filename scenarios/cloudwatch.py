"""CloudWatch after a run, as records of its result: metrics, alarms and the dashboard."""

from collections import Counter
from typing import NamedTuple

from drsim.orchestrator.settings import MINUTE_US
from drsim.scenarios.result import AlarmChange, AlarmRecord, MetricRecord, Minute, Widget, WidgetLine, instant
from drsim.simulator.cloudwatch.alarms import Alarm, StateChange, alarms_by_name, condition, history
from drsim.simulator.cloudwatch.dashboard import DashboardWidget, dashboard
from drsim.simulator.cloudwatch.metrics import Metric, MetricSeries
from drsim.simulator.world import World


class CloudWatchRecords(NamedTuple):
    """Everything that a result holds of CloudWatch."""

    metrics: tuple[MetricRecord, ...]
    alarms: tuple[AlarmRecord, ...]
    dashboard: tuple[Widget, ...]


def records_of(world: World) -> CloudWatchRecords:
    """CloudWatch's records of a world that has run."""
    found = world.cloudwatch.metrics()
    positions = {metric: position for position, metric in enumerate(found)}
    return CloudWatchRecords(
        tuple(_metric(metric, series) for metric, series in found.items()),
        tuple(
            _alarm(alarm, found.get(alarm.metric), positions.get(alarm.metric), world)
            for alarm in alarms_by_name().values()
        ),
        tuple(_widget(widget, positions) for widget in dashboard()),
    )


def changes_of(alarm: Alarm, series: MetricSeries | None, world: World) -> tuple[StateChange, ...]:
    """An alarm's states in a world that has run; `series` are its metric's values."""
    began_us, ended_us = (world.spec.epoch_us + at_us for at_us in (0, world.kernel.now_us))
    return history(alarm, series, began_us // MINUTE_US, ended_us // MINUTE_US)


def instant_of(change: StateChange, world: World) -> str:
    """The instant of a change: the end of its minute, and not before the run's start."""
    return instant(max((change.minute + 1) * MINUTE_US, world.spec.epoch_us))


def _alarm(alarm: Alarm, series: MetricSeries | None, position: int | None, world: World) -> AlarmRecord:
    return AlarmRecord(
        name=alarm.name,
        description=alarm.description,
        condition=condition(alarm),
        metric=position,
        statistic=alarm.statistic,
        period_minutes=alarm.period_us // MINUTE_US,
        threshold=alarm.threshold,
        changes=tuple(
            AlarmChange(at=instant_of(change, world), state=change.state, reason=change.reason)
            for change in changes_of(alarm, series, world)
        ),
    )


def _metric(metric: Metric, series: MetricSeries) -> MetricRecord:
    return MetricRecord(
        namespace=metric.namespace,
        name=metric.name,
        dimensions=metric.dimensions,
        unit=series.unit,
        basis="modelled" if series.unit == "Milliseconds" else "observed",
        minutes=tuple(
            Minute(
                each.number * 60,
                each.count,
                *(round(value, 3) for value in (each.total, each.low, each.high, each.p50, each.p99)),
            )
            for each in series.minutes
        ),
    )


def _widget(widget: DashboardWidget, positions: dict[Metric, int]) -> Widget:
    # Lines with the same name and statistic are labelled with their last dimension as well.
    alike = Counter((line.metric.name, line.statistic) for line in widget.lines)
    lines = []
    for line in widget.lines:
        label = f"{line.metric.name} ({line.statistic})"
        if alike[line.metric.name, line.statistic] > 1:
            label += f", {line.metric.dimensions[-1]}"
        position = positions.get(line.metric)
        lines.append(WidgetLine(label=label, metric=position, statistic=line.statistic, right=line.right))
    return Widget(title=widget.title, lines=tuple(lines), marks=widget.marks)
