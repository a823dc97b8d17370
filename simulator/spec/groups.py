"""The workload as data: groups of executions, their waves, and when they start."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from drsim.orchestrator.model import ExecutionStatus, ExecutionType, JobStatus
from drsim.simulator.durations import DurationUs, SpreadField, duration_us, spread_of
from drsim.simulator.services.spec import JobLife, Spec


class Launch(StrEnum):
    """What Phase 1 does for a wave."""

    DRS = "drs"
    NEVER = "never"
    UNKNOWN = "unknown"


class WaveSpec(Spec):
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
    tuple[WaveSpec, ...],
    BeforeValidator(_waves_of, json_schema_input_type=Annotated[int, Field(ge=1, le=100)] | tuple[WaveSpec, ...]),
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
    waves: WavesField = Field((WaveSpec(),) * 3, description="Their number, or a list with an entry for each.")
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
