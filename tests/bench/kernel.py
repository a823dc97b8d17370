"""How fast the kernel is, beside SimPy 4 and beside the least that could do the work: a heap in a loop.

Every contender runs the same model, chains that each wait so many times with a delay of their own. They take turns, and
a ratio is the median over the rounds of the two times of one round, so that a busy host slows both sides of it.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from statistics import median
from time import perf_counter
from typing import Any, Final

import simpy

from simulator.kernel import Kernel

CHAINS: Final = 200
WAITS: Final = 200
ROUNDS: Final = 101

_DELAYS: Final = [1 + number * 7_919 % 1_000 for number in range(CHAINS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One of the kernel's rates beside a rival's, in events per second. The kernel must reach `ratio_min`."""

    what: str
    rival: str
    rate: float
    rival_rate: float
    ratio: float
    ratio_min: float


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
    """The same callbacks with neither checks nor bounds, nor anything that could be called off."""
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


Contender = Callable[[], None]

CONTENDERS: Final[tuple[Contender, ...]] = (
    kernel_processes,
    simpy_processes,
    kernel_callbacks,
    simpy_callbacks,
    bare_heap,
)


def measure(rounds: int = ROUNDS) -> list[Comparison]:
    """Time all contenders in turn, `rounds` times over; 101 rounds take about twelve seconds."""
    seconds: dict[Contender, list[float]] = {contender: [] for contender in CONTENDERS}
    for _ in range(rounds):
        for contender in CONTENDERS:
            began = perf_counter()
            contender()
            seconds[contender].append(perf_counter() - began)

    def compare(what: str, ours: Contender, rival: str, theirs: Contender, ratio_min: float) -> Comparison:
        return Comparison(
            what=what,
            rival=rival,
            rate=CHAINS * WAITS / median(seconds[ours]),
            rival_rate=CHAINS * WAITS / median(seconds[theirs]),
            ratio=median(their / our for our, their in zip(seconds[ours], seconds[theirs], strict=True)),
            ratio_min=ratio_min,
        )

    return [
        compare("processes", kernel_processes, "SimPy", simpy_processes, 0.8),
        compare("callbacks", kernel_callbacks, "SimPy", simpy_callbacks, 1.5),
        compare("callbacks", kernel_callbacks, "bare heap", bare_heap, 0.7),
    ]


def show(comparisons: list[Comparison]) -> str:
    """The comparisons as a table."""
    lines = [f"{'kernel':<10}{'events/s':>12}  {'beside':<10}{'events/s':>12}{'ratio':>8}{'at least':>10}"]
    lines += [
        f"{each.what:<10}{each.rate:>12,.0f}  {each.rival:<10}{each.rival_rate:>12,.0f}"
        f"{each.ratio:>8.2f}{each.ratio_min:>10.2f}"
        for each in comparisons
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(show(measure()))
