"""The speed of the kernel relative to SimPy 4, and to a bare heap in a loop, which is the least possible work.

Each contender runs the same model: chains that wait `WAITS` times each, every chain with its own delay.
"""

from collections.abc import Callable, Generator
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

import simpy

from drsim.simulator.kernel import Kernel
from tests.bench.figures import Figure
from tests.bench.rounds import at_least, figure, in_turn, ratios, timed

CHAINS: Final = 200
WAITS: Final = 100
ROUNDS: Final = 101

_DELAYS: Final = [1 + number * 7_919 % 1_000 for number in range(CHAINS)]


def kernel_processes() -> None:
    """Greenlets that sleep."""
    kernel = Kernel()

    def body(delay_us: int) -> None:
        for _ in range(WAITS):
            kernel.sleep(delay_us)

    for delay_us in _DELAYS:
        kernel.spawn("chain", body, delay_us)
    kernel.run()


def simpy_processes() -> None:
    """Generators that wait for timeouts."""
    environment = simpy.Environment()

    def body(delay: int) -> Generator[simpy.Event, object, None]:
        for _ in range(WAITS):
            yield environment.timeout(delay)

    for delay in _DELAYS:
        environment.process(body(delay))
    environment.run()


def kernel_callbacks() -> None:
    """Actions that schedule themselves again."""
    kernel = Kernel()

    def chain(delay_us: int) -> None:
        left = WAITS

        def tick(_: object) -> None:
            nonlocal left
            left -= 1
            if left:
                kernel.at(kernel.now_us + delay_us, tick, None)

        kernel.at(delay_us, tick, None)

    for delay_us in _DELAYS:
        chain(delay_us)
    kernel.run()


def simpy_callbacks() -> None:
    """Timeouts whose callback makes the next timeout."""
    environment = simpy.Environment()

    def chain(delay: int) -> None:
        left = WAITS

        def tick(_: simpy.Event) -> None:
            nonlocal left
            left -= 1
            if left:
                environment.timeout(delay).callbacks.append(tick)

        environment.timeout(delay).callbacks.append(tick)

    for delay in _DELAYS:
        chain(delay)
    environment.run()


def bare_heap() -> None:
    """The same callbacks without checks, bounds and cancellable events."""
    heap: list[tuple[int, int, Callable[[Any], None], Any]] = []
    serials = count()
    now = 0

    def chain(delay: int) -> None:
        left = WAITS

        def tick(_: object) -> None:
            nonlocal left
            left -= 1
            if left:
                heappush(heap, (now + delay, next(serials), tick, None))

        heappush(heap, (delay, next(serials), tick, None))

    for delay in _DELAYS:
        chain(delay)
    while heap:
        now, _, action, argument = heappop(heap)
        action(argument)


CONTENDERS: Final[dict[str, Callable[[], None]]] = {
    "processes": kernel_processes,
    "processes in SimPy": simpy_processes,
    "callbacks": kernel_callbacks,
    "callbacks in SimPy": simpy_callbacks,
    "callbacks in a bare heap": bare_heap,
}
RATIOS: Final = {
    ("processes", "processes in SimPy"): 0.7,
    ("callbacks", "callbacks in SimPy"): 1.5,
    ("callbacks", "callbacks in a bare heap"): 0.7,
}
"""The least ratio of the kernel's rate to each rival's rate. The bounds leave room for a loop that is easy to read."""


def seconds(rounds: int) -> dict[str, list[float]]:
    """Processor seconds of each contender in each round."""
    return in_turn({name: timed(contender) for name, contender in CONTENDERS.items()}, rounds)


def figures() -> list[Figure]:
    """The rates of all contenders, and the kernel's rates relative to its rivals' rates."""
    took = seconds(ROUNDS)
    model = f"{CHAINS} chains of {WAITS} waits, processor time, in turn in one process"
    return [
        *(figure(name, [CHAINS * WAITS / each for each in spent], "events/s", model) for name, spent in took.items()),
        *(
            figure(f"{ours} relative to {theirs}", ratios(took[theirs], took[ours]), "times", model, at_least(bound))
            for (ours, theirs), bound in RATIOS.items()
        ),
    ]
