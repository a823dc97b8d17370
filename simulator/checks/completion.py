"""Completion-liveness: executions end soon after DRS does."""

from dataclasses import dataclass
from typing import Final

from drsim.simulator.checks.monitor import Consequence, Monitor, ViolationKind, same_waves, seconds
from drsim.simulator.contract.limits import JudgedLimits
from drsim.simulator.events import ItemChanged
from drsim.simulator.reader import ExecutionView
from drsim.simulator.spec.world import WorldSpec

NO_END: Final = ViolationKind("no end", Consequence.NO_END, "The execution is still open although DRS ended long ago.")
LATE_END: Final = ViolationKind("late end", Consequence.LATENESS, "The execution ended, but long after DRS.")

# From the look that finds an execution due to its end: the query, the invocation, the poll, and one retry of each.
_POLL_US: Final = 30_000_000
_MINUTE_US: Final = 60_000_000


def completion_bound_us(spec: WorldSpec, limits: JudgedLimits) -> int:
    """Return how long after DRS's truth an execution must be terminal.

    By default that is the longest interval, rounded up to the finder's looks, and the time that a poll takes.
    """
    if spec.bounds.completion is not None:
        return spec.bounds.completion
    rate_us = spec.schedule.rate
    # The looks of one invocation fill a minute, so a slower rule leaves a gap.
    every_us = limits.look_distance_us if limits.looks > 1 and rate_us <= _MINUTE_US else rate_us
    wait_us = max(limits.longest_interval_us - limits.slack_us + spec.bounds.tick_jitter, 0)
    return max(-(-wait_us // every_us) * every_us, rate_us) + _POLL_US


@dataclass(slots=True)
class _Owed:
    """When an execution must end: when its waves do, when a poll can first see that, and when it is overdue."""

    began_us: int
    final_us: int
    base_us: int
    late_us: int


class CompletionLiveness(Monitor):
    name = "completion-liveness"
    rule = "An execution is terminal within a bound of DRS's truth, or of its timeout if DRS never finishes."

    def prepare(self) -> None:
        self.bound_us = completion_bound_us(self.spec, self.limits)
        self._owed: dict[str, _Owed] = {}
        # Times from healing to the end, of executions that were due before healing and ended after it.
        self.margins_us: list[int] = []
        # The latest end that was judged, after the instant from which the bound counts. None if none was.
        self.late_us_max: int | None = None

    def _on_change(self, event: ItemChanged) -> None:
        now = event.execution
        if now is None or not now.owes_polls:
            owed = self._owed.pop(event.execution_id, None)
            if owed is not None:
                self._end(event, owed, now)
            return
        owed = self._owed.get(event.execution_id)
        if owed is not None and same_waves(event.previous, now) and _same_word(event.previous, now):
            return
        final_us = self.truth.final_us(now)
        if owed is not None and owed.final_us == final_us:
            return
        began_us = event.at_us if owed is None else owed.began_us
        late_us = max(self.truth.times_out_us(now), began_us)
        base_us = min(max(final_us, event.at_us), late_us)
        self._owed[event.execution_id] = _Owed(began_us, final_us, base_us, late_us)

    def _end(self, event: ItemChanged, owed: _Owed, now: ExecutionView | None) -> None:
        healed_us = self.plan.healed_us
        if now is not None and owed.base_us < healed_us <= event.at_us:
            self.margins_us.append(event.at_us - healed_us)
        by_poll = now is not None and event.request_id != ""
        self._check(
            event.execution_id, owed, event.at_us, "gone" if now is None else str(now.status or now.word), by_poll
        )

    def finish(self, end_us: int) -> None:
        for execution_id, owed in self._owed.items():
            self._check(execution_id, owed, end_us, "POLLING", by_poll=False, is_open=True)

    def _check(
        self, execution_id: str, owed: _Owed, now_us: int, status: str, by_poll: bool, is_open: bool = False
    ) -> None:
        # Incomplete answers delay the end, for a limited time after the timeout.
        patience_us = owed.late_us + self.limits.incomplete_answer_us
        waits_until_us = min(self.plan.incomplete_us(execution_id), patience_us)
        due_us, bound_us = self.context.owed_us(execution_id, max(owed.base_us, waits_until_us)), self.bound_us
        is_lost = self.context.lost(execution_id)
        late = now_us > due_us + bound_us and not is_lost
        # Without a poll, only an end that is late shows something.
        self.checked += by_poll or late
        if late or (by_poll and not is_lost):
            self.late_us_max = max(now_us - due_us, self.late_us_max or 0)
        if late:
            expected = f"terminal within {seconds(bound_us)} of the truth at {seconds(due_us)}"
            observed, kind = f"{status} {seconds(now_us - due_us)} after it", NO_END if is_open else LATE_END
            self.violate_at(execution_id, now_us, expected, observed, kind, self.contract.execution.status)


def _same_word(before: ExecutionView | None, now: ExecutionView) -> bool:
    """Whether a write left the team's own status as it was; a word for cancelling changes when an end is owed."""
    return before is not None and before.word == now.word
