"""Locks, pools and functions that code keeps from run to run, as installed packages do."""

import concurrent.futures
import gc
import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures.thread import BrokenThreadPool
from types import SimpleNamespace
from typing import Any

import pytest

from drsim.simulator.handlers.errors import HandlerError
from drsim.simulator.handlers.threads import threads_in_virtual_time
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Stream
from drsim.simulator.services.fleets import Environment
from drsim.simulator.services.functions import Invocation


def in_invocation(task: Callable[[Kernel], Any]) -> Any:
    """Return what a task returns in an invocation of a run of its own, which ends an hour later."""
    kernel, found = Kernel(seed=7), SimpleNamespace(result=None)
    invocation = Invocation("finder", "r", "", Environment(1), 0, 1, Stream(7, "finder"), cold=True, run=1, by="")

    def invoked() -> None:
        found.result = task(kernel)

    with threads_in_virtual_time(kernel, lambda: "app.py:1"):
        kernel.spawn("finder", invoked).tag = invocation
        kernel.run(until_us=3_600_000_000)
        kernel.close()
    return found.result


@pytest.mark.parametrize("name", ["Lock", "RLock"])
def test_lock_held_at_the_end_of_a_run_is_free_afterwards(name: str) -> None:
    lock = in_invocation(lambda _: getattr(threading, name)())
    for _ in range(2):
        assert in_invocation(lambda _: lock.acquire(timeout=1))
        # For the host it is a real lock.
        with lock:
            pass


def test_lock_of_an_earlier_run_waits_in_the_present_one() -> None:
    lock = in_invocation(lambda _: threading.Lock())

    def wait(kernel: Kernel) -> tuple[bool, int]:
        lock.acquire()
        return lock.acquire(timeout=2), kernel.now_us

    assert [in_invocation(wait) for _ in range(2)] == [(False, 2_000_000)] * 2


def test_condition_forgets_who_waited_in_an_earlier_run() -> None:
    condition = in_invocation(lambda _: threading.Condition())

    def notified(kernel: Kernel) -> tuple[bool, int]:
        def notify() -> None:
            kernel.sleep(3_000_000)
            with condition:
                condition.notify()

        threading.Thread(target=notify).start()
        with condition:
            return condition.wait(10), kernel.now_us

    def waits_for_ever(_: Kernel) -> None:
        with condition:
            condition.wait()

    for _ in range(2):
        assert in_invocation(waits_for_ever) is None
        assert in_invocation(notified) == (True, 3_000_000)


def test_classes_and_pools_of_an_earlier_run_work_in_the_present_one() -> None:
    def kept(_: Kernel) -> tuple[Any, ...]:
        return concurrent.futures.ThreadPoolExecutor, concurrent.futures.ThreadPoolExecutor(2), threading.Lock

    pool_of, pool, lock_of = in_invocation(kept)

    def work(kernel: Kernel) -> tuple[list[None], bool, int]:
        seconds = (1_000_000, 2_000_000, 3_000_000)
        results = [*pool_of(3).map(kernel.sleep, seconds), *pool.map(kernel.sleep, seconds)]
        return results, lock_of().acquire(), kernel.now_us

    for _ in range(2):
        assert in_invocation(work) == ([None] * 6, True, 7_000_000)
    # For the host they are real ones.
    with pool_of(2) as threads:
        assert threads.submit(threading.get_ident).result() != threading.get_ident()
    assert pool.submit(int, "1").result() == 1
    pool.shutdown()
    assert type(lock_of()) is type(threading.Lock())


def test_what_code_keeps_does_not_keep_the_run() -> None:
    def make(kernel: Kernel) -> tuple[Any, ...]:
        lock, pool = threading.Lock(), concurrent.futures.ThreadPoolExecutor(2)
        pool.submit(lock.acquire).result()
        return weakref.ref(kernel), lock, pool, threading.Lock, os.fork

    kernel, *_kept = in_invocation(make)
    gc.collect()
    assert kernel() is None


def test_functions_of_an_earlier_run_are_refused_with_the_present_line() -> None:
    fork = in_invocation(lambda _: os.fork)

    def refused(_: Kernel) -> str:
        with pytest.raises(HandlerError) as caught:
            fork()
        return str(caught.value)

    assert in_invocation(refused).startswith("finder starts a process by os.fork at app.py:1, which")


# --- pools ------------------------------------------------------------------------------------------------------------


def test_initializer_runs_once_for_each_thread_that_python_would_begin() -> None:
    def work(kernel: Kernel) -> tuple[list[str], int]:
        begun: list[str] = []
        with concurrent.futures.ThreadPoolExecutor(3, initializer=begun.append, initargs=("client",)) as pool:
            for _ in range(4):
                pool.submit(kernel.sleep, 1_000_000).result()
            in_sequence = len(begun)
            for _ in range(9):
                pool.submit(kernel.sleep, 1_000_000)
        return begun, in_sequence

    assert in_invocation(work) == (["client"] * 3, 1)


def test_failing_initializer_breaks_the_pool() -> None:
    def work(_: Kernel) -> list[str]:
        pool = concurrent.futures.ThreadPoolExecutor(1, initializer=int, initargs=("wave",))
        tasks = [pool.submit(int, "1"), pool.submit(int, "2")]
        found = [type(task.exception()).__name__ for task in tasks]
        with pytest.raises(BrokenThreadPool, match="A thread initializer failed"):
            pool.submit(int, "3")
        return found

    assert in_invocation(work) == ["BrokenThreadPool"] * 2


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"max_workers": 0}, "max_workers must be greater than 0"),
        ({"initializer": 1}, "initializer must be a callable"),
    ],
)
def test_pool_refuses_wrong_arguments_as_python_does(arguments: dict[str, Any], error: str) -> None:
    def make(_: Kernel) -> None:
        with pytest.raises((ValueError, TypeError), match=error):
            concurrent.futures.ThreadPoolExecutor(**arguments)

    in_invocation(make)
    with pytest.raises((ValueError, TypeError), match=error):
        concurrent.futures.ThreadPoolExecutor(**arguments)


def test_pool_without_a_size_has_six_workers() -> None:
    def work(kernel: Kernel) -> int:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            pool.map(kernel.sleep, [1_000_000] * 7)
        return kernel.now_us

    assert in_invocation(work) == 2_000_000
