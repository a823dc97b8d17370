"""What a user lets run in place of drsim's own code: parts by the place that names them, or handlers; and worlds."""

import pkgutil
import sys
from functools import cache
from typing import TypeAlias

from drsim.scenarios.extras import needs
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.trace import BrokenSimulationError
from drsim.simulator.world import Parts, World

Code: TypeAlias = str | Handlers
"""What runs: parts, as MODULE:NAME, "" for drsim's own code, or a team's handlers, in the client tier."""


@cache
def parts_of(place: str) -> Parts | None:
    """The parts that `module:NAME` holds, or `module:NAME:KEY` a mapping; None for "". Raises ValueError."""
    if not place:
        return None
    module, _, rest = place.partition(":")
    name, _, key = rest.partition(":")
    if "" not in sys.path:
        # Parts of a user's own lie where the command is run.
        sys.path.insert(0, "")
    try:
        found = pkgutil.resolve_name(f"{module}:{name}")
        parts = found[key] if key else found
    except (ImportError, AttributeError, ValueError, LookupError, TypeError) as error:
        in_words = f"no key {key!r}" if isinstance(error, LookupError) else error
        raise ValueError(
            f"parts must be module:NAME or module:NAME:KEY of a drsim.simulator.world.Parts, got {place!r}: {in_words}"
        ) from None
    if not isinstance(parts, Parts):
        raise ValueError(f"parts must be a drsim.simulator.world.Parts, got {place!r}, a {type(parts).__name__}")
    return parts


class UnbuiltWorldError(Exception):
    """A world cannot be built of these parts: they raised. The message holds what they raised."""


def world_of(spec: WorldSpec, seed: int, code: Code, *, verdict_only: bool = False) -> World:
    """A world that has not run. Raises UnbuiltWorldError for anything that a user's parts raise."""
    parts = parts_of(code) if isinstance(code, str) else _parts_of_handlers(code, spec)
    try:
        return World(spec, seed=seed, parts=parts, verdict_only=verdict_only)
    except (Exception, BrokenSimulationError) as error:
        raise UnbuiltWorldError(f"{type(error).__name__}: {error}") from error


def _parts_of_handlers(handlers: Handlers, spec: WorldSpec) -> Parts:
    with needs("client", "the client tier"):
        from drsim.simulator.client.tier import client_parts
    return client_parts(spec, functions=handlers)
