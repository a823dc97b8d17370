"""Stand-ins for locks and pools that invocations make: of virtual time in a run, real outside of runs.

Installed packages stay loaded from run to run, and keep the classes that they import and the locks that they make. So
a stand-in knows no kernel: it asks for the open run at each call, and its state in a run ends with the run.
"""

import _thread
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.thread import BrokenThreadPool
from concurrent.futures.thread import ThreadPoolExecutor as RealPool
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from drsim.simulator.executor import KernelExecutor
from drsim.simulator.handlers.locks import VirtualLock, VirtualRLock
from drsim.simulator.handlers.own_code import run_submitted
from drsim.simulator.kernel import Kernel
from drsim.simulator.processes import NOT_OF_THE_CODE
from drsim.simulator.services.functions import Invocation

_P = ParamSpec("_P")
_T = TypeVar("_T")

_WORKERS_MAX: Final = 6
"""The default of Python, `min(32, os.cpu_count() + 4)`, for the two processors that most functions have."""


class OpenRun:
    """A run whose functions may use threads, and the locks and pools that stand-ins have in it."""

    def __init__(self, kernel: Kernel, own_line: Callable[[], str]) -> None:
        self.kernel = kernel
        self.own_line = own_line
        self.virtual: WeakKeyDictionary[StandIn, Any] = WeakKeyDictionary()

    @property
    def invocation(self) -> Invocation | None:
        """The invocation whose code runs now."""
        process = self.kernel.current
        tag = None if process is None else process.tag
        return tag if isinstance(tag, Invocation) else None


_open: Final[list[OpenRun]] = []
"""The runs that are open; the last one counts."""


@contextmanager
def opened(run: OpenRun) -> Iterator[None]:
    """Let stand-ins work in a run."""
    _open.append(run)
    try:
        yield
    finally:
        _open.pop()


def run_of_invocation() -> OpenRun | None:
    """Return the open run, if it runs the code of an invocation now."""
    run = _open[-1] if _open else None
    return None if run is None or run.invocation is None else run


class StandIn(ABC):
    """What code may keep beyond the run in which it made it."""

    @abstractmethod
    def _of_run(self, run: OpenRun) -> Any:
        """Make what stands for it in a run."""

    @property
    @abstractmethod
    def _real(self) -> Any:
        """What stands for it outside of runs."""

    @property
    def _present(self) -> Any:
        """What stands for it now. What an invocation has used stays virtual until the run ends."""
        run = _open[-1] if _open else None
        if run is None:
            return self._real
        found = run.virtual.get(self)
        if found is None:
            if run.invocation is None:
                return self._real
            found = run.virtual[self] = self._of_run(run)
        return found


class _Acquired(StandIn):
    """A lock of either kind."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        return bool(self._present.acquire(blocking, timeout))

    def release(self) -> None:
        self._present.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class StandInLock(_Acquired):
    """Stands in for `threading.Lock`."""

    def __init__(self) -> None:
        self._lock: Any = _REAL_LOCK()

    @property
    def _real(self) -> Any:
        return self._lock

    def _of_run(self, run: OpenRun) -> Any:
        return VirtualLock(run.kernel)

    def locked(self) -> bool:
        return bool(self._present.locked())

    def _is_owned(self) -> bool:
        """Stand in for what `threading.Condition` would find out by an attempt."""
        return self.locked()


class StandInRLock(_Acquired):
    """Stands in for `threading.RLock`."""

    def __init__(self) -> None:
        self._lock: Any = _REAL_RLOCK()

    @property
    def _real(self) -> Any:
        return self._lock

    def _of_run(self, run: OpenRun) -> Any:
        return VirtualRLock(run.kernel)

    # What `threading.Condition` asks of its lock.

    def _is_owned(self) -> bool:
        return bool(self._present._is_owned())

    def _release_save(self) -> Any:
        return self._present._release_save()

    def _acquire_restore(self, state: Any) -> None:
        self._present._acquire_restore(state)


_REAL_LOCK: Final = _thread.allocate_lock
_REAL_RLOCK: Final = threading.RLock


def lock() -> Any:
    """Make a `threading.Lock`: a stand-in for the code of an invocation."""
    return _REAL_LOCK() if run_of_invocation() is None else StandInLock()


def rlock() -> Any:
    """Make a `threading.RLock`: a stand-in for the code of an invocation."""
    return _REAL_RLOCK() if run_of_invocation() is None else StandInRLock()


class StandInPool(StandIn, Executor):
    """Stands in for `ThreadPoolExecutor`. Raises what it raises for wrong arguments."""

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        if max_workers is not None and max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._max_workers = _WORKERS_MAX if max_workers is None else max_workers
        self._thread_name_prefix = thread_name_prefix
        self._initializer, self._initargs = initializer, initargs

    @cached_property
    def _real(self) -> Any:
        return RealPool(self._max_workers, self._thread_name_prefix, self._initializer, self._initargs)

    def _of_run(self, run: OpenRun) -> Any:
        return _VirtualPool(run, self._max_workers, self._initializer, self._initargs)

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        future: Future[_T] = self._present.submit(fn, *args, **kwargs)
        return future

    def map(
        self, fn: Callable[..., _T], *iterables: Iterable[Any], timeout: float | None = None, chunksize: int = 1
    ) -> Iterator[_T]:
        results: Iterator[_T] = self._present.map(fn, *iterables, timeout=timeout, chunksize=chunksize)
        return results

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._present.shutdown(wait, cancel_futures=cancel_futures)


class _VirtualPool(KernelExecutor):
    """A pool of one run. Its tasks keep the line of the function's own code that submitted them."""

    # Their events wait in virtual time.
    waiters = list

    def __init__(
        self, run: OpenRun, workers_max: int, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]
    ) -> None:
        super().__init__(run.kernel, workers_max)
        self._own_line = run.own_line
        self._initializer, self._initargs = initializer, initargs
        self._busy_count = self._initialized_count = 0
        self._is_broken = False

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        self._check()
        if self._initializer is None:
            return super().submit(run_submitted, self._own_line(), fn, *args, **kwargs)
        return super().submit(run_submitted, self._own_line(), self._after_initializer, fn, *args, **kwargs)

    def _after_initializer(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Run a task, after the initializer if more tasks run now than ever before: Python would begin a thread."""
        self._check()
        self._busy_count += 1
        try:
            if self._busy_count > self._initialized_count:
                self._initialized_count += 1
                self._initialize()
            return fn(*args, **kwargs)
        finally:
            self._busy_count -= 1

    def _initialize(self) -> None:
        assert self._initializer is not None, "without one, tasks run as they are"
        try:
            self._initializer(*self._initargs)
        except NOT_OF_THE_CODE:
            raise
        except BaseException as error:
            self._is_broken = True
            raise BrokenThreadPool(_BROKEN) from error

    def _check(self) -> None:
        if self._is_broken:
            raise BrokenThreadPool(_BROKEN)


_BROKEN: Final = "A thread initializer failed, the thread pool is not usable anymore"
