"""Locks in virtual time, for the processes of one kernel. What waits for ever waits until its function times out."""

from collections.abc import Callable
from typing import Final

from drsim.simulator.durations import wait_us
from drsim.simulator.kernel import Kernel
from drsim.simulator.processes import Process

_FOREVER_S: Final = -1


class VirtualLock:
    """`threading.Lock` for processes of a kernel.

    It wakes those that wait in their order. As in Python, the process that releases it may take it again before them.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._is_held = False
        self._waiting: list[Callable[[], None]] = []

    def acquire(self, blocking: bool = True, timeout: float = _FOREVER_S) -> bool:
        if not self._is_held:
            self._is_held = True
            return True
        kernel = self._kernel
        # A failed attempt takes time, too, so that code which tries again and again does not stop it.
        due_us = kernel.now_us + wait_us(timeout if blocking else 0) if timeout >= 0 or not blocking else None
        while self._is_held:
            if due_us is not None and kernel.now_us >= due_us:
                return False
            if due_us is None:
                kernel.suspend(self._waiting.append)
            else:
                self._wait(due_us)
        self._is_held = True
        return True

    def _wait(self, due_us: int) -> None:
        wakes, timers = [], []

        def until(wake: Callable[[], None]) -> None:
            wakes.append(wake)
            timers.append(self._kernel.timer(due_us, wake))
            self._waiting.append(wake)

        self._kernel.suspend(until)
        timers[0].cancel()
        # Code that tries again and again would fill the list until a release.
        self._waiting = [wake for wake in self._waiting if wake not in wakes]

    def release(self) -> None:
        if not self._is_held:
            raise RuntimeError("release unlocked lock")
        self._is_held = False
        # The first one to run takes it, and the others wait again in their order.
        waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def locked(self) -> bool:
        return self._is_held

    def _is_owned(self) -> bool:
        """Stand in for what `threading.Condition` would find out by an attempt."""
        return self._is_held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class VirtualRLock:
    """`threading.RLock`, held by a process as often as it likes."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._lock = VirtualLock(kernel)
        self._owner: Process | None = None
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = _FOREVER_S) -> bool:
        if not self._is_owned():
            if not self._lock.acquire(blocking, timeout):
                return False
            self._owner = self._kernel.current
        self._count += 1
        return True

    def release(self) -> None:
        if not self._is_owned():
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = None
            self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    # What `threading.Condition` asks of its lock.

    def _is_owned(self) -> bool:
        return self._count > 0 and self._owner is self._kernel.current

    def _release_save(self) -> int:
        count, self._count, self._owner = self._count, 0, None
        self._lock.release()
        return count

    def _acquire_restore(self, count: int) -> None:
        self._lock.acquire()
        self._count, self._owner = count, self._kernel.current
