"""The workload as data: groups of executions, their waves, and when they start."""

from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from drsim.orchestrator.model import ExecutionStatus, ExecutionType, JobStatus
from drsim.simulator.durations import DurationUs, SpreadField, duration_us, show_duration, spread_of
from drsim.simulator.models import Spec
from drsim.simulator.services.spec import JobLife

SERVERS_MAX: Final = 500
"""Of a wave: DRS's quota of source servers in all jobs of an account and Region (L-05AFA8C6)."""
PLAN_SERVERS_MAX: Final = 100
PLAN_STEPS_MAX: Final = 20
PLAN_WAIT_US_MAX: Final = duration_us("120m")
"""Quotas of a recovery plan (AWS DRS user guide, recovery-plans-quotas, 2026-11)."""


class Launch(StrEnum):
    """How Phase 1 starts a wave: with a job, or what it writes instead of one."""

    DRS = "drs"
    NEVER = "never"
    EMPTY = "empty"
    FAILED = "failed"
    UNKNOWN = "unknown"


class WaveSpec(Spec):
    """One wave, as far as it differs from its group."""

    name: str | None = Field(None, min_length=1, max_length=60, description="By default Wave 1, Wave 2 and so on.")
    servers: int | None = Field(None, ge=1, le=SERVERS_MAX, description="Servers of this wave; None as in the group.")
    jobs: JobLife | None = Field(None, description="Its job's life; None as in the group.")
    launch: Launch = Field(
        Launch.DRS,
        description="drs: a job; never: no JobId; empty: JobId is an empty text; "
        "failed: no JobId, and the wave is FAILED; unknown: a JobId that DRS never gave.",
    )

    wait_before: DurationUs = Field(0, description="A wait step of a recovery plan before it: 1m to 120m, or none.")
    optional: int = Field(0, ge=0, description="Its last servers, this many, are OPTIONAL in a recovery plan.")
    failing: int = Field(
        0,
        ge=0,
        description="Its last servers, this many, do not launch at the first attempt of a recovery plan's step.",
    )

    @field_validator("wait_before")
    @classmethod
    def _possible_wait(cls, wait: int) -> int:
        if wait % duration_us("1m") or wait > PLAN_WAIT_US_MAX:
            raise ValueError(
                f"must be whole minutes up to {show_duration(PLAN_WAIT_US_MAX)}, got {show_duration(wait)}"
            )
        return wait

    def shown(self, number: int) -> str:
        """The name of the wave with this number, from 1."""
        return self.name or f"Wave {number}"


def _waves_of(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        if value > 100:
            raise ValueError(f"waves must be from 1 to 100, got {value}")
        return ({},) * value
    return value


WavesField = Annotated[
    tuple[WaveSpec, ...],
    BeforeValidator(_waves_of, json_schema_input_type=Annotated[int, Field(ge=1, le=100)] | tuple[WaveSpec, ...]),
    Field(min_length=1, max_length=100),
]
"""A pydantic field: a list of waves, or their number."""


class Arrival(Spec):
    """When the executions of a group start, counted from the scenario's start."""

    pattern: Literal["at_once", "steady", "poisson", "bursts"] = Field(
        "at_once", description="How their starts are spread over the time."
    )
    at: DurationUs = Field(duration_us("5s"), description="The first one.")
    # As in a file, for it is validated without a value, too.
    over: DurationUs = Field("0s", validate_default=True, description="The time in which the others follow.")
    bursts: int = Field(1, ge=1, le=1_000_000, description="Number of bursts, for this pattern.")

    @field_validator("over")
    @classmethod
    def _needs_time(cls, over: int, info: ValidationInfo) -> int:
        pattern = info.data.get("pattern", "at_once")
        if pattern != "at_once" and over == 0:
            raise ValueError(f"must be > 0s for pattern {pattern}, got 0s")
        return over


class Group(Spec):
    """Executions with the same parameters."""

    executions: int = Field(1, ge=1, le=1_000_000, description="Their number; each takes about 14 kB of memory.")
    ids: tuple[Annotated[str, Field(min_length=1)], ...] = Field((), description="Their ids; others are drawn.")
    type: ExecutionType = Field(ExecutionType.DRILL, description="A drill, or a recovery in earnest.")
    waves: WavesField = Field((WaveSpec(),) * 3, description="Their number, or a list with an entry for each.")
    servers: int = Field(2, ge=1, le=SERVERS_MAX, description="Servers in each wave.")
    kind: Literal["waves", "recovery_plan"] = Field(
        "waves",
        description="waves: a worker starts them; recovery_plan: they are the server steps of a recovery plan of DRS, "
        "which starts them one after the other.",
    )
    on_failure: Literal["nothing", "retry", "skip"] = Field(
        "nothing", description="What a person does about a FAILED step of a recovery plan; a retry only once a step."
    )
    on_failure_after: DurationUs = Field(duration_us("5m"), description="How long after the failure.")
    order: Literal["parallel", "sequential"] = Field("parallel", description="How the waves of an execution start.")
    listed: Literal["at_start", "as_started"] = Field("at_start", description="When `Waves` lists a wave.")
    polling_first: bool = Field(False, description="True writes POLLING before any wave has started.")
    start_time: bool = Field(True, description="False leaves the start out; the index must do without it.")
    plan: str | None = Field(None, min_length=1, description="The PlanId of them all; others have one each, drawn.")
    place: int | None = Field(None, ge=0, description="Number of the first one's account and Region; by default next.")
    spread_waves: bool = Field(False, description="Whether each wave runs in the next account and Region.")
    reaction: SpreadField = Field(spread_of("5s..20s"), description="From a job's end to the next wave (assumed).")
    arrival: Arrival = Arrival()
    jobs: JobLife = JobLife()
    table_job_status: JobStatus | None = Field(None, description="JobStatus in the table of waves without a job.")
    wave_numbers: bool = Field(True, description="False leaves WaveNumber out, as Phase 2's test data did.")
    wave_regions: bool = Field(True, description="False leaves Region out: jobs are in the functions' own Region.")
    servers_listed: bool = Field(True, description="False leaves a wave's servers out, so that only its job has them.")
    odd_attributes: bool = Field(
        False, description="True adds attributes of all other types to the item, its waves and servers."
    )
    cancel_after: DurationUs | None = Field(None, description="A person cancels this long after the start.")
    ended_after: DurationUs | None = Field(None, description="A person writes `ended_as` this long after the start.")
    ended_as: ExecutionStatus = Field(ExecutionStatus.FAILED, description="The final status that this person writes.")
    deleted_after: DurationUs | None = Field(None, description="A person deletes the item this long after the start.")
    expect: ExecutionStatus | None = Field(None, description="The required final status of each.")

    @property
    def is_sequential(self) -> bool:
        """Whether each wave of an execution waits for the one before it."""
        return self.order == "sequential" or self.kind == "recovery_plan"

    @model_validator(mode="after")
    def _possible_plan(self) -> Self:
        waves = self.waves
        if self.kind != "recovery_plan":
            given = [each for each in ("wait_before", "optional", "failing") if any(getattr(w, each) for w in waves)]
            given += ["on_failure"] if self.on_failure != "nothing" else []
            if given:
                raise ValueError(f"{given[0]} needs kind: recovery_plan, got kind: {self.kind}")
            return self
        for wave in waves:
            size = wave.servers or self.servers
            if max(wave.optional, wave.failing) > size:
                name = "optional" if wave.optional > size else "failing"
                raise ValueError(f"{name} must be at most the wave's servers ({size}), got {getattr(wave, name)}")
        steps = len(waves) + sum(wave.wait_before > 0 for wave in waves)
        servers = sum(wave.servers or self.servers for wave in waves)
        if steps > PLAN_STEPS_MAX or servers > PLAN_SERVERS_MAX:
            most = f"{PLAN_STEPS_MAX} steps and {PLAN_SERVERS_MAX} servers"
            raise ValueError(f"a recovery plan must have at most {most}, got {steps} and {servers}")
        if waves[0].wait_before:
            raise ValueError("the first step of a recovery plan must not be a wait step; leave out wait_before there")
        if self.spread_waves or any(wave.launch is not Launch.DRS for wave in waves):
            raise ValueError("a recovery plan starts all of its waves in one account and Region, with launch: drs")
        return self

    @field_validator("ids")
    @classmethod
    def _not_too_many(cls, ids: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        executions = info.data.get("executions")
        if executions is not None and len(ids) > executions:
            raise ValueError(f"must be at most executions ({executions}), got {len(ids)}")
        return ids

    @field_validator("ended_as")
    @classmethod
    def _final(cls, status: ExecutionStatus) -> ExecutionStatus:
        if not status.terminal:
            ends = ", ".join(each for each in ExecutionStatus if each.terminal)
            raise ValueError(f"must be one of {ends}, got {status}")
        return status

    @field_validator("expect")
    @classmethod
    def _left_to_expect(cls, expect: ExecutionStatus | None, info: ValidationInfo) -> ExecutionStatus | None:
        if expect is not None and info.data.get("deleted_after") is not None:
            raise ValueError(f"must not be given with deleted_after, for no status is left, got {expect}")
        return expect
