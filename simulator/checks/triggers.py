"""The trigger: the schedule's ticks, and the finder invocations that they start."""

from drsim.simulator.checks.monitor import Monitor, seconds
from drsim.simulator.events import FINDER, Invoked, LambdaStarted, TickFired


class TriggerCadence(Monitor):
    """The schedule fires on time, and each tick starts the finder once."""

    name = "trigger-cadence"
    rule = "Ticks come at the rule's rate, none missing and none twice, and each starts the finder in time."

    def prepare(self) -> None:
        self._due_us = self.context.spec.schedule.first
        self._unanswered: int | None = None
        self._waiting: dict[str, int] = {}

    def _on_tick(self, event: TickFired) -> None:
        self.checked += 1
        jitter_us, rate_us = self.context.spec.bounds.tick_jitter, self.context.spec.schedule.rate
        off_us = event.at_us - self._due_us
        if abs(off_us) > jitter_us:
            expected = f"tick {event.number} within {seconds(jitter_us)} of its minute"
            observed = f"{seconds(abs(off_us))} {'late' if off_us > 0 else 'early'}"
            self.violate_at("", event.at_us, expected, observed)
        self._check_answered(event.at_us)
        self._unanswered = event.at_us
        # The next tick is due on the rule's own minute, however late this one was. A tick that is early by more than a
        # quarter of the interval is one too many, and the due one is still to come.
        self._due_us += ((off_us + rate_us // 4) // rate_us + 1) * rate_us

    def _on_invoked(self, event: Invoked) -> None:
        if event.function == FINDER and not event.by:
            if self._unanswered is None and not self.context.excuses("", event.at_us):
                self.violate_at("", event.at_us, "one invocation of the finder for each tick", "one without a tick")
            self._unanswered = None
            self._waiting[event.request_id] = event.at_us

    def _on_started(self, event: LambdaStarted) -> None:
        invoked_us = self._waiting.pop(event.request_id, None)
        if invoked_us is None:
            return
        delay_us, bound_us = event.at_us - invoked_us, self.context.spec.bounds.start_delay
        if delay_us > bound_us and not self.context.excuses("", invoked_us):
            expected = f"the finder starts within {seconds(bound_us)}"
            self.violate_at("", event.at_us, expected, f"after {seconds(delay_us)}")

    def finish(self, end_us: int) -> None:
        """Judge ticks that never came or started nothing."""
        bounds = self.context.spec.bounds
        if end_us > self._due_us + bounds.tick_jitter:
            self.violate_at("", end_us, f"a tick at {seconds(self._due_us)}", "none until the end")
        if self._unanswered is not None and self._unanswered < end_us:
            self._check_answered(end_us)
        for invoked_us in self._waiting.values():
            if end_us - invoked_us > bounds.start_delay and not self.context.excuses("", invoked_us):
                self.violate_at("", end_us, f"the finder invoked at {seconds(invoked_us)} starts", "it never did")

    def _check_answered(self, at_us: int) -> None:
        if self._unanswered is not None and not self.context.excuses("", self._unanswered):
            self.violate_at("", at_us, f"the tick at {seconds(self._unanswered)} invokes the finder", "it did not")
