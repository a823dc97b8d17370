"""Events of Chrome's Trace Event Format (its document of 2016): slices, instants, counters and names of lines.

Owns their form and escapes text from outside. A line is a thread of the format; readers sort lines by `tid`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from drsim.reports.text import plain, shortened

Event = dict[str, Any]
Facts = Mapping[str, int | str]

LANES: Final = 1000
"""The most lines of one subject: an execution with its waves, an environment with parallel calls."""
_TEXT_MAX: Final = 200
"""Texts are shortened, since events repeat them; the trace itself has the whole texts."""


class Canvas:
    """Makes events until the end of the run, and keeps the names of lines. Times are virtual microseconds."""

    def __init__(self, end_us: int) -> None:
        self.end_us = end_us
        self._names: dict[tuple[int, int], str] = {}

    def slice(
        self, pid: int, tid: int, begin_us: int, end_us: int, name: str, facts: Facts | None = None
    ) -> Iterator[Event]:
        """One slice, cut off at the end of the run; none if it would begin later."""
        if begin_us <= self.end_us:
            end_us = min(end_us, self.end_us)
            event = {"ph": "X", "pid": pid, "tid": tid, "ts": begin_us, "dur": end_us - begin_us}
            yield {**event, **_named(name, facts)}

    def instant(self, pid: int, tid: int, at_us: int, name: str, facts: Facts | None = None) -> Event:
        return {"ph": "i", "s": "t", "pid": pid, "tid": tid, "ts": at_us, **_named(name, facts)}

    def counter(self, pid: int, at_us: int, name: str, value: int) -> Event:
        return {"ph": "C", "pid": pid, "ts": at_us, "name": name, "args": {"value": value}}

    def label(self, pid: int, tid: int, name: str) -> None:
        self._names[pid, tid] = name

    def names(self, processes: Mapping[str, int]) -> Iterator[Event]:
        """The names of these processes, in this order, and of all lines."""
        for name, pid in processes.items():
            yield {"ph": "M", "pid": pid, "name": "process_name", "args": {"name": name}}
            yield {"ph": "M", "pid": pid, "name": "process_sort_index", "args": {"sort_index": pid}}
        for (pid, tid), name in sorted(self._names.items()):
            yield {"ph": "M", "pid": pid, "tid": tid, "name": "thread_name", "args": {"name": _text(name)}}


def _named(name: str, facts: Facts | None) -> Event:
    named: Event = {"name": _text(name)}
    if facts:
        named["args"] = {key: _text(value) if isinstance(value, str) else value for key, value in facts.items()}
    return named


def _text(text: str) -> str:
    return plain(shortened(text, _TEXT_MAX))
