"""Observability: every poll leaves its metrics, and every log line can be traced to its execution."""

from dataclasses import dataclass, field
from typing import Final

from simulator.events import (
    POLLER,
    IndexRead,
    Invoked,
    ItemChanged,
    LambdaEnded,
    LambdaStarted,
    LogWritten,
    MetricsPublished,
)
from simulator.properties.monitor import Monitor
from simulator.trace import Trace

_METRICS: Final = ("WavesPolled", "PollingDuration", "PollErrors", "ActivePollingExecutions")


@dataclass(slots=True)
class _Poll:
    """What one poller invocation published and wrote. `waves` is -1 until it writes."""

    active: int | None
    waves: int = -1
    published: dict[str, float] = field(default_factory=dict)


class MetricsComplete(Monitor):
    """Compares what a poll published with what it did."""

    name = "metrics-complete"
    rule = "Each poll that writes publishes all four metrics with true values; each that fails publishes its error."

    def subscribe(self, trace: Trace) -> None:
        """Listen to looks, polls, their writes and their metrics."""
        self._found: dict[str, int] = {}
        self._polls: dict[str, _Poll] = {}
        trace.listen(IndexRead, self._on_look)
        trace.listen(Invoked, self._on_invoked)
        trace.listen(ItemChanged, self._on_change)
        trace.listen(MetricsPublished, self._on_published)
        trace.listen(LambdaEnded, self._on_ended)

    def _on_look(self, event: IndexRead) -> None:
        before = 0 if event.first_page else self._found[event.request_id]
        self._found[event.request_id] = before + event.items_count

    def _on_invoked(self, event: Invoked) -> None:
        if event.function == POLLER:
            self._polls[event.request_id] = _Poll(self._found.get(event.by))

    def _on_change(self, event: ItemChanged) -> None:
        poll = self._polls.get(event.request_id)
        if poll is not None and event.execution is not None:
            poll.waves = len(event.execution.waves)

    def _on_published(self, event: MetricsPublished) -> None:
        poll = self._polls.get(event.request_id)
        if poll is not None:
            poll.published |= {point.name: point.value for point in event.points}

    def _on_ended(self, event: LambdaEnded) -> None:
        if event.function != POLLER:
            self._found.pop(event.request_id, None)
            return
        poll = self._polls.pop(event.request_id, None)
        if poll is None:
            return
        published = poll.published
        if event.outcome == "error":
            self.checked += 1
            if not published.get("PollErrors"):
                self.violate(event.execution_id, event.at_us, "PollErrors of at least 1 for a failed poll", "none")
        elif event.outcome == "ok" and poll.waves >= 0:
            self.checked += 1
            missing = [name for name in _METRICS if name not in published]
            if missing:
                self.violate(event.execution_id, event.at_us, f"metrics {', '.join(_METRICS)}", f"no {missing}")
            else:
                self._check_values(event, poll)

    def _check_values(self, event: LambdaEnded, poll: _Poll) -> None:
        published = poll.published
        took_ms = event.duration_us / 1000
        wrong = [
            f"{name} {published[name]:g}"
            for name, right in (
                ("WavesPolled", published["WavesPolled"] == poll.waves),
                ("PollErrors", published["PollErrors"] == 0),
                ("PollingDuration", 0 < published["PollingDuration"] <= took_ms),
                ("ActivePollingExecutions", poll.active in (None, published["ActivePollingExecutions"])),
            )
            if not right
        ]
        if wrong:
            expected = f"{poll.waves} waves, no error, at most {took_ms:g} ms, {poll.active} active executions"
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
    rule = "Each invocation logs; a poller's lines carry its execution id and no other; a failed poll logs an error."

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
        lines = self._lines.pop(event.request_id)
        if event.outcome not in ("ok", "error"):
            return
        self.checked += 1
        if not lines.count:
            self.violate(event.execution_id, event.at_us, f"{event.function} logs what it did", "no line")
        elif lines.stray:
            expected = f"every line with execution id {event.execution_id}"
            self.violate(event.execution_id, event.at_us, expected, f"the line {lines.stray!r}")
        elif event.outcome == "error" and not lines.errors_count:
            self.violate(event.execution_id, event.at_us, f"an ERROR line of {event.function} that failed", "none")
