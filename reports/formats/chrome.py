"""`trace.chrome.json`: a run's trace in Chrome's Trace Event Format, which Perfetto (https://ui.perfetto.dev) opens.

Owns which events become slices, instants and counters, and on which lines; `chrome_events` owns their form. Times are
virtual microseconds from the start of the run. Slices without an end stop with the run.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from drsim.orchestrator.model import ExecutionStatus, JobStatus, ServerStatus
from drsim.reports.formats.chrome_events import LANES, Canvas, Event, Facts
from drsim.reports.statuses import ENDS
from drsim.scenarios.result import Result
from drsim.simulator import events
from drsim.simulator.decoder import Event as TraceEvent
from drsim.simulator.decoder import ItemRecord, events_of

_PROCESSES: Final = {"Scenario": 1, events.FINDER: 2, events.POLLER: 3, "Executions": 4, "DRS truth": 5}
_SCENARIO, _FINDER, _POLLER, _EXECUTIONS, _TRUTH = _PROCESSES.values()
_TICKS: Final = LANES
_FAULTS: Final = 2 * LANES
_QUEUE: Final = 1
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
_LOUD: Final = frozenset({"WARNING", "ERROR", "CRITICAL"})


class _Running(NamedTuple):
    """One invocation that has begun, its line, and the calls that it has made."""

    began: events.LambdaStarted
    pid: int
    tid: int
    calls: list[events.CallMade]


class _Since(NamedTuple):
    """The status of an execution or a wave, and when it began."""

    name: str
    since_us: int
    facts: Facts


def render(result: Result, lines: Iterable[str]) -> Iterator[str]:
    """The trace's lines, with or without line ends, as pieces of one JSON text in ASCII, an event a line.

    Pieces are made while lines are read, to save memory.
    """
    about = {name: getattr(result, name) for name in ("scenario", "seed", "tier", "verdict", "trace_digest", "replay")}
    yield f'{{"displayTimeUnit":"ms","otherData":{json.dumps(about)},"traceEvents":[\n'
    separator = ""
    drawing = _Drawing(Canvas(round(result.virtual_seconds * 1_000_000)))
    drawn = (each for event in events_of(lines) for each in drawing.of(event))
    for event in chain(drawn, drawing.rest()):
        yield separator + _ENCODER.encode(event)
        separator = ",\n"
    yield "\n]}\n"


class _Drawing:
    """The state between the first and the last event of each slice, counter and line."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._running: dict[str, _Running] = {}
        self._concurrency: dict[int, Counter[int]] = {}
        self._statuses: dict[int, _Since] = {}
        self._rows: dict[str, int] = {}
        self._waves: Counter[str] = Counter()
        self._polling_count = 0
        self._jobs: list[str] = []
        self._waves_of_jobs: dict[str, str] = {}

    def of(self, event: TraceEvent) -> Iterator[Event]:
        """The events that one event of the trace adds."""
        canvas, at_us = self._canvas, event.at_us
        match event:
            case events.TickFired(number=number):
                yield canvas.instant(_SCENARIO, _TICKS, at_us, f"tick {number}")
            case events.FaultInjected(rule=rule, function=function, execution_id=execution):
                name = f"{event.fault} at {event.operation}" if event.operation else event.fault
                facts: Facts = {"rule": rule, "function": function, "execution": execution, "run": event.run}
                facts = {**facts, "nth": event.nth, "delay_us": event.delay_us}
                yield canvas.instant(_SCENARIO, _FAULTS, at_us, name, facts)
            case events.Throttled(function=function, execution_id=execution):
                yield canvas.instant(_PROCESSES[function], _QUEUE, at_us, "throttled", {"execution": execution})
            case events.Dropped(function=function, execution_id=execution, reason=reason):
                facts = {"execution": execution, "reason": reason}
                yield canvas.instant(_PROCESSES[function], _QUEUE, at_us, "dropped", facts)
            case events.LambdaStarted(function=function, request_id=request):
                self._running[request] = _Running(event, _PROCESSES[function], event.environment * LANES, [])
            case events.CallMade(request_id=request) if request in self._running:
                self._running[request].calls.append(event)
            case events.LogWritten(request_id=request) if event.level in _LOUD and request in self._running:
                run = self._running[request]
                yield canvas.instant(run.pid, run.tid, at_us, event.level, {"message": event.message})
            case events.LambdaEnded(request_id=request) if request in self._running:
                yield from self._invocation(self._running.pop(request), at_us, event.outcome, event.detail)
            case events.WriteRefused(writer=by):
                yield canvas.instant(_EXECUTIONS, self._row(event.execution_id), at_us, "write refused", {"by": by})
            case ItemRecord():
                yield from self._change(event)
            case events.JobStarted():
                yield from self._job(event)

    def rest(self) -> Iterator[Event]:
        """The slices that the run's end cuts off, the counters of functions, and the names of all lines."""
        canvas, end_us = self._canvas, self._canvas.end_us
        for run in self._running.values():
            yield from self._invocation(run, end_us, "unfinished", "")
        for tid in list(self._statuses):
            yield from self._become(tid, end_us, None)
        for pid, changes in self._concurrency.items():
            running = 0
            for at_us, change in sorted(changes.items()):
                running += change
                yield canvas.counter(pid, at_us, "concurrency", running)
        for position, job_id in enumerate(self._jobs, start=1):
            canvas.label(_TRUTH, position * LANES, f"{self._waves_of_jobs.get(job_id, 'no wave')}: {job_id}")
        canvas.label(_SCENARIO, _TICKS, "ticks")
        canvas.label(_SCENARIO, _FAULTS, "faults")
        for pid in (_FINDER, _POLLER):
            canvas.label(pid, _QUEUE, "queue")
        yield from canvas.names(_PROCESSES)

    def _invocation(self, run: _Running, end_us: int, outcome: str, detail: str) -> Iterator[Event]:
        """One invocation with its calls. Calls that overlap get further lines, since slices of one line must nest."""
        canvas, began = self._canvas, run.began
        name = began.execution_id or began.function
        facts: dict[str, int | str] = {"request": began.request_id, "execution": began.execution_id}
        facts |= {"attempt": began.attempt, "init_us": began.init_us, "outcome": outcome}
        facts |= {"detail": detail} if detail else {}
        handler_us, init_from_us = began.at_us, began.at_us - began.init_us
        name = name if outcome == "ok" else f"{name}: {outcome}"
        yield from canvas.slice(run.pid, run.tid, init_from_us, end_us, name, facts)
        canvas.label(run.pid, run.tid, f"environment {began.environment}")
        if began.init_us:
            yield from canvas.slice(run.pid, run.tid, init_from_us, handler_us, "init")
        free_us = [handler_us]
        for call_us, call in sorted((call.at_us - call.duration_us, call) for call in run.calls):
            lane = next((lane for lane, since_us in enumerate(free_us) if since_us <= call_us), len(free_us))
            free_us[lane : lane + 1] = [call.at_us]
            name = f"{call.operation}: {call.error}" if call.error else call.operation
            fault = {"fault": call.fault} if call.fault else None
            yield from canvas.slice(run.pid, run.tid + lane, call_us, call.at_us, name, fault)
            if lane:
                canvas.label(run.pid, run.tid + lane, f"environment {began.environment}, beside {lane}")
        changes = self._concurrency.setdefault(run.pid, Counter())
        # As in the result, an environment counts when its init is over.
        changes[handler_us] += 1
        changes[end_us] -= 1

    def _change(self, event: ItemRecord) -> Iterator[Event]:
        """An execution's line, and those of its waves below it, as the table has them from now on."""
        at_us, execution_id, status = event.at_us, event.execution_id, event.status
        row = self._row(execution_id)
        facts: Facts = {"by": event.writer, "version": event.version}
        was_polling = row in self._statuses and self._statuses[row].name == ExecutionStatus.POLLING
        yield from self._become(row, at_us, _Since(status, at_us, facts))
        if was_polling != (status == ExecutionStatus.POLLING):
            self._polling_count += -1 if was_polling else 1
            yield self._canvas.counter(_SCENARIO, at_us, "executions in POLLING", self._polling_count)
        for lane, wave in enumerate(event.waves, start=1):
            self._waves_of_jobs.setdefault(wave.job_id, f"{execution_id}, wave {lane}")
            self._canvas.label(_EXECUTIONS, row + lane, f"{execution_id}, wave {lane}")
            job: Facts = {"job": wave.job_id or "-", "job status": wave.job_status or "-", "servers": wave.servers}
            # An open wave of a terminal execution never changes again.
            is_live = status not in ENDS or wave.status in ENDS
            now = _Since(wave.status, at_us, {**job, **facts}) if is_live else None
            yield from self._become(row + lane, at_us, now)
        for lane in range(len(event.waves) + 1, self._waves[execution_id] + 1):
            yield from self._become(row + lane, at_us, None)
        self._waves[execution_id] = max(self._waves[execution_id], len(event.waves))

    def _become(self, tid: int, at_us: int, status: _Since | None) -> Iterator[Event]:
        """Draw the previous status, which ends here, unless it stays. None is the absence of a status."""
        before = self._statuses.get(tid)
        if before is not None and status is not None and before.name == status.name:
            return
        if before is not None and before.name not in ENDS:
            yield from self._canvas.slice(_EXECUTIONS, tid, before.since_us, at_us, before.name, before.facts)
        if status is None:
            self._statuses.pop(tid, None)
            return
        self._statuses[tid] = status
        if status.name in ENDS:
            yield self._canvas.instant(_EXECUTIONS, tid, at_us, status.name, status.facts)

    def _job(self, job: events.JobStarted) -> Iterator[Event]:
        """A job's line: PENDING, STARTED with its launches, and then its launch actions."""
        self._jobs.append(job.job_id)
        canvas, tid = self._canvas, len(self._jobs) * LANES
        facts: Facts = {"job": job.job_id, "account": job.account_id, "region": job.region}
        ended_us = max([job.started_us, *(end_us for _, end_us, _, _ in job.lives)])
        yield from canvas.slice(_TRUTH, tid, job.at_us, job.started_us, JobStatus.PENDING, facts)
        yield from canvas.slice(_TRUTH, tid, job.started_us, ended_us, JobStatus.STARTED, facts)
        if job.lives:
            launching_us = min(begin_us for begin_us, _, _, _ in job.lives)
            yield from canvas.slice(_TRUTH, tid, launching_us, ended_us, f"servers {ServerStatus.IN_PROGRESS}")
        ends = [(end_us, _end_of(begin_us, end_us, launches)) for begin_us, end_us, launches, _ in job.lives]
        names = [(end_us, f"server {number} {end}") for number, (end_us, end) in enumerate(ends, start=1)]
        for end_us, name in [*names, (ended_us, JobStatus.COMPLETED)]:
            if end_us <= canvas.end_us:
                yield canvas.instant(_TRUTH, tid, end_us, name)
        if job.settled_us > ended_us:
            yield from canvas.slice(_TRUTH, tid, ended_us, job.settled_us, "launch actions")

    def _row(self, execution_id: str) -> int:
        if execution_id not in self._rows:
            self._rows[execution_id] = (len(self._rows) + 1) * LANES
            self._canvas.label(_EXECUTIONS, self._rows[execution_id], execution_id)
        return self._rows[execution_id]


def _end_of(begin_us: int, end_us: int, launches: bool) -> ServerStatus:
    """Return a server's status at its end. One that never begins stays PENDING."""
    if begin_us > end_us:
        return ServerStatus.PENDING
    return ServerStatus.LAUNCHED if launches else ServerStatus.FAILED
