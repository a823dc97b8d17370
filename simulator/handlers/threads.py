"""Threads and locks of functions in virtual time.

Owns the locks on which the standard library builds the rest: conditions, events, semaphores, queues, timers, and
`concurrent.futures.wait` and `as_completed`. Only code of an invocation gets them. What waits for ever waits until its
function times out, as on Lambda.
"""

import _thread
import concurrent.futures
import multiprocessing.context
import multiprocessing.process
import os
import queue
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, Final, NoReturn, ParamSpec, TypeVar

from drsim.simulator.durations import wait_us
from drsim.simulator.executor import KernelExecutor
from drsim.simulator.handlers.errors import HandlerError
from drsim.simulator.handlers.own_code import run_submitted
from drsim.simulator.handlers.replacing import replaced
from drsim.simulator.kernel import Kernel
from drsim.simulator.processes import NOT_OF_THE_CODE, Process
from drsim.simulator.services.functions import Invocation
from drsim.simulator.services.lambda_answers import text_of

_P = ParamSpec("_P")
_T = TypeVar("_T")

_FOREVER_S: Final = -1
_ADVICE: Final = "use concurrent.futures.ThreadPoolExecutor, whose workers run in virtual time here"


class VirtualLock:
    """`threading.Lock` for processes of a kernel, which get it in the order in which they wait."""

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
        timers = []

        def until(wake: Callable[[], None]) -> None:
            self._waiting.append(wake)
            timers.append(self._kernel.timer(due_us, wake))

        self._kernel.suspend(until)
        timers[0].cancel()

    def release(self) -> None:
        if not self._is_held:
            raise RuntimeError("release unlocked lock")
        self._is_held = False
        # The first one takes it, and the others wait again in their order.
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


def threads_in_virtual_time(kernel: Kernel, own_line: Callable[[], str]) -> AbstractContextManager[None]:
    """Make threads of functions processes of the kernel, and their locks wait in virtual time.

    A task of a pool or a thread keeps the line of the function's own code that submitted or started it. Processes of
    the host, and threads that bypass `threading`, are refused.
    """

    class Workers(KernelExecutor):
        # Their events wait in virtual time.
        waiters = list

        def __init__(self, max_workers: int | None = None, *_: object, **__: object) -> None:
            super().__init__(kernel, max_workers or 5)

        def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
            return super().submit(run_submitted, own_line(), fn, *args, **kwargs)

    def invocation() -> Invocation | None:
        process = kernel.current
        tag = None if process is None else process.tag
        return tag if isinstance(tag, Invocation) else None

    def made(real: Callable[[], Any], virtual: Callable[[Kernel], Any]) -> Callable[[], Any]:
        return lambda: real() if invocation() is None else virtual(kernel)

    def refusing(real: Callable[..., Any], what: str) -> Callable[..., Any]:
        def begin(*arguments: Any, **keywords: Any) -> Any:
            running = invocation()
            return real(*arguments, **keywords) if running is None else _refuse(running, what, own_line())

        return begin

    locks = [(module, name, made(_thread.allocate_lock, VirtualLock)) for module, name in _LOCKS]
    refused = [(owner, name, refusing(getattr(owner, name), what)) for owner, name, what in _REFUSED]
    pools = [(module, "ThreadPoolExecutor", Workers) for module in (concurrent.futures, concurrent.futures.thread)]
    threads = [(threading.Thread, *each) for each in _thread_methods(kernel, invocation, own_line).items()]
    return replaced(
        *locks,
        (threading, "RLock", made(threading.RLock, VirtualRLock)),
        (queue, "SimpleQueue", vars(queue)["_PySimpleQueue"]),
        *pools,
        *refused,
        *threads,
    )


_LOCKS: Final = ((_thread, "allocate_lock"), (threading, "Lock"), (threading, "_allocate_lock"))
_REFUSED: Final[tuple[tuple[Any, str, str], ...]] = (
    (_thread, "start_new_thread", "a thread by _thread"),
    (os, "fork", "a process by os.fork"),
    (multiprocessing.process.BaseProcess, "start", "a process by multiprocessing"),
    # What each pool, queue and lock of processes asks for first.
    (multiprocessing.context.BaseContext, "get_context", "multiprocessing"),
    (multiprocessing.context.DefaultContext, "get_context", "multiprocessing"),
    (multiprocessing, "get_context", "multiprocessing"),
)
"""What starts threads or processes that virtual time cannot hold."""


def _refuse(invocation: Invocation, what: str, line: str) -> NoReturn:
    place = f" at {line}" if line else ""
    raise HandlerError(f"{invocation.function} starts {what}{place}, which virtual time cannot hold: {_ADVICE}")


def _thread_methods(
    kernel: Kernel, invocation: Callable[[], Invocation | None], own_line: Callable[[], str]
) -> dict[str, Callable[..., Any]]:
    """Return the methods of `threading.Thread` by name: a function's threads are processes, all others the host's."""

    def start(thread: Any) -> None:
        if invocation() is None:
            _OF_HOST["start"](thread)
            return
        if hasattr(thread, _ENDED):
            raise RuntimeError("threads can only be started once")
        setattr(thread, _ENDED, threading.Event())
        kernel.spawn(thread.name, run, thread, own_line())

    def run(thread: Any, line: str) -> None:
        try:
            run_submitted(line, thread.run)
        except NOT_OF_THE_CODE:
            raise
        except SystemExit:
            pass
        except BaseException as error:
            # As `threading.excepthook` does; its traceback would name files of the host.
            print(f"Exception in thread {thread.name}: {text_of(error)}", file=sys.stderr)
        getattr(thread, _ENDED).set()

    def join(thread: Any, timeout: float | None = None) -> None:
        ended = getattr(thread, _ENDED, None)
        if ended is None:
            _OF_HOST["join"](thread, timeout)
        else:
            ended.wait(timeout)

    def is_alive(thread: Any) -> bool:
        ended = getattr(thread, _ENDED, None)
        return bool(_OF_HOST["is_alive"](thread)) if ended is None else not ended.is_set()

    return {"start": start, "join": join, "is_alive": is_alive}


_ENDED: Final = "_drsim_ended"
"""The attribute of a function's thread that holds the event of its end."""
_OF_HOST: Final[dict[str, Callable[..., Any]]] = {
    name: getattr(threading.Thread, name) for name in ("start", "join", "is_alive")
}
