"""The plan: which events a rule selects, independent of the rest of the run."""

from typing import Any

import pytest

from drsim.simulator.durations import NEVER_US
from drsim.simulator.faults.plan import Hit, healed_us
from tests.simulator.faults.worlds import PlanRig, a_spec

MINUTE_US = 60_000_000
SOMETIMES: dict[str, object] = {"fault": "throttled", "operation": "GetItem", "chance": 0.3}


def fault_of(hit: Hit[Any] | None) -> str | None:
    return None if hit is None else str(hit.rule.fault)


# --- which events a rule is about ------------------------------------------------------------------------------


def test_the_first_rule_with_a_verdict_decides() -> None:
    rig = PlanRig({"fault": "slow", "run": 2}, {"fault": "denied", "operation": "GetItem"}, {"fault": "stuck"})
    assert fault_of(rig.hit("GetItem", run=1)) == "denied"
    assert fault_of(rig.hit("GetItem", run=2)) == "slow"
    assert fault_of(rig.hit("Query", run=1)) == "stuck"
    assert rig.plan.fired_counts == [1, 1, 1]


def test_an_event_that_no_rule_is_about_passes_unharmed() -> None:
    rig = PlanRig({"fault": "denied", "operation": "GetItem"})
    assert rig.hit("UpdateItem") is None
    assert rig.plan.fired_counts == [0]
    assert rig.injected == []


@pytest.mark.parametrize(
    ("rule", "event"),
    [
        ({"execution": "e"}, {"execution_id": "other"}),
        ({"function": "ExecutionPoller"}, {"function": "ExecutionFinder"}),
        ({"region": "us-east-1"}, {"region": "eu-west-1"}),
        ({"run": 2}, {"run": 3}),
        ({"nth": 1}, {"nth": 2}),
    ],
)
def test_rule_acts_only_on_events_that_it_names(rule: dict[str, object], event: dict[str, object]) -> None:
    rig = PlanRig({"fault": "denied", **rule})
    named: dict[str, Any] = {"function": "ExecutionPoller", "region": "us-east-1", "run": 2, "nth": 1}
    assert rig.hit("DescribeJobs", **named) is not None
    assert rig.hit("DescribeJobs", **{**named, **event}) is None


def test_operations_are_the_points_at_which_anything_may_go_wrong() -> None:
    rig = PlanRig({"fault": "tick-lost"}, {"fault": "slow", "operation": "Query"}, {"fault": "index-lag"})
    assert rig.plan.operations == {"Tick", "Query", "Index"}


def test_attempts_beyond_the_usual_three_prolong_the_excuse() -> None:
    rig = PlanRig({"fault": "throttled", "operation": "Query"})
    hit = rig.hit("Query", function="ExecutionPoller")
    assert hit is not None
    about = (hit.rule, "e", hit.delay_us)
    until_us = rig.plan.acts_until_us("e")
    rig.at(4).plan.prolong(3, *about, holds_up=True)
    assert rig.plan.acts_until_us("e") == until_us
    rig.plan.prolong(4, *about, holds_up=True)
    assert rig.plan.acts_until_us("e") == 20_000_000


def test_injected_fault_is_traced() -> None:
    rig = PlanRig({"fault": "denied"}, {"fault": "slow", "delay": "7s"}).at(3)
    assert rig.hit("GetItem", function="ExecutionPoller", request_id="r-1", run=4, nth=2) is not None
    assert rig.injected == [
        (3_000_000, 0, "denied", "GetItem", "ExecutionPoller", "e", 4, 2, 0, "r-1", 1),
    ]


# --- when ------------------------------------------------------------------------------------------------------


def test_a_rule_acts_from_after_to_just_before_before() -> None:
    rig = PlanRig({"fault": "denied", "after": "60s", "before": "120s"})
    hits = [rig.at(second).hit("GetItem") is not None for second in (0, 59.999999, 60, 119.999999, 120)]
    assert hits == [False, False, True, True, False]


def test_healing_ends_every_rule_but_lasting_ones() -> None:
    lasting = {"fault": "stuck", "operation": "GetItem", "lasting": True}
    rig = PlanRig({"fault": "denied", "before": "10m"}, lasting, heal="5m").at(299)
    assert fault_of(rig.hit("GetItem")) == "denied"
    assert fault_of(rig.at(300).hit("GetItem")) == "stuck"


def test_what_is_held_back_is_let_go_at_healing() -> None:
    rig = PlanRig(heal="5m").at(290)
    assert rig.plan.held_us(5_000_000) == 5_000_000
    assert rig.plan.held_us(50_000_000) == 10_000_000
    # A lasting rule delays nothing after healing.
    assert rig.at(310).plan.held_us(50_000_000) == 0


@pytest.mark.parametrize(
    ("faults", "fields", "expected_us"),
    [
        ((), {}, 0),
        ((), {"heal": "5m"}, 0),
        (("job-hangs", "quota"), {"heal": "5m"}, 0),
        (("slow",), {}, NEVER_US),
        (("job-late", "slow"), {"heal": "5m"}, 5 * MINUTE_US),
    ],
)
def test_polling_is_disturbed_until_healing_unless_all_faults_are_drss_own(
    faults: tuple[str, ...], fields: dict[str, object], expected_us: int
) -> None:
    spec = a_spec(*[{"fault": fault} for fault in faults], **fields)
    assert healed_us(spec.faults, spec.heal) == expected_us


# --- chance ----------------------------------------------------------------------------------------------------


def test_rule_acts_about_as_often_as_its_chance() -> None:
    assert 240 <= len(PlanRig(SOMETIMES).runs_hit("GetItem", runs=1000)) <= 360


def test_each_seed_and_execution_has_other_injections() -> None:
    hits = [
        PlanRig(SOMETIMES).runs_hit("GetItem"),
        PlanRig(SOMETIMES, seed=8).runs_hit("GetItem"),
        PlanRig(SOMETIMES).runs_hit("GetItem", "other"),
    ]
    assert len({tuple(each) for each in hits}) == 3


def test_unrelated_rule_does_not_change_injections() -> None:
    alone = PlanRig(SOMETIMES).runs_hit("GetItem")
    # One of the same kind at another operation, and others at the same one that act later, and after it in order.
    others = (
        {"fault": "throttled", "operation": "Query", "chance": 0.5},
        {"fault": "slow", "operation": "GetItem", "run": 50},
        SOMETIMES,
        {"fault": "slow", "chance": 0.9},
    )
    rig = PlanRig(*others)
    hits = [run for run in range(1, 41) if fault_of(rig.hit("GetItem", run=run)) == "throttled"]
    assert hits == alone


def test_injections_ignore_other_executions_and_the_order_of_events() -> None:
    alone = PlanRig(SOMETIMES).runs_hit("GetItem")
    rig = PlanRig(SOMETIMES)
    rig.runs_hit("GetItem", "third")
    backwards = [run for run in range(40, 0, -1) if rig.hit("GetItem", run=run) is not None]
    assert backwards[::-1] == alone


def test_two_equal_rules_act_independently() -> None:
    rig = PlanRig(SOMETIMES, SOMETIMES)
    rig.runs_hit("GetItem", runs=1000)
    first, second = rig.plan.fired_counts
    # 0.3 of all, and 0.3 of those that the first one spares.
    assert 240 <= first <= 360
    assert 150 <= second <= 270


def test_a_delay_is_drawn_for_each_event_by_itself() -> None:
    rule: dict[str, object] = {"fault": "slow", "delay": "1s..30s"}
    delays = [hit.delay_us for run in range(1, 20) if (hit := PlanRig(rule).hit("GetItem", run=run))]
    assert len(set(delays)) == len(delays) == 19
    assert all(1_000_000 <= delay_us <= 30_000_000 for delay_us in delays)
    assert PlanRig(rule).hit("GetItem", run=9) is not None
    assert [hit.delay_us for hit in (PlanRig(rule).hit("GetItem", run=9),) if hit] == [delays[8]]


# --- what cannot be won any more -------------------------------------------------------------------------------


def test_an_execution_whose_record_was_deleted_cannot_be_won() -> None:
    """The deleting code reports it; a rule alone has no effect yet."""
    rig = PlanRig({"fault": "deleted", "execution": "other"}, heal="5m")
    rig.hit("UpdateItem", "other")
    assert rig.plan.unwinnable == {}
    rig.plan.lose("other", "its record was deleted")
    assert rig.plan.unwinnable == {"other": "its record was deleted"}


def test_lasting_fault_after_healing_makes_an_execution_unwinnable() -> None:
    rig = PlanRig({"fault": "denied", "operation": "DescribeJobs", "lasting": True}, heal="5m").at(299)
    rig.hit("DescribeJobs")
    assert rig.plan.unwinnable == {}
    rig.at(300).hit("DescribeJobs")
    assert rig.plan.unwinnable == {"e": "DescribeJobs stays denied"}


def test_a_lasting_fault_that_concerns_no_execution_makes_all_unwinnable() -> None:
    rig = PlanRig({"fault": "tick-lost", "lasting": True}, heal="5m").at(300)
    rig.hit("Tick", "")
    assert rig.plan.unwinnable == {"": "Tick stays tick-lost"}


def test_the_largest_skew_of_any_rule_is_what_clocks_may_be_off_by() -> None:
    assert PlanRig({"fault": "slow", "delay": "9s"}).plan.skew_us == 0
    rules = ({"fault": "clock-skew", "delay": "1s..3s"}, {"fault": "clock-skew", "delay": "2s"})
    assert PlanRig(*rules).plan.skew_us == 3_000_000


@pytest.mark.parametrize(
    ("fault", "is_shared", "held"),
    [
        ("crashed-before", True, ["e", "other"]),
        ("crashed-before", False, ["e"]),
        # The function itself must keep the error of one execution from the others.
        ("denied", True, ["e"]),
    ],
)
def test_fault_that_ends_a_batch_holds_up_all(fault: str, is_shared: bool, held: list[str]) -> None:
    rig = PlanRig({"fault": fault})
    assert rig.hit("UpdateItem", function="ExecutionPoller", execution_id="e", is_shared=is_shared) is not None
    assert [each for each in ("e", "other") if rig.plan.acts_until_us(each)] == held


def test_answer_for_a_batch_may_be_incomplete_for_each_execution() -> None:
    rig = PlanRig({"fault": "servers-omitted"})
    rig.at(60).hit("DescribeJobs", "")
    assert rig.plan.incomplete_us("e") == 60_000_000


@pytest.mark.parametrize(
    ("point", "event", "held"),
    [
        ("Query", {"function": "ExecutionFinder"}, ["e", "other"]),
        ("GetItem", {"function": "ExecutionPoller", "execution_id": "e"}, ["e"]),
        # A call on which no poll depends, such as a query for executions that have ended.
        ("Query", {"function": "ExecutionFinder", "holds_up": False}, []),
        ("PutMetricData", {"function": "ExecutionPoller", "execution_id": "e"}, []),
    ],
)
def test_fault_holds_up_only_what_it_hit(point: str, event: dict[str, Any], held: list[str]) -> None:
    rig = PlanRig({"fault": "denied"})
    assert rig.hit(point, **{"execution_id": "", **event}) is not None
    assert [each for each in ("e", "other") if rig.plan.acts_until_us(each)] == held
    assert [each.holds_up for each in rig.injected] == [int(bool(held))]
