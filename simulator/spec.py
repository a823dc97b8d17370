"""What a world is made of, as data: schedule, functions, latencies, table, DRS and workload.

Scenario files embed these models, so each knob is defined once. Defaults are Phase 2's figures (2025-11-28) or AWS's
documented limits; where neither exists the field says that it is assumed.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from drsim.orchestrator.errors import MalformedError
from drsim.orchestrator.model import ExecutionStatus, ExecutionType, JobStatus
from drsim.orchestrator.settings import SETTING_NAMES, settings_from
from drsim.simulator.durations import DurationUs, SpreadField, duration_us, show_duration, spread_of
from drsim.simulator.faults.rules import Fault, Rule

_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Spec(BaseModel):
    """Base of all parts: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Schedule(Spec):
    """The EventBridge rule."""

    rate: DurationUs = Field(
        duration_us("1m"), description="Distance between two ticks; EventBridge allows no less than 1m."
    )
    first: DurationUs = Field(0, description="The first tick, counted from the scenario's start.")

    @model_validator(mode="after")
    def _whole_minutes(self) -> Self:
        if self.rate < duration_us("1m") or self.rate % duration_us("1m"):
            raise ValueError(f"rate must be a whole number of minutes >= 1m, got {show_duration(self.rate)}")
        return self


class Function(Spec):
    """One Lambda function."""

    memory_mb: int = Field(256, ge=128, le=10_240)
    timeout: DurationUs
    init: SpreadField = Field(description="Init phase of a cold start, before the handler's time counts.")
    overhead_cold: SpreadField = Field(description="Handler's own time, first invocation of an environment.")
    overhead_warm: SpreadField = Field(description="The same, later invocations.")
    memory_used_mb: int = Field(90, description="Modelled: Phase 2 saw 89-90 MB.")
    retries_max: int = Field(
        0, ge=0, le=2, description="Lambda's own retries of a failed async invocation (after 1m, then 2m)."
    )
    event_age_max: DurationUs = Field(duration_us("6h"), description="MaximumEventAgeInSeconds.")
    reserved_concurrency: int | None = Field(None, ge=0)


class FinderFunction(Function):
    """The ExecutionFinder as deployed in Phase 2, where it started cold in 37 ms and ran 6-24 ms warm."""

    timeout: DurationUs = duration_us("60s")
    init: SpreadField = Field(spread_of("180ms..300ms"), description="Assumed.")
    overhead_cold: SpreadField = spread_of("16ms..23ms")
    overhead_warm: SpreadField = spread_of("1ms..14ms")


class PollerFunction(Function):
    """The ExecutionPoller as deployed in Phase 2: 347 ms + 538 ms init cold, 48-175 ms warm."""

    timeout: DurationUs = duration_us("300s")
    init: SpreadField = spread_of("500ms..576ms")
    overhead_cold: SpreadField = spread_of("235ms..262ms")
    overhead_warm: SpreadField = spread_of("0s..62ms")


class Functions(Spec):
    """Both functions and what they share."""

    finder: FinderFunction = FinderFunction()
    poller: PollerFunction = PollerFunction()
    account_concurrency: int = Field(1000, ge=1, description="Concurrent executions of the account in this Region.")
    queue_delay: SpreadField = Field(spread_of("5ms..25ms"), description="Async queue, accepted to started (assumed).")
    idle_max: DurationUs = Field(
        duration_us("10m"), description="An environment idle for longer is recycled (assumed)."
    )


class Latencies(Spec):
    """How long one AWS call takes, as the function sees it."""

    query_cold: SpreadField = spread_of("14ms..21ms")
    query_warm: SpreadField = spread_of("5ms..10ms")
    get_item: SpreadField = Field(spread_of("3ms..8ms"), description="Assumed.")
    update_cold: SpreadField = spread_of("60ms..106ms")
    update_warm: SpreadField = spread_of("40ms..90ms")
    describe_jobs: SpreadField = Field(spread_of("60ms..180ms"), description="Assumed: Phase 2 never asked DRS.")
    put_metric_data: SpreadField = Field(spread_of("5ms..15ms"), description="Assumed.")
    invoke: SpreadField = Field(spread_of("110ms..120ms"), description="Phase 2: 340-388 ms for three.")
    start_recovery: SpreadField = Field(spread_of("200ms..500ms"), description="Assumed.")


class Table(Spec):
    """The execution table."""

    index_lag: SpreadField = Field(spread_of("0s..1s"), description="How long the StatusIndex lags behind each write.")
    page_bytes_max: int = Field(1_048_576, ge=1024, description="A Query reads at most 1 MB (DynamoDB API reference).")
    style: Literal["PascalCase", "camelCase", "snake_case"] = Field(
        "PascalCase", description="How the attributes are spelled (wire tier, for functions of other teams)."
    )
    names: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict, description="Attributes that the table calls something else, such as ExecutionId: pk."
    )


class Drs(Spec):
    """DRS quotas of each account and Region (AWS service quotas), and the page size, which nobody publishes."""

    jobs_max: int = Field(20, ge=1, description="Concurrent jobs in progress (L-D88FAC3A).")
    servers_per_job_max: int = Field(100, ge=1, description="Source servers in a single job (L-B827C881).")
    servers_in_jobs_max: int = Field(500, ge=1, description="Source servers in all jobs (L-05AFA8C6).")
    page_size: int = Field(100, ge=1, description="Jobs in a page of DescribeJobs (assumed).")


class JobLife(Spec):
    """How DRS jobs live. The whole life is drawn when the job starts."""

    pending: SpreadField = Field(spread_of("12m..14m"), description="Job PENDING.")
    started: SpreadField = Field(spread_of("20s..60s"), description="Job STARTED, all servers still PENDING (assumed).")
    in_progress: SpreadField = Field(spread_of("5m..7m"), description="Each server IN_PROGRESS.")
    failed_servers: int = Field(0, ge=0, description="So many servers of each job fail; more than it has: all.")
    hangs: bool = Field(False, description="The job never leaves IN_PROGRESS.")
    actions: int = Field(0, ge=0, description="Post-launch actions of each server.")
    action_time: SpreadField = Field(spread_of("30s..90s"), description="How long each action runs (assumed).")
    failed_actions: int = Field(0, ge=0, description="So many of each server's actions fail.")


class Launch(StrEnum):
    """What Phase 1 does for a wave."""

    DRS = "drs"
    NEVER = "never"
    UNKNOWN = "unknown"


class Wave(Spec):
    """One wave that differs from its group's others."""

    servers: int | None = Field(None, ge=1, description="Servers of this wave; None as in the group.")
    jobs: JobLife | None = Field(None, description="Its job's life; None as in the group.")
    launch: Launch = Field(
        Launch.DRS, description="drs: start a job; never: no JobId ever; unknown: a JobId that DRS never gave."
    )


def _waves_of(value: object) -> object:
    """A number of waves as so many alike; a list as it is."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value > 100:
            raise ValueError(f"waves must be from 1 to 100, got {value}")
        return ({},) * value
    return value


WavesField = Annotated[
    tuple[Wave, ...],
    BeforeValidator(_waves_of, json_schema_input_type=Annotated[int, Field(ge=1, le=100)] | tuple[Wave, ...]),
    Field(min_length=1, max_length=100),
]
"""A pydantic field: a number of waves, or a list of them."""


class Arrival(Spec):
    """When the executions of a group start, counted from the scenario's start."""

    pattern: Literal["at_once", "steady", "poisson", "bursts"] = "at_once"
    at: DurationUs = Field(duration_us("5s"), description="The first one.")
    over: DurationUs = Field(0, description="The time within which the others follow.")
    bursts: int = Field(1, ge=1, description="Number of bursts, for that pattern.")

    @model_validator(mode="after")
    def _needs_time(self) -> Self:
        if self.pattern != "at_once" and self.over == 0:
            raise ValueError(f"over must be > 0s for pattern {self.pattern}, got 0s")
        return self


class Group(Spec):
    """Executions that are alike."""

    executions: int = Field(1, ge=1, le=1_000_000)
    ids: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (), description="Their ids; those without one get an id drawn from the seed."
    )
    type: ExecutionType = ExecutionType.DRILL
    waves: WavesField = Field((Wave(),) * 3, description="Their number, or a list with an entry for each.")
    servers: int = Field(2, ge=1, description="Servers in each wave.")
    order: Literal["parallel", "sequential"] = "parallel"
    listed: Literal["at_start", "as_started"] = Field(
        "at_start", description="Whether `Waves` holds every wave from the start, or each one once it has started."
    )
    place: int | None = Field(
        None, ge=0, description="Which of the accounts and Regions the first one runs in; by default the next in turn."
    )
    spread_waves: bool = Field(False, description="Whether each wave runs in the next account and Region.")
    reaction: SpreadField = Field(
        spread_of("5s..20s"), description="Sequential waves: from a job's end to the start of the next (assumed)."
    )
    arrival: Arrival = Arrival()
    jobs: JobLife = JobLife()
    table_job_status: JobStatus | None = Field(
        None, description="JobStatus that the table shows for waves that never get a job, as in Phase 2's test data."
    )
    wave_numbers: bool = Field(True, description="False leaves WaveNumber out, as Phase 2's test data did.")
    cancel_after: DurationUs | None = Field(None, description="A person cancels this long after the start.")
    expect: ExecutionStatus | None = Field(None, description="The status in which every one of them must end.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.ids) > self.executions:
            raise ValueError(f"ids must be at most executions ({self.executions}), got {len(self.ids)}")
        return self


class Bounds(Spec):
    """What the properties hold the system to."""

    completion: DurationUs = Field(duration_us("90s"), description="From DRS's truth to the terminal status.")
    poll_gap: DurationUs | None = Field(
        None, description="Longest time without a poll while POLLING; by default 150s, or twice the longest interval."
    )
    poll_delay: DurationUs = Field(duration_us("10s"), description="From the finder's look to the recorded poll.")
    looks_missed: int = Field(
        0, ge=0, description="So many looks may pass over an execution that is due: more than 0 is for overload."
    )
    early: DurationUs = Field(duration_us("1s"), description="How much before its interval has passed a poll may come.")
    tick_jitter: DurationUs = Field(duration_us("1s"), description="How far a tick may be from its minute.")
    start_delay: DurationUs = Field(duration_us("5s"), description="From a tick to the start of the finder.")
    lambda_ratio: float = Field(0.8, gt=0, le=1, description="Share of its timeout that a function may use.")
    concurrency_ratio: float = Field(0.8, gt=0, le=1, description="Share of the account's concurrency in use.")
    describe_calls: int = Field(
        1, ge=1, description="DescribeJobs calls, pages not counted, of one poll for each account and Region."
    )


class Swarm(Spec):
    """Faults drawn anew for each seed: which kinds, how many, how strong. What is left out of a run matters as well."""

    faults: tuple[Fault, ...] = Field(tuple(Fault), min_length=1, description="The kinds to draw from.")
    most: int = Field(6, ge=1, description="So many kinds act in one run at the most, and at least one.")


def _as_texts(settings: object) -> object:
    """Environment variables are texts, and a file may write them as numbers."""
    if isinstance(settings, dict):
        return {name: str(value) if isinstance(value, int) else value for name, value in settings.items()}
    return settings


def _known_settings(settings: dict[str, str]) -> dict[str, str]:
    unknown = sorted(set(settings) - SETTING_NAMES)
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no such setting; known are {', '.join(sorted(SETTING_NAMES))}")
    try:
        settings_from(settings)
    except MalformedError as error:
        raise ValueError(str(error)) from None
    return settings


def _in_utc(start: datetime) -> datetime:
    """A time without a zone is UTC, as in YAML; Python would take the host's zone, and each host another run."""
    return start if start.tzinfo is not None else start.replace(tzinfo=UTC)


def _impossible(rule: Rule, scenario: Mapping[str, Any]) -> Iterator[tuple[str, object, str]]:
    """Field, value and reason for all that the rule says and the rest of its scenario rules out."""
    ids = [each for group in scenario.get("workload", ()) for each in group.ids]
    if rule.execution is not None and "workload" in scenario and rule.execution not in ids:
        known = ", ".join(ids) or "none, for no group has ids"
        yield (
            "execution",
            rule.execution,
            f"execution must be one of the workload's ids ({known}), got {rule.execution!r}",
        )
    regions = scenario.get("regions")
    if rule.region is not None and regions is not None and rule.region not in regions:
        yield "region", rule.region, f"region must be one of {', '.join(regions)}, got {rule.region!r}"
    for name, end_us in (("heal", scenario.get("heal")), ("duration", scenario.get("duration"))):
        if end_us is not None and rule.after >= end_us and not (name == "heal" and rule.lasting):
            limit, after = show_duration(end_us), show_duration(rule.after)
            text = f"after must be < {name} ({limit}), or the rule never acts, got {after}"
            yield "after", rule.after, text


class WorldSpec(Spec):
    """One world: everything a run needs besides its seed."""

    start: Annotated[datetime, AfterValidator(_in_utc)] = Field(
        datetime(2025, 11, 28, 20, 32, 29, tzinfo=UTC), description="When virtual time begins."
    )
    duration: DurationUs = Field(duration_us("60m"), description="The run ends then at the latest.")
    until_finished: bool = Field(True, description="End earlier, once every execution has been terminal for `settle`.")
    settle: DurationUs = duration_us("3m")
    schedule: Schedule = Schedule()
    functions: Functions = Functions()
    latencies: Latencies = Latencies()
    table: Table = Table()
    drs: Drs = Drs()
    accounts: int = Field(1, ge=1, le=10_000, description="AWS accounts over which executions are spread.")
    regions: tuple[str, ...] = Field(("us-east-1",), min_length=1)
    settings: Annotated[dict[str, str], BeforeValidator(_as_texts), AfterValidator(_known_settings)] = Field(
        default_factory=dict, description="Environment variables of both functions, such as SWEEPS_PER_INVOCATION."
    )
    workload: tuple[Group, ...] = ()
    bounds: Bounds = Bounds()
    alarms: dict[str, Literal["clears", "stays"]] = Field(
        default_factory=dict,
        description="Deployed alarms that must go off in the run, and whether each then clears or stays, such as "
        "StuckExecution: clears.",
    )
    heal: DurationUs | None = Field(
        None, description="From then on no fault acts, save lasting ones; None: nothing is owed in time."
    )
    faults: tuple[Rule, ...] = Field((), description="In order: the first one with a verdict on an event decides it.")
    swarm: Swarm | None = Field(None, description="Draws further rules from the seed.")

    @model_validator(mode="after")
    def _ids_once(self) -> Self:
        ids = [each for group in self.workload for each in group.ids]
        twice = sorted({each for each in ids if ids.count(each) > 1})
        if twice:
            raise ValueError(f"ids must be different, got {', '.join(repr(each) for each in twice)} twice")
        return self

    @field_validator("heal")
    @classmethod
    def _heals_in_time(cls, heal: int | None, info: ValidationInfo) -> int | None:
        duration = info.data.get("duration")
        if heal is not None and duration is not None and heal >= duration:
            raise ValueError(f"heal must be < duration ({show_duration(duration)}), got {show_duration(heal)}")
        return heal

    @field_validator("faults")
    @classmethod
    def _possible(cls, rules: tuple[Rule, ...], info: ValidationInfo) -> tuple[Rule, ...]:
        """Rules name entities that there are, and windows in which something can happen."""
        wrong = [
            InitErrorDetails(
                type=PydanticCustomError("fault", "{rule}", {"rule": text}), loc=(number, field), input=value
            )
            for number, rule in enumerate(rules)
            for field, value, text in _impossible(rule, info.data)
        ]
        if wrong:
            # Each with its own path, which a ValueError would lose.
            raise ValidationError.from_exception_data("faults", wrong)
        return rules

    @property
    def epoch_us(self) -> int:
        """The start as microseconds since the Unix epoch."""
        return (self.start - _UNIX_EPOCH) // timedelta(microseconds=1)
