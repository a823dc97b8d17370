"""Threads and locks of functions in virtual time.

Owns what a run replaces: locks and pools, on which the standard library builds conditions, events, semaphores, queues,
timers, `concurrent.futures.wait` and `as_completed`; threads; and what starts processes. Only code of an invocation
notices it.
"""

import _thread
import concurrent.futures.thread
import multiprocessing.context
import multiprocessing.process
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from drsim.simulator.handlers.errors import HandlerError
from drsim.simulator.handlers.own_code import run_submitted
from drsim.simulator.handlers.replacing import replaced
from drsim.simulator.handlers.stand_ins import OpenRun, StandInPool, lock, opened, rlock, run_of_invocation
from drsim.simulator.kernel import Kernel
from drsim.simulator.processes import NOT_OF_THE_CODE
from drsim.simulator.services.lambda_answers import text_of

_ADVICE: Final = "use concurrent.futures.ThreadPoolExecutor, whose workers run in virtual time here"


@contextmanager
def threads_in_virtual_time(kernel: Kernel, own_line: Callable[[], str]) -> Iterator[None]:
    """Make threads of functions processes of the kernel, and their locks wait in virtual time.

    A thread keeps the line of the function's own code that started it. Processes of the host, and threads that bypass
    `threading`, are refused.
    """
    with opened(OpenRun(kernel, own_line)), replaced(*_STAND_INS):
        yield


def _refusing(real: Callable[..., Any], what: str) -> Callable[..., Any]:
    def begin(*arguments: Any, **keywords: Any) -> Any:
        run = run_of_invocation()
        return real(*arguments, **keywords) if run is None else _refuse(run, what)

    return begin


_LOCKS: Final = ((_thread, "allocate_lock"), (threading, "Lock"), (threading, "_allocate_lock"))
_REFUSED: Final[tuple[tuple[Any, str, str], ...]] = (
    (_thread, "start_new_thread", "a thread by _thread"),
    *[(os, name, f"a process by os.{name}") for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "system")],
    (subprocess.Popen, "__init__", "a process by subprocess"),
    (multiprocessing.process.BaseProcess, "start", "a process by multiprocessing"),
    # What each pool, queue and lock of processes asks for first.
    (multiprocessing.context.BaseContext, "get_context", "multiprocessing"),
    (multiprocessing.context.DefaultContext, "get_context", "multiprocessing"),
    (multiprocessing, "get_context", "multiprocessing"),
)
"""What starts threads or processes that virtual time cannot hold."""


def _refuse(run: OpenRun, what: str) -> NoReturn:
    line, invocation = run.own_line(), run.invocation
    assert invocation is not None, "only invocations are refused"
    place = f" at {line}" if line else ""
    raise HandlerError(f"{invocation.function} starts {what}{place}, which virtual time cannot hold: {_ADVICE}")


def _start(thread: Any) -> None:
    run = run_of_invocation()
    if run is None:
        _OF_HOST["start"](thread)
        return
    if hasattr(thread, _ENDED):
        raise RuntimeError("threads can only be started once")
    setattr(thread, _ENDED, threading.Event())
    run.kernel.spawn(thread.name, _run, thread, run.own_line())


def _run(thread: Any, line: str) -> None:
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


def _join(thread: Any, timeout: float | None = None) -> None:
    ended = getattr(thread, _ENDED, None)
    if ended is None:
        _OF_HOST["join"](thread, timeout)
    else:
        ended.wait(timeout)


def _is_alive(thread: Any) -> bool:
    ended = getattr(thread, _ENDED, None)
    return bool(_OF_HOST["is_alive"](thread)) if ended is None else not ended.is_set()


_ENDED: Final = "_drsim_ended"
"""The attribute of a function's thread that holds the event of its end."""
_OF_HOST: Final[dict[str, Callable[..., Any]]] = {
    name: getattr(threading.Thread, name) for name in ("start", "join", "is_alive")
}
_STAND_INS: Final[tuple[tuple[Any, str, Any], ...]] = (
    *[(module, name, lock) for module, name in _LOCKS],
    (threading, "RLock", rlock),
    (queue, "SimpleQueue", vars(queue)["_PySimpleQueue"]),
    *[(module, "ThreadPoolExecutor", StandInPool) for module in (concurrent.futures, concurrent.futures.thread)],
    *[(owner, name, _refusing(getattr(owner, name), what)) for owner, name, what in _REFUSED],
    *[
        (threading.Thread, name, method)
        for name, method in (("start", _start), ("join", _join), ("is_alive", _is_alive))
    ],
)
"""What a run replaces. It is made once and knows no run, since packages keep what they import."""
