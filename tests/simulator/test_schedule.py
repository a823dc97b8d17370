"""EventBridge: a rule that fires at its rate, whatever its target does."""

import pytest

from drsim.simulator.events import TickFired
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.schedule import ScheduleRule
from drsim.simulator.trace import Trace
from tests.simulator.lambdas import INIT_US, SECOND, LambdaRig, sleeper

MINUTE = 60 * SECOND


def test_rule_fires_at_its_first_instant_and_then_at_its_rate(kernel: Kernel, log: list[tuple[int, str]]) -> None:
    trace = Trace()
    ticks = list[TickFired]()
    trace.listen(TickFired, ticks.append)
    ScheduleRule(
        kernel,
        trace,
        first_us=10 * SECOND,
        rate_us=2 * MINUTE,
        target=lambda number: log.append((kernel.now_us, f"tick {number}")),
    )
    kernel.run(until_us=10 * SECOND + 4 * MINUTE)
    assert log == [
        (10 * SECOND, "tick 1"),
        (10 * SECOND + 2 * MINUTE, "tick 2"),
        (10 * SECOND + 4 * MINUTE, "tick 3"),
    ]
    assert ticks == [(10 * SECOND, 1), (10 * SECOND + 2 * MINUTE, 2), (10 * SECOND + 4 * MINUTE, 3)]


def test_a_rule_does_not_drift_and_costs_one_event_for_each_tick(kernel: Kernel) -> None:
    instants = list[int]()
    ScheduleRule(kernel, Trace(), first_us=0, rate_us=MINUTE, target=lambda _: instants.append(kernel.now_us))
    kernel.run(until_us=24 * 60 * MINUTE)
    assert instants == [number * MINUTE for number in range(24 * 60 + 1)]
    assert kernel.events_count == len(instants)


def test_a_tick_comes_though_the_function_of_the_one_before_still_runs(kernel: Kernel) -> None:
    rig = LambdaRig(kernel, sleeper(kernel, 90 * SECOND), timeout="5m")
    ScheduleRule(kernel, rig.trace, first_us=0, rate_us=MINUTE, target=lambda number: rig.invoke(f"tick {number}"))
    kernel.run(until_us=2 * MINUTE + SECOND)
    assert [event.at_us for event in rig.started] == [INIT_US, MINUTE + INIT_US, 2 * MINUTE]
    assert [event.concurrency for event in rig.started] == [1, 2, 2]


def test_what_a_target_raises_ends_the_run(kernel: Kernel) -> None:
    def fail(number: int) -> None:
        raise RuntimeError(f"tick {number}")

    ScheduleRule(kernel, Trace(), first_us=5, rate_us=MINUTE, target=fail)
    with pytest.raises(RuntimeError, match="tick 1"):
        kernel.run()
