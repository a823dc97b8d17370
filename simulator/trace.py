"""The trace: every event in order, for listeners, and as lines of JSON with a digest.

Owns the encoding of lines, and their storage in memory or in a file. A line is `[name, at_us, ...]`, ints and strings
only. The digest is the SHA-256 of the lines: `zcat trace.jsonl.gz | sha256sum` gives it, too.
"""

import gzip
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from hashlib import sha256
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar, get_type_hints

from drsim.simulator.errors import RunEndingError
from drsim.simulator.events import SUMMARY, UNWRITTEN

_E = TypeVar("_E")

Level = Literal["off", "summary", "full"]
"""Which events become lines: none, those about the fate of executions (`events.SUMMARY`), or all."""

_LINES_MAX: Final = 100_000
"""The most lines that wait for `flush`, about 15 MB. A virtual minute with 2,000 polls has 26,000."""


class BrokenSimulationError(RunEndingError):
    """The simulation itself is wrong."""


class UnwrittenTraceError(RunEndingError):
    """The trace's file could not be written, as its `__cause__` says."""


class _Channel(NamedTuple):
    """The listeners of one event type, which events become lines (None: all), and how (None: no event does)."""

    listeners: list[Callable[[Any], None]]
    chosen: Callable[[Any], bool] | None
    line: Callable[[Any], str] | None


class Trace:
    """The append-only record of a run. Listeners are called with each event in the order in which they were added.

    With a `spool` lines go to that file, compressed, and only those since the last `flush` are in memory. Raises
    OSError if the spool cannot be opened.
    """

    def __init__(self, *, level: Level = "full", spool: Path | None = None) -> None:
        self.level: Final = level
        self._channels: dict[type[Any], _Channel] = {}
        # Lines, not events: Python's garbage collector skips texts, and would visit a million tuples each time.
        self._lines: list[str] = []
        self._flushed_count = 0
        self._sha256 = sha256()
        self._sink: _Memory | _LineFile = _Memory() if spool is None else _LineFile(spool)

    def listen(self, event_type: type[_E], listener: Callable[[_E], None]) -> None:
        """Call `listener` with every event of this type from now on."""
        self._channel(event_type).listeners.append(listener)

    def attach(self, listener: Any) -> None:
        """Call each method `_on_*` of an object with the events of the type that annotates its parameter."""
        for name, event_type in _handlers_of(listener.__class__):
            self.listen(event_type, getattr(listener, name))

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
        """Encode the lines so far and store them. Raises UnwrittenTraceError."""
        if not self._lines:
            return
        # UTF-8 cannot hold half a surrogate pair; Python's escape for it is JSON's as well.
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
        return (line.removesuffix("\n") for line in self._sink.lines())

    def digest(self) -> str:
        """SHA-256 of all lines, each with its line end."""
        self.flush()
        return self._sha256.hexdigest()

    def close(self) -> None:
        """End the trace, and complete its spool. Raises UnwrittenTraceError."""
        self.flush()
        try:
            self._sink.close()
        except OSError as error:
            raise UnwrittenTraceError from error

    def write(self, path: Path) -> None:
        """Write the lines to `path`, compressed, at once or not at all; the same trace gives the same bytes.

        A spool is moved there. Raises OSError.
        """
        self.flush()
        self._sink.write(path)

    def discard(self) -> None:
        """Delete the spool, unless `write` has moved it."""
        self._sink.discard()

    def _channel(self, event_type: type[Any]) -> _Channel:
        channel = self._channels.get(event_type)
        if channel is None:
            chosen = SUMMARY.get(event_type) if self.level == "summary" else None
            is_kept = self.level == "full" or chosen is not None
            channel = self._channels[event_type] = _Channel([], chosen, _line_of(event_type) if is_kept else None)
        return channel


@cache
def _handlers_of(owner: type[Any]) -> list[tuple[str, type[Any]]]:
    """The methods `_on_*` of a class, and the type of the first parameter of each."""
    names = [name for name in dir(owner) if name.startswith("_on_")]
    return [(name, next(iter(get_type_hints(getattr(owner, name)).values()))) for name in names]


def _line_of(event_type: type[Any]) -> Callable[[Any], str]:
    """Return the function that makes the line of an event of this type.

    Without a `record` method it is compiled from the types of the fields, as a named tuple compiles its constructor:
    checking the type of each field of each event took a tenth of a run.
    """
    name, record = event_type.__name__, getattr(event_type, "record", None)
    if record is None:
        kinds = [each for each in get_type_hints(event_type).items() if each[0] not in UNWRITTEN]
        texts = [f"{{event.{field}}}" if kind is int else f"{{quoted(event.{field})}}" for field, kind in kinds]
        source = f"lambda event: f'[\"{name}\",{','.join(texts)}]'"
        made: Callable[[Any], str] = eval(source, {"quoted": encode_basestring})
        return made

    def line(event: Any) -> str:
        texts = [encode_basestring(field) if isinstance(field, str) else str(field) for field in record(event)]
        return f'["{name}",{",".join(texts)}]'

    return line


class _Memory(list[bytes]):
    """Lines that stay in memory."""

    put = list.append

    def lines(self) -> Iterator[str]:
        for piece in self:
            yield from piece.decode().removesuffix("\n").split("\n")

    def write(self, path: Path) -> None:
        file = _LineFile(path.with_name(f".{path.name}.part"))
        try:
            for piece in self:
                file.put(piece)
            file.write(path)
        finally:
            file.discard()

    def close(self) -> None: ...

    def discard(self) -> None: ...


class _LineFile:
    """Lines in a compressed file, which can be read once it is closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._is_moved = False
        self._raw = path.open("wb")
        self._file = gzip.GzipFile(filename="", mode="wb", fileobj=self._raw, mtime=0, compresslevel=1)

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
        # The file is removed, so a full disk no longer matters.
        with suppress(OSError):
            self.close()
        self._path.unlink(missing_ok=True)


def read_lines(path: Path) -> Iterator[str]:
    """Read the lines of a trace's file lazily, with their line ends. Raises OSError and EOFError."""
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        yield from file
