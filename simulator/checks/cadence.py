"""Cadence: ticks start the finder on time, it looks on time, and executions are polled when due, not early or late."""

from bisect import bisect_left
from dataclasses import dataclass

from drsim.orchestrator.model import TERMINAL, JobStatus, Phase, ServerStatus
from drsim.simulator import events
from drsim.simulator.checks.monitor import Monitor, same_waves, seconds
from drsim.simulator.contract.limits import JudgedLimits
from drsim.simulator.durations import plural
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.reader import ExecutionView, WaveView

_IDLE_SERVERS = frozenset({ServerStatus.NOT_STARTED, ServerStatus.PENDING})


def phase(execution: ExecutionView, limits: JudgedLimits) -> Phase:
    """An execution's phase by the contract: that of its unfinished wave with the shortest interval."""
    found = [_phase_of(wave) for wave in execution.waves if not wave.finished]
    return min(found, key=limits.rank, default=Phase.PENDING)


def _phase_of(wave: WaveView) -> Phase:
    if any(server.status not in _IDLE_SERVERS for server in wave.servers):
        return Phase.IN_PROGRESS
    return Phase.STARTED if wave.job_status in (JobStatus.STARTED, JobStatus.COMPLETED) else Phase.PENDING


class TriggerCadence(Monitor):
    name = "trigger-cadence"
    rule = "Ticks come at the rule's rate, none missing and none twice, and each starts the finder in time."

    def prepare(self) -> None:
        self._due_us = self.spec.schedule.first
        # The last tick that has not invoked the finder yet, and the finder invocations that have not started.
        self._unanswered: int | None = None
        self._waiting: dict[str, int] = {}

    def _on_tick(self, event: events.TickFired) -> None:
        self.checked += 1
        jitter_us, rate_us = self.bounds.tick_jitter, self.spec.schedule.rate
        off_us = event.at_us - self._due_us
        if abs(off_us) > jitter_us:
            off = f"{seconds(abs(off_us))} {'late' if off_us > 0 else 'early'}"
            self.violate_at("", event.at_us, f"tick {event.number} within {seconds(jitter_us)} of its minute", off)
        self._check_answered(event.at_us)
        self._unanswered = event.at_us
        # The next tick is due on the rule's own minute, however late this one was. A tick that is early by more than a
        # quarter of the interval is one too many, and the due one is still to come.
        self._due_us += ((off_us + rate_us // 4) // rate_us + 1) * rate_us

    def _on_invoked(self, event: events.Invoked) -> None:
        if event.function == FINDER and not event.by:
            if self._unanswered is None and not self.context.excuses("", event.at_us):
                self.violate_at("", event.at_us, "one invocation of the finder for each tick", "one without a tick")
            self._unanswered = None
            self._waiting[event.request_id] = event.at_us

    def _on_started(self, event: events.LambdaStarted) -> None:
        invoked_us = self._waiting.pop(event.request_id, None)
        if invoked_us is None:
            return
        delay_us, bound_us = event.at_us - invoked_us, self.bounds.start_delay
        if delay_us > bound_us and not self.context.excuses("", invoked_us):
            expected = f"the finder starts within {seconds(bound_us)}"
            self.violate_at("", event.at_us, expected, f"after {seconds(delay_us)}")

    def finish(self, end_us: int) -> None:
        if end_us > self._due_us + self.bounds.tick_jitter:
            self.violate_at("", end_us, f"a tick at {seconds(self._due_us)}", "none until the end")
        if self._unanswered is not None and self._unanswered < end_us:
            self._check_answered(end_us)
        for invoked_us in self._waiting.values():
            if end_us - invoked_us > self.bounds.start_delay and not self.context.excuses("", invoked_us):
                self.violate_at("", end_us, f"the finder invoked at {seconds(invoked_us)} starts", "it never did")

    def _check_answered(self, at_us: int) -> None:
        if self._unanswered is not None and not self.context.excuses("", self._unanswered):
            self.violate_at("", at_us, f"the tick at {seconds(self._unanswered)} invokes the finder", "it did not")


@dataclass(slots=True)
class _Waiting:
    """An execution in POLLING since its last poll's look, or since it came to POLLING.

    The index surely shows it from `visible_us` on. The intervals are the present one and its extremes since.
    """

    since_us: int
    visible_us: int
    polled: bool
    every_us: int
    shortest_us: int
    longest_us: int
    held_us: int


@dataclass(slots=True)
class _FinderInvocation:
    """A running finder: when it began, and how often and when last it looked (None before its first look)."""

    began_us: int
    looks_count: int = 0
    looked_us: int | None = None
    # How long faults may have delayed the end of the present look's query.
    held_us: int = 0


class PollCadence(Monitor):
    name = "poll-cadence"
    rule = (
        "The finder looks as often as configured, no execution is polled early, and each due execution is polled at "
        "the next look."
    )

    def prepare(self) -> None:
        spec, plan = self.spec, self.plan
        self._looks: list[int] = []
        self._finders: dict[str, _FinderInvocation] = {}
        # The look that caused each running poll, and how long faults may have delayed that, by the poll's request.
        self._dispatched_us: dict[str, tuple[int, int]] = {}
        self._waiting: dict[str, _Waiting] = {}
        # The finder counts from before its query, the trace from after it; without slack that may cost a look.
        query_us = max(spec.latencies.query_cold.high_us, spec.latencies.query_warm.high_us)
        # A finder that faults delay looks at odd times, and the trace sees a look when its query has ended.
        self._early_us = spec.bounds.early + (query_us + 2 * plan.skew_us if plan.rules else 0)
        self._together_us = 2_000_000 if plan.rules else 0
        self._unsure_us = max(query_us + plan.skew_us - self.limits.slack_us, 0)

    def _on_fault(self, event: events.FaultInjected) -> None:
        finder = self._finders.get(event.request_id)
        if finder is not None and event.operation == "Query":
            # Up to three attempts, and the waits between them.
            finder.held_us += 3 * event.delay_us + 5_000_000

    def _on_started(self, event: events.LambdaStarted) -> None:
        if event.function == FINDER:
            self._finders[event.request_id] = _FinderInvocation(event.at_us)

    def _on_look(self, event: events.IndexRead) -> None:
        if not event.first_page:
            return
        self._looks.append(event.at_us)
        finder = self._finders.setdefault(event.request_id, _FinderInvocation(event.at_us))
        due_us = finder.began_us + finder.looks_count * self.limits.look_distance_us
        bound_us = self.bounds.start_delay
        finder.looks_count += 1
        finder.looked_us = event.at_us
        if not 0 <= event.at_us - due_us <= bound_us and not self.context.excuses("", finder.began_us):
            expected = f"look {finder.looks_count} of the finder from {seconds(due_us)} on, within {seconds(bound_us)}"
            self.violate_at("", event.at_us, expected, f"at {seconds(event.at_us)}")

    def _on_invoked(self, event: events.Invoked) -> None:
        if event.function == POLLER:
            finder = self._finders.get(event.by) or _FinderInvocation(event.at_us)
            looked_us = event.at_us if finder.looked_us is None else finder.looked_us
            self._dispatched_us[event.request_id] = looked_us, finder.held_us

    def _on_ended(self, event: events.LambdaEnded) -> None:
        if event.function == POLLER:
            # Lambda may deliver a failed poll again, for the same look.
            if event.outcome == "ok":
                self._dispatched_us.pop(event.request_id, None)
            return
        finder, looks_count = self._finders.pop(event.request_id, None), self.limits.looks
        # Other properties judge failures. A finder may skip a look only if it lasted until no new work may begin.
        if finder is not None and event.outcome == "ok" and finder.looks_count < looks_count:
            work_us = self.spec.functions.finder.timeout - self.limits.reserve_us
            if event.duration_us + self.plan.skew_us < work_us:
                expected = f"{plural(looks_count, 'look')} in an invocation of the finder"
                self.violate_at("", event.at_us, expected, str(finder.looks_count))

    def _on_change(self, event: events.ItemChanged) -> None:
        execution_id, now = event.execution_id, event.execution
        waiting = self._waiting.get(execution_id)
        look_us, held_us = self._dispatched_us.get(event.request_id, (None, 0))
        if waiting is not None and look_us is not None:
            self._judge(event, waiting, look_us)
        if now is None or not now.owes_polls:
            self._waiting.pop(execution_id, None)
            return
        if waiting is not None and same_waves(event.previous, now):
            every_us = waiting.every_us
        else:
            every_us = self._interval_us(now)
        if waiting is None or look_us is not None:
            since_us = event.at_us if look_us is None else look_us
            visible_us = event.at_us + self.spec.table.index_lag.high_us
            polled = look_us is not None
            self._waiting[execution_id] = _Waiting(since_us, visible_us, polled, every_us, every_us, every_us, held_us)
        else:
            waiting.every_us = every_us
            waiting.shortest_us = min(waiting.shortest_us, every_us)
            waiting.longest_us = max(waiting.longest_us, every_us)

    def _interval_us(self, execution: ExecutionView) -> int:
        intervals = self.limits.intervals_us
        return 0 if intervals is None else intervals[phase(execution, self.limits)]

    def _judge(self, event: events.ItemChanged, waiting: _Waiting, look_us: int) -> None:
        self.checked += 1
        waited_us, least_us = look_us - waiting.since_us, waiting.shortest_us - self._early_us
        if waiting.polled and waited_us + waiting.held_us < least_us:
            self.violate(event, f"at least {seconds(least_us)} between polls", seconds(waited_us))
        first_us = self._first_look_us(event.execution_id, waiting)
        # Of two finders that look at nearly the same time, either may come first.
        if first_us is not None and look_us > first_us + self._together_us:
            self.violate(event, self._by_look(first_us), f"polled by the look at {seconds(look_us)}")
        elif event.at_us - look_us > self.bounds.poll_delay and not self.context.excuses(event.execution_id, look_us):
            expected = f"a poll recorded within {seconds(self.bounds.poll_delay)} of its look"
            self.violate(event, expected, seconds(event.at_us - look_us))

    def _first_look_us(self, execution_id: str, waiting: _Waiting) -> int | None:
        """The look that must poll the execution; None if there is none yet."""
        due_us = waiting.since_us + (waiting.longest_us + self._unsure_us if waiting.polled else 0)
        due_us = self.context.owed_us(execution_id, max(due_us, waiting.visible_us))
        if self.context.lost(execution_id):
            return None
        index = bisect_left(self._looks, due_us) + self.bounds.looks_missed
        return self._looks[index] if index < len(self._looks) else None

    def _by_look(self, look_us: int) -> str:
        nth = f"number {self.bounds.looks_missed + 1}" if self.bounds.looks_missed else "the first"
        return f"polled by the look at {seconds(look_us)}, {nth} since it was due"

    def finish(self, end_us: int) -> None:
        for execution_id, waiting in self._waiting.items():
            first_us = self._first_look_us(execution_id, waiting)
            if first_us is not None and first_us + self.bounds.poll_delay < end_us:
                self.violate_at(execution_id, end_us, self._by_look(first_us), "not polled until the end")


class NoStarvation(Monitor):
    """Judges by the table alone, so it notices a missing poll of any cause."""

    name = "no-starvation"
    rule = "No execution in POLLING waits for a poll longer than the bound."

    def prepare(self) -> None:
        self._polled_us: dict[str, int] = {}
        # Twice the longest interval, and at least one lost look; half a minute for the poll itself.
        usual_us = 2 * max(self.limits.longest_interval_us, self.spec.schedule.rate) + 30_000_000
        self._bound_us = usual_us if self.bounds.poll_gap is None else self.bounds.poll_gap

    def _on_change(self, event: events.ItemChanged) -> None:
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
        for execution_id, polled_us in self._polled_us.items():
            self._check(execution_id, polled_us, end_us)

    def _check(self, execution_id: str, polled_us: int, now_us: int) -> None:
        self.checked += 1
        waited_us = now_us - self.context.owed_us(execution_id, polled_us)
        if waited_us > self._bound_us and not self.context.lost(execution_id):
            expected = f"a poll within {seconds(self._bound_us)}"
            self.violate_at(execution_id, now_us, expected, f"none for {seconds(waited_us)}")
