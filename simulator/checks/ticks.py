"""Ticks: the rule fires on time, and each tick starts the finder."""

from typing import Final

from drsim.simulator import events
from drsim.simulator.checks.monitor import Consequence, Monitor, ViolationKind, seconds
from drsim.simulator.events import FINDER

_LATE: Final = Consequence.LATENESS
TICK_OFF: Final = ViolationKind("tick off its minute", _LATE, "The rule fires at other times than its rate says.")
TICK_UNANSWERED: Final = ViolationKind(
    "tick without an invocation", _LATE, "A tick passes, and no execution is polled in it."
)
UNCAUSED: Final = ViolationKind(
    "invocation without a tick", Consequence.PROMISE, "The rule starts the finder once too often."
)
STARTED_LATE: Final = ViolationKind("late start", _LATE, "The finder starts late, and so does every poll of its looks.")


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
            self.violate_at(
                "", event.at_us, f"tick {event.number} within {seconds(jitter_us)} of its minute", off, TICK_OFF, "Tick"
            )
        self._check_answered(event.at_us)
        self._unanswered = event.at_us
        # The next tick is due on the rule's own minute, however late this one was. A tick that is early by more than a
        # quarter of the interval is one too many, and the due one is still to come.
        self._due_us += ((off_us + rate_us // 4) // rate_us + 1) * rate_us

    def _on_invoked(self, event: events.Invoked) -> None:
        if event.function == FINDER and not event.by:
            if self._unanswered is None and not self.context.excuses("", event.at_us):
                expected = "one invocation of the finder for each tick"
                self.violate_at("", event.at_us, expected, "one without a tick", UNCAUSED, "Invoke")
            self._unanswered = None
            self._waiting[event.request_id] = event.at_us

    def _on_started(self, event: events.LambdaStarted) -> None:
        invoked_us = self._waiting.pop(event.request_id, None)
        if invoked_us is None:
            return
        delay_us, bound_us = event.at_us - invoked_us, self.bounds.start_delay
        if delay_us > bound_us and not self.context.excuses("", invoked_us):
            expected = f"the finder starts within {seconds(bound_us)}"
            self.violate_at("", event.at_us, expected, f"after {seconds(delay_us)}", STARTED_LATE, "Start")

    def finish(self, end_us: int) -> None:
        if end_us > self._due_us + self.bounds.tick_jitter:
            expected = f"a tick at {seconds(self._due_us)}"
            self.violate_at("", end_us, expected, "none until the end", TICK_OFF, "Tick")
        if self._unanswered is not None and self._unanswered < end_us:
            self._check_answered(end_us)
        for invoked_us in self._waiting.values():
            if end_us - invoked_us > self.bounds.start_delay and not self.context.excuses("", invoked_us):
                expected = f"the finder invoked at {seconds(invoked_us)} starts"
                self.violate_at("", end_us, expected, "it never did", STARTED_LATE, "Start")

    def _check_answered(self, at_us: int) -> None:
        if self._unanswered is not None and not self.context.excuses("", self._unanswered):
            expected = f"the tick at {seconds(self._unanswered)} invokes the finder"
            self.violate_at("", at_us, expected, "it did not", TICK_UNANSWERED, "Invoke")
