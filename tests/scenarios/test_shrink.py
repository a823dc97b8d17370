"""Shrinking that fails keeps the failure as it was found."""

from pathlib import Path

import pytest

from drsim.scenarios.contradiction import Contradiction
from drsim.scenarios.explore import explore_range
from drsim.scenarios.failure import failure_of, read, replay, unshrunk, write
from drsim.scenarios.files import load
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import UnbuiltWorldError
from drsim.scenarios.shrink import Shrinker, shrunk_failure, smaller_groups
from drsim.simulator.spec.groups import Group
from tests.planted_bugs import unrepeatable

PLACE = "tests.planted_bugs.unrepeatable:"


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> None:
    unrepeatable.as_in_a_new_process()


def short() -> Scenario:
    """A drill of one wave."""
    return load("drill", ["waves=1", "jobs={pending: 1m, started: 20s, in_progress: 1m}", "duration=6m"])


def only(place: str) -> Contradiction:
    """What the first seed contradicts."""
    (found,) = explore_range(short().model_dump_json(), 1, 1, place).failures
    return found


def test_failure_of_one_run_only_is_kept_as_it_was_found(tmp_path: Path) -> None:
    found = only(PLACE + "ONCE")
    kept, _, trouble = shrunk_failure(short(), found, code=PLACE + "ONCE")
    assert trouble == "shrinking failed: it did not fail again with each of its faults made concrete"
    assert (kept.property, kept.seed, kept.observed, kept.digest) == ("log-correlation", 1, found.observed, "")
    assert kept.scenario == short()
    path = tmp_path / "kept.yaml"
    write(kept, path)
    assert replay(read(path)).outcome == "fixed"
    unrepeatable.as_in_a_new_process()
    assert replay(read(path)).detail == "its run could not be repeated when it was saved"


def test_failure_whose_world_breaks_when_written_is_kept_as_it_was_found() -> None:
    found = only(PLACE + "EXPLORED_ONLY")
    kept, _, trouble = shrunk_failure(short(), found, code=PLACE + "EXPLORED_ONLY")
    assert trouble == "shrinking failed: BrokenSimulationError: no logs today"
    assert (kept.property, kept.observed) == ("log-correlation", found.observed)


def test_fault_of_the_shrinker_itself_keeps_the_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> Scenario:
        raise AssertionError("the shrinker keeps what fails")

    found = only("tests.planted_bugs.registry:BUGS:LogsWithoutIds")
    monkeypatch.setattr(Shrinker, "shrink", wrong)
    kept, _, trouble = shrunk_failure(short(), found)
    assert (trouble, kept.scenario) == ("shrinking failed: AssertionError: the shrinker keeps what fails", short())


def test_failure_that_repeats_is_shrunk_without_trouble() -> None:
    found = only("tests.planted_bugs.registry:BUGS:LogsWithoutIds")
    kept, runs_count, trouble = shrunk_failure(short(), found, code="tests.planted_bugs.registry:BUGS:LogsWithoutIds")
    assert (trouble, kept.property) == ("", "log-correlation")
    assert kept.scenario.duration < short().duration
    assert runs_count > 1


def test_parts_that_cannot_be_built_are_a_broken_simulation() -> None:
    place = PLACE + "UNBUILT"
    found = only(place)
    assert (found.property, found.observed) == ("simulation", "BrokenSimulationError: no poller today")
    kept = unshrunk(short(), found, place)
    assert (kept.property, kept.digest) == ("simulation", "")
    assert replay(kept).detail == "its world cannot be built: BrokenSimulationError: no poller today"
    assert [replay(kept).outcome, replay(kept, "").outcome] == ["still fails", "fixed"]
    with pytest.raises(UnbuiltWorldError, match="no poller today"):
        failure_of(short(), 1, "simulation", place)


def test_smaller_scenario_that_cannot_be_built_does_not_fail() -> None:
    assert Shrinker(1, "isolation", PLACE + "UNBUILT", 60.0).shrink(short()) is None


def test_smaller_recovery_plans_are_valid() -> None:
    waves = [{}, {"wait_before": "1m", "optional": 1}, {"wait_before": "2m"}]
    group = {"kind": "recovery_plan", "waves": waves, "on_failure": "retry"}
    scenario = Scenario.model_validate({"name": "a", "title": "a", "why": "a", "workload": [group]})
    smaller = [each.workload[0] for each in smaller_groups(scenario, 0)]
    assert {len(each.waves) for each in smaller} == {2, 3}
    for each in smaller:
        assert Group.model_validate(each.model_dump()) == each
