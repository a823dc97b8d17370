"""CloudWatch after a run, as records of its result: metrics, alarms and the dashboard."""

from collections import Counter

from drsim.orchestrator.settings import MINUTE_US
from drsim.scenarios.metric_records import AlarmChange, AlarmRecord, MetricRecord, Minute, Widget, WidgetLine
from drsim.scenarios.result import instant
from drsim.simulator.cloudwatch.deployed import Alarm, DashboardWidget, alarms_by_name, condition, dashboard, history
from drsim.simulator.cloudwatch.metrics import Metric, MetricSeries
from drsim.simulator.figures.table import Basis
from drsim.simulator.world import World


def records_of(world: World) -> tuple[tuple[MetricRecord, ...], tuple[AlarmRecord, ...], tuple[Widget, ...]]:
    """The metrics, alarms and widgets of a world that has run."""
    found = world.cloudwatch.metrics()
    positions = {metric: position for position, metric in enumerate(found)}
    metrics = tuple(_metric(metric, series) for metric, series in found.items())
    alarms = tuple(_alarm(name, alarm, positions, world) for name, alarm in alarms_by_name().items())
    return metrics, alarms, tuple(_widget(widget, positions) for widget in dashboard())


def changes_of(alarm: Alarm, world: World) -> tuple[AlarmChange, ...]:
    """An alarm's states in a world that has run."""
    epoch_us, series = world.spec.epoch_us, world.cloudwatch.metrics().get(alarm.metric)
    ended_us = epoch_us + world.kernel.now_us
    changes = []
    for each in history(alarm, series, epoch_us // MINUTE_US, ended_us // MINUTE_US):
        # A state begins at the end of its minute, and not before the run.
        at = instant(max((each.minute + 1) * MINUTE_US, epoch_us))
        changes.append(AlarmChange(at=at, state=each.state, reason=each.reason, value=each.value))
    return tuple(changes)


def _alarm(logical_name: str, alarm: Alarm, positions: dict[Metric, int], world: World) -> AlarmRecord:
    return AlarmRecord(
        name=alarm.name,
        logical_name=logical_name,
        description=alarm.description,
        condition=condition(alarm),
        metric=positions.get(alarm.metric),
        statistic=alarm.statistic,
        period_minutes=alarm.period_us // MINUTE_US,
        threshold=alarm.threshold,
        changes=changes_of(alarm, world),
    )


def _metric(metric: Metric, series: MetricSeries) -> MetricRecord:
    minutes = []
    for each in series.minutes:
        values = (round(value, 3) for value in (each.total, each.low, each.high, each.p50, each.p99))
        minutes.append(Minute(each.number * 60, each.count, *values))
    basis: Basis = "modelled" if series.unit == "Milliseconds" else "observed"
    return MetricRecord(**metric._asdict(), unit=series.unit, basis=basis, minutes=tuple(minutes))


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
