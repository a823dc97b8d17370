import gc
import weakref
from collections.abc import Callable, Iterator
from threading import Thread

import pytest

from simulator.kernel import Kernel, MisuseError, Process, ProcessCrashedError, StopReason, show_us


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    kernel = Kernel(seed=7)
    yield kernel
    kernel.close()


@pytest.fixture
def log() -> list[tuple[int, str]]:
    return []


Log = list[tuple[int, str]]


# --- actions and timers --------------------------------------------------------------------------------------


def test_actions_happen_in_the_order_of_their_instants_whatever_the_order_of_the_calls(
    kernel: Kernel, log: Log
) -> None:
    for due_us in (5, 0, 3):
        kernel.at(due_us, lambda name: log.append((kernel.now_us, name)), f"due at {due_us}")
    assert kernel.run() is StopReason.IDLE
    assert log == [(0, "due at 0"), (3, "due at 3"), (5, "due at 5")]
    assert (kernel.now_us, kernel.events_count) == (5, 3)


def test_actions_of_one_instant_happen_in_the_order_of_the_calls(kernel: Kernel, log: Log) -> None:
    def first(_: None) -> None:
        log.append((kernel.now_us, "first"))
        kernel.at(kernel.now_us, lambda name: log.append((kernel.now_us, name)), "scheduled by first")

    kernel.at(4, first, None)
    kernel.at(4, lambda name: log.append((kernel.now_us, name)), "second")
    kernel.run()
    assert log == [(4, "first"), (4, "second"), (4, "scheduled by first")]


def test_arguments_of_one_instant_are_never_compared(kernel: Kernel) -> None:
    for _ in range(3):
        kernel.at(1, lambda _: None, {"no": "order"})
    kernel.run()
    assert kernel.events_count == 3


def test_an_instant_that_has_passed_is_refused(kernel: Kernel) -> None:
    kernel.run(until_us=10)
    with pytest.raises(MisuseError, match=r"due_us must be >= now_us \(10\), got 9: write kernel.at\(kernel.now_us \+"):
        kernel.at(9, print, None)


def test_a_timer_fires_once_at_its_instant(kernel: Kernel, log: Log) -> None:
    timer = kernel.timer(3, lambda: log.append((kernel.now_us, "fired")))
    kernel.run()
    timer.cancel()
    assert log == [(3, "fired")]
    assert (kernel.now_us, kernel.events_count) == (3, 1)


def test_a_timer_that_is_called_off_never_happens_and_the_clock_does_not_go_there(kernel: Kernel, log: Log) -> None:
    timer = kernel.timer(5, lambda: log.append((kernel.now_us, "fired")))
    for due_us in (1, 2, 3, 9):
        kernel.at(due_us, lambda _: None, None)
    timer.cancel()
    timer.cancel()
    kernel.run(until_us=6)
    assert log == []
    assert (kernel.now_us, kernel.events_count) == (6, 3)
    kernel.timer(1_000, print).cancel()
    assert kernel.run() is StopReason.IDLE
    assert (kernel.now_us, kernel.events_count) == (9, 4)


def test_a_timer_that_is_called_off_after_firing_leaves_the_others_alone(kernel: Kernel, log: Log) -> None:
    timer = kernel.timer(1, lambda: None)
    for due_us in (2, 3):
        kernel.timer(due_us, lambda: log.append((kernel.now_us, "fired")))
    kernel.run(until_us=1)
    timer.cancel()
    kernel.run()
    assert log == [(2, "fired"), (3, "fired")]
    assert kernel.events_count == 3


def test_timers_that_were_called_off_do_not_fill_the_heap(kernel: Kernel) -> None:
    class Action:
        def __call__(self) -> None:
            raise AssertionError("called off")

    actions: weakref.WeakSet[Action] = weakref.WeakSet()
    for _ in range(10):
        kernel.at(2_000, lambda _: None, None)
    for number in range(1_000):
        action = Action()
        actions.add(action)
        kernel.timer(1_000 + number, action).cancel()
        del action
        assert len(actions) <= 11
    kernel.run()
    assert (kernel.now_us, kernel.events_count) == (2_000, 10)


def test_the_order_holds_when_many_timers_are_called_off(kernel: Kernel) -> None:
    instants: list[int] = []
    timers = {
        due_us: kernel.timer(due_us, lambda: instants.append(kernel.now_us))
        for due_us in (number * 7_919 % 1_009 for number in range(1_000))
    }
    kept = sorted(due_us for number, due_us in enumerate(timers) if number * 31 % 10 < 4)
    for due_us in timers.keys() - set(kept):
        timers[due_us].cancel()
    kernel.run()
    assert instants == kept
    assert kernel.events_count == len(kept)


def test_an_exception_in_an_action_passes_through_with_seed_and_instant_noted(kernel: Kernel, log: Log) -> None:
    def fail(_: None) -> None:
        raise KeyError("wave")

    kernel.at(1_500_000, fail, None)
    kernel.at(1_500_001, lambda name: log.append((kernel.now_us, name)), "after")
    with pytest.raises(KeyError) as caught:
        kernel.run()
    assert caught.value.__notes__ == ["raised by an action of the kernel's, seed 7, 00:00:01.500000"]
    assert (kernel.now_us, kernel.events_count) == (1_500_000, 1)
    kernel.run()
    assert log == [(1_500_001, "after")]


# --- bounds of a run -----------------------------------------------------------------------------------------


def test_a_run_until_an_instant_processes_that_instant_and_stands_there(kernel: Kernel, log: Log) -> None:
    for due_us in (10, 10, 11):
        kernel.at(due_us, lambda name: log.append((kernel.now_us, name)), "action")
    assert kernel.run(until_us=10) is StopReason.UNTIL
    assert log == [(10, "action"), (10, "action")]
    assert kernel.now_us == 10
    assert kernel.run(until_us=10) is StopReason.UNTIL
    assert kernel.run(until_us=30) is StopReason.UNTIL
    assert log[2:] == [(11, "action")]
    assert (kernel.now_us, kernel.events_count) == (30, 3)


def test_a_run_until_an_instant_holds_processes_to_it(kernel: Kernel, log: Log) -> None:
    def body(name: str, delay_us: int) -> None:
        while True:
            kernel.sleep(delay_us)
            log.append((kernel.now_us, name))

    kernel.spawn("a", body, "a", 2)
    kernel.spawn("b", body, "b", 3)
    assert kernel.run(until_us=6) is StopReason.UNTIL
    assert log == [(2, "a"), (3, "b"), (4, "a"), (6, "b"), (6, "a")]
    assert kernel.now_us == 6


def test_a_run_until_an_instant_that_has_passed_is_refused(kernel: Kernel) -> None:
    kernel.run(until_us=10)
    with pytest.raises(MisuseError, match=r"until_us must be >= now_us \(10\), got 9"):
        kernel.run(until_us=9)


def test_a_bound_on_events_is_kept_exactly_with_actions_and_processes(kernel: Kernel, log: Log) -> None:
    def body(name: str) -> None:
        for _ in range(2):
            kernel.sleep(1)
            log.append((kernel.now_us, name))

    kernel.spawn("a", body, "a")
    kernel.spawn("b", body, "b")
    assert kernel.run(events_max=0) is StopReason.EVENTS_MAX
    assert kernel.run(events_max=3) is StopReason.EVENTS_MAX
    assert (log, kernel.events_count) == ([(1, "a")], 3)
    assert kernel.run(events_max=1) is StopReason.EVENTS_MAX
    assert log == [(1, "a"), (1, "b")]
    assert kernel.run(events_max=2, until_us=2) is StopReason.UNTIL
    assert log == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]
    assert kernel.events_count == 6


def test_a_run_that_uses_up_its_events_and_leaves_none_is_idle(kernel: Kernel) -> None:
    kernel.at(1, lambda _: None, None)
    assert kernel.run(events_max=1) is StopReason.IDLE
    kernel.at(20, lambda _: None, None)
    assert kernel.run(events_max=0, until_us=19) is StopReason.UNTIL
    assert kernel.run(events_max=0, until_us=20) is StopReason.EVENTS_MAX
    assert kernel.now_us == 19


def test_events_that_were_called_off_do_not_use_up_the_bound(kernel: Kernel, log: Log) -> None:
    timers = [kernel.timer(due_us, lambda: log.append((kernel.now_us, "fired"))) for due_us in range(1, 10)]
    for timer in timers[:4]:
        timer.cancel()
    kernel.run(events_max=2)
    assert log == [(5, "fired"), (6, "fired")]


def test_a_bound_below_zero_is_refused(kernel: Kernel) -> None:
    with pytest.raises(MisuseError, match="events_max must be >= 0, got -1"):
        kernel.run(events_max=-1)


def test_stop_ends_the_run_after_the_present_event_and_the_next_run_goes_on(kernel: Kernel, log: Log) -> None:
    def action(name: str) -> None:
        log.append((kernel.now_us, name))
        if name == "first":
            kernel.stop()
            kernel.stop()

    kernel.at(1, action, "first")
    kernel.at(1, action, "second")
    assert kernel.run(until_us=5, events_max=1) is StopReason.STOPPED
    assert log == [(1, "first")]
    assert kernel.now_us == 1
    assert kernel.run() is StopReason.IDLE
    assert log == [(1, "first"), (1, "second")]


def test_stop_by_a_process_takes_effect_when_it_waits_or_ends(kernel: Kernel, log: Log) -> None:
    def body() -> None:
        kernel.stop()
        log.append((kernel.now_us, "stopped"))
        kernel.sleep(1)
        log.append((kernel.now_us, "woken"))
        kernel.stop()

    kernel.spawn("a", body)
    assert kernel.run() is StopReason.STOPPED
    assert log == [(0, "stopped")]
    assert kernel.run(until_us=9) is StopReason.STOPPED
    assert log == [(0, "stopped"), (1, "woken")]
    assert kernel.now_us == 1


def test_stop_outside_a_run_has_no_effect(kernel: Kernel) -> None:
    kernel.at(1, lambda _: None, None)
    kernel.stop()
    assert kernel.run() is StopReason.IDLE
    assert kernel.now_us == 1


def test_a_run_inside_a_run_is_refused(kernel: Kernel) -> None:
    kernel.at(0, lambda _: kernel.run(), None)
    with pytest.raises(MisuseError, match=r"kernel.run\(\) was called inside a run: kernel.spawn\(name, function\)"):
        kernel.run()
    kernel.spawn("a", kernel.run)
    with pytest.raises(ProcessCrashedError, match=r"kernel.run\(\) was called inside a run"):
        kernel.run()


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


def test_a_descendant_dies_with_its_ancestor_though_those_between_have_ended(
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


def test_whatever_is_asked_of_the_kernel_while_it_closes_ends_the_one_who_asks(kernel: Kernel, log: Log) -> None:
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

    for ask in (lambda: kernel.sleep(1), suspend, kill):
        kernel.spawn("a", body, ask)
    kernel.run(until_us=1)
    kernel.close()
    assert log == []
    assert kernel.events_count == 3
    assert kernel.run() is StopReason.IDLE


def test_nobody_else_goes_on_while_the_kernel_closes(kernel: Kernel, log: Log) -> None:
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


def test_instants_are_shown_as_hours_minutes_seconds_and_microseconds() -> None:
    assert show_us(0) == "00:00:00.000000"
    assert show_us(754_000_456) == "00:12:34.000456"
    assert show_us(360_000_000_000) == "100:00:00.000000"
