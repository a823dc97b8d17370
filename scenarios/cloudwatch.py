"""CloudWatch as a run left it, as records of its result: metrics, alarms and the dashboard."""

from collections import Counter
from typing import NamedTuple

from drsim.orchestrator.settings import MINUTE_US
from drsim.scenarios.result import AlarmChange, AlarmRecord, MetricRecord, Minute, Widget, WidgetLine, instant
from drsim.simulator.cloudwatch import alarms
from drsim.simulator.cloudwatch.alarms import Alarm, Change
from drsim.simulator.cloudwatch.metrics import Metric, Series
from drsim.simulator.world import World


class Monitored(NamedTuple):
    """All three."""

    metrics: tuple[MetricRecord, ...]
    alarms: tuple[AlarmRecord, ...]
    dashboard: tuple[Widget, ...]


def monitored(world: World) -> Monitored:
    """What CloudWatch holds of a world that has run."""
    found = world.cloudwatch.metrics()
    places = {metric: place for place, metric in enumerate(found)}
    return Monitored(
        tuple(_metric(metric, series) for metric, series in found.items()),
        tuple(_alarm(alarm, found.get(alarm.metric), places.get(alarm.metric), world) for alarm in alarms.alarms()),
        tuple(_widget(widget, places) for widget in alarms.dashboard()),
    )


def changes_of(alarm: Alarm, series: Series | None, world: World) -> tuple[Change, ...]:
    """An alarm's states in a world that has run; `series` are its metric's values."""
    began_us, ended_us = (world.spec.epoch_us + at_us for at_us in (0, world.kernel.now_us))
    return alarms.history(alarm, series, began_us // MINUTE_US, ended_us // MINUTE_US)


def instant_of(change: Change, world: World) -> str:
    """When an alarm changed: a minute's state is known at its end; what was before is shown from the run's start on."""
    return instant(max((change.minute + 1) * MINUTE_US, world.spec.epoch_us))


def _alarm(alarm: Alarm, series: Series | None, place: int | None, world: World) -> AlarmRecord:
    return AlarmRecord(
        name=alarm.name,
        description=alarm.description,
        condition=alarms.condition(alarm),
        metric=place,
        statistic=alarm.statistic,
        period_minutes=alarm.period_us // MINUTE_US,
        threshold=alarm.threshold,
        changes=tuple(
            AlarmChange(at=instant_of(change, world), state=change.state, reason=change.reason)
            for change in changes_of(alarm, series, world)
        ),
    )


def _metric(metric: Metric, series: Series) -> MetricRecord:
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


def _widget(widget: alarms.Widget, places: dict[Metric, int]) -> Widget:
    # Where lines of one name and statistic differ by their dimensions only, labels name those.
    alike = Counter((line.metric.name, line.statistic) for line in widget.lines)
    return Widget(
        title=widget.title,
        lines=tuple(
            WidgetLine(
                label=_label(line, named=alike[line.metric.name, line.statistic] > 1),
                metric=places.get(line.metric),
                statistic=line.statistic,
                right=line.right,
            )
            for line in widget.lines
        ),
        marks=widget.marks,
    )


def _label(line: alarms.Line, *, named: bool) -> str:
    label = f"{line.metric.name} ({line.statistic})"
    return f"{label}, {line.metric.dimensions[-1]}" if named else label
