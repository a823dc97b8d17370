"""Traces that runs left on disk: whether a file is the trace of its run, and what is wrong with it if not."""

import gzip
import hashlib
import json
import zlib
from pathlib import Path
from typing import Final

from drsim.simulator import events

_PIECE_BYTES: Final = 1 << 20
_SHOWN_MAX: Final = 60
_FIELDS: Final = {
    # What has a record of its own has other fields in its line.
    name: None if hasattr(event_type, "record") else len(event_type._fields)
    for name, event_type in vars(events).items()
    if hasattr(event_type, "_fields") and "at_us" in event_type._fields
}
"""How many fields the line of each event has, the first being its instant; None where that is not fixed."""


def damage_of(path: Path, digest: str) -> str:
    """What is wrong with a trace's file whose lines have this digest; "" if nothing is."""
    found = hashlib.sha256()
    try:
        if not path.stat().st_size:
            return "cannot be read (it is empty)"
        with gzip.open(path, "rb") as file:
            while piece := file.read(_PIECE_BYTES):
                found.update(piece)
    except EOFError:
        return "cannot be read (it is cut off: its compressed data does not end)"
    except (gzip.BadGzipFile, zlib.error) as error:
        return f"cannot be read (it is damaged: {error})"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    if found.hexdigest() != digest:
        return (
            f"is not the trace of the result.json beside it, whose trace_digest is {digest[:16]}..., "
            f"got {found.hexdigest()[:16]}..."
        )
    return ""


def wrong_line(path: Path) -> str:
    """The first line of a trace that is no event, and why; "" if each is one.

    The file can be decompressed. Nothing shows that a trace and its digest were both replaced.
    """
    with gzip.open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            wrong = _wrong(line)
            if wrong:
                return (
                    f"line {number} is no event ({wrong}), got {line.rstrip()[:_SHOWN_MAX].decode(errors='replace')!r}"
                )
    return ""


def _wrong(line: bytes) -> str:
    """Why a line is no event, or ""."""
    try:
        event = json.loads(line)
    except ValueError as error:
        return f"no JSON: {error}"
    if not isinstance(event, list) or len(event) < 2 or not all(type(each) in (int, str) for each in event):
        return "an event is a list of its name, its instant and further numbers and texts"
    name, at_us, *_ = event
    if name not in _FIELDS:
        return f"there is no event {name!r}"
    if not isinstance(at_us, int):
        return "its instant is a number of microseconds"
    count = _FIELDS[name]
    if count is not None and len(event) - 1 != count:
        return f"{name} has {count} fields, not {len(event) - 1}"
    return ""
