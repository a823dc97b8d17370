"""The ledger: in which phase of an execution's life a fault acts. In chaos some act on an overdue execution."""

from typing import Any

import pytest

from drsim.scenarios.explore import explore_range
from drsim.scenarios.files import load
from drsim.simulator.checks.ledger import OVERDUE, Ledger
from drsim.simulator.checks.timeouts import TimeoutTruth
from drsim.simulator.events import FINDER, POLLER, FaultInjected
from drsim.simulator.faults.kinds import Fault
from tests.simulator.cloudwatch.runs import SECOND_US, Bench, an_item, ended, started


class Rig:
    """A ledger over a bench with one execution in POLLING, whose only wave is in progress."""

    def __init__(self, **changes: Any) -> None:
        self.bench = Bench(TimeoutTruth)
        self.ledger = Ledger(self.bench.trace, self.bench.monitor.limits, self.bench.monitor.context.truth)
        self.bench.write(an_item(**changes), by="worker")

    def strike(self, second: float, execution_id: str = "e-1") -> None:
        self.bench.at(second)
        now_us = self.bench.kernel.now_us
        self.bench.trace.emit(FaultInjected(now_us, 0, Fault.SLOW, "GetItem", POLLER, execution_id, 1, 1, 0, "r-1"))


@pytest.mark.parametrize(
    ("second", "phase"), [(0, "IN_PROGRESS"), (1800, "IN_PROGRESS"), (1800.000001, OVERDUE), (2400, OVERDUE)]
)
@pytest.mark.parametrize("execution_id", ["e-1", ""], ids=["its own", "for all"])
def test_fault_is_overdue_beyond_the_timeout_of_a_polling_execution(
    second: float, phase: str, execution_id: str
) -> None:
    rig = Rig()
    rig.strike(second, execution_id)
    assert rig.ledger.fired == {("slow", phase): 1}


def test_execution_that_has_ended_is_not_overdue() -> None:
    rig = Rig()
    rig.bench.write(an_item(Version=2, Status="CANCELLED"), by="person")
    rig.strike(1900)
    assert rig.ledger.fired == {("slow", "ENDED"): 1}


def test_overdue_execution_counts_polls_in_flight() -> None:
    rig = Rig()
    rig.bench.trace.emit(started())
    rig.strike(1900)
    rig.bench.trace.emit(ended(at_us=1901 * SECOND_US))
    rig.strike(1960)
    assert (rig.ledger.fired, rig.ledger.in_flight) == ({("slow", OVERDUE): 2}, {("slow", OVERDUE): 1})
    assert list(rig.ledger.struck["e-1"]) == [("slow", OVERDUE)]


@pytest.mark.parametrize(
    ("operation", "function", "second", "met"),
    [
        ("Tick", "", 1900, True),
        ("Start", POLLER, 1900, True),
        ("GetItem", POLLER, 1900, True),
        ("GetItem", POLLER, 1700, False),
        ("Query", FINDER, 1900, False),
        ("Event", POLLER, 1900, False),
        ("Index", "", 1900, False),
    ],
)
def test_faults_on_ticks_and_polls_of_overdue_executions_meet_the_timeout(
    operation: str, function: str, second: int, met: bool
) -> None:
    rig = Rig()
    rig.bench.trace.emit(FaultInjected(second * SECOND_US, 0, "slow", operation, function, "e-1", 1, 1, 0, "r-1"))
    assert rig.ledger.met_the_timeout is met


def test_faults_of_chaos_meet_the_timeout_in_a_tenth_of_seeds() -> None:
    assert explore_range(load("chaos").model_dump_json(), 1, 20, "").overdue_seeds >= 2
