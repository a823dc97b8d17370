"""The tiles of a page: values of the result, beside the limits that its criteria set."""

import re

from drsim.reports.tiles import Tile, tiles_of
from drsim.scenarios.files import load
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from drsim.simulator.durations import number, show_seconds
from tests.catalogue import run_of


def test_tiles_have_the_values_and_limits_of_the_criteria() -> None:
    result = run_of("chaos", 73).result
    tiles = {each.what: each for each in tiles_of(result)}
    delay = next(each for each in result.criteria if each.name == "Executions complete with DRS's truth")
    assert delay.measured is not None
    assert tiles["longest completion delay, without what faults excuse"] == Tile(
        show_seconds(delay.measured),
        "longest completion delay, without what faults excuse",
        f"target: at most {show_seconds(delay.limit or 0)}",
        "pass",
    )
    query = next(each for each in result.criteria if each.name == "Performance <100ms queries")
    assert tiles["longest query"].value == f"{number(query.measured or 0)} ms"
    assert tiles["longest query"].target == "target: under 100 ms"
    started = next(each for each in tiles.values() if each.what.startswith("executions started: "))
    assert started.value == str(result.started)
    assert sum(map(int, re.findall(r"\d+", started.what))) == result.started
    assert Tile(number(result.polls), f"polls started; recorded: {number(result.polls_recorded)}") in tiles.values()


def test_tile_of_a_criterion_that_fails_by_a_property_alone_is_not_red() -> None:
    result = run_of("chaos", 73).result
    name = "No errors or failures"
    for measured, verdict in ((0, ""), (3, "fail")):
        found = tuple(
            each.model_copy(update={"verdict": "fail", "measured": measured}) if each.name == name else each
            for each in result.criteria
        )
        tile = next(
            each for each in tiles_of(result.model_copy(update={"criteria": found})) if "by themselves" in each.what
        )
        assert (tile.value, tile.verdict) == (str(measured), verdict)


def test_violations_make_their_tile_fail(phase_2: Result) -> None:
    properties = (phase_2.properties[0].model_copy(update={"violations_count": 1200}), *phase_2.properties[1:])
    *_, last = tiles_of(phase_2.model_copy(update={"properties": properties}))
    assert (last.value, last.target, last.verdict) == ("1,200", "target: 0", "fail")


def test_tiles_of_a_run_with_an_alarm_are_its_figures() -> None:
    assert list(tiles_of(run_of("alarm-poller-errors").result)) == [
        Tile("3", "executions started: 3 completed"),
        Tile("25", "polls started; recorded: 13"),
        Tile("8m 55s", "recovery time p95, observed; no objective is set"),
        Tile("4m 55s", "staleness p99, observed"),
        Tile("17.05 ms", "longest query", "target: under 100 ms", "pass"),
        Tile("0", "failed by themselves, of 41 invocations", "target: 0", "pass"),
        Tile("48.95 s", "longest completion delay, without what faults excuse", "target: at most 1m 30s", "pass"),
        Tile("0", "polls early or late", "target: 0", "pass"),
        Tile("0", "violations in 257 checks", "target: 0", "pass"),
    ]


def test_tile_of_recoveries_names_objectives_that_waves_alone_have() -> None:
    waves = run(load("drill", ["rto={waves: {1: 20m}}"]), seed=7).result
    (found,) = (each for each in tiles_of(waves) if each.what.startswith("recovery time"))
    assert found.what.endswith("; objective: none for whole executions; 1 wave has one")


def test_tiles_of_a_late_run_fail_and_name_what_missed() -> None:
    late = run(load("drill", ["bounds.completion=0s", "rto=20m"]), seed=7).result
    found = list(tiles_of(late))
    assert Tile("22m 55s", "recovery time p95, observed", "target: 20m, 1 of 1 missed", "fail") in found
    assert Tile("13.32 s", "longest completion delay, without what faults excuse", "target: 0", "fail") in found
    assert found[-1] == Tile("1", "violations in 332 checks", "target: 0", "fail")
    assert Tile("22m 55s", "recovery time p95, observed", "target: 30m, 0 of 1 missed", "pass") in list(
        tiles_of(run(load("drill"), seed=7).result)
    )
