"""Differences between DynamoDB of AWS, of moto and of the fast tier: a list, and one test that shows each.

When a new moto removes one, its test fails: take it off the list, and let test_dynamodb_conformance cover it.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import table as moto_module

from drsim.simulator.handlers.errors import NotSimulatedError
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Spread
from drsim.simulator.services.dynamodb import Condition
from drsim.simulator.services.errors import ConditionFailedError
from drsim.simulator.services.stored_item import item_size_bytes
from drsim.simulator.trace import Trace
from drsim.simulator.wire.table import MotoTable, wire_form
from tests.simulator.tables import attributes_of, key_of, table_of
from tests.simulator.wire.tables import NAME, moto_size_bytes, moto_table, new_client, plain_item, query_of

pytestmark = pytest.mark.usefixtures("moto")


class Difference(NamedTuple):
    """One thing that AWS, moto 5.2.5 and the fast tier do not all do alike, and where AWS's way is from."""

    aws: str
    moto: str
    fast: str
    source: str


_Test = TypeVar("_Test")

QUERY: Final = "botocore's model of Query, 1.44"
UNVERIFIED: Final = "from memory, unverified: no source for it was read"
DIFFERENCES: Final = {
    "where a page ends": Difference(
        aws="behind the item with which it reaches 1 MB, with LastEvaluatedKey even if none follows",
        moto="before the item with which it would pass the limit, without LastEvaluatedKey if none follows",
        fast="as AWS",
        source=QUERY + ", for the limit; where exactly a page ends is as simulator.services.dynamodb has it",
    ),
    "a first item larger than the page": Difference(
        aws="cannot be, for an item has 400 KB at most",
        moto="the Query breaks with an IndexError; so MotoTable never makes a page smaller than the largest item",
        fast="the page holds that item",
        source=UNVERIFIED,
    ),
    "how large a page is": Difference(
        aws="1 MB, that is 1,048,576 bytes",
        moto="1,000,000 bytes; MotoTable sets it to the scenario's",
        fast="the scenario's, by default as AWS",
        source=QUERY + "; that these are 2**20 bytes is unverified",
    ),
    "how large an item is": Difference(
        aws="a number has 1 byte for 2 digits and 1 more; a list or map 3, and 1 for each entry",
        moto="a number has the length of its text; lists and maps have nothing of their own",
        fast="as AWS",
        source="as simulator.services.stored_item counts, from the developer guide, item sizes and formats",
    ),
    "a bare reserved word": Difference(
        aws="`Status` is refused in every expression",
        moto="refused, but for KeyConditionExpression",
        fast="has no expressions",
        source="developer guide, reserved words, for the list; that AWS refuses it everywhere is unverified",
    ),
    "when the index knows": Difference(
        aws="normally within a second",
        moto="at once; MotoTable makes it lag",
        fast="after the scenario's lag",
        source="AWS re:Post knowledge center; botocore's model of Query",
    ),
    "an index key of the wrong type": Difference(
        aws="every write is refused with a ValidationException",
        moto="PutItem is for NULL; all else is taken, and a Query that sorts by it breaks with a TypeError",
        fast="taken, and the item is not in the index",
        source=UNVERIFIED,
    ),
    "an update that sets nothing": Difference(
        aws="makes the item if it is not there",
        moto="breaks with an AttributeError if it is not there",
        fast="as AWS",
        source=UNVERIFIED,
    ),
    "an update of the key": Difference(
        aws="refused with a ValidationException",
        moto="as AWS",
        fast="taken; no code here writes one",
        source=UNVERIFIED,
    ),
    "a whole Decimal": Difference(
        aws="a number is a number; boto3 gives a Decimal",
        moto="MotoTable gives an int, as `orchestrator.items` writes whole numbers",
        fast="gives what was written",
        source="boto3's TypeDeserializer",
    ),
    "a truth value that is compared with a number": Difference(
        aws="BOOL never equals N",
        moto="True equals 1, as in Python",
        fast="True equals 1, as in Python; no code here compares them",
        source=UNVERIFIED,
    ),
    "an absent attribute that is compared with NULL": Difference(
        aws="equals nothing",
        moto="equals it",
        fast="as AWS where the condition has another default; without one, absent and NULL are one",
        source=UNVERIFIED,
    ),
    "capacity units": Difference(
        aws="a write has 1 unit for each KB of the item, and as much for each index that it changes",
        moto="half a unit for an update of any size, and none for an index",
        fast="has none",
        source="developer guide, capacity modes and global secondary indexes",
    ),
}
SHOWN: Final[list[str]] = []


def shows(name: str) -> Callable[[_Test], _Test]:
    """Mark the test that shows this difference."""
    assert name in DIFFERENCES, f"{name!r} is no difference listed"
    SHOWN.append(name)
    return lambda test: test


def test_each_difference_is_shown_by_one_test() -> None:
    assert sorted(SHOWN) == sorted(DIFFERENCES)


def refusal_of(call: Callable[[], object]) -> str:
    """Code and text of the error with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return f"{error['Code']}: {error['Message']}"


def moto_pages(table: MotoTable, status: str = "POLLING") -> list[list[object]]:
    """The ExecutionIds of each page."""
    pages, start_key = [], None
    while True:
        with table.as_indexed():
            answer = new_client().query(**query_of(status, start_key))
        pages.append([plain_item(item)["ExecutionId"] for item in answer["Items"]])
        start_key = answer.get("LastEvaluatedKey")
        if start_key is None:
            return pages


@shows("where a page ends")
def test_moto_ends_a_page_before_the_limit_and_the_fast_tier_behind_it(kernel: Kernel) -> None:
    item = attributes_of("a", "POLLING", Note="x" * 600)
    fast = table_of(kernel, page_bytes_max=2 * item_size_bytes(item))
    wire = moto_table(kernel, new_client())
    fast_pages, after = [], None
    for execution_id in "ab":
        fast.put(attributes_of(execution_id, "POLLING", Note="x" * 600), writer="test")
    for execution_id in "abc":
        wire.put(attributes_of(execution_id, "POLLING", Note="x" * 600), writer="test")
    while True:
        page = fast.query_status("POLLING", after)
        fast_pages.append([each.attributes["ExecutionId"] for each in page.items])
        after = page.last
        if after is None:
            break
    # The first page is full to the byte, and only the next one tells that nothing follows.
    assert fast_pages == [["a", "b"], []]
    size = moto_size_bytes(item)
    for limit, pages in [
        (2 * size, [["a", "b"], ["c"]]),
        (2 * size - 1, [["a"], ["b"], ["c"]]),
        (3 * size, [["a", "b", "c"]]),
    ]:
        wire._page_bytes_max = limit
        assert moto_pages(wire) == pages


@shows("a first item larger than the page")
def test_moto_breaks_at_an_item_larger_than_a_page_and_the_table_avoids_it(kernel: Kernel) -> None:
    client = new_client()
    wire = moto_table(kernel, client, page_bytes_max=1024)
    wire.put(attributes_of("a", "POLLING", Note="x" * 3000), writer="test")
    wire.put(attributes_of("b", "POLLING", Note="x" * 3000), writer="test")
    assert moto_pages(wire) == [["a"], ["b"]]
    with wire.as_indexed(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(moto_module, "RESULT_SIZE_LIMIT", 1024)
        with pytest.raises(NotSimulatedError, match=r"Query .*IndexError"):
            client.query(**query_of("POLLING"))


@shows("how large a page is")
def test_moto_takes_a_megabyte_for_a_million_bytes() -> None:
    assert moto_module.RESULT_SIZE_LIMIT == 1_000_000


@shows("how large an item is")
def test_moto_counts_an_items_bytes_in_its_own_way(kernel: Kernel) -> None:
    moto_table(kernel, new_client())
    sizes = {
        name: (item_size_bytes({"n": value}) - 1, moto_size_bytes({"n": value}) - 1)
        for name, value in {"text": "xé", "number": 1_234_567, "list": ["x"], "map": {"k": "x"}}.items()
    }
    assert sizes == {"text": (3, 3), "number": (5, 7), "list": (5, 1), "map": (6, 2)}


@shows("a bare reserved word")
def test_moto_takes_a_bare_status_in_a_key_condition_and_nowhere_else(kernel: Kernel) -> None:
    client = new_client()
    wire = moto_table(kernel, client)
    wire.put(attributes_of("a", "POLLING"), writer="test")
    query: dict[str, Any] = query_of("POLLING") | {"KeyConditionExpression": "Status = :status"}
    del query["ExpressionAttributeNames"]
    assert client.query(**query)["Count"] == 1
    write: dict[str, Any] = {"TableName": NAME, "Key": wire_form({"ExecutionId": "a", "PlanId": "plan"})}
    write["ExpressionAttributeValues"] = {":status": {"S": "POLLING"}}
    expressions: list[dict[str, Any]] = [
        {"UpdateExpression": "SET Status = :status"},
        {"UpdateExpression": "SET Note = :status", "ConditionExpression": "Status = :status"},
    ]
    for further in expressions:
        text = refusal_of(partial(client.update_item, **write, **further))
        assert text.endswith("Attribute name is a reserved keyword; reserved keyword: Status")


@shows("when the index knows")
def test_motos_own_index_knows_of_a_write_at_once(kernel: Kernel) -> None:
    client = new_client()
    wire = moto_table(kernel, client, lag=Spread(1000, 1000))
    wire.put(attributes_of("a", "POLLING"), writer="test")
    assert client.query(**query_of("POLLING"))["Count"] == 1
    assert moto_pages(wire) == [[]]


@shows("an index key of the wrong type")
def test_moto_takes_most_index_keys_of_the_wrong_type_and_then_breaks(kernel: Kernel) -> None:
    client = new_client()
    wire, fast = moto_table(kernel, client), table_of(kernel)
    text = refusal_of(lambda: wire.put(attributes_of("a", "POLLING", None), writer="test"))
    assert "Type mismatch for Index Key StartTime Expected: S Actual: NULL" in text
    for execution_id, start_time in (("a", 1), ("b", "1")):
        wire.put(attributes_of(execution_id, "POLLING", start_time), writer="test")
        fast.put(attributes_of(execution_id, "POLLING", start_time), writer="test")
    assert [each.attributes["ExecutionId"] for each in fast.query_status("POLLING").items] == ["a"]
    with wire.as_indexed(), pytest.raises(NotSimulatedError, match=r"Query .*TypeError"):
        client.query(**query_of("POLLING"))
    wire.update(key_of("b"), {"StartTime": None}, writer="test")
    assert wire.get(key_of("b")) is not None


@shows("an update that sets nothing")
def test_moto_breaks_at_an_update_that_sets_nothing(kernel: Kernel) -> None:
    client, fast = new_client(), table_of(kernel)
    fast.update(key_of("a"), {}, writer="test")
    assert fast.get(key_of("a")) is not None
    moto_table(kernel, client)
    key = wire_form({"ExecutionId": "a", "PlanId": "plan"})
    with pytest.raises(NotSimulatedError, match=r"UpdateItem .*AttributeError"):
        client.update_item(TableName=NAME, Key=key)


@shows("an update of the key")
def test_the_fast_tier_takes_an_update_of_the_key(kernel: Kernel) -> None:
    wire, fast = moto_table(kernel, new_client()), table_of(kernel)
    fast.update(key_of("a"), {"PlanId": "other"}, writer="test")
    text = refusal_of(lambda: wire.update(key_of("a"), {"PlanId": "other"}, writer="test"))
    assert text.endswith("Cannot update attribute PlanId. This attribute is part of the key")


@shows("a whole Decimal")
def test_fast_tier_keeps_a_whole_decimal_and_wire_tier_returns_an_int(kernel: Kernel) -> None:
    wire, fast = moto_table(kernel, new_client()), table_of(kernel)
    kinds = []
    for table in (fast, wire):
        table.put(attributes_of("a", Rank=Decimal("2"), Share=Decimal("0.5")), writer="test")
        item = table.get(key_of("a"))
        assert item is not None
        kinds.append((type(item.attributes["Rank"]), type(item.attributes["Share"])))
    assert kinds == [(Decimal, Decimal), (int, Decimal)]


def write_if_version_is(client: Any, wire: MotoTable, value: dict[str, Any]) -> None:
    """UpdateItem of item a, on the condition that its Version equals a value."""
    client.update_item(
        TableName=NAME,
        Key=wire_form({"ExecutionId": "a", "PlanId": "plan"}),
        UpdateExpression="SET Note = :note",
        ConditionExpression="Version = :version",
        ExpressionAttributeValues={":note": {"S": "x"}, ":version": value},
    )


@shows("a truth value that is compared with a number")
def test_true_is_one_in_both_tables(kernel: Kernel) -> None:
    client = new_client()
    wire, fast = moto_table(kernel, client), table_of(kernel)
    for table in (wire, fast):
        table.put(attributes_of("a", Version=1), writer="test")
    write_if_version_is(client, wire, {"BOOL": True})
    fast.update(key_of("a"), {"Version": 2}, writer="test", condition=Condition({"Version": True}))


@shows("an absent attribute that is compared with NULL")
def test_to_moto_an_absent_attribute_equals_null(kernel: Kernel) -> None:
    client = new_client()
    wire, fast = moto_table(kernel, client), table_of(kernel)
    for table in (wire, fast):
        table.put(attributes_of("a"), writer="test")
    write_if_version_is(client, wire, {"NULL": True})
    condition = Condition({"Version": None}, default={"Version": 0})
    with pytest.raises(ConditionFailedError):
        fast.update(key_of("a"), {"Version": 1}, writer="test", condition=condition)


@shows("capacity units")
def test_moto_counts_half_a_unit_for_an_update_whatever_its_size(kernel: Kernel) -> None:
    client = new_client()
    wire = moto_table(kernel, client)
    wire.put(attributes_of("a", "POLLING"), writer="test")
    answer = client.update_item(
        TableName=NAME,
        Key=wire_form({"ExecutionId": "a", "PlanId": "plan"}),
        UpdateExpression="SET Note = :note",
        ExpressionAttributeValues={":note": {"S": "x" * 5000}},
        ReturnConsumedCapacity="INDEXES",
    )
    assert answer["ConsumedCapacity"] == {"TableName": NAME, "CapacityUnits": 0.5}


# --- what does not ---------------------------------------------------------------------------------------------


def test_both_put_items_of_the_same_start_in_the_order_of_their_keys(kernel: Kernel) -> None:
    # AWS promises no order among them, so nothing may depend on it; but the two tiers agree.
    wire, fast = moto_table(kernel, new_client()), table_of(kernel)
    for execution_id in "bca":
        wire.put(attributes_of(execution_id, "POLLING"), writer="test")
        fast.put(attributes_of(execution_id, "POLLING"), writer="test")
    assert moto_pages(wire) == [["a", "b", "c"]]
    assert [each.attributes["ExecutionId"] for each in fast.query_status("POLLING").items] == ["a", "b", "c"]


def test_a_strongly_consistent_query_of_the_index_is_refused(kernel: Kernel) -> None:
    wire = moto_table(kernel, new_client())
    with wire.as_indexed():
        text = refusal_of(lambda: new_client().query(**query_of("POLLING"), ConsistentRead=True))
    assert text == "ValidationException: Consistent reads are not supported on global secondary indexes"


def test_neither_takes_a_float(kernel: Kernel) -> None:
    for table in (moto_table(kernel, new_client()), table_of(kernel)):
        with pytest.raises(TypeError):
            table.put(attributes_of("a", Rank=0.5), writer="test")
        assert table.get(key_of("a")) is None


def test_refused_write_is_recorded_in_both_traces(kernel: Kernel) -> None:
    traces = (Trace(), Trace())
    tables = (moto_table(kernel, new_client(), trace=traces[0]), table_of(kernel, trace=traces[1]))
    for table in tables:
        with pytest.raises(ConditionFailedError):
            table.update(key_of("a"), {"Rank": 1}, writer="worker", request_id="r", condition=Condition({"Rank": 2}))
    assert list(traces[0].lines()) == list(traces[1].lines()) == ['["WriteRefused",0,"r","worker","a"]']
