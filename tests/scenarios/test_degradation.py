"""Degraded runs: only where a bound wider than usual was needed, with what only that bound let pass."""

import pytest

from drsim.scenarios.files import load
from drsim.scenarios.parts import world_of
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from drsim.simulator.checks.granted import BOUNDS, first_but
from drsim.simulator.checks.monitor import Violation, ViolationGroup
from drsim.simulator.spec.world import Bounds
from tests.catalogue import run_of

BUSY = ("executions=8", "latencies.invoke=4s", "PARALLEL_INVOKES_MAX=2")
"""A drill whose finder hands over one execution in two seconds: the last polls are late."""


def busy(*bounds: str) -> Result:
    return run(load("drill", (*BUSY, *bounds)), seed=1).result


def test_wider_bound_that_was_needed_makes_a_pass_degraded() -> None:
    result, (strict,) = (
        busy("bounds.poll_delay=40s"),
        [each for each in busy().properties if each.name == "poll-cadence"],
    )
    (found,) = result.degraded
    assert (result.verdict, result.outcome) == ("pass", "degraded")
    assert (found.property, found.bound, found.unit) == ("poll-cadence", "poll_delay", "s")
    assert (found.usual, found.granted) == (10.0, 40.0)
    # Exactly what the usual bound would have failed.
    assert found.count == strict.violations_count > 0
    assert found.first == strict.violations[0]
    assert found.worst is not None
    assert found.worst == result.metrics.distributions["poll_delay"].max / 1000 > 10


def test_wider_bound_that_was_not_needed_is_no_reason() -> None:
    assert busy("bounds.poll_delay=40s", "latencies.invoke=110ms").degraded == ()
    assert run(load("drill", ["bounds.poll_gap=9m", "bounds.completion=9m"]), seed=1).result.degraded == ()


def test_narrower_bound_is_no_reason_and_fails_what_it_forbids() -> None:
    result = busy("bounds.poll_delay=5s", "bounds.completion=10m")
    assert (result.outcome, result.degraded) == ("fail", ())


def test_failed_run_keeps_what_only_wider_bounds_let_pass() -> None:
    result = busy("bounds.poll_delay=14s")
    (found,) = result.degraded
    strict = next(each for each in busy().properties if each.name == "poll-cadence")
    failed = next(each for each in result.properties if each.name == "poll-cadence")
    assert result.outcome == "fail"
    assert found.count == strict.violations_count - failed.violations_count > 0
    # The first case is one that the wider bound let pass.
    assert (found.first.execution_id, found.first.at) not in {
        (each.execution_id, each.at) for each in failed.violations
    }
    assert found.executions <= found.count


def test_catalogue_run_by_usual_bounds_is_not_degraded() -> None:
    assert [run_of(name).result.degraded for name in ("phase-2", "drill", "chaos", "alarm-poller-errors")] == [()] * 4


def test_cadence_criterion_counts_polls_beyond_usual_bounds() -> None:
    result = busy("bounds.poll_delay=40s")
    (cadence,) = [each for each in result.criteria if each.name == "No poll is early, none is late"]
    assert cadence.value == (
        f"{result.polls_recorded} polls recorded, 0 early or late, {result.degraded[0].count} beyond usual bounds"
    )


def test_exploration_does_not_judge_by_usual_bounds_without_overload() -> None:
    wide = load("drill", ["bounds.poll_delay=40s"])
    assert world_of(wide, 1, "", verdict_only=True).by_usual_bounds == []
    overload = load("overload", ["executions=10"])
    names = [each.name for each in world_of(overload, 1, "", verdict_only=True).by_usual_bounds]
    assert names == ["poll-cadence", "no-starvation", "completion-liveness", "budgets"]


def test_each_bound_of_a_scenario_has_an_owner() -> None:
    assert set(BOUNDS) == set(Bounds.model_fields)


@pytest.mark.slow
def test_overload_names_each_bound_that_it_needed() -> None:
    changes = ("executions=100", "accounts=20", "latencies.invoke=2s", "PARALLEL_INVOKES_MAX=2")
    result = run(load("overload", changes), seed=1).result
    assert result.outcome == "degraded"
    assert [(each.property, each.bound) for each in result.degraded] == [
        ("poll-cadence", "poll_delay"),
        ("poll-cadence", "looks_missed"),
        ("no-starvation", "poll_gap"),
        ("completion-liveness", "completion"),
        ("budgets", "lambda_ratio"),
    ]
    assert all(0 < each.count <= each.checked for each in result.degraded)
    assert all(each.usual < each.granted for each in result.degraded)


def test_cases_that_break_the_wider_bound_too_are_not_what_it_let_pass() -> None:
    changes = ("bounds.poll_delay=20s", "functions.poller.init=3s..30s", "functions.poller.timeout=60s")
    result = run(load("missing-job", changes), seed=1).result
    (found,) = result.degraded
    (failed,) = (each for each in result.properties if each.name == "poll-cadence")
    assert (found.count, found.executions, failed.violations_count) == (1, 1, 1)
    assert (found.first.execution_id, found.first.at) != (failed.violations[0].execution_id, failed.violations[0].at)


def test_first_case_is_the_earliest_that_broke_the_usual_bound_alone() -> None:
    early, late = (Violation(execution, at_us, "", "") for execution, at_us in (("a", 1), ("b", 2)))
    both, broken = ViolationGroup(cases=[early, late]), ViolationGroup(cases=[early])
    assert first_but([both], [broken]) == late
    assert first_but([both], [both]) == early
