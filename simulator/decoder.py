"""Reads lines of `trace.jsonl.gz`, which `trace` writes, back into events. ItemChanged is read as ItemRecord."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple, Self, get_type_hints
from urllib.parse import unquote

from drsim.simulator import events
from drsim.simulator.events import UNWRITTEN


class WaveRecord(NamedTuple):
    """One wave of an ItemRecord. `job_id` and `job_status` are "" for none, `servers` are statuses between commas."""

    number: str
    status: str
    job_id: str
    job_status: str
    servers: str

    @classmethod
    def of(cls, number: str, status: str, job_id: str, job_status: str, servers: str) -> Self:
        job = "" if job_id == "-" else unquote(job_id, errors="replace")
        return cls(number, status, job, job_status.removeprefix("-"), servers)


class ItemRecord(NamedTuple):
    """An ItemChanged in the trace. `status` is the execution's, DELETED, or MALFORMED if the item cannot be read."""

    at_us: int
    request_id: str
    writer: str
    execution_id: str
    status: str
    version: int
    waves: tuple[WaveRecord, ...]
    size_bytes: int

    @classmethod
    def parse(cls, *record: Any) -> Self:
        *columns, text, size_bytes = record
        # Traces from before job ids were quoted may have a wave in pieces, which are skipped.
        parts = [wave.split(":") for wave in text.split(" ") if wave.count(":") == 4]
        return cls._make([*columns, tuple(WaveRecord.of(*each) for each in parts), size_bytes])


Event = (
    events.TickFired
    | events.Throttled
    | events.Dropped
    | events.LambdaStarted
    | events.LambdaEnded
    | events.CallMade
    | events.JobStarted
    | events.WriteRefused
    | ItemRecord
    | events.LogWritten
    | events.FaultInjected
    | events.RunEnded
)
"""The events that readers of a trace use."""

_COLUMNS: Final = {
    # Fields that are no numbers are texts in a line.
    name: {
        field: int if kind is int else str
        for field, kind in get_type_hints(event_type).items()
        if field not in UNWRITTEN
    }
    for name, event_type in (vars(events) | {"ItemChanged": ItemRecord}).items()
    if "at_us" in getattr(event_type, "_fields", ())
}

_KINDS: Final = {name: [str, *columns.values()] for name, columns in _COLUMNS.items()}


class NoEventError(ValueError):
    """A line is not an event; the message gives the reason."""


def columns_of(line: str | bytes) -> tuple[str, dict[str, int | str]]:
    """The name of a line's event, and the line's numbers and texts by the event's fields. Raises NoEventError."""
    name, *values = _record_of(line)
    return name, dict(zip(_COLUMNS[name], values, strict=True))


def _record_of(line: str | bytes) -> list[Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NoEventError(f"no JSON: {error}") from error
    # One comparison accepts an event; only other lines need an explanation.
    if not isinstance(record, list) or not record or list(map(type, record)) != _KINDS.get(str(record[0])):
        raise NoEventError(_wrong_in(record))
    return record


def _wrong_in(record: object) -> str:
    """Explain why a line is not an event."""
    if not isinstance(record, list) or len(record) < 2 or not all(type(each) in (int, str) for each in record):
        return "an event is a list of its name, its instant and further numbers and texts"
    name, *values = record
    columns = _COLUMNS.get(name)
    if columns is None:
        return f"there is no event {name!r}"
    if not isinstance(values[0], int):
        return "its instant is a number of microseconds"
    if len(values) != len(columns):
        return f"{name} has {len(columns)} fields, not {len(values)}"
    wrong = ((*column, value) for column, value in zip(columns.items(), values, strict=True))
    field, kind, value = next(each for each in wrong if type(each[2]) is not each[1])
    return f"{field} of {name} must be a {'number' if kind is int else 'text'}, got {value!r}"


def events_of(lines: Iterable[str], *types: type[Event]) -> Iterator[Event]:
    """Read the events of these types (default: all in `Event`); others, even of later versions, are skipped.

    Raises NoEventError.
    """
    # A call, unlike `_make`, leaves unwritten fields at their defaults.
    parsers: dict[str, Callable[..., Event]] = {
        "ItemChanged" if each is ItemRecord else each.__name__: getattr(each, "parse", each)
        for each in types or Event.__args__
    }
    starts = tuple(f'["{name}"' for name in parsers)
    for line in lines:
        if line.startswith('["') and not line.startswith(starts):
            continue
        name, *values = _record_of(line)
        try:
            yield parsers[name](*values)
        except ValueError as error:
            raise NoEventError(f"{name} cannot be read: {error}") from error
