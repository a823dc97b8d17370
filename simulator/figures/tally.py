"""What acceptance criteria judge by, counted from the trace's events as they come.

Owns no verdict, and no figure that reports alone show: those are `statistics`. Explorations judge each seed by it, so
it keeps to what a verdict depends on. It presumes nothing of what functions do: what was not seen to begin may end.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drsim.orchestrator.model import TERMINAL, Execution, ExecutionStatus, Phase, Wave, WaveStatus
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
    LambdaEnded,
    LambdaStarted,
    LogWritten,
    Throttled,
    TickFired,
    WriteRefused,
)
from drsim.simulator.faults.kinds import CALLS, TRUTHS
from drsim.simulator.figures.sketch import Values
from drsim.simulator.trace import Trace

_LOST_RACE: Final = "ConditionalCheckFailedException"


@dataclass(slots=True)
class _Look:
    """One look of a running finder, and how many pollers it has invoked."""

    at_us: int
    invoked_count: int = 0


@dataclass(slots=True)
class _Watched:
    """One execution in POLLING: its phase, its last poll's look, and waves whose jobs DRS is known to have."""

    phase: Phase
    look_us: int | None = None
    sound_waves: tuple[Wave, ...] | None = None


class Tally:
    """Listens to a world."""

    def __init__(self, trace: Trace, truth: Truth, settings: Settings) -> None:
        self._truth = truth
        self._settings = settings
        self.ticks_count = 0
        self.disturbed = False
        """Whether a fault has struck that may change when things happen."""
        self.queries_count = self.updates_count = 0
        """Queries of the finder, and updates of the poller."""
        self.errors: Counter[str] = Counter()
        """Failed calls by operation. A lost race is no error, and an injected one is not the function's."""
        self.query_us_max: int | None = None
        """The longest query that neither failed nor met a fault, None if there was none."""
        self.invoked_max = 0
        """Most pollers that one look invoked."""
        self.runs_count = 0
        """Invocations that began."""
        self.failed: Counter[tuple[str, str]] = Counter()
        """Invocations that did not end well, by function and outcome."""
        self.failed_by_faults = 0
        """Invocations that a fault struck and that did not end well."""
        self.pollers_max = 0
        """Most pollers that ran at once."""
        self.throttles_count = self.dropped_count = self.refused_count = 0
        self.warnings_count = 0
        """Warnings that pollers logged."""
        self.statuses: Counter[ExecutionStatus] = Counter()
        self.active_max = 0
        """Most executions in POLLING at once."""
        self.ended_overdue = 0
        """Executions that ended as DRS said although they were older than the timeout."""
        self.waves_without_job_id = self.waves_with_unknown_job = 0
        """How often a poll met one."""
        self.poll_gaps: Mapping[Phase, Values] = {each: Values() for each in Phase}
        """Between the looks of two polls of an execution, by the phase that the second one found; until `disturbed`."""
        self._looks: dict[str, _Look] = {}
        self._looked_us: dict[str, int] = {}
        self._watched: dict[str, _Watched] = {}
        self._struck: set[str] = set()
        self._pollers = 0
        trace.listen(TickFired, self._on_tick)
        trace.listen(Invoked, self._on_invoked)
        trace.listen(IndexRead, self._on_read)
        trace.listen(LambdaStarted, self._on_started)
        trace.listen(LambdaEnded, self._on_ended)
        trace.listen(CallMade, self._on_call)
        trace.listen(FaultInjected, self._on_fault)
        trace.listen(LogWritten, self._on_line)
        trace.listen(Throttled, self._on_throttled)
        trace.listen(Dropped, self._on_dropped)
        trace.listen(WriteRefused, self._on_refused)
        trace.listen(ItemChanged, self._on_change)

    # --- functions and their calls ----------------------------------------------------------------------------

    def _on_tick(self, _: TickFired) -> None:
        self.ticks_count += 1
        if not self.disturbed:
            for values in self.poll_gaps.values():
                values.settle()

    def _on_read(self, event: IndexRead) -> None:
        if event.first_page or event.request_id not in self._looks:
            self._looks[event.request_id] = _Look(event.at_us)

    def _on_invoked(self, event: Invoked) -> None:
        look = self._looks.get(event.by)
        if look is not None and event.function == POLLER:
            look.invoked_count += 1
            self.invoked_max = max(self.invoked_max, look.invoked_count)
            self._looked_us[event.request_id] = look.at_us

    def _on_started(self, event: LambdaStarted) -> None:
        self.runs_count += 1
        if event.function == POLLER:
            self._pollers += 1
            self.pollers_max = max(self.pollers_max, self._pollers)

    def _on_ended(self, event: LambdaEnded) -> None:
        request_id = event.request_id
        if event.outcome != "ok":
            self.failed[event.function, event.outcome] += 1
        if event.function == POLLER:
            self._pollers -= 1
            self._looked_us.pop(request_id, None)
        elif event.function == FINDER:
            self._looks.pop(request_id, None)
        if request_id in self._struck:
            self._struck.remove(request_id)
            self.failed_by_faults += event.outcome != "ok"

    def _on_call(self, event: CallMade) -> None:
        operation = event.operation
        if operation == "UpdateItem":
            self.updates_count += event.function == POLLER
        elif operation == "Query":
            self.queries_count += event.function == FINDER
            if not event.error and not event.fault:
                self.query_us_max = max(self.query_us_max or 0, event.duration_us)
        if event.error and not event.fault and event.error != _LOST_RACE:
            self.errors[operation] += 1

    def _on_fault(self, event: FaultInjected) -> None:
        if not self.disturbed:
            self.disturbed = event.fault not in TRUTHS
        # A slow start or a clock that is off fails nothing by itself.
        if event.request_id and event.operation in CALLS:
            self._struck.add(event.request_id)

    def _on_line(self, event: LogWritten) -> None:
        if event.level == "WARNING" and event.function == POLLER:
            self.warnings_count += 1

    def _on_throttled(self, _: Throttled) -> None:
        self.throttles_count += 1

    def _on_dropped(self, _: Dropped) -> None:
        self.dropped_count += 1

    def _on_refused(self, _: WriteRefused) -> None:
        self.refused_count += 1

    # --- executions --------------------------------------------------------------------------------------------

    def _on_change(self, event: ItemChanged) -> None:
        before, now, execution_id = event.previous, event.execution, event.execution_id
        if before is None or now is None or before.status is not now.status:
            self._count_status(before, now)
        watched = self._watched.get(execution_id)
        if watched is not None and event.request_id and before is not None and now is not None:
            self._on_poll(event, watched, before, now)
        if now is None or now.status is not ExecutionStatus.POLLING:
            self._watched.pop(execution_id, None)
        elif watched is None:
            self._watched[execution_id] = _Watched(phase(now, self._settings))
            self.active_max = max(self.active_max, len(self._watched))
        elif not self.disturbed and not same_waves(before, now):
            watched.phase = phase(now, self._settings)

    def _on_poll(self, event: ItemChanged, watched: _Watched, before: Execution, now: Execution) -> None:
        look_us = None if self.disturbed else self._looked_us.get(event.request_id)
        if look_us is not None:
            if watched.look_us is not None:
                self.poll_gaps[watched.phase].append(look_us - watched.look_us)
            watched.look_us = look_us
        # A write that changes no wave leaves the very same tuple, and what DRS had once it has for good.
        if before.waves is not watched.sound_waves:
            unsound = sum(not self._is_sound(wave) for wave in before.waves)
            watched.sound_waves = None if unsound else before.waves
        if now.status in TERMINAL and now.status is not ExecutionStatus.TIMEOUT:
            is_late = event.at_us > self._truth.times_out_us(now)
            self.ended_overdue += is_late and self._truth.final_us(now) < NEVER_US

    def _is_sound(self, wave: Wave) -> bool:
        """Whether a wave is finished, has a job of DRS's, or waits for its turn; another one is counted."""
        if wave.finished:
            return True
        if wave.job_id is not None:
            known = self._truth.job(wave) is not None
            self.waves_with_unknown_job += not known
            return known
        # A wave that waits for its turn has no job yet, and it is not missing.
        waits = wave.status is WaveStatus.PENDING and wave.job_status is None
        self.waves_without_job_id += not waits
        return waits

    def _count_status(self, before: Execution | None, now: Execution | None) -> None:
        if before is not None:
            self.statuses[before.status] -= 1
        if now is not None:
            self.statuses[now.status] += 1
