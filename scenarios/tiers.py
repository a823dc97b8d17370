"""The tiers: what stands for AWS in a run. `fast` has this project's functions on ports, the others Lambda handlers."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

from drsim.scenarios.extras import needs

if TYPE_CHECKING:
    from drsim.simulator.handlers.functions import Handlers
    from drsim.simulator.spec.world import WorldSpec
    from drsim.simulator.world import Parts

Tier = Literal["fast", "client", "wire"]


def parts_of(
    tier: Tier, spec: "WorldSpec", *, seed: int, functions: "Handlers | None" = None, parts: "Parts | None" = None
) -> "AbstractContextManager[Parts | None]":
    """Return the parts of one run: create, run and close its world inside the context. `parts` are the fast tier's.

    `functions` are other handlers than this project's. Raises MissingExtraError.
    """
    if tier == "client":
        with needs("client", "the client tier"):
            from drsim.simulator.client.tier import client_parts
        return nullcontext(client_parts(spec, functions=functions))
    if tier == "wire":
        with needs("wire", "the wire tier"):
            from drsim.simulator.wire.tier import wire_parts
        return wire_parts(spec, seed=seed, functions=functions)
    return nullcontext(parts)
