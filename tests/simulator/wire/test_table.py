"""The execution table that moto keeps: what services see of it, and when its index shows it."""

from decimal import Decimal
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError

from drsim.orchestrator.model import ExecutionKey, ExecutionStatus, ExecutionType, WaveStatus
from drsim.simulator.contract.layout import Layout
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.presets import preset
from drsim.simulator.events import ItemChanged
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Spread
from drsim.simulator.services.dynamodb import Condition
from drsim.simulator.services.errors import ConditionFailedError
from drsim.simulator.trace import Trace
from drsim.simulator.wire.table import MotoTable
from tests.simulator.tables import LAG_US, attributes_of, key_of
from tests.simulator.wire.tables import NAME, moto_table, new_client, plain_item, query_of

pytestmark = pytest.mark.usefixtures("moto")

LAGGING: Final = Spread(LAG_US, LAG_US)
CONTRACTS: Final = {
    "camelCase": preset("plain", style="camelCase"),
    "snake_case": preset("plain", style="snake_case"),
    "own names": preset("plain", names={"ExecutionId": "pk", "PlanId": "sk", "Status": "state"}),
    "no range key": preset("plain", execution={"plan": None}, table={"name": "runs", "index": "ByStatus"}),
    "no range key in the index": preset("plain", execution={"start": None}),
    "ISO times": preset("plain", times={"start": "iso"}),
}


def indexed(table: MotoTable, status: str = "POLLING", start_key: dict[str, Any] | None = None) -> list[object]:
    """The ids that one Query of the index shows."""
    with table.as_indexed():
        answer = new_client().query(**query_of(status, start_key, layout=table.layout))
    return [table.key_of({name: item[name] for name in item}).execution_id for item in answer["Items"]]


def at(kernel: Kernel, now_us: int) -> None:
    kernel.run(until_us=now_us)


def heard(trace: Trace) -> list[ItemChanged]:
    """The changes that the trace records from now on."""
    changes: list[ItemChanged] = []
    trace.listen(ItemChanged, changes.append)
    return changes


# --- the index -------------------------------------------------------------------------------------------------


def test_index_shows_a_write_after_its_lag_and_a_strong_read_at_once(kernel: Kernel) -> None:
    table = moto_table(kernel, new_client(), lag=LAGGING)
    table.put(attributes_of("a", "POLLING"), writer="test")
    assert table.get(key_of("a")) is not None
    assert indexed(table) == []
    at(kernel, LAG_US - 1)
    assert indexed(table) == []
    at(kernel, LAG_US)
    assert indexed(table) == ["a"]


def test_an_item_stays_under_its_old_status_until_the_lag_is_over(kernel: Kernel) -> None:
    table = moto_table(kernel, new_client(), lag=LAGGING)
    table.put(attributes_of("a", "POLLING"), writer="test")
    at(kernel, LAG_US)
    table.update(key_of("a"), {"Status": "COMPLETED"}, writer="test")
    assert (indexed(table), indexed(table, "COMPLETED")) == (["a"], [])
    at(kernel, 2 * LAG_US)
    assert (indexed(table), indexed(table, "COMPLETED")) == ([], ["a"])


def test_the_index_shows_a_deleted_item_until_the_lag_is_over(kernel: Kernel) -> None:
    table = moto_table(kernel, new_client(), lag=LAGGING)
    table.put(attributes_of("a", "POLLING"), writer="test")
    at(kernel, LAG_US)
    table.delete(key_of("a"), writer="test")
    assert (table.get(key_of("a")), len(table), indexed(table)) == (None, 0, ["a"])
    at(kernel, 2 * LAG_US)
    assert indexed(table) == []


def test_a_write_that_is_held_back_does_not_undo_the_one_that_overtook_it(kernel: Kernel) -> None:
    table = moto_table(kernel, new_client(), lag=LAGGING, held_back=lambda _, number: 10 * LAG_US if number == 1 else 0)
    table.put(attributes_of("a", "POLLING"), writer="test")
    table.update(key_of("a"), {"Status": "COMPLETED"}, writer="test")
    for now_us in (LAG_US, 11 * LAG_US):
        at(kernel, now_us)
        assert (indexed(table), indexed(table, "COMPLETED")) == ([], ["a"])


def test_moto_sees_its_own_items_outside_as_indexed_even_after_an_error(kernel: Kernel) -> None:
    client = new_client()
    table = moto_table(kernel, client, lag=LAGGING, page_bytes_max=1024)
    table.put(attributes_of("a", "POLLING", Note="x" * 2000), writer="test")
    table.put(attributes_of("b", "POLLING", Note="x" * 2000), writer="test")
    with pytest.raises(RuntimeError), table.as_indexed():
        raise RuntimeError
    answer = client.query(**query_of("POLLING"))
    assert (answer["Count"], "LastEvaluatedKey" in answer) == (2, False)


def test_index_has_pages_of_the_scenarios_size_ordered_by_start(kernel: Kernel) -> None:
    client = new_client()
    table = moto_table(kernel, client, page_bytes_max=1500)
    for place, execution_id in enumerate("dbca"):
        table.put(attributes_of(execution_id, "POLLING", place, Note="x" * 600), writer="test")
    pages, start_key = [], None
    while True:
        with table.as_indexed():
            answer = client.query(**query_of("POLLING", start_key))
        pages.append([plain_item(item)["ExecutionId"] for item in answer["Items"]])
        start_key = answer.get("LastEvaluatedKey")
        if start_key is None:
            break
        assert sorted(start_key) == ["ExecutionId", "PlanId", "StartTime", "Status"]
    assert pages == [["d", "b"], ["c", "a"]]


def test_an_item_without_a_key_of_the_index_is_not_in_it(kernel: Kernel) -> None:
    table = moto_table(kernel, new_client())
    table.put({"ExecutionId": "a", "PlanId": "plan", "Status": "POLLING"}, writer="test")
    table.put({"ExecutionId": "b", "PlanId": "plan", "StartTime": 1}, writer="test")
    assert (len(table), indexed(table)) == (2, [])


# --- writes ----------------------------------------------------------------------------------------------------


def test_an_update_leaves_all_other_attributes(kernel: Kernel) -> None:
    table = moto_table(kernel, new_client())
    table.put(attributes_of("a", Note="kept"), writer="test")
    table.update(key_of("a"), {"Version": 1, "Share": Decimal("0.5")}, writer="test")
    item = table.get(key_of("a"))
    assert item is not None
    assert item.attributes == attributes_of("a", Note="kept", Version=1, Share=Decimal("0.5"))
    assert type(item.attributes["Version"]) is int


def test_a_condition_takes_an_absent_attribute_for_its_default(kernel: Kernel) -> None:
    table = moto_table(kernel, new_client())
    table.put(attributes_of("a"), writer="test")
    condition = Condition({"Version": 0, "Status": "PENDING"}, default={"Version": 0})
    table.update(key_of("a"), {"Version": 1}, writer="test", condition=condition)
    with pytest.raises(ConditionFailedError):
        table.update(key_of("a"), {"Version": 2}, writer="test", condition=condition)
    with pytest.raises(ConditionFailedError):
        table.update(key_of("b"), {"Version": 1}, writer="test", condition=condition)
    assert table.get(key_of("b")) is None


def test_unexpected_error_is_raised_and_nothing_is_recorded(kernel: Kernel) -> None:
    trace = Trace()
    table = moto_table(kernel, new_client(), trace=trace)
    with pytest.raises(ClientError, match="Cannot update attribute PlanId"):
        table.update(key_of("a"), {"PlanId": "other"}, writer="test")
    assert list(trace.lines()) == []


def test_deleting_a_missing_item_records_nothing(kernel: Kernel) -> None:
    trace = Trace()
    table = moto_table(kernel, new_client(), trace=trace)
    table.delete(key_of("a"), writer="test")
    table.written([key_of("a")], "test", "")
    assert list(trace.lines()) == []


def test_write_of_a_function_is_seen_after_written(kernel: Kernel) -> None:
    trace, client = Trace(), new_client()
    changes = heard(trace)
    table = moto_table(kernel, client, trace=trace)
    table.put(attributes_of("a", "POLLING"), writer="worker")
    client.update_item(
        TableName=NAME,
        Key={"ExecutionId": {"S": "a"}, "PlanId": {"S": "plan"}},
        UpdateExpression="SET #s = :s REMOVE TotalWaves",
        ExpressionAttributeNames={"#s": "Status"},
        ExpressionAttributeValues={":s": {"S": "COMPLETED"}},
    )
    assert (len(changes), indexed(table)) == (1, ["a"])
    table.written([key_of("a")], "poller", "request-1")
    put, update = changes
    assert (put.before, put.writer, put.execution is not None) == (None, "worker", True)
    assert (update.writer, update.request_id, update.before) == ("poller", "request-1", put.after)
    assert update.after is not None
    assert (update.after["Status"], "TotalWaves" in update.after) == ("COMPLETED", False)
    assert indexed(table) == []


def test_unreadable_item_gives_the_reason(kernel: Kernel) -> None:
    trace = Trace()
    table = moto_table(kernel, new_client(), trace=trace)
    table.put(attributes_of("a", "SLEEPING"), writer="test")
    item = table.get(key_of("a"))
    assert item is not None
    assert item.execution.status is None
    assert str(item.execution.unreadable[0]).startswith("Status must be one of")
    assert list(trace.lines()) == ['["ItemChanged",0,"","test","a","MALFORMED",0,"",77]']
    assert indexed(table, "SLEEPING") == ["a"]


# --- the names of others -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_table_of_any_contract_shows_the_same_execution(kernel: Kernel, contract: Contract) -> None:
    client, layout = new_client(), Layout(contract)
    table = moto_table(kernel, client, contract=contract)
    key = ExecutionKey("a", "" if layout.range_name is None else "plan")
    wave = layout.wave.written({}, number=1, name="w", status=WaveStatus.PENDING, servers=[])
    first = layout.execution.written(
        {**layout.keys(key), "Own": {"Mine": 1}},
        status=ExecutionStatus.PENDING, start=50_000_000, type=ExecutionType.DRILL, total_waves=1, waves=[wave],
    )  # fmt: skip
    table.put(first, writer="test")
    changes = layout.execution.changes(first, status=ExecutionStatus.POLLING)
    table.update(key, changes, writer="test", condition=Condition({layout.execution.path("status"): "PENDING"}))
    item = table.get(key)
    assert item is not None
    assert item.attributes == first | changes
    assert (item.execution.status, item.execution.unreadable) == (ExecutionStatus.POLLING, ())
    assert item.execution.start_us == (None if contract.execution.start is None else 50_000_000)
    name = contract.table.name
    (kept,) = client.scan(TableName=name)["Items"]
    assert plain_item(kept) == first | changes
    assert table.key_of(kept) == key
    with table.as_indexed():
        answer = client.query(
            **{**query_of("POLLING", layout=layout), "TableName": name, "IndexName": contract.table.index}
        )
    assert [table.key_of(each) for each in answer["Items"]] == [key]
    table.delete(key, writer="test")
    assert client.scan(TableName=name)["Count"] == 0
