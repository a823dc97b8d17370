"""EventBridge: a rule with a rate. Each tick invokes one function asynchronously."""

from collections.abc import Callable

from drsim.simulator.events import TickFired
from drsim.simulator.kernel import Kernel
from drsim.simulator.trace import Trace


class ScheduleRule:
    """`rate(n minutes)`, counted from the first tick."""

    def __init__(
        self, kernel: Kernel, trace: Trace, *, first_us: int, rate_us: int, target: Callable[[int], object]
    ) -> None:
        self._kernel = kernel
        self._trace = trace
        self._first_us = first_us
        self._rate_us = rate_us
        self._target = target
        kernel.at(first_us, self._fire, 1)

    def _fire(self, number: int) -> None:
        self._trace.emit(TickFired(self._kernel.now_us, number))
        self._target(number)
        self._kernel.at(self._first_us + number * self._rate_us, self._fire, number + 1)
