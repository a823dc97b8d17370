"""Exploration: all ranges add up; failures are grouped; parts are named by place."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from drsim.scenarios.campaign import Campaign, Explored, missing_ranges
from drsim.scenarios.contradiction import Contradiction, scenario_of, signature
from drsim.scenarios.explore import explore, explore_range
from drsim.scenarios.failure import failure_of
from drsim.scenarios.files import load
from drsim.scenarios.model import Scenario
from drsim.scenarios.parts import parts_of
from drsim.simulator.faults.kinds import Fault
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.schedule import ScheduleRule
from drsim.simulator.trace import Trace
from drsim.simulator.world import Parts

BUG = "tests.planted_bugs.registry:BUGS:SlowIsFailed"
AT_EVERY_MOVE = "tests.planted_bugs.registry:BUGS:WritesTheTimeAgain"
"""A bug that shows whenever DRS reports progress."""


class OneThread(ThreadPoolExecutor):
    """An engine in this process."""

    def jobs(self) -> int:
        return 1


def explored(*ranges: tuple[int, int], parts: str = "") -> Campaign:
    """A campaign over chaos, in this process."""
    with OneThread(1) as engine:
        return Campaign(explore(load("chaos"), ranges, engine, parts))


@pytest.mark.slow
def test_same_seeds_give_same_totals_for_all_ranges() -> None:
    whole, halves = explored((1, 20)), explored((11, 20), (1, 10))
    assert whole.seeds_count == halves.seeds_count == 20
    for name in ("fired", "in_flight", "changed", "unwinnable", "recovery_s", "compared"):
        assert getattr(whole, name) == getattr(halves, name)
    assert whole.fired.total() > 100
    assert whole.in_flight.total() > 10
    assert whole.failures == []


@pytest.mark.slow
def test_the_failures_of_a_bug_are_grouped_and_begin_with_the_lowest_seed() -> None:
    campaign = explored((1, 12), parts=BUG)
    (first, failures), *others = campaign.groups().items()
    assert first == ("completion-soundness", "ended early Status")
    seeds = [each.seed for each in failures]
    assert seeds == sorted(seeds)
    # The poll takes the end that it wrote for a TIMEOUT, and so publishes no age.
    assert [name for (name, _), _ in others] == ["metrics-complete"]
    assert campaign.claim() == f"{len(seeds)} of 12 seeds failed"


def test_what_faults_changed_is_seen_in_one_seed_of_sixteen() -> None:
    assert explore_range(load("chaos").model_dump_json(), 1, 15, "").compared == 0
    slow = load("fault-job-late").model_dump_json()
    compared = explore_range(slow, 16, 16, "")
    assert compared.compared == 1
    assert set(compared.changed) == set(compared.fired)


def test_a_fault_that_only_shifts_milliseconds_changed_nothing() -> None:
    slow = load("fault-job-late").model_dump()
    slow["faults"] = [{"fault": "slow", "operation": "PutMetricData", "delay": "1ms"}]
    compared = explore_range(Scenario.model_validate(slow).model_dump_json(), 16, 16, "")
    assert compared.compared == 1
    assert compared.fired
    assert compared.changed == {}


def test_broken_simulation_is_reported_as_a_failure() -> None:
    broken = explore_range(load("chaos").model_dump_json(), 1, 1, "tests.scenarios.test_explore:BREAKING")
    (found,) = broken.failures
    assert (found.property, found.expected) == ("simulation", "the simulation continues")
    assert "no table today" in found.observed


def test_finding_of_the_run_without_faults_is_marked_and_repeats() -> None:
    deaf = load("fault-lasting").model_dump()
    deaf["faults"] = [{"fault": "denied", "operation": "DescribeJobs", "lasting": True}]
    for group in deaf["workload"]:
        group["expect"] = None
    scenario, place = Scenario.model_validate(deaf), AT_EVERY_MOVE
    (found,) = explore_range(scenario.model_dump_json(), 16, 16, place).failures
    assert found.property == "status-order"
    assert found.expected.startswith("without the seed's faults: ")
    assert failure_of(scenario, 16, found.property, place) is None
    again = failure_of(scenario_of(scenario, found), 16, found.property, place)
    assert again is not None
    assert found.expected.endswith(again.expected)


def test_finding_of_a_seeds_own_run_is_reported_once() -> None:
    slow = load("fault-job-late")
    (found,) = explore_range(slow.model_dump_json(), 16, 16, AT_EVERY_MOVE).failures
    assert scenario_of(slow, found) is slow


def test_broken_run_is_not_compared_with_the_run_without_faults() -> None:
    broken = explore_range(load("chaos").model_dump_json(), 16, 16, "tests.scenarios.test_explore:BREAKING")
    assert [each.property for each in broken.failures] == ["simulation"]
    assert (broken.compared, broken.changed) == (0, {})


def _breaking(kernel: Kernel, *_: object, **__: object) -> ScheduleRule:
    """A rule that breaks after a second."""

    def fire(number: int) -> None:
        raise ValueError("no table today")

    return ScheduleRule(kernel, Trace(), first_us=1_000_000, rate_us=60_000_000, target=fire)


BREAKING = Parts(rule=_breaking)


def test_a_signature_leaves_figures_and_ids_out() -> None:
    one, two = (
        Contradiction(seed=1, property="p", execution_id="e", at_us=1, expected=text, observed="")
        for text in ("JobId drsjob-1a of wave 2 kept", "JobId drsjob-2b of wave 3 kept")
    )
    assert signature(one) == signature(two) == "JobId # of wave # kept"


def test_a_signature_is_the_kind_and_where_not_the_words() -> None:
    def found(kind: str, where: str, expected: str) -> Contradiction:
        return Contradiction(
            seed=1, property="p", execution_id="e", at_us=1, expected=expected, observed="", kind=kind, where=where
        )

    assert signature(found("lost", "JobId", "a")) == signature(found("lost", "JobId", "b"))
    faultless = found("lost", "JobId", "without the seed's faults: a")
    assert len({signature(found("lost", where, "a")) for where in ("JobId", "Hostname")} | {signature(faultless)}) == 3


def test_the_claim_is_the_rule_of_three() -> None:
    campaign = Campaign()
    campaign.add(Explored(first=1, last=300))
    assert campaign.claim() == "0 of 300 seeds failed (failure rate below 1 %, 95 % confidence)"


def test_two_seeds_allow_no_claim() -> None:
    campaign = Campaign()
    campaign.add(Explored(first=1, last=2))
    assert campaign.claim() == "0 of 2 seeds failed, too few to estimate a failure rate"


def test_ledger_has_possible_cells_that_were_never_met() -> None:
    campaign = Campaign([Explored(first=1, last=1, fired={"tick-lost PENDING": 1, "job-hangs STARTING": 2})])
    ledger = campaign.ledger(load("chaos"))
    never = {
        fault: [phase for phase, cell in cells.items() if cell.possible and not cell.struck]
        for fault, cells in ledger.items()
    }
    assert never[Fault.TICK_LOST] == ["STARTED", "IN_PROGRESS", "OVERDUE", "ENDED"]
    assert never[Fault.JOB_HANGS] == ["PENDING", "STARTED", "IN_PROGRESS", "OVERDUE"]


def test_recovery_is_by_nearest_rank() -> None:
    campaign = Campaign()
    campaign.add(Explored(first=1, last=1, recovery_s={1: 98, 30: 1, 59: 1}))
    assert [campaign.recovery(ratio) for ratio in (0.5, 0.99, 1)] == [1, 30, 59]


@pytest.mark.parametrize(
    ("done", "missing"),
    [
        ([], [(1, 10)]),
        ([(1, 10)], []),
        ([(4, 6)], [(1, 3), (7, 10)]),
        ([(7, 8), (1, 2)], [(3, 6), (9, 10)]),
        ([(1, 20)], []),
        ([(30, 40)], [(1, 10)]),
    ],
)
def test_ranges_that_are_done_are_not_explored_again(
    done: list[tuple[int, int]], missing: list[tuple[int, int]]
) -> None:
    assert missing_ranges(1, 10, done) == missing


def test_no_range_begins_after_its_time() -> None:
    with OneThread(1) as engine:
        assert list(explore(load("drill"), [(1, 10)], engine, seconds_max=0.0)) == []


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("no.such.module:NAME", "No module named"),
        ("drsim.scenarios.contradiction:NAME", "has no attribute"),
        ("drsim.scenarios.contradiction:BROKEN", "a str"),
        ("tests.planted_bugs.registry:BUGS:missing", "missing"),
        ("tests.planted_bugs.registry:BUGS:NoSuchBug", "no key 'NoSuchBug'"),
        ("nothing", "parts must be module:NAME"),
    ],
)
def test_missing_parts_are_refused_by_name(place: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        parts_of(place)
    assert place in str(caught.value)
