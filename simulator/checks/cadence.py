"""Cadence: the finder looks on time, and executions are polled when due, not early or late.

A look is a finder's query for open executions: each of its words once, with every page. A poll is one execution's part
of an invocation, however often that writes.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Final

from drsim.simulator import events
from drsim.simulator.checks.monitor import Consequence, Monitor, ViolationKind, same_waves, seconds
from drsim.simulator.checks.phases import phase
from drsim.simulator.checks.repeats import Repeats
from drsim.simulator.durations import plural
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.faults.plan import longest_call_us
from drsim.simulator.reader import ExecutionView

_LATE: Final = Consequence.LATENESS
LOOK_OFF: Final = ViolationKind(
    "look at another time", _LATE, "Looks come at other times than configured, and so do polls."
)
LOOK_MISSING: Final = ViolationKind(
    "look missing", _LATE, "An invocation of the finder polls nothing, and reports success."
)
EARLY: Final = ViolationKind(
    "polled early", Consequence.PROMISE, "DRS is asked more often than promised, within its quotas."
)
PASSED_OVER: Final = ViolationKind(
    "passed over by a look", _LATE, "An execution that is due waits; its record grows stale."
)
SLOW_POLL: Final = ViolationKind("slow poll", _LATE, "What a look found reaches the record long afterwards.")
UNPOLLED: Final = ViolationKind(
    "no longer polled", Consequence.NO_END, "The execution never ends, for no function polls it."
)


@dataclass(slots=True)
class _Look:
    """One look: when its first page and its last one so far were read, and the words asked for.

    `held_us` is how long faults may have delayed its first page, and `place` the line of the handler's file.
    """

    at_us: int
    read_us: int
    held_us: int = 0
    words: set[str] = field(default_factory=set)
    place: str = ""


@dataclass(slots=True)
class _FinderInvocation:
    """A running finder: when it began, its looks, and the present one (None before the first)."""

    began_us: int
    looks_count: int = 0
    look: _Look | None = None
    held_us: int = 0
    asked: bool = False


@dataclass(slots=True)
class _Polls:
    """The polls that a running invocation makes for one look: the executions that it wrote, and its last write.

    `named` are the executions of its payload; a finder that polls by itself polls all. `asked` is whether it asked DRS.
    """

    look: _Look
    named: tuple[str, ...] | None = None
    asked: bool = False
    written: set[str] = field(default_factory=set)
    wrote_us: int = 0


@dataclass(slots=True)
class _Waiting:
    """An execution that is open since its last poll's look, or since it was opened.

    That poll wrote it last at `wrote_us`, and the index surely shows it from `visible_us` on. The intervals are the
    present one and its extremes since.
    """

    since_us: int
    wrote_us: int
    visible_us: int
    polled: bool
    every_us: int
    shortest_us: int
    longest_us: int
    held_us: int

    def polled_at(self, look: _Look, at_us: int, visible_us: int) -> "_Waiting":
        """Return the wait that begins with a poll."""
        every = (self.every_us, self.every_us, self.every_us)
        return _Waiting(look.at_us, at_us, visible_us, True, *every, look.held_us)

    def change(self, every_us: int) -> None:
        self.every_us = every_us
        self.shortest_us = min(self.shortest_us, every_us)
        self.longest_us = max(self.longest_us, every_us)


def _is_poll(event: events.ItemChanged, polls: _Polls) -> bool:
    """Return whether a write belongs to a poll: an invocation that only writes an end that another found makes none."""
    before, now = event.previous, event.execution
    if polls.asked or polls.written or before is None or now is None or now.owes_polls:
        return True
    return not same_waves(before, now) or before.last_polled_us != now.last_polled_us


class PollCadence(Monitor):
    name = "poll-cadence"
    rule = (
        "The finder looks as often as configured, no execution is polled early, and each due execution is polled at "
        "the next look."
    )

    def prepare(self) -> None:
        spec, plan, limits, latencies = self.spec, self.plan, self.limits, self.spec.latencies
        self._looks: list[int] = []
        self._finders: dict[str, _FinderInvocation] = {}
        # By the request of a running invocation; a poller's are known from its dispatch on.
        self._polls: dict[str, _Polls] = {}
        self._repeats = Repeats()
        self._waiting: dict[str, _Waiting] = {}
        # The finder counts from before its query, the trace from after it; without slack that may cost a look.
        query_us = max(latencies.query_cold.high_us, latencies.query_warm.high_us)
        jitter_us = query_us - min(latencies.query_cold.low_us, latencies.query_warm.low_us)
        self._early_us = max(spec.bounds.early, limits.slack_us) + jitter_us + 2 * plan.skew_us
        self._together_us = 2_000_000 if plan.rules else 0
        self._unsure_us = max(query_us + plan.skew_us - limits.slack_us, 0)
        self._decider = self.contract.promises.decides_due
        # A team that keeps no time of the last poll may write only what changes.
        self._may_write_nothing = self.contract.execution.last_polled is None
        self._looks_promised = "looks" in self.contract.limits.model_fields_set

    # --- looks ----------------------------------------------------------------------------------------------------

    def _on_fault(self, event: events.FaultInjected) -> None:
        self._repeats.fault(event)
        finder = self._finders.get(event.request_id)
        if finder is not None and event.operation == "Query" and event.holds_up:
            finder.held_us += longest_call_us(event.delay_us)

    def _on_started(self, event: events.LambdaStarted) -> None:
        if event.function == FINDER:
            self._finders[event.request_id] = _FinderInvocation(event.at_us)

    def _on_read(self, event: events.IndexRead) -> None:
        finder = self._finders.setdefault(event.request_id, _FinderInvocation(event.at_us))
        look = finder.look
        if look is not None and not (event.first_page and event.word in look.words):
            look.read_us = event.at_us
            look.words.add(event.word)
        elif event.first_page:
            self._looks.append(event.at_us)
            finder.look = _Look(event.at_us, event.at_us, finder.held_us, {event.word}, event.place)
            finder.looks_count += 1
            finder.held_us = 0
            if self._looks_promised:
                self._check_look(event, finder)

    def _check_look(self, event: events.IndexRead, finder: _FinderInvocation) -> None:
        due_us = finder.began_us + (finder.looks_count - 1) * self.limits.look_distance_us
        bound_us, skew_us = self.bounds.start_delay, self.plan.skew_us
        # A clock that is corrected during the invocation moves its later looks.
        if -skew_us <= event.at_us - due_us <= bound_us + skew_us or self.context.excuses("", finder.began_us):
            return
        expected = f"look {finder.looks_count} of the finder from {seconds(due_us)} on, within {seconds(bound_us)}"
        self.violate_at("", event.at_us, expected, f"at {seconds(event.at_us)}", LOOK_OFF, "Query")

    def _on_invoked(self, event: events.Invoked) -> None:
        self._repeats.invoked(event)
        if event.function == POLLER:
            finder = self._finders.get(event.by)
            look = None if finder is None else finder.look
            look = look or _Look(event.at_us, event.at_us)
            self._polls[event.request_id] = _Polls(look, event.batch or (event.execution_id,))

    def _on_described(self, event: events.JobsDescribed) -> None:
        finder = self._finders.get(event.request_id)
        if finder is not None:
            finder.asked = True
        polls = self._polls.get(event.request_id)
        if polls is not None:
            polls.asked = True

    def _on_ended(self, event: events.LambdaEnded) -> None:
        polls = self._polls_of(event.request_id)
        if polls is not None and event.outcome == "ok" and self._may_write_nothing:
            self._end_unwritten(event, polls)
        finder = self._finders.pop(event.request_id, None)
        self._repeats.ended(event.request_id, retried=event.outcome != "ok" and event.function == POLLER)
        self._polls.pop(event.request_id, None)
        if event.function == POLLER:
            # Lambda may deliver a failed poll again, for the same look.
            if polls is not None and event.outcome != "ok":
                self._polls[event.request_id] = _Polls(polls.look, polls.named)
        elif finder is not None and event.outcome == "ok":
            self._check_looks(event, finder)

    def _end_unwritten(self, event: events.LambdaEnded, polls: _Polls) -> None:
        """Take the executions of which a poll had nothing to write as polled."""
        for execution_id in [*self._waiting] if polls.named is None else polls.named:
            waiting = self._waiting.get(execution_id)
            if waiting is not None and execution_id not in polls.written:
                self._judge(event, execution_id, waiting, polls)
                self._waiting[execution_id] = waiting.polled_at(polls.look, event.at_us, waiting.visible_us)

    def _check_looks(self, event: events.LambdaEnded, finder: _FinderInvocation) -> None:
        # Other properties judge failures. A finder may skip a look only if it lasted until no new work may begin.
        looks_count = self.limits.looks if self._looks_promised else 1
        work_us = self.spec.functions.finder.timeout - self.limits.reserve_us
        # Without a promise a finder may log the error of a query, and end well.
        is_excused = finder.held_us > 0 and not self._looks_promised
        if finder.looks_count >= looks_count or event.duration_us + self.plan.skew_us >= work_us or is_excused:
            return
        expected = f"{plural(looks_count, 'look')} in an invocation of the finder"
        self.violate(event, expected, str(finder.looks_count), LOOK_MISSING, "Query")

    # --- polls ----------------------------------------------------------------------------------------------------

    def _on_change(self, event: events.ItemChanged) -> None:
        execution_id, now = event.execution_id, event.execution
        waiting, polls = self._waiting.get(execution_id), self._polls_of(event.request_id)
        if polls is not None and not _is_poll(event, polls):
            polls = None
        is_first = polls is not None and execution_id not in polls.written
        if waiting is not None and polls is not None and is_first:
            self._judge(event, execution_id, waiting, polls)
        if polls is not None:
            polls.written.add(execution_id)
            polls.wrote_us = event.at_us
        if now is None or not now.owes_polls:
            self._waiting.pop(execution_id, None)
            return
        if waiting is not None and same_waves(event.previous, now):
            every_us = waiting.every_us
        else:
            every_us = self._interval_us(now)
        visible_us = event.at_us + self.spec.table.index_lag.high_us
        if waiting is None:
            waiting = _Waiting(event.at_us, event.at_us, visible_us, False, every_us, every_us, every_us, 0)
        if polls is not None and is_first:
            waiting.every_us = every_us
            waiting = waiting.polled_at(polls.look, event.at_us, visible_us)
        else:
            waiting.change(every_us)
            if polls is not None:
                waiting.wrote_us, waiting.visible_us = event.at_us, visible_us
        self._waiting[execution_id] = waiting

    def _polls_of(self, request_id: str) -> _Polls | None:
        """Return the polls to which a write of this invocation belongs: a finder's only if it polls by itself."""
        finder = self._finders.get(request_id)
        polls = self._polls.get(request_id)
        if finder is None or finder.look is None or not (finder.asked or self.context.finder_polls):
            return polls
        if polls is None or polls.look is not finder.look:
            polls = self._polls[request_id] = _Polls(finder.look)
        return polls

    def _interval_us(self, execution: ExecutionView) -> int:
        intervals = self.limits.intervals_us
        return 0 if intervals is None else intervals[phase(execution, self.limits)]

    def _judge(
        self, event: events.ItemChanged | events.LambdaEnded, execution_id: str, waiting: _Waiting, polls: _Polls
    ) -> None:
        self.checked += 1
        look = polls.look
        if self._decider == "finder":
            waited_us = look.read_us - waiting.since_us
        else:
            # The poller may decide at any time before it writes.
            waited_us = event.at_us - waiting.since_us
        least_us = waiting.shortest_us - self._early_us
        is_judged = self.contract.promises.once or event.request_id not in self._repeats
        if waiting.polled and self._decider != "nothing" and is_judged and waited_us + waiting.held_us < least_us:
            expected = f"at least {seconds(least_us)} between polls"
            self._violate(event, execution_id, expected, seconds(waited_us), EARLY)
        first_us, delay_us = self._first_look_us(execution_id, waiting), self.bounds.poll_delay
        # An invocation with several polls makes one after another.
        took_us = event.at_us - max(look.at_us, polls.wrote_us)
        # Of two finders that look at nearly the same time, either may come first.
        if first_us is not None and look.at_us > first_us + self._together_us:
            observed = f"polled by the look at {seconds(look.at_us)}"
            if waiting.polled:
                observed += f"; passed over {seconds(first_us - waiting.since_us)} after the look of its last poll"
            # The look that passed it over was made at the same line as this one.
            by_finder = (FINDER, look.place) if self._decider != "poller" else ()
            self._violate(event, execution_id, self._by_look(first_us), observed, PASSED_OVER, *by_finder)
        elif took_us > delay_us and not self.context.excuses(execution_id, look.at_us):
            expected = f"a poll recorded within {seconds(delay_us)} of its look"
            self._violate(event, execution_id, expected, seconds(took_us), SLOW_POLL)

    def _violate(
        self,
        event: events.ItemChanged | events.LambdaEnded,
        execution_id: str,
        expected: str,
        observed: str,
        kind: ViolationKind,
        *by: str,
    ) -> None:
        """Record a violation by the given function and line, or else by what the event shows of this execution."""
        if by or event.execution_id != execution_id:
            self.violate_at(execution_id, event.at_us, expected, observed, kind, "poll", *by)
        else:
            self.violate(event, expected, observed, kind, "poll")

    def _first_look_us(self, execution_id: str, waiting: _Waiting) -> int | None:
        """The look that must poll the execution; None if there is none yet, or if none must."""
        due_us = self._due_us(waiting)
        if due_us is None or self.context.lost(execution_id):
            return None
        index = bisect_left(self._looks, self.context.owed_us(execution_id, due_us)) + self.bounds.looks_missed
        return self._looks[index] if index < len(self._looks) else None

    def _due_us(self, waiting: _Waiting) -> int | None:
        """When the execution is due at the latest; None if that is not known."""
        if self._decider == "nothing":
            return waiting.since_us + 1 if waiting.polled else waiting.visible_us
        if self._decider is None or self.limits.intervals_us is None:
            return None
        # The record may hold the look or the write as the last poll.
        since_us = waiting.since_us if self.contract.promises.from_look else waiting.wrote_us
        return max(since_us + waiting.longest_us + self._unsure_us if waiting.polled else 0, waiting.visible_us)

    def _by_look(self, look_us: int) -> str:
        nth = f"number {self.bounds.looks_missed + 1}" if self.bounds.looks_missed else "the first"
        return f"polled by the look at {seconds(look_us)}, {nth} since it was due"

    def finish(self, end_us: int) -> None:
        for execution_id, waiting in self._waiting.items():
            first_us = self._first_look_us(execution_id, waiting)
            if first_us is not None and first_us + self.bounds.poll_delay < end_us:
                observed = "not polled until the end"
                self.violate_at(execution_id, end_us, self._by_look(first_us), observed, UNPOLLED, "poll")
