"""Cadence: the finder looks when it is set to, and each execution is polled when it is due, not before, not later."""

from bisect import bisect_left
from dataclasses import dataclass

from drsim.orchestrator.model import TERMINAL, JobStatus, Phase, ServerStatus
from drsim.orchestrator.settings import Settings
from drsim.simulator.checks.monitor import Monitor, same_waves, seconds
from drsim.simulator.events import (
    FINDER,
    POLLER,
    FaultInjected,
    IndexRead,
    Invoked,
    ItemChanged,
    LambdaEnded,
    LambdaStarted,
)
from drsim.simulator.reader import ExecutionView, WaveView
from drsim.simulator.trace import Trace

_IDLE_SERVERS = frozenset({ServerStatus.NOT_STARTED, ServerStatus.PENDING})


def phase(execution: ExecutionView, settings: Settings) -> Phase:
    """The phase that the contract gives an execution: that of its unfinished wave with the shortest interval."""
    found = [_phase_of(wave) for wave in execution.waves if not wave.finished]
    return min(found, key=lambda each: interval_us(each, settings), default=Phase.PENDING)


def interval_us(phase: Phase, settings: Settings) -> int:
    """How long the contract lets an execution in this phase wait for its next poll."""
    match phase:
        case Phase.PENDING:
            return settings.pending_interval_us
        case Phase.STARTED:
            return settings.started_interval_us
        case Phase.IN_PROGRESS:
            return settings.in_progress_interval_us


def _phase_of(wave: WaveView) -> Phase:
    if any(server.status not in _IDLE_SERVERS for server in wave.servers):
        return Phase.IN_PROGRESS
    return Phase.STARTED if wave.job_status in (JobStatus.STARTED, JobStatus.COMPLETED) else Phase.PENDING


@dataclass(slots=True)
class _Watched:
    """An execution in POLLING.

    `since_us` is its last poll's look, or when it came to POLLING; `visible_us` is when the index shows that for sure.
    `every_us` is its interval now, the two others are the shortest and the longest that it had since.
    """

    since_us: int
    visible_us: int
    polled: bool
    every_us: int
    shortest_us: int
    longest_us: int
    held_us: int = 0


@dataclass(slots=True)
class _Run:
    """One run of the finder: when it began, how often it has looked, and when last; None before its first look."""

    began_us: int
    looks_count: int = 0
    looked_us: int | None = None
    # How much before its query's end the present look may have been, by a fault that held that up.
    held_us: int = 0


class PollCadence(Monitor):
    """Compares a run's looks with those asked for, and each recorded poll's look with the looks there were."""

    name = "poll-cadence"
    rule = (
        "The finder looks as often as it is set to; no execution is polled before its interval has passed, and none "
        "later than the first look at or after it."
    )

    def subscribe(self, trace: Trace) -> None:
        spec, settings = self.context.spec, self.context.settings
        self._looks: list[int] = []
        missed = spec.bounds.looks_missed
        self._nth = f"number {missed + 1}" if missed else "the first"
        self._runs: dict[str, _Run] = {}
        self._dispatched_us: dict[str, int] = {}
        self._held_us: dict[str, int] = {}
        self._watched: dict[str, _Watched] = {}
        self._lag_us = spec.table.index_lag.high_us
        # The finder counts from before its query, the trace from behind it; without slack that may cost a look.
        query_us = max(spec.latencies.query_cold.high_us, spec.latencies.query_warm.high_us)
        plan = self.context.plan
        # A finder that faults hold up looks at odd times, and the trace sees a look when its query has ended.
        self._early_us = spec.bounds.early + (query_us + 2 * plan.skew_us if plan.rules else 0)
        self._together_us = 2_000_000 if plan.rules else 0
        self._unsure_us = max(query_us + plan.skew_us - settings.due_slack_us, 0)
        trace.listen(LambdaStarted, self._on_started)
        trace.listen(IndexRead, self._on_look)
        trace.listen(Invoked, self._on_invoked)
        trace.listen(ItemChanged, self._on_change)
        trace.listen(FaultInjected, self._on_fault)
        trace.listen(LambdaEnded, self._on_ended)

    def _on_fault(self, event: FaultInjected) -> None:
        run = self._runs.get(event.request_id)
        if run is not None and event.operation == "Query":
            # Up to three attempts, and the waits between them.
            run.held_us += 3 * event.delay_us + 5_000_000

    def _on_started(self, event: LambdaStarted) -> None:
        if event.function == FINDER:
            self._runs[event.request_id] = _Run(event.at_us)

    def _on_look(self, event: IndexRead) -> None:
        if not event.first_page:
            return
        self._looks.append(event.at_us)
        run = self._runs.setdefault(event.request_id, _Run(event.at_us))
        due_us = run.began_us + run.looks_count * self.context.settings.sweep_us
        bound_us = self.context.spec.bounds.start_delay
        run.looks_count += 1
        run.looked_us = event.at_us
        if not 0 <= event.at_us - due_us <= bound_us and not self.context.excuses("", run.began_us):
            expected = f"look {run.looks_count} of the finder from {seconds(due_us)} on, within {seconds(bound_us)}"
            self.violate("", event.at_us, expected, f"at {seconds(event.at_us)}")

    def _on_invoked(self, event: Invoked) -> None:
        if event.function == POLLER:
            run = self._runs.get(event.by)
            looked_us = None if run is None else run.looked_us
            self._dispatched_us[event.request_id] = event.at_us if looked_us is None else looked_us
            if run is not None and run.held_us:
                self._held_us[event.request_id] = run.held_us

    def _on_ended(self, event: LambdaEnded) -> None:
        if event.function == POLLER:
            # One that failed may be delivered again, with the same look in its hands.
            if event.outcome == "ok":
                self._dispatched_us.pop(event.request_id, None)
                self._held_us.pop(event.request_id, None)
            return
        run, looks_count = self._runs.pop(event.request_id, None), self.context.settings.sweeps_per_invocation
        # A run that fails shows by other means; one that calls itself done must have looked.
        if run is not None and event.outcome == "ok" and run.looks_count < looks_count and not self._out_of_time(event):
            self.violate("", event.at_us, f"{looks_count} looks in a run of the finder", str(run.looks_count))

    def _out_of_time(self, event: LambdaEnded) -> bool:
        """Whether a run of the finder lasted until no new work may begin: only that lets it leave a look out."""
        context = self.context
        work_us = context.spec.functions.finder.timeout - context.settings.deadline_reserve_us
        return event.duration_us + context.plan.skew_us >= work_us

    def _on_change(self, event: ItemChanged) -> None:
        execution_id, now = event.execution_id, event.execution
        watched = self._watched.get(execution_id)
        look_us = self._dispatched_us.get(event.request_id)
        if watched is not None and look_us is not None:
            self._judge(event, watched, look_us)
        if now is None or not now.owes_polls:
            self._watched.pop(execution_id, None)
            return
        if watched is not None and same_waves(event.previous, now):
            every_us = watched.every_us
        else:
            settings = self.context.settings
            every_us = interval_us(phase(now, settings), settings)
        if watched is None or look_us is not None:
            since_us = event.at_us if look_us is None else look_us
            visible_us = event.at_us + self._lag_us
            polled = look_us is not None
            held_us = self._held_us.get(event.request_id, 0)
            self._watched[execution_id] = _Watched(since_us, visible_us, polled, every_us, every_us, every_us, held_us)
        else:
            watched.every_us = every_us
            watched.shortest_us = min(watched.shortest_us, every_us)
            watched.longest_us = max(watched.longest_us, every_us)

    def _judge(self, event: ItemChanged, watched: _Watched, look_us: int) -> None:
        self.checked += 1
        bounds = self.context.spec.bounds
        waited_us = look_us - watched.since_us
        if watched.polled and waited_us + watched.held_us < watched.shortest_us - self._early_us:
            expected = f"at least {seconds(watched.shortest_us - self._early_us)} between polls"
            self.violate(event.execution_id, event.at_us, expected, seconds(waited_us))
        first_us = self._first_look_us(event.execution_id, watched)
        # Of two finders that look at nearly the same time, either may come first.
        if first_us is not None and look_us > first_us + self._together_us:
            expected = f"polled by the look at {seconds(first_us)}, {self._nth} since it was due"
            self.violate(event.execution_id, event.at_us, expected, f"polled by the look at {seconds(look_us)}")
        elif event.at_us - look_us > bounds.poll_delay and not self.context.excuses(event.execution_id, look_us):
            expected = f"a poll recorded within {seconds(bounds.poll_delay)} of its look"
            self.violate(event.execution_id, event.at_us, expected, seconds(event.at_us - look_us))

    def _first_look_us(self, execution_id: str, watched: _Watched) -> int | None:
        due_us = watched.since_us + (watched.longest_us + self._unsure_us if watched.polled else 0)
        due_us = self.context.owed_us(execution_id, max(due_us, watched.visible_us))
        if self.context.lost(execution_id):
            return None
        place = bisect_left(self._looks, due_us) + self.context.spec.bounds.looks_missed
        return self._looks[place] if place < len(self._looks) else None

    def finish(self, end_us: int) -> None:
        """Executions that were due at a look and were not polled since."""
        for execution_id, watched in self._watched.items():
            first_us = self._first_look_us(execution_id, watched)
            if first_us is not None and first_us + self.context.spec.bounds.poll_delay < end_us:
                expected = f"polled by the look at {seconds(first_us)}, {self._nth} since it was due"
                self.violate(execution_id, end_us, expected, "not polled until the end")


class NoStarvation(Monitor):
    """Reads the table alone, so it notices a missing poll whatever the cause."""

    name = "no-starvation"
    rule = "No execution in POLLING goes without a poll for longer than the bound."

    def subscribe(self, trace: Trace) -> None:
        self._polled_us: dict[str, int] = {}
        spec, settings = self.context.spec, self.context.settings
        longest_us = max(settings.pending_interval_us, settings.started_interval_us, settings.in_progress_interval_us)
        # Twice the longest interval, and at least one lost look; half a minute for the poll itself.
        usual_us = 2 * max(longest_us, spec.schedule.rate) + 30_000_000
        self._bound_us = usual_us if spec.bounds.poll_gap is None else spec.bounds.poll_gap
        trace.listen(ItemChanged, self._on_change)

    def _on_change(self, event: ItemChanged) -> None:
        now = event.execution
        if event.after is None or (now is not None and now.status in TERMINAL):
            polled_us = self._polled_us.pop(event.execution_id, None)
            if polled_us is not None:
                self._check(event.execution_id, polled_us, event.at_us)
        elif now is not None and now.owes_polls:
            if event.request_id and event.execution_id in self._polled_us:
                self._check(event.execution_id, self._polled_us[event.execution_id], event.at_us)
                self._polled_us[event.execution_id] = event.at_us
            else:
                self._polled_us.setdefault(event.execution_id, event.at_us)

    def finish(self, end_us: int) -> None:
        """Executions that wait still."""
        for execution_id, polled_us in self._polled_us.items():
            self._check(execution_id, polled_us, end_us)

    def _check(self, execution_id: str, polled_us: int, now_us: int) -> None:
        self.checked += 1
        bound_us = self._bound_us
        polled_us = self.context.owed_us(execution_id, polled_us)
        if now_us - polled_us > bound_us and not self.context.lost(execution_id):
            self.violate(
                execution_id, now_us, f"a poll within {seconds(bound_us)}", f"none for {seconds(now_us - polled_us)}"
            )
