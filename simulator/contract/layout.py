"""Where and how a table holds each field by its contract: the only code that knows a team's attributes and words.

Owns places, words and formats of time. The plan's worker, people and faults write items by it, and `reader` reads
them by it. Instants are microseconds since the Unix epoch.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from drsim.orchestrator.model import (
    ExecutionKey,
    ExecutionStatus,
    ExecutionType,
    JobStatus,
    ServerStatus,
    WaveStatus,
)
from drsim.simulator.contract.model import OTHER, Contract
from drsim.simulator.contract.places import TimeFormat

Attributes = Mapping[str, object]

_W = TypeVar("_W", bound=StrEnum)

HOME_ACCOUNT: Final = "777788889999"
HOME_REGION: Final = "us-east-1"
"""The account of the Phase 2 test and the Region where the functions run: a wave that names none has its job there."""

_UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# The largest exponent of a DynamoDB number: "Constraints in Amazon DynamoDB", November 2025.
_EXPONENT_MAX: Final = 125


class Place:
    """Where a map holds one field, such as `status` or `state.code`."""

    __slots__ = ("of", "path", "steps")

    def __init__(self, path: str) -> None:
        self.path = path
        self.steps = tuple(path.split("."))
        self.of: Callable[[Attributes], object] = self._getter()
        """Return the field's value, or None if it is absent."""

    def _getter(self) -> Callable[[Attributes], object]:
        first, *rest = self.steps
        if not rest:
            return lambda item: item.get(first)

        def deep(item: Attributes) -> object:
            value: object = item
            for step in self.steps:
                value = value.get(step) if isinstance(value, Mapping) else None
            return value

        return deep

    def put(self, item: dict[str, Any], value: object) -> None:
        """Set the field, or remove it if the value is None; maps on the way are copied."""
        *way, last = self.steps
        for step in way:
            below = item.get(step)
            item[step] = item = dict(below) if isinstance(below, Mapping) else {}
        if value is None:
            item.pop(last, None)
        else:
            item[last] = value


class Vocabulary(Generic[_W]):
    """The team's words of one level."""

    def __init__(self, own: type[_W], words: Mapping[str, Sequence[str]]) -> None:
        self.theirs: Mapping[_W, tuple[str, ...]] = {each: tuple(words.get(each, ())) for each in own}
        self.other = frozenset(words.get(OTHER, ()))
        self._ours = {word: ours for ours, found in self.theirs.items() for word in found}
        self.all = (*self._ours, *sorted(self.other))

    def ours(self, word: object) -> _W | None:
        """Return our word for a team's word; None for another value."""
        return self._ours.get(word) if isinstance(word, str) else None

    def is_other(self, word: object) -> bool:
        """Return whether it is a word of the team's own, which means none of ours."""
        return isinstance(word, str) and word in self.other

    def first(self, *choices: _W) -> _W:
        """Return the first of our words that the team has a word for; the last one if it has none."""
        return next((each for each in choices if self.theirs[each]), choices[-1])

    def written(self, ours: _W) -> str | None:
        """Return the word that the plan's worker writes; None if the team has none."""
        return next(iter(self.theirs[ours]), None)


class Level:
    """The places of one level: an execution, a wave or a server."""

    def __init__(self, places: Mapping[str, str | None], write: Mapping[str, Callable[[Any], object]]) -> None:
        self.places = {field: Place(path) for field, path in places.items() if path is not None}
        self._write = write
        self._own = frozenset(place.steps for place in self.places.values())
        self._flat = {steps[0] for steps in self._own} if all(len(steps) == 1 for steps in self._own) else None

    def getter(self, field: str) -> Callable[[Attributes], object] | None:
        """Return the function that reads a field; None if the table does not hold it."""
        return self.places[field].of if field in self.places else None

    def path(self, field: str) -> str:
        """Return the field's attribute, as messages name it; the field itself if the table does not hold it."""
        return self.places[field].path if field in self.places else field

    def written(self, item: Attributes, **fields: object) -> dict[str, Any]:
        """Return a copy of the item with these fields. None removes one; fields that the table lacks are left out."""
        new = dict(item)
        for field, value in fields.items():
            if field in self.places:
                write = self._write.get(field)
                self.places[field].put(new, value if write is None or value is None else write(value))
        return new

    def changes(self, item: Attributes, **fields: object) -> dict[str, Any]:
        """Return the attributes of the item that change if these fields do, each whole, as an UpdateItem sets them."""
        new = self.written(item, **fields)
        return {name: new[name] for field in fields for name in self._first(field) if name in new}

    def _first(self, field: str) -> tuple[str, ...]:
        return self.places[field].steps[:1] if field in self.places else ()

    def extra(self, item: Attributes) -> Attributes:
        """Return the attributes that the contract does not name."""
        if self._flat is not None:
            return {name: value for name, value in item.items() if name not in self._flat}
        rest: dict[str, Any] = dict(item)
        for place in self.places.values():
            place.put(rest, None)
        # A map that held nothing else is not one of the item's own attributes.
        return {name: value for name, value in rest.items() if value != {} or item.get(name) == {}}


class Layout:
    """A contract, compiled."""

    def __init__(self, contract: Contract) -> None:
        words, times = contract.words, contract.times
        self.contract = contract
        self.executions = Vocabulary(ExecutionStatus, words.execution)
        self.waves = Vocabulary(WaveStatus, words.wave)
        self.servers = Vocabulary(ServerStatus, words.server)
        self.jobs = Vocabulary(JobStatus, words.job)
        self.types = Vocabulary(ExecutionType, words.type)
        self.formats: Mapping[str, TimeFormat] = dict(times)
        self.settles: Final = contract.promises.settles
        write_times = {field: _writer(form) for field, form in self.formats.items()}
        self.execution = Level(
            dict(contract.execution),
            {**write_times, "status": self._status_word, "type": self.types.written},
        )
        self.wave = Level(dict(contract.wave), {"status": self.waves.written, "job_status": self.jobs.written})
        server = {field: path for field, path in contract.server if field != "shape"}
        self.server = Level(server, {"status": self.servers.written})
        self.servers_are_mapping = contract.server.shape == "mapping"
        self.hash_name: Final = contract.execution.id
        self.range_name: Final = contract.execution.plan
        self.open_words: Final = self.executions.theirs[ExecutionStatus.POLLING]
        """The words of executions that are polled: looks query for these."""

    @property
    def index_range_is_text(self) -> bool:
        """Whether the index's range key is a text; otherwise it is a number."""
        table = self.contract.table
        return self.formats["start"] == "iso" or table.index_range != self.execution.path("start")

    def key_of(self, item: Attributes) -> ExecutionKey:
        """Return the item's key; a table without a range key has "" as plan."""
        plan = "" if self.range_name is None else str(item.get(self.range_name, ""))
        return ExecutionKey(str(item.get(self.hash_name, "")), plan)

    def keys(self, key: ExecutionKey) -> dict[str, object]:
        """Return the key's attributes."""
        range_key = {} if self.range_name is None else {self.range_name: key.plan_id}
        return {self.hash_name: key.execution_id, **range_key}

    def servers_of(self, wave: Attributes) -> object:
        """Return the wave's servers as the table holds them."""
        return self.wave.places["servers"].of(wave) if "servers" in self.wave.places else None

    def servers_item(self, servers: Mapping[str, Attributes]) -> object:
        """Return servers by id as a wave holds them."""
        return dict(servers) if self.servers_are_mapping else list(servers.values())

    def cancelled(self, at_us: int) -> dict[str, object]:
        """Return the fields that a person writes to cancel an execution."""
        if self.settles is not None:
            return {"status": self.settles}
        return {"status": ExecutionStatus.CANCELLED, "end": at_us}

    def is_cancelling(self, item: Attributes) -> bool:
        """Return whether a person has cancelled the execution, and the functions still settle it."""
        return self.settles is not None and self.execution.places["status"].of(item) == self.settles

    def is_over(self, item: Attributes) -> bool:
        """Return whether the item's status is terminal; functions may have written any value."""
        status = self.executions.ours(self.execution.places["status"].of(item))
        return status is not None and status.terminal

    def version_of(self, item: Attributes) -> int:
        """Return the item's version: 0 without one, or if a function has written another type."""
        place = self.execution.places.get("version")
        version = None if place is None else place.of(item)
        return version if isinstance(version, int) else 0

    def unchanged(self, version: int) -> tuple[Attributes, Attributes]:
        """Return the attributes that a condition on the version compares, and their defaults."""
        name = self.execution.path("version")
        return {name: version}, {name: 0}

    def _status_word(self, status: str) -> str | None:
        return self.executions.written(status) if isinstance(status, ExecutionStatus) else status


def instant_us(value: object, form: TimeFormat) -> int | None:
    """Read an instant in this format; None if the value is none."""
    if form == "iso":
        try:
            read = datetime.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            return None
        if read is None:
            return None
        return ((read if read.tzinfo else read.replace(tzinfo=UTC)) - _UNIX_EPOCH) // timedelta(microseconds=1)
    number = number_of(value)
    return None if number is None else int(number * (1_000_000 if form == "seconds" else 1_000))


def number_of(value: object) -> int | Decimal | None:
    """Return a number that DynamoDB can hold; None for any other value."""
    if isinstance(value, Decimal):
        return value if value.is_finite() and value.adjusted() <= _EXPONENT_MAX else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _writer(form: TimeFormat) -> Callable[[int], object]:
    unit_us = {"seconds": 1_000_000, "milliseconds": 1_000}.get(form)
    if unit_us is None:
        return lambda at_us: (_UNIX_EPOCH + timedelta(microseconds=at_us)).isoformat().replace("+00:00", "Z")
    return lambda at_us: at_us // unit_us if at_us % unit_us == 0 else Decimal(at_us) / unit_us
