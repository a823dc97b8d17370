"""Recovery times of whole worlds: what counts, from when, and what is kept."""

from typing import Any

import pytest

from drsim.scenarios.files import load
from drsim.simulator.contract.objectives import Objectives
from drsim.simulator.figures import recoveries
from drsim.simulator.figures.recoveries import FIRST_MAX, SLOWEST_MAX, Achieved, Recoveries
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.world import Parts, World
from tests.planted_bugs import finders, pollers

MINUTE_US = 60_000_000
EXACT = {"pending": "3m", "started": "1m", "in_progress": "2m"}


def ran(parts: Parts | None = None, *, duration: str = "50m", rto: Any = "25m", **group: Any) -> Recoveries:
    """The recoveries of one group of executions whose jobs take six minutes."""
    return ran_groups(group, parts=parts, duration=duration, rto=rto)


def ran_groups(*groups: dict[str, Any], parts: Parts | None = None, duration: str = "50m", rto: Any) -> Recoveries:
    """The recoveries of several groups."""
    workload = [{"waves": 1, "servers": 1, "jobs": EXACT, **group} for group in groups]
    spec = {"duration": duration, "workload": workload}
    world = World(WorldSpec.model_validate(spec | ({} if rto is None else {"rto": rto})), seed=1, parts=parts)
    world.run()
    world.close()
    return world.recoveries


def check_sums(achieved: Achieved) -> None:
    assert sum(achieved.parts) == achieved.times.total
    assert all(sum(each.parts) == each.took_us for each in achieved.slowest)


def test_time_counts_from_start_time_to_the_recorded_end() -> None:
    found = ran(arrival={"at": "10s"})
    (one,) = found.executions.slowest
    # The job ends after some 6m 10s, and the looks are 60 s apart.
    assert (one.ended_us - one.took_us, one.ended_us // MINUTE_US) == (10_000_000, 7)
    # The conversion begins after a fifth of the four minutes before the launch.
    assert [round(us / 1e6) for us in one.parts] == [0, 48, 192, 120, 0, 50, 0]
    check_sums(found.executions)


def test_waves_in_sequence_count_from_the_start_and_by_themselves() -> None:
    found = ran(waves=2, order="sequential", reaction="30s")
    first, second = (found.all[name] for name in ("Wave 1", "Wave 2"))
    assert second.times.high > 2 * first.own.high - MINUTE_US
    assert second.own.high < second.times.high - first.own.high + MINUTE_US
    assert second.times.high == found.executions.times.high
    for each in (first, second, found.executions):
        check_sums(each)


@pytest.mark.parametrize(("key", "missed"), [("1", (1, 0)), ("Database", (1, 0)), ("Wave 2", (0, 1)), ("2", (0, 1))])
def test_wave_objective_is_by_name_or_number(key: str, missed: tuple[int, int]) -> None:
    found = ran(waves=[{"name": "Database"}, {}], rto={"waves": {key: "1m"}})
    assert tuple(found.all[name].missed for name in ("Database", "Wave 2")) == missed
    assert found.executions.missed == 0


@pytest.mark.parametrize("names", [("Web", "App"), ("App", "Web")])
def test_waves_of_one_name_have_the_objectives_of_their_numbers(names: tuple[str, str]) -> None:
    one, two = ([{"name": name} for name in order] for order in (names, names[::-1]))
    sequential = {"order": "sequential", "reaction": "30s"}
    found = ran_groups({"waves": one, **sequential}, {"waves": two, **sequential}, rto={"waves": {1: "8m"}})
    objectives = {name: (each.objective_us, each.missed, len(each.times)) for name, each in found.all.items() if name}
    assert objectives == dict.fromkeys(("App (wave 1)", "Web (wave 1)"), (8 * MINUTE_US, 0, 1)) | dict.fromkeys(
        ("App", "Web"), (None, 0, 1)
    )


def test_time_equal_to_the_objective_is_no_miss() -> None:
    took_us = ran().executions.times.high
    assert ran(rto=f"{took_us}us").executions.missed == 0
    assert ran(rto=f"{took_us - 1}us").executions.missed == 1


def test_timeout_misses_and_counts_with_its_time() -> None:
    found = ran(jobs={**EXACT, "hangs": True}, duration="40m", rto="40m")
    assert (found.executions.missed, found.executions.slowest[0].status) == (1, "TIMEOUT")
    assert found.executions.still_open == 0
    assert 30 * MINUTE_US < found.executions.times.high < 32 * MINUTE_US
    assert found.all["Wave 1"].slowest[0].status in ("TIMEOUT", "UNKNOWN")
    check_sums(found.executions)


def test_execution_still_open_misses_only_past_its_objective() -> None:
    late = ran(duration="4m", rto="3m").executions
    assert (late.missed, late.still_open, late.slowest[0].status) == (1, 1, "POLLING")
    assert 3 * MINUTE_US < late.times.high < 4 * MINUTE_US
    check_sums(late)
    assert len(ran(duration="4m", rto="5m").executions.times) == 0


@pytest.mark.parametrize(
    ("group", "what"),
    [
        ({"jobs": {**EXACT, "failed_servers": 1}}, "FAILED"),
        ({"cancel_after": "2m"}, "CANCELLED by hand"),
        ({"ended_after": "2m"}, "FAILED by hand"),
        ({"ended_after": "2m", "ended_as": "PARTIAL"}, "PARTIAL by hand"),
        ({"deleted_after": "2m"}, "deleted"),
    ],
)
def test_what_nothing_can_recover_is_counted_apart(group: dict[str, Any], what: str) -> None:
    found = ran(rto="1m", **group)
    assert found.executions.unrecovered == {what: 1}
    assert (found.executions.missed, len(found.executions.times)) == (0, 0)
    assert found.all["Wave 1"].unrecovered == {what: 1}


def test_partial_recovery_has_a_time() -> None:
    found = ran(servers=2, jobs={**EXACT, "failed_servers": 1})
    assert (found.executions.slowest[0].status, found.executions.missed) == ("PARTIAL", 0)


def test_launch_actions_of_a_recovery_are_a_part() -> None:
    found = ran(type="RECOVERY", jobs={**EXACT, "actions": 2, "action_time": "40s"})
    assert round(found.executions.parts[4] / 1e6) == 80
    check_sums(found.executions)


def test_parts_of_a_recorded_life_are_those_of_its_log() -> None:
    found = ran(jobs={"life": "ec2-linux-recorded"}).executions
    assert [round(us / 1e6, 1) for us in found.parts[1:4]] == [52.9, 198.1, 282.3]
    check_sums(found)


def test_recovery_point_is_the_age_of_the_oldest_data() -> None:
    found = ran(waves=[{}, {"jobs": {**EXACT, "snapshot_age": "9m"}}])
    assert [found.all[wave].ages.high for wave in ("Wave 1", "Wave 2", "")] == [0, 9 * MINUTE_US, 9 * MINUTE_US]


def test_slow_finder_lengthens_the_wait_and_nothing_else() -> None:
    jobs = {"pending": "9m10s", "started": "1s", "in_progress": "1s"}
    slow, usual = ran(Parts(finder=finders.finder_with(pollers.LAZY)), jobs=jobs).executions, ran(jobs=jobs).executions
    assert slow.parts[:5] == usual.parts[:5]
    assert round((slow.parts[5] - usual.parts[5]) / 1e6) == 60


def test_only_the_slowest_and_first_are_kept_by_name() -> None:
    found = ran(executions=20, rto="1m").executions
    assert (found.missed, len(found.slowest), len(found.first_missed)) == (20, SLOWEST_MAX, FIRST_MAX)
    assert [each.took_us for each in found.slowest] == sorted((each.took_us for each in found.slowest), reverse=True)
    assert found.slowest[0].took_us == found.times.high


def test_waves_beyond_a_bound_share_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recoveries, "_WAVES_MAX", 2)
    found = ran(waves=5, rto=None)
    assert list(found.all) == ["", "Wave 1", "Wave 2", "other waves"]
    assert sum(len(each.times) for name, each in found.all.items() if name) == 5
    judged = ran(waves=5, rto={"waves": {"3": "1m", "4": "1m"}}).all["other waves"]
    assert (judged.objective_us, judged.missed) == (None, 0)


def test_objectives_change_no_digest_and_are_judged_without_figures() -> None:
    scenario = load("drill", ["rto=10m"])
    worlds = [World(load("drill"), seed=3), World(scenario, seed=3), World(scenario, seed=3, verdict_only=True)]
    for world in worlds:
        world.run()
        world.close()
    assert worlds[0].trace.digest() == worlds[1].trace.digest()
    judged = [(each.recoveries.executions.missed, each.recoveries.executions.slowest) for each in worlds[1:]]
    assert judged[0] == judged[1]
    assert judged[0][0] == 1


def test_world_without_objective_and_figures_counts_nothing() -> None:
    world = World(load("drill", ["rto=none"]), seed=3, verdict_only=True)
    world.run()
    world.close()
    assert not world.recoveries.executions.times


def test_no_objective_is_false() -> None:
    assert not Objectives()
    assert Objectives.model_validate({"execution": "1m"})
    assert Objectives.model_validate({"waves": {"1": "1m"}})
