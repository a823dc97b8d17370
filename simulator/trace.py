"""The trace: every event in order, to those who listen, and as lines of JSON with a digest.

Owns the encoding. A line is `[name, at_us, ...]`, ints and strings only; the digest is the SHA-256 of the lines, so
that of `trace.jsonl.gz` can be checked with zcat and sha256sum.
"""

import gzip
from collections import defaultdict
from collections.abc import Callable, Iterator
from hashlib import sha256
from json import JSONEncoder
from pathlib import Path
from typing import Any, TypeVar

from simulator.events import ItemChanged

_E = TypeVar("_E")
_encode = JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


class Trace:
    """Append-only; listeners hear of each event as it happens, in the order in which they began to listen."""

    def __init__(self) -> None:
        self._listeners: defaultdict[type[Any], list[Callable[[Any], None]]] = defaultdict(list)
        self._records: list[tuple[str, tuple[int | str, ...]]] = []

    def listen(self, event_type: type[_E], listener: Callable[[_E], None]) -> None:
        """Call `listener` with every event of this type from now on."""
        self._listeners[event_type].append(listener)

    def emit(self, event: Any) -> None:
        """Append an event and tell those who listen for its type."""
        event_type = event.__class__
        for listener in self._listeners[event_type]:
            listener(event)
        record = event.record() if event_type is ItemChanged else event
        self._records.append((event_type.__name__, record))

    def __len__(self) -> int:
        return len(self._records)

    def lines(self) -> Iterator[str]:
        """The events as JSON lines, without line ends."""
        return (_encode((name, *record)) for name, record in self._records)

    def digest(self) -> str:
        """SHA-256 of all lines, each with its line end."""
        return sha256(("\n".join(self.lines()) + "\n").encode()).hexdigest()

    def write(self, path: Path) -> None:
        """Write the lines to `path`, compressed; the same trace gives the same bytes."""
        with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as file:
            file.write(("\n".join(self.lines()) + "\n").encode())
