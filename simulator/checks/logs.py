"""Logs: each invocation logs what it did, and its lines can be found by the execution's id."""

from dataclasses import dataclass
from typing import Final

from drsim.simulator import events
from drsim.simulator.checks.monitor import Consequence, Monitor, ViolationKind
from drsim.simulator.events import POLLER

_PROMISE: Final = Consequence.PROMISE
UNLOGGED: Final = ViolationKind("no log line", _PROMISE, "The logs do not show what an invocation did.")
STRAY_LINE: Final = ViolationKind(
    "line of no execution", _PROMISE, "A search for the execution's id does not find all lines."
)
SILENT_FAILURE: Final = ViolationKind("failure without a log line", _PROMISE, "The logs do not show why a poll failed.")


@dataclass(slots=True)
class _Lines:
    """The log lines of one invocation: their number, those with its execution's id, the errors, and the first stray."""

    named: tuple[str, ...]
    count: int = 0
    own_count: int = 0
    errors_count: int = 0
    stray: str | None = None
    wrote: bool = False


class LogCorrelation(Monitor):
    name = "log-correlation"
    rule = "Each invocation that ends logs; a poller's lines carry only its execution id; a failed poll logs an error."

    def prepare(self) -> None:
        # A named field may be missing from lines of libraries, and an invocation that polls nothing may log nothing.
        self._is_lenient = self.contract.judged.log_field is not None
        self._batches: dict[str, tuple[str, ...]] = {}
        self._lines: dict[str, _Lines] = {}

    def _on_invoked(self, event: events.Invoked) -> None:
        if event.batch:
            self._batches[event.request_id] = event.batch

    def _on_started(self, event: events.LambdaStarted) -> None:
        self._lines[event.request_id] = _Lines(self._batches.get(event.request_id, (event.execution_id,)))

    def _on_change(self, event: events.ItemChanged) -> None:
        lines = self._lines.get(event.request_id)
        if lines is not None:
            lines.wrote = True

    def _on_line(self, event: events.LogWritten) -> None:
        if event.by_runtime:
            return
        lines = self._lines.get(event.request_id)
        if lines is None:
            self.violate(event, "a line of a running invocation", event.message, STRAY_LINE, "log")
            return
        lines.count += 1
        lines.errors_count += event.level == "ERROR"
        if event.execution_id in lines.named:
            lines.own_count += 1
        elif event.function == POLLER and lines.stray is None and (event.execution_id or not self._is_lenient):
            lines.stray = event.message

    def _on_ended(self, event: events.LambdaEnded) -> None:
        lines = self._lines.pop(event.request_id, None) or _Lines((event.execution_id,))
        if event.outcome == "ok":
            self._batches.pop(event.request_id, None)
        # A killed function cannot log, and Lambda's runtime logs the error of a finder that raised.
        if event.outcome not in ("ok", "error") or (event.outcome == "error" and event.function != POLLER):
            return
        if self._is_lenient and (event.function != POLLER or not (lines.wrote or event.outcome == "error")):
            return
        self.checked += 1
        if not lines.count:
            self.violate(event, f"{event.function} logs what it did", "no line", UNLOGGED, "log")
        elif lines.stray is not None:
            expected = f"every line with execution id {', '.join(lines.named)}"
            self.violate(event, expected, f"the line {lines.stray!r}", STRAY_LINE, "log")
        elif self._is_lenient and not lines.own_count:
            expected = f"a line with {self.contract.judged.log_field} {', '.join(lines.named)}"
            self.violate(event, expected, "none", STRAY_LINE, "log")
        elif event.outcome == "error" and not lines.errors_count:
            expected = f"an ERROR line of {event.function} that failed"
            self.violate(event, expected, "none", SILENT_FAILURE, "log")
