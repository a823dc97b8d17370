"""Runs of the catalogue that tests share: each is made once in a test process.

Owns which scenarios take seconds or minutes. A test that changes a scenario, or measures what a run leaves in its
process, makes a run of its own.
"""

from functools import cache
from typing import Final

from drsim.scenarios.files import catalogue, load
from drsim.scenarios.runner import Run, run

LARGE: Final = frozenset({"load-1000", "load-10000", "load-100000", "overload", "soak", "big-items"})
"""Scenarios that take seconds or minutes; tests make each of them once, in a smaller form, or leave it to `nightly`."""
NAMES: Final = tuple(name for name in catalogue() if name not in LARGE)
SEEDS: Final = (1, 2, 3)


@cache
def run_of(name: str, seed: int = 1) -> Run:
    """The run of a scenario as the catalogue has it. Callers read it and change nothing."""
    return run(load(name), seed=seed)
