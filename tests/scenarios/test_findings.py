"""Findings of a run: grouped by meaning, the worst first, with those that follow under their cause."""

from typing import Final

import pytest

from drsim.scenarios.files import load
from drsim.scenarios.findings import CAUSES, INDEPENDENT, findings_of
from drsim.scenarios.record import FindingRecord
from drsim.scenarios.runner import run
from drsim.simulator.checks import PROPERTIES
from drsim.simulator.checks.monitor import EXECUTIONS_MAX, Consequence, ViolationKind
from drsim.simulator.events import POLLER, Throttled
from drsim.simulator.world import World

EARLY: Final = ViolationKind("ended early", Consequence.WRONG_END, "Servers still launch.")
STARVED: Final = ViolationKind("starved", Consequence.NO_END, "It is not polled any more.")
LATE: Final = ViolationKind("late", Consequence.LATENESS, "The operator waits.")
BROKEN: Final = ViolationKind("broken", Consequence.PROMISE, "A promise is not kept.")

SOUNDNESS, STARVATION, CADENCE = "completion-soundness", "no-starvation", "poll-cadence"


def findings(*violations: tuple[str, ViolationKind, int, str]) -> tuple[FindingRecord, ...]:
    """The findings of violations given as property, kind, second and execution."""
    world = World(load("idle"), seed=1)
    monitors = {monitor.name: monitor for monitor in world.monitors}
    for name, kind, second, execution_id in violations:
        monitors[name].violate_at(execution_id, second * 1_000_000, "order", "chaos", kind)
    return findings_of(world.monitors, world.spec.epoch_us)


def names(found: tuple[FindingRecord, ...]) -> list[str]:
    return [each.kind for each in found]


def test_findings_are_ordered_by_consequence_then_first_instant() -> None:
    found = findings(
        (CADENCE, LATE, 1, "a"), (STARVATION, STARVED, 2, "b"), (SOUNDNESS, EARLY, 9, "c"), (CADENCE, EARLY, 5, "d")
    )
    assert [(each.property, each.consequence) for each in found] == [
        (CADENCE, "wrong end"),
        (SOUNDNESS, "wrong end"),
        (STARVATION, "no end"),
        (CADENCE, "lateness"),
    ]


def test_a_finding_counts_violations_and_executions() -> None:
    (found,) = findings(*((SOUNDNESS, EARLY, second, f"e-{second % 2}") for second in range(9)))
    assert (found.count, found.executions, found.at_least, len(found.cases)) == (9, 2, False, 5)
    assert found.cases[0].at == "2025-11-28T20:32:29Z"


def test_a_finding_of_many_executions_counts_at_least_its_bound() -> None:
    (found,) = findings(*((SOUNDNESS, EARLY, 1, f"e-{number}") for number in range(EXECUTIONS_MAX + 1)))
    assert (found.count, found.executions, found.at_least) == (EXECUTIONS_MAX + 1, EXECUTIONS_MAX, True)


def test_a_thousand_late_polls_do_not_hide_one_wrong_end() -> None:
    found = findings(*((CADENCE, LATE, second, "a") for second in range(1000)), (SOUNDNESS, EARLY, 1000, "a"))
    assert [(each.kind, each.count) for each in found] == [("ended early", 1), ("late", 1000)]


def test_more_executions_than_were_counted_follow_from_nothing() -> None:
    ids = [f"e-{number}" for number in range(EXECUTIONS_MAX)]
    found = findings(*((SOUNDNESS, EARLY, 1, each) for each in ids), *((CADENCE, LATE, 2, each) for each in ids))
    assert names(found) == ["ended early", "late"]


def test_lateness_after_a_wrong_end_of_the_same_execution_follows() -> None:
    (found,) = findings((SOUNDNESS, EARLY, 1, "a"), (SOUNDNESS, EARLY, 1, "b"), (CADENCE, LATE, 2, "a"))
    assert (found.kind, names(found.followers)) == ("ended early", ["late"])


def test_lateness_of_another_execution_stands_alone() -> None:
    found = findings((SOUNDNESS, EARLY, 1, "a"), (CADENCE, LATE, 2, "a"), (CADENCE, LATE, 2, "b"))
    assert names(found) == ["ended early", "late"]


def test_lateness_before_the_wrong_end_stands_alone() -> None:
    assert names(findings((SOUNDNESS, EARLY, 2, "a"), (CADENCE, LATE, 1, "a"))) == ["ended early", "late"]


def test_an_end_that_never_comes_follows_from_earlier_starvation() -> None:
    endless = ViolationKind("endless", Consequence.NO_END, "")
    (found,) = findings(("completion-liveness", endless, 9, "a"), (STARVATION, STARVED, 5, "a"))
    assert (found.kind, names(found.followers)) == ("starved", ["endless"])


def test_a_wrong_end_never_follows_from_another() -> None:
    assert names(findings((SOUNDNESS, EARLY, 1, "a"), ("timeout-truth", EARLY, 2, "a"))) == ["ended early"] * 2


def test_violations_of_no_execution_follow_from_nothing() -> None:
    assert names(findings((SOUNDNESS, EARLY, 1, "a"), (CADENCE, LATE, 2, ""))) == ["ended early", "late"]


def test_promises_of_the_functions_follow_from_nothing() -> None:
    assert names(findings((SOUNDNESS, EARLY, 1, "a"), ("budgets", BROKEN, 2, "a"))) == ["ended early", "broken"]


def test_independent_properties_and_causes_exist() -> None:
    assert {each.name for each in PROPERTIES} >= INDEPENDENT
    assert all(cause <= follower for follower, causes in CAUSES.items() for cause in causes)


def test_the_place_of_a_finding_is_that_of_its_first_case() -> None:
    world = World(load("idle"), seed=1)
    world.monitors[0].violate(Throttled(1, POLLER, "e-1"), "order", "chaos", EARLY, "Status")
    (found,) = findings_of(world.monitors, 0)
    assert (found.function, found.where, found.place) == (POLLER, "Status", "")


def test_a_failed_run_has_findings_and_a_passed_one_none() -> None:
    failed = run(load("drill", ["bounds.completion=0s"]), seed=1).result
    assert [each.property for each in failed.findings] == ["completion-liveness"]
    assert run(load("idle"), seed=1).result.findings == ()


@pytest.mark.parametrize(("where", "folded"), [("EndTime", False), ("Status", True)])
def test_only_a_field_that_polls_need_causes_starvation(where: str, folded: bool) -> None:
    world = World(load("idle"), seed=1)
    monitors = {monitor.name: monitor for monitor in world.monitors}
    unreadable = ViolationKind("unreadable field", Consequence.LOST_DATA, "Readers fail.")
    monitors["readable"].violate_at("a", 1, "order", "chaos", unreadable, where)
    monitors[STARVATION].violate_at("a", 2, "order", "chaos", STARVED)
    found = findings_of(world.monitors, world.spec.epoch_us)
    assert [len(each.followers) for each in found] == ([1] if folded else [0, 0])
