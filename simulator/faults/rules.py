"""A fault rule as data: which fault, at which events, when, and how strong.

Owns the check that a rule fits its kind. `simulator.spec.world` checks that it fits its scenario.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from drsim.simulator.durations import DurationUs, SpreadField, show_duration, show_spread
from drsim.simulator.faults.kinds import POINTS, PUT_METRIC_DATA, Fault, Point
from drsim.simulator.randomness import Spread

# Fields for some kinds only, as their entries list them.
OPTIONS: Final = ("delay", "attempts", "servers", "redelivered", "lasting")
# Fields that select events at some points only; `run` does at each.
SELECTORS: Final = ("function", "execution", "region", "nth")


class Rule(BaseModel):
    """One rule. The first rule that acts on an event decides it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fault: Fault = Field(description="The kind of fault.")
    operation: Annotated[str, WithJsonSchema({"type": "string", "enum": sorted(map(str, POINTS))})] | None = Field(
        None, description="The point at which it acts; by default each that the fault has."
    )
    function: Literal["ExecutionFinder", "ExecutionPoller"] | None = Field(None, description="Of this function only.")
    execution: str | None = Field(None, description="Of the execution with this id only.")
    region: str | None = Field(None, description="Of this Region only, for DescribeJobs and StartRecovery.")
    after: DurationUs = Field(0, description="From then on.")
    before: DurationUs | None = Field(None, description="Until then; by default until the scenario heals.")
    run: int | None = Field(
        None,
        ge=1,
        description="At this run of the function for its execution (Tick, Event, Index, StartRecovery: the nth tick, "
        "event, write or wave).",
    )
    nth: int | None = Field(
        None,
        ge=1,
        description="At the nth call of the operation in its run, retries not counted; for StartRecovery, the nth "
        "attempt of a recovery plan's step.",
    )
    chance: float = Field(1.0, gt=0, le=1, description="Probability, decided for each event by itself.")
    delay: SpreadField | None = Field(None, description="How long: late, slow, delayed, lagging, skewed by.")
    attempts: int | None = Field(
        None,
        ge=1,
        le=10,
        description="Acts on the first attempts of a call, this many; by default on all.",
    )
    servers: int | None = Field(None, ge=1, description="How many servers of the job fail; by default all.")
    redelivered: bool = Field(False, description="Whether Lambda delivers the event again after the crash.")
    lasting: bool = Field(False, description="Whether it goes on when all else heals, and makes the end impossible.")

    @field_validator("operation")
    @classmethod
    def _has_point(cls, operation: str | None, info: ValidationInfo) -> str | None:
        fault = info.data.get("fault")
        if operation is not None and fault is not None and operation not in fault.kind.points:
            points = ", ".join(fault.kind.points)
            raise ValueError(f"must be one of {points} for {fault}, got {operation!r}")
        return operation

    @field_validator("before")
    @classmethod
    def _after_it_begins(cls, before: int | None, info: ValidationInfo) -> int | None:
        after = info.data.get("after")
        if before is not None and after is not None and before <= after:
            raise ValueError(f"must come later than after ({show_duration(after)}), got {show_duration(before)}")
        return before

    @field_validator(*OPTIONS)
    @classmethod
    def _has_option(cls, value: Any, info: ValidationInfo) -> Any:
        fault, name = info.data.get("fault"), str(info.field_name)
        if fault is not None and value != cls.model_fields[name].default and not fault.kind.accepts(name):
            accepting = sorted(each for each in Fault if each.kind.accepts(name))
            raise ValueError(f"means nothing for {fault}; it applies to {', '.join(accepting)}")
        return value

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        kind = self.fault.kind
        if not self.operations:
            points = ", ".join(kind.points if self.operation is None else [self.operation])
            chosen = [(name, getattr(self, name)) for name in SELECTORS if getattr(self, name) is not None]
            events = " and ".join(f"{name} {value!r}" for name, value in chosen)
            raise ValueError(f"no event at {points} has {events}")
        if self.lasting:
            self._check_lasting()
        return self

    def _check_lasting(self) -> None:
        narrowed = [name for name in ("run", "nth", "before") if getattr(self, name) is not None]
        if self.chance < 1:
            raise ValueError(f"chance of a lasting rule must be 1, or an end stays possible, got {self.chance:g}")
        if narrowed:
            raise ValueError(f"a lasting rule must have no {narrowed[0]}, or an end stays possible")
        if self.attempts is not None:
            raise ValueError(f"a lasting rule must have no attempts, or a retry gets through, got {self.attempts}")
        if PUT_METRIC_DATA in self.operations:
            raise ValueError("operation of a lasting rule must be named, and not be PutMetricData: it prevents no end")

    def __str__(self) -> str:
        words = [str(self.fault)]
        if self.operation is not None:
            words.append(f"at {self.operation}")
        words += [f"of {each}" for each in (self.function, self.execution, self.region) if each is not None]
        words += [f"{name} {number}" for name, number in (("run", self.run), ("call", self.nth)) if number is not None]
        if self.after:
            words.append(f"after {show_duration(self.after)}")
        if self.before is not None:
            words.append(f"before {show_duration(self.before)}")
        if self.chance < 1:
            words.append(f"with chance {self.chance:g}")
        if self.delay is not None:
            words.append(f"for {show_spread(self.delay)}")
        words += [name for name in ("redelivered", "lasting") if getattr(self, name)]
        return " ".join(words)

    @property
    def operations(self) -> tuple[Point[Any], ...]:
        """The points at which it may act: those of its kind that know all of its selectors."""
        chosen = {name for name in SELECTORS[1:] if getattr(self, name) is not None}
        return tuple(
            point
            for point in self.fault.kind.points
            if self.operation in (None, point)
            and chosen <= point.selectors
            and self.function in (None, *point.functions)
        )

    @property
    def length(self) -> Spread:
        """The length of the fault; 0 for a kind without one."""
        return self.delay or self.fault.kind.delay or Spread(0, 0)
