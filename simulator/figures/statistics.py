"""Figures of a run: what criteria and reports are made of, gathered from the trace's events as they come.

Owns no verdict. Durations are microseconds; distributions are made from all values, and exact until these are too many
to be kept (`values`). Names of distributions and counts are those of result.json.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

from drsim.orchestrator.model import TERMINAL, Execution, ExecutionStatus, Phase, WaveStatus
from drsim.orchestrator.settings import Settings
from drsim.simulator.checks.cadence import phase
from drsim.simulator.checks.monitor import same_waves
from drsim.simulator.checks.truth import Truth
from drsim.simulator.durations import NEVER_US
from drsim.simulator.events import (
    FINDER,
    POLLER,
    CallMade,
    Dropped,
    FaultInjected,
    IndexRead,
    Invoked,
    ItemChanged,
    JobsDescribed,
    JobStarted,
    LambdaEnded,
    LambdaStarted,
    LogWritten,
    StartRefused,
    Throttled,
    TickFired,
    WriteRefused,
)
from drsim.simulator.faults.kinds import CALLS
from drsim.simulator.figures.sketch import Values
from drsim.simulator.trace import Trace
from drsim.simulator.workload import WORKER

SAMPLES_MAX: Final = 20
"""So many executions are listed one by one."""


@dataclass(slots=True)
class Tick:
    """One firing of the rule, and what its finder saw: `found` at its last look, `polled` in all its looks."""

    number: int
    at_us: int
    looks: int = 0
    found: int = 0
    polled: int = 0


@dataclass(slots=True)
class Sample:
    """One execution from its start to its end, `end_us` being None while it goes on."""

    execution: Execution
    polls: int = 0
    end_us: int | None = None


@dataclass(slots=True)
class _Look:
    """One look of the finder, under way."""

    at_us: int
    read_us: int
    invoked_us: int | None = None
    invoked_count: int = 0


@dataclass(slots=True)
class _Watched:
    """One execution in POLLING: its phase, its last poll's look, when DRS was last asked, Phase 1's last write."""

    phase: Phase
    look_us: int | None
    asked_us: int
    amended_us: int


class Statistics:
    """Listens to a world."""

    def __init__(self, trace: Trace, truth: Truth, settings: Settings) -> None:
        self._truth = truth
        self._settings = settings
        self.distributions: defaultdict[str, Values] = defaultdict(Values)
        self.counts: Counter[str] = Counter()
        # What ended runs that no fault had struck, by function and error.
        self.failures: Counter[str] = Counter()
        self.ticks: list[Tick] = []
        self.samples: dict[str, Sample] = {}
        self.running_max: Counter[str] = Counter()
        self._running: Counter[str] = Counter()
        self._ticks: dict[str, Tick] = {}
        self._looks: dict[str, _Look] = {}
        self._looked_us: dict[str, int] = {}
        self._asked_us: dict[str, int] = {}
        self._watched: dict[str, _Watched] = {}
        self._cold: set[str] = set()
        # Running invocations that a fault has struck.
        self._struck: set[str] = set()
        trace.listen(TickFired, self._on_tick)
        trace.listen(Invoked, self._on_invoked)
        trace.listen(LambdaStarted, self._on_started)
        trace.listen(IndexRead, self._on_read)
        trace.listen(CallMade, self._on_call)
        trace.listen(JobsDescribed, self._on_described)
        trace.listen(ItemChanged, self._on_change)
        trace.listen(LambdaEnded, self._on_ended)
        trace.listen(LogWritten, self._on_line)
        trace.listen(FaultInjected, self._on_fault)
        for event_type, name in (
            (Throttled, "lambda_throttles"),
            (Dropped, "lambda_events_dropped"),
            (WriteRefused, "writes_refused"),
            (JobStarted, "jobs_started"),
            (StartRefused, "starts_refused"),
        ):
            trace.listen(event_type, partial(self._count, name))

    def values(self, name: str) -> Values:
        """All values of a distribution; none if it has no value."""
        return self.distributions.get(name) or Values()

    def _count(self, name: str, _: object) -> None:
        self.counts[name] += 1

    # --- the schedule and the finder --------------------------------------------------------------------------

    def _on_tick(self, event: TickFired) -> None:
        if self.ticks:
            self.distributions["tick_interval"].append(event.at_us - self.ticks[-1].at_us)
        self.ticks.append(Tick(event.number, event.at_us))
        # Between two ticks there come as many values as there are executions at once, and no more.
        for values in self.distributions.values():
            values.settle()

    def _on_invoked(self, event: Invoked) -> None:
        if event.function == FINDER:
            if self.ticks:
                self._ticks[event.request_id] = self.ticks[-1]
            return
        look = self._looks.get(event.by)
        if look is not None:
            look.invoked_us = event.at_us
            look.invoked_count += 1
            self._looked_us[event.request_id] = look.at_us
        self.counts["pollers_invoked"] += 1
        tick = self._ticks.get(event.by)
        if tick is not None:
            tick.polled += 1

    def _on_read(self, event: IndexRead) -> None:
        tick, look = self._ticks.get(event.request_id), self._looks.get(event.request_id)
        # A finder that begins at a key it has kept looks as well, if only at a part.
        if event.first_page or look is None:
            self._close_look(event.request_id)
            look = self._looks[event.request_id] = _Look(event.at_us, event.at_us)
            self.counts["looks"] += 1
            self.counts["looks_empty"] += not event.items_count
            if tick is not None:
                tick.looks += 1
                tick.found = 0
        look.read_us = event.at_us
        self.counts["index_pages"] += 1
        self.counts["executions_found"] += event.items_count
        if tick is not None:
            tick.found += event.items_count

    def _close_look(self, request_id: str) -> None:
        look = self._looks.pop(request_id, None)
        if look is not None and look.invoked_us is not None:
            self.distributions["invokes_of_a_look"].append(look.invoked_us - look.read_us)

    # --- functions and their calls ----------------------------------------------------------------------------

    def _on_started(self, event: LambdaStarted) -> None:
        function = event.function
        self._running[function] += 1
        self.running_max[function] = max(self.running_max[function], self._running[function])
        self.running_max[""] = max(self.running_max[""], event.concurrency)
        self.counts[f"{function}.invocations"] += 1
        if event.init_us:
            self.counts[f"{function}.cold_starts"] += 1
            self.distributions[f"{function}.init"].append(event.init_us)
            self._cold.add(event.request_id)

    def _on_ended(self, event: LambdaEnded) -> None:
        function, request_id = event.function, event.request_id
        self._running[function] -= 1
        self.counts[f"{function}.{event.outcome}"] += 1
        if request_id in self._struck:
            self._struck.remove(request_id)
            self.counts["runs_failed_by_faults"] += event.outcome != "ok"
        elif event.outcome != "ok":
            self._note_failure(f"{function}: {event.detail}")
        kind = "cold" if request_id in self._cold else "warm"
        self._cold.discard(request_id)
        if function == FINDER:
            look = self._looks.get(request_id)
            kind += "_idle" if look is None or look.invoked_us is None else ""
            self._close_look(request_id)
            self._ticks.pop(request_id, None)
        self.distributions[f"{function}.{kind}"].append(event.duration_us)
        self._looked_us.pop(request_id, None)
        self._asked_us.pop(request_id, None)

    def _note_failure(self, text: str) -> None:
        """Count what ended a run, once for each text; further texts than are listed count for nothing here."""
        if text in self.failures or len(self.failures) < SAMPLES_MAX:
            self.failures[text] += 1

    def _on_call(self, event: CallMade) -> None:
        name, kind = self._names_of(event.function, event.operation, event.cold)
        self.counts[name] += 1
        if event.error:
            self.counts[f"{name}.{event.error}"] += 1
            if event.fault and event.error != "ConditionalCheckFailedException":
                self.counts[f"calls_failed_by_faults.{event.operation}"] += 1
        elif not event.fault:
            self.distributions[kind].append(event.duration_us)

    @staticmethod
    @cache
    def _names_of(function: str, operation: str, cold: int) -> tuple[str, str]:
        """The names of a call's count and of its distribution."""
        return f"{function}.{operation}", f"{operation}.{'cold' if cold else 'warm'}"

    def _on_line(self, event: LogWritten) -> None:
        if event.level == "WARNING":
            self.counts[f"{event.function}.warnings"] += 1

    def _on_fault(self, event: FaultInjected) -> None:
        self.counts["faults_injected"] += 1
        # A slow start or a clock that is off fails nothing by itself.
        if event.request_id and event.operation in CALLS:
            self._struck.add(event.request_id)

    def _on_described(self, event: JobsDescribed) -> None:
        self._asked_us[event.request_id] = event.at_us

    # --- executions --------------------------------------------------------------------------------------------

    def _on_change(self, event: ItemChanged) -> None:
        before, now, execution_id = event.previous, event.execution, event.execution_id
        if event.before is None:
            self.counts["executions_started"] += 1
        if now is not None:
            self._keep_sample(event, now)
        if event.writer == WORKER:
            self.counts["worker_writes"] += 1
        watched = self._watched.get(execution_id)
        if watched is not None and event.writer == WORKER:
            watched.amended_us = event.at_us
        if watched is not None and event.request_id and before is not None and now is not None:
            self._on_poll(event, watched, before, now)
        if now is None or now.status is not ExecutionStatus.POLLING:
            self._watched.pop(execution_id, None)
        elif watched is None:
            self._watched[execution_id] = _Watched(phase(now, self._settings), None, event.at_us, event.at_us)
        elif not same_waves(before, now):
            watched.phase = phase(now, self._settings)

    def _on_poll(self, event: ItemChanged, watched: _Watched, before: Execution, now: Execution) -> None:
        distributions = self.distributions
        self.counts["polls_recorded"] += 1
        distributions["waves_per_update"].append(len(now.waves))
        look_us = self._looked_us.get(event.request_id)
        if look_us is not None:
            found = watched.phase
            self.counts[f"polls.{found}"] += 1
            distributions["poll_delay"].append(event.at_us - look_us)
            if watched.look_us is not None:
                distributions[f"poll_gap.{found}"].append(look_us - watched.look_us)
            watched.look_us = look_us
        asked_us = self._asked_us.get(event.request_id)
        for wave in before.waves:
            job = self._truth.job(wave)
            if wave.finished:
                continue
            # A wave that waits for its turn has no job yet, and nobody misses it.
            if wave.job_id is None and (wave.status is not WaveStatus.PENDING or wave.job_status is not None):
                self.counts["waves_without_job_id"] += 1
            elif wave.job_id is not None and job is None:
                self.counts["waves_with_unknown_job"] += 1
            elif job is not None and asked_us is not None:
                changes = job.changes_between(watched.asked_us, asked_us)
                distributions["staleness"].extend([event.at_us - change_us for change_us in changes])
        if asked_us is not None:
            watched.asked_us = asked_us
        if now.status in TERMINAL:
            began_us = now.start_us - self._truth.epoch_us
            distributions["execution_time"].append(_kept(event.at_us - began_us))
            final_us = self._truth.final_us(now)
            if now.status is ExecutionStatus.TIMEOUT:
                distributions["timeout_delay"].append(_kept(event.at_us - self._truth.times_out_us(now)))
            elif final_us < NEVER_US:
                distributions["completion_delay"].append(_kept(event.at_us - max(final_us, watched.amended_us)))
                self.counts["ended_overdue"] += event.at_us > self._truth.times_out_us(now)

    def _keep_sample(self, event: ItemChanged, now: Execution) -> None:
        sample = self.samples.get(event.execution_id)
        if sample is None:
            if len(self.samples) >= SAMPLES_MAX:
                return
            sample = self.samples[event.execution_id] = Sample(now)
        sample.execution = now
        sample.polls += event.writer == POLLER
        if now.status in TERMINAL and sample.end_us is None:
            sample.end_us = event.at_us


def _kept(duration_us: int) -> int:
    """A duration that comes from the table's times, where a function may have written any number, as far as it fits."""
    return max(-NEVER_US, min(duration_us, NEVER_US))
