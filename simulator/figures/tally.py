"""The counts and distributions on which verdicts depend. `statistics` adds those that only reports show.

It assumes nothing about the functions: an invocation, a look or an execution may end although its start was not seen.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

from drsim.orchestrator.model import TERMINAL, ExecutionStatus, WaveStatus
from drsim.simulator import events
from drsim.simulator.checks.phases import phase
from drsim.simulator.checks.truth import Truth
from drsim.simulator.contract.limits import JudgedLimits
from drsim.simulator.durations import NEVER_US
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.faults.kinds import CALLS, TRUTHS
from drsim.simulator.figures import table as figures
from drsim.simulator.figures.sketch import Sketch
from drsim.simulator.figures.table import Figure
from drsim.simulator.reader import ExecutionView, WaveView
from drsim.simulator.trace import Trace

LOST_RACE: Final = "ConditionalCheckFailedException"
"""The error of a call that lost a race: no error of the function."""


@dataclass(slots=True)
class CurrentLook:
    """The present look of a running finder: when it began, read its last page, and last invoked a poller.

    It asks for each of its words once.
    """

    at_us: int
    read_us: int
    invoked_us: int | None = None
    invoked_count: int = 0
    words: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Watched:
    """One execution in POLLING.

    `look_us` is the look of its last poll, `asked_us` the last query of DRS, `amended_us` Phase 1's last write, and
    `sound_waves` are waves whose jobs DRS is known to have.
    """

    asked_us: int
    amended_us: int
    look_us: int | None = None
    sound_waves: tuple[WaveView, ...] | None = None


class Tally:
    """Counts what verdicts depend on."""

    every_gap: ClassVar[bool] = False
    """Whether gaps between polls are kept after a fault has changed the timing."""

    def __init__(self, trace: Trace, truth: Truth, limits: JudgedLimits) -> None:
        self._truth = truth
        self._limits = limits
        self.counts: Counter[Figure] = Counter()
        self.distributions: defaultdict[Figure, Sketch] = defaultdict(Sketch)
        self.ticks_count = 0
        self.disturbed = False
        """Whether a fault was injected that may change the timing."""
        self.errors: Counter[str] = Counter()
        """Failed calls by operation, without lost races and injected errors."""
        self.query_us_max: int | None = None
        """The longest query without error or fault, None if there was none."""
        self.invoked_max = 0
        """The most pollers that one look invoked."""
        self.failed: Counter[tuple[str, str]] = Counter()
        """Failed invocations by function and outcome."""
        self.statuses: Counter[ExecutionStatus] = Counter()
        self._running: Counter[str] = Counter()
        self._looks: dict[str, CurrentLook] = {}
        # The start of the look that invoked a poller, by the poller's request.
        self._looked_us: dict[str, int] = {}
        self._watched: dict[str, Watched] = {}
        # Running invocations in which a fault was injected.
        self._struck: set[str] = set()
        # The executions that a running invocation has written since its last look.
        self._written: defaultdict[str, set[str]] = defaultdict(set)
        trace.attach(self)
        trace.listen(events.Throttled, self._counting(figures.THROTTLES))
        trace.listen(events.Dropped, self._counting(figures.EVENTS_DROPPED))
        trace.listen(events.WriteRefused, self._counting(figures.WRITES_REFUSED))

    def values(self, figure: Figure) -> Sketch:
        """All values of a distribution; an empty sketch if it has none."""
        return self.distributions.get(figure) or Sketch()

    def _counting(self, figure: Figure) -> Callable[[object], None]:
        def count(_: object) -> None:
            self.counts[figure] += 1

        return count

    def _on_tick(self, _: events.TickFired) -> None:
        self.ticks_count += 1
        # Between two ticks the number of new values is bounded by the number of executions at once.
        for sketch in self.distributions.values():
            sketch.settle()

    def _on_read(self, event: events.IndexRead) -> None:
        look = self._looks.get(event.request_id)
        # A finder that resumes at a stored key looks, too, although only at a part.
        if look is None or (event.first_page and event.word in look.words):
            look = self._looks[event.request_id] = CurrentLook(event.at_us, event.at_us)
            self._written.pop(event.request_id, None)
        look.read_us = event.at_us
        look.words.add(event.word)

    def _on_invoked(self, event: events.Invoked) -> None:
        look = self._looks.get(event.by)
        if look is not None and event.function == POLLER:
            look.invoked_us = event.at_us
            look.invoked_count += 1
            self.invoked_max = max(self.invoked_max, look.invoked_count)
            self._looked_us[event.request_id] = look.at_us

    def _on_started(self, event: events.LambdaStarted) -> None:
        function = event.function
        self.counts[figures.INVOCATIONS.of(function)] += 1
        self._running[function] += 1
        most = figures.CONCURRENT_MAX.of(function)
        self.counts[most] = max(self.counts[most], self._running[function])

    def _on_ended(self, event: events.LambdaEnded) -> None:
        function, request_id = event.function, event.request_id
        self._running[function] -= 1
        self._written.pop(request_id, None)
        if event.outcome != "ok":
            self.failed[function, event.outcome] += 1
        if function == POLLER:
            self._looked_us.pop(request_id, None)
        elif function == FINDER:
            self._looks.pop(request_id, None)
        if request_id in self._struck:
            self._struck.remove(request_id)
            self.counts[figures.FAILED_BY_FAULTS] += event.outcome != "ok"

    def _on_call(self, event: events.CallMade) -> None:
        operation = event.operation
        self.counts[figures.CALLS.of(event.function, operation)] += 1
        if operation == "Query" and not event.error and not event.fault:
            self.query_us_max = max(self.query_us_max or 0, event.duration_us)
        if event.error and not event.fault and event.error != LOST_RACE:
            self.errors[operation] += 1

    def _on_fault(self, event: events.FaultInjected) -> None:
        if not self.disturbed:
            self.disturbed = event.fault not in TRUTHS
        # A slow start or a wrong clock fails nothing by itself.
        if event.request_id and event.operation in CALLS:
            self._struck.add(event.request_id)

    def _on_line(self, event: events.LogWritten) -> None:
        if event.level == "WARNING":
            self.counts[figures.WARNINGS.of(event.function)] += 1

    def _on_change(self, event: events.ItemChanged) -> None:
        before, now, execution_id = event.previous, event.execution, event.execution_id
        was, status = before and before.status, now and now.status
        if was is not status:
            if was is not None:
                self.statuses[was] -= 1
            if status is not None:
                self.statuses[status] += 1
        watched = self._watched.get(execution_id)
        if watched is not None and event.request_id and before is not None and now is not None:
            written = self._written[event.request_id]
            if execution_id not in written:
                written.add(execution_id)
                self._count_poll(event, watched, before)
            self._count_end(event, now)
        if now is None or not now.owes_polls:
            self._watched.pop(execution_id, None)
        elif watched is None:
            self._watched[execution_id] = Watched(event.at_us, event.at_us)
            self.counts[figures.ACTIVE_MAX] = max(self.counts[figures.ACTIVE_MAX], len(self._watched))

    def _count_poll(self, event: events.ItemChanged, watched: Watched, before: ExecutionView) -> None:
        """Count a poll at its first write."""
        look_us = self.look_us(event.request_id)
        if look_us is not None and (self.every_gap or not self.disturbed):
            found = phase(before, self._limits)
            self.counts[figures.POLLS.of(found)] += 1
            if watched.look_us is not None:
                self.distributions[figures.POLL_GAP.of(found)].append(look_us - watched.look_us)
            watched.look_us = look_us
        # A write that changes no wave keeps the tuple, and DRS never loses a job.
        if before.waves is not watched.sound_waves:
            unsound = sum(not self._is_sound(wave) for wave in before.waves)
            watched.sound_waves = None if unsound else before.waves

    def look_us(self, request_id: str) -> int | None:
        """Return when the look of an invocation's polls began: its own, or that which invoked it."""
        look = self._looks.get(request_id)
        return self._looked_us.get(request_id) if look is None else look.at_us

    def _count_end(self, event: events.ItemChanged, now: ExecutionView) -> None:
        if now.status in TERMINAL and now.status is not ExecutionStatus.TIMEOUT:
            is_late = event.at_us > self._truth.times_out_us(now)
            self.counts[figures.ENDED_OVERDUE] += is_late and self._truth.final_us(now) < NEVER_US

    def _is_sound(self, wave: WaveView) -> bool:
        """Whether a wave is finished, has a job that DRS knows, or waits for its turn; otherwise count it."""
        if wave.finished:
            return True
        if wave.job_id is not None:
            figure, is_sound = figures.WAVES_WITH_UNKNOWN_JOB, self._truth.job(wave) is not None
        else:
            waits = wave.status is WaveStatus.PENDING and wave.job_status is None
            figure, is_sound = figures.WAVES_WITHOUT_JOB_ID, waits
        self.counts[figure] += not is_sound
        return is_sound
