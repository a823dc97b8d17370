"""Groups of violations: what a monitor counts, what it keeps, and what makes two violations alike."""

from typing import Final

from drsim.scenarios.files import load
from drsim.simulator.checks.monitor import CASES_MAX, EXECUTIONS_MAX, Consequence, Monitor, Verdict, ViolationKind
from drsim.simulator.events import FINDER, POLLER, Throttled
from drsim.simulator.world import World

RARE: Final = ViolationKind("rare", Consequence.WRONG_END, "It matters.")


def a_monitor() -> Monitor:
    """A monitor of a world that does not run."""
    return World(load("idle"), seed=1).monitors[0]


def test_all_violations_are_counted_and_the_first_cases_kept() -> None:
    monitor = a_monitor()
    for at_us in range(CASES_MAX + 5):
        monitor.violate_at("e-1", at_us, "", "")
    assert monitor.violations_count == CASES_MAX + 5
    assert [each.at_us for each in monitor.violations] == list(range(CASES_MAX))
    (group,) = monitor.groups.values()
    assert (group.count, group.execution_ids) == (CASES_MAX + 5, {"e-1"})
    assert monitor.verdict is Verdict.FAIL


def test_a_thousand_violations_do_not_hide_the_first_of_another_kind() -> None:
    monitor = a_monitor()
    for number in range(1000):
        monitor.violate(Throttled(number, POLLER, f"e-{number}"), "room", "none")
    monitor.violate(Throttled(1000, POLLER, "e-last"), "an end", "none", RARE, "Status")
    assert monitor.violations[0].at_us == 0
    assert (monitor.violations[-1].kind, monitor.violations[-1].at_us) == (RARE, 1000)
    assert [group.count for group in monitor.groups.values()] == [1000, 1]


def test_kind_function_and_where_separate_groups_of_violations() -> None:
    monitor = a_monitor()
    for function, where in [(POLLER, "Status"), (POLLER, "Waves"), (FINDER, "Status"), (POLLER, "Status")]:
        monitor.violate(Throttled(0, function, "e-1"), "", "", RARE, where)
    assert {(function, where): group.count for (_, function, where), group in monitor.groups.items()} == {
        (POLLER, "Status"): 2,
        (POLLER, "Waves"): 1,
        (FINDER, "Status"): 1,
    }


def test_a_group_keeps_a_bounded_number_of_execution_ids() -> None:
    monitor = a_monitor()
    for number in range(EXECUTIONS_MAX + 5):
        monitor.violate(Throttled(number, POLLER, f"e-{number}"), "", "")
    (group,) = monitor.groups.values()
    assert len(group.execution_ids) == EXECUTIONS_MAX


def test_a_violation_of_no_execution_counts_none() -> None:
    monitor = a_monitor()
    monitor.violate_at("", 0, "", "")
    (group,) = monitor.groups.values()
    assert (group.count, group.execution_ids) == (1, set())
