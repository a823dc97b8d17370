"""What faults do besides: to ticks, to Lambda's queue, to the index, to clocks, and to DRS's jobs."""

from typing import Final

import pytest

from drsim.simulator.events import IndexRead, ItemChanged, LambdaStarted
from drsim.simulator.kernel import Kernel
from drsim.simulator.ports import WorldClock
from drsim.simulator.randomness import Spread
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.schedule import ScheduleRule
from drsim.simulator.services.spec import JobLife
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.world import World
from tests.simulator.faults.worlds import a_spec
from tests.simulator.lambdas import INIT_US, SECOND, LambdaRig
from tests.simulator.ports import Rig
from tests.simulator.tables import key_of

LIFE: Final = JobLife.model_validate({"in_progress": "5m..6m..9m"})

# --- ticks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"fault": "tick-lost", "run": 2}, [(0, 1), (120, 3)]),
        ({"fault": "tick-late", "run": 2, "delay": "20s"}, [(0, 1), (80, 2), (120, 3)]),
        ({"fault": "tick-late", "run": 2, "delay": "90s"}, [(0, 1), (120, 3), (150, 2)]),
        ({"fault": "tick-doubled", "run": 2}, [(0, 1), (60, 2), (60, 2), (120, 3)]),
    ],
)
def test_a_tick_is_lost_late_or_doubled_and_the_next_one_is_not(
    kernel: Kernel, rule: dict[str, object], expected: list[tuple[int, int]]
) -> None:
    rig = Rig(kernel, faults=a_spec(rule))
    heard = list[tuple[int, int]]()
    target = rig.effects.on_tick(lambda number: heard.append((kernel.now_us // SECOND, number)))
    ScheduleRule(kernel, rig.trace, first_us=0, rate_us=60 * SECOND, target=target)
    kernel.run(until_us=170 * SECOND)
    assert heard == expected


# --- Lambda's queue --------------------------------------------------------------------------------------------


def starts(kernel: Kernel, rule: dict[str, object], *, events: int = 1, **fields: object) -> LambdaRig:
    """Lambda under this rule, after this number of events of the execution e, 10 s apart."""
    rig = LambdaRig(kernel, faults=a_spec(rule, **fields))
    for number in range(events):
        rig.invoke("e", at_us=number * 10 * SECOND)
    kernel.run()
    return rig


def test_a_dropped_event_never_runs(kernel: Kernel) -> None:
    rig = starts(kernel, {"fault": "event-dropped", "run": 2}, events=3)
    assert [at_us // SECOND for at_us, what in rig.log if what == "e ok"] == [0, 20]


def test_a_delayed_event_runs_later(kernel: Kernel) -> None:
    rig = starts(kernel, {"fault": "event-delayed", "delay": "70s"})
    assert [event.at_us for event in rig.started] == [70 * SECOND + INIT_US]


def test_a_duplicated_event_runs_twice_each_time_under_an_id_of_its_own(kernel: Kernel) -> None:
    rig = starts(kernel, {"fault": "event-duplicated", "delay": "30s"})
    assert [event.at_us for event in rig.started] == [INIT_US, 30 * SECOND]
    assert len({event.request_id for event in rig.invoked}) == 2


def test_a_held_back_event_is_let_go_at_healing(kernel: Kernel) -> None:
    rig = starts(kernel, {"fault": "event-delayed", "delay": "70s"}, heal="40s")
    assert [event.at_us for event in rig.started] == [40 * SECOND + INIT_US]


def test_cold_start_fault_ignores_a_warm_environment_and_adds_its_delay(kernel: Kernel) -> None:
    rig = starts(kernel, {"fault": "cold-start", "run": 2, "delay": "3s"}, events=2)
    assert [(event.environment, event.init_us) for event in rig.started] == [(1, INIT_US), (2, INIT_US + 3 * SECOND)]


def test_a_starved_event_is_throttled_until_healing(kernel: Kernel) -> None:
    rig = starts(kernel, {"fault": "starved"}, heal="5s")
    throttled = [at_us // SECOND for at_us, what in rig.log if what == "e throttled"]
    # The queue waits 1, 2 and 4 seconds.
    assert throttled == [0, 1, 3]
    assert [event.at_us for event in rig.started] == [7 * SECOND + INIT_US]


# --- the index and clocks --------------------------------------------------------------------------------------


def test_a_write_held_back_from_the_index_is_not_found_before() -> None:
    spec = a_spec({"fault": "index-lag", "execution": "e", "before": "1m", "delay": "150s"}, duration="5m", heal="4m")
    world = World(spec, seed=7)
    found = list[int]()
    world.trace.listen(IndexRead, lambda event: found.append(event.items_count))
    world.run()
    world.close()
    # They start five seconds after the first tick.
    assert found == [0, 2, 2, 3, 3]


def test_a_held_back_write_shows_at_healing(kernel: Kernel) -> None:
    rig = Rig(kernel, faults=a_spec({"fault": "index-lag", "delay": "150s"}, heal="100s"))
    kernel.run(until_us=20 * SECOND)
    assert rig.effects.index_lag_us(key_of("e"), 1) == 80 * SECOND


def test_clock_skew_of_an_environment_is_constant_until_healing(kernel: Kernel) -> None:
    rig = Rig(kernel, faults=a_spec({"fault": "clock-skew", "delay": "1s..2s"}, heal="5m"))
    clock = WorldClock(rig.boundary, 0, skewed=True)
    off = list[int]()
    for second in (0, 100, 400):
        kernel.run(until_us=second * SECOND)
        rig.play(lambda: off.append(clock.now_us() - kernel.now_us))
    assert SECOND <= abs(off[0]) <= 2 * SECOND
    assert off == [off[0], off[0], 0]


def test_clocks_of_different_environments_are_fast_or_slow() -> None:
    off = set[bool]()
    for seed in range(10):
        kernel = Kernel(seed=seed)
        rig = Rig(kernel, faults=a_spec({"fault": "clock-skew", "delay": "1s"}))
        clock = WorldClock(rig.boundary, 0, skewed=True)
        rig.play(lambda kernel=kernel, clock=clock: off.add(clock.now_us() > kernel.now_us))  # type: ignore[misc]
        kernel.close()
    assert off == {True, False}


# --- ends ------------------------------------------------------------------------------------------------------


def test_event_whose_poll_ended_an_execution_comes_once_more() -> None:
    rule = {"fault": "end-duplicated", "execution": "e", "delay": "7s"}
    jobs = {"pending": "20s", "started": "0s", "in_progress": "20s"}
    workload = [{"executions": 2, "ids": ["e", "other"], "jobs": jobs}]
    spec = WorldSpec.model_validate({"duration": "5m", "settle": "20s", "workload": workload, "faults": [rule]})
    world = World(spec, seed=7)
    ends, starts = dict[str, ItemChanged](), list[LambdaStarted]()
    world.trace.listen(ItemChanged, lambda change: ends.update({change.execution_id: change}))
    world.trace.listen(LambdaStarted, starts.append)
    world.run()
    world.close()
    after = [each for each in starts if each.execution_id and each.at_us > ends["e"].at_us]
    assert [(each.execution_id, (each.at_us - ends["e"].at_us) // SECOND) for each in after] == [("e", 7)]
    assert {end.after["Status"] for end in ends.values() if end.after} == {"COMPLETED"}


# --- DRS's jobs ------------------------------------------------------------------------------------------------


def life(kernel: Kernel, rule: dict[str, object], wave: int = 1) -> JobLife:
    """How a job of three servers lives under this rule."""
    effects = Rig(kernel, faults=a_spec(rule)).effects
    return effects.life("e", "us-east-1", wave, 3, LIFE)


def test_a_job_hangs(kernel: Kernel) -> None:
    assert life(kernel, {"fault": "job-hangs"}) == LIFE.model_copy(update={"hangs": True})


def test_a_job_is_late_by_all_of_its_spread(kernel: Kernel) -> None:
    late = life(kernel, {"fault": "job-late", "delay": "10m"})
    minute_us = 60 * SECOND
    assert late.in_progress == Spread(15 * minute_us, 19 * minute_us, 16 * minute_us)
    assert (late.pending, late.started) == (LIFE.pending, LIFE.started)


@pytest.mark.parametrize(("servers", "failed"), [({}, 3), ({"servers": 1}, 1)])
def test_all_servers_fail_or_as_many_as_the_rule_says(kernel: Kernel, servers: dict[str, object], failed: int) -> None:
    assert life(kernel, {"fault": "servers-fail", **servers}).failed_servers == failed


def test_the_quota_refuses_the_job(kernel: Kernel) -> None:
    with pytest.raises(ServiceError, match="another tool's jobs use up the quota") as caught:
        life(kernel, {"fault": "quota"})
    assert caught.value.code == "ServiceQuotaExceededException"
    assert not caught.value.retryable


@pytest.mark.parametrize("fault", ["job-hangs", "job-late", "servers-fail", "quota"])
def test_rule_acts_only_on_the_wave_that_it_names(kernel: Kernel, fault: str) -> None:
    assert life(kernel, {"fault": fault, "run": 2}, wave=1) == LIFE
