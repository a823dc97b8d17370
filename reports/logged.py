"""What functions logged and raised, from the lines of the trace."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from drsim.simulator.decoder import events_of
from drsim.simulator.events import LambdaEnded, LambdaStarted, LogWritten

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_SYNONYMS: Final = {"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL"}
_ENDINGS: Final = {"ok": "returned ", "error": "raised ", "crash": "crashed: "}


class Entry(NamedTuple):
    """One log event, or one way in which an invocation failed.

    `execution_id` is the line's own, or that of its invocation, `polled`; both are "" for none.
    """

    at_us: int
    request_id: str
    function: str
    level: str
    execution_id: str
    message: str
    polled: str

    def concerns(self, execution_id: str) -> bool:
        """Whether the entry is of an invocation for this execution, or names it."""
        named = rf"(?<![\w-]){re.escape(execution_id)}(?![\w-])"
        return execution_id in (self.execution_id, self.polled) or re.search(named, self.message) is not None

    def reaches(self, level: str) -> bool:
        """Whether the entry has at least this level; INFO is the rank of a word that names none."""
        word = self.level.upper()
        word = _SYNONYMS.get(word, word)
        return LEVELS.index(word if word in LEVELS else "INFO") >= LEVELS.index(level)


def entries(lines: Iterable[str]) -> Iterator[Entry]:
    """The entries in a trace's lines, in the order of time. Raises NoEventError."""
    # By running invocation: its execution, and the last line that it logged.
    polled: dict[str, str] = {}
    last: dict[str, str] = {}
    for event in events_of(lines, LambdaStarted, LogWritten, LambdaEnded):
        match event:
            case LambdaStarted(request_id=request):
                polled[request] = event.execution_id
            case LogWritten(request_id=request, message=message):
                of = polled.get(request, "")
                last[request] = message
                ids = (event.at_us, request, event.function)
                yield Entry(*ids, event.level, event.execution_id or of, message, of)
            case LambdaEnded(request_id=request, detail=detail):
                polled.pop(request, None)
                # In the wire tier the line of Lambda's runtime has the error already.
                is_logged = last.pop(request, "").startswith(f"[ERROR] {detail}\nTraceback ")
                if detail and not is_logged:
                    ids = (event.at_us, request, event.function)
                    message = _ENDINGS.get(event.outcome, "") + detail
                    yield Entry(*ids, "ERROR", event.execution_id, message, event.execution_id)
