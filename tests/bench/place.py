"""The conditions of a measurement: the machine, its load, and the commit of the code."""

import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure, Machine, Part


def machine() -> Machine:
    """This machine and this Python."""
    affinity = getattr(os, "sched_getaffinity", None)
    return Machine(
        processor=_processor(),
        cores=len(affinity(0)) if affinity else os.cpu_count() or 1,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
    )


def part(figures: Sequence[Figure], load: float) -> Part:
    """Figures with the commit of the measured code."""
    changed = bool(_git("status", "--porcelain", "--untracked-files=no"))
    commit, date = _git("rev-parse", "--short=9", "HEAD"), _git("show", "--no-patch", "--format=%cs", "HEAD")
    return Part(
        commit=commit or "unknown",
        date=date or "unknown date",
        changed=changed,
        load=round(load, 2),
        figures=tuple(figures),
    )


def load() -> float:
    """The load average of the last minute."""
    return os.getloadavg()[0]


def _processor() -> str:
    """The processor's model, from Linux, or from Python on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown processor"


def _git(*arguments: str) -> str:
    """The output of git. Empty outside a repository or without git."""
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
