"""The trace: every event in order, for listeners, and as lines of JSON with a digest.

Owns the encoding, and where lines go: to memory, or to a file during the run. A line is `[name, at_us, ...]`,
ints and strings only; the digest is the SHA-256 of the lines, so that of `trace.jsonl.gz` can be checked with zcat and
sha256sum.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar, get_type_hints

from drsim.simulator.errors import RunEndingError
from drsim.simulator.events import SUMMARY

_E = TypeVar("_E")

Level = Literal["off", "summary", "full"]
"""Which events become lines: none, those about the fate of executions (`events.SUMMARY`), or all."""

_LINES_MAX: Final = 100_000
"""At most this many lines wait for `flush`: some 15 MB. A virtual minute with 2,000 polls has 26,000."""


class BrokenSimulationError(RunEndingError):
    """The simulation itself is wrong."""


class UnwrittenTraceError(RunEndingError):
    """The trace's file could not be written, as its `__cause__` says."""


class _Channel(NamedTuple):
    """All that one type of event needs: who listens, and which become lines, and how; no `line` for none of them."""

    listeners: list[Callable[[Any], None]]
    chosen: Callable[[Any], bool] | None
    line: Callable[[Any], str] | None


class Trace:
    """Append-only; listeners are called with each event as it happens, in the order in which they were added.

    With a `spool` lines go to that file, compressed, and only those since the last `flush` are in memory.
    """

    def __init__(self, *, level: Level = "full", spool: Path | None = None) -> None:
        """Make a trace with no events. At level "off" no lines are made. Raises OSError for a bad `spool`."""
        self.level: Final = level
        self._channels: dict[type[Any], _Channel] = {}
        # Lines, not events: to Python's garbage collector a million texts are nothing, and a million tuples its ruin.
        self._lines: list[str] = []
        self._flushed_count = 0
        self._sha256 = sha256()
        self._sink: _Memory | _LineFile = _Memory() if spool is None else _LineFile(spool)

    def listen(self, event_type: type[_E], listener: Callable[[_E], None]) -> None:
        """Call `listener` with every event of this type from now on."""
        self._channel(event_type).listeners.append(listener)

    def emit(self, event: Any) -> None:
        """Append an event and call the listeners for its type."""
        event_type = event.__class__
        listeners, chosen, line = self._channels.get(event_type) or self._channel(event_type)
        try:
            for listener in listeners:
                listener(event)
        except Exception as error:
            raise BrokenSimulationError(f"a listener failed at {event}") from error
        if line is None or (chosen is not None and not chosen(event)):
            return
        self._lines.append(line(event))
        if len(self._lines) >= _LINES_MAX:
            self.flush()

    def flush(self) -> None:
        """Put the lines made so far where they stay. Raises UnwrittenTraceError."""
        if not self._lines:
            return
        # Half a surrogate pair is all that UTF-8 cannot hold; Python's escape for it is JSON's as well.
        piece = ("\n".join(self._lines) + "\n").encode(errors="backslashreplace")
        self._sha256.update(piece)
        self._flushed_count += len(self._lines)
        self._lines.clear()
        try:
            self._sink.put(piece)
        except OSError as error:
            raise UnwrittenTraceError from error

    def __len__(self) -> int:
        return self._flushed_count + len(self._lines)

    def lines(self) -> Iterator[str]:
        """The events as JSON lines, without line ends, from the first one on; a spool takes no more events then."""
        self.flush()
        return _without_ends(self._sink.lines())

    def digest(self) -> str:
        """SHA-256 of all lines, each with its line end."""
        self.flush()
        return self._sha256.hexdigest()

    def close(self) -> None:
        """Take no more events: a spool is then whole. Raises UnwrittenTraceError."""
        self.flush()
        try:
            self._sink.close()
        except OSError as error:
            raise UnwrittenTraceError from error

    def write(self, path: Path) -> None:
        """Write the lines to `path`, compressed; the same trace gives the same bytes. A spool moves there.

        Half a file never has that name. Raises OSError.
        """
        self.flush()
        self._sink.write(path)

    def discard(self) -> None:
        """Let go of the spool, if there is one that `write` has not moved; what it held is lost."""
        self._sink.discard()

    def _channel(self, event_type: type[Any]) -> _Channel:
        channel = self._channels.get(event_type)
        if channel is None:
            chosen = SUMMARY.get(event_type) if self.level == "summary" else None
            is_kept = self.level == "full" or chosen is not None
            channel = self._channels[event_type] = _Channel([], chosen, _line_of(event_type) if is_kept else None)
        return channel


def _line_of(event_type: type[Any]) -> Callable[[Any], str]:
    """What makes the line of an event of this type.

    Where it has no record of its own it is one expression, put together from the types of its fields, as a named tuple
    puts together its own constructor: to ask each field of each event what it is took a tenth of a run.
    """
    name, record = event_type.__name__, getattr(event_type, "record", None)
    if record is None:
        types = get_type_hints(event_type)
        texts = [
            f"{{event.{field}}}" if types[field] is int else f"{{quoted(event.{field})}}"
            for field in event_type._fields
        ]
        source = f"lambda event: f'[\"{name}\",{','.join(texts)}]'"
        made: Callable[[Any], str] = eval(source, {"quoted": encode_basestring})
        return made

    def line(event: Any) -> str:
        texts = [encode_basestring(field) if isinstance(field, str) else str(field) for field in record(event)]
        return f'["{name}",{",".join(texts)}]'

    return line


class _Memory:
    """Lines that stay in memory."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def put(self, piece: bytes) -> None:
        self._pieces.append(piece)

    def lines(self) -> Iterator[str]:
        for piece in self._pieces:
            yield from piece.decode().removesuffix("\n").split("\n")

    def close(self) -> None:
        """There is nothing to end."""

    def write(self, path: Path) -> None:
        file = _LineFile(path.with_name(f".{path.name}.part"))
        try:
            for piece in self._pieces:
                file.put(piece)
            file.write(path)
        finally:
            file.discard()

    def discard(self) -> None:
        """There is nothing to let go of."""


class _LineFile:
    """Lines on their way to a file, which can be read once it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_moved = False
        self._raw = path.open("wb")
        self._file = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0, compresslevel=4)

    def put(self, piece: bytes) -> None:
        self._file.write(piece)

    def close(self) -> None:
        try:
            self._file.close()
        finally:
            self._raw.close()

    def lines(self) -> Iterator[str]:
        self.close()
        return read_lines(self._path)

    def write(self, path: Path) -> None:
        self.close()
        self._path.replace(path)
        self._path, self._is_moved = path, True

    def discard(self) -> None:
        if self._is_moved:
            return
        # What did not fit on the disk is given up.
        with suppress(OSError):
            self.close()
        self._path.unlink(missing_ok=True)


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a trace's file, with their ends, read as they are asked for. Raises OSError and EOFError."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        yield from file


def _without_ends(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line.removesuffix("\n")
