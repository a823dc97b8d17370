"""The plots of each section of the page, and the figures of the result that they show.

Owns the choice; `charts` draws. Each plot is a function, so that one that cannot be drawn does not affect the others.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from markupsafe import Markup

from drsim.reports.capacity import note
from drsim.reports.charts import Bar, Mark, Series, Span, bars, distribution, ranges, stacked
from drsim.reports.charts import timeline as over_time
from drsim.reports.charts.bullets import Bullet, bullets, stacks
from drsim.reports.charts.drawing import COLOURS
from drsim.reports.markdown import STATISTICS
from drsim.reports.objectives import name_of, row_of
from drsim.scenarios.metric_records import AlarmRecord, MetricRecord, Minute, Widget
from drsim.scenarios.record import ObjectiveRecord
from drsim.scenarios.result import Cadence, Distribution, Limit, Result
from drsim.simulator.durations import about, number
from drsim.simulator.figures.table import FIGURES, parts_named

Plot = Callable[[], Markup]

_FINDER: Final = "ExecutionFinder"
_POLLER: Final = "ExecutionPoller"
_QUERIES: Final = "Performance <100ms queries"
"""The criterion whose threshold limits queries."""
_ROWS_MAX: Final = 20


def plots_of(section: str, result: Result) -> list[Plot]:
    """The plots of a section for which the run has values."""
    makers = {
        "finder": _of_finder,
        "poller": _of_poller,
        "performance": _of_performance,
        "cloudwatch": _of_cloudwatch,
    }
    own = makers[section](result) if section in makers else ()
    return [*own, *_of_table(section, result)]


def _of_finder(result: Result) -> Iterator[Plot]:
    if result.metrics.ticks:
        yield partial(_ticks, result)
    gaps = {each.phase: f"poll_gap.{each.phase}" for each in result.metrics.cadence}
    if found := _named(result, gaps):
        marks = _cadence_marks([each for each in result.metrics.cadence if each.phase in found])
        yield partial(distribution, "gaps", "Gap between two polls, by phase", found, marks=marks, from_zero=True)
    if durations := _durations(result, _FINDER):
        yield partial(ranges, "finder-time", "Duration of the finder", durations)


def _cadence_marks(cadence: Sequence[Cadence]) -> list[Mark]:
    """The configured interval of each phase, in its colour, and that in effect: one mark if all are equal."""
    effective = {each.effective for each in cadence}
    marks = []
    for each, colour in zip(cadence, COLOURS, strict=False):
        marks.append(Mark(label=f"{each.phase} configured", value=each.configured * 1000, colour=colour))
        if len(effective) > 1:
            marks.append(Mark(label=f"{each.phase} in effect", value=each.effective * 1000, colour=colour))
    if len(effective) == 1:
        marks.append(Mark(label="in effect", value=effective.pop() * 1000, colour="--ink"))
    return marks


def _of_poller(result: Result) -> Iterator[Plot]:
    if durations := _durations(result, _POLLER):
        marks = _phase_2("warm max", "ExecutionPoller.warm")
        yield partial(ranges, "poller-time", "Duration of a poll", durations, marks=marks)
    updates = {"update, cold": "UpdateItem.cold", "update, warm": "UpdateItem.warm"}
    if calls := _named(result, {**updates, "DescribeJobs": "DescribeJobs.warm", "GetItem": "GetItem.warm"}):
        marks = _phase_2("warm update max", "UpdateItem.warm")
        yield partial(ranges, "poller-calls", "Latency of the poller's calls", calls, marks=marks)


def _of_table(section: str, result: Result) -> Iterator[Plot]:
    """The figures whose entries name the section."""
    for figure in FIGURES.values():
        if figure.section == section and (found := _named(result, {"": figure.name})):
            yield partial(distribution, figure.name.replace("_", "-"), figure.title, found, log=False)


def _of_performance(result: Result) -> Iterator[Plot]:
    shares = [each for each in note(result.capacity, is_ours=result.is_ours).limits if each.utilisation is not None]
    if shares:
        rows = [Bar(each.name, (each.utilisation or 0) * 100, *_use(each)) for each in shares]
        yield partial(bars, "capacity", "Share of each limit that this run used", rows, basis=_bases(shares))
    if any(each.times for each in result.objectives):
        yield partial(_recovery_times, result)
        yield partial(_recovery_parts, result)
    functions = result.metrics.configuration["functions"]
    labels = {(): "account", (_POLLER,): "pollers"}
    if running := _lines(result, "AWS/Lambda", "ConcurrentExecutions", "Maximum", labels):
        bounds = {f"reserved for the {name}": functions[name]["reserved_concurrency"] for name in ("finder", "poller")}
        bounds = {"limit of the account": functions["account_concurrency"], **bounds}
        marks = [Mark(label=label, value=value) for label, value in bounds.items() if value is not None]
        yield partial(over_time, "concurrency", "Lambda invocations at once", running, basis="observed", marks=marks)
    labels = {(_FINDER,): "longest finder of the minute"}
    if finder := _lines(result, "AWS/Lambda", "Duration", "Maximum", labels):
        marks = [Mark(label="timeout", value=result.capacity.timeout * 1000)] if result.capacity else []
        title = "The finder's minute"
        yield partial(over_time, "finder-minute", title, finder, unit="ms", basis="modelled", marks=marks)
    if calls := _lines(result, "drsim", "DescribeJobs", "Sum", {(): "calls"}):
        yield partial(over_time, "drs-calls", "DescribeJobs calls to DRS per minute", calls, basis="observed")
    if queries := _named(result, {"Query, cold": "Query.cold", "Query, warm": "Query.warm"}):
        limits = [each.limit for each in result.criteria if each.name == _QUERIES and each.limit is not None]
        marks = [Mark(label="criterion: under", value=limit) for limit in limits]
        marks += _phase_2("max", "Query.cold")
        yield partial(distribution, "queries", "Latency of StatusIndex queries", queries, marks=marks)


def _use(limit: Limit) -> tuple[str, str]:
    """What is used of a limit, and at how many executions it is reached."""
    unit = f" {limit.unit}" if limit.unit else ""
    use = f"{number(limit.used)} of {number(limit.limit or 0)}{unit}"
    if limit.is_reached:
        return use, "reached"
    return use, "" if limit.at_executions is None else f"all at {about(limit.at_executions)} executions"


def _bases(limits: Sequence[Limit]) -> str:
    return ", ".join(dict.fromkeys(each.basis for each in limits))


def _timed(result: Result) -> list[ObjectiveRecord]:
    """Executions and the first waves that recovered, as many as a plot has rows."""
    return [each for each in result.objectives if each.times][:_ROWS_MAX]


def _recovery_times(result: Result) -> Markup:
    """What executions and waves achieved, each beside its objective."""
    rows = {}
    for record in _timed(result):
        if times := record.times:
            row = row_of(record)
            beside = row.p95 if record.objective is None else f"{row.p95} of {row.objective}"
            rows[row.name] = Bullet(p50=times.p50, p95=times.p95, most=times.max, limit=record.objective, note=beside)
    is_judged = any(each.limit is not None for each in rows.values())
    title = "Recovery time against its objective" if is_judged else "Recovery time"
    return bullets("recovery-times", title, rows, basis="observed")


def _recovery_parts(result: Result) -> Markup:
    timed = _timed(result)
    rows = {
        name_of(record): {part.title: record.parts[part.name] for part in parts_named(record.parts)} for record in timed
    }
    return stacks("recovery-parts", "What a recovery's time consisted of, mean", rows, basis="observed")


def _of_cloudwatch(result: Result) -> Iterator[Plot]:
    for alarm in result.metrics.alarms:
        yield partial(_alarm, result, alarm)
    for place, widget in enumerate(result.metrics.dashboard):
        if any(line.metric is not None for line in widget.lines):
            yield partial(_widget, result, place, widget)


def _ticks(result: Result) -> Markup:
    ticks = [(_seconds(tick.at), tick) for tick in result.metrics.ticks]
    polled = [(at, float(tick.polled)) for at, tick in ticks]
    skipped = [(at, float(max(tick.found - tick.polled, 0))) for at, tick in ticks]
    series = [
        Series(label="polled", points=polled, colour="--c1"),
        Series(label="found and skipped", points=skipped, colour="--s-PENDING"),
    ]
    return stacked("ticks", "Executions found by each tick, polled and skipped", series, basis="observed")


def _alarm(result: Result, alarm: AlarmRecord) -> Markup:
    """What an alarm judges, its metric over the period that slides, beside its threshold; time in ALARM is shaded."""
    metric = None if alarm.metric is None else result.metrics.cloudwatch[alarm.metric]
    bounds = _bounds(result)
    judged = f"({alarm.statistic.lower()} of {alarm.period_minutes} min)"
    ends = [*(_seconds(change.at) for change in alarm.changes[1:]), None]
    return over_time(
        f"alarm-{alarm.name}",
        f"Alarm {alarm.name}: {' → '.join(change.state for change in alarm.changes)}",
        [] if metric is None else [_judged(alarm, metric, f"{metric.name} {judged}", bounds)],
        unit=_unit(metric),
        basis="observed",
        marks=[Mark(label=f"threshold {judged}", value=alarm.threshold)],
        spans=[
            Span(label="ALARM", start=_seconds(change.at), end=end, colour="--fail")
            for change, end in zip(alarm.changes, ends, strict=True)
            if change.state == "ALARM"
        ],
        bounds=bounds,
    )


def _judged(alarm: AlarmRecord, metric: MetricRecord, label: str, bounds: tuple[float, float]) -> Series:
    """The value that the alarm judges, at the end of each minute: that of the minutes with data in its period.

    A quantile of a period does not follow from those of its minutes and is not drawn.
    """
    minutes = {minute.at: minute for minute in metric.minutes}
    points: list[tuple[float, float | None]] = []
    for last in range(int(bounds[0] // 60) * 60, int(bounds[1] // 60) * 60, 60):
        period = [minutes[at] for at in range(last - 60 * (alarm.period_minutes - 1), last + 1, 60) if at in minutes]
        points.append((last + 60, STATISTICS[alarm.statistic](_together(period)) if period else None))
    return Series(label=label, points=points, style="step")


def _together(minutes: Sequence[Minute]) -> Minute:
    at, samples, sums, lows, highs, _, _ = zip(*minutes, strict=True)
    return Minute(at[0], sum(samples), sum(sums), min(lows), max(highs), math.nan, math.nan)


def _widget(result: Result, place: int, widget: Widget) -> Markup:
    """A widget of the dashboard, as CloudWatch would draw it from this run's metrics."""
    lines = [(line, result.metrics.cloudwatch[line.metric]) for line in widget.lines if line.metric is not None]
    left, right = (next((metric for line, metric in lines if line.right is side), None) for side in (False, True))
    return over_time(
        f"widget-{place}",
        f"Dashboard: {widget.title}",
        [_series(line.label, metric, line.statistic, right=line.right) for line, metric in lines],
        unit=_unit(left),
        unit_right=_unit(right),
        basis="/".join(sorted({metric.basis for _, metric in lines})),
        marks=[Mark(label=label, value=value) for label, value in widget.marks],
        bounds=_bounds(result),
        gap_seconds=90,
    )


def _series(label: str, metric: MetricRecord, statistic: str, *, right: bool = False) -> Series:
    value = STATISTICS[statistic]
    return Series(label=label, points=[(minute.at, value(minute)) for minute in metric.minutes], right=right)


def _lines(
    result: Result, namespace: str, name: str, statistic: str, labels: Mapping[tuple[str, ...], str]
) -> list[Series]:
    """One series per labelled dimension, keyed by the dimension's last value."""
    found = {
        metric.dimensions[-1:]: metric
        for metric in result.metrics.cloudwatch
        if (metric.namespace, metric.name) == (namespace, name)
    }
    return [_series(label, found[of], statistic) for of, label in labels.items() if of in found]


def _named(result: Result, names: Mapping[str, str]) -> dict[str, Distribution]:
    """The distributions of the run by their labels, without missing ones."""
    distributions = result.metrics.distributions
    return {label: distributions[name] for label, name in names.items() if name in distributions}


def _phase_2(label: str, name: str) -> list[Mark]:
    """The largest value that the Phase 2 report gives for a figure."""
    largest = FIGURES[name].phase_2_max
    return [] if largest is None else [Mark(label=f"Phase 2: {label}", value=largest, colour="--c6")]


def _durations(result: Result, function: str) -> dict[str, Distribution]:
    kinds = {"init": "init", "cold": "cold", "cold, idle": "cold_idle", "warm": "warm", "warm, idle": "warm_idle"}
    return _named(result, {label: f"{function}.{kind}" for label, kind in kinds.items()})


def _unit(metric: MetricRecord | None) -> str:
    """A CloudWatch unit as charts write it."""
    return {"Milliseconds": "ms", "Seconds": "s"}.get("" if metric is None else metric.unit, "")


def _seconds(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()


def _bounds(result: Result) -> tuple[float, float]:
    start = _seconds(result.metrics.configuration["start"])
    return start, start + result.virtual_seconds
