"""Scenarios with faults: impossible rules are reported with path and value; those of the catalogue act and pass."""

from typing import Final

import pytest

from drsim.orchestrator.model import ExecutionStatus
from drsim.scenarios.contradiction import contradictions
from drsim.scenarios.files import ScenarioError, catalogue, load, parse
from drsim.scenarios.parts import parts_of
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from drsim.simulator.world import World
from tests.catalogue import run_of

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
            "faults[1].operation must be one of DescribeJobs for job-vanished, got 'Query'",
        ),
        ("fault: slow, after: 3m, before: 2m", "faults[1].before must come later than after (3m), got 2m"),
        (
            "fault: slow, after: 10m",
            "faults[1].after must be < heal (10m), or the rule never acts, got 10m",
        ),
        (
            "fault: tick-lost, after: 20m, lasting: true",
            "faults[1].after must be < duration (20m), or the rule never acts, got 20m",
        ),
        (
            "fault: slow, execution: third",
            "faults[1].execution must be one of the workload's ids (first, second), got 'third'",
        ),
        (
            "fault: slow, region: mars",
            "faults[1].region must be one of us-east-1, got 'mars'",
        ),
        ("fault: slow, chance: 2", "faults[1].chance must be less than or equal to 1, got 2"),
        ("fault: slow, often: true", "faults[1].often: there is no such field"),
    ],
)
def test_impossible_rule_is_reported_with_path_and_value(rule: str, problem: str) -> None:
    assert problems(rule) == (f"mine.yaml:11: {problem}",)


def test_all_errors_of_a_rule_are_reported_at_once() -> None:
    assert [problem.split(" ")[1] for problem in problems("fault: slow, execution: x, region: y, after: 30m")] == [
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
    assert "mine.yaml:5: heal must be < duration (20m), got 20m" in problems("fault: slow", head)


# --- the catalogue ---------------------------------------------------------------------------------------------


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
def test_execution_lost_to_a_fault_is_reported(name: str, unwinnable: dict[str, str]) -> None:
    assert {each.execution_id: each.reason for each in run_of(name).result.unwinnable} == unwinnable


@pytest.mark.slow
def test_big_items_take_the_finder_several_pages_of_a_megabyte() -> None:
    result = finished("big-items", 1)
    assert result.verdict == "pass"
    assert result.metrics.counts["index_pages"] > 2 * result.metrics.counts["looks"]


def test_one_account_runs_twenty_executions_and_refuses_the_others() -> None:
    executions = finished("one-account", 1).executions
    assert (executions[ExecutionStatus.COMPLETED], executions[ExecutionStatus.FAILED]) == (20, 80)


@pytest.mark.slow
def test_all_executions_of_a_day_end() -> None:
    result = finished("soak", 1)
    assert result.verdict == "pass"
    assert (result.virtual_seconds, result.started, result.executions[ExecutionStatus.POLLING]) == (86_400, 200, 0)


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


def test_only_recently_faulted_executions_may_end_late_before_healing() -> None:
    parts = parts_of("tests.planted_bugs.registry:BUGS:EndsLate")
    result = run(parse(TWO, "mine.yaml"), seed=1, parts=parts).result
    (liveness,) = (each for each in result.properties if each.name == "completion-liveness")
    assert [each.execution_id for each in liveness.violations] == ["spared"]


@pytest.mark.parametrize("sweeps", [2, 4])
def test_finder_delayed_by_a_fault_may_skip_a_look(sweeps: int) -> None:
    slow = TWO.replace("operation: GetItem, execution: struck, delay: 1s", "operation: Query, delay: 50s, attempts: 1")
    scenario = parse(f"{slow}heal: 15m\n", "mine.yaml", [f"SWEEPS_PER_INVOCATION={sweeps}"])
    (cadence,) = (each for each in run(scenario, seed=1).result.properties if each.name == "poll-cadence")
    assert cadence.violations == ()


def test_a_lasting_rule_is_certain() -> None:
    for rule, why in (
        ("fault: denied, operation: GetItem, chance: 0.5", "chance of a lasting rule must be 1"),
        ("fault: denied, operation: GetItem, run: 12", "a lasting rule must have no run"),
        ("fault: denied, operation: GetItem, before: 15m", "a lasting rule must have no before"),
        ("fault: denied", "operation of a lasting rule must be named, and not be PutMetricData"),
        ("fault: throttled, operation: GetItem, attempts: 2", "a lasting rule must have no attempts"),
        ("fault: index-lag", "lasting: means nothing for index-lag"),
        ("fault: slow, operation: GetItem", "lasting: means nothing for slow"),
        ("fault: tick-doubled", "lasting: means nothing for tick-doubled"),
    ):
        (problem,) = problems(f"{rule}, lasting: true")
        assert why in problem


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (
            "fault: throttled, operation: Query, function: ExecutionPoller",
            "no event at Query has function 'ExecutionPoller'",
        ),
        ("fault: throttled, operation: Query, execution: first", "no event at Query has execution 'first'"),
        ("fault: tick-lost, region: us-east-1", "no event at Tick has region 'us-east-1'"),
        ("fault: tick-lost, nth: 2", "no event at Tick has nth 2"),
        ("fault: index-lag, function: ExecutionPoller", "no event at Index has function 'ExecutionPoller'"),
        ("fault: clock-skew, execution: first", "no event at Clock has execution 'first'"),
        ("fault: throttled, operation: GetItem, region: us-east-1", "no event at GetItem has region 'us-east-1'"),
        (
            "fault: throttled, region: us-east-1, function: ExecutionFinder",
            "has function 'ExecutionFinder' and region 'us-east-1'",
        ),
        ("fault: tick-lost, servers: 2", "servers: means nothing for tick-lost; it applies to servers-fail"),
        ("fault: tick-lost, redelivered: true", "redelivered: means nothing for tick-lost"),
        ("fault: tick-lost, attempts: 1", "attempts: means nothing for tick-lost"),
        ("fault: deleted, operation: DescribeJobs", "operation must be one of UpdateItem, GetItem for deleted"),
    ],
)
def test_selector_or_option_that_matches_no_event_is_refused(rule: str, why: str) -> None:
    (problem,) = problems(rule)
    assert why in problem


TRIFLES: Final = (
    "{fault: slow, operation: PutMetricData, delay: 1ms}",
    "{fault: job-late, delay: 1m}",
    "{fault: servers-fail, servers: 1}",
    "{fault: clock-skew, delay: 1ms}",
)


@pytest.mark.parametrize("trifle", TRIFLES)
@pytest.mark.parametrize(
    ("bug", "name"),
    [
        ("due only after 90 s", "poll-cadence"),
        ("invocations are lost", "poll-cadence"),
        ("ExpiredSession", "no-starvation"),
        ("EndsLate", "completion-liveness"),
        ("MetricRenamed", "metrics-complete"),
        ("MetricsTwice", "metrics-complete"),
        ("WaitsForTheJob", "budgets"),
    ],
)
def test_fault_that_delays_nothing_excuses_nothing(trifle: str, bug: str, name: str) -> None:
    scenario = load("chaos", ["swarm=null", f"faults=[{trifle}]", "heal=44m", "until_finished=false"])
    world = World(scenario, seed=1, parts=parts_of(f"tests.planted_bugs.registry:BUGS:{bug}"), verdict_only=True)
    found = [each.property for each in contradictions(world, 1)]
    assert sum(world.plan.fired_counts)
    world.close()
    assert name in found


def test_end_time_may_be_late_only_by_a_faults_delay_of_its_write() -> None:
    place = "tests.planted_bugs.registry:BUGS:EndsInLocalTime"
    scenario = load("drill", ["faults=[{fault: throttled, operation: UpdateItem, attempts: 1}]"])
    world = World(scenario, seed=1, parts=parts_of(place), verdict_only=True)
    assert "finalize-once" in [each.property for each in contradictions(world, 1)]
    world.close()


def test_deletion_after_the_end_makes_nothing_unwinnable() -> None:
    scenario = load("drill", ["faults=[{fault: deleted, operation: GetItem, after: 30m}]", "until_finished=false"])
    result = run(scenario, seed=1).result
    assert (result.executions[ExecutionStatus.COMPLETED], result.unwinnable) == (1, ())
