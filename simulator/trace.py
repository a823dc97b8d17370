"""The trace: every event in order, to those who listen, and as lines of JSON with a digest.

Owns the encoding. A line is `[name, at_us, ...]`, ints and strings only; the digest is the SHA-256 of the lines, so
that of `trace.jsonl.gz` can be checked with zcat and sha256sum.
"""

import gzip
from collections.abc import Callable
from hashlib import sha256
from json import JSONEncoder
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

_E = TypeVar("_E")

_BATCH: Final = 1000
"""So many records are encoded at once: one call for each would take three times as long."""

# No text holds a raw line end once it is encoded, so these separators cannot be mistaken for part of one.
_encode = JSONEncoder(ensure_ascii=False, separators=(",\n", ":"), check_circular=False).encode


class BrokenSimulationError(BaseException):
    """The simulation itself is wrong. No `Exception`: code under test, or Lambda's runtime, must not catch it."""


class _Channel(NamedTuple):
    """All that one type of event needs: its name, how it becomes a record, and who listens."""

    name: str
    record: Callable[[Any], tuple[int | str, ...]] | None
    listeners: list[Callable[[Any], None]]


class Trace:
    """Append-only; listeners hear of each event as it happens, in the order in which they began to listen."""

    def __init__(self) -> None:
        self._channels: dict[type[Any], _Channel] = {}
        self._batch: list[tuple[int | str, ...]] = []
        # Text, not events: to Python's garbage collector a million texts are nothing, and a million tuples its ruin.
        self._texts: list[str] = []

    def listen(self, event_type: type[_E], listener: Callable[[_E], None]) -> None:
        """Call `listener` with every event of this type from now on."""
        self._channel(event_type).listeners.append(listener)

    def emit(self, event: Any) -> None:
        """Append an event and tell those who listen for its type."""
        event_type = event.__class__
        name, record, listeners = self._channels.get(event_type) or self._channel(event_type)
        try:
            for listener in listeners:
                listener(event)
        except Exception as error:
            raise BrokenSimulationError(f"a listener failed at {event}") from error
        batch = self._batch
        batch.append((name, *(event if record is None else record(event))))
        if len(batch) >= _BATCH:
            self._encode_batch()

    def __len__(self) -> int:
        return len(self._texts) * _BATCH + len(self._batch)

    def lines(self) -> list[str]:
        """The events as JSON lines, without line ends."""
        return self._text().split("\n")[:-1]

    def digest(self) -> str:
        """SHA-256 of all lines, each with its line end."""
        return sha256(self._bytes()).hexdigest()

    def write(self, path: Path) -> None:
        """Write the lines to `path`, compressed; the same trace gives the same bytes."""
        with (
            path.open("wb") as raw,
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=4) as file,
        ):
            file.write(self._bytes())

    def _bytes(self) -> bytes:
        # Half a surrogate pair is all that UTF-8 cannot hold; Python's escape for it is JSON's as well.
        return self._text().encode(errors="backslashreplace")

    def _text(self) -> str:
        return "".join(self._texts) + _lines(self._batch)

    def _encode_batch(self) -> None:
        self._texts.append(_lines(self._batch))
        self._batch.clear()

    def _channel(self, event_type: type[Any]) -> _Channel:
        channel = self._channels.get(event_type)
        if channel is None:
            record = getattr(event_type, "record", None)
            channel = self._channels[event_type] = _Channel(event_type.__name__, record, [])
        return channel


def _lines(records: list[tuple[int | str, ...]]) -> str:
    """Each record as a line of JSON, with its line end."""
    if not records:
        return ""
    ends_marked = _encode(records)[1:-1].replace("],\n[", "]\0[")
    return ends_marked.replace(",\n", ",").replace("\0", "\n") + "\n"
