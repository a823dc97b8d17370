"""Processes: how they begin, wait, and end by themselves or by a crash."""

import gc
import weakref
from collections.abc import Callable
from threading import Thread

import pytest

from drsim.simulator.kernel import Kernel, StopReason
from drsim.simulator.processes import MisuseError, Process, ProcessCrashedError

Log = list[tuple[int, str]]


# --- processes -----------------------------------------------------------------------------------------------


def test_processes_take_turns_as_their_sleeps_end(kernel: Kernel, log: Log) -> None:
    def body(name: str, *, delay_us: int) -> None:
        for _ in range(2):
            kernel.sleep(delay_us)
            log.append((kernel.now_us, name))

    kernel.spawn("slow", body, "slow", delay_us=5)
    kernel.spawn("quick", body, "quick", delay_us=3)
    kernel.run()
    assert log == [(3, "quick"), (5, "slow"), (6, "quick"), (10, "slow")]
    assert kernel.events_count == 6


def test_a_process_begins_after_what_is_already_due(kernel: Kernel, log: Log) -> None:
    kernel.at(0, lambda name: log.append((kernel.now_us, name)), "due before")
    kernel.spawn("a", lambda: log.append((kernel.now_us, "process")))
    kernel.at(0, lambda name: log.append((kernel.now_us, name)), "due after")
    assert log == []
    kernel.run()
    assert log == [(0, "due before"), (0, "process"), (0, "due after")]


@pytest.mark.parametrize("events_max", [None, 1_000])
def test_a_process_that_an_action_begins_runs_within_it_until_it_waits(
    kernel: Kernel, log: Log, events_max: int | None
) -> None:
    def body(name: str) -> None:
        log.append((kernel.now_us, f"{name} of {kernel.current.tag if kernel.current else None}"))
        kernel.sleep(10)
        log.append((kernel.now_us, f"{name} ends"))

    def action(_: None) -> None:
        kernel.begin("a", "tag a", body, "a")
        log.append((kernel.now_us, "between"))
        kernel.begin("b", "tag b", body, "b")
        log.append((kernel.now_us, "after"))

    kernel.spawn("other", kernel.sleep, 7)
    kernel.at(5, action, None)
    kernel.run(events_max=events_max)
    begun = [(5, "a of tag a"), (5, "between"), (5, "b of tag b"), (5, "after")]
    assert log == [*begun, (15, "a ends"), (15, "b ends")]
    assert kernel.events_count == 5


def test_only_an_action_begins_a_process(kernel: Kernel) -> None:
    with pytest.raises(MisuseError, match=r"kernel.begin\(...\) outside an action: kernel.spawn\(name, fu"):
        kernel.begin("a", None, kernel.sleep, 1)
    kernel.spawn("b", kernel.begin, "c", None, kernel.sleep, 1)
    with pytest.raises(ProcessCrashedError, match="outside an action"):
        kernel.run()


@pytest.mark.parametrize("events_max", [0, 1, 2, 3, 4, 5, 6])
def test_bound_on_events_counts_each_sleep_that_ends(kernel: Kernel, events_max: int) -> None:
    def body(delay_us: int) -> None:
        kernel.sleep(delay_us)
        kernel.sleep(delay_us)

    kernel.spawn("a", body, 2)
    kernel.spawn("b", body, 3)
    reason = kernel.run(events_max=events_max)
    assert kernel.events_count == events_max
    assert reason is (StopReason.EVENTS_MAX if events_max < 6 else StopReason.IDLE)


def test_a_sleep_of_zero_lets_everything_else_of_the_instant_go_first(kernel: Kernel, log: Log) -> None:
    def body() -> None:
        kernel.at(0, lambda name: log.append((kernel.now_us, name)), "action")
        kernel.sleep(0)
        log.append((kernel.now_us, "process"))

    kernel.spawn("a", body)
    kernel.run()
    assert log == [(0, "action"), (0, "process")]


def test_a_sleep_below_zero_and_a_sleep_outside_a_process_are_refused(kernel: Kernel) -> None:
    with pytest.raises(MisuseError, match="duration_us must be >= 0, got -1"):
        kernel.sleep(-1)
    with pytest.raises(MisuseError, match=r"kernel.sleep\(...\) was called outside a process: kernel.spawn\(name, fun"):
        kernel.sleep(1)
    kernel.at(0, kernel.sleep, 1)
    with pytest.raises(MisuseError, match="outside a process"):
        kernel.run()
    assert kernel.run() is StopReason.IDLE


def test_a_process_knows_its_name_and_whether_it_lives(kernel: Kernel) -> None:
    seen: list[Process | None] = []

    def body() -> None:
        seen.append(kernel.current)
        kernel.at(0, lambda _: seen.append(kernel.current), None)
        kernel.sleep(0)

    process = kernel.spawn("poll 1", body)
    assert (process.name, process.alive, kernel.current) == ("poll 1", True, None)
    kernel.run()
    assert seen == [process, None]
    assert not process.alive


def test_a_child_inherits_the_tag_that_its_spawner_has_at_that_moment(kernel: Kernel) -> None:
    tags: list[object] = []

    def parent() -> None:
        kernel.spawn("child", lambda: tags.append(kernel.current and kernel.current.tag))
        process.tag = "later"

    process = kernel.spawn("parent", parent)
    assert process.tag is None
    process.tag = "invocation 1"
    kernel.run()
    assert tags == ["invocation 1"]


def test_processes_that_spawn_each_other_never_nest_deeper(kernel: Kernel, log: Log) -> None:
    def body(left: int) -> None:
        if left:
            kernel.spawn("next", body, left - 1)
            kernel.sleep(1)
        else:
            log.append((kernel.now_us, "last"))

    kernel.spawn("first", body, 5_000)
    kernel.run()
    assert log == [(0, "last")]
    assert kernel.now_us == 1


def test_a_process_that_ended_is_let_go_though_its_spawner_lives(kernel: Kernel) -> None:
    class Thing:
        pass

    things: weakref.WeakSet[Thing] = weakref.WeakSet()

    def child(thing: Thing) -> None:
        things.add(thing)

    def parent() -> None:
        for _ in range(100):
            kernel.spawn("child", child, Thing())
            kernel.sleep(1)
        gc.collect()
        assert len(things) == 0

    kernel.spawn("parent", parent)
    kernel.run()


def test_kernels_in_two_threads_do_not_meet() -> None:
    logs: dict[str, Log] = {"a": [], "b": []}

    def run(name: str) -> None:
        kernel = Kernel()

        def body() -> None:
            for _ in range(200):
                kernel.sleep(1)
                logs[name].append((kernel.now_us, name))

        kernel.spawn(name, body)
        kernel.run()

    threads = [Thread(target=run, args=(name,)) for name in logs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert logs == {name: [(instant, name) for instant in range(1, 201)] for name in logs}


# --- suspending ----------------------------------------------------------------------------------------------


def test_a_suspended_process_goes_on_at_the_instant_at_which_it_is_woken(kernel: Kernel, log: Log) -> None:
    wakes: list[Callable[[], None]] = []

    def body() -> None:
        kernel.suspend(wakes.append)
        log.append((kernel.now_us, "woken"))

    kernel.spawn("a", body)
    assert kernel.run() is StopReason.IDLE

    def wake(_: None) -> None:
        wakes[0]()
        log.append((kernel.now_us, "waker"))

    kernel.at(4, wake, None)
    kernel.run()
    assert log == [(4, "waker"), (4, "woken")]


def test_only_the_first_wake_counts(kernel: Kernel, log: Log) -> None:
    def body() -> None:
        def until(wake: Callable[[], None]) -> None:
            wake()
            for due_us in (1, 2):
                kernel.at(due_us, lambda _: wake(), None)

        kernel.suspend(until)
        log.append((kernel.now_us, "woken"))
        kernel.sleep(10)
        log.append((kernel.now_us, "slept"))

    kernel.spawn("a", body)
    kernel.run()
    assert log == [(0, "woken"), (10, "slept")]


def test_a_process_may_be_woken_between_two_runs(kernel: Kernel, log: Log) -> None:
    wakes: list[Callable[[], None]] = []

    def body() -> None:
        kernel.suspend(wakes.append)
        log.append((kernel.now_us, "woken"))

    kernel.spawn("a", body)
    kernel.run(until_us=3)
    wakes[0]()
    kernel.run()
    assert log == [(3, "woken")]


def test_suspending_outside_a_process_is_refused(kernel: Kernel) -> None:
    with pytest.raises(MisuseError, match=r"kernel.suspend\(...\) was called outside a process"):
        kernel.suspend(lambda _: None)


# --- crashes -------------------------------------------------------------------------------------------------


def test_a_crash_ends_the_run_and_names_seed_instant_and_process(kernel: Kernel, log: Log) -> None:
    def crash() -> None:
        kernel.sleep(754_000_456)
        raise ValueError("no such wave")

    def other() -> None:
        kernel.sleep(754_000_457)
        log.append((kernel.now_us, "other"))

    process = kernel.spawn("poll 1", crash)
    kernel.spawn("poll 2", other)
    with pytest.raises(ProcessCrashedError) as caught:
        kernel.run()
    assert str(caught.value) == "seed 7, 00:12:34.000456, process 'poll 1': ValueError: no such wave"
    assert isinstance(caught.value.__cause__, ValueError)
    assert not hasattr(caught.value, "__notes__")
    assert not process.alive
    assert (kernel.now_us, kernel.events_count) == (754_000_456, 3)
    kernel.run()
    assert log == [(754_000_457, "other")]


def test_a_crash_after_stop_is_not_lost(kernel: Kernel) -> None:
    def crash() -> None:
        kernel.stop()
        raise ValueError("no such wave")

    kernel.spawn("a", crash)
    with pytest.raises(ProcessCrashedError):
        kernel.run()
    assert kernel.run() is StopReason.IDLE


def test_an_exit_of_a_process_is_a_crash_and_not_an_exit_of_the_simulator(kernel: Kernel) -> None:
    def leave() -> None:
        raise SystemExit(0)

    kernel.spawn("a", leave)
    with pytest.raises(ProcessCrashedError, match="process 'a': SystemExit: 0"):
        kernel.run()


def test_an_interrupt_passes_through_and_leaves_the_kernel_readable(kernel: Kernel, log: Log) -> None:
    def interrupted() -> None:
        kernel.sleep(5)
        raise KeyboardInterrupt

    def other() -> None:
        kernel.sleep(6)
        log.append((kernel.now_us, "other"))

    processes = [kernel.spawn("a", interrupted), kernel.spawn("b", other)]
    with pytest.raises(KeyboardInterrupt):
        kernel.run()
    assert (kernel.now_us, kernel.events_count, kernel.current) == (5, 3, None)
    assert [process.alive for process in processes] == [False, True]
    assert kernel.run() is StopReason.IDLE
    assert log == [(6, "other")]


# --- continuing ----------------------------------------------------------------------------------------------


def test_on_resume_is_called_once_whenever_a_process_begins_or_continues(kernel: Kernel, log: Log) -> None:
    def body(first_us: int) -> None:
        kernel.sleep(first_us)
        kernel.suspend(lambda wake: kernel.at(9, lambda _: wake(), None))

    kernel.on_resume = lambda process: log.append((kernel.now_us, "" if process is None else process.name))
    for name, first_us in (("a", 5), ("b", 3)):
        kernel.spawn(name, body, first_us)
    kernel.at(10, lambda _: kernel.spawn("on a carrier that was used before", kernel.sleep, 1), None)
    kernel.run(until_us=4)
    assert log == [(0, "a"), (0, "b"), (3, "b"), (3, "")]
    del log[:]
    kernel.run()
    again = "on a carrier that was used before"
    assert log == [(5, "a"), (9, "b"), (9, "a"), (10, again), (11, again), (11, "")]
