"""How statuses look: colours, signs and phrases, the same on terminal, page and charts.

What a status means, and which may follow it, is `orchestrator.model`'s. mypy names what a new status lacks here.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, assert_never

from drsim.orchestrator.model import ExecutionStatus, Status, WaveStatus


class ItemStatus(Status):
    """What a trace has in place of an execution's status where the item has none."""

    DELETED = "DELETED", "The item is gone"
    MALFORMED = "MALFORMED", "The item cannot be read", "DELETED"


class Look(NamedTuple):
    """A colour on light and one on dark ground, a sign that most fonts have, and the phrase that follows a count."""

    light: str
    dark: str
    sign: str
    phrase: str


def look_of(status: ExecutionStatus | WaveStatus | ItemStatus) -> Look:
    """How a status looks. A word that executions and waves share looks alike."""
    match status:
        case ExecutionStatus.PENDING | WaveStatus.PENDING:
            return Look("#b6bfc9", "#4d5866", "·", "pending")
        case ExecutionStatus.POLLING:
            return Look("#c3d6e8", "#25415f", "○", "polling")
        case WaveStatus.LAUNCHING:
            return Look("#8fc1f5", "#2f5f96", "◔", "launching")
        case WaveStatus.IN_PROGRESS:
            return Look("#2f6fde", "#4a8bf5", "◑", "in progress")
        case ExecutionStatus.COMPLETED | WaveStatus.COMPLETED:
            return Look("#2f9e63", "#38a86d", "✓", "completed")
        case ExecutionStatus.PARTIAL | WaveStatus.PARTIAL:
            return Look("#e0a100", "#d29922", "◐", "partial")
        case ExecutionStatus.FAILED | WaveStatus.FAILED:
            return Look("#d03b52", "#e5566c", "✗", "failed")
        case ExecutionStatus.TIMEOUT | WaveStatus.TIMEOUT:
            return Look("#8a4fc7", "#a371f7", "…", "timed out")
        case ExecutionStatus.CANCELLED:
            return Look("#6b7684", "#76818d", "–", "cancelled")
        case WaveStatus.UNKNOWN:
            return Look("#d264a8", "#db61a2", "?", "unknown")
        case ItemStatus.DELETED:
            return Look("#6b7684", "#76818d", "×", "deleted")
        case ItemStatus.MALFORMED:
            return Look("#d264a8", "#db61a2", "!", "malformed")
        case _:
            assert_never(status)


# In the order of a life: as the plan begins, as its waves go on, and as they end.
_ALL: Final = sorted((*ExecutionStatus, *WaveStatus, *ItemStatus), key=lambda status: status.terminal)
LOOKS: Final[Mapping[str, Look]] = {str(status): look_of(status) for status in _ALL}
"""How each word looks."""
ENDS: Final = frozenset(str(status) for status in _ALL if status.terminal)
"""The words of executions and waves after which nothing is expected."""


def counted(executions: Mapping[ExecutionStatus, int]) -> list[tuple[int, str]]:
    """How many executions had each status at the end of a run, as a count and a phrase: first those that ended."""
    statuses = sorted(ExecutionStatus, key=lambda status: not status.terminal)
    counts = [(executions.get(status, 0), look_of(status).phrase) for status in statuses]
    return [(count, phrase) for count, phrase in counts if count]
