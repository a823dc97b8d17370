"""Locks of functions on a kernel: who gets them, and how long the others wait."""

import pytest

from drsim.simulator.durations import wait_us
from drsim.simulator.handlers.locks import VirtualLock, VirtualRLock
from drsim.simulator.kernel import Kernel

Log = list[tuple[int, str]]


def test_lock_goes_to_the_process_that_waits_longest(kernel: Kernel, log: Log) -> None:
    lock = VirtualLock(kernel)

    def work(name: str) -> None:
        with lock:
            log.append((kernel.now_us, name))
            kernel.sleep(10)

    for name in "abcd":
        kernel.spawn(name, work, name)
    kernel.run()
    assert log == [(0, "a"), (10, "b"), (20, "c"), (30, "d")]
    assert not lock.locked()


def test_attempts_end_at_their_timeouts(kernel: Kernel, log: Log) -> None:
    lock = VirtualLock(kernel)

    def attempt(blocking: bool, timeout: float) -> None:
        log.append((kernel.now_us, str(lock.acquire(blocking, timeout))))
        log.append((kernel.now_us, "end"))

    def hold() -> None:
        with lock:
            kernel.sleep(5_000_000)

    kernel.spawn("holder", hold)
    for blocking, timeout in ((False, -1), (True, 0), (True, 2.5), (True, 7)):
        kernel.spawn("attempt", attempt, blocking, timeout)
    kernel.run()
    found = [(at_us, what) for at_us, what in log if what == "end"]
    assert found == [(1, "end"), (1, "end"), (2_500_000, "end"), (5_000_000, "end")]
    assert [what for _, what in log if what != "end"] == ["False"] * 3 + ["True"]
    # No timer is left behind.
    assert kernel.now_us == 5_000_000


def test_expired_attempts_leave_the_line(kernel: Kernel) -> None:
    lock = VirtualLock(kernel)

    def attempt() -> None:
        lock.acquire()
        for _ in range(3):
            lock.acquire(timeout=1)

    kernel.spawn("attempt", attempt)
    kernel.run()
    assert lock._waiting == []


def test_killed_process_does_not_keep_others_from_a_free_lock(kernel: Kernel, log: Log) -> None:
    lock = VirtualLock(kernel)

    def work(name: str) -> None:
        with lock:
            log.append((kernel.now_us, name))
            kernel.sleep(10)

    kernel.spawn("a", work, "a")
    doomed = kernel.spawn("b", work, "b")
    kernel.spawn("c", work, "c")
    kernel.at(5, lambda _: kernel.kill(doomed), None)
    kernel.run()
    assert log == [(0, "a"), (10, "c")]
    kernel.close()


def test_reentrant_lock_belongs_to_a_process(kernel: Kernel, log: Log) -> None:
    lock = VirtualRLock(kernel)

    def owner() -> None:
        with lock, lock:
            kernel.sleep(10)
        kernel.sleep(10)

    def other() -> None:
        kernel.sleep(1)
        with pytest.raises(RuntimeError, match="cannot release un-acquired lock"):
            lock.release()
        with lock:
            log.append((kernel.now_us, "other"))

    kernel.spawn("owner", owner)
    kernel.spawn("other", other)
    kernel.run()
    assert log == [(10, "other")]


def test_free_lock_is_released_once(kernel: Kernel) -> None:
    lock = VirtualLock(kernel)
    with pytest.raises(RuntimeError, match="release unlocked lock"):
        lock.release()


def test_waits_last_whole_microseconds_and_at_least_one() -> None:
    assert [wait_us(seconds) for seconds in (0, 1e-9, 0.1234567, 2)] == [1, 1, 123_457, 2_000_000]
