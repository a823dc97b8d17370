"""Exit codes, and messages on standard error."""

import sys
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `drsim`."""

    PASS = 0
    FAIL = 1
    INTERRUPTED = 2
    INTERNAL = 3
    USAGE = 4
    UNKNOWN = 5


_BY_SEVERITY = [ExitCode[name] for name in ("PASS", "UNKNOWN", "FAIL", "USAGE", "INTERNAL", "INTERRUPTED")]


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code of several runs."""
    return max(codes, key=_BY_SEVERITY.index, default=ExitCode.PASS)


def complain(text: str) -> None:
    """Write a message to standard error."""
    for line in text.splitlines():
        sys.stderr.write(f"drsim: {line}\n")
