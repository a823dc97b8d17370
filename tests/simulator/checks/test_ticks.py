"""The monitor of ticks, fed by hand."""

from drsim.simulator.checks.ticks import TriggerCadence
from drsim.simulator.events import FINDER, POLLER, Invoked, TickFired
from tests.simulator.cloudwatch.runs import SECOND_US, Bench, started

MINUTE_US = 60 * SECOND_US


def tick(bench: Bench, number: int, second: float, *, runs: int = 1) -> None:
    """One tick, and the runs of the finder that it starts."""
    at_us = round(second * SECOND_US)
    bench.trace.emit(TickFired(at_us, number))
    for run in range(runs):
        request_id = f"f-{number}-{run}"
        bench.trace.emit(Invoked(at_us, request_id, "", FINDER, ""))
        bench.trace.emit(started(request_id, FINDER, "", at_us))


def test_ticks_within_a_second_of_their_minutes_are_in_time() -> None:
    bench = Bench(TriggerCadence)
    for number, second in enumerate((0, 61, 119, 180), 1):
        tick(bench, number, second)
    bench.monitor.finish(181 * SECOND_US)
    assert (bench.said(), bench.monitor.checked) == ([], 4)


def test_trigger_cadence_notices_what_happens_to_ticks() -> None:
    bench = Bench(TriggerCadence)
    bench.trace.emit(TickFired(0, 1))
    bench.trace.emit(Invoked(0, "f-1", "", FINDER, ""))
    bench.trace.emit(Invoked(0, "f-2", "", FINDER, ""))
    bench.trace.emit(started("f-1", FINDER, "", 6 * SECOND_US))
    bench.trace.emit(TickFired(MINUTE_US - 3 * SECOND_US, 2))
    bench.trace.emit(TickFired(3 * MINUTE_US, 3))
    bench.monitor.finish(5 * MINUTE_US)
    assert bench.said() == [
        ("one invocation of the finder for each tick", "one without a tick"),
        ("the finder starts within 5 s", "after 6 s"),
        ("tick 2 within 1 s of its minute", "3 s early"),
        ("tick 3 within 1 s of its minute", "60 s late"),
        ("the tick at 57 s invokes the finder", "it did not"),
        ("a tick at 240 s", "none until the end"),
        ("the tick at 180 s invokes the finder", "it did not"),
        ("the finder invoked at 0 s starts", "it never did"),
    ]


def test_ticks_that_drift_are_noticed_once_they_are_a_second_off() -> None:
    bench = Bench(TriggerCadence)
    for number in range(4):
        tick(bench, number + 1, number * 60.4)
    assert bench.said() == [("tick 4 within 1 s of its minute", "1.2 s late")]


def test_a_tick_too_many_does_not_put_off_the_next() -> None:
    bench = Bench(TriggerCadence)
    for number, second in enumerate((0, 30, 60, 120), 1):
        tick(bench, number, second)
    assert bench.said() == [("tick 2 within 1 s of its minute", "30 s early")]


def test_other_invocations_are_not_the_rules() -> None:
    bench = Bench(TriggerCadence)
    tick(bench, 1, 0)
    bench.trace.emit(Invoked(SECOND_US, "r-1", "f-1-0", POLLER, "e-1"))
    bench.trace.emit(Invoked(SECOND_US, "f-x", "r-1", FINDER, ""))
    bench.trace.emit(started("r-1"))
    assert bench.said() == []


def test_a_tick_at_the_very_end_need_start_nothing() -> None:
    bench = Bench(TriggerCadence)
    tick(bench, 1, 0)
    tick(bench, 2, 60, runs=0)
    bench.monitor.finish(MINUTE_US)
    assert bench.said() == []
    bench.monitor.finish(MINUTE_US + 1)
    assert bench.said() == [("the tick at 60 s invokes the finder", "it did not")]


def test_what_comes_at_its_bound_is_in_time() -> None:
    bench = Bench(TriggerCadence)
    bench.trace.emit(TickFired(0, 1))
    bench.trace.emit(Invoked(0, "f-1", "", FINDER, ""))
    bench.trace.emit(started("f-1", FINDER, "", 5 * SECOND_US))
    bench.trace.emit(TickFired(MINUTE_US, 2))
    bench.trace.emit(Invoked(MINUTE_US, "f-2", "", FINDER, ""))
    bench.monitor.finish(65 * SECOND_US)
    assert bench.said() == []
    bench.trace.emit(started("f-2", FINDER, "", 65 * SECOND_US))
    bench.monitor.finish(121 * SECOND_US)
    assert bench.said() == []
