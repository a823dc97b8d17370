"""The kernel's order, against a model that is a sorted list of what is to come and plain generators for processes.

Random programs schedule, sleep, spawn, suspend, wake, kill, stop and call off; both worlds run the same interpreter and
must leave the same log. Cutting a run into slices must change nothing.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol

from hypothesis import event, given, settings
from hypothesis import strategies as st

from drsim.simulator.kernel import Kernel, StopReason, Timer
from drsim.simulator.processes import Process


class Op(NamedTuple):
    """One step of a program. `number` is a time in microseconds, or says which timer, process or waiting is meant."""

    kind: str
    number: int
    inner: tuple["Op", ...] = ()


Program = tuple[Op, ...]
Log = list[tuple[int, str]]
Steps = Generator[int, None, None]
SUSPEND: Final = -1
"""What a program yields to wait for a wake; a number from 0 on is a sleep."""


class World(Protocol):
    """What a program sees of the kernel or of its model."""

    log: Log

    @property
    def now_us(self) -> int: ...
    def at(self, due_us: int, action: Callable[[], None]) -> None: ...
    def timer(self, due_us: int, action: Callable[[], None]) -> None: ...
    def spawn(self, steps: Steps) -> None: ...
    def call_off(self, which: int) -> None: ...
    def wake(self, which: int) -> None: ...
    def kill(self, which: int) -> bool: ...
    def stop(self) -> None: ...


def interpret(world: World, name: str, program: Program) -> Steps:
    """Run a program, saying in the log when each step was reached."""
    for place, (kind, number, inner) in enumerate(program):
        step = f"{name}/{place} {kind}"
        world.log.append((world.now_us, step))
        match kind:
            case "sleep":
                yield number
            case "suspend":
                yield SUSPEND
            case "at":
                world.at(world.now_us + number, action_of(world, step, inner))
            case "timer":
                world.timer(world.now_us + number, action_of(world, step, inner))
            case "spawn":
                world.spawn(interpret(world, step, inner))
            case "call off":
                world.call_off(number)
            case "wake":
                world.wake(number)
            case "stop":
                world.stop()
            case _:
                if world.kill(number):
                    return
    world.log.append((world.now_us, f"{name} ends"))


def action_of(world: World, name: str, program: Program) -> Callable[[], None]:
    """An action that runs a program, whose sleeps and suspensions are none since an action must not wait."""

    def action() -> None:
        for _ in interpret(world, name, program):
            pass

    return action


class KernelWorld:
    """The kernel."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.log: Log = []
        self.processes: list[Process] = []
        self.timers: list[Timer] = []
        self.wakes: list[Callable[[], None]] = []

    @property
    def now_us(self) -> int:
        return self.kernel.now_us

    def at(self, due_us: int, action: Callable[[], None]) -> None:
        self.kernel.at(due_us, lambda _: action(), None)

    def timer(self, due_us: int, action: Callable[[], None]) -> None:
        self.timers.append(self.kernel.timer(due_us, action))

    def spawn(self, steps: Steps) -> None:
        self.processes.append(self.kernel.spawn("process", self._live, steps))

    def _live(self, steps: Steps) -> None:
        for wait in steps:
            if wait == SUSPEND:
                self.kernel.suspend(self.wakes.append)
            else:
                self.kernel.sleep(wait)

    def call_off(self, which: int) -> None:
        if self.timers:
            self.timers[which % len(self.timers)].cancel()

    def wake(self, which: int) -> None:
        if self.wakes:
            self.wakes[which % len(self.wakes)]()

    def kill(self, which: int) -> bool:
        if self.processes:
            self.kernel.kill(self.processes[which % len(self.processes)])
        # Only a living process gets here.
        return False

    def stop(self) -> None:
        self.kernel.stop()


class Entry:
    """Something that is to come in the model."""

    def __init__(self, due_us: int, serial: int, action: Callable[[], None]) -> None:
        self.due_us = due_us
        self.serial = serial
        self.action = action


class Actor:
    """A process of the model."""

    def __init__(self, steps: Steps, spawner: "Actor | None") -> None:
        self.steps = steps
        self.spawner = spawner
        self.entry: Entry | None = None
        self.alive = True

    def descends_from(self, other: "Actor") -> bool:
        """Whether `other` is this process, or spawned it, or spawned the one who did."""
        return self is other or (self.spawner is not None and self.spawner.descends_from(other))


class ModelWorld:
    """The model: as slow and as plain as can be."""

    def __init__(self) -> None:
        self.now_us = 0
        self.log: Log = []
        self.events_count = 0
        self._scheduled = 0
        self._entries: list[Entry] = []
        self._current: Actor | None = None
        self.processes: list[Actor] = []
        self._timers: list[Entry] = []
        self._wakes: list[Callable[[], None]] = []

    def run(self) -> None:
        while self._entries:
            self._entries.sort(key=lambda entry: (entry.due_us, entry.serial))
            entry = self._entries.pop(0)
            self.now_us = entry.due_us
            self.events_count += 1
            entry.action()

    def _schedule(self, due_us: int, action: Callable[[], None]) -> Entry:
        self._scheduled += 1
        entry = Entry(due_us, self._scheduled, action)
        self._entries.append(entry)
        return entry

    def at(self, due_us: int, action: Callable[[], None]) -> None:
        self._schedule(due_us, action)

    def timer(self, due_us: int, action: Callable[[], None]) -> None:
        self._timers.append(self._schedule(due_us, action))

    def spawn(self, steps: Steps) -> None:
        actor = Actor(steps, self._current)
        self.processes.append(actor)
        actor.entry = self._schedule(self.now_us, lambda: self._resume(actor))

    def _resume(self, actor: Actor) -> None:
        self._current = actor
        try:
            wait = next(actor.steps)
        except StopIteration:
            actor.alive = False
        else:
            if wait == SUSPEND:
                self._wakes.append(self._wake_of(actor))
            else:
                actor.entry = self._schedule(self.now_us + wait, lambda: self._resume(actor))
        finally:
            self._current = None

    def _wake_of(self, actor: Actor) -> Callable[[], None]:
        waits = True

        def wake() -> None:
            nonlocal waits
            if waits and actor.alive:
                actor.entry = self._schedule(self.now_us, lambda: self._resume(actor))
            waits = False

        return wake

    def call_off(self, which: int) -> None:
        if self._timers:
            self._remove(self._timers[which % len(self._timers)])

    def _remove(self, entry: Entry | None) -> None:
        self._entries = [each for each in self._entries if each is not entry]

    def wake(self, which: int) -> None:
        if self._wakes:
            self._wakes[which % len(self._wakes)]()

    def kill(self, which: int) -> bool:
        if not self.processes:
            return False
        victim = self.processes[which % len(self.processes)]
        if victim.alive:
            for actor in self.processes:
                if actor.descends_from(victim):
                    actor.alive = False
                    self._remove(actor.entry)
        return self._current is not None and not self._current.alive

    def stop(self) -> None:
        pass


OPENING: Final = ("spawn", "at", "timer")
KINDS: Final = (*OPENING, "spawn", "end", "end", "sleep", "sleep", "suspend", "wake", "call off", "kill", "stop")
"""What programs are made of; what comes up more often is named more often."""


def nested(words: list[tuple[str, int]]) -> Program:
    """A program from a flat text: some words open a program of its own, and "end" closes it."""
    levels: list[list[Op]] = [[]]
    openings: list[tuple[str, int]] = []
    for kind, number in [*words, *[("end", 0)] * len(words)]:
        if kind in OPENING:
            openings.append((kind, number))
            levels.append([])
        elif kind != "end":
            levels[-1].append(Op(kind, number))
        elif openings:
            inner = tuple(levels.pop())
            levels[-1].append(Op(*openings.pop(), inner))
    return tuple(levels[0])


WORDS: Final = st.tuples(st.sampled_from(KINDS), st.integers(0, 6))
PROGRAMS: Final = st.lists(st.lists(WORDS, min_size=4, max_size=30).map(nested), min_size=1, max_size=4)


@contextmanager
def kernel_with(programs: list[Program]) -> Iterator[KernelWorld]:
    """A kernel that has a process for each program."""
    world = KernelWorld()
    spawn_all(world, programs)
    yield world
    world.kernel.close()


def spawn_all(world: World, programs: list[Program]) -> None:
    for number, program in enumerate(programs):
        world.spawn(interpret(world, f"{number}", program))


def outcome(world: KernelWorld) -> tuple[Log, int, list[bool]]:
    """What a run leaves behind, besides where its clock stands."""
    return world.log.copy(), world.kernel.events_count, [process.alive for process in world.processes]


def run_on(kernel: Kernel, *, until_us: int | None = None, events_max: int | None = None) -> StopReason:
    """Run past every stop."""
    while (reason := kernel.run(until_us=until_us, events_max=events_max)) is StopReason.STOPPED:
        pass
    return reason


def straight(programs: list[Program]) -> tuple[Log, int, list[bool]]:
    """The outcome of a run without bounds."""
    with kernel_with(programs) as world:
        run_on(world.kernel)
        return outcome(world)


@given(PROGRAMS)
@settings(max_examples=200, deadline=None)
def test_the_kernel_does_what_a_sorted_list_does(programs: list[Program]) -> None:
    model = ModelWorld()
    spawn_all(model, programs)
    model.run()
    with kernel_with(programs) as world:
        assert run_on(world.kernel) is StopReason.IDLE
        assert outcome(world) == (model.log, model.events_count, [actor.alive for actor in model.processes])
        assert world.now_us == model.now_us
    event(f"{min(len(model.processes), 6)} processes")
    event(f"{min(model.events_count // 5 * 5, 20)} events or more")


@given(PROGRAMS, st.lists(st.integers(0, 6), max_size=12))
@settings(deadline=None)
def test_a_run_in_slices_of_time_is_the_same_run(programs: list[Program], slices: list[int]) -> None:
    with kernel_with(programs) as world:
        for slice_us in slices:
            end_us = world.now_us + slice_us
            assert run_on(world.kernel, until_us=end_us) is StopReason.UNTIL
            assert world.now_us == end_us
            assert all(instant <= end_us for instant, _ in world.log)
        run_on(world.kernel)
        assert outcome(world) == straight(programs)


@given(PROGRAMS, st.lists(st.integers(0, 5), max_size=12))
@settings(deadline=None)
def test_a_run_in_slices_of_events_is_the_same_run(programs: list[Program], slices: list[int]) -> None:
    with kernel_with(programs) as world:
        for events_max in slices:
            before = world.kernel.events_count
            reason = world.kernel.run(events_max=events_max)
            happened = world.kernel.events_count - before
            assert happened == events_max if reason is StopReason.EVENTS_MAX else happened <= events_max
        run_on(world.kernel)
        assert outcome(world) == straight(programs)
