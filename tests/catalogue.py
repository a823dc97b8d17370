"""Runs of the catalogue that tests share: each test process makes each run once.

Owns the list of scenarios that take seconds or minutes. A test makes its own run if it changes the scenario, or if it
measures effects of a run on its process.
"""

from functools import cache
from typing import Final

from drsim.scenarios.files import catalogue, load
from drsim.scenarios.runner import Run, run

LARGE: Final = frozenset({"load-1000", "load-10000", "load-100000", "overload", "soak", "big-items"})
"""Scenarios that take seconds or minutes. Tests run each once in a smaller form, or only in `nightly`."""
NAMES: Final = tuple(name for name in catalogue() if name not in LARGE)
SEEDS: Final = (1, 2, 3)


@cache
def run_of(name: str, seed: int = 1) -> Run:
    """The run of an unchanged scenario of the catalogue. Callers must not modify it."""
    return run(load(name), seed=seed)
