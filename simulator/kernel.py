"""The discrete-event kernel: one heap, one clock, and processes that are greenlets.

Plain synchronous code runs in a process: whenever it waits, its greenlet is suspended. Virtual time is an integer of
microseconds since the run began, because floats do not add up (3 x 0.1 s is not 0.3 s). Serial numbers break ties.
"""

from collections.abc import Callable
from enum import Enum, auto
from heapq import heapify, heappop, heappush
from operator import call
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar, cast

from greenlet import GreenletExit, getcurrent, greenlet

from drsim.simulator.processes import Carrier, MisuseError, Process, ProcessCrashedError

_P = ParamSpec("_P")
_T = TypeVar("_T")

# The action of each event that resumes a process; the event's argument is the process's carrier.
_SWITCH: Final = greenlet.switch


class StopReason(Enum):
    """Why a run ended."""

    IDLE = auto()
    UNTIL = auto()
    EVENTS_MAX = auto()
    STOPPED = auto()


class Timer(NamedTuple):
    """A scheduled callback that can be cancelled."""

    kernel: "Kernel"
    serial: int

    def cancel(self) -> None:
        """Cancel the callback; this has no effect once it has fired."""
        self.kernel._cancel(self.serial)


class Kernel:
    """The scheduler: `at` puts events into the heap, `run` takes them out, and everything else uses these two."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self.now_us = 0
        self.events_count = 0
        """Events that have happened, without cancelled ones."""
        # (due_us, serial, action, argument)
        self._heap: list[tuple[int, int, Callable[[Any], object], Any]] = []
        self._serial = 0
        # Serial numbers of events that were cancelled and may still be in the heap.
        self._cancelled: set[int] = set()
        # The greenlet that called `run`, during a run.
        self._hub: greenlet | None = None
        self._stopped = False
        self.on_resume: Callable[[Process | None], object] | None = None
        """Called with each process that begins or continues, and with None when a run ends."""
        # Processes by age. Killed ones stay here: a suspended greenlet is unwound when its last reference goes.
        self._unfinished: dict[Process, None] = {}
        self._idle: list[Carrier] = []
        # Frozen families by their roots, each with the carriers that wait for the thaw, in the order of their events.
        self._frozen: dict[Process, list[Carrier]] = {}

    def at(self, due_us: int, action: Callable[[_T], object], argument: _T) -> None:
        """Call `action(argument)` at `due_us`, after everything scheduled earlier for that instant.

        The action runs in the kernel's loop and must not wait. Raises MisuseError for an instant in the past.
        """
        if due_us < self.now_us:
            raise MisuseError(
                f"due_us must be >= now_us ({self.now_us}), got {due_us}: "
                "write kernel.at(kernel.now_us + delay_us, ...), not kernel.at(delay_us, ...)"
            )
        self._serial += 1
        heappush(self._heap, (due_us, self._serial, action, argument))

    def timer(self, due_us: int, action: Callable[[], object]) -> Timer:
        """Like `at`, for an action that can be cancelled. A cancelled event does not happen, nor move the clock."""
        self.at(due_us, call, action)
        return Timer(self, self._serial)

    def run(self, *, until_us: int | None = None, events_max: int | None = None) -> StopReason:
        """Process events in order until none is left, `until_us` is reached, or `events_max` more have happened.

        Events due at `until_us` itself are processed, and the clock then shows `until_us`. Raises ProcessCrashedError
        and the errors of actions, after which the kernel can still be read.
        """
        if self._hub is not None:
            raise MisuseError("kernel.run() was called inside a run: kernel.spawn(name, function) a process instead")
        if until_us is not None and until_us < self.now_us:
            raise MisuseError(f"until_us must be >= now_us ({self.now_us}), got {until_us}")
        if events_max is not None and events_max < 0:
            raise MisuseError(f"events_max must be >= 0, got {events_max}")
        count_max = None if events_max is None else self.events_count + events_max
        heap, cancelled = self._heap, self._cancelled
        self._hub = getcurrent()
        self._stopped = False
        try:
            while heap:
                due_us, serial, action, argument = heap[0]
                if serial in cancelled:
                    cancelled.remove(serial)
                    heappop(heap)
                    continue
                if until_us is not None and due_us > until_us:
                    break
                if self.events_count == count_max:
                    return StopReason.EVENTS_MAX
                heappop(heap)
                self.now_us = due_us
                self.events_count += 1
                action(argument)
                if self._stopped:
                    return StopReason.STOPPED
        except ProcessCrashedError:
            raise
        except Exception as error:
            error.add_note(f"raised by an action of the kernel, {self._where()}")
            raise
        finally:
            self._hub = None
            if self.on_resume is not None:
                self.on_resume(None)
        if until_us is None:
            return StopReason.IDLE
        self.now_us = until_us
        return StopReason.UNTIL

    def stop(self) -> None:
        """End the current run after the current event; outside a run this has no effect."""
        self._stopped = True

    @property
    def current(self) -> Process | None:
        """The running process, or None in the kernel's loop and outside a run."""
        running = getcurrent()
        return running.process if isinstance(running, Carrier) else None

    def spawn(self, name: str, function: Callable[_P, object], *arguments: _P.args, **keywords: _P.kwargs) -> Process:
        """Start a process that calls `function` at the current instant, after the events already due then.

        The current process becomes its parent, and hands on its tag.
        """
        spawner = self.current
        # No functools.partial: a call through C would lengthen the stack that every switch has to copy.
        process = Process(name, lambda: function(*arguments, **keywords), spawner)
        if spawner is not None:
            spawner._children[process] = None
        self._unfinished[process] = None
        self.at(self.now_us, self._start, process)
        process._serial = self._serial
        return process

    def begin(
        self, name: str, tag: object, function: Callable[_P, object], *arguments: _P.args, **keywords: _P.kwargs
    ) -> None:
        """Start a process with this tag within the current event, an action; return when it first waits or ends."""
        if self._hub is None or getcurrent() is not self._hub:
            raise MisuseError("kernel.begin(...) outside an action: kernel.spawn(name, function) makes a process")
        process = Process(name, lambda: function(*arguments, **keywords), None)
        process.tag = tag
        self._unfinished[process] = None
        self._start(process)

    def sleep(self, duration_us: int, *, held: bool = True) -> None:
        """Suspend the current process for `duration_us` (>= 0), and if it is frozen then, until the thaw if `held`."""
        carrier = getcurrent()
        if duration_us < 0:
            raise MisuseError(f"duration_us must be >= 0, got {duration_us}")
        if type(carrier) is not Carrier:
            raise MisuseError(_outside("sleep(...)"))
        self.at(self.now_us + duration_us, _SWITCH, carrier)
        carrier.serial = self._serial
        self._wait()
        if self._frozen and held:
            self.hold()

    def suspend(self, until: Callable[[Callable[[], None]], object]) -> None:
        """Call `until(wake)` and suspend the current process until the first call of `wake`."""
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
        self._wait()
        if self._frozen:
            self.hold()

    def freeze(self, process: Process) -> None:
        """Let no process of the root's family continue until `thaw`. Events come due; their processes then wait."""
        self._frozen.setdefault(process.root, [])

    def thaw(self, process: Process) -> None:
        """Let the family continue: first the processes whose events came due meanwhile, in that order."""
        for carrier in self._frozen.pop(process.root, ()):
            if carrier.process is not None and carrier.process.alive:
                self.at(self.now_us, _SWITCH, carrier)
                carrier.serial = self._serial

    def hold(self) -> None:
        """Suspend the current process while its family is frozen."""
        if not self._frozen:
            return
        process = self.current
        assert process is not None, "only a process is held"
        while (waiting := self._frozen.get(process.root)) is not None:
            waiting.append(cast(Carrier, process._carrier))
            self._wait()

    def kill(self, process: Process) -> None:
        """End a process and its descendants where they are: none of their code runs again, not even `finally`.

        A process that kills itself or one of its ancestors does not return from this call.
        """
        if not process._ended:
            self._kill([process])

    def kill_families(self, *processes: Process) -> None:
        """Like `kill`, for the roots of these processes and all of their descendants, even if a root has ended."""
        self._kill([process.root for process in processes])

    def _kill(self, doomed: list[Process]) -> None:
        for each in doomed:
            doomed += each._children
            each._killed = True
            if each._ended:
                continue
            if each._carrier is None:
                # It has not started, so there is no stack to unwind.
                self._cancel(each._serial)
                self._unfinished.pop(each, None)
            else:
                self._cancel(each._carrier.serial)
        current = self.current
        if current is not None and current._killed:
            self._to_hub()

    @property
    def is_suspended(self) -> bool:
        """Whether any process has begun and not ended, so that `close` unwinds its code."""
        return any(process._carrier is not None for process in self._unfinished)

    def close(self) -> None:
        """Release all suspended processes. Read all results first: the kernel cannot be used afterwards.

        Python cannot drop a suspended greenlet without unwinding it. So the `finally` blocks of killed and unfinished
        processes run now, and end where they try to wait. Without `close` the memory is never freed, because the
        garbage collector does not look into suspended greenlets.
        """
        if self._hub is not None:
            raise MisuseError("kernel.close() was called inside a run: kernel.stop() ends the run")
        suspended = [process._carrier for process in self._unfinished]
        for carrier in (*suspended, *self._idle):
            if carrier is not None:
                carrier.throw(GreenletExit)
        self._unfinished.clear()
        self._frozen.clear()
        self._idle.clear()
        self._heap.clear()

    def _start(self, process: Process) -> None:
        carrier = self._idle.pop() if self._idle else Carrier(self._carry)
        carrier.process, process._carrier = process, carrier
        # An exception in a greenlet continues in its parent: the loop, not the process that spawned this one.
        carrier.parent = cast(greenlet, self._hub)
        carrier.switch()

    def _carry(self) -> None:
        """Run one process after another on the current carrier, which is idle in between."""
        carrier = cast(Carrier, getcurrent())
        while True:
            self._run(cast(Process, carrier.process))
            carrier.process = None
            self._idle.append(carrier)
            self._to_hub()

    def _run(self, process: Process) -> None:
        """Run the process's task. An exception ends the run, since greenlets pass it to their parent."""
        try:
            if self._frozen:
                self.hold()
            if self.on_resume is not None:
                self.on_resume(process)
            process._task()
        # SystemExit, too: sys.exit() in a simulated process must not end the simulator with success.
        except (Exception, SystemExit) as error:
            # Outside a run a process is only unwound, which is no part of the simulation.
            if self._hub is not None:
                where = f"{self._where()}, process {process.name!r}"
                raise ProcessCrashedError(f"{where}: {type(error).__name__}: {error}") from error
        finally:
            process._ended = True
            self._unfinished.pop(process, None)
            process.bequeath()

    def _wait(self) -> None:
        """Switch to the loop until the current process continues."""
        self._to_hub()
        if self.on_resume is not None:
            self.on_resume(self.current)

    def _to_hub(self) -> None:
        """Switch from the current process to the loop of `run`; outside a run, where only `close` runs it, unwind."""
        if self._hub is None:
            raise GreenletExit
        self._hub.switch()

    def _cancel(self, serial: int) -> None:
        """Keep an event from happening; this has no effect once it has happened."""
        heap, cancelled = self._heap, self._cancelled
        cancelled.add(serial)
        # Compact when cancelled events may be half the heap: most timeouts are cancelled, and must not fill it.
        if 2 * len(cancelled) > len(heap):
            heap[:] = [event for event in heap if event[1] not in cancelled]
            heapify(heap)
            cancelled.clear()

    def _where(self) -> str:
        return f"seed {self.seed}, {show_us(self.now_us)}"


def _outside(call: str) -> str:
    return f"kernel.{call} was called outside a process: kernel.spawn(name, function) makes one"


def show_us(instant_us: int) -> str:
    """Format a virtual instant for people: 754000456 is 00:12:34.000456."""
    seconds, micros = divmod(instant_us, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{second:02}.{micros:06}"
