"""A scenario: a world as data, with a name, a reason, and what a run of it must exercise."""

from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from drsim.scenarios.criteria import CRITERIA_NAMES
from drsim.simulator.checks import PROPERTIES
from drsim.simulator.cloudwatch.alarms import alarms_by_name
from drsim.simulator.services.spec import Spec
from drsim.simulator.spec.world import WorldSpec

_PROPERTY_NAMES = tuple(monitor.name for monitor in PROPERTIES)


def _known_property(name: str) -> str:
    if name not in _PROPERTY_NAMES:
        raise ValueError(f"no such property: {name!r}; known are {', '.join(_PROPERTY_NAMES)}")
    return name


def _known_criterion(name: str) -> str:
    if name not in CRITERIA_NAMES:
        raise ValueError(f"no such criterion: {name!r}; known are {', '.join(CRITERIA_NAMES)}")
    return name


class Exercises(Spec):
    """What a run must exercise: if one of these was not, the run's verdict is unknown."""

    properties: tuple[Annotated[str, AfterValidator(_known_property)], ...] = ()
    criteria: tuple[Annotated[str, AfterValidator(_known_criterion)], ...] = ()


class Scenario(WorldSpec):
    """One scenario file."""

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)
    title: str = Field(min_length=1, max_length=64)
    why: str = Field(min_length=1, description="Why it matters, in one sentence.")
    exercises: Exercises = Exercises()

    @field_validator("alarms")
    @classmethod
    def _known_alarms(cls, alarms: dict[str, str]) -> dict[str, str]:
        known = alarms_by_name()
        for name in alarms:
            if name not in known:
                raise ValueError(f"no such alarm: {name!r}; known are {', '.join(known)}")
        return alarms
