"""`metrics.csv`: every CloudWatch metric of a run, a row for each minute, and then what recoveries took.

Written without pandas, whose import takes longer than most runs. A test compares it, byte for byte, with what pandas
writes from `reports.frames.metrics`.
"""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from drsim.reports.formats.cases import began
from drsim.reports.text import plain
from drsim.scenarios.metric_records import MetricRecord
from drsim.scenarios.record import ObjectiveRecord
from drsim.scenarios.result import Result

Row: TypeAlias = tuple[Any, ...]

COLUMNS: Final = (
    "at", "namespace", "name", "dimensions", "unit", "basis", "samples", "sum", "min", "max", "p50", "p99"
)  # fmt: skip


def render(result: Result) -> str:
    """The rows of `reports.frames.metrics` with a header: instants in ISO 8601, lines ended by line feeds."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for at, namespace, name, dimensions, *others in rows_of(result):
        instant = datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        rows.writerow((instant, plain(namespace), plain(name), plain(dimensions), *others))
    return text.getvalue()


def rows_of(result: Result) -> Iterator[Row]:
    """The rows as COLUMNS name them, with instants in seconds since the Unix epoch."""
    for metric in result.metrics.cloudwatch:
        names = (metric.namespace, metric.name, dimensions_of(metric))
        for at, *figures in metric.minutes:
            yield (at, *names, metric.unit, metric.basis, *figures)
    ended = began(result) + timedelta(seconds=result.virtual_seconds)
    for record in result.objectives:
        yield from _of_recoveries(record, int(ended.timestamp()) // 60 * 60)


def _of_recoveries(record: ObjectiveRecord, at: int) -> Iterator[Row]:
    """The times of a whole run, and their objective, in the minute in which the run ended."""
    dimensions, times, objective = f"Wave={record.wave}" if record.wave else "", record.times, record.objective
    if times is not None:
        figures = (times.count, times.mean * times.count, times.min, times.max, times.p50, times.p99)
        yield (at, "drsim", "RecoveryTime", dimensions, "Seconds", "observed", *figures)
    if objective is not None:
        same = (objective, objective, objective, objective, objective)
        yield (at, "drsim", "RecoveryObjective", dimensions, "Seconds", "observed", 1, *same)
        missed = float(record.missed)
        yield (at, "drsim", "RecoveriesMissed", dimensions, "Count", "observed", 1, *[missed] * 5)


def dimensions_of(metric: MetricRecord) -> str:
    """A metric's dimensions in one text: TableName=ExecutionTable,Operation=Query."""
    pairs = zip(metric.dimensions[::2], metric.dimensions[1::2], strict=True)
    return ",".join(f"{name}={value}" for name, value in pairs)
