"""A `concurrent.futures` executor in virtual time: its workers are processes, and waiting for a result suspends one.

Owns the order of tasks, and waiting for a future. For code that takes an Executor it behaves as ThreadPoolExecutor:
submit, map, results, exceptions, timeouts, cancellation and `with`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from itertools import count
from typing import Any, ParamSpec, TypeVar

from drsim.simulator.durations import wait_us
from drsim.simulator.kernel import Kernel
from drsim.simulator.processes import NOT_OF_THE_CODE, MisuseError, Process

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(slots=True)
class _Pool:
    """The workers of one owner, and the tasks that wait for them."""

    workers: list[Process] = field(default_factory=list)
    tasks: "_Tasks" = field(default_factory=deque)


class KernelExecutor(Executor):
    """Runs tasks in the order of their submission, at most `workers_max` at a time.

    Workers are children of the process that submits, and die with it; a killed worker's future stays running for ever.
    An executor that outlives an invocation has separate workers for each one (for each tag of a process): a task runs
    in the name of the invocation that submitted it.
    """

    @property
    def waiters(self) -> type[list[Any]]:
        """The type of list to which `wait` and `as_completed` append: the usual one, if their events wait here."""
        return _NoWaiters

    def __init__(self, kernel: Kernel, workers_max: int) -> None:
        if workers_max < 1:
            raise MisuseError(f"workers_max must be >= 1, got {workers_max}")
        self._kernel = kernel
        self._workers_max = workers_max
        self._pools: dict[object, _Pool] = {}
        self._unfinished: dict[_KernelFuture[Any], None] = {}
        self._shut_down = False
        self._numbers = count()

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        if self._shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: _KernelFuture[_T] = _KernelFuture(self._kernel, self.waiters(), next(self._numbers))
        pool = self._pool()
        # Workers that have ended are gone; those that were killed are not. With a task in line all are at work.
        if len(pool.workers) >= self._workers_max and not pool.tasks:
            pool.workers = [worker for worker in pool.workers if worker.alive]
        pool.tasks.append((future, lambda: fn(*args, **kwargs)))
        self._unfinished[future] = None
        if len(pool.workers) < self._workers_max:
            pool.workers.append(self._kernel.spawn("executor worker", self._work, pool))
        return future

    def map(
        self,
        fn: Callable[..., _T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,  # noqa: ARG002 - as with threads, it has no effect
    ) -> Iterator[_T]:
        # Executor.map would measure its timeout by the host's clock.
        due_us = None if timeout is None else self._kernel.now_us + wait_us(timeout)
        futures = [self.submit(fn, *arguments) for arguments in zip(*iterables, strict=False)]

        def results() -> Iterator[_T]:
            try:
                for future in futures:
                    yield future.result(None if due_us is None else (due_us - self._kernel.now_us) / 1_000_000)
            finally:
                for future in futures:
                    future.cancel()

        return results()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._shut_down = True
        if cancel_futures:
            for pool in self._pools.values():
                for future, _ in pool.tasks:
                    future.cancel()
                    del self._unfinished[future]
                pool.tasks.clear()
        if wait:
            for future in list(self._unfinished):
                future.wait(None)

    def _pool(self) -> _Pool:
        """The pool of the process that submits."""
        submitter = self._kernel.current
        owner = None if submitter is None else submitter.tag
        pool = self._pools.get(owner)
        if pool is None:
            # An executor may outlive any number of owners: drop the pools of those that have ended.
            pools = self._pools.items()
            self._pools = {each: held for each, held in pools if any(worker.alive for worker in held.workers)}
            pool = self._pools[owner] = _Pool()
        return pool

    def _work(self, pool: _Pool) -> None:
        while pool.tasks:
            future, task = pool.tasks.popleft()
            if future.set_running_or_notify_cancel():
                try:
                    result = task()
                except NOT_OF_THE_CODE:
                    raise
                except BaseException as error:
                    # As in a thread of a pool, even sys.exit() belongs to the future.
                    future.set_exception(error)
                else:
                    future.set_result(result)
            del self._unfinished[future]
        ended = self._kernel.current
        pool.workers = [worker for worker in pool.workers if worker is not ended]


class _KernelFuture(Future[_T]):
    """A future whose waiting suspends a process instead of a thread."""

    def __init__(self, kernel: Kernel, waiters: list[Any], number: int) -> None:
        super().__init__()
        self._kernel = kernel
        self._number = number
        # One process runs at a time, and a lock would cost more than everything else that a future does.
        self._condition: Any = _NoLock()
        self._waiters = waiters

    def __hash__(self) -> int:
        # Sets of futures, such as those that `wait` returns, have the same order in each run.
        return self._number

    def result(self, timeout: float | None = None) -> _T:
        self.wait(timeout)
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self.wait(timeout)
        return super().exception(0)

    def wait(self, timeout: float | None) -> None:
        """Return once this future is done, or after `timeout` seconds."""
        if self.done() or (timeout is not None and timeout <= 0):
            return

        def until(wake: Callable[[], None]) -> None:
            self.add_done_callback(lambda _: wake())
            if timeout is not None:
                timer = self._kernel.timer(self._kernel.now_us + wait_us(timeout), wake)
                self.add_done_callback(lambda _: timer.cancel())

        self._kernel.suspend(until)


class _NoLock:
    """The condition of a future. Only processes of one kernel share it, and callbacks wake them: nothing to do."""

    def _pass(self, *_: object) -> None: ...

    acquire = release = wait = notify_all = __enter__ = __exit__ = _pass


class _NoWaiters(list[Any]):
    """Refuses wait() and as_completed(), which append the event that wakes their thread."""

    def append(self, _: object) -> None:
        raise MisuseError(
            "concurrent.futures.wait() and as_completed() would stop the thread, and virtual time with it: "
            "write [future.result() for future in futures]"
        )


_Tasks = deque[tuple[_KernelFuture[Any], Callable[[], Any]]]
