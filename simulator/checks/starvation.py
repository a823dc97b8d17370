"""Starvation: no open execution waits long for a poll, whatever the cause."""

from typing import Final

from drsim.simulator import events
from drsim.simulator.checks.cadence import UNPOLLED
from drsim.simulator.checks.monitor import Consequence, Monitor, ViolationKind, seconds
from drsim.simulator.contract.limits import JudgedLimits
from drsim.simulator.events import FINDER
from drsim.simulator.spec.world import WorldSpec

STARVED: Final = ViolationKind(
    "starved", Consequence.LATENESS, "An open execution is not polled, and its record grows stale."
)


def usual_gap_us(limits: JudgedLimits, rate_us: int) -> int:
    """Return the longest interval, rounded up to looks: with one look a minute 45 s take a minute in effect."""
    looks_us = rate_us - (limits.looks - 1) * limits.look_distance_us
    return max(-(-limits.longest_interval_us // looks_us), 1) * looks_us


def gap_bound_us(spec: WorldSpec, limits: JudgedLimits) -> int:
    """Return how long an open execution may wait for a poll.

    By default that is twice the usual gap, so that one look may be lost, and half a minute for the poll itself.
    """
    usual_us = 2 * usual_gap_us(limits, spec.schedule.rate) + 30_000_000
    return usual_us if spec.bounds.poll_gap is None else spec.bounds.poll_gap


class NoStarvation(Monitor):
    """Judges by the table alone, so it notices a missing poll of any cause."""

    name = "no-starvation"
    rule = "No execution in POLLING waits for a poll longer than the bound."

    def prepare(self) -> None:
        self._polled_us: dict[str, int] = {}
        # A team that keeps no time of the last poll may write only what changes: then its invocations are polls.
        self._may_write_nothing = self.contract.execution.last_polled is None
        self._batches: dict[str, tuple[str, ...]] = {}
        self._bound_us = gap_bound_us(self.spec, self.limits)
        # The longest wait that was judged. None if none was.
        self.waited_us_max: int | None = None

    def _on_change(self, event: events.ItemChanged) -> None:
        now = event.execution
        if now is None or not now.owes_polls:
            polled_us = self._polled_us.pop(event.execution_id, None)
            if polled_us is not None:
                self._check(event.execution_id, polled_us, event.at_us, STARVED)
        elif event.request_id and event.execution_id in self._polled_us:
            self._check(event.execution_id, self._polled_us[event.execution_id], event.at_us, STARVED)
            self._polled_us[event.execution_id] = event.at_us
        else:
            self._polled_us.setdefault(event.execution_id, event.at_us)

    def _on_invoked(self, event: events.Invoked) -> None:
        if event.batch and self._may_write_nothing:
            self._batches[event.request_id] = event.batch

    def _on_ended(self, event: events.LambdaEnded) -> None:
        batch = self._batches.pop(event.request_id, (event.execution_id,))
        if not self._may_write_nothing or event.outcome != "ok":
            return
        polls_all = event.function == FINDER and self.context.finder_polls
        for execution_id in [*self._polled_us] if polls_all else batch:
            if execution_id in self._polled_us:
                self._check(execution_id, self._polled_us[execution_id], event.at_us, STARVED)
                self._polled_us[execution_id] = event.at_us

    def finish(self, end_us: int) -> None:
        for execution_id, polled_us in self._polled_us.items():
            self._check(execution_id, polled_us, end_us, UNPOLLED)

    def _check(self, execution_id: str, polled_us: int, now_us: int, kind: ViolationKind) -> None:
        self.checked += 1
        waited_us = now_us - self.context.owed_us(execution_id, polled_us)
        if self.context.lost(execution_id):
            return
        self.waited_us_max = max(waited_us, self.waited_us_max or 0)
        if waited_us > self._bound_us:
            expected = f"a poll within {seconds(self._bound_us)}"
            self.violate_at(execution_id, now_us, expected, f"none for {seconds(waited_us)}", kind, "poll")
