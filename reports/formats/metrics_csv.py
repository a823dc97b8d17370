"""`metrics.csv`: every CloudWatch metric of a run, a row for each minute.

Written without pandas, whose import takes longer than most runs. A test compares it, byte for byte, with what pandas
writes from `reports.frames.metrics`.
"""

import csv
import io
from datetime import UTC, datetime
from typing import Final

from drsim.reports.text import plain
from drsim.scenarios.metric_records import MetricRecord
from drsim.scenarios.result import Result

COLUMNS: Final = (
    "at", "namespace", "name", "dimensions", "unit", "basis", "samples", "sum", "min", "max", "p50", "p99"
)  # fmt: skip


def render(result: Result) -> str:
    """The rows of `reports.frames.metrics` with a header: instants in ISO 8601, lines ended by line feeds."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for metric in result.metrics.cloudwatch:
        names = [plain(part) for part in (metric.namespace, metric.name, dimensions_of(metric))]
        for at, *figures in metric.minutes:
            instant = datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            rows.writerow((instant, *names, metric.unit, metric.basis, *figures))
    return text.getvalue()


def dimensions_of(metric: MetricRecord) -> str:
    """A metric's dimensions in one text: TableName=ExecutionTable,Operation=Query."""
    pairs = zip(metric.dimensions[::2], metric.dimensions[1::2], strict=True)
    return ",".join(f"{name}={value}" for name, value in pairs)
