"""Which plots each section of the page has, and from which figures of the result.

Owns the choice; `charts` draws. Each plot is a function of its own, so one that cannot be drawn leaves the others.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from markupsafe import Markup

from drsim.reports.charts import Mark, Series, Span, distribution, ranges, stacked
from drsim.reports.charts import timeline as over_time
from drsim.reports.metrics import STATISTICS
from drsim.scenarios.result import AlarmRecord, Distribution, MetricRecord, Minute, Result, TickRecord, Widget
from drsim.simulator.figures.table import FIGURES

Plot = Callable[[], Markup]

_FINDER: Final = "ExecutionFinder"
_POLLER: Final = "ExecutionPoller"
_QUERIES: Final = "Performance <100ms queries"
"""The criterion whose threshold limits queries."""
_PHASE_COLOURS: Final = {"PENDING": "--c6", "STARTED": "--c2", "IN_PROGRESS": "--c1"}


def plots_of(section: str, result: Result) -> list[Plot]:
    """The plots of a section, none where it has none or where the run has nothing to be plotted."""
    makers = {
        "finder": _of_finder,
        "poller": _of_poller,
        "performance": _of_performance,
        "cloudwatch": _of_cloudwatch,
    }
    maker = makers.get(section)
    return [*(maker(result) if maker is not None else ()), *_of_table(section, result)]


def _of_finder(result: Result) -> Iterator[Plot]:
    if result.metrics.ticks:
        yield partial(_ticks, result)
    gaps = {each.phase: f"poll_gap.{each.phase}" for each in result.metrics.cadence}
    found = _named(result, gaps)
    if found:
        marks = [
            Mark(label=f"{each.phase} {kind}", value=value * 1000, colour=_PHASE_COLOURS[each.phase])
            for each in result.metrics.cadence
            if each.phase in found
            for kind, value in (("as set", each.configured), ("in effect", each.effective))
        ]
        yield partial(distribution, "gaps", "Gap between two polls, by phase", found, marks=marks)
    durations = _durations(result, _FINDER)
    if durations:
        yield partial(ranges, "finder-time", "Duration of the finder", durations)


def _of_poller(result: Result) -> Iterator[Plot]:
    durations = _durations(result, _POLLER)
    if durations:
        marks = _phase_2("warm max", "ExecutionPoller.warm")
        yield partial(ranges, "poller-time", "Duration of a poll", durations, marks=marks)
    calls = {"update, cold": "UpdateItem.cold", "update, warm": "UpdateItem.warm"}
    found = _named(result, {**calls, "DescribeJobs": "DescribeJobs.warm", "GetItem": "GetItem.warm"})
    if found:
        marks = _phase_2("warm update max", "UpdateItem.warm")
        yield partial(ranges, "poller-calls", "Latency of the poller's calls", found, marks=marks)


def _of_table(section: str, result: Result) -> Iterator[Plot]:
    """The figures whose entries name the section."""
    for figure in FIGURES.values():
        if figure.section == section and (found := _named(result, {"": figure.name})):
            yield partial(distribution, figure.name.replace("_", "-"), figure.title, found, log=False)


def _of_performance(result: Result) -> Iterator[Plot]:
    functions = result.metrics.configuration["functions"]
    concurrent = _lines(result, "AWS/Lambda", "ConcurrentExecutions", "Maximum", {(): "account", (_POLLER,): "pollers"})
    if concurrent:
        limits = [Mark(label="limit of the account", value=functions["account_concurrency"])]
        limits += [
            Mark(label=f"reserved for the {name}", value=functions[name]["reserved_concurrency"])
            for name in ("finder", "poller")
            if functions[name]["reserved_concurrency"] is not None
        ]
        yield partial(
            over_time, "concurrency", "Lambda invocations at once", concurrent, basis="observed", marks=limits
        )
    finder = _lines(result, "AWS/Lambda", "Duration", "Maximum", {(_FINDER,): "longest finder of the minute"})
    if finder:
        marks = [Mark(label="timeout", value=result.capacity.timeout * 1000)] if result.capacity else []
        minute = "The finder's minute"
        yield partial(over_time, "finder-minute", minute, finder, unit="ms", basis="modelled", marks=marks)
    asked = _lines(result, "drsim", "DescribeJobs", "Sum", {(): "calls"})
    if asked:
        yield partial(over_time, "drs-calls", "DescribeJobs calls to DRS per minute", asked, basis="observed")
    queries = _named(result, {"Query, cold": "Query.cold", "Query, warm": "Query.warm"})
    if queries:
        marks = [*_criterion(result, _QUERIES), *_phase_2("max", "Query.cold")]
        yield partial(distribution, "queries", "Latency of StatusIndex queries", queries, marks=marks)


def _of_cloudwatch(result: Result) -> Iterator[Plot]:
    for alarm in result.metrics.alarms:
        yield partial(_alarm, result, alarm)
    for number, widget in enumerate(result.metrics.dashboard):
        if any(line.metric is not None for line in widget.lines):
            yield partial(_widget, result, number, widget)


def _ticks(result: Result) -> Markup:
    """Ticks over time: of the executions found, those polled and those skipped as not yet due."""
    instants = [(_seconds(tick.at), tick) for tick in result.metrics.ticks]

    def series(label: str, colour: str, value: Callable[[TickRecord], int]) -> Series:
        return Series(label=label, points=[(at, float(value(tick))) for at, tick in instants], colour=colour)

    shown = [
        series("polled", "--c1", lambda tick: tick.polled),
        series("found and skipped", "--s-PENDING", lambda tick: max(tick.found - tick.polled, 0)),
    ]
    return stacked("ticks", "Executions found by each tick, polled and skipped", shown, basis="observed")


def _alarm(result: Result, alarm: AlarmRecord) -> Markup:
    """What an alarm judges, its metric over the period that slides, beside its threshold; time in ALARM is shaded."""
    metric = None if alarm.metric is None else result.metrics.cloudwatch[alarm.metric]
    ends = [*(_seconds(change.at) for change in alarm.changes[1:]), None]
    spans = [
        Span(label="ALARM", start=_seconds(change.at), end=end, colour="--fail")
        for change, end in zip(alarm.changes, ends, strict=True)
        if change.state == "ALARM"
    ]
    states = " → ".join(change.state for change in alarm.changes)
    shown = [] if metric is None else [_judged(alarm, metric, _bounds(result))]
    return over_time(
        f"alarm-{alarm.name}",
        f"Alarm {alarm.name}: {states}",
        shown,
        unit=_unit(metric),
        basis="observed",
        marks=[
            Mark(label=f"threshold ({alarm.statistic.lower()} of {alarm.period_minutes} min)", value=alarm.threshold)
        ],
        spans=spans,
        bounds=_bounds(result),
    )


def _judged(alarm: AlarmRecord, metric: MetricRecord, bounds: tuple[float, float]) -> Series:
    """The value that the alarm looks at, at the end of each minute: that of the minutes with data in its period.

    A quantile of a period does not follow from those of its minutes and is not drawn.
    """
    minutes = {minute.at: minute for minute in metric.minutes}
    points: list[tuple[float, float | None]] = []
    for last in range(int(bounds[0] // 60) * 60, int(bounds[1] // 60) * 60, 60):
        period = [minutes[at] for at in range(last - 60 * (alarm.period_minutes - 1), last + 1, 60) if at in minutes]
        points.append((last + 60, STATISTICS[alarm.statistic](_together(period)) if period else None))
    label = f"{metric.name} ({alarm.statistic.lower()} of {alarm.period_minutes} min)"
    return Series(label=label, points=points, style="step")


def _together(minutes: Sequence[Minute]) -> Minute:
    """Minutes as if they were one."""
    return Minute(
        minutes[0].at,
        sum(minute.samples for minute in minutes),
        sum(minute.sum for minute in minutes),
        min(minute.min for minute in minutes),
        max(minute.max for minute in minutes),
        math.nan,
        math.nan,
    )


def _widget(result: Result, number: int, widget: Widget) -> Markup:
    """A widget of the dashboard, as CloudWatch would draw it from this run's metrics."""
    metrics = result.metrics.cloudwatch
    lines = [(line, metrics[line.metric]) for line in widget.lines if line.metric is not None]
    left = next((metric for line, metric in lines if not line.right), None)
    right = next((metric for line, metric in lines if line.right), None)
    return over_time(
        f"widget-{number}",
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
    """The distributions of the run by their labels, without those that have no value."""
    distributions = result.metrics.distributions
    return {label: distributions[name] for label, name in names.items() if name in distributions}


def _criterion(result: Result, name: str) -> list[Mark]:
    """The limit of a criterion, if it is judged by a number."""
    limits = (each.limit for each in result.criteria if each.name == name)
    return [Mark(label="criterion: under", value=limit) for limit in limits if limit is not None]


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
