"""The discrete-event kernel: one heap, one clock, and processes that are greenlets.

Owns virtual time and the order of things; knows nothing of AWS. Production code runs in a process and is plain
synchronous code: whenever it waits, its greenlet is suspended and the heap decides what comes next. Virtual time is an
integer of microseconds since the run began, because floats do not add up (3 x 0.1 s is not 0.3 s); ties go by serial
number, so the order is total and the same in every run.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from enum import Enum, auto
from heapq import heapify, heappop, heappush
from itertools import count, repeat
from typing import Any, ParamSpec, TypeVar, cast

from greenlet import GreenletExit, getcurrent, greenlet

_P = ParamSpec("_P")
_T = TypeVar("_T")

_FOREVER_US = 1 << 62
_FIRST = -1
"""A serial number before every other one: what is pushed with it comes next."""


class KernelError(Exception):
    """Root of the kernel's errors. All of them are mistakes of the simulation, never something AWS would show."""


class MisuseError(KernelError):
    """A call that makes no sense; the message shows the wrong call and the right one."""


class ProcessCrashedError(KernelError):
    """A process ended in an exception that nobody handled. The message names seed, instant and process."""


class StopReason(Enum):
    """Why a run ended."""

    IDLE = auto()
    UNTIL = auto()
    EVENTS_MAX = auto()
    STOPPED = auto()


class Process(greenlet):
    """One thread of virtual time. Its children die with it; `tag` is free for the one who spawned it."""

    def __init__(self, kernel: "Kernel", name: str, task: Callable[[], object], tag: object) -> None:
        super().__init__()
        self.name = name
        self.tag = tag
        self.children: list[Process] = []
        self.killed = False
        self._kernel = kernel
        self._task = task

    def run(self) -> None:
        """The greenlet's body. An exception ends the kernel's run, since greenlets hand it to their parent."""
        kernel = self._kernel
        try:
            self._task()
        except Exception as error:
            raise ProcessCrashedError(
                f"seed {kernel.seed}, {show_us(kernel.now_us)}, process {self.name!r}: {type(error).__name__}: {error}"
            ) from error
        finally:
            kernel._unfinished.pop(self, None)
            self.children.clear()

    @property
    def alive(self) -> bool:
        """Whether it has something left to run."""
        return not (self.killed or self.dead)


class Timer:
    """A callback that can be called off."""

    __slots__ = ("_action",)

    def __init__(self, action: Callable[[], object]) -> None:
        self._action: Callable[[], object] | None = action

    def cancel(self) -> None:
        """Call it off; nothing happens if it fired already."""
        self._action = None

    def fire(self, _: object = None) -> None:
        """Call the action, once."""
        action, self._action = self._action, None
        if action is not None:
            action()


class Kernel:
    """The scheduler. One door in (`at`), one out (`run`); everything else is made of these two."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self.now_us = 0
        self.events_count = 0
        self._heap: list[tuple[int, int, Callable[[Any], object], Any]] = []
        self._serials = count()
        self._hub: greenlet | None = None
        self._to_hub: Callable[[], object] = _refuse_outside_run
        # Processes by age. Killed ones stay here, since dropping a suspended greenlet would unwind it.
        self._unfinished: dict[Process, None] = {}

    # --- scheduling ------------------------------------------------------------------------------------------

    def at(self, due_us: int, action: Callable[[_T], object], argument: _T) -> None:
        """Call `action(argument)` at `due_us`, after everything scheduled earlier for that instant.

        The action runs in the kernel's loop and must not wait. Raises MisuseError for an instant that has passed.
        """
        if due_us < self.now_us:
            raise MisuseError(
                f"due_us must be >= now_us ({self.now_us}), got {due_us}: "
                "write kernel.at(kernel.now_us + delay_us, ...), not kernel.at(delay_us, ...)"
            )
        heappush(self._heap, (due_us, next(self._serials), action, argument))

    def timer(self, due_us: int, action: Callable[[], object]) -> Timer:
        """As `at`, for an action that may be called off."""
        timer = Timer(action)
        self.at(due_us, timer.fire, None)
        return timer

    def run(self, *, until_us: int | None = None, events_max: int | None = None) -> StopReason:
        """Process events in order until none is left, `until_us` is reached, or `events_max` more have happened.

        Events due at `until_us` itself are processed, and the clock then stands there. Raises ProcessCrashedError.
        """
        if self._hub is not None:
            raise MisuseError("kernel.run() was called inside a run: kernel.spawn(name, function) a process instead")
        self._hub = getcurrent()
        self._to_hub = self._hub.switch
        heap, pop = self._heap, heappop
        last_us = _FOREVER_US if until_us is None else until_us
        turns = repeat(None) if events_max is None else repeat(None, events_max)
        events_count = 0
        try:
            for _ in turns:
                if not heap:
                    break
                event = pop(heap)
                due_us, _serial, action, argument = event
                if due_us > last_us:
                    heappush(heap, event)
                    break
                self.now_us = due_us
                events_count += 1
                action(argument)
            else:
                return StopReason.EVENTS_MAX
        except _StopRun:
            return StopReason.STOPPED
        finally:
            self.events_count += events_count
            self._hub = None
            self._to_hub = _refuse_outside_run
        if until_us is None:
            return StopReason.IDLE
        self.now_us = max(self.now_us, until_us)
        return StopReason.UNTIL

    def stop(self) -> None:
        """End the present run after the present event."""
        heappush(self._heap, (self.now_us, _FIRST, _stop_run, None))

    # --- processes -------------------------------------------------------------------------------------------

    @property
    def current(self) -> Process | None:
        """The process that runs, or None in the kernel's loop and outside a run."""
        running = getcurrent()
        return running if isinstance(running, Process) else None

    def spawn(self, name: str, function: Callable[_P, object], *arguments: _P.args, **keywords: _P.kwargs) -> Process:
        """Start a process that calls `function`, at the present instant and after what is already due at it.

        Spawned by a process, it is that process's child and inherits its tag.
        """
        parent = self.current
        tag = None if parent is None else parent.tag
        process = Process(self, name, lambda: function(*arguments, **keywords), tag)
        if parent is not None:
            parent.children.append(process)
        self._unfinished[process] = None
        self.at(self.now_us, self._start, process)
        return process

    def sleep(self, duration_us: int) -> None:
        """Suspend the present process for `duration_us` (>= 0)."""
        process = getcurrent()
        if duration_us < 0 or process.__class__ is not Process:
            raise MisuseError(
                f"duration_us must be >= 0, got {duration_us}" if duration_us < 0 else _outside("sleep(...)")
            )
        heappush(self._heap, (self.now_us + duration_us, next(self._serials), process.switch, None))
        self._to_hub()

    def suspend(self, until: Callable[[Callable[[], None]], object]) -> None:
        """Suspend the present process until the function handed to `until` is called, by whomever, at whatever instant.

        Only the first call counts.
        """
        process = self.current
        if process is None:
            raise MisuseError(_outside("suspend(...)"))
        wake = Timer(lambda: self._resume(process))
        until(lambda: self.at(self.now_us, wake.fire, None))
        self._to_hub()

    def kill(self, process: Process) -> None:
        """End a process and its children where they stand: not a line of them runs any more, no `finally` either.

        A process that kills itself does not return from this call.
        """
        doomed = [process]
        for each in doomed:
            each.killed = True
            doomed += each.children
        resumes = {each.switch for each in doomed}
        self._heap[:] = [event for event in self._heap if event[2] not in resumes]
        heapify(self._heap)
        if process is getcurrent():
            self._to_hub()

    def executor(self, workers_max: int) -> Executor:
        """An executor whose workers are processes of this kernel, at most `workers_max` at a time."""
        return _KernelExecutor(self, workers_max)

    def close(self) -> None:
        """Let go of everything that is still suspended. Take all results first: the kernel is of no use afterwards.

        Python cannot drop a suspended greenlet without unwinding it, so the `finally` blocks of killed and unfinished
        processes run now, when the run is over; whatever they ask of the kernel ends them.
        """
        self._to_hub = _end_process
        self._heap.clear()
        for process in list(self._unfinished):
            process.throw(GreenletExit)
        self._unfinished.clear()

    def _start(self, process: Process) -> None:
        if not process.killed:
            process.parent = cast(greenlet, self._hub)
            process.switch()

    def _resume(self, process: Process) -> None:
        if not process.killed:
            process.switch()


class _StopRun(Exception):
    """Carries stop() from an event to run()."""


def _stop_run(_: object) -> None:
    raise _StopRun


def _refuse_outside_run() -> None:
    raise MisuseError("a process runs only inside kernel.run()")


def _end_process() -> None:
    raise GreenletExit


def _outside(call: str) -> str:
    return f"kernel.{call} was called outside a process: kernel.spawn(name, function) makes one"


class _KernelFuture(Future[_T]):
    """A future whose waiting suspends a process instead of a thread."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self._kernel = kernel

    def result(self, timeout: float | None = None) -> _T:
        self._wait(timeout)
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self._wait(timeout)
        return super().exception(0)

    def _wait(self, timeout: float | None) -> None:
        if self.done():
            return

        def arm(wake: Callable[[], None]) -> None:
            self.add_done_callback(lambda _: wake())
            if timeout is not None:
                self._kernel.at(self._kernel.now_us + round(timeout * 1_000_000), lambda _: wake(), None)

        self._kernel.suspend(arm)


class _KernelExecutor(Executor):
    """Runs tasks in the order of their submission. Workers are children of the process that submits."""

    def __init__(self, kernel: Kernel, workers_max: int) -> None:
        if workers_max < 1:
            raise MisuseError(f"workers_max must be >= 1, got {workers_max}")
        self._kernel = kernel
        self._workers_max = workers_max
        self._workers_count = 0
        self._tasks: deque[tuple[_KernelFuture[Any], Callable[[], Any]]] = deque()
        self._open: list[_KernelFuture[Any]] = []

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        future: _KernelFuture[_T] = _KernelFuture(self._kernel)
        self._tasks.append((future, lambda: fn(*args, **kwargs)))
        self._open.append(future)
        if self._workers_count < self._workers_max:
            self._workers_count += 1
            self._kernel.spawn("executor worker", self._work)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if cancel_futures:
            for future, _ in self._tasks:
                future.cancel()
        if wait:
            for future in self._open:
                future._wait(None)
        self._open.clear()

    def _work(self) -> None:
        while self._tasks:
            future, task = self._tasks.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(task())
            except Exception as error:
                future.set_exception(error)
        self._workers_count -= 1


def show_us(instant_us: int) -> str:
    """A virtual instant for people: 754000456 is 00:12:34.000456."""
    seconds, micros = divmod(instant_us, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}.{micros:06}"
