"""asyncio in functions: event loops that wait in virtual time, one running loop for each process of the kernel."""

import asyncio
import asyncio.events
import asyncio.unix_events
import selectors
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

from drsim.simulator.durations import wait_us
from drsim.simulator.handlers.replacing import replaced
from drsim.simulator.kernel import Kernel
from drsim.simulator.processes import Process

_POLICY: Final[Any] = vars(asyncio.unix_events)["_UnixDefaultEventLoopPolicy"]
_EVENTS: Final[Any] = asyncio.events


class _Selector(selectors.DefaultSelector):
    """Waits for its timeout in virtual time, or until `wake`: nothing else can become ready, without a network."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self._kernel = kernel
        self._waked: Callable[[], None] | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        kernel = self._kernel
        timers = []

        def until(wake: Callable[[], None]) -> None:
            self._waked = wake
            if timeout is not None:
                timers.append(kernel.timer(kernel.now_us + wait_us(timeout), wake))

        kernel.suspend(until)
        self._waked = None
        for timer in timers:
            timer.cancel()
        return super().select(0)

    def wake(self) -> None:
        if self._waked is not None:
            self._waked()


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, kernel: Kernel) -> None:
        self._virtual = _Selector(kernel)
        self._kernel = kernel
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._kernel.now_us / 1_000_000

    def __del__(self) -> None:
        # It ends with its environment. asyncio would warn.
        if not self.is_closed() and not self.is_running():
            self.close()

    def _write_to_self(self) -> None:
        # Workers of pools wake the loop by it.
        super()._write_to_self()  # type: ignore[misc]  # unknown to its types
        self._virtual.wake()


def loops_in_virtual_time(kernel: Kernel) -> AbstractContextManager[None]:
    """Make the event loops of functions wait in virtual time."""
    real = _POLICY._loop_factory

    def made(*_: object) -> asyncio.AbstractEventLoop:
        loop: asyncio.AbstractEventLoop = real() if kernel.current is None else _Loop(kernel)
        return loop

    return replaced((_POLICY, "_loop_factory", made))


class RunningLoops:
    """The running loops of processes that wait. Python has one for each of its threads."""

    def __init__(self) -> None:
        self._loops: dict[Process | None, Any] = {}
        # Whose loop is in place; None is the code outside the run.
        self._owner: Process | None = None

    def resumed(self, process: Process | None) -> None:
        """Put the loop of the process that continues in place of the present one."""
        running = _EVENTS._get_running_loop()
        if running is not None or self._loops:
            if running is not None:
                self._loops[self._owner] = running
            _EVENTS._set_running_loop(self._loops.pop(process, None))
        self._owner = process


def policy() -> Any:
    """The policy, which holds the current loop; None makes one when it is asked for."""
    return _EVENTS._event_loop_policy


def use_policy(other: Any) -> None:
    _EVENTS._event_loop_policy = other
