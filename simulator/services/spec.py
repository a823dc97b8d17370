"""The services of a world as data. Scenario files embed these models.

Defaults are Phase 2's figures (2025-11-28) or AWS's documented limits, or are marked as assumed.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, field_validator, model_validator

from drsim.simulator.durations import DurationUs, SpreadField, duration_us, show_duration, spread_of
from drsim.simulator.models import Spec
from drsim.simulator.services.drs_jobs import Phase
from drsim.simulator.services.lives import LIVES, LifeName


class Schedule(Spec):
    """The EventBridge rule."""

    rate: DurationUs = Field(duration_us("1m"), description="Time between two ticks; EventBridge allows 1m or more.")
    first: DurationUs = Field(0, description="The first tick, counted from the scenario's start.")

    @field_validator("rate")
    @classmethod
    def _whole_minutes(cls, rate: int) -> int:
        if rate < duration_us("1m") or rate % duration_us("1m"):
            raise ValueError(f"must be a whole number of minutes >= 1m, got {show_duration(rate)}")
        return rate


_TIMEOUT: Final = "Lambda ends an invocation then."
_INIT: Final = "Init phase of a cold start, before the handler's time counts."
_COLD: Final = "Handler's own time, first invocation of an environment."
_WARM: Final = "Handler's own time, later invocations."


class Function(Spec):
    """One Lambda function."""

    memory_mb: int = Field(256, ge=128, le=10_240, description="Its memory, as Lambda bills it.")
    timeout: DurationUs = Field(description=_TIMEOUT)
    init: SpreadField = Field(description=_INIT)
    overhead_cold: SpreadField = Field(description=_COLD)
    overhead_warm: SpreadField = Field(description=_WARM)
    memory_used_mb: int = Field(90, ge=0, le=10_240, description="Modelled: Phase 2 saw 89-90 MB.")
    retries_max: int = Field(0, ge=0, le=2, description="Lambda's retries of a failed event (after 1m, then 2m).")
    event_age_max: DurationUs = Field(duration_us("6h"), description="MaximumEventAgeInSeconds.")
    reserved_concurrency: int | None = Field(
        None, ge=0, le=1_000_000, description="Of the account's concurrency, for this function only; null: none."
    )


class FinderFunction(Function):
    """The ExecutionFinder as deployed in Phase 2, where it started cold in 37 ms and ran 6-24 ms warm."""

    timeout: DurationUs = Field(duration_us("60s"), description=_TIMEOUT)
    init: SpreadField = Field(spread_of("180ms..300ms"), description=f"{_INIT} Assumed.")
    overhead_cold: SpreadField = Field(spread_of("16ms..23ms"), description=_COLD)
    overhead_warm: SpreadField = Field(spread_of("1ms..14ms"), description=_WARM)


class PollerFunction(Function):
    """The ExecutionPoller as deployed in Phase 2: 347 ms + 538 ms init cold, 48-175 ms warm."""

    timeout: DurationUs = Field(duration_us("300s"), description=_TIMEOUT)
    init: SpreadField = Field(spread_of("500ms..576ms"), description=_INIT)
    overhead_cold: SpreadField = Field(spread_of("235ms..262ms"), description=_COLD)
    overhead_warm: SpreadField = Field(spread_of("0s..62ms"), description=_WARM)


class Functions(Spec):
    """Both functions and what they share."""

    finder: FinderFunction = FinderFunction()
    poller: PollerFunction = PollerFunction()
    account_concurrency: int = Field(
        1000, ge=1, le=1_000_000, description="Concurrent executions of the account in this Region."
    )
    queue_delay: SpreadField = Field(spread_of("5ms..25ms"), description="Async queue, accepted to started (assumed).")
    idle_max: DurationUs = Field(duration_us("10m"), description="Lambda ends environments idle for longer (assumed).")


class Latencies(Spec):
    """The time of one AWS call, as the function sees it."""

    query_cold: SpreadField = Field(spread_of("14ms..21ms"), description="A Query, the first of an environment.")
    query_warm: SpreadField = Field(spread_of("5ms..10ms"), description="A Query, later ones.")
    get_item: SpreadField = Field(spread_of("3ms..8ms"), description="Assumed.")
    update_cold: SpreadField = Field(spread_of("60ms..106ms"), description="An UpdateItem, the first.")
    update_warm: SpreadField = Field(spread_of("40ms..90ms"), description="An UpdateItem, later ones.")
    describe_jobs: SpreadField = Field(spread_of("60ms..180ms"), description="Assumed: Phase 2 never asked DRS.")
    put_metric_data: SpreadField = Field(spread_of("5ms..15ms"), description="Assumed.")
    invoke: SpreadField = Field(spread_of("110ms..120ms"), description="Phase 2: 340-388 ms for three.")
    start_recovery: SpreadField = Field(spread_of("200ms..500ms"), description="Assumed.")


class TableSpec(Spec):
    """The execution table."""

    index_lag: SpreadField = Field(spread_of("0s..1s"), description="Lag of the StatusIndex behind each write.")
    page_bytes_max: int = Field(1_048_576, ge=1024, description="A Query reads at most 1 MB (DynamoDB API reference).")
    style: Literal["PascalCase", "camelCase", "snake_case"] = Field(
        "PascalCase", description="Short for `style` of a contract that is plain otherwise."
    )
    names: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        {}, description="Short for `names` of a contract, such as ExecutionId: pk."
    )


class Drs(Spec):
    """DRS quotas of each account and Region (AWS service quotas), and the page size, which AWS does not publish."""

    jobs_max: int = Field(20, ge=1, le=1_000_000, description="Concurrent jobs in progress (L-D88FAC3A).")
    servers_per_job_max: int = Field(
        100, ge=1, le=1_000_000, description="Source servers in a single job (L-B827C881)."
    )
    servers_in_jobs_max: int = Field(500, ge=1, le=1_000_000, description="Source servers in all jobs (L-05AFA8C6).")
    page_size: int = Field(100, ge=1, description="Jobs in a page of DescribeJobs (assumed).")


def _names() -> str:
    return "; ".join(f"{name}: {each.meaning} {each.source}" for name, each in LIVES.items())


class JobLife(Spec):
    """The lives of DRS jobs. A whole life is drawn when the job starts."""

    life: LifeName | None = Field(
        None,
        exclude=True,
        description=f"A life whose values these are but for those given beside it. {_names()}",
    )
    pending: SpreadField = Field(spread_of("12m..14m"), description="Job PENDING.")
    started: SpreadField = Field(spread_of("20s..60s"), description="Job STARTED, all servers still PENDING (assumed).")
    in_progress: SpreadField = Field(spread_of("5m..7m"), description="Each server IN_PROGRESS.")
    failed_servers: int = Field(0, ge=0, description="Failing servers of each job; all if it has fewer.")
    hangs: bool = Field(False, description="The job never leaves IN_PROGRESS.")
    actions: int = Field(0, ge=0, le=100, description="Post-launch actions of each server.")
    action_time: SpreadField = Field(spread_of("30s..90s"), description="Time of each action (assumed).")
    failed_actions: int = Field(0, ge=0, le=100, description="Failing actions of each server.")
    pending_servers: int = Field(0, ge=0, description="Servers still PENDING when the job ends: they never launch.")
    lingers: SpreadField = Field(spread_of("0s"), description="From the last server's end to the job's end.")
    terminates: SpreadField | None = Field(
        None, description="From the job's end until its instances are TERMINATED (assumed: in the job, too)."
    )
    snapshots: SpreadField | None = Field(
        None, description="From the call to the conversion; null: a fifth of the time to the launch (assumed)."
    )
    snapshot_age: SpreadField | None = Field(
        None, description="The call's own snapshot fails, and the previous one has this age; null: it succeeds."
    )
    fails_in: Phase = Field("launch", description="Where the failing servers fail; skip: DRS leaves them out.")
    raw_error: str = Field("", description='The error of failing servers in the log; "": a usual one of that phase.')

    @model_validator(mode="before")
    @classmethod
    def _with_values(cls, given: Any) -> Any:
        """Put a named life's values in the place of its name, so that dumps are complete without the name."""
        name = given.get("life") if isinstance(given, Mapping) else None
        if not isinstance(name, str) or name not in LIVES:
            return given
        return {**LIVES[name].fields, **{name: value for name, value in given.items() if name != "life"}}

    @classmethod
    def named(cls, name: str, **changes: Any) -> Self:
        """Return a life by its name, with other values for some fields. Raises ValidationError, a ValueError."""
        return cls.model_validate({"life": name, **changes})

    @property
    def is_plain(self) -> bool:
        """Whether a job has nothing of the fields that few lives have."""
        return self.snapshots is None and self.snapshot_age is None and self.fails_in == "launch"
