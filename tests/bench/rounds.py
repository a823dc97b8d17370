"""Measurement in rounds: the sides run in turn in each round, and a figure is the median of all rounds.

The machines are shared. A ratio of two times from the same minute means more than either time, so each round has its
own ratio, and the figure is their median. A side without a rival is measured in processor time. Heavy sides run in
their own processes, because peak memory belongs to a process, and later runs in a process are faster than the first.
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
    """A side did not do its work, so it cannot be measured."""


def in_turn(sides: Mapping[_K, Callable[[], _V]], rounds: int) -> dict[_K, list[_V]]:
    """The values of each side: every round runs all sides once, in order."""
    given: dict[_K, list[_V]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            given[name].append(side())
    return given


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """A side that returns the processor seconds of this work."""

    def side() -> float:
        # Garbage of the side before must not count here.
        gc.collect()
        began = process_time()
        work()
        return process_time() - began

    return side


def figure(name: str, values: Sequence[float], unit: str, how: str, target: Target | None = None) -> Figure:
    """A figure from the values of all rounds."""
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
    """The ratio of each round."""
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
    """The parsed JSON output of `python -m tests.bench.MODULE`. Raises BenchError with its last line if it fails."""
    given: dict[str, Any] = json.loads(_output(f"tests.bench.{module}", *arguments))
    return given


class Spent(NamedTuple):
    """The time of a process from start to end, including its child processes."""

    wall_seconds: float
    cpu_seconds: float


def command_spent(*arguments: str) -> Spent:
    """The time of one `drsim` process. Raises BenchError with its last line if it fails."""
    wall, cpu = perf_counter(), _cpu_seconds_of_children()
    _output("drsim", *arguments)
    return Spent(perf_counter() - wall, _cpu_seconds_of_children() - cpu)


def _cpu_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _environment() -> dict[str, str]:
    """The environment that a user has: bytecode is kept between processes, even if it is not here."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(Path("build", "bytecode").absolute())}


def _output(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, env=_environment()
    )
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()] or ["no output"]
        raise BenchError(f"{' '.join(arguments)}: exit code {done.returncode}: {lines[-1].strip(' │')}")
    return done.stdout
