"""How the process ends: its exit codes, and what it says on standard error."""

import sys
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller."""

    PASS = 0
    FAIL = 1
    INTERRUPTED = 2
    INTERNAL = 3
    USAGE = 4
    UNKNOWN = 5


def complain(text: str) -> None:
    """Say what is wrong, each line by itself."""
    for line in text.splitlines():
        sys.stderr.write(f"drsim: {line}\n")
