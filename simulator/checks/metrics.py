"""Metrics: every poll leaves those that it owes, once, in their units and with true values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final, NamedTuple

from drsim.orchestrator.model import TERMINAL, UNITS, ExecutionStatus, MetricName, MetricPoint, Unit
from drsim.simulator.checks.monitor import Context, Monitor
from drsim.simulator.events import (
    POLLER,
    CallMade,
    FaultInjected,
    IndexRead,
    Invoked,
    ItemChanged,
    LambdaEnded,
    MetricsPublished,
)
from drsim.simulator.faults.kinds import Fault
from drsim.simulator.trace import Trace

_SECOND_US: Final = 1_000_000
_SIGNS: Final[Mapping[Unit, str]] = {Unit.COUNT: "", Unit.MILLISECONDS: " ms", Unit.SECONDS: " s"}


@dataclass(slots=True)
class _Poll:
    """What one poller invocation published and wrote. `waves` is -1 until it writes.

    `active` is how many executions the look saw that caused the poll, at least and at most; None if no look did.
    `started_us` are the first and the last StartTime that its execution has had; None if it never had one.
    """

    active: tuple[int, int] | None
    started_us: tuple[int, int] | None
    execution_id: str = ""
    waves: int = -1
    wrote_us: int = 0
    points_count: int = 0
    published_us: int = 0
    timed_out: bool = False
    struck: bool = False
    answer_lost: bool = False
    # Calls that failed and were not made good again: a poll that goes on without them must not look well.
    failed_calls: dict[str, None] = field(default_factory=dict)
    published: dict[str, MetricPoint] = field(default_factory=dict)


class _Ended(NamedTuple):
    """A poll that has ended, and what bounds its values."""

    poll: _Poll
    event: LambdaEnded
    context: Context
    overhead_us: int

    @property
    def failed(self) -> bool:
        """Whether its function failed."""
        return self.event.outcome == "error"

    @property
    def began_us(self) -> int:
        """When its handler began."""
        return self.event.at_us - self.event.duration_us


class Judged(NamedTuple):
    """How one metric is judged: which polls owe it, and between which values it is right; None if that is unknown."""

    owed: Callable[[_Ended], bool]
    right: Callable[[_Ended], tuple[float, float] | None]


def _by_writers(ended: _Ended) -> bool:
    return not ended.failed


def _by_all(_: _Ended) -> bool:
    return True


def _by_dispatched_writers(ended: _Ended) -> bool:
    # Only a look knows how many executions are active.
    return not ended.failed and ended.poll.active is not None


def _by_dispatched(ended: _Ended) -> bool:
    """Of polls that a look has caused, since that saw the StartTime; failed ones, too: they keep an execution open.

    A poll that writes TIMEOUT leaves nothing stuck, although its age may be beyond the alarm's threshold (decision 10).
    """
    poll = ended.poll
    return poll.active is not None and poll.started_us is not None and not poll.timed_out


def _waves(ended: _Ended) -> tuple[float, float]:
    waves = max(ended.poll.waves, 0)
    # A poll that fails after its write may not know that the write was done.
    return 0 if ended.failed else waves, waves


def _errors(ended: _Ended) -> tuple[float, float]:
    return (1, inf) if ended.failed else (0, 0)


def _active(ended: _Ended) -> tuple[float, float] | None:
    return ended.poll.active


def _duration_ms(ended: _Ended) -> tuple[float, float]:
    # A poll lasts at least from behind its handler's start-up to its write.
    least_us = ended.poll.wrote_us - ended.began_us - ended.overhead_us
    # A clock that is put right in the middle of a poll shows another duration.
    skew_us = ended.context.plan.skew_us
    return max(least_us - skew_us, 1) / 1000, (ended.event.duration_us + skew_us) / 1000


def _age_s(ended: _Ended) -> tuple[float, float] | None:
    """The execution's age at some instant from the look to the publication, in whole seconds or finer."""
    if ended.poll.started_us is None:
        return None
    context, (first_us, last_us) = ended.context, ended.poll.started_us
    skew_us = context.plan.skew_us
    looked_us = context.truth.epoch_us + ended.began_us - context.spec.bounds.poll_delay
    published_us = context.truth.epoch_us + ended.poll.published_us
    least_us, most_us = looked_us - last_us - skew_us, published_us - first_us + skew_us
    return max(least_us / _SECOND_US - 1, 0), max(most_us / _SECOND_US + 1, 0)


JUDGED: Final[Mapping[MetricName, Judged]] = {
    MetricName.WAVES_POLLED: Judged(_by_writers, _waves),
    MetricName.POLLING_DURATION: Judged(_by_writers, _duration_ms),
    MetricName.POLL_ERRORS: Judged(_by_all, _errors),
    MetricName.ACTIVE_EXECUTIONS: Judged(_by_dispatched_writers, _active),
    MetricName.OLDEST_AGE: Judged(_by_dispatched, _age_s),
}
"""Every metric of `orchestrator.model`, which has their units; a test holds both to have the same names."""


class MetricsComplete(Monitor):
    """Compares what a poll published with what it did."""

    name = "metrics-complete"
    rule = (
        "Each poll that writes publishes each metric once, with its true value; each that fails, its error and its "
        "execution's age. A poll that writes TIMEOUT owes no age."
    )

    def subscribe(self, trace: Trace) -> None:
        poller = self.context.spec.functions.poller
        self._overhead_us = max(poller.overhead_cold.high_us, poller.overhead_warm.high_us)
        self._found: dict[str, int] = {}
        self._malformed: dict[str, None] = {}
        # The first and the last StartTime that each execution has had which goes on.
        self._started_us: dict[str, tuple[int, int]] = {}
        self._polls: dict[str, _Poll] = {}
        # The poll that wrote last to each execution that goes on.
        self._wrote: dict[str, _Poll] = {}
        trace.listen(IndexRead, self._on_look)
        trace.listen(Invoked, self._on_invoked)
        trace.listen(ItemChanged, self._on_change)
        trace.listen(MetricsPublished, self._on_published)
        trace.listen(FaultInjected, self._on_fault)
        trace.listen(CallMade, self._on_call)
        trace.listen(LambdaEnded, self._on_ended)

    def _on_fault(self, event: FaultInjected) -> None:
        # What a fault kept from CloudWatch, or made it take in twice, is not the poll's doing.
        poll = self._polls.get(event.request_id)
        if poll is None:
            return
        if event.operation == "PutMetricData":
            poll.struck |= event.fault != Fault.SLOW
        elif event.operation == "UpdateItem":
            poll.answer_lost |= event.fault == Fault.ANSWER_LOST

    def _on_call(self, event: CallMade) -> None:
        if event.function != POLLER or event.operation == "PutMetricData":
            return
        poll = self._polls.get(event.request_id)
        if poll is not None:
            if event.error and event.error != "ConditionalCheckFailedException":
                poll.failed_calls[event.operation] = None
            else:
                poll.failed_calls.pop(event.operation, None)

    def _on_look(self, event: IndexRead) -> None:
        before = 0 if event.first_page else self._found.get(event.request_id, 0)
        self._found[event.request_id] = before + event.items_count

    def _on_invoked(self, event: Invoked) -> None:
        if event.function == POLLER:
            found = self._found.get(event.by)
            # An item that cannot be read is in the index all the same, and may be counted or not.
            active = None if found is None else (found - len(self._malformed), found)
            started_us = self._started_us.get(event.execution_id)
            self._polls[event.request_id] = _Poll(active, started_us, event.execution_id)

    def _on_change(self, event: ItemChanged) -> None:
        now = event.execution
        if now is not None and now.unreadable:
            self._malformed[event.execution_id] = None
        else:
            self._malformed.pop(event.execution_id, None)
        if now is None or now.status in TERMINAL:
            self._started_us.pop(event.execution_id, None)
        elif now.start_us is not None:
            first_us, last_us = self._started_us.get(event.execution_id, (now.start_us, now.start_us))
            self._started_us[event.execution_id] = min(first_us, now.start_us), max(last_us, now.start_us)
        wrote = self._wrote.pop(event.execution_id, None)
        if wrote is not None and wrote.answer_lost:
            # A poll whose answer was lost cannot know its own write any more, once another writer came after it.
            wrote.struck = True
        poll = self._polls.get(event.request_id)
        if poll is not None and now is not None:
            poll.waves, poll.wrote_us = len(now.waves), event.at_us
            poll.timed_out = now.status is ExecutionStatus.TIMEOUT
            self._wrote[event.execution_id] = poll

    def _on_published(self, event: MetricsPublished) -> None:
        poll = self._polls.get(event.request_id)
        if poll is not None:
            poll.points_count += len(event.points)
            poll.published_us = event.at_us
            poll.published |= {point.name: point for point in event.points}

    def _on_ended(self, event: LambdaEnded) -> None:
        if event.function != POLLER:
            self._found.pop(event.request_id, None)
            return
        poll = self._polls.pop(event.request_id, None)
        if poll is not None and self._wrote.get(poll.execution_id) is poll:
            del self._wrote[poll.execution_id]
        if poll is None or poll.struck or event.outcome not in ("ok", "error"):
            return
        if event.outcome == "ok" and poll.failed_calls:
            self.checked += 1
            failed = ", ".join(poll.failed_calls)
            self.violate(event.execution_id, event.at_us, f"a poll that fails when {failed} does", "it ended well")
        elif event.outcome == "error" or poll.waves >= 0:
            self.checked += 1
            self._judge(_Ended(poll, event, self.context, self._overhead_us))

    def _judge(self, ended: _Ended) -> None:
        poll, event = ended.poll, ended.event
        owed = [name for name, judged in JUDGED.items() if judged.owed(ended)]
        missing = [name for name in owed if name not in poll.published]
        if missing or poll.points_count > len(poll.published):
            whose = " of a failed poll" if ended.failed else ""
            twice = f"{poll.points_count} values of {len(poll.published)} metrics"
            observed = f"no {', '.join(missing)}" if missing else twice
            self.violate(event.execution_id, event.at_us, f"{', '.join(owed)}{whose}, once", observed)
            return
        expected, observed_values = [], []
        for name, judged in JUDGED.items():
            bounds = judged.right(ended) if name in poll.published else None
            if bounds is not None:
                _, value, unit = poll.published[name]
                if unit is not UNITS[name] or not bounds[0] <= value <= bounds[1]:
                    expected.append(_shown(name, UNITS[name], *bounds))
                    observed_values.append(_shown(name, unit, value, value))
        if expected:
            self.violate(event.execution_id, event.at_us, ", ".join(expected), ", ".join(observed_values))


def _shown(name: MetricName, unit: Unit, least: float, most: float) -> str:
    """A metric with the values between which it lies."""
    if least == most:
        return f"{name} {least:g}{_SIGNS[unit]}"
    return f"{name} {least:g}{_SIGNS[unit]} or more" if most == inf else f"{name} {least:g} to {most:g}{_SIGNS[unit]}"
