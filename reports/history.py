"""What became of each execution, from the lines of the trace: the data of the timeline.

Owns which events make a lane. Instants are virtual milliseconds. Of DRS's truth a lane shows what the trace says when a
job starts: its whole life.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import unquote


class TraceError(Exception):
    """The trace cannot be had; the message says why."""


LANES_MAX: Final = 1000
STRIKES_MAX: Final = 5000

_WANTED: Final = tuple(
    f'["{name}"' for name in ("ItemChanged", "LambdaEnded", "JobStarted", "FaultInjected", "RunEnded")
)
_POLLER: Final = "ExecutionPoller"
_NEVER_US: Final = 1 << 60


@dataclass(slots=True)
class WaveHistory:
    """One wave: its status as the table says, and as DRS knows it. Pairs of instant and status, oldest first."""

    table: list[tuple[int, str]] = field(default_factory=list)
    truth: list[tuple[int, str]] = field(default_factory=list)


@dataclass(slots=True)
class Lane:
    """One execution. `polls` are the starts of its pollers, `failed` the places in it of those that did not succeed."""

    execution_id: str
    statuses: list[tuple[int, str]] = field(default_factory=list)
    waves: list[WaveHistory] = field(default_factory=list)
    polls: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault struck, by its number in the scenario; `execution_id` is "" where it concerns none."""

    at_ms: int
    rule: int
    execution_id: str


@dataclass(frozen=True, slots=True)
class History:
    """All lanes in the order of their start; `executions_count` and `strikes_count` also count what is left out."""

    end_ms: int
    lanes: tuple[Lane, ...]
    strikes: tuple[Strike, ...]
    executions_count: int
    strikes_count: int


def history(lines: Iterable[str], *, first: Iterable[str] = ()) -> History:
    """The history that the trace's lines tell, of at most LANES_MAX executions.

    Those in `first`, such as executions that broke a property, are not left out for others. Raises ValueError for lines
    that are no trace.
    """
    return _Reader(set(first)).read(lines)


class WaveTold(NamedTuple):
    """One wave as a trace tells it when an item has changed; `servers` are their statuses, with commas between."""

    status: str
    job_id: str
    job_status: str
    servers: str


def waves_of(text: str) -> Iterator[WaveTold]:
    """The waves in an item's change, which `simulator.events.ItemChanged.record` wrote. What is no wave is left out."""
    for wave in text.split(" "):
        parts = wave.split(":")
        # Traces from before job ids were quoted may have a wave in pieces.
        if len(parts) == 5:
            _, status, job_id, job_status, servers = parts
            yield WaveTold(status, unquote(job_id, errors="replace"), job_status, servers)


class _Reader:
    """One pass over a trace."""

    def __init__(self, first: set[str]) -> None:
        self._first = first
        self._lanes: dict[str, Lane] = {}
        self._seen: set[str] = set()
        self._others_count = 0
        self._shown: dict[str, str] = {}
        self._jobs: dict[str, list[tuple[int, str]]] = {}
        self._strikes: list[Strike] = []
        self._strikes_count = 0
        self._end_ms = 0

    def read(self, lines: Iterable[str]) -> History:
        for event in _events(lines):
            match event[0]:
                case "ItemChanged":
                    self._on_change(*event[1:])
                case "LambdaEnded":
                    self._on_ended(*event[1:])
                case "JobStarted":
                    self._jobs[event[4]] = list(_truth(*event[1:]))
                case "FaultInjected":
                    self._on_fault(*event[1:])
                case _:
                    self._end_ms = event[1] // 1000
        kept = list(self._lanes)
        if len(kept) > LANES_MAX:
            marked = [execution_id for execution_id in kept if execution_id in self._first][:LANES_MAX]
            others = [execution_id for execution_id in kept if execution_id not in self._first]
            chosen = {*marked, *others[: LANES_MAX - len(marked)]}
            kept = [execution_id for execution_id in kept if execution_id in chosen]
        return History(
            self._end_ms,
            tuple(self._lanes[execution_id] for execution_id in kept),
            tuple(self._strikes),
            len(self._seen),
            self._strikes_count,
        )

    def _on_change(
        self,
        at_us: int,
        _request: str,
        _writer: str,
        execution_id: str,
        status: str,
        _version: int,
        waves: str,
        *_: int,
    ) -> None:
        lane = self._lanes.get(execution_id) or self._new_lane(execution_id)
        if lane is None:
            for told in waves_of(waves) if self._jobs else ():
                self._jobs.pop(told.job_id, None)
            return
        if not lane.statuses or lane.statuses[-1][1] != status:
            lane.statuses.append((at_us // 1000, status))
        if self._shown.get(execution_id) == waves:
            return
        self._shown[execution_id] = waves
        for place, told in enumerate(waves_of(waves)):
            if place == len(lane.waves):
                lane.waves.append(WaveHistory())
            wave = lane.waves[place]
            if not wave.table or wave.table[-1][1] != told.status:
                wave.table.append((at_us // 1000, told.status))
            if not wave.truth and told.job_id in self._jobs:
                wave.truth = self._jobs.pop(told.job_id)

    def _new_lane(self, execution_id: str) -> Lane | None:
        """A lane for an execution, or None if there are as many as may be shown: a trace may tell of 100,000."""
        self._seen.add(execution_id)
        if execution_id not in self._first:
            if self._others_count >= LANES_MAX:
                return None
            self._others_count += 1
        lane = self._lanes[execution_id] = Lane(execution_id)
        return lane

    def _on_ended(
        self, at_us: int, _request: str, function: str, execution_id: str, outcome: str, duration_us: int, *_: object
    ) -> None:
        lane = self._lanes.get(execution_id)
        if lane is None or function != _POLLER:
            return
        if outcome != "ok":
            lane.failed.append(len(lane.polls))
        lane.polls.append((at_us - duration_us) // 1000)

    def _on_fault(
        self, at_us: int, rule: int, _fault: str, _operation: str, _function: str, execution_id: str, *_: object
    ) -> None:
        self._strikes_count += 1
        if len(self._strikes) < STRIKES_MAX:
            self._strikes.append(Strike(at_us // 1000, rule, execution_id))


def _events(lines: Iterable[str]) -> Iterator[list[Any]]:
    """The events that make a history, as lists that begin with their name."""
    for line in lines:
        if line.startswith(_WANTED):
            yield json.loads(line)


def _truth(
    at_us: int, _account: str, _region: str, _job: str, _servers: int, _started_us: int, settled_us: int, lives: str
) -> Iterator[tuple[int, str]]:
    """The states of a wave as its job lives: accepted, launching, and ended, launch actions and all."""
    servers = [life.split(":") for life in lives.split()]
    yield at_us // 1000, "LAUNCHING"
    begins_us = min(int(begin) for begin, _, _, _ in servers)
    if begins_us < _NEVER_US:
        yield begins_us // 1000, "IN_PROGRESS"
    if settled_us >= _NEVER_US:
        return
    launched = [not int(failed) for _, _, outcome, failed in servers if outcome == "LAUNCHED"]
    if not launched:
        final = "FAILED"
    else:
        final = "COMPLETED" if len(launched) == len(servers) and all(launched) else "PARTIAL"
    yield settled_us // 1000, final
