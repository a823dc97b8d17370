"""Processes that are killed, and what closing a kernel does to those that never ended."""

import gc
import weakref
from collections.abc import Callable

import pytest

from drsim.simulator.kernel import Kernel, StopReason
from drsim.simulator.processes import MisuseError, ProcessCrashedError

Log = list[tuple[int, str]]


# --- killing -------------------------------------------------------------------------------------------------


@pytest.fixture
def sleeper(kernel: Kernel, log: Log) -> Callable[[int], None]:
    """A body that sleeps and shows in the log whether any of its later lines ran."""

    def body(duration_us: int) -> None:
        try:
            kernel.sleep(duration_us)
            log.append((kernel.now_us, "slept"))
        finally:
            log.append((kernel.now_us, "finally"))

    return body


def test_a_killed_process_runs_no_line_more_and_its_sleep_never_ends(
    kernel: Kernel, log: Log, sleeper: Callable[[int], None]
) -> None:
    process = kernel.spawn("a", sleeper, 100)
    kernel.at(3, kernel.kill, process)
    assert kernel.run() is StopReason.IDLE
    assert log == []
    assert (kernel.now_us, kernel.events_count, process.alive) == (3, 2, False)


def test_a_killed_process_among_many_others_does_not_disturb_them(kernel: Kernel, log: Log) -> None:
    def body(name: str) -> None:
        for _ in range(2):
            kernel.sleep(2)
            log.append((kernel.now_us, name))

    processes = [kernel.spawn(name, body, name) for name in "abcde"]

    def killer() -> None:
        kernel.sleep(1)
        kernel.kill(processes[1])
        kernel.kill(processes[3])
        kernel.sleep(2)
        kernel.kill(processes[4])

    kernel.spawn("killer", killer)
    kernel.run()
    assert log == [(2, "a"), (2, "c"), (2, "e"), (4, "a"), (4, "c")]
    assert kernel.events_count == 6 + 2 + 3 + 2


def test_a_process_that_is_killed_before_it_begins_never_does(kernel: Kernel, log: Log) -> None:
    process = kernel.spawn("a", lambda: log.append((kernel.now_us, "began")))
    kernel.kill(process)
    assert kernel.run() is StopReason.IDLE
    assert (log, kernel.events_count, process.alive) == ([], 0, False)


def test_a_process_that_is_killed_before_it_begins_is_let_go(kernel: Kernel) -> None:
    class Thing:
        def __call__(self) -> None:
            raise AssertionError("killed")

    thing = Thing()
    gone = weakref.ref(thing)
    kernel.kill(kernel.spawn("a", thing))
    del thing
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("wakes_first", [True, False])
def test_a_process_that_is_killed_while_suspended_is_not_woken(kernel: Kernel, log: Log, wakes_first: bool) -> None:
    wakes: list[Callable[[], None]] = []

    def body() -> None:
        kernel.suspend(wakes.append)
        log.append((kernel.now_us, "woken"))

    process = kernel.spawn("a", body)
    kernel.run()
    if wakes_first:
        wakes[0]()
    kernel.kill(process)
    wakes[0]()
    kernel.run()
    assert log == []


def test_a_process_that_kills_itself_does_not_return_from_the_call(kernel: Kernel, log: Log) -> None:
    def body() -> None:
        try:
            kernel.kill(process)
            log.append((kernel.now_us, "returned"))
        finally:
            log.append((kernel.now_us, "finally"))

    process = kernel.spawn("a", body)
    kernel.at(1, lambda name: log.append((kernel.now_us, name)), "the run goes on")
    kernel.run()
    assert log == [(1, "the run goes on")]
    assert not process.alive


def test_children_and_their_children_die_with_a_process(
    kernel: Kernel, log: Log, sleeper: Callable[[int], None]
) -> None:
    def parent() -> None:
        kernel.spawn("child", child)
        kernel.sleep(10)

    def child() -> None:
        kernel.spawn("grandchild", sleeper, 10)
        kernel.sleep(1)
        kernel.spawn("not begun", sleeper, 10)
        kernel.kill(process)
        log.append((kernel.now_us, "child"))

    process = kernel.spawn("parent", parent)
    other = kernel.spawn("other", kernel.sleep, 2)
    kernel.run()
    assert log == []
    assert kernel.now_us == 2
    assert not process.alive
    assert not other.alive


def test_a_child_that_is_killed_leaves_its_spawner_and_its_siblings_alone(kernel: Kernel, log: Log) -> None:
    def child(name: str) -> None:
        kernel.sleep(2)
        log.append((kernel.now_us, name))

    def parent() -> None:
        first = kernel.spawn("first", child, "first")
        kernel.spawn("second", child, "second")
        kernel.sleep(1)
        kernel.kill(first)
        kernel.sleep(2)
        log.append((kernel.now_us, "parent"))

    kernel.spawn("parent", parent)
    kernel.run()
    assert log == [(2, "second"), (3, "parent")]


def test_descendant_dies_with_its_ancestor_after_those_between_ended(
    kernel: Kernel, log: Log, sleeper: Callable[[int], None]
) -> None:
    def ancestor() -> None:
        kernel.spawn("child", child)
        kernel.sleep(5)
        kernel.kill(process)

    def child() -> None:
        kernel.spawn("grandchild", grandchild)

    def grandchild() -> None:
        kernel.sleep(1)
        kernel.spawn("great-grandchild", sleeper, 10)

    process = kernel.spawn("ancestor", ancestor)
    kernel.run()
    assert log == []
    assert kernel.now_us == 5


def test_a_child_goes_on_when_its_spawner_ends(kernel: Kernel, log: Log, sleeper: Callable[[int], None]) -> None:
    process = kernel.spawn("parent", lambda: kernel.spawn("child", sleeper, 10))
    kernel.run(until_us=5)
    assert not process.alive
    kernel.kill(process)
    kernel.run()
    assert log == [(10, "slept"), (10, "finally")]


def test_what_a_process_left_running_dies_with_its_family(
    kernel: Kernel, log: Log, sleeper: Callable[[int], None]
) -> None:
    grandchildren = []

    def child() -> None:
        grandchildren.append(kernel.spawn("grandchild", sleeper, 10))

    process = kernel.spawn("parent", lambda: kernel.spawn("child", child))
    kernel.run(until_us=5)
    (grandchild,) = grandchildren
    assert not process.alive
    assert grandchild.root is process
    kernel.kill_families(grandchild)
    kernel.run()
    assert log == []


def test_killing_twice_is_killing_once(kernel: Kernel, log: Log, sleeper: Callable[[int], None]) -> None:
    process = kernel.spawn("a", sleeper, 10)
    kernel.run(until_us=1)
    kernel.kill(process)
    kernel.kill(process)
    kernel.at(20, lambda _: None, None)
    kernel.run()
    assert (log, kernel.events_count) == ([], 2)


# --- closing -------------------------------------------------------------------------------------------------


def test_closing_unwinds_what_is_still_suspended_when_the_run_is_over(
    kernel: Kernel, log: Log, sleeper: Callable[[int], None]
) -> None:
    killed = kernel.spawn("killed", sleeper, 10)
    unfinished = kernel.spawn("unfinished", sleeper, 10)
    kernel.run(until_us=1)
    kernel.spawn("not begun", sleeper, 10)
    kernel.kill(killed)
    assert log == []
    kernel.close()
    assert log == [(1, "finally"), (1, "finally")]
    assert not unfinished.alive
    assert kernel.events_count == 2
    kernel.close()


def test_kernel_call_while_it_closes_ends_the_calling_process(kernel: Kernel, log: Log) -> None:
    def body(ask: Callable[[], object]) -> None:
        try:
            kernel.sleep(10)
        finally:
            ask()
            log.append((kernel.now_us, "went on"))

    def suspend() -> None:
        kernel.suspend(lambda wake: wake())

    def kill() -> None:
        if kernel.current is not None:
            kernel.kill(kernel.current)

    processes = [kernel.spawn("a", body, ask) for ask in (lambda: kernel.sleep(1), suspend, kill)]
    kernel.run(until_us=1)
    kernel.close()
    assert log == []
    assert not any(process.alive for process in processes)
    assert kernel.events_count == 3
    assert kernel.run() is StopReason.IDLE


def test_no_other_process_continues_while_the_kernel_closes(kernel: Kernel, log: Log) -> None:
    def crash() -> None:
        raise ValueError("no such wave")

    def body(name: str) -> None:
        try:
            kernel.sleep(5)
            log.append((kernel.now_us, f"{name} slept"))
        finally:
            log.append((kernel.now_us, f"{name} unwinds"))
            kernel.sleep(5)

    for name in "ab":
        kernel.spawn(name, body, name)
    kernel.spawn("crash", crash)
    with pytest.raises(ProcessCrashedError):
        kernel.run()
    kernel.close()
    assert log == [(0, "a unwinds"), (0, "b unwinds")]


def test_an_exception_while_the_kernel_closes_is_no_part_of_the_simulation(kernel: Kernel, log: Log) -> None:
    def body(name: str) -> None:
        try:
            kernel.sleep(10)
        finally:
            log.append((kernel.now_us, name))
            raise ValueError(name)

    def spawner() -> None:
        try:
            kernel.sleep(10)
        finally:
            kernel.spawn("late", lambda: log.append((kernel.now_us, "late")))

    kernel.spawn("a", body, "a")
    kernel.spawn("b", spawner)
    kernel.spawn("c", body, "c")
    kernel.run(until_us=1)
    kernel.close()
    assert log == [(1, "a"), (1, "c")]
    assert kernel.run() is StopReason.IDLE


def test_closed_kernel_runs_no_scheduled_action(kernel: Kernel, log: Log) -> None:
    kernel.at(5, lambda name: log.append((kernel.now_us, name)), "action")
    kernel.timer(6, lambda: log.append((kernel.now_us, "timer")))
    kernel.close()
    assert kernel.run() is StopReason.IDLE
    assert (log, kernel.now_us, kernel.events_count) == ([], 0, 0)


def test_closing_inside_a_run_is_refused(kernel: Kernel) -> None:
    kernel.at(0, lambda _: kernel.close(), None)
    with pytest.raises(MisuseError, match=r"kernel.close\(\) was called inside a run: kernel.stop\(\) ends the run"):
        kernel.run()


def test_a_kernel_that_was_closed_gives_its_memory_back() -> None:
    class Thing:
        pass

    things: weakref.WeakSet[Thing] = weakref.WeakSet()
    kernel = Kernel()

    def body() -> None:
        thing = Thing()
        things.add(thing)
        kernel.sleep(10)

    for _ in range(3):
        kernel.spawn("a", body)
    kernel.run(until_us=1)
    gc.collect()
    assert len(things) == 3
    kernel.close()
    gc.collect()
    assert len(things) == 0
