"""From a line of `trace.jsonl.gz` back to its event.

Owns what a line must be to be an event. `trace` owns how events become lines. An event whose line holds less than the
event is read as another type: ItemChanged as ItemRecord.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, get_type_hints

from drsim.simulator import events
from drsim.simulator.events import ItemRecord

Event = (
    events.TickFired
    | events.Throttled
    | events.Dropped
    | events.LambdaStarted
    | events.LambdaEnded
    | events.CallMade
    | events.JobStarted
    | events.WriteRefused
    | events.ItemRecord
    | events.LogWritten
    | events.FaultInjected
    | events.RunEnded
)
"""The events that readers of a trace ask for."""

_COLUMNS: Final = {
    # What is no number in an event is a text in its line.
    name: {field: int if kind is int else str for field, kind in get_type_hints(event_type).items()}
    for name, event_type in (vars(events) | {"ItemChanged": ItemRecord}).items()
    if "at_us" in getattr(event_type, "_fields", ())
}


class NoEventError(ValueError):
    """A line is not an event; the message says why."""


def columns_of(line: str | bytes) -> tuple[str, dict[str, int | str]]:
    """The name of a line's event, and the line's numbers and texts by the event's fields. Raises NoEventError."""
    try:
        record = json.loads(line)
    except ValueError as error:
        raise NoEventError(f"no JSON: {error}") from error
    if not isinstance(record, list) or len(record) < 2 or not all(type(each) in (int, str) for each in record):
        raise NoEventError("an event is a list of its name, its instant and further numbers and texts")
    name, *values = record
    columns = _COLUMNS.get(name)
    if columns is None:
        raise NoEventError(f"there is no event {name!r}")
    if not isinstance(values[0], int):
        raise NoEventError("its instant is a number of microseconds")
    if len(values) != len(columns):
        raise NoEventError(f"{name} has {len(columns)} fields, not {len(values)}")
    for (field, kind), value in zip(columns.items(), values, strict=True):
        if type(value) is not kind:
            raise NoEventError(f"{field} of {name} must be a {'number' if kind is int else 'text'}, got {value!r}")
    return name, dict(zip(columns, values, strict=True))


def events_of(lines: Iterable[str], *types: type[Event]) -> Iterator[Event]:
    """The events of these types, by default of all in `Event`. Other events are skipped, even those of later versions.

    Raises NoEventError.
    """
    parsers: dict[str, Callable[[Iterable[Any]], Event]] = {
        "ItemChanged" if each is ItemRecord else each.__name__: getattr(each, "parse", each._make)
        for each in types or Event.__args__
    }
    starts = tuple(f'["{name}"' for name in parsers)
    for line in lines:
        if line.startswith('["') and not line.startswith(starts):
            continue
        name, columns = columns_of(line)
        try:
            yield parsers[name](columns.values())
        except ValueError as error:
            raise NoEventError(f"{name} cannot be read: {error}") from error
