"""asyncio in functions: event loops that wait in virtual time, one running loop for each process of the kernel.

Loops that wait by a selector do so in virtual time, whatever their class. All others are refused when they run.
"""

import asyncio
import asyncio.events
import asyncio.selector_events
import asyncio.tasks
import selectors
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import Any, Final, NoReturn

from drsim.simulator.durations import wait_us
from drsim.simulator.handlers.errors import HandlerError
from drsim.simulator.handlers.replacing import replaced
from drsim.simulator.kernel import Kernel
from drsim.simulator.processes import Process
from drsim.simulator.services.functions import Invocation

_BASE: Final[Any] = asyncio.BaseEventLoop
_EVENTS: Final[Any] = asyncio.events
_TASKS: Final[Any] = asyncio.tasks


class _Selector(selectors.PollSelector):
    """Waits for its timeout in virtual time, or until `wake`: nothing else can become ready, without a network.

    It holds no descriptor, so that a loop whose function was killed leaves none behind.
    """

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self.kernel = kernel
        self._waked: Callable[[], None] | None = None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        kernel = self.kernel
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


class _Numbered:
    """A future with a number of its loop. Sets of them, such as those of `asyncio.wait`, have one order in each run."""

    def __init__(self, *arguments: Any, loop: Any, **keywords: Any) -> None:
        self._number: int = loop.number() if isinstance(loop, _Loop) else id(self)
        initialize: Any = super().__init__
        initialize(*arguments, loop=loop, **keywords)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class _Future(_Numbered, asyncio.Future[Any]):
    pass


class _Gathering(_Numbered, _TASKS._GatheringFuture):  # type: ignore[misc]  # unknown to its types
    pass


class _Task(_Numbered, asyncio.Task[Any]):
    pass


def _task(loop: Any, coroutine: Any, *, name: str | None = None, **keywords: Any) -> Any:
    # asyncio numbers the tasks of a process, and so continues from run to run.
    return _Task(coroutine, loop=loop, name=name or f"Task-{loop.task_number()}", **keywords)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop in virtual time."""

    kernel: Kernel
    number: Callable[[], int]
    task_number: Callable[[], int]

    def begin(self, real: Callable[..., None], kernel: Kernel) -> None:
        """Initialize the loop. `real` does so with a selector."""
        self.kernel = kernel
        self.number, self.task_number = count().__next__, count(1).__next__
        self._virtual = _Selector(kernel)
        real(self, self._virtual)
        self.set_task_factory(_task)

    def time(self) -> float:
        return self.kernel.now_us / 1_000_000

    def create_future(self) -> Any:
        return _Future(loop=self)

    def __del__(self) -> None:
        # It ends with its environment. asyncio would warn.
        if not self.is_closed() and not self.is_running():
            self.close()

    # Workers of pools wake the loop by `_write_to_self`, and it needs no pipe for that.

    def _write_to_self(self) -> None:
        self._virtual.wake()

    def _make_self_pipe(self) -> None:
        pass

    def _close_self_pipe(self) -> None:
        pass

    # No signal reaches a simulated function, and the process's signals are the host's.

    def add_signal_handler(self, *_: Any) -> None:  # type: ignore[override]  # takes them all
        pass

    def remove_signal_handler(self, *_: Any) -> bool:
        return False


@contextmanager
def loops_in_virtual_time(kernel: Kernel, own_line: Callable[[], str]) -> Iterator[None]:
    """Make the event loops of functions wait in virtual time, and refuse those which cannot when they run."""
    real = asyncio.selector_events.BaseSelectorEventLoop.__init__

    def begin(loop: Any, selector: Any = None) -> None:
        if kernel.current is None:
            real(loop, selector)
            return
        # A function may have chosen this class itself, or may derive its own from it.
        kind = type(loop)
        loop.__class__ = _Loop if kind is asyncio.SelectorEventLoop else type(kind.__name__, (_Loop, kind), {})
        loop.begin(real, kernel)

    def guarded(kind: Any) -> tuple[Any, str, Any]:
        run = kind.run_forever

        def run_forever(loop: Any) -> None:
            process = kernel.current
            tag = None if process is None else process.tag
            if isinstance(tag, Invocation) and not (isinstance(loop, _Loop) and loop.kernel is kernel):
                _refuse(tag, type(loop), own_line())
            run(loop)

        return kind, "run_forever", run_forever

    with ExitStack() as stack:

        def defined(kind: type, /, **keywords: Any) -> None:
            """Guard a class of loops that a function's imports define."""
            of_host(**keywords)
            if _runs_itself(kind):
                stack.enter_context(replaced(guarded(kind)))

        of_host = asyncio.AbstractEventLoop.__init_subclass__
        stack.enter_context(replaced(*map(guarded, filter(_runs_itself, _classes(asyncio.AbstractEventLoop)))))
        stack.enter_context(
            replaced(
                (asyncio.AbstractEventLoop, "__init_subclass__", classmethod(defined)),
                (asyncio.selector_events.BaseSelectorEventLoop, "__init__", begin),
                (_TASKS, "_GatheringFuture", _Gathering),
            )
        )
        yield


def _classes(kind: type) -> list[type]:
    """Return the class and those that derive from it, each once."""
    found: dict[type, None] = {kind: None}
    derived: list[type] = kind.__subclasses__()
    for each in derived:
        found |= dict.fromkeys(_classes(each))
    return list(found)


def _runs_itself(kind: Any) -> bool:
    """Whether a class of loops does not inherit `run_forever` from asyncio's."""
    return kind is _BASE or kind.run_forever is not _BASE.run_forever


def _refuse(invocation: Invocation, kind: type, line: str) -> NoReturn:
    place = f" at {line}" if line else ""
    raise HandlerError(
        f"{invocation.function} runs an event loop of {kind.__module__}.{kind.__qualname__}{place}, "
        "which virtual time cannot hold: use asyncio.run, whose loop waits in virtual time here"
    )


class RunningLoops:
    """The running loops of processes that wait, and their hooks. Python has one of each for each of its threads."""

    def __init__(self) -> None:
        self._none = None, sys.get_asyncgen_hooks()
        self._loops: dict[Process | None, tuple[Any, Any]] = {}
        # Whose loop is in place; None is the code outside the run.
        self._owner: Process | None = None

    def resumed(self, process: Process | None) -> None:
        """Put the loop of the process that continues in place of the present one."""
        running = _EVENTS._get_running_loop()
        if running is not None or self._loops:
            if running is not None:
                self._loops[self._owner] = running, sys.get_asyncgen_hooks()
            loop, hooks = self._loops.pop(process, self._none)
            _EVENTS._set_running_loop(loop)
            sys.set_asyncgen_hooks(*hooks)
        self._owner = process


def policy() -> Any:
    """The policy, which holds the current loop; None makes one when it is asked for."""
    return _EVENTS._event_loop_policy


def use_policy(other: Any) -> None:
    _EVENTS._event_loop_policy = other
