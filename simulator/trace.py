"""The trace: every event in order, to those who listen, and as lines of JSON with a digest.

Owns the encoding. A line is `[name, at_us, ...]`, ints and strings only; the digest is the SHA-256 of the lines, so
that of `trace.jsonl.gz` can be checked with zcat and sha256sum.
"""

import gzip
from collections.abc import Callable, Sequence
from hashlib import sha256
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

_E = TypeVar("_E")


class BrokenSimulationError(BaseException):
    """The simulation itself is wrong. No `Exception`: code under test, or Lambda's runtime, must not catch it."""


class _Channel(NamedTuple):
    """All that one type of event needs: its name, how it becomes a record, and who listens."""

    name: str
    record: Callable[[Any], tuple[int | str, ...]] | None
    listeners: list[Callable[[Any], None]]


class Trace:
    """Append-only; listeners hear of each event as it happens, in the order in which they began to listen."""

    def __init__(self, *, kept: bool = True) -> None:
        """With `kept` false no lines are made, and there is no digest: for runs of which only the verdict counts."""
        self._kept = kept
        self._channels: dict[type[Any], _Channel] = {}
        # Lines, not events: to Python's garbage collector a million texts are nothing, and a million tuples its ruin.
        self._lines: list[str] = []

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
        if not self._kept:
            return
        fields = event if record is None else record(event)
        texts = [encode_basestring(field) if isinstance(field, str) else str(field) for field in fields]
        self._lines.append(f'["{name}",{",".join(texts)}]')

    def __len__(self) -> int:
        return len(self._lines)

    def lines(self) -> Sequence[str]:
        """The events as JSON lines, without line ends."""
        return self._lines

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
        text = "".join([line + "\n" for line in self._lines])
        # Half a surrogate pair is all that UTF-8 cannot hold; Python's escape for it is JSON's as well.
        return text.encode(errors="backslashreplace")

    def _channel(self, event_type: type[Any]) -> _Channel:
        channel = self._channels.get(event_type)
        if channel is None:
            record = getattr(event_type, "record", None)
            channel = self._channels[event_type] = _Channel(event_type.__name__, record, [])
        return channel
