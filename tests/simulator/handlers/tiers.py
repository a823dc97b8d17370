"""The tier in which a test's handlers run: each test of this folder that runs handlers does so in both."""

from contextlib import AbstractContextManager

from drsim.scenarios.tiers import Tier, parts_of
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.world import Parts

present: list[Tier] = ["client"]
"""The tier of the present test."""


def handler_parts(spec: WorldSpec, functions: Handlers) -> AbstractContextManager[Parts | None]:
    """The parts of a run with seed 1 in the present tier."""
    return parts_of(present[0], spec, seed=1, functions=functions)
