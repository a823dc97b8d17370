"""The swarm: rules drawn from the seed, a random subset of the kinds with random strengths.

After TigerBeetle's VOPR and Groce's "Swarm Testing" (ISSTA 2012): a run with few kinds, each strong, reaches states
that one with a little of everything never does. Drawn rules are ordinary ones: a run can be replayed without its swarm.
"""

from typing import Any, Final, TypeVar

from drsim.orchestrator.settings import SECOND_US
from drsim.simulator.faults.rules import OPERATIONS, OPTIONS, TRUTHS, Fault, Rule
from drsim.simulator.randomness import Spread, Stream
from drsim.simulator.spec.world import WorldSpec

_S = TypeVar("_S", bound=WorldSpec)

_CHANCES: Final = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
_RARE: Final = frozenset({Fault.CANCELLED, Fault.DELETED})
"""What people do to an execution is seldom, or nothing would be left to watch."""


def with_swarm(spec: _S, seed: int) -> _S:
    """The same world with this seed's rules behind its own, and without a swarm."""
    swarm = spec.swarm
    if swarm is None:
        return spec
    stream = Stream(seed, "swarm")
    most = min(swarm.most, len(swarm.faults))
    chosen = stream.sample(len(swarm.faults), 1 + stream.below(most))
    rules = tuple(_drawn(swarm.faults[place], spec, stream) for place in chosen)
    return spec.model_copy(update={"faults": (*spec.faults, *rules), "swarm": None})


def _drawn(fault: Fault, spec: WorldSpec, stream: Stream) -> Rule:
    operations = OPERATIONS[fault]
    # Half of the time at one operation, else wherever it may act.
    operation = operations[stream.below(len(operations))] if len(operations) > 1 and stream.chance(0.5) else None
    end_us = spec.heal or spec.duration
    after_us, before_us = 0, None
    if fault not in TRUTHS and stream.chance(0.5):
        after_us = stream.below(end_us * 3 // 4) // SECOND_US * SECOND_US
        before_us = min(end_us, after_us + (1 + stream.below(end_us // 2) // SECOND_US) * SECOND_US)
    chance = 0.02 if fault in _RARE else _CHANCES[stream.below(len(_CHANCES))]
    delay = Rule(fault=fault).length
    if fault is not Fault.CLOCK_SKEW:
        # As the default, or a tenth to twice as long.
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
        delay=delay if delay.high_us else None,
        **{name: value for name, value in options.items() if fault in OPTIONS[name]},
    )
