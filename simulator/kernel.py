"""The discrete-event kernel: one heap, one clock, and processes that are greenlets.

Owns virtual time and the order of things; knows nothing of AWS. Production code runs in a process and is plain
synchronous code: whenever it waits, its greenlet is suspended and the heap decides what comes next. Virtual time is an
integer of microseconds since the run began, because floats do not add up (3 x 0.1 s is not 0.3 s); ties go by serial
number, so the order is total and the same in every run.
"""

from collections.abc import Callable, Iterator
from enum import Enum, auto
from heapq import heapify, heappop, heappush, heapreplace
from itertools import repeat
from typing import Any, Final, NoReturn, ParamSpec, TypeVar, cast

from greenlet import GreenletExit, getcurrent, greenlet

from simulator.processes import (
    NOT_OF_THE_CODE,
    Carrier,
    KernelError,
    MisuseError,
    Process,
    ProcessCrashedError,
)

__all__ = [
    "NOT_OF_THE_CODE",
    "Kernel",
    "KernelError",
    "MisuseError",
    "Process",
    "ProcessCrashedError",
    "StopReason",
    "Timer",
    "show_us",
]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_BEFORE_ALL: Final = -1
_AFTER_ALL: Final = 1 << 62
"""Serial numbers of the marks that end a run: before, and after, all events of their instant."""
_NO_TURNS: Final = repeat(None, 0)
_OVER: Final = object()
_SWITCH: Final = greenlet.switch
"""The action of every event that resumes a process, which is its argument."""


class StopReason(Enum):
    """Why a run ended."""

    IDLE = auto()
    UNTIL = auto()
    EVENTS_MAX = auto()
    STOPPED = auto()


class _RunOver(BaseException):
    """What a mark raises when its turn has come. Like greenlet's own exit it is no error."""


class Timer:
    """A callback that can be called off."""

    __slots__ = ("_kernel", "_serial")

    def __init__(self, kernel: "Kernel", serial: int) -> None:
        self._kernel = kernel
        self._serial = serial

    def cancel(self) -> None:
        """Call it off; nothing happens if it fired already."""
        self._kernel._call_off(self._serial)


class Kernel:
    """The scheduler. One door in (`at`), one out (`run`); everything else is made of these two."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self.now_us = 0
        self._heap: list[tuple[int, int, Callable[[Any], object], Any]] = []
        self._serial = 0
        # Serial numbers of events in the heap that must not happen any more, and how many such have left the heap.
        self._called_off: set[int] = set()
        self._called_off_count = 0
        # An event stays at the heap's top while it happens, or until it schedules the first that follows from it: that
        # one takes its place, and the heap is put in order once instead of twice.
        self._happening = False
        # Marks in the heap are no events.
        self._marks_count = 0
        # The greenlet of the present run, how to get there, and a turn for each event that may still happen. A process
        # that takes a turn itself goes on to the next one without the way through the hub.
        self._hub: greenlet | None = None
        self._to_hub: Callable[[], object] = _end_process
        self._turns: Iterator[None] = _NO_TURNS
        self._stopped = False
        # Processes by age. Killed ones stay here, since dropping a suspended greenlet would unwind it.
        self._unfinished: dict[Process, None] = {}
        self._idle: list[Carrier] = []

    # --- scheduling ------------------------------------------------------------------------------------------

    @property
    def events_count(self) -> int:
        """How many events have happened: every event has a serial number, and leaves the heap when it happens."""
        return self._serial - len(self._heap) - self._called_off_count + self._happening + self._marks_count

    def at(self, due_us: int, action: Callable[[_T], object], argument: _T) -> None:
        """Call `action(argument)` at `due_us`, after everything scheduled earlier for that instant.

        The action runs in the kernel's loop and must not wait. Raises MisuseError for an instant that has passed.
        """
        if due_us < self.now_us:
            raise MisuseError(
                f"due_us must be >= now_us ({self.now_us}), got {due_us}: "
                "write kernel.at(kernel.now_us + delay_us, ...), not kernel.at(delay_us, ...)"
            )
        self._serial = serial = self._serial + 1
        if self._happening:
            self._happening = False
            heapreplace(self._heap, (due_us, serial, action, argument))
        else:
            heappush(self._heap, (due_us, serial, action, argument))

    def timer(self, due_us: int, action: Callable[[], object]) -> Timer:
        """As `at`, for an action that may be called off; it then never happens, and the clock does not go there."""
        self.at(due_us, _call, action)
        return Timer(self, self._serial)

    def run(self, *, until_us: int | None = None, events_max: int | None = None) -> StopReason:
        """Process events in order until none is left, `until_us` is reached, or `events_max` more have happened.

        Events due at `until_us` itself are processed, and the clock then stands there. Raises ProcessCrashedError, and
        whatever an action raises. After an exception the kernel is where it was raised, and can be read.
        """
        if self._hub is not None:
            raise MisuseError("kernel.run() was called inside a run: kernel.spawn(name, function) a process instead")
        if until_us is not None and until_us < self.now_us:
            raise MisuseError(f"until_us must be >= now_us ({self.now_us}), got {until_us}")
        if events_max is not None and events_max < 0:
            raise MisuseError(f"events_max must be >= 0, got {events_max}")
        self._hub = getcurrent()
        self._to_hub = self._hub.switch
        self._turns = turns = repeat(None) if events_max is None else repeat(None, events_max)
        self._stopped = False
        if until_us is not None:
            self._mark(until_us, _AFTER_ALL)
        heap, called_off = self._heap, self._called_off
        try:
            for _ in turns:
                if called_off:
                    self._drop_called_off()
                if not heap:
                    break
                self.now_us, _, action, argument = heap[0]
                self._happening = True
                action(argument)
                if self._happening:
                    self._leave()
        except _RunOver:
            # Where the bound or whoever stopped the run wanted it.
            pass
        except ProcessCrashedError:
            raise
        except Exception as error:
            error.add_note(f"raised by an action of the kernel's, {self._where()}")
            raise
        finally:
            self._leave()
            self._unmark()
            self._drop_called_off()
            self._hub = None
            self._to_hub = _end_process
            self._turns = _NO_TURNS
        if self._stopped:
            return StopReason.STOPPED
        if heap and (until_us is None or heap[0][0] <= until_us):
            return StopReason.EVENTS_MAX
        if until_us is None:
            return StopReason.IDLE
        self.now_us = until_us
        return StopReason.UNTIL

    def stop(self) -> None:
        """End the present run after the present event."""
        if self._hub is not None:
            self._stopped = True
            self._leave()
            self._mark(self.now_us, _BEFORE_ALL)

    # --- processes -------------------------------------------------------------------------------------------

    @property
    def current(self) -> Process | None:
        """The process that runs, or None in the kernel's loop and outside a run."""
        running = getcurrent()
        return running.process if isinstance(running, Carrier) else None

    def spawn(self, name: str, function: Callable[_P, object], *arguments: _P.args, **keywords: _P.kwargs) -> Process:
        """Start a process that calls `function`, at the present instant and after what is already due at it.

        Spawned by a process, it is that process's child and inherits its tag.
        """
        spawner = self.current
        # No functools.partial: a call from C would make the stack that every switch has to copy longer.
        process = Process(self, name, lambda: function(*arguments, **keywords), spawner)
        if spawner is not None:
            spawner._children[process] = None
        self._unfinished[process] = None
        self.at(self.now_us, self._start, process)
        process._serial = self._serial
        return process

    def begin(
        self, name: str, tag: object, function: Callable[_P, object], *arguments: _P.args, **keywords: _P.kwargs
    ) -> None:
        """Start a process with this tag within the present event; it runs until it first waits.

        For actions of the kernel's loop: no event of its own stands between such an action and what it starts.
        """
        if self._hub is None or getcurrent() is not self._hub:
            raise MisuseError(
                "kernel.begin(...) was called outside an action: kernel.spawn(name, function) makes a process"
            )
        process = Process(self, name, lambda: function(*arguments, **keywords), None)
        process.tag = tag
        self._unfinished[process] = None
        # Until it waits. Then the rest of the action goes on, and not some other process.
        turns, self._turns = self._turns, _NO_TURNS
        self._start(process)
        self._turns = turns

    def sleep(self, duration_us: int) -> None:
        """Suspend the present process for `duration_us` (>= 0)."""
        carrier = getcurrent()
        if duration_us < 0 or type(carrier) is not Carrier:
            raise MisuseError(
                f"duration_us must be >= 0, got {duration_us}" if duration_us < 0 else _outside("sleep(...)")
            )
        heap = self._heap
        self._serial = carrier.serial = serial = self._serial + 1
        if self._happening:
            heapreplace(heap, (self.now_us + duration_us, serial, _SWITCH, carrier))
        else:
            heappush(heap, (self.now_us + duration_us, serial, _SWITCH, carrier))
        due_us, serial, action, following = heap[0]
        if action is _SWITCH and serial not in self._called_off and next(self._turns, _OVER) is None:
            # As the hub would do it, with one switch instead of two.
            self.now_us = due_us
            self._happening = True
            _SWITCH(following)
        else:
            self._happening = False
            self._to_hub()

    def suspend(self, until: Callable[[Callable[[], None]], object]) -> None:
        """Suspend the present process until the function handed to `until` is called, by whomever, at whatever instant.

        Only the first call counts.
        """
        process = self.current
        if process is None:
            raise MisuseError(_outside("suspend(...)"))
        carrier = cast(Carrier, process._carrier)
        waits = True

        def wake() -> None:
            nonlocal waits
            if waits and process.alive:
                waits = False
                self.at(self.now_us, _SWITCH, carrier)
                carrier.serial = self._serial

        until(wake)
        self._to_hub()

    def kill(self, process: Process) -> None:
        """End a process and its children where they stand: not a line of them runs any more, no `finally` either.

        A process that kills itself, or one that it descends from, does not return from this call.
        """
        if not process._ended:
            self._kill(process)

    def kill_family(self, process: Process) -> None:
        """As `kill`, for the process, all that descend from its root, and the root itself if that has not ended."""
        self._kill(process.root)

    def _kill(self, process: Process) -> None:
        doomed = [process]
        for each in doomed:
            doomed += each._children
            each._killed = True
            if each._ended:
                continue
            if each._carrier is None:
                # It has not begun, so there is nothing to unwind.
                self._call_off(each._serial)
                self._unfinished.pop(each, None)
            else:
                self._call_off(each._carrier.serial)
        current = self.current
        if current is not None and current._killed:
            self._to_hub()

    def close(self) -> None:
        """Let go of everything that is still suspended. Take all results first: the kernel is of no use afterwards.

        Python cannot drop a suspended greenlet without unwinding it, so the `finally` blocks of killed and unfinished
        processes run now, when the run is over; whatever they ask of the kernel ends them. A kernel that is not closed
        keeps its memory for good, since the garbage collector does not see into suspended greenlets.
        """
        if self._hub is not None:
            raise MisuseError("kernel.close() was called inside a run: kernel.stop() ends the run")
        suspended = [process._carrier for process in self._unfinished]
        for carrier in (*suspended, *self._idle):
            if carrier is not None:
                carrier.throw(GreenletExit)
        self._unfinished.clear()
        self._idle.clear()
        self._called_off_count += len(self._heap)
        self._called_off.clear()
        self._heap.clear()

    def _start(self, process: Process) -> None:
        carrier = self._idle.pop() if self._idle else Carrier(self)
        carrier.process, process._carrier = process, carrier
        # Not the process that spawned it: an exception goes on in the parent.
        carrier.parent = cast(greenlet, self._hub)
        carrier.switch()

    def _call_off(self, serial: int) -> None:
        """See to it that an event never happens. The number of one that did happen does no harm."""
        self._leave()
        heap, called_off = self._heap, self._called_off
        called_off.add(serial)
        # Swept out once they may be the half: most timeouts are called off, and the heap must not be full of them.
        if 2 * len(called_off) > len(heap):
            before = len(heap)
            heap[:] = [event for event in heap if event[1] not in called_off]
            heapify(heap)
            called_off.clear()
            self._called_off_count += before - len(heap)

    def _drop_called_off(self) -> None:
        """Take events that were called off from the heap's top."""
        heap, called_off = self._heap, self._called_off
        while heap and heap[0][1] in called_off:
            called_off.remove(heappop(heap)[1])
            self._called_off_count += 1

    def _leave(self) -> None:
        """Take the event that happens out of the heap, if it is still there."""
        if self._happening:
            self._happening = False
            heappop(self._heap)

    def _mark(self, due_us: int, place: int) -> None:
        """End the run at this place of the order."""
        self._marks_count += 1
        heappush(self._heap, (due_us, place, Kernel._end_run, self))

    def _end_run(self) -> NoReturn:
        self._leave()
        self._marks_count -= 1
        raise _RunOver

    def _unmark(self) -> None:
        """Take the marks that were not reached out of the heap."""
        if self._marks_count:
            self._heap[:] = [event for event in self._heap if _BEFORE_ALL < event[1] < _AFTER_ALL]
            heapify(self._heap)
            self._marks_count = 0

    def _where(self) -> str:
        return f"seed {self.seed}, {show_us(self.now_us)}"


def _call(action: Callable[[], object]) -> None:
    action()


def _end_process() -> None:
    raise GreenletExit


def _outside(call: str) -> str:
    return f"kernel.{call} was called outside a process: kernel.spawn(name, function) makes one"


def show_us(instant_us: int) -> str:
    """A virtual instant for people: 754000456 is 00:12:34.000456."""
    seconds, micros = divmod(instant_us, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}.{micros:06}"
