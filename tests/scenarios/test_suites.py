"""Suites of the catalogue, and the smaller forms of their scenarios."""

from drsim.scenarios.files import catalogue, load
from drsim.scenarios.suites import names_of, small


def test_each_scenario_of_the_catalogue_is_in_one_suite() -> None:
    suites = [set(names_of(suite)) for suite in ("acceptance", "faults", "load")]
    assert set.union(*suites) == {*catalogue()}
    assert sum(map(len, suites)) == len(catalogue())


def test_all_leaves_out_large_loads_only() -> None:
    left_out = {*catalogue()} - {*names_of("all")}
    assert left_out == {"load-1000", "load-10000", "load-100000", "overload", "soak"}


def test_smaller_form_keeps_a_small_scenario_and_shrinks_a_large_one() -> None:
    assert small("drill") == load("drill")
    assert small("load-100000").workload[0].executions == 25
    assert small("load-1000", ["duration=3m"]).duration == 180_000_000
