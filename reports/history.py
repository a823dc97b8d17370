"""What became of each execution, from the lines of the trace: the data of the timeline.

Owns which events make a lane. Instants are virtual milliseconds. A lane knows DRS's truth from the start of each job,
whose whole life the trace then has.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from drsim.simulator.decoder import events_of
from drsim.simulator.events import POLLER, FaultInjected, ItemRecord, JobStarted, LambdaEnded, RunEnded


class TraceError(Exception):
    """The trace cannot be read; the message says why."""


LANES_MAX: Final = 1000
STRIKES_MAX: Final = 5000

_NEVER_US: Final = 1 << 60

Spans = list[tuple[int, str]]
"""Instants and the statuses that begin then, oldest first."""


@dataclass(slots=True)
class WaveHistory:
    """One wave: its status as the table says, and as DRS knows it."""

    table: Spans = field(default_factory=list)
    truth: Spans = field(default_factory=list)


@dataclass(slots=True)
class Lane:
    """One execution. `polls` are the starts of its polls, `failed` the indices of those that did not succeed."""

    execution_id: str
    statuses: Spans = field(default_factory=list)
    waves: list[WaveHistory] = field(default_factory=list)
    polls: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Strike:
    """One injected fault, by its rule's number in the scenario; `execution_id` is "" where it concerns none."""

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
    """The history in a trace's lines, of at most LANES_MAX executions.

    Those in `first`, such as executions that broke a property, come before others if there are too many. Raises
    ValueError for lines that are no trace.
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
        """At most LANES_MAX lanes: those to be shown first, and then the oldest."""
        by_rank = sorted(self._lanes, key=lambda execution_id: execution_id not in self._first)
        chosen = set(by_rank[:LANES_MAX])
        return tuple(lane for execution_id, lane in self._lanes.items() if execution_id in chosen)

    def on_change(self, at_ms: int, event: ItemRecord) -> None:
        """Add what the table now says."""
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
        """The execution's lane, or None where there are too many: a trace may have 100,000 executions."""
        if execution_id not in self.seen:
            self.seen.add(execution_id)
            if execution_id in self._first or len(self._lanes) < LANES_MAX:
                self._lanes[execution_id] = Lane(execution_id)
        return self._lanes.get(execution_id)

    def on_poll(self, event: LambdaEnded) -> None:
        """Add a poll that has ended."""
        lane = self._lanes.get(event.execution_id)
        if lane is not None:
            if event.outcome != "ok":
                lane.failed.append(len(lane.polls))
            lane.polls.append((event.at_us - event.duration_us) // 1000)


def _extend(spans: Spans, at_ms: int, status: str) -> None:
    if not spans or spans[-1][1] != status:
        spans.append((at_ms, status))


def _truth(job: JobStarted) -> Iterator[tuple[int, str]]:
    """The states of a wave as its job lives: accepted, launching, and ended, launch actions and all."""
    yield job.at_us // 1000, "LAUNCHING"
    begins_us = min(begin_us for begin_us, _, _, _ in job.lives)
    if begins_us < _NEVER_US:
        yield begins_us // 1000, "IN_PROGRESS"
    if job.settled_us < _NEVER_US:
        sound = [launches and not failed_actions for _, _, launches, failed_actions in job.lives]
        launched = any(launches for _, _, launches, _ in job.lives)
        yield job.settled_us // 1000, "COMPLETED" if all(sound) else "PARTIAL" if launched else "FAILED"
