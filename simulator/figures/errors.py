"""The errors that functions met: failed calls, statuses that they returned, and exceptions.

A call failed for good if no later call of its operation in the same invocation got an answer. No verdict depends on it.
"""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final

from drsim.simulator import events
from drsim.simulator.faults.kinds import CALLS
from drsim.simulator.figures.tally import LOST_RACE
from drsim.simulator.trace import Trace

EXCEPTIONS_MAX: Final = 100
"""Further kinds of exceptions are one kind, FURTHER: a function may write anything into a message."""
FURTHER: Final = "further kinds of exceptions"

_MESSAGE_MAX: Final = 400
_TRACEBACK_MAX: Final = 4_000
_TRACEBACK: Final = "Traceback (most recent call last)"
# Lambda's runtime begins the line of an exception that ends an invocation like this.
_BY_RUNTIME: Final = "[ERROR] "


@dataclass(slots=True)
class CallFailures:
    """How often calls failed, how often by a fault, and how often an invocation still returned normally."""

    count: int = 0
    injected: int = 0
    swallowed: int = 0


@dataclass(slots=True)
class ExceptionsSeen:
    """One kind of exception: the first one's message, traceback, line and execution, and their number.

    `injected` of them came in invocations that a fault had hit.
    """

    message: str
    traceback: str
    place: str = ""
    execution_id: str = ""
    count: int = 0
    injected: int = 0


class ErrorCollector:
    """Collects errors from the events of a run; what it keeps of an invocation goes when that ends."""

    def __init__(self, trace: Trace) -> None:
        self.calls: dict[tuple[str, str, str], CallFailures] = {}
        """By function, operation and error."""
        self.statuses: Counter[tuple[str, str]] = Counter()
        """By function and status."""
        self.exceptions: dict[tuple[str, bool, str], ExceptionsSeen] = {}
        """By function, whether it logged the exception itself, and message without ids and numbers."""
        # Of each running invocation, the operations whose last answer is an error.
        self._failing: dict[str, dict[str, str]] = {}
        self._tracebacks: dict[str, str] = {}
        # Running invocations in which a fault was injected.
        self._injected: set[str] = set()
        trace.attach(self)

    def _on_started(self, event: events.LambdaStarted) -> None:
        self._failing[event.request_id] = {}

    def _on_fault(self, event: events.FaultInjected) -> None:
        # A slow start or a wrong clock raises nothing by itself.
        if event.request_id and event.operation in CALLS:
            self._injected.add(event.request_id)

    def _on_call(self, event: events.CallMade) -> None:
        failing = self._failing.get(event.request_id)
        if not event.error:
            if failing:
                failing.pop(event.operation, None)
            return
        failures = self.calls.setdefault((event.function, event.operation, event.error), CallFailures())
        failures.count += 1
        failures.injected += event.fault != ""
        if failing is None:
            return
        if event.error == LOST_RACE:
            # The condition was false, which is an answer.
            failing.pop(event.operation, None)
        else:
            failing[event.operation] = event.error

    def _on_line(self, event: events.LogWritten) -> None:
        if event.level != "ERROR" or _TRACEBACK not in event.message:
            return
        text = event.message[-_TRACEBACK_MAX:]
        if not event.message.startswith(_BY_RUNTIME):
            last = text.rstrip().rpartition("\n")[2].strip()
            self._count(event, last, text, logged=True)
        elif event.request_id in self._failing:
            self._tracebacks[event.request_id] = text

    def _on_ended(self, event: events.LambdaEnded) -> None:
        failing = self._failing.pop(event.request_id, {})
        traceback = self._tracebacks.pop(event.request_id, "")
        if event.outcome != "ok":
            self._count(event, event.detail, traceback, logged=False)
        self._injected.discard(event.request_id)
        if event.outcome != "ok":
            return
        for operation, error in failing.items():
            self.calls[event.function, operation, error].swallowed += 1
        if event.detail:
            self.statuses[event.function, event.detail] += 1

    def _count(
        self, event: events.LogWritten | events.LambdaEnded, message: str, traceback: str, *, logged: bool
    ) -> None:
        message, function = message[:_MESSAGE_MAX], event.function
        key = (function, logged, without_numbers(message))
        first = ExceptionsSeen(message, traceback, getattr(event, "place", ""), event.execution_id)
        if key not in self.exceptions and len(self.exceptions) >= EXCEPTIONS_MAX:
            key, first = ("", False, FURTHER), ExceptionsSeen(FURTHER, "")
        seen = self.exceptions.setdefault(key, first)
        seen.count += 1
        seen.injected += event.request_id in self._injected


def without_numbers(text: str) -> str:
    """Return the text with '#' for each word that contains a digit, such as an id."""
    # Two steps: a single regex is quadratic in the length of a word.
    return re.sub(r"[\w.-]+", lambda word: "#" if re.search(r"\d", word[0]) else word[0], text)
