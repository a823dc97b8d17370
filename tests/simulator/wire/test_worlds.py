"""Worlds that teams have, in the tables of both tiers: what workers and people write there, by the team's contract."""

from typing import Any, Final

import pytest

from drsim.simulator.contract.layout import HOME_REGION
from drsim.simulator.contract.model import Contract
from drsim.simulator.errors import MisfitError
from drsim.simulator.kernel import Kernel
from drsim.simulator.planned import ODD
from drsim.simulator.services.dynamodb import Table
from drsim.simulator.services.stored_item import StoredItem
from drsim.simulator.trace import Trace
from drsim.simulator.workload import PERSON, WORKER
from tests.simulator.wire.tables import moto_table, new_client
from tests.simulator.workloads import SECOND, MakeTable, Rig, fast_table, one

pytestmark = pytest.mark.usefixtures("moto")

WORDS: Final = {"execution": {"POLLING": ["POLLING", "CANCELLING"], "COMPLETED": "DONE"}}
SETTLES: Final = {"words": WORDS, "promises": {"settles": "CANCELLING"}}
"""A contract whose functions settle cancelled executions."""


def wire_table(kernel: Kernel, trace: Trace, contract: Contract) -> Table:
    """An empty table of the wire tier."""
    return moto_table(kernel, new_client(), contract=contract, trace=trace)


@pytest.fixture(params=[fast_table, wire_table])
def make_table(request: pytest.FixtureRequest) -> MakeTable:
    found: MakeTable = request.param
    return found


# --- unusual items -------------------------------------------------------------------------------------------


def test_odd_attributes_of_all_levels_survive_the_workers_writes(kernel: Kernel, make_table: MakeTable) -> None:
    rig = Rig(kernel, {"waves": 2, "odd_attributes": True}, make_table=make_table)
    rig.run()
    assert [change.writer for change in rig.changes] == [WORKER] * 3
    item = rig.attributes()
    for holder in (item, *item["Waves"], *(server for wave in item["Waves"] for server in wave["Servers"])):
        assert {name: value for name, value in holder.items() if name in ODD} == ODD
    stored = rig.table.get(rig.key)
    assert stored is not None
    assert stored.execution.unreadable == ()
    assert [dict(wave.extra).keys() >= ODD.keys() for wave in stored.execution.waves] == [True, True]
    assert stored.size_bytes == StoredItem(item, rig.reader).size_bytes


def test_item_has_the_same_size_and_attributes_in_both_tiers() -> None:
    found: list[tuple[int, dict[str, Any]]] = []
    for make_table in (fast_table, wire_table):
        kernel = Kernel(seed=7)
        rig = Rig(kernel, one(odd_attributes=True, ids=['it\'s "夜" / day']), make_table=make_table)
        rig.run()
        stored = rig.table.get(rig.key)
        assert stored is not None
        found.append((stored.size_bytes, dict(stored.attributes)))
        kernel.close()
    assert found[0] == found[1]


def test_waves_may_follow_one_by_one_on_an_item_that_is_polled(kernel: Kernel, make_table: MakeTable) -> None:
    rig = Rig(kernel, {"waves": 2, "listed": "as_started", "polling_first": True}, make_table=make_table)
    rig.run()
    seen = [change.execution for change in rig.changes]
    assert [(each.status, len(each.waves)) for each in seen if each] == [("POLLING", n) for n in (0, 1, 2)]


def test_servers_that_only_the_job_names_are_not_in_the_item(kernel: Kernel, make_table: MakeTable) -> None:
    rig = Rig(kernel, one(servers=3, servers_listed=False), make_table=make_table)
    rig.run()
    assert rig.waves()[0]["Servers"] == []
    assert rig.jobs[0].servers == 3


def test_executions_of_one_plan_run_at_a_time(kernel: Kernel, make_table: MakeTable) -> None:
    rig = Rig(kernel, one(executions=2, ids=["a", "b"], plan="nightly drill"), make_table=make_table)
    rig.run()
    assert [tuple(key) for key in rig.workload.expected] == [("a", "nightly drill"), ("b", "nightly drill")]
    assert all(rig.table.get(key) is not None for key in rig.workload.expected)
    assert len(rig.jobs) == 2


def test_wave_may_have_an_empty_job_id_or_be_marked_failed(kernel: Kernel, make_table: MakeTable) -> None:
    rig = Rig(kernel, {"waves": [{"launch": "empty"}, {"launch": "failed"}]}, make_table=make_table)
    rig.run()
    empty, failed = rig.waves()
    assert (empty["Status"], empty["JobId"]) == ("LAUNCHING", "")
    assert (failed["Status"], "JobId" in failed) == ("FAILED", False)
    assert failed["StatusMessage"] == "the plan's worker could not start a job"
    assert rig.jobs == []


# --- what a contract must allow ------------------------------------------------------------------------------


def test_item_without_start_is_written_if_the_index_does_without_it(kernel: Kernel, make_table: MakeTable) -> None:
    contract = {"extends": "plain", "table": {"index_range": None}}
    rig = Rig(kernel, one(start_time=False), make_table=make_table, contract=contract)
    rig.run()
    assert "StartTime" not in rig.attributes()
    assert rig.attributes()["Status"] == "POLLING"


def test_wave_without_region_has_its_job_where_the_functions_run(kernel: Kernel, make_table: MakeTable) -> None:
    contract, regions = {"extends": "plain"}, ["eu-west-1"]
    rig = Rig(kernel, one(wave_regions=False), make_table=make_table, contract=contract, regions=regions)
    rig.run()
    assert "Region" not in rig.waves()[0]
    assert [job.region for job in rig.jobs] == [HOME_REGION]
    stored = rig.table.get(rig.key)
    assert stored is not None
    scope = stored.execution.waves[0].scope
    assert scope is not None
    assert rig.drs.job(scope, rig.jobs[0].job_id) is not None


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("start_time", "StatusIndex has StartTime as range key and leaves out items without it"),
        ("wave_regions", "waves of a cross-account contract name their Region"),
    ],
)
def test_items_that_our_contract_cannot_hold_are_refused(kernel: Kernel, field: str, reason: str) -> None:
    with pytest.raises(MisfitError) as caught:
        Rig(kernel, one(), one(**{field: False}))
    assert str(caught.value) == f"workload[1].{field} must be true, for {reason}, got false"


# --- people --------------------------------------------------------------------------------------------------


def test_cancelling_stops_further_waves_and_sets_no_end(kernel: Kernel, make_table: MakeTable) -> None:
    group = {"waves": 3, "order": "sequential", "cancel_after": "60s"}
    rig = Rig(kernel, group, make_table=make_table, contract={"extends": "plain", **SETTLES})
    rig.run()
    assert len(rig.jobs) == 1
    assert (rig.changes[-1].at_us, rig.changes[-1].writer) == (65 * SECOND, PERSON)
    attributes = rig.attributes()
    assert (attributes["Status"], "EndTime" in attributes) == ("CANCELLING", False)
    assert ["JobId" in wave for wave in attributes["Waves"]] == [True, False, False]


@pytest.mark.parametrize("cancel_after", ["20ms", "109ms", "115ms"])
def test_job_that_is_starting_at_a_cancellation_gets_its_id_recorded(
    kernel: Kernel, make_table: MakeTable, cancel_after: str
) -> None:
    # Before the item has the job's id: while DRS starts the job, and while the worker writes.
    group = {"waves": 2, "cancel_after": cancel_after}
    rig = Rig(kernel, group, make_table=make_table, contract={"extends": "plain", **SETTLES})
    rig.run()
    assert len(rig.jobs) == 1
    assert [change.writer for change in rig.changes] == [WORKER, PERSON, WORKER]
    assert (rig.attributes()["Status"], rig.waves()[0]["JobId"]) == ("CANCELLING", rig.jobs[0].job_id)


def test_execution_ended_by_hand_stays_ended(kernel: Kernel, make_table: MakeTable) -> None:
    group = {"waves": 2, "order": "sequential", "ended_after": "60s", "ended_as": "COMPLETED"}
    rig = Rig(kernel, group, make_table=make_table, contract={"extends": "plain", **SETTLES})
    rig.run()
    last = rig.changes[-1]
    assert (last.at_us, last.writer) == (65 * SECOND, PERSON)
    assert (rig.attributes()["Status"], rig.attributes()["EndTime"]) == ("DONE", rig.spec.epoch_us // SECOND + 65)


def test_execution_deleted_by_hand_stays_deleted(kernel: Kernel, make_table: MakeTable) -> None:
    rig = Rig(kernel, {"waves": 2, "order": "sequential", "deleted_after": "60s"}, make_table=make_table)
    rig.run()
    assert rig.table.get(rig.key) is None
    assert (rig.changes[-1].at_us, rig.changes[-1].writer) == (65 * SECOND, PERSON)
    assert len(rig.changes) == 3
