"""How figures are measured: sides that take turns, round after round, and medians over the rounds.

These machines are shared. A ratio of two times from the same minute says more than either time, so a ratio is the
median of the rounds' own ratios, and a side that works alone is measured in processor time. Heavy sides are processes
of their own, since peak memory is a process's and the second run in a process is not like the first.
"""

import gc
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple, TypeVar

from tests.bench.figures import Figure, Target

_K = TypeVar("_K")
_V = TypeVar("_V")


class BenchError(Exception):
    """A side that did not do its work, and so has no speed. The message is for people."""


def in_turn(sides: Mapping[_K, Callable[[], _V]], rounds: int) -> dict[_K, list[_V]]:
    """What each side gave in each round: first all sides once, then all again."""
    given: dict[_K, list[_V]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            given[name].append(side())
    return given


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """A side that gives the processor seconds of this work."""

    def side() -> float:
        # Nobody pays for what another left behind.
        gc.collect()
        began = process_time()
        work()
        return process_time() - began

    return side


def figure(name: str, values: Sequence[float], unit: str, how: str, target: Target | None = None) -> Figure:
    """The median of what the rounds gave."""
    return Figure(
        name=name,
        value=median(values),
        unit=unit,
        how=how,
        rounds=len(values),
        low=min(values),
        high=max(values),
        target=target,
    )


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Each round's own ratio."""
    return [one / other for one, other in zip(over, under, strict=True)]


def at_least(bound: float) -> Target:
    """A figure that should be large."""
    return Target(kind="at least", bound=bound)


def at_most(bound: float) -> Target:
    """A figure that should be small."""
    return Target(kind="at most", bound=bound)


def below(bound: float) -> Target:
    """A figure that should be smaller than it was."""
    return Target(kind="below", bound=bound)


def child(module: str, *arguments: str) -> dict[str, Any]:
    """What `python -m tests.bench.MODULE` prints as JSON. Raises BenchError with its last words if it fails."""
    given: dict[str, Any] = json.loads(_output(f"tests.bench.{module}", *arguments))
    return given


class Spent(NamedTuple):
    """What a process took from start to end, its own processes included."""

    wall_seconds: float
    cpu_seconds: float


def command_spent(*arguments: str) -> Spent:
    """What one `drsim` process took. Raises BenchError with its last words if it fails."""
    wall, cpu = perf_counter(), _cpu_seconds_of_children()
    _output("drsim", *arguments)
    return Spent(perf_counter() - wall, _cpu_seconds_of_children() - cpu)


def _cpu_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _environment() -> dict[str, str]:
    """As a user has it: with bytecode kept from the process before, whatever is set here."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(Path("build", "bytecode").absolute())}


def _output(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, env=_environment()
    )
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()] or ["nothing was said"]
        raise BenchError(f"{' '.join(arguments)}: exit code {done.returncode}: {said[-1].strip(' │')}")
    return done.stdout
