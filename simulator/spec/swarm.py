"""The swarm: rules drawn from the seed, a random subset of the kinds, each strong (Groce, "Swarm Testing", ISSTA 2012).

Drawn rules are ordinary ones. Each kind has its own stream: a new kind changes only the seeds in which it is drawn.
"""

from typing import Any, Final, TypeVar

from drsim.orchestrator.settings import SECOND_US
from drsim.simulator.faults.kinds import Excuse, Fault
from drsim.simulator.faults.rules import Rule
from drsim.simulator.randomness import Spread, Stream
from drsim.simulator.spec.world import WorldSpec

_S = TypeVar("_S", bound=WorldSpec)

_CHANCES: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
_RANKS: Final = 1 << 64


def with_swarm(spec: _S, seed: int) -> _S:
    """Return the same world with this seed's rules after its own, and without a swarm."""
    swarm = spec.swarm
    if swarm is None:
        return spec
    streams = {fault: Stream(seed, f"swarm/{fault}") for fault in swarm.faults}
    ranked = sorted(streams, key=lambda fault: streams[fault].below(_RANKS))
    count = 1 + Stream(seed, "swarm").below(min(swarm.most, len(ranked)))
    rules = tuple(_drawn(fault, spec, streams[fault]) for fault in ranked[:count])
    return spec.model_copy(update={"faults": (*spec.faults, *rules), "swarm": None})


def _drawn(fault: Fault, spec: WorldSpec, stream: Stream) -> Rule:
    kind = fault.kind
    # Half of the time at one operation, else at each of the kind's points.
    operation = (
        str(kind.points[stream.below(len(kind.points))]) if len(kind.points) > 1 and stream.chance(0.5) else None
    )
    end_us = spec.heal or spec.duration
    after_us, before_us = 0, None
    if kind.excuses is not Excuse.TRUTH and stream.chance(0.5):
        after_us = stream.below(end_us * 3 // 4) // SECOND_US * SECOND_US
        before_us = min(end_us, after_us + (1 + stream.below(end_us // 2) // SECOND_US) * SECOND_US)
    chance = _CHANCES[0 if kind.rare else stream.below(len(_CHANCES))]
    delay = kind.delay
    if delay is not None and kind.excuses is not Excuse.CLOCK:
        # The default, or a tenth to twice as long.
        factor = (10, 1, 5, 20)[stream.below(4)]
        delay = Spread(delay.low_us * factor // 10, delay.high_us * factor // 10)
    options: dict[str, Any] = {"attempts": 1 + stream.below(3), "servers": 1 if stream.chance(0.5) else None}
    options["redelivered"] = stream.chance(0.5)
    return Rule.model_construct(
        fault=fault,
        operation=operation,
        after=after_us,
        before=before_us,
        chance=chance,
        delay=delay,
        **{name: value for name, value in options.items() if name in kind.options},
    )
