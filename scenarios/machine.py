"""This host: wall time, versions and sources. The only place that looks at the real clock."""

import os
import platform
import secrets
import time
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib import resources
from importlib.metadata import version
from pathlib import Path


def wall_seconds() -> float:
    """Seconds of a clock that only goes forward, from an arbitrary start.

    While handlers run, `time.perf_counter` and `time.monotonic` show virtual time, and this clock does not.
    """
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def utc_now() -> str:
    """The date and the time of day, to the second: 2026-11-30T15:11:45Z."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def pause(seconds: float) -> None:
    """Wait in real time."""
    time.sleep(seconds)


def new_secret() -> str:
    """A word that cannot be guessed."""
    return secrets.token_urlsafe(16)


def code_digest(*files: str | None) -> str:
    """SHA-256 of the sources that a run is made of, and of further files."""
    digest = sha256()
    folders = [Path(str(resources.files(f"drsim.{name}"))) for name in ("orchestrator", "simulator", "scenarios")]
    sources = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    for path in [*sources, *(Path(file) for file in files if file is not None)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def whole_digest() -> str:
    """SHA-256 of all that drsim is installed with: sources, templates and data, with their names; read once."""
    digest, root = sha256(), str(resources.files("drsim"))
    # Strings and plain files: each run waits for it. In a checkout, the packages are links.
    for folder, below, names in os.walk(root, followlinks=True):
        below[:] = sorted(name for name in below if name != "__pycache__")
        for name in sorted(name for name in names if not name.startswith(".")):
            path = f"{folder}/{name}"
            digest.update(f"{path.removeprefix(root)}\n".encode())
            with open(path, "rb", buffering=0) as file:
                digest.update(file.read())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """What ran: this project's and Python's versions, and the platform."""
    return {
        "drsim": version("drsim"),
        "python": platform.python_version(),
        "greenlet": version("greenlet"),
        "platform": f"{platform.system()} {platform.machine()}",
    }
