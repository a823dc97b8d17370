"""A scenario: a world specification plus a name, its purpose and what a run must exercise.

Derives a run's verdict from its property and criterion verdicts.
"""

from collections.abc import Iterable, Mapping, Set
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, field_validator

from drsim.scenarios.answers import CLAUSES, DEFAULT, checked
from drsim.scenarios.criteria import CRITERIA_NAMES
from drsim.scenarios.result import RunVerdict, Verdict
from drsim.simulator.checks import PROPERTIES
from drsim.simulator.checks.completion import completion_bound_us
from drsim.simulator.cloudwatch.deployed import alarms_by_name
from drsim.simulator.contract.limits import limits_of
from drsim.simulator.contract.presets import OUR_CONTRACT
from drsim.simulator.models import SchemaVersion, Spec
from drsim.simulator.spec.world import WorldSpec

PROPERTY_NAMES = tuple(monitor.name for monitor in PROPERTIES)


def known(kind: str, names: Iterable[str], name: str) -> str:
    """Return `name` if it is in `names`; otherwise raise ValueError."""
    if name not in names:
        raise ValueError(f"no such {kind}: {name!r}; known are {', '.join(names)}")
    return name


class Exercises(Spec):
    """What a run must exercise; a run that exercises less is unknown unless it fails."""

    properties: tuple[
        Annotated[
            str,
            AfterValidator(partial(known, "property", PROPERTY_NAMES)),
            WithJsonSchema({"type": "string", "enum": list(PROPERTY_NAMES)}),
        ],
        ...,
    ] = Field((), description="Properties that must be exercised.")
    criteria: tuple[
        Annotated[
            str,
            AfterValidator(partial(known, "criterion", CRITERIA_NAMES)),
            WithJsonSchema({"type": "string", "enum": list(CRITERIA_NAMES)}),
        ],
        ...,
    ] = Field((), description="Acceptance criteria that must be exercised.")


def _alarm_names(schema: dict[str, Any]) -> None:
    schema["properties"]["alarms"]["propertyNames"] = {"enum": list(alarms_by_name())}


class Scenario(WorldSpec):
    """The content of one scenario file."""

    model_config = ConfigDict(json_schema_extra=_alarm_names)

    schema_version: SchemaVersion = Field(1, exclude=True)
    name: str = Field(
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60, description="Its name, which names the folders of its runs."
    )
    title: str = Field(min_length=1, max_length=64, description="What it is, in a few words.")
    why: str = Field(min_length=1, description="Why it matters, in one sentence.")
    answer: str = Field(
        DEFAULT, description=f"What came of a run, in one sentence; {{name}} is filled for {', '.join(CLAUSES)}."
    )
    exercises: Exercises = Field(Exercises(), description="What a run must exercise, or its verdict is unknown.")
    suites: tuple[Literal["acceptance", "faults", "load"], ...] = Field(
        (), description="The suites of `drsim run --suite` that have it."
    )
    small: tuple[str, ...] = Field((), description="Changes for its smaller form, as `--set` takes them.")

    @field_validator("alarms")
    @classmethod
    def _known_alarms(cls, alarms: dict[str, str]) -> dict[str, str]:
        return {known("alarm", alarms_by_name(), name): then for name, then in alarms.items()}

    @field_validator("answer")
    @classmethod
    def _known_clauses(cls, answer: str) -> str:
        return checked(answer)

    @property
    def completion_bound_us(self) -> int:
        """How long after DRS's truth an execution may end, by the contract's limits and the settings."""
        return completion_bound_us(self, limits_of(self.contract or OUR_CONTRACT, self.settings))


def verdict(verdicts: Mapping[str, Verdict], exercises: Exercises, unjudged: Set[str]) -> RunVerdict:
    """Fail if anything failed; unknown if something that must be exercised was not; else pass."""
    otherwise: RunVerdict = "unknown" if unexercised(verdicts, exercises, unjudged) else "pass"
    return "fail" if "fail" in verdicts.values() else otherwise


def unexercised(verdicts: Mapping[str, Verdict], exercises: Exercises, unjudged: Set[str]) -> tuple[str, ...]:
    """Return the declared names that were not exercised; if nothing at all was exercised, return every judgeable name.

    `unjudged` names cannot be judged for the Lambda functions under test, and are exempt.
    """
    missing = tuple(name for name, each in verdicts.items() if each == "not exercised" and name not in unjudged)
    if all(each == "not exercised" for each in verdicts.values()):
        return missing
    return tuple(name for name in missing if name in (*exercises.properties, *exercises.criteria))
