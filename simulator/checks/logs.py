"""Logs: every line can be traced to its execution."""

from dataclasses import dataclass

from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.events import POLLER, LambdaEnded, LambdaStarted, LogWritten
from drsim.simulator.trace import Trace


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
