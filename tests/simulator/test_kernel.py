"""Actions, timers, and the bounds of a run."""

import weakref

import pytest

from drsim.simulator.kernel import Kernel, StopReason, show_us
from drsim.simulator.processes import MisuseError, ProcessCrashedError

Log = list[tuple[int, str]]


# --- actions and timers --------------------------------------------------------------------------------------


def test_actions_happen_in_order_of_instants_not_of_calls(kernel: Kernel, log: Log) -> None:
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


def test_cancelled_timer_never_fires_and_does_not_move_the_clock(kernel: Kernel, log: Log) -> None:
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


def test_timer_cancelled_after_firing_leaves_the_others_alone(kernel: Kernel, log: Log) -> None:
    timer = kernel.timer(1, lambda: None)
    for due_us in (2, 3):
        kernel.timer(due_us, lambda: log.append((kernel.now_us, "fired")))
    kernel.run(until_us=1)
    timer.cancel()
    kernel.run()
    assert log == [(2, "fired"), (3, "fired")]
    assert kernel.events_count == 3


def test_cancelled_timers_do_not_fill_the_heap(kernel: Kernel) -> None:
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
        assert len(kernel._cancelled) <= 11
    kernel.run()
    assert (kernel.now_us, kernel.events_count) == (2_000, 10)


def test_order_holds_when_many_timers_are_cancelled(kernel: Kernel) -> None:
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


def test_exception_in_an_action_is_raised_with_seed_and_instant_noted(kernel: Kernel, log: Log) -> None:
    def fail(_: None) -> None:
        raise KeyError("wave")

    kernel.at(1_500_000, fail, None)
    kernel.at(1_500_001, lambda name: log.append((kernel.now_us, name)), "after")
    with pytest.raises(KeyError) as caught:
        kernel.run()
    assert caught.value.__notes__ == ["raised by an action of the kernel, seed 7, 00:00:01.500000"]
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


def test_stop_ends_the_run_after_the_event_and_the_next_run_continues(kernel: Kernel, log: Log) -> None:
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


def test_instants_are_shown_as_hours_minutes_seconds_and_microseconds() -> None:
    assert show_us(0) == "00:00:00.000000"
    assert show_us(754_000_456) == "00:12:34.000456"
    assert show_us(360_000_000_000) == "100:00:00.000000"
