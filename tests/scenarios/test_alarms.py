"""A scenario that exists for an alarm fails if that does not go off, or does not clear."""

from dataclasses import replace
from typing import Literal

import pytest

from drsim.cli import main
from drsim.scenarios.criteria import ALARMS, alarm_trouble
from drsim.scenarios.files import ScenarioError, load
from drsim.scenarios.result import CriterionResult, Result
from drsim.scenarios.runner import run
from drsim.simulator.cloudwatch.deployed import alarms_by_name
from drsim.simulator.world import Parts
from tests.planted_bugs.registry import BUGS


def judged(result: Result) -> CriterionResult:
    (found,) = [each for each in result.criteria if each.name == ALARMS]
    return found


@pytest.mark.parametrize(
    ("states", "then", "trouble"),
    [
        (["INSUFFICIENT_DATA", "OK", "ALARM", "OK"], "clears", ""),
        (["OK", "ALARM", "OK", "ALARM", "OK"], "clears", ""),
        (["INSUFFICIENT_DATA", "ALARM"], "stays", ""),
        (["INSUFFICIENT_DATA"], "clears", "did not go off"),
        (["INSUFFICIENT_DATA", "OK"], "stays", "did not go off"),
        (["OK", "ALARM"], "clears", "did not clear"),
        (["OK", "ALARM", "INSUFFICIENT_DATA"], "clears", "did not clear"),
        (["OK", "ALARM", "OK"], "stays", "cleared"),
    ],
)
def test_an_alarm_is_judged_by_its_states(states: list[str], then: Literal["clears", "stays"], trouble: str) -> None:
    assert alarm_trouble(states, then) == trouble


@pytest.mark.parametrize(
    ("scenario", "count"), [("alarm-execution-stuck", 1), ("alarm-poller-errors", 1), ("alarm-index-throttled", 2)]
)
def test_each_alarm_of_the_catalogue_goes_off_as_declared(scenario: str, count: int) -> None:
    result = run(load(scenario), seed=1).result
    assert (result.verdict, judged(result).verdict) == ("pass", "pass")
    assert judged(result).value == f"{count} of {count} as declared"
    assert "ALARM at 2025-11-28T2" in judged(result).evidence


def test_each_deployed_alarm_has_a_scenario_in_which_it_goes_off() -> None:
    names = ("alarm-execution-stuck", "alarm-poller-errors", "alarm-index-throttled")
    assert {alarm for name in names for alarm in load(name).alarms} == alarms_by_name().keys()


@pytest.mark.parametrize("bug", ["AgeLeftOut", "AgeBackwards"])
def test_an_alarm_that_does_not_go_off_fails_its_scenario(bug: str) -> None:
    result = run(load("alarm-execution-stuck"), seed=1, parts=BUGS[bug]).result
    assert (result.verdict, judged(result).verdict) == ("fail", "fail")
    assert judged(result).value == "StuckExecution did not go off"


def test_an_alarm_that_does_not_clear_fails_its_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a change of the template to ignore missing data: no poll comes any more once all have ended."""
    keeping = {name: replace(alarm, missing="ignore") for name, alarm in alarms_by_name().items()}
    monkeypatch.setattr("drsim.scenarios.criteria.alarms_by_name", lambda: keeping)
    result = run(load("alarm-execution-stuck"), seed=1).result
    assert (result.verdict, judged(result).value) == ("fail", "StuckExecution did not clear")


def test_without_a_declared_alarm_nothing_is_judged() -> None:
    found = judged(run(load("idle", ["duration=3m"]), seed=1).result)
    assert (found.verdict, found.value) == ("not exercised", "none declared")


def test_alarms_of_functions_that_are_not_ours_are_not_judged() -> None:
    result = run(load("alarm-poller-errors"), seed=1, parts=Parts(is_ours=False)).result
    assert (result.verdict, judged(result).verdict) == ("pass", "not exercised")


def test_unknown_alarm_is_reported_with_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    known = "PollerErrors, StuckExecution, StatusIndexThrottled"
    with pytest.raises(ScenarioError, match=f"alarms: no such alarm: 'Stuck'; known are {known}"):
        load("idle", ["alarms={Stuck: clears}"])
    assert main(["run", "idle", "--set", "alarms={StuckExecution: soon}"]) == 4
    assert "must be 'clears' or 'stays', got 'soon'" in capsys.readouterr().err
