"""Appearance of statuses: shared by the terminal, the HTML page and the charts.

The statuses themselves are defined in `orchestrator.model`. mypy reports a status that has no appearance here.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, assert_never

from drsim.orchestrator.model import ExecutionStatus, Status, WaveStatus


class ItemStatus(Status):
    """Pseudo-statuses for table items whose execution status cannot be read."""

    DELETED = "DELETED", "The item is gone"
    MALFORMED = "MALFORMED", "The item cannot be read", "DELETED"


class Appearance(NamedTuple):
    """Colours for light and dark backgrounds, a symbol most fonts include, and a phrase that follows a count."""

    light: str
    dark: str
    sign: str
    phrase: str


def appearance_of(status: ExecutionStatus | WaveStatus | ItemStatus) -> Appearance:
    """The appearance of a status; a word that executions and waves share has one."""
    match status:
        case ExecutionStatus.PENDING | WaveStatus.PENDING:
            return Appearance("#e3d9bf", "#5c543c", "·", "pending")
        case ExecutionStatus.POLLING:
            return Appearance("#c6ced8", "#3d4753", "○", "polling")
        case WaveStatus.LAUNCHING:
            return Appearance("#1f9fb5", "#3fb6c9", "◔", "launching")
        case WaveStatus.IN_PROGRESS:
            return Appearance("#2f6fde", "#4a8bf5", "◑", "in progress")
        case ExecutionStatus.COMPLETED | WaveStatus.COMPLETED:
            return Appearance("#2f9e63", "#38a86d", "✓", "completed")
        case ExecutionStatus.PARTIAL | WaveStatus.PARTIAL:
            return Appearance("#e0a100", "#d29922", "◐", "partial")
        case ExecutionStatus.FAILED | WaveStatus.FAILED:
            return Appearance("#d03b52", "#e5566c", "✗", "failed")
        case ExecutionStatus.TIMEOUT | WaveStatus.TIMEOUT:
            return Appearance("#8a4fc7", "#a371f7", "…", "timed out")
        case ExecutionStatus.CANCELLED:
            return Appearance("#6b7684", "#76818d", "–", "cancelled")
        case WaveStatus.UNKNOWN:
            return Appearance("#d264a8", "#db61a2", "?", "unknown")
        case ItemStatus.DELETED:
            return Appearance("#6b7684", "#76818d", "×", "deleted")
        case ItemStatus.MALFORMED:
            return Appearance("#d264a8", "#db61a2", "!", "malformed")
        case _:
            assert_never(status)


# Non-terminal statuses first, otherwise in order of definition.
_ALL: Final = sorted((*ExecutionStatus, *WaveStatus, *ItemStatus), key=lambda status: status.terminal)
LOOKS: Final[Mapping[str, Appearance]] = {str(status): appearance_of(status) for status in _ALL}
ENDS: Final = frozenset(str(status) for status in _ALL if status.terminal)
"""The terminal statuses of executions, waves and items."""
_OPEN: Final = [status for status in WaveStatus if not status.terminal and status is not WaveStatus.PENDING]
PROGRESS: Final = tuple(map(str, reversed(_OPEN)))
"""The statuses of waves that have begun and not ended, the most advanced first: by definition, the last one."""


def counted(executions: Mapping[ExecutionStatus, int]) -> list[tuple[int, str]]:
    """Return (count, phrase) for each status that occurs at the run's end, terminal statuses first."""
    statuses = sorted(ExecutionStatus, key=lambda status: not status.terminal)
    counts = [(executions.get(status, 0), appearance_of(status).phrase) for status in statuses]
    return [(count, phrase) for count, phrase in counts if count]
