"""`trace.chrome.json`: a run's trace in Chrome's Trace Event Format, which Perfetto (https://ui.perfetto.dev) opens.

Owns which events become slices, instants and counters, and on which lines they lie. `reports.formats.chrome_events`
owns their form. Instants are virtual microseconds from the start of the run. Slices without an end stop with the run.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from drsim.reports.formats.chrome_events import LANES, Canvas, Event
from drsim.reports.history import waves_of
from drsim.scenarios.result import Result

_SCENARIO, _FINDER, _POLLER, _EXECUTIONS, _TRUTH = range(1, 6)
_PROCESSES: Final = {
    "Scenario": _SCENARIO,
    "ExecutionFinder": _FINDER,
    "ExecutionPoller": _POLLER,
    "Executions": _EXECUTIONS,
    "DRS truth": _TRUTH,
}
_TICKS: Final = LANES
_FAULTS: Final = 2 * LANES
_QUEUE: Final = 1
_ENDS: Final = frozenset({"COMPLETED", "PARTIAL", "FAILED", "TIMEOUT", "CANCELLED", "UNKNOWN", "DELETED"})
"""Statuses of executions and waves after which nothing is expected; they are instants."""
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
_LOUD: Final = frozenset({"WARNING", "ERROR", "CRITICAL"})


class _Call(NamedTuple):
    """One call of a run. Instants (us)."""

    begin_us: int
    end_us: int
    name: str
    facts: dict[str, int | str]


@dataclass(slots=True)
class _Run:
    """One invocation that has begun: where it runs, and the calls that it has made."""

    pid: int
    tid: int
    begin_us: int
    init_us: int
    what: str
    facts: dict[str, int | str]
    calls: list[_Call] = field(default_factory=list)


class _Status(NamedTuple):
    """What an execution or a wave is said to be, since when."""

    name: str
    since_us: int
    facts: dict[str, int | str]


def render(result: Result, lines: Iterable[str]) -> Iterator[str]:
    """The trace's lines, with or without line ends, as pieces of one JSON text in ASCII, an event a line.

    Pieces come while lines are read, so that no trace need be held in memory twice.
    """
    about = {name: getattr(result, name) for name in ("scenario", "seed", "tier", "verdict", "trace_digest", "replay")}
    yield f'{{"displayTimeUnit":"ms","otherData":{json.dumps(about)},"traceEvents":[\n'
    separator = ""
    for event in _events(_Story(Canvas(round(result.virtual_seconds * 1_000_000))), lines):
        yield separator + _ENCODER.encode(event)
        separator = ",\n"
    yield "\n]}\n"


def _events(story: "_Story", lines: Iterable[str]) -> Iterator[Event]:
    for line in lines:
        yield from story.told(json.loads(line))
    yield from story.rest()


class _Story:
    """All that must be remembered between the first event of something and its last."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._runs: dict[str, _Run] = {}
        self._concurrency: dict[int, Counter[int]] = {}
        self._statuses: dict[int, _Status] = {}
        self._rows: dict[str, int] = {}
        self._waves: Counter[str] = Counter()
        self._polling_count = 0
        self._jobs: list[str] = []
        self._waves_of_jobs: dict[str, str] = {}

    def told(self, record: list[Any]) -> Iterator[Event]:
        """What one event of the trace adds."""
        canvas = self._canvas
        match record:
            case ["TickFired", at_us, number]:
                yield canvas.instant(_SCENARIO, _TICKS, at_us, f"tick {number}")
            case ["FaultInjected", at_us, rule, fault, operation, function, execution_id, run, nth, delay_us, _]:
                facts = {"rule": rule, "function": function, "execution": execution_id, "run": run, "nth": nth}
                name = f"{fault} at {operation}" if operation else fault
                yield canvas.instant(_SCENARIO, _FAULTS, at_us, name, {**facts, "delay_us": delay_us})
            case ["Throttled", at_us, function, execution_id]:
                yield canvas.instant(self._pid(function), _QUEUE, at_us, "throttled", {"execution": execution_id})
            case ["Dropped", at_us, function, execution_id, reason]:
                facts = {"execution": execution_id, "reason": reason}
                yield canvas.instant(self._pid(function), _QUEUE, at_us, "dropped", facts)
            case ["LambdaStarted", at_us, request_id, function, execution_id, environment, attempt, init_us, _]:
                facts = {"request": request_id, "execution": execution_id, "attempt": attempt, "init_us": init_us}
                where = (self._pid(function), environment * LANES)
                self._runs[request_id] = _Run(*where, at_us - init_us, init_us, execution_id or function, facts)
            case ["CallMade", at_us, request_id, _, operation, duration_us, _, error, fault] if (
                request_id in self._runs
            ):
                name = f"{operation}: {error}" if error else operation
                call = _Call(at_us - duration_us, at_us, name, {"fault": fault} if fault else {})
                self._runs[request_id].calls.append(call)
            case ["LogWritten", at_us, request_id, _, level, _, text, _] if level in _LOUD and request_id in self._runs:
                run = self._runs[request_id]
                yield canvas.instant(run.pid, run.tid, at_us, level, {"message": text})
            case ["LambdaEnded", at_us, request_id, _, _, outcome, _, _, detail] if request_id in self._runs:
                yield from self._run(self._runs.pop(request_id), at_us, outcome, detail)
            case ["WriteRefused", at_us, _, writer, execution_id]:
                yield canvas.instant(_EXECUTIONS, self._row(execution_id), at_us, "write refused", {"by": writer})
            case ["ItemChanged", at_us, _, writer, execution_id, status, version, waves, _]:
                yield from self._change(at_us, execution_id, status, {"by": writer, "version": version}, waves)
            case ["JobStarted", at_us, account, region, job_id, _, started_us, settled_us, lives]:
                facts = {"job": job_id, "account": account, "region": region}
                yield from self._job(job_id, (at_us, started_us, settled_us), lives, facts)

    def rest(self) -> Iterator[Event]:
        """What the run's end cuts off, what is known only then, and the names of all lines."""
        canvas, end_us = self._canvas, self._canvas.end_us
        for run in self._runs.values():
            yield from self._run(run, end_us, "unfinished", "")
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

    def _run(self, run: _Run, end_us: int, outcome: str, detail: str) -> Iterator[Event]:
        """One invocation with its calls. Those that overlap lie on further lines, for slices of one line must nest."""
        canvas, environment = self._canvas, run.tid // LANES
        name = run.what if outcome == "ok" else f"{run.what}: {outcome}"
        facts = {**run.facts, "outcome": outcome, **({"detail": detail} if detail else {})}
        yield from canvas.slice(run.pid, run.tid, run.begin_us, end_us, name, facts)
        canvas.label(run.pid, run.tid, f"environment {environment}")
        handler_us = run.begin_us + run.init_us
        if run.init_us:
            yield from canvas.slice(run.pid, run.tid, run.begin_us, handler_us, "init")
        free_us = [handler_us]
        for call in sorted(run.calls):
            lane = next((lane for lane, since_us in enumerate(free_us) if since_us <= call.begin_us), len(free_us))
            free_us[lane : lane + 1] = [call.end_us]
            yield from canvas.slice(run.pid, run.tid + lane, call.begin_us, call.end_us, call.name, call.facts)
            if lane:
                canvas.label(run.pid, run.tid + lane, f"environment {environment}, beside {lane}")
        changes = self._concurrency.setdefault(run.pid, Counter())
        # As the result counts them: an environment that still starts up runs no handler yet.
        changes[run.begin_us + run.init_us] += 1
        changes[end_us] -= 1

    def _change(
        self, at_us: int, execution_id: str, status: str, facts: dict[str, int | str], waves: str
    ) -> Iterator[Event]:
        """An execution's line, and those of its waves below it, as the table has them from now on."""
        row = self._row(execution_id)
        was_polling = row in self._statuses and self._statuses[row].name == "POLLING"
        yield from self._become(row, at_us, _Status(status, at_us, facts))
        if was_polling != (status == "POLLING"):
            self._polling_count += -1 if was_polling else 1
            yield self._canvas.counter(_SCENARIO, at_us, "executions in POLLING", self._polling_count)
        told = list(waves_of(waves))
        count = self._waves[execution_id] = max(self._waves[execution_id], len(told))
        for lane in range(1, count + 1):
            wave = None
            if lane <= len(told):
                wave_status, job_id, job_status, servers = told[lane - 1]
                self._waves_of_jobs.setdefault(job_id, f"{execution_id}, wave {lane}")
                self._canvas.label(_EXECUTIONS, row + lane, f"{execution_id}, wave {lane}")
                # A wave that its execution has left behind goes nowhere any more.
                if status not in _ENDS or wave_status in _ENDS:
                    job = {"job": job_id, "job status": job_status, "servers": servers}
                    wave = _Status(wave_status, at_us, {**job, **facts})
            yield from self._become(row + lane, at_us, wave)

    def _become(self, tid: int, at_us: int, status: _Status | None) -> Iterator[Event]:
        """Another status: the one before ends here. None is none at all."""
        before = self._statuses.get(tid)
        if before is not None and status is not None and before.name == status.name:
            return
        if before is not None and before.name not in _ENDS:
            yield from self._canvas.slice(_EXECUTIONS, tid, before.since_us, at_us, before.name, before.facts)
        if status is None:
            self._statuses.pop(tid, None)
            return
        self._statuses[tid] = status
        if status.name in _ENDS:
            yield self._canvas.instant(_EXECUTIONS, tid, at_us, status.name, status.facts)

    def _job(
        self, job_id: str, instants: tuple[int, int, int], lives: str, facts: dict[str, int | str]
    ) -> Iterator[Event]:
        """A job's line: PENDING, STARTED with the launches in it, and then launch actions until the last has ended."""
        begin_us, started_us, settled_us = instants
        self._jobs.append(job_id)
        canvas, tid = self._canvas, len(self._jobs) * LANES
        servers = [life.split(":") for life in lives.split()]
        ended_us = max([started_us, *(int(end_us) for _, end_us, *_ in servers)])
        yield from canvas.slice(_TRUTH, tid, begin_us, started_us, "PENDING", facts)
        yield from canvas.slice(_TRUTH, tid, started_us, ended_us, "STARTED", facts)
        if servers:
            launching_us = min(int(from_us) for from_us, *_ in servers)
            yield from canvas.slice(_TRUTH, tid, launching_us, ended_us, "servers IN_PROGRESS")
        for number, (_, end_us, end, _) in enumerate(servers, start=1):
            if int(end_us) <= canvas.end_us:
                yield canvas.instant(_TRUTH, tid, int(end_us), f"server {number} {end}")
        if ended_us <= canvas.end_us:
            yield canvas.instant(_TRUTH, tid, ended_us, "COMPLETED")
        if settled_us > ended_us:
            yield from canvas.slice(_TRUTH, tid, ended_us, settled_us, "launch actions")

    def _row(self, execution_id: str) -> int:
        """The line of an execution; the ones that follow are its waves'."""
        row = self._rows.get(execution_id)
        if row is None:
            row = self._rows[execution_id] = (len(self._rows) + 1) * LANES
            self._canvas.label(_EXECUTIONS, row, execution_id)
        return row

    @staticmethod
    def _pid(function: str) -> int:
        return _PROCESSES[function]
