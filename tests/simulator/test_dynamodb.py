"""The execution table: strong reads, conditional writes, the index that lags, and the pages of a Query."""

from decimal import Decimal

import pytest

from drsim.simulator.events import ItemChanged, WriteRefused
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Spread
from drsim.simulator.services.dynamodb import Condition, IndexKey, QueryPage
from drsim.simulator.services.errors import ConditionFailedError, ServiceError
from drsim.simulator.trace import Trace
from tests.simulator.tables import LAG_US, MEGABYTE, Attributes, attributes_of, ids, key_of, read, table_of

# --- reads and writes ----------------------------------------------------------------------------------------


def test_a_strong_read_shows_a_write_at_once_whatever_the_lag_of_the_index(kernel: Kernel) -> None:
    table = table_of(kernel, Spread(LAG_US, LAG_US))
    assert read(table, "a") is None
    table.put(attributes_of("a"), writer="person")
    assert read(table, "a") == attributes_of("a")
    table.update(key_of("a"), {"Status": "POLLING"}, writer="person")
    assert read(table, "a") == attributes_of("a", "POLLING")
    assert ids(table.query_status("PENDING")) == ids(table.query_status("POLLING")) == []


def test_items_of_one_execution_id_and_two_plans_are_two_items(kernel: Kernel) -> None:
    table = table_of(kernel)
    for plan_id, status in (("plan", "PENDING"), ("other", "POLLING")):
        table.put(attributes_of("a", status, PlanId=plan_id), writer="person")
    assert len(table) == 2
    assert read(table, "a") == attributes_of("a")
    assert ids(table.query_status("POLLING")) == ["a"]


def test_put_replaces_the_item_and_update_keeps_other_attributes(kernel: Kernel) -> None:
    table = table_of(kernel)
    table.put(attributes_of("a", Note="kept", Version=1), writer="person")
    table.update(key_of("a"), {"Version": 2}, writer="person")
    assert read(table, "a") == attributes_of("a", Note="kept", Version=2)
    table.put(attributes_of("a", Version=3), writer="person")
    assert read(table, "a") == attributes_of("a", Version=3)


def test_an_update_of_an_item_that_is_not_there_makes_one_with_its_key(kernel: Kernel) -> None:
    table = table_of(kernel)
    table.update(key_of("a"), {"Status": "PENDING"}, writer="person")
    assert read(table, "a") == {"ExecutionId": "a", "PlanId": "plan", "Status": "PENDING"}


def test_later_change_of_the_callers_attributes_leaves_the_table(kernel: Kernel) -> None:
    table = table_of(kernel)
    attributes = attributes_of("a")
    table.put(attributes, writer="person")
    attributes["Status"] = "POLLING"
    assert read(table, "a") == attributes_of("a", "PENDING")


def test_deleted_item_leaves_the_index_after_the_lag(kernel: Kernel) -> None:
    table = table_of(kernel, Spread(LAG_US, LAG_US))
    table.put(attributes_of("a"), writer="person")
    kernel.run(until_us=LAG_US)
    table.delete(key_of("a"), writer="person")
    assert (read(table, "a"), len(table)) == (None, 0)
    kernel.run(until_us=2 * LAG_US - 1)
    assert ids(table.query_status("PENDING")) == ["a"]
    kernel.run(until_us=2 * LAG_US)
    assert ids(table.query_status("PENDING")) == []


def test_deleting_what_is_not_there_is_no_error_and_no_event(kernel: Kernel) -> None:
    trace = Trace()
    table_of(kernel, trace=trace).delete(key_of("a"), writer="person")
    assert len(trace) == 0


def test_an_item_that_comes_back_after_its_deletion_is_in_the_index_again(kernel: Kernel) -> None:
    table = table_of(kernel)
    table.put(attributes_of("a"), writer="person")
    table.delete(key_of("a"), writer="person")
    table.put(attributes_of("a", "POLLING"), writer="person")
    assert ids(table.query_status("PENDING")) == []
    assert ids(table.query_status("POLLING")) == ["a"]


# --- conditions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "there", "absent"),
    [
        (Condition({"Version": 1}), True, False),
        (Condition({"Version": Decimal(1)}), True, False),
        (Condition({"Version": 2}), False, False),
        (Condition({"Version": 1, "Status": "PENDING"}), True, False),
        (Condition({"Version": 1, "Status": "POLLING"}), False, False),
        (Condition({"EndTime": None}), True, True),
        (Condition({"Version": None}), False, True),
        (Condition({"EndTime": 0}, default={"EndTime": 0}), True, True),
        (Condition({"EndTime": 0}, default={"Version": 0}), False, False),
        (Condition({"Version": 0}, default={"Version": 0}), False, True),
    ],
)
def test_condition_holds_for_items_and_absence_as_in_dynamodb(
    kernel: Kernel, condition: Condition, there: bool, absent: bool
) -> None:
    table = table_of(kernel)
    table.put(attributes_of("a", Version=1), writer="person")
    assert condition.holds(table.get(key_of("a"))) is there
    assert condition.holds(table.get(key_of("b"))) is absent


def test_a_write_whose_condition_holds_is_written(kernel: Kernel) -> None:
    table = table_of(kernel)
    table.put(attributes_of("a", Version=1), writer="person")
    table.update(key_of("a"), {"Version": 2}, writer="person", condition=Condition({"Version": 1}))
    assert read(table, "a") == attributes_of("a", Version=2)


def test_a_failed_condition_leaves_item_and_index_and_says_write_refused(kernel: Kernel) -> None:
    trace, refused, changed = Trace(), list[WriteRefused](), list[ItemChanged]()
    trace.listen(WriteRefused, refused.append)
    trace.listen(ItemChanged, changed.append)
    table = table_of(kernel, trace=trace)
    table.put(attributes_of("a", Version=1), writer="person")
    held = table.get(key_of("a"))
    kernel.run(until_us=5)
    with pytest.raises(ConditionFailedError):
        table.update(
            key_of("a"), {"Status": "FAILED"}, writer="two", request_id="r-2", condition=Condition({"Version": 0})
        )
    with pytest.raises(ConditionFailedError):
        table.update(key_of("b"), {"Status": "FAILED"}, writer="two", condition=Condition({"Version": 1}))
    assert table.get(key_of("a")) is held
    assert (len(table), read(table, "b")) == (1, None)
    assert ids(table.query_status("PENDING")) == ["a"]
    assert ids(table.query_status("FAILED")) == []
    assert refused == [WriteRefused(5, "r-2", "two", "a"), WriteRefused(5, "", "two", "b")]
    assert len(changed) == 1


def test_failed_condition_is_a_service_error_without_retry() -> None:
    error = ConditionFailedError()
    assert isinstance(error, ServiceError)
    assert (error.code, error.retryable) == ("ConditionalCheckFailedException", False)
    assert str(error) == "ConditionalCheckFailedException: The conditional request failed"
    assert ServiceError("ThrottlingException", "Slow down", retryable=True).retryable


# --- the index lags ------------------------------------------------------------------------------------------


def test_the_index_shows_the_old_version_until_the_lag_has_passed(kernel: Kernel) -> None:
    table = table_of(kernel, Spread(LAG_US, LAG_US))
    table.put(attributes_of("a"), writer="person")
    assert ids(table.query_status("PENDING")) == []
    kernel.run(until_us=LAG_US)
    assert ids(table.query_status("PENDING")) == ["a"]
    table.update(key_of("a"), {"Status": "POLLING"}, writer="person")
    kernel.run(until_us=2 * LAG_US - 1)
    (stale,) = table.query_status("PENDING").items
    assert stale.attributes["Status"] == "PENDING"
    assert ids(table.query_status("POLLING")) == []
    kernel.run(until_us=2 * LAG_US)
    assert ids(table.query_status("PENDING")) == []
    assert ids(table.query_status("POLLING")) == ["a"]


def test_a_change_that_leaves_the_place_lags_as_well(kernel: Kernel) -> None:
    table = table_of(kernel, Spread(LAG_US, LAG_US))
    table.put(attributes_of("a", Version=1), writer="person")
    kernel.run(until_us=LAG_US)
    table.update(key_of("a"), {"Version": 2}, writer="person")
    (before,) = table.query_status("PENDING").items
    kernel.run(until_us=2 * LAG_US)
    (after,) = table.query_status("PENDING").items
    assert (before.attributes["Version"], after.attributes["Version"]) == (1, 2)


def test_each_write_of_each_item_has_a_lag_of_its_own(kernel: Kernel) -> None:
    table = table_of(kernel, Spread(0, LAG_US))
    names = [f"e{number:02}" for number in range(40)]
    for name in names:
        table.put(attributes_of(name), writer="person")
    seen = []
    for now_us in range(0, LAG_US + 1, 100):
        kernel.run(until_us=now_us)
        seen.append(len(table.query_status("PENDING").items))
    assert seen == sorted(seen)
    assert len(set(seen)) > 5, "items must show one after the other"
    assert ids(table.query_status("PENDING")) == names


def test_index_keeps_the_newer_change_if_the_older_arrives_later(kernel: Kernel) -> None:
    table = table_of(kernel, Spread(0, LAG_US))
    names = [f"e{number:02}" for number in range(40)]
    for name in names:
        table.put(attributes_of(name, "PENDING"), writer="person")
        table.update(key_of(name), {"Status": "POLLING"}, writer="person")
    overtaken = set[object]()
    was_pending = set[object]()
    for now_us in range(LAG_US + 1):
        kernel.run(until_us=now_us)
        pending, polling = set(ids(table.query_status("PENDING"))), set(ids(table.query_status("POLLING")))
        assert not pending & polling
        assert overtaken <= polling, "what has shown the younger change must never show the older one again"
        was_pending |= pending
        overtaken |= polling
    assert overtaken == set(names)
    assert 0 < len(was_pending) < len(names), "both orders of arrival must occur"


def test_index_keeps_an_item_deleted_if_an_older_change_arrives(kernel: Kernel) -> None:
    table = table_of(kernel, Spread(0, LAG_US))
    names = [f"e{number:02}" for number in range(40)]
    for name in names:
        table.put(attributes_of(name), writer="person")
        table.delete(key_of(name), writer="person")
    shown = set[object]()
    for now_us in range(LAG_US + 1):
        kernel.run(until_us=now_us)
        shown |= set(ids(table.query_status("PENDING")))
    assert 0 < len(shown) < len(names)
    assert ids(table.query_status("PENDING")) == []


# --- who stands in the index, and where ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"Status": None},
        {"StartTime": None},
        {"StartTime": "100"},
        {"Status": 7},
        {"Status": ["PENDING"]},
        {"Status": None, "StartTime": None},
    ],
)
def test_item_without_status_or_start_time_is_not_in_the_index(kernel: Kernel, change: Attributes) -> None:
    table = table_of(kernel)
    table.put(attributes_of("a"), writer="person")
    table.update(key_of("a"), change, writer="person")
    assert len(table) == 1
    assert ids(table.query_status("PENDING")) == []
    table.put(attributes_of("a"), writer="person")
    assert ids(table.query_status("PENDING")) == ["a"]


def test_an_item_that_never_had_the_index_key_is_not_in_the_index(kernel: Kernel) -> None:
    table = table_of(kernel)
    table.put({"ExecutionId": "a", "PlanId": "plan", "StartTime": 1}, writer="person")
    table.put({"ExecutionId": "b", "PlanId": "plan", "Status": "PENDING"}, writer="person")
    assert table.query_status("PENDING") == QueryPage((), 0, None)


def test_a_query_is_in_order_of_start_time_and_then_of_key(kernel: Kernel) -> None:
    table = table_of(kernel)
    for name, start_time in (("d", 9), ("c", 7), ("b", Decimal("7.5")), ("z", 7), ("a", 10)):
        table.put(attributes_of(name, start_time=start_time), writer="person")
    assert ids(table.query_status("PENDING")) == ["c", "z", "b", "d", "a"]
    table.update(key_of("c"), {"StartTime": 8}, writer="person")
    assert ids(table.query_status("PENDING")) == ["z", "b", "c", "d", "a"]


# --- pages ---------------------------------------------------------------------------------------------------


def test_page_ends_with_the_item_that_reaches_the_limit(kernel: Kernel) -> None:
    table = table_of(kernel, page_bytes_max=2 * size_of_one(kernel) + 1)
    for name in "abcde":
        table.put(attributes_of(name), writer="person")
    first = table.query_status("PENDING")
    assert (ids(first), first.last) == (["a", "b", "c"], IndexKey(100, key_of("c")))
    assert first.size_bytes == 3 * size_of_one(kernel)
    second = table.query_status("PENDING", first.last)
    assert (ids(second), second.last) == (["d", "e"], None)
    assert second.size_bytes == 2 * size_of_one(kernel)


def test_page_with_the_real_limit_ends_at_one_megabyte(kernel: Kernel) -> None:
    table = table_of(kernel)
    # Together with the name and the text: Notes (5 bytes) and what fills the item up to 256 KiB.
    filler = "x" * (MEGABYTE // 4 - size_of_one(kernel) - 5)
    for name in "abcdef":
        table.put(attributes_of(name, Notes=filler), writer="person")
    first = table.query_status("PENDING")
    assert (ids(first), first.size_bytes, first.last) == (list("abcd"), MEGABYTE, IndexKey(100, key_of("d")))
    second = table.query_status("PENDING", first.last)
    assert (ids(second), second.size_bytes, second.last) == (list("ef"), MEGABYTE // 2, None)


def test_last_item_at_the_limit_gives_a_key_and_an_empty_page(kernel: Kernel) -> None:
    table = table_of(kernel, page_bytes_max=2 * size_of_one(kernel))
    for name in "ab":
        table.put(attributes_of(name), writer="person")
    first = table.query_status("PENDING")
    assert (ids(first), first.last) == (["a", "b"], IndexKey(100, key_of("b")))
    assert table.query_status("PENDING", first.last) == QueryPage((), 0, None)


def test_a_limit_that_no_item_reaches_gives_one_page_and_no_last_key(kernel: Kernel) -> None:
    table = table_of(kernel, page_bytes_max=2 * size_of_one(kernel) + 1)
    for name in "ab":
        table.put(attributes_of(name), writer="person")
    assert table.query_status("PENDING").last is None


def test_paging_goes_on_behind_a_last_key_whose_item_has_left_the_index(kernel: Kernel) -> None:
    table = table_of(kernel, page_bytes_max=1)
    for name in "abc":
        table.put(attributes_of(name), writer="person")
    first = table.query_status("PENDING")
    table.update(key_of("a"), {"Status": "POLLING"}, writer="person")
    assert ids(table.query_status("PENDING", first.last)) == ["b"]


def size_of_one(kernel: Kernel) -> int:
    table = table_of(kernel)
    table.put(attributes_of("a"), writer="person")
    item = table.get(key_of("a"))
    assert item is not None
    return item.size_bytes
