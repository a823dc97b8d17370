"""The result of a run as data: `result.json`, version 1. All that reports may see of a run.

Owns the shape and no judgement. Durations are in the unit that a figure names; instants are ISO 8601 in UTC. Every
figure says its basis: `modelled` (comes from a latency model), `observed` (happened in virtual time) or `measured` (on
this host). No figure claims to have been measured on AWS.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Final = 1

Verdict = Literal["pass", "fail", "not exercised"]
RunVerdict = Literal["pass", "fail", "unknown"]
Tier = Literal["fast", "wire"]
Basis = Literal["modelled", "observed", "measured"]
TraceLevel = Literal["off", "summary", "full"]


class Record(BaseModel):
    """Base of all parts: immutable, and closed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Executions(Record):
    """How many executions were started, and how many stood where at the end."""

    started: int
    completed: int
    partial: int
    failed: int
    timeout: int
    cancelled: int
    polling: int


class ViolationRecord(Record):
    """One contradiction to a property. `execution_id` is "" where none is concerned."""

    execution_id: str
    at: str
    expected: str
    observed: str


class PropertyResult(Record):
    """One property: how often it was checked, and its first violations of `violations_count`."""

    name: str
    rule: str
    verdict: Verdict
    checked: int
    violations_count: int
    violations: tuple[ViolationRecord, ...] = ()


class CriterionResult(Record):
    """One acceptance criterion, with the value it was judged by."""

    name: str
    verdict: Verdict
    value: str
    threshold: str
    evidence: str
    basis: Basis


class TickRecord(Record):
    """One firing of the rule and what its finder saw: `found` at its last look, `polled` in all its looks."""

    number: int
    at: str
    looks: int
    found: int
    polled: int


class Cadence(Record):
    """One phase's polling interval: as it is set, and what it is in effect with looks at a fixed distance. Seconds."""

    phase: str
    configured: float
    effective: float


class Distribution(Record):
    """One figure's values in a nutshell; quantiles are nearest-rank.

    `histogram` has every value with how often it came, smallest first, rounded to two significant digits, or to three
    where the largest is less than four times the smallest. Quantiles, and the histogram's values before they are
    rounded, may be off by `error_ratio` of themselves, where there are too many values to keep each; all else is exact.
    """

    unit: str
    basis: Basis
    count: int
    min: float
    mean: float
    p50: float
    p95: float
    p99: float
    max: float
    error_ratio: float = 0.0
    histogram: tuple[tuple[float, int], ...]


class LogGroup(Record):
    """What one function logged: its own lines by level and their fields, and the platform's lines."""

    lines: int
    platform_lines: int
    size_bytes: int
    levels: dict[str, int]
    fields: tuple[str, ...]


class Minute(NamedTuple):
    """One metric in one minute; `at` is its first second, in seconds since the Unix epoch."""

    at: int
    samples: int
    sum: float
    min: float
    max: float
    p50: float
    p99: float


class MetricRecord(Record):
    """One CloudWatch metric with the minutes in which it got values. Dimensions are name, value, name, value."""

    namespace: str
    name: str
    dimensions: tuple[str, ...]
    unit: str
    basis: Basis
    minutes: tuple[Minute, ...]


class AlarmChange(Record):
    """An alarm's state from some instant on: INSUFFICIENT_DATA, OK or ALARM."""

    at: str
    state: str
    reason: str


class AlarmRecord(Record):
    """One deployed alarm and the states it went through. `condition` is it in words: Errors, Sum over 5 min > 5.

    `metric` is its metric's place in `cloudwatch`, None if that has no value.
    """

    name: str
    description: str
    condition: str
    metric: int | None
    statistic: str
    period_minutes: int
    threshold: float
    changes: tuple[AlarmChange, ...]


class WidgetLine(Record):
    """One line of a widget: a metric by its place in `cloudwatch` (None if it has no value), and its statistic."""

    label: str
    metric: int | None
    statistic: str
    right: bool = Field(description="Whether its axis is the right one.")


class Widget(Record):
    """One widget of the deployed dashboard; `marks` are its horizontal annotations."""

    title: str
    lines: tuple[WidgetLine, ...]
    marks: tuple[tuple[str, float], ...]


class Sample(Record):
    """One execution, from its start to its end or to that of the run."""

    execution_id: str
    type: str
    status: str
    waves: int
    servers: int
    polls: int
    started_at: str
    ended_at: str | None


class FaultRecord(Record):
    """One fault rule of the run, in words, and how often it struck. It acts from `after` to `before`, in seconds."""

    rule: str
    struck: int
    after: float
    before: float


class UnwinnableRecord(Record):
    """An execution that a fault kept from ever ending as DRS's truth demands; "" stands for all of them."""

    execution_id: str
    reason: str


class Metrics(Record):
    """Everything measured, for reports. `configuration` is the scenario as it ran, defaults included."""

    configuration: dict[str, Any]
    look_every: float = Field(description="Seconds between two looks of the finder.")
    cadence: tuple[Cadence, ...]
    ticks: tuple[TickRecord, ...]
    distributions: dict[str, Distribution]
    counts: dict[str, int]
    log_groups: dict[str, LogGroup]
    cloudwatch: tuple[MetricRecord, ...]
    alarms: tuple[AlarmRecord, ...]
    dashboard: tuple[Widget, ...]
    executions: tuple[Sample, ...] = Field(description="The first ones, one by one.")
    environment: dict[str, str]


class Result(Record):
    """One run of one scenario with one seed."""

    schema_version: Literal[1] = SCHEMA_VERSION
    scenario: str
    seed: int
    tier: Tier
    verdict: RunVerdict
    trace: TraceLevel = Field("full", description="Which events were written: none, what became of executions, all.")
    trace_digest: str | None = Field(description="SHA-256 of the lines that were written; null if no trace was kept.")
    virtual_seconds: float
    wall_seconds: float
    replay: str
    executions: Executions
    polls: int
    properties: tuple[PropertyResult, ...]
    criteria: tuple[CriterionResult, ...]
    metrics: Metrics
    faults: tuple[FaultRecord, ...] = ()
    unwinnable: tuple[UnwinnableRecord, ...] = ()


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_US: Final = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_LAST_US: Final = (datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


def instant(epoch_us: int) -> str:
    """An instant as results have it, from microseconds since the Unix epoch: ISO 8601, with a fraction if need be.

    An instant before the year 1 or after 9999, which a function may have written, becomes the calendar's first or last.
    """
    seconds, micros = divmod(min(max(epoch_us, _FIRST_US), _LAST_US), 1_000_000)
    text = datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=micros).isoformat()
    return text.replace("+00:00", "Z")
