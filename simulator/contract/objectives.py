"""Recovery time objectives as data: how long an execution, and each of its waves, may take to recover.

`figures.recoveries` counts what was achieved. Both count from the execution's StartTime, a wave's as well.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    WrapSerializer,
    model_validator,
)

from drsim.simulator.durations import DurationUs, duration_us, show_duration
from drsim.simulator.models import Spec

NONE: Final = "none"
"""How a scenario switches the objectives of its contract off."""


def _positive(objective_us: int) -> int:
    if objective_us <= 0:
        raise ValueError(f"must be > 0s, got {show_duration(objective_us)}")
    return objective_us


ObjectiveUs = Annotated[DurationUs, AfterValidator(_positive)]


def _with_text_keys(waves: Any) -> Any:
    """Accept numbers of waves as YAML reads them. Raises ValueError if two keys are the same wave, or one is none."""
    if not isinstance(waves, Mapping):
        raise ValueError(f"must map waves to durations, such as {{Wave 1: 10m}}, got {waves!r}")
    found: dict[str, Any] = {}
    for key, objective in waves.items():
        if isinstance(key, bool) or not isinstance(key, int | str):
            raise ValueError(f"must have names or whole numbers of waves as keys, got {key!r}")
        if (name := str(key)) in found:
            raise ValueError(f"must have each wave once, got {name!r} twice")
        found[name] = objective
    for name in found:
        if (default := f"Wave {name}") in found:
            raise ValueError(f"must have each wave once, got {name!r} and {default!r}")
    return found


class Objectives(Spec):
    """The objectives of a run: for the whole execution, and for waves by name or number. Both may be empty."""

    execution: ObjectiveUs | None = Field(None, description="From StartTime to the end that a poll records.")
    waves: Annotated[
        dict[str, ObjectiveUs],
        BeforeValidator(_with_text_keys, json_schema_input_type=dict[str, ObjectiveUs]),
    ] = Field({}, description="By the wave's name or number: from the execution's StartTime to its recorded end.")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        for name, wave_us in self.waves.items():
            if self.execution is not None and wave_us > self.execution:
                most, got = show_duration(self.execution), show_duration(wave_us)
                raise ValueError(
                    f"wave {name!r} must be <= execution ({most}), for both count from StartTime, got {got}"
                )
        return self

    def __bool__(self) -> bool:
        """Whether there is any objective."""
        return self.execution is not None or bool(self.waves)

    def is_by_number(self, name: str, number: int) -> bool:
        """Whether the objective of this wave is set by its number."""
        return name not in self.waves and str(number) in self.waves

    def of_wave(self, name: str, number: int) -> int | None:
        """The objective of a wave, by its name or else its number; None without one."""
        return self.waves.get(str(number) if self.is_by_number(name, number) else name)


def _objectives_of(given: object) -> object:
    """Read the short form, a duration for the execution, and `none`."""
    if given is None or isinstance(given, Objectives) or (isinstance(given, Mapping) and given):
        return given
    if given == NONE:
        return Objectives()
    try:
        return {"execution": show_duration(duration_us(given))}
    except ValueError:
        forms = f"a duration such as 25m, {NONE}, or a mapping with execution, waves or both"
        raise ValueError(f"must be {forms}, got {given!r}") from None


def _written(objectives: Objectives | None, write: SerializerFunctionWrapHandler) -> object:
    """Write objectives as they can be read, so `none` if there are none."""
    return NONE if objectives is not None and not objectives else write(objectives)


RtoField = Annotated[
    Objectives | None,
    BeforeValidator(_objectives_of, json_schema_input_type=str | Objectives | None),
    WrapSerializer(_written),
]
"""A pydantic field: a duration for the execution, `none`, or objectives for the execution and its waves."""
