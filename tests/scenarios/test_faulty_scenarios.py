"""Scenarios with faults: impossible rules are told with path and value, and those of the catalogue strike and pass."""

from typing import Final

import pytest

from scenarios.explore import parts_of
from scenarios.files import ScenarioError, catalogue, load, parse
from scenarios.result import Result
from scenarios.runner import run

HEAD: Final = """\
name: mine
title: One fault
why: A test needs it.
duration: 20m
heal: 10m
workload:
  - executions: 2
    ids: [first, second]
faults:
  - {fault: slow}
"""

FAULTY: Final = [name for name in catalogue() if name.startswith("fault-")]


def problems(rule: str, head: str = HEAD) -> tuple[str, ...]:
    with pytest.raises(ScenarioError) as caught:
        parse(f"{head}  - {{{rule}}}\n", "mine.yaml")
    return caught.value.problems


def finished(name: str, seed: int, *changes: str) -> Result:
    return run(load(name, changes), seed=seed).result


# --- impossible rules ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (
            "fault: job-vanished, operation: Query",
            "faults[1]: operation of job-vanished must be one of DescribeJobs, got 'Query'",
        ),
        ("fault: slow, after: 3m, before: 2m", "faults[1]: before must come later than after (3m), got 2m"),
        (
            "fault: slow, after: 10m",
            "faults[1].after: after must be < heal (10m), or the rule never acts, got 10m",
        ),
        (
            "fault: slow, after: 20m, lasting: true",
            "faults[1].after: after must be < duration (20m), or the rule never acts, got 20m",
        ),
        (
            "fault: slow, execution: third",
            "faults[1].execution: execution must be one of the workload's ids (first, second), got 'third'",
        ),
        (
            "fault: slow, region: mars",
            "faults[1].region: region must be one of us-east-1, got 'mars'",
        ),
        ("fault: slow, chance: 2", "faults[1].chance: Input should be less than or equal to 1, got 2"),
        ("fault: slow, often: true", "faults[1].often: there is no such field"),
    ],
)
def test_an_impossible_rule_is_told_with_its_path_and_value(rule: str, problem: str) -> None:
    assert problems(rule) == (f"mine.yaml:11: {problem}",)


def test_everything_that_is_wrong_with_a_rule_is_told_at_once() -> None:
    assert [problem.split(": ")[1] for problem in problems("fault: slow, execution: x, region: y, after: 30m")] == [
        "faults[1].execution",
        "faults[1].region",
        "faults[1].after",
        "faults[1].after",
    ]


def test_a_rule_for_an_execution_needs_groups_with_ids() -> None:
    (problem,) = problems("fault: slow, execution: first", HEAD.replace("    ids: [first, second]\n", ""))
    assert problem.endswith("must be one of the workload's ids (none, for no group has ids), got 'first'")


def test_healing_comes_before_the_end() -> None:
    head = HEAD.replace("heal: 10m", "heal: 20m")
    assert "mine.yaml:5: heal: heal must be < duration (20m), got 20m" in problems("fault: slow", head)


# --- the catalogue ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FAULTY)
def test_a_scenario_with_a_fault_is_struck_by_each_of_its_rules_and_passes(name: str) -> None:
    for seed in (1, 2, 3):
        result = finished(name, seed)
        assert result.verdict == "pass", [each.name for each in result.properties if each.verdict == "fail"]
        assert [fault.rule for fault in result.faults if not fault.struck] == []


@pytest.mark.parametrize("name", FAULTY)
def test_a_scenario_is_named_after_the_faults_that_it_has(name: str) -> None:
    kinds = {str(rule.fault) for rule in load(name).faults}
    assert kinds == {"denied" if name == "fault-lasting" else name.removeprefix("fault-")}


@pytest.mark.parametrize(
    ("name", "unwinnable"),
    [
        ("fault-lasting", {"walled-off": "DescribeJobs stays denied"}),
        ("fault-deleted", {"tidied-away": "its record was deleted"}),
        ("fault-denied", {}),
    ],
)
def test_an_execution_that_a_fault_has_lost_for_good_is_named(name: str, unwinnable: dict[str, str]) -> None:
    assert {each.execution_id: each.reason for each in finished(name, 1).unwinnable} == unwinnable


@pytest.mark.slow
def test_big_items_take_the_finder_several_pages_of_a_megabyte() -> None:
    result = finished("big-items", 1)
    assert result.verdict == "pass"
    assert result.metrics.counts["index_pages"] > 2 * result.metrics.counts["looks"]


def test_one_account_runs_twenty_executions_and_refuses_the_others() -> None:
    executions = finished("one-account", 1).executions
    assert (executions.completed, executions.failed) == (20, 80)


@pytest.mark.slow
def test_a_day_of_executions_leaves_nothing_undone() -> None:
    result = finished("soak", 1)
    assert result.verdict == "pass"
    assert (result.virtual_seconds, result.executions.started, result.executions.polling) == (86_400, 200, 0)


# --- what faults excuse ----------------------------------------------------------------------------------------

TWO: Final = """\
name: mine
title: One is struck at every poll, the other never
why: A test needs it.
duration: 20m
workload:
  - executions: 2
    ids: [struck, spared]
    waves: 1
    jobs: {pending: 1m, started: 20s, in_progress: 1m}
faults:
  - {fault: slow, operation: GetItem, execution: struck, delay: 1s}
"""


def test_only_an_execution_that_faults_struck_of_late_may_end_late_before_healing() -> None:
    parts = parts_of("tests.planted_bugs.registry:BUGS:EndsLate")
    result = run(parse(TWO, "mine.yaml"), seed=1, parts=parts).result
    (liveness,) = (each for each in result.properties if each.name == "completion-liveness")
    assert [each.execution_id for each in liveness.violations] == ["spared"]


@pytest.mark.parametrize("sweeps", [2, 4])
def test_a_finder_that_a_fault_holds_up_may_leave_a_look_out(sweeps: int) -> None:
    slow = TWO.replace("operation: GetItem, execution: struck, delay: 1s", "operation: Query, delay: 50s, attempts: 1")
    scenario = parse(f"{slow}heal: 15m\n", "mine.yaml", [f"SWEEPS_PER_INVOCATION={sweeps}"])
    (cadence,) = (each for each in run(scenario, seed=1).result.properties if each.name == "poll-cadence")
    assert cadence.violations == ()


def test_a_lasting_rule_is_certain() -> None:
    (problem,) = problems("fault: slow, lasting: true, chance: 0.5")
    assert problem.endswith("chance must be 1 where a rule is lasting, for else an end stays possible, got 0.5")
