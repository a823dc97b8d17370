"""The result of a run as data: `result.json`, version 3. Reports see nothing else of a run.

Owns the shape and no judgement; results of versions 1 and 2 are read as ones of version 3. Durations are in the unit
that a figure names; instants are ISO 8601 in UTC. Each figure states its basis, and none was measured on AWS.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from drsim.orchestrator.model import ExecutionStatus
from drsim.scenarios.metric_records import AlarmRecord, MetricRecord, Widget
from drsim.scenarios.record import (
    DegradedRecord,
    ErrorsMet,
    Figure,
    FindingRecord,
    ObjectiveRecord,
    Record,
    RecoveryPlanRecord,
    ViolationRecord,
)
from drsim.scenarios.tiers import Tier
from drsim.simulator.figures.table import EXECUTIONS_STARTED, POLLS_RECORDED, Basis

Verdict = Literal["pass", "fail", "not exercised"]
RunVerdict = Literal["pass", "fail", "unknown"]
Outcome = Literal["pass", "degraded", "fail", "unknown"]
TraceLevel = Literal["off", "summary", "full"]
Relation = Literal["<", "<=", ">="]
_VIRTUAL_SECONDS_MAX: Final = 367 * 86_400
"""The longest run has 366 days."""


def worst(verdicts: Iterable[RunVerdict]) -> RunVerdict:
    """The verdict of several runs: fail if one failed, else unknown if one is unknown, else pass."""
    found = set(verdicts)
    return "fail" if "fail" in found else "unknown" if "unknown" in found else "pass"


def graded(verdict: RunVerdict, *, is_degraded: bool) -> Outcome:
    """The verdict; "degraded" if it is a pass only because a bound is wider than usual."""
    return "degraded" if verdict == "pass" and is_degraded else verdict


class PropertyResult(Record):
    """One property: how often it was checked, and the first cases of its `violations_count` violations."""

    name: str
    rule: str
    verdict: Verdict
    checked: int
    violations_count: int
    violations: tuple[ViolationRecord, ...] = ()


class CriterionResult(Record):
    """One acceptance criterion. `value` and `threshold` are for people; a property may fail it despite its `limit`."""

    name: str
    verdict: Verdict
    value: str
    threshold: str
    measured: float | None = Field(None, description="Keeps `limit` if it passes; null if nothing was judged.")
    relation: Relation = "<="
    limit: float | None = None
    unit: str = ""
    evidence: str
    basis: Basis
    rests_on: tuple[str, ...] = Field((), description="It fails whenever one of these properties does.")
    follows: tuple[str, ...] = Field((), description="Properties whose failure alone explains that it fails.")


class TickRecord(Record):
    """One firing of the rule and what its finder saw: `found` at its last look, `polled` in all its looks."""

    number: int
    at: str
    looks: int
    found: int
    polled: int


class Cadence(Record):
    """One phase's polling interval in seconds: as configured, and in effect with looks at a fixed distance."""

    phase: str
    configured: float
    effective: float


class Distribution(Record):
    """The values of one figure, summarised; quantiles are nearest-rank.

    `histogram` has each value and its count, smallest first, rounded to two significant digits, or to three if the
    largest is less than four times the smallest. If there are too many values to keep each, quantiles and the
    histogram may be off by `error_ratio`; all else is exact.
    """

    title: str
    unit: str
    basis: Basis
    count: int
    min: Figure
    mean: Figure
    p50: Figure
    p95: Figure
    p99: Figure
    max: Figure
    error_ratio: float = 0.0
    histogram: tuple[tuple[Figure, int], ...]


class LogGroup(Record):
    """What one function logged: its own lines by level and their fields, and the platform's lines."""

    lines: int
    platform_lines: int
    size_bytes: int
    levels: dict[str, int]
    fields: tuple[str, ...]


class SampleRecord(Record):
    """One execution, from its start to its end or to that of the run."""

    execution_id: str
    type: str
    status: str
    waves: int
    servers: int
    polls: int = Field(description="Those recorded.")
    started_at: str
    ended_at: str | None


class FaultRecord(Record):
    """One fault rule in words, and how often it was injected. It acts from `after` to `before`, in seconds."""

    rule: str
    kind: str = Field("", description="The kind of fault; empty in results of versions 1 and 2.")
    struck: int
    after: float
    before: float


class UnwinnableRecord(Record):
    """An execution that a fault kept from ending as DRS's truth demands; "" stands for all executions."""

    execution_id: str
    reason: str


class UnjudgedRecord(Record):
    """A check that is off for these functions, the reason, and what in their contract turns it on; "" if nothing."""

    check: str
    reason: str
    how: str


class Limit(Record):
    """One limit, what the run used of it when it was busiest, and where it would be reached.

    `basis` is that of `used`. `at_executions` is the number in POLLING at once that reaches the limit: always
    extrapolated, and None if no number does. `how` says how both were found.
    """

    name: str
    unit: str
    used: float
    limit: float | None = Field(description="Null if AWS publishes none.")
    at_executions: int | None
    is_hard: bool = Field(True, description="Whether beyond it work is refused or left, or a criterion fails.")
    is_paced: bool = Field(False, description="Whether only pollers use it, which start no faster than looks end.")
    basis: Basis
    how: str
    refused: int | None = Field(None, description="How often the run was refused more; null if `used` shows it.")
    phase_2: str = Field("-", description="The value in the report of the Phase 2 test.")

    @property
    def is_reached(self) -> bool:
        """Whether the run itself was refused more or, if that is not counted, used all of it."""
        return self.refused > 0 if self.refused is not None else self.limit is not None and self.used >= self.limit

    @property
    def utilisation(self) -> float | None:
        """The share of the limit that the run used; None if there is no limit."""
        return None if self.limit is None else self.used / self.limit


class HandOver(Record):
    """How many executions due at once a look hands over, with this number of invokes `at_a_time`."""

    at_a_time: int
    before_timeout: int = Field(description="More than this outlast the function's time.")
    before_reserve: int = Field(description="More than this are left to the next minute.")


class Capacity(Record):
    """The limits of a run, in the order in which an execution meets them; none if the run polled too little."""

    executions: int = Field(description="How many executions the fullest look found.")
    timeout: float = Field(description="The finder's, in seconds, as are `window` and `reserve`.")
    window: float = Field(description="What the last look of an invocation has until the function times out.")
    reserve: float = Field(description="In this last part of its time the finder begins no invoke.")
    limits: tuple[Limit, ...] = ()
    invoke_ms: float = Field(0.0, description="Mean of the finder's Invoke calls.")
    hand_overs: tuple[HandOver, ...] = Field((), description="One invoke at a time, then as many as configured.")

    @property
    def first(self) -> Limit | None:
        """The first hard limit that the run reached, or else the one that the fewest executions reach, if any does."""
        hard = [each for each in self.limits if each.is_hard]
        ahead = [(each.at_executions, each.name, each) for each in hard if each.at_executions is not None]
        reached = next((each for each in hard if each.is_reached), None)
        return reached or min(ahead, key=lambda each: each[:2], default=(0, "", None))[2]


def _of_a_scenario(configuration: dict[str, Any]) -> dict[str, Any]:
    if missing := [name for name in ("title", "why", "start", "functions") if name not in configuration]:
        raise ValueError(f"must be a scenario, and lacks {', '.join(missing)}")
    return configuration


class Measurements(Record):
    """Everything measured, for reports. `configuration` is the scenario as it ran, defaults included."""

    configuration: Annotated[dict[str, Any], AfterValidator(_of_a_scenario)]
    look_every: float = Field(description="Seconds between two looks of the finder.")
    cadence: tuple[Cadence, ...]
    ticks: tuple[TickRecord, ...]
    distributions: dict[str, Distribution]
    counts: dict[str, int]
    log_groups: dict[str, LogGroup]
    cloudwatch: tuple[MetricRecord, ...]
    alarms: tuple[AlarmRecord, ...]
    dashboard: tuple[Widget, ...]
    executions: tuple[SampleRecord, ...] = Field(description="The first ones, one by one.")
    environment: dict[str, str]

    @model_validator(mode="after")
    def _names_metrics_that_exist(self) -> Self:
        lines = [line.metric for widget in self.dashboard for line in widget.lines]
        for index in [*lines, *(alarm.metric for alarm in self.alarms)]:
            if index is not None and not 0 <= index < len(self.cloudwatch):
                raise ValueError(f"metric must be an index of the {len(self.cloudwatch)} in cloudwatch, got {index}")
        return self


class Result(Record):
    """One run of one scenario with one seed."""

    schema_version: Literal[3] = 3
    scenario: str
    seed: int
    tier: Tier
    functions: dict[str, str] = Field({}, description="Handlers of another team by role; empty for drsim's own.")
    verdict: RunVerdict
    answer: str = Field("", description="The scenario's own answer; empty in results of versions 1 and 2.")
    degraded: tuple[DegradedRecord, ...] = Field((), description="What needed a bound wider than usual.")
    trace: TraceLevel = Field("full", description="Which events were written: none, what became of executions, all.")
    trace_digest: str | None = Field(description="SHA-256 of the lines that were written; null if no trace was kept.")
    virtual_seconds: float = Field(ge=0, le=_VIRTUAL_SECONDS_MAX)
    wall_seconds: float
    replay: str
    executions: dict[ExecutionStatus, int] = Field(description="Executions at the end of the run, by status.")
    polls: int = Field(description="Polls started: invocations of the poller. `counts` has those recorded.")
    properties: tuple[PropertyResult, ...]
    criteria: tuple[CriterionResult, ...]
    findings: tuple[FindingRecord, ...] = Field((), description="The violations by meaning, the worst first.")
    errors: ErrorsMet = Field(ErrorsMet(), description="What functions met. No verdict depends on it.")
    metrics: Measurements
    faults: tuple[FaultRecord, ...] = ()
    unwinnable: tuple[UnwinnableRecord, ...] = ()
    unjudged: tuple[UnjudgedRecord, ...] = Field((), description="Checks that are off for these functions.")
    forwarded: dict[str, int] = Field({}, description="Calls that the client tier sent to moto, by operation.")
    adapted: tuple[str, ...] = Field((), description="What of the scenario was changed to fit the contract.")
    objectives: tuple[ObjectiveRecord, ...] = Field(
        (), description="Recovery times against their objectives: of executions, then of each wave."
    )
    recovery_plans: tuple[RecoveryPlanRecord, ...] = Field(
        (), description="Executions of recovery plans of DRS, step by step: the first ones."
    )
    capacity: Capacity | None = Field(None, description="Null where a result of version 1 does not have the figures.")

    @model_validator(mode="before")
    @classmethod
    def _upgraded(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("schema_version") in (1, 2):
            # Imported only here: it needs the scenario's model, which needs this module.
            from drsim.scenarios.upgrade import upgraded

            return upgraded(data)
        return data

    @property
    def is_ours(self) -> bool:
        """Whether this project's own functions ran."""
        return not self.functions

    @property
    def started(self) -> int:
        """How many executions were started."""
        return self.metrics.counts.get(EXECUTIONS_STARTED.name, 0)

    @property
    def polls_recorded(self) -> int:
        """How many polls wrote what they found."""
        return self.metrics.counts.get(POLLS_RECORDED.name, 0)

    @property
    def outcome(self) -> Outcome:
        """The verdict; "degraded" if the run passed only because a bound is wider than usual."""
        return graded(self.verdict, is_degraded=bool(self.degraded))


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def instant(epoch_us: int) -> str:
    """Return an instant, in microseconds since the Unix epoch, as ISO 8601, with a fraction only if it has one.

    An instant before the year 1 or after 9999, which a function may have written, becomes the calendar's first or last.
    """
    try:
        found = _EPOCH + timedelta(microseconds=epoch_us)
    except OverflowError:
        found = _FIRST if epoch_us < 0 else _LAST
    return found.isoformat().replace("+00:00", "Z")
