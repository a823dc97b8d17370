"""This host: wall time, versions and sources. The only place that looks at the real clock."""

import platform
import time
from hashlib import sha256
from importlib import resources
from importlib.metadata import version
from pathlib import Path


def wall_seconds() -> float:
    """Seconds of a clock that only goes forward, from an arbitrary start."""
    return time.perf_counter()


def pause(seconds: float) -> None:
    """Wait in real time."""
    time.sleep(seconds)


def code_digest(*files: str | None) -> str:
    """SHA-256 of the sources that a run is made of, and of further files."""
    digest = sha256()
    folders = [Path(str(resources.files(f"drsim.{name}"))) for name in ("orchestrator", "simulator", "scenarios")]
    sources = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    for path in [*sources, *(Path(file) for file in files if file is not None)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """What ran: this project's and Python's versions, and the platform."""
    return {
        "drsim": version("drsim"),
        "python": platform.python_version(),
        "greenlet": version("greenlet"),
        "platform": f"{platform.system()} {platform.machine()}",
    }
