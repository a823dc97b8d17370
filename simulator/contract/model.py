"""A contract as data: what a team promises about its table and its functions.

Owns shape, defaults and validation. `layout` reads and writes items by it, `limits` resolves what it says about time.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from itertools import permutations
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_snake

from drsim.orchestrator.model import ExecutionStatus, ExecutionType, JobStatus, Phase, ServerStatus, WaveStatus
from drsim.simulator.contract.objectives import RtoField
from drsim.simulator.contract.places import (
    OURS,
    ExecutionPlaces,
    FunctionPlaces,
    ServerPlaces,
    Style,
    TablePlaces,
    TimeFormat,
    WavePlaces,
    all_optional,
)
from drsim.simulator.contract.surroundings import AlsoJudged, Surroundings
from drsim.simulator.durations import DurationUs, duration_us, show_duration
from drsim.simulator.models import SchemaVersion, Spec, all_of

_STYLES: Final[Mapping[str, Callable[[str], str]]] = {
    "PascalCase": str,
    "camelCase": lambda name: name[0].lower() + name[1:],
    "snake_case": to_snake,
}
_STATUSES: Final[Mapping[str, type[StrEnum]]] = {
    "execution": ExecutionStatus,
    "wave": WaveStatus,
    "server": ServerStatus,
    "job": JobStatus,
    "type": ExecutionType,
}
OTHER: Final = "other"
"""The key of a team's words that are neither open nor ended."""


def _words_of(value: object) -> object:
    return (value,) if isinstance(value, str) else value


WordsField = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    BeforeValidator(_words_of, json_schema_input_type=str | tuple[str, ...]),
]
"""A team's words for one of our words; the first is what the plan's worker writes."""


def _our_words(schema: dict[str, Any]) -> None:
    for level, statuses in _STATUSES.items():
        schema["properties"][level]["propertyNames"] = {"enum": [*map(str, statuses), OTHER]}


class Words(Spec):
    """The team's words by ours: what is not given keeps our word. `other` words are neither open nor ended."""

    model_config = ConfigDict(json_schema_extra=_our_words)

    execution: dict[str, WordsField] = Field({}, description="Statuses of executions.")
    wave: dict[str, WordsField] = Field({}, description="Statuses of waves.")
    server: dict[str, WordsField] = Field({}, description="Launch statuses of servers.")
    job: dict[str, WordsField] = Field({}, description="Statuses of jobs.")
    type: dict[str, WordsField] = Field({}, description="Types of executions.")

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, given: Any) -> Any:
        """Add our own words, save those that the team uses for another one."""
        if not isinstance(given, Mapping):
            return given
        return {**given, **{level: _with_own(level, given.get(level, {})) for level in _STATUSES}}

    @model_validator(mode="after")
    def _unambiguous(self) -> Self:
        for level, statuses in _STATUSES.items():
            words: Mapping[str, tuple[str, ...]] = getattr(self, level)
            if unknown := sorted(words.keys() - {*statuses, OTHER}):
                raise ValueError(f"{level}: keys must be among {', '.join((*statuses, OTHER))}, got {unknown[0]!r}")
            each = [word for found in words.values() for word in found]
            if twice := sorted({word for word in each if each.count(word) > 1}):
                raise ValueError(f"{level}: a word must have one meaning, got {twice[0]!r} twice")
        for status in (ExecutionStatus.POLLING, ExecutionStatus.COMPLETED):
            if not self.execution[status]:
                raise ValueError(f"execution: {status} must have at least one word")
        return self


def _with_own(level: str, given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    listed = [(words,) if isinstance(words, str) else words for words in given.values()]
    # Validation reports what is no list of texts.
    taken = {word for words in listed if isinstance(words, list | tuple) for word in words if isinstance(word, str)}
    own = [str(each) for each in _STATUSES[level] if each not in given]
    return {**{each: () if each in taken else (each,) for each in own}, **given}


class Times(Spec):
    """The format of each instant; `absent` if the team does not keep it."""

    start: TimeFormat = Field("seconds", description="Of the start.")
    end: TimeFormat = Field("seconds", description="Of the end.")
    last_polled: TimeFormat = Field("seconds", description="Of the last poll.")


class FunctionLimit(Spec):
    """What one function may use. A value that is not given is reported and not judged."""

    timeout: DurationUs | None = Field(None, description="Lambda's timeout, which replaces the scenario's.")
    memory_mb: int | None = Field(None, ge=128, le=10_240, description="Memory, which replaces the scenario's.")


LIMIT_NAMES: Final = (
    *("timeout", "intervals", *(f"intervals.{phase}" for phase in Phase)),
    *("looks", "slack", "incomplete_answers", "retries", "reserve"),
)
"""The limits that an environment variable may set."""


def _known_limit(name: str) -> str:
    if name not in LIMIT_NAMES:
        raise ValueError(f"limit must be one of {', '.join(LIMIT_NAMES)}, got {name!r}")
    return name


class Variable(Spec):
    """An environment variable that sets a limit: its value times `unit`, or a plain number for looks and retries."""

    limit: Annotated[
        str, AfterValidator(_known_limit), WithJsonSchema({"type": "string", "enum": list(LIMIT_NAMES)})
    ] = Field(description="The limit that it sets.")
    unit: DurationUs = Field(duration_us("1s"), description="What its value counts.")


def _each_phase(value: object) -> object:
    return dict.fromkeys(map(str, Phase), value) if isinstance(value, str) else value


def _timeout_of(value: object) -> object:
    if value in (None, "none"):
        return value
    try:
        return duration_us(value)
    except ValueError:
        raise ValueError(f"must be a duration such as 30m, or none, got {value!r}") from None


class Limits(Spec):
    """What the team promises about time and use. What is not given is not judged."""

    timeout: Annotated[
        int | Literal["none"] | None,
        BeforeValidator(_timeout_of, json_schema_input_type=str | None),
        PlainSerializer(lambda value: show_duration(value) if isinstance(value, int) else value),
    ] = Field(None, description="Age at which polling gives up, or none.")
    intervals: Annotated[
        dict[Phase, DurationUs] | None,
        BeforeValidator(_each_phase, json_schema_input_type=str | dict[Phase, str] | None),
    ] = Field(None, description="Between two polls: one, or one for each phase.")
    looks: int = Field(1, ge=1, le=60, description="Queries for open executions in one invocation of the finder.")
    slack: DurationUs = Field(0, description="How long before its interval has passed an execution is due.")
    incomplete_answers: DurationUs | None = Field(
        None, description="How long after its timeout an execution stays open while DRS's answers are incomplete."
    )
    retries: int | None = Field(None, ge=0, description="How often a poll starts over after a lost race.")
    finder: FunctionLimit = FunctionLimit()
    poller: FunctionLimit = FunctionLimit()
    describe_calls: int | None = Field(None, ge=1, description="DescribeJobs calls of a poll, by account and Region.")
    calls: int | None = Field(None, ge=1, description="AWS calls of a poll.")
    read_units: float | None = Field(None, gt=0, description="Read capacity units a minute of the index.")
    write_units: float | None = Field(None, gt=0, description="Write capacity units a minute of the table.")
    reserve: DurationUs = Field(0, description="The last part of the finder's time, in which it begins nothing new.")
    variables: dict[str, Variable] = Field({}, description="The environment variables that set limits.")

    @model_validator(mode="after")
    def _all_phases(self) -> Self:
        if self.intervals is not None and (missing := [str(each) for each in Phase if each not in self.intervals]):
            raise ValueError(f"intervals must have each phase, and lacks {', '.join(missing)}")
        return self


class Promises(Spec):
    """Each promise switches a check on, or changes scenarios. `server_status` and `announces` are on by default."""

    versioned: bool = Field(False, description="Every write raises the version by one, under a condition.")
    partial: bool | None = Field(
        None, description="Mixed outcomes end as PARTIAL (true) or FAILED (false); null allows either."
    )
    launch_actions: bool = Field(False, description="A recovery's wave waits for its launch actions, and counts them.")
    job_status: bool = Field(False, description="A wave holds its job's status.")
    server_status: bool = Field(True, description="A server holds its launch status.")
    instances: bool = Field(False, description="A server holds its instance id once DRS has it.")
    cross_account: bool = Field(False, description="Jobs may be in other accounts.")
    one_describe: bool = Field(False, description="One DescribeJobs call asks about all jobs of an account and Region.")
    waves_in_order: bool = Field(
        False, description="Plans start a wave once the one before has ended: scenarios do so, too."
    )
    decides_due: Literal["finder", "poller", "nothing"] | None = Field(
        None, description="Which function keeps to the intervals; nothing: each look polls every execution."
    )
    from_look: bool = Field(False, description="Intervals count from look to look, however long a poll takes.")
    once: bool = Field(False, description="An event or a tick that AWS delivers twice or late causes no early poll.")
    settles: str | None = Field(
        None, description="The word for a cancelled execution that the functions still settle, such as CANCELLING."
    )
    wave_timeout: bool = Field(False, description="At a timeout an open wave becomes TIMEOUT or UNKNOWN.")
    announces: bool = Field(True, description="Ends are announced at most once, and only once they are written.")


def _as_in_files(schema: dict[str, Any]) -> None:
    """Add the fields that a file may have and that validation replaces."""
    all_optional(schema)
    ours = sorted({name for fields in OURS.values() for name in fields.values()})
    names = {"type": "object", "propertyNames": {"enum": ours}, "additionalProperties": {"type": "string"}}
    schema["properties"]["extends"] = {"enum": ["ours", "plain"], "description": "Gives what the contract leaves out."}
    schema["properties"]["names"] = {**names, "description": "From our attribute to the team's, such as Status: state."}


class Contract(Spec):
    """One contract."""

    model_config = ConfigDict(json_schema_extra=_as_in_files)

    schema_version: SchemaVersion = Field(1, exclude=True)
    name: str = Field("plain", min_length=1, max_length=100, description="Its name in reports.")
    style: Style = Field("PascalCase", description="The spelling of attributes that are not given.")
    table: TablePlaces = Field(TablePlaces(), description="The table and its index.")
    functions: FunctionPlaces = Field(FunctionPlaces(), description="The names of both functions.")
    execution: ExecutionPlaces = Field(description="Where an item holds each field of an execution.")
    wave: WavePlaces = Field(description="Where a wave holds each field.")
    server: ServerPlaces = Field(description="Where a server holds each field.")
    words: Words = Field(default_factory=lambda: Words.model_validate({}), description="The team's words by ours.")
    times: Times = Field(Times(), description="The format of each instant.")
    limits: Limits = Field(Limits(), description="What the team promises about time and use.")
    promises: Promises = Field(Promises(), description="What the team promises: each switches a check on.")
    rto: RtoField = Field(None, description="Recovery time objectives of scenarios that set none.")
    surroundings: Surroundings = Field(Surroundings(), description="What exists around the functions.")
    judged: AlsoJudged = Field(AlsoJudged(), description="What else can be judged.")

    @model_validator(mode="before")
    @classmethod
    def _styled(cls, given: Any) -> Any:
        """Complete the places in the team's style. `names`, from our attribute to theirs, is a shorthand."""
        if not isinstance(given, Mapping):
            return given
        given = dict(given)
        names, style = given.pop("names", {}), _STYLES.get(str(given.get("style", "PascalCase")), str)
        if not isinstance(names, Mapping):
            raise ValueError(f"names must map our attributes to the team's, got {names!r}")
        ours = dict.fromkeys(name for fields in OURS.values() for name in fields.values())
        if unknown := [str(name) for name in names if name not in ours]:
            raise ValueError(f"names: keys must be among {', '.join(ours)}, got {unknown[0]!r}")
        for level, fields in OURS.items():
            places = given.get(level, {})
            if isinstance(places, Mapping):
                own = {field: names.get(ours, style(ours)) for field, ours in fields.items()}
                given[level] = {**own, **places}
        times, execution = given.get("times"), given["execution"]
        if isinstance(times, Mapping) and isinstance(execution, Mapping):
            absent = {field: None for field, form in times.items() if form == "absent"}
            given["execution"] = {**execution, **absent}
        table = given.get("table", {})
        if isinstance(table, Mapping) and "index_range" not in table and isinstance(given["execution"], Mapping):
            given["table"] = {**table, "index_range": given["execution"].get("start")}
        return given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if problems := [((), None, problem) for problem in self._problems()]:
            raise all_of(problems)
        return self

    def _problems(self) -> Iterator[str]:
        for level in OURS:
            places = [path for field, path in getattr(self, level) if path is not None and field != "shape"]
            if twice := sorted({path for path in places if places.count(path) > 1}):
                yield f"{level}: fields must have different places, got {twice[0]!r} twice"
            for path, inner in permutations(places, 2):
                if inner.startswith(f"{path}."):
                    yield f"{level}: a place must not lie in another one, got {inner!r} in {path!r}"
        if "." in self.execution.id or "." in (self.execution.plan or "") or "." in self.execution.status:
            yield "execution: id, plan and status must be attributes of the item, for they are keys"
        if self.server.id is None and self.server.shape == "list":
            yield "server: id must be an attribute if the servers are a list"
        if self.promises.versioned and self.execution.version is None:
            yield "promises.versioned needs a place for execution.version"
        if self.promises.job_status and self.wave.job_status is None:
            yield "promises.job_status needs a place for wave.job_status"
        if self.table.index_range == self.execution.status:
            yield f"table.index_range must not be the index's hash key, the status, got {self.execution.status!r}"
        for kind, names in self._names():
            if twice := [name for name, count in Counter(names).items() if count > 1]:
                yield f"{kind} must have different names, got {twice[0]!r} twice"
        settles = self.promises.settles
        if settles is not None and settles not in self.words.execution[ExecutionStatus.POLLING]:
            yield f"promises.settles must be one of the words for POLLING, got {settles!r}"

    def _names(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the names that must differ, by what has them."""
        around = self.surroundings
        yield "tables", [self.table.name, *(table.name for table in around.tables)]
        yield "surroundings.topics", list(around.topics)
        yield "surroundings.buses", list(around.buses)
        yield "surroundings.state_machines", list(around.state_machines)
        yield "judged.metrics", list(self.judged.metrics.values())
