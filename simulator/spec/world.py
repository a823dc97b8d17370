"""A whole world as data: everything that a run needs besides its seed, and what it is held to."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from drsim.orchestrator.errors import MalformedError
from drsim.orchestrator.settings import SETTING_NAMES, settings_from
from drsim.simulator.durations import DurationUs, duration_us, show_duration
from drsim.simulator.faults.kinds import Fault
from drsim.simulator.faults.rules import Rule
from drsim.simulator.services.spec import Drs, Functions, Latencies, Schedule, Spec, TableSpec
from drsim.simulator.spec.groups import Group

_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


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
    table: TableSpec = TableSpec()
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
