"""Observability: every poll leaves its metrics, and every log line can be traced to its execution."""

from dataclasses import dataclass, field
from typing import Final

from simulator.events import (
    POLLER,
    CallMade,
    FaultInjected,
    IndexRead,
    Invoked,
    ItemChanged,
    LambdaEnded,
    LambdaStarted,
    LogWritten,
    MetricsPublished,
)
from simulator.faults.rules import Fault
from simulator.properties.monitor import Monitor
from simulator.trace import Trace

_METRICS: Final = ("WavesPolled", "PollingDuration", "PollErrors", "ActivePollingExecutions")


@dataclass(slots=True)
class _Poll:
    """What one poller invocation published and wrote. `waves` is -1 until it writes.

    `active` is how many executions the look saw that caused the poll, at least and at most; None if no look did.
    """

    active: tuple[int, int] | None
    execution_id: str = ""
    waves: int = -1
    wrote_us: int = 0
    points_count: int = 0
    struck: bool = False
    answer_lost: bool = False
    # Calls that failed and were not made good again: a poll that goes on without them must not look well.
    failed_calls: dict[str, None] = field(default_factory=dict)
    published: dict[str, float] = field(default_factory=dict)


class MetricsComplete(Monitor):
    """Compares what a poll published with what it did."""

    name = "metrics-complete"
    rule = "Each poll that writes publishes all four metrics once, with true values; each that fails, its error."

    def subscribe(self, trace: Trace) -> None:
        """Listen to looks, polls, their writes and their metrics."""
        poller = self.context.spec.functions.poller
        self._overhead_us = max(poller.overhead_cold.high_us, poller.overhead_warm.high_us)
        self._found: dict[str, int] = {}
        self._malformed: dict[str, None] = {}
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
            self._polls[event.request_id] = _Poll(active, event.execution_id)

    def _on_change(self, event: ItemChanged) -> None:
        if event.after is not None and event.execution is None:
            self._malformed[event.execution_id] = None
        else:
            self._malformed.pop(event.execution_id, None)
        wrote = self._wrote.pop(event.execution_id, None)
        if wrote is not None and wrote.answer_lost:
            # A poll whose answer was lost cannot know its own write any more, once another writer came after it.
            wrote.struck = True
        poll = self._polls.get(event.request_id)
        if poll is not None and event.execution is not None:
            poll.waves, poll.wrote_us = len(event.execution.waves), event.at_us
            self._wrote[event.execution_id] = poll

    def _on_published(self, event: MetricsPublished) -> None:
        poll = self._polls.get(event.request_id)
        if poll is not None:
            poll.points_count += len(event.points)
            poll.published |= {point.name: point.value for point in event.points}

    def _on_ended(self, event: LambdaEnded) -> None:
        if event.function != POLLER:
            self._found.pop(event.request_id, None)
            return
        poll = self._polls.pop(event.request_id, None)
        if poll is not None and self._wrote.get(poll.execution_id) is poll:
            del self._wrote[poll.execution_id]
        if poll is None or poll.struck:
            return
        published = poll.published
        if event.outcome == "error":
            self.checked += 1
            if not published.get("PollErrors"):
                self.violate(event.execution_id, event.at_us, "PollErrors of at least 1 for a failed poll", "none")
        elif event.outcome == "ok" and poll.failed_calls:
            self.checked += 1
            failed = ", ".join(poll.failed_calls)
            self.violate(event.execution_id, event.at_us, f"a poll that fails when {failed} does", "it ended well")
        elif event.outcome == "ok" and poll.waves >= 0:
            self.checked += 1
            # Only a look knows how many executions are active.
            wanted = _METRICS if poll.active is not None else _METRICS[:-1]
            missing = ", ".join(name for name in wanted if name not in published)
            if missing or poll.points_count > len(published):
                observed = f"no {missing}" if missing else f"{poll.points_count} values of {len(published)} metrics"
                self.violate(event.execution_id, event.at_us, f"{', '.join(wanted)}, once", observed)
            else:
                self._check_values(event, poll)

    def _check_values(self, event: LambdaEnded, poll: _Poll) -> None:
        published = poll.published
        # A poll lasts at least from behind its handler's start-up to its write.
        least_us = poll.wrote_us - (event.at_us - event.duration_us) - self._overhead_us
        # A clock that is put right in the middle of a poll shows another duration.
        skew_us = self.context.plan.skew_us
        least_ms, most_ms = max(least_us - skew_us, 1) / 1000, (event.duration_us + skew_us) / 1000
        least, most = poll.active or (0, 0)
        wrong = [
            f"{name} {published[name]:g}"
            for name, right in (
                ("WavesPolled", published["WavesPolled"] == poll.waves),
                ("PollErrors", published["PollErrors"] == 0),
                ("PollingDuration", least_ms <= published["PollingDuration"] <= most_ms),
                ("ActivePollingExecutions", least <= published.get("ActivePollingExecutions", least) <= most),
            )
            if not right
        ]
        if wrong:
            active = f"{most}" if least == most else f"{least} to {most}"
            expected = f"{poll.waves} waves, no error, {least_ms:g} to {most_ms:g} ms, {active} active executions"
            self.violate(event.execution_id, event.at_us, expected, ", ".join(wrong))


@dataclass(slots=True)
class _Lines:
    """The log lines of one invocation: how many, how many errors, and the first that lacks its execution's id."""

    execution_id: str
    count: int = 0
    errors_count: int = 0
    stray: str = ""


class LogCorrelation(Monitor):
    """Judges each invocation's lines when it ends."""

    name = "log-correlation"
    rule = "Each run that ends logs; a poller's lines carry its execution id and no other; a failed poll logs an error."

    def subscribe(self, trace: Trace) -> None:
        """Listen to invocations and to their lines."""
        self._lines: dict[str, _Lines] = {}
        trace.listen(LambdaStarted, self._on_started)
        trace.listen(LogWritten, self._on_line)
        trace.listen(LambdaEnded, self._on_ended)

    def _on_started(self, event: LambdaStarted) -> None:
        self._lines[event.request_id] = _Lines(event.execution_id)

    def _on_line(self, event: LogWritten) -> None:
        lines = self._lines.get(event.request_id)
        if lines is None:
            self.violate(event.execution_id, event.at_us, "a line of a running invocation", event.message)
            return
        lines.count += 1
        lines.errors_count += event.level == "ERROR"
        if event.function == POLLER and event.execution_id != lines.execution_id and not lines.stray:
            lines.stray = event.message

    def _on_ended(self, event: LambdaEnded) -> None:
        lines = self._lines.pop(event.request_id, None) or _Lines(event.execution_id)
        # What was killed can say nothing more. Of a finder that raised, Lambda's runtime itself says so.
        if event.outcome not in ("ok", "error") or (event.outcome == "error" and event.function != POLLER):
            return
        self.checked += 1
        if not lines.count:
            self.violate(event.execution_id, event.at_us, f"{event.function} logs what it did", "no line")
        elif lines.stray:
            expected = f"every line with execution id {event.execution_id}"
            self.violate(event.execution_id, event.at_us, expected, f"the line {lines.stray!r}")
        elif event.outcome == "error" and not lines.errors_count:
            self.violate(event.execution_id, event.at_us, f"an ERROR line of {event.function} that failed", "none")
