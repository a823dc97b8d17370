"""Logs: every line can be traced to its execution."""

from dataclasses import dataclass

from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.events import POLLER, LambdaEnded, LambdaStarted, LogWritten


@dataclass(slots=True)
class _Lines:
    """The log lines of one invocation: their number, the errors, and the first that lacks its execution's id."""

    execution_id: str
    count: int = 0
    errors_count: int = 0
    stray: str = ""


class LogCorrelation(Monitor):
    """Judges the lines of each invocation when it ends."""

    name = "log-correlation"
    rule = "Each invocation that ends logs; a poller's lines carry only its execution id; a failed poll logs an error."

    def prepare(self) -> None:
        self._lines: dict[str, _Lines] = {}

    def _on_started(self, event: LambdaStarted) -> None:
        self._lines[event.request_id] = _Lines(event.execution_id)

    def _on_line(self, event: LogWritten) -> None:
        lines = self._lines.get(event.request_id)
        if lines is None:
            self.violate(event, "a line of a running invocation", event.message)
            return
        lines.count += 1
        lines.errors_count += event.level == "ERROR"
        if event.function == POLLER and event.execution_id != lines.execution_id and not lines.stray:
            lines.stray = event.message

    def _on_ended(self, event: LambdaEnded) -> None:
        lines = self._lines.pop(event.request_id, None) or _Lines(event.execution_id)
        # A killed function cannot log, and Lambda's runtime logs the error of a finder that raised.
        if event.outcome not in ("ok", "error") or (event.outcome == "error" and event.function != POLLER):
            return
        self.checked += 1
        if not lines.count:
            self.violate(event, f"{event.function} logs what it did", "no line")
        elif lines.stray:
            expected = f"every line with execution id {event.execution_id}"
            self.violate(event, expected, f"the line {lines.stray!r}")
        elif event.outcome == "error" and not lines.errors_count:
            self.violate(event, f"an ERROR line of {event.function} that failed", "none")
