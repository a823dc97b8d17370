"""A `concurrent.futures` executor in virtual time: its workers are processes, and waiting for a result suspends one.

Owns the order of tasks and what a future's waiting means. Code that takes an Executor need not know: submit, map,
results, exceptions, timeouts, cancellation and `with` are those of ThreadPoolExecutor.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import Any, Final, ParamSpec, TypeVar

from simulator.kernel import Kernel, MisuseError, Process

_P = ParamSpec("_P")
_T = TypeVar("_T")


class KernelExecutor(Executor):
    """Runs tasks in the order of their submission, at most `workers_max` at a time.

    Workers are children of the process that submits, and die with it; a killed worker's future stays running for ever.
    """

    def __init__(self, kernel: Kernel, workers_max: int) -> None:
        if workers_max < 1:
            raise MisuseError(f"workers_max must be >= 1, got {workers_max}")
        self._kernel = kernel
        self._workers_max = workers_max
        self._workers: list[Process] = []
        self._tasks: deque[tuple[_KernelFuture[Any], Callable[[], Any]]] = deque()
        self._unfinished: dict[_KernelFuture[Any], None] = {}
        self._shut_down = False

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        if self._shut_down:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: _KernelFuture[_T] = _KernelFuture(self._kernel)
        # A worker ends when it finds no task, so with one in line all are at work.
        if len(self._workers) >= self._workers_max and not self._tasks:
            self._workers = [worker for worker in self._workers if worker.alive]
        self._tasks.append((future, lambda: fn(*args, **kwargs)))
        self._unfinished[future] = None
        if len(self._workers) < self._workers_max:
            self._workers.append(self._kernel.spawn("executor worker", self._work))
        return future

    def map(
        self,
        fn: Callable[..., _T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,  # noqa: ARG002 - as with threads, it has no effect
    ) -> Iterator[_T]:
        # Executor.map would measure its timeout by the host's clock.
        due_us = None if timeout is None else self._kernel.now_us + _us(timeout)
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
        while cancel_futures and self._tasks:
            future, _ = self._tasks.popleft()
            future.cancel()
            del self._unfinished[future]
        for future in list(self._unfinished) if wait else ():
            future.wait(None)

    def _work(self) -> None:
        while self._tasks:
            future, task = self._tasks.popleft()
            if future.set_running_or_notify_cancel():
                try:
                    result = task()
                except Exception as error:
                    future.set_exception(error)
                else:
                    future.set_result(result)
            del self._unfinished[future]


class _KernelFuture(Future[_T]):
    """A future whose waiting suspends a process instead of a thread."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self._kernel = kernel
        # Nothing here runs beside anything else, and a lock would cost more than all else that a future does.
        self._condition: Any = _NO_LOCK
        self._waiters = _NO_WAITERS

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
                timer = self._kernel.timer(self._kernel.now_us + _us(timeout), wake)
                self.add_done_callback(lambda _: timer.cancel())

        self._kernel.suspend(until)


class _NoLock:
    """The condition of a future that only processes of one kernel share."""

    def acquire(self) -> None:
        """There is nobody to keep out."""

    def release(self) -> None:
        """There is nobody to let in."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def wait(self, timeout: float) -> None:
        """Time passes in the kernel only: a result that is asked for without waiting is there or is late."""

    def notify_all(self) -> None:
        """Nobody waits: a process that does is woken by a callback."""


class _NoWaiters(list[Any]):
    """Where wait() and as_completed() leave word that their thread is to be woken."""

    def append(self, _: object) -> None:
        raise MisuseError(
            "concurrent.futures.wait() and as_completed() would stop the thread, and virtual time with it: "
            "write [future.result() for future in futures]"
        )


_NO_LOCK: Final = _NoLock()
_NO_WAITERS: Final = _NoWaiters()


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)
