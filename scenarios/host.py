"""This host: wall time, memory and versions. The only place that looks at the real clock."""

import platform
import resource
import sys
import time
from importlib.metadata import version


def wall_seconds() -> float:
    """Seconds of a clock that only goes forward, from an arbitrary start."""
    return time.perf_counter()


def peak_memory_bytes() -> int:
    """The most memory that this process has held so far."""
    # Kilobytes on Linux, bytes on macOS (getrusage manual pages).
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def versions() -> dict[str, str]:
    """What ran: this project's and Python's versions, and the platform."""
    return {
        "drsim": version("drsim"),
        "python": platform.python_version(),
        "greenlet": version("greenlet"),
        "platform": f"{platform.system()} {platform.machine()}",
    }
