"""A whole world as data: all input of a run besides its seed, and the bounds of the properties."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from drsim.orchestrator.errors import MalformedError
from drsim.orchestrator.settings import SETTING_NAMES, Settings, settings_from
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.objectives import Objectives, RtoField
from drsim.simulator.contract.presets import PRESETS, completed, preset
from drsim.simulator.durations import DurationUs, duration_us, show_duration
from drsim.simulator.faults.kinds import Fault
from drsim.simulator.faults.rules import Rule
from drsim.simulator.models import Spec, all_of
from drsim.simulator.services.spec import Drs, Functions, Latencies, Schedule, TableSpec
from drsim.simulator.spec.groups import Group

_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_MAX: Final = 2999
"""Python knows no year after 9999, and a run with its longest durations ends centuries after its start."""
_DURATION_US_MAX: Final = duration_us("366d")
_EXECUTIONS_MAX, _SERVERS_MAX = 1_000_000, 10_000_000
_PHASE_2: Final = datetime(2025, 11, 28, 20, 32, 29, tzinfo=UTC)


_REGION: Final = "^[a-z]{2,3}(-[a-z]{1,20}){1,3}-[0-9]{1,2}$"


def _region(name: str) -> str:
    if not re.fullmatch(_REGION.strip("^$"), name):
        raise ValueError(f"must be a Region of AWS such as us-east-1, got {name!r}")
    return name


Region = Annotated[str, AfterValidator(_region), WithJsonSchema({"type": "string", "pattern": _REGION})]


class Bounds(Spec):
    """Bounds of the properties."""

    completion: DurationUs | None = Field(
        None, description="From DRS's truth to the terminal status; default: the longest interval in looks, and 30s."
    )
    poll_gap: DurationUs | None = Field(None, description="Between polls; default: 150s or twice the longest interval.")
    poll_delay: DurationUs = Field(duration_us("10s"), description="From the finder's look to the recorded poll.")
    looks_missed: int = Field(0, ge=0, description="Looks that may skip a due execution; more than 0 for overload.")
    early: DurationUs = Field(duration_us("1s"), description="How long before its interval has passed a poll may come.")
    tick_jitter: DurationUs = Field(duration_us("1s"), description="How far a tick may be from its minute.")
    start_delay: DurationUs = Field(duration_us("5s"), description="From a tick to the start of the finder.")
    lambda_ratio: float = Field(0.8, gt=0, le=1, description="Share of its timeout that a function may use.")
    concurrency_ratio: float = Field(0.8, gt=0, le=1, description="Share of the account's concurrency in use.")
    describe_calls: int = Field(1, ge=1, description="DescribeJobs calls of a poll for each account and Region.")


class Swarm(Spec):
    """Faults drawn for each seed: which kinds, how many, how strong."""

    faults: tuple[Fault, ...] = Field(tuple(Fault), min_length=1, description="The kinds to draw from.")
    most: int = Field(6, ge=1, description="The most kinds that act in one run; at least one acts.")


def _as_texts(settings: object) -> object:
    if isinstance(settings, dict):
        return {name: str(value) if isinstance(value, int) else value for name, value in settings.items()}
    return settings


def _settings_schema() -> dict[str, Any]:
    """The JSON Schema of settings: each by its name, with its limits."""
    each = {
        field.metadata["variable"]: {
            "type": ["integer", "string"],
            "minimum": field.metadata["limits"][0],
            "maximum": field.metadata["limits"][1],
            "pattern": "^[0-9]+$",
            "description": f"{field.metadata['limits'][0]:,} to {field.metadata['limits'][1]:,}; "
            f"{field.default // field.metadata['unit']:,} by default.",
        }
        for field in fields(Settings)
    }
    return {"type": "object", "properties": each, "additionalProperties": False}


def _known_settings(settings: dict[str, str]) -> dict[str, str]:
    unknown = sorted(set(settings) - SETTING_NAMES)
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no such setting; known are {', '.join(sorted(SETTING_NAMES))}")
    try:
        settings_from(settings)
    except MalformedError as error:
        raise ValueError(str(error)) from None
    return settings


def _contract_of(given: object) -> object:
    """Complete a contract that is a name, or `extends` one of drsim's. `scenarios` reads one from a file."""
    if isinstance(given, str):
        if given not in PRESETS:
            raise ValueError(f"must be {', '.join(PRESETS)}, a YAML file or a mapping of fields, got {given!r}")
        given = {"extends": given}
    return completed(given) if isinstance(given, Mapping) else given


def _in_utc(start: datetime) -> datetime:
    """Read a time without a zone as UTC, as YAML does. Python would take the host's zone."""
    if not _UNIX_EPOCH.year <= start.year <= _YEAR_MAX:
        raise ValueError(f"must be in the years {_UNIX_EPOCH.year} to {_YEAR_MAX}, got {start.year}")
    return start if start.tzinfo is not None else start.replace(tzinfo=UTC)


def _short_enough(duration_us: int) -> int:
    if duration_us > _DURATION_US_MAX:
        raise ValueError(f"must be at most {show_duration(_DURATION_US_MAX)}, got {show_duration(duration_us)}")
    return duration_us


def _different(kind: str, names: tuple[str, ...]) -> tuple[str, ...]:
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"must be different {kind}, got {twice[0]!r} twice")
    return names


def _impossible(rule: Rule, scenario: Mapping[str, Any]) -> Iterator[tuple[str, object, str]]:
    """Yield field, value and reason of each part of the rule that does not fit its scenario."""
    ids = [each for group in scenario.get("workload", ()) for each in group.ids]
    if rule.execution is not None and "workload" in scenario and rule.execution not in ids:
        known = ", ".join(ids) or "none, for no group has ids"
        text = f"must be one of the workload's ids ({known}), got {rule.execution!r}"
        yield "execution", rule.execution, text
    regions = scenario.get("regions")
    if rule.region is not None and regions is not None and rule.region not in regions:
        yield "region", rule.region, f"must be one of {', '.join(regions)}, got {rule.region!r}"
    for name, end_us in (("heal", scenario.get("heal")), ("duration", scenario.get("duration"))):
        if end_us is not None and rule.after >= end_us and not (name == "heal" and rule.lasting):
            limit, after = show_duration(end_us), show_duration(rule.after)
            text = f"must be < {name} ({limit}), or the rule never acts, got {after}"
            yield "after", rule.after, text


class WorldSpec(Spec):
    """One world: all input of a run besides its seed."""

    start: Annotated[datetime, AfterValidator(_in_utc)] = Field(_PHASE_2, description="When virtual time begins.")
    duration: Annotated[DurationUs, AfterValidator(_short_enough)] = Field(
        duration_us("60m"), description="The run ends then at the latest."
    )
    until_finished: bool = Field(True, description="End earlier, once every execution has been terminal for `settle`.")
    settle: DurationUs = Field(duration_us("3m"), description="How long a run goes on once all is finished.")
    schedule: Schedule = Schedule()
    functions: Functions = Functions()
    latencies: Latencies = Latencies()
    contract: Annotated[
        Contract | None, BeforeValidator(_contract_of, json_schema_input_type=str | Contract | None)
    ] = Field(
        None, description="What other teams' functions promise: ours, plain, a YAML file beside this one, or fields."
    )
    table: TableSpec = TableSpec()
    drs: Drs = Drs()
    accounts: int = Field(1, ge=1, le=10_000, description="AWS accounts over which executions are spread.")
    regions: Annotated[tuple[Region, ...], AfterValidator(partial(_different, "Regions"))] = Field(
        ("us-east-1",), min_length=1, description="AWS Regions over which executions are spread."
    )
    settings: Annotated[
        dict[str, str], BeforeValidator(_as_texts), AfterValidator(_known_settings), WithJsonSchema(_settings_schema())
    ] = Field({}, description="Environment variables of both functions, such as SWEEPS_PER_INVOCATION.")
    workload: tuple[Group, ...] = Field((), description="Groups of executions that start.")
    bounds: Bounds = Bounds()
    rto: RtoField = Field(
        None,
        description="Recovery time objectives: a duration such as 25m, or for execution and waves; none: not the "
        "contract's either. By default the contract's.",
    )
    alarms: dict[str, Literal["clears", "stays"]] = Field(
        {},
        description="Alarms that must go off, and whether each then clears or stays, such as StuckExecution: clears.",
    )
    heal: DurationUs | None = Field(None, description="From then on only lasting faults act; None: no bound of time.")
    faults: tuple[Rule, ...] = Field((), description="In order: the first one that acts on an event decides it.")
    swarm: Swarm | None = Field(None, description="Draws further rules from the seed.")

    @field_validator("workload")
    @classmethod
    def _possible_in_all(cls, workload: tuple[Group, ...]) -> tuple[Group, ...]:
        counts = Counter(each for group in workload for each in group.ids)
        if twice := sorted(each for each, count in counts.items() if count > 1):
            raise ValueError(f"ids must be different, got {', '.join(map(repr, twice))} twice")
        executions = sum(group.executions for group in workload)
        if executions > _EXECUTIONS_MAX:
            raise ValueError(
                f"executions of all groups must be at most {_EXECUTIONS_MAX:,}, for which a run needs about 14 GB of "
                f"memory, got {executions:,}"
            )
        servers = sum(group.executions * (wave.servers or group.servers) for group in workload for wave in group.waves)
        if servers > _SERVERS_MAX:
            raise ValueError(f"servers of all executions must be at most {_SERVERS_MAX:,}, got {servers:,}")
        return workload

    @field_validator("rto")
    @classmethod
    def _known_waves(cls, rto: Objectives | None, info: ValidationInfo) -> Objectives | None:
        waves = [pair for group in info.data.get("workload", ()) for pair in enumerate(group.waves, 1)]
        known = dict.fromkeys(text for number, wave in waves for text in (str(number), wave.shown(number)))
        if rto is None:
            return None
        for name in rto.waves if known else ():
            if name not in known:
                raise ValueError(f"waves must be of the workload ({', '.join(known)}), got {name!r}")
        for number, wave in waves:
            if {str(number), wave.shown(number)} <= rto.waves.keys():
                raise ValueError(f"waves must have each wave once, got {str(number)!r} and {wave.shown(number)!r}")
        return rto

    @field_validator("table")
    @classmethod
    def _named_once(cls, table: TableSpec, info: ValidationInfo) -> TableSpec:
        if info.data.get("contract") is not None and (table.style != TableSpec().style or table.names):
            raise ValueError(
                "style and names belong to the contract if there is one: use contract.style, contract.names"
            )
        return table

    @field_validator("heal")
    @classmethod
    def _heals_in_time(cls, heal: int | None, info: ValidationInfo) -> int | None:
        duration = info.data.get("duration")
        if heal is not None and duration is not None and heal >= duration:
            raise ValueError(f"must be < duration ({show_duration(duration)}), got {show_duration(heal)}")
        return heal

    @field_validator("faults")
    @classmethod
    def _possible(cls, rules: tuple[Rule, ...], info: ValidationInfo) -> tuple[Rule, ...]:
        wrong: list[tuple[tuple[str | int, ...], object, str]] = [
            ((number, field), value, text)
            for number, rule in enumerate(rules)
            for field, value, text in _impossible(rule, info.data)
        ]
        if wrong:
            raise all_of(wrong)
        return rules

    @property
    def judged_by(self) -> Contract:
        """The contract of functions that are not this project's own."""
        return self.contract or preset("plain", style=self.table.style, names=self.table.names)

    def limited_by(self, contract: Contract) -> Self:
        """Return this spec with the functions' time and memory that a contract gives."""
        limits, is_one = contract.limits, contract.functions.one is not None
        given = {"finder": limits.finder, "poller": limits.finder if is_one else limits.poller}
        functions = {
            role: getattr(self.functions, role).model_copy(
                update={name: value for name, value in limit if value is not None}
            )
            for role, limit in given.items()
        }
        return self.model_copy(update={"functions": self.functions.model_copy(update=functions)})

    @property
    def epoch_us(self) -> int:
        return (self.start - _UNIX_EPOCH) // timedelta(microseconds=1)
