"""The history of each execution, from the lines of the trace: the data of the timeline.

Instants are virtual milliseconds. The trace has the whole life of a job, DRS's truth, when the job starts.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from drsim.orchestrator.model import WaveStatus
from drsim.simulator.decoder import ItemRecord, events_of
from drsim.simulator.events import POLLER, FaultInjected, JobStarted, LambdaEnded, RunEnded


class TraceError(Exception):
    """The trace cannot be read; the message says why."""


LANES_MAX: Final = 1000
STRIKES_MAX: Final = 5000

_NEVER_US: Final = 1 << 60

Spans = list[tuple[int, str]]
"""Instants and the statuses that begin at them, oldest first."""


@dataclass(slots=True)
class WaveHistory:
    """One wave: its statuses in the table and in DRS."""

    table: Spans = field(default_factory=list)
    truth: Spans = field(default_factory=list)


@dataclass(slots=True)
class Lane:
    """One execution: `polls` are the starts of its polls, `failed` the indices of those that failed."""

    execution_id: str
    statuses: Spans = field(default_factory=list)
    waves: list[WaveHistory] = field(default_factory=list)
    polls: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)


class Strike(NamedTuple):
    """One injected fault, by its rule's index in the scenario; `execution_id` is "" if it concerns none."""

    at_ms: int
    rule: int
    execution_id: str


class History(NamedTuple):
    """The lanes in the order of their start; `executions_count` and `strikes_count` include what is left out."""

    end_ms: int
    lanes: tuple[Lane, ...]
    strikes: tuple[Strike, ...]
    executions_count: int
    strikes_count: int


def history(lines: Iterable[str], *, first: Iterable[str] = ()) -> History:
    """The history in a trace's lines. Of more than LANES_MAX executions it keeps those in `first`, then the oldest.

    Raises ValueError for lines that are no trace.
    """
    lanes = _Lanes(set(first))
    strikes: list[Strike] = []
    end_ms = strikes_count = 0
    for event in events_of(lines, ItemRecord, LambdaEnded, JobStarted, FaultInjected, RunEnded):
        at_ms = event.at_us // 1000
        match event:
            case ItemRecord():
                lanes.on_change(at_ms, event)
            case LambdaEnded(function=function) if function == POLLER:
                lanes.on_poll(event)
            case JobStarted():
                lanes.jobs[event.job_id] = list(_truth(event))
            case FaultInjected():
                strikes_count += 1
                if len(strikes) < STRIKES_MAX:
                    strikes.append(Strike(at_ms, event.rule, event.execution_id))
            case RunEnded():
                end_ms = at_ms
    return History(end_ms, lanes.kept(), tuple(strikes), len(lanes.seen), strikes_count)


class _Lanes:
    """The lanes so far, and the lives of jobs that no wave has named yet."""

    def __init__(self, first: set[str]) -> None:
        self.seen: set[str] = set()
        self.jobs: dict[str, Spans] = {}
        self._first = first
        self._lanes: dict[str, Lane] = {}

    def kept(self) -> tuple[Lane, ...]:
        by_rank = sorted(self._lanes, key=lambda execution_id: execution_id not in self._first)
        chosen = set(by_rank[:LANES_MAX])
        return tuple(lane for execution_id, lane in self._lanes.items() if execution_id in chosen)

    def on_change(self, at_ms: int, event: ItemRecord) -> None:
        lane = self._lane(event.execution_id)
        if lane is not None:
            _extend(lane.statuses, at_ms, event.status)
            lane.waves += [WaveHistory() for _ in event.waves[len(lane.waves) :]]
        for index, seen in enumerate(event.waves):
            life = self.jobs.pop(seen.job_id, None)
            if lane is not None:
                wave = lane.waves[index]
                _extend(wave.table, at_ms, seen.status)
                wave.truth = wave.truth or life or []

    def _lane(self, execution_id: str) -> Lane | None:
        """The execution's lane, or None if there are too many: a trace may have 100,000 executions."""
        if execution_id not in self.seen:
            self.seen.add(execution_id)
            if execution_id in self._first or len(self._lanes) < LANES_MAX:
                self._lanes[execution_id] = Lane(execution_id)
        return self._lanes.get(execution_id)

    def on_poll(self, event: LambdaEnded) -> None:
        if lane := self._lanes.get(event.execution_id):
            if event.outcome != "ok":
                lane.failed.append(len(lane.polls))
            lane.polls.append((event.at_us - event.duration_us) // 1000)


def _extend(spans: Spans, at_ms: int, status: str) -> None:
    if not spans or spans[-1][1] != status:
        spans.append((at_ms, status))


def _truth(job: JobStarted) -> Iterator[tuple[int, str]]:
    """The true statuses of a wave: its job was accepted, launches, and ended with its launch actions."""
    yield job.at_us // 1000, WaveStatus.LAUNCHING
    begins_us = min(begin_us for begin_us, _, _, _ in job.lives)
    if begins_us < _NEVER_US:
        yield begins_us // 1000, WaveStatus.IN_PROGRESS
    if job.settled_us < _NEVER_US:
        sound = [launches and not failed_actions for _, _, launches, failed_actions in job.lives]
        launched = any(launches for _, _, launches, _ in job.lives)
        partly = WaveStatus.PARTIAL if launched else WaveStatus.FAILED
        yield job.settled_us // 1000, WaveStatus.COMPLETED if all(sound) else partly
