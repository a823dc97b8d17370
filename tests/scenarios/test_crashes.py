"""Crash points: every call of every run, before and after, alone and with a redelivery."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from drsim.scenarios.crashes import crash, crash_everywhere, crash_points
from drsim.scenarios.files import load
from drsim.simulator.events import CallMade
from drsim.simulator.world import World

SHORT = ["waves=1", "jobs={pending: 1m, started: 20s, in_progress: 1m}", "duration=8m"]


def test_each_call_has_four_crash_points() -> None:
    scenario, points = crash_points(load("drill", SHORT), 1)
    calls: list[CallMade] = []
    world = World(scenario, seed=1)
    world.trace.listen(CallMade, calls.append)
    world.run()
    world.close()
    assert len(points) == 4 * len(calls)
    assert len({str(point.rule) for point in points}) == len(points)
    assert {point.rule.operation for point in points} == {call.operation for call in calls}


@pytest.mark.slow
def test_the_real_code_survives_every_crash_point() -> None:
    scenario, points = crash_points(load("drill", SHORT), 1)
    with ThreadPoolExecutor(1) as executor:
        done = list(crash_everywhere(scenario, points, 1, executor))
    assert sum(each.points_count for each in done) == len(points)
    assert [each.missed for each in done if each.missed] == []
    assert [each.failures for each in done if each.failures] == []


def test_violations_and_points_never_injected_are_reported_by_rule() -> None:
    scenario, points = crash_points(load("drill", SHORT), 1)
    never = points[0]._replace(rule=points[0].rule.model_copy(update={"run": 999}))
    crashed = crash(scenario.model_dump_json(), [never], 1, "tests.planted_bugs.registry:BUGS:LogsNothing")
    assert crashed.missed == (str(never.rule),)
    assert [(point, found.property) for point, found in crashed.failures] == [(never, "log-correlation")]
