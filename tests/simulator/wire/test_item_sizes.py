"""The limit of 400 KB an item, in the fast tier's table and in moto's alike."""

from collections.abc import Iterator
from typing import Any

import pytest

from drsim.simulator.randomness import Spread
from drsim.simulator.services.dynamodb import Table
from drsim.simulator.services.errors import ItemTooLargeError
from drsim.simulator.services.stored_item import ITEM_BYTES_MAX, item_size_bytes
from drsim.simulator.wire.table import wire_form
from tests.simulator.tables import attributes_of, key_of
from tests.simulator.wire.tables import NAME, Twins

pytestmark = pytest.mark.usefixtures("moto")

BARE_BYTES = item_size_bytes(attributes_of("a", Note=""))
LARGEST = attributes_of("a", Note="x" * (ITEM_BYTES_MAX - BARE_BYTES))
TOO_LARGE = attributes_of("a", Note="x" * (ITEM_BYTES_MAX - BARE_BYTES + 1))


@pytest.fixture
def twins() -> Iterator[Twins]:
    twins = Twins(seed=1, lag=Spread(0, 0), page_bytes_max=1_048_576)
    yield twins
    twins.close()


def tables(twins: Twins) -> tuple[Table, Table]:
    return twins.fast, twins.wire


def test_item_of_400_kb_is_put_in_both_tiers_and_a_byte_more_refused(twins: Twins) -> None:
    for table in tables(twins):
        with pytest.raises(ItemTooLargeError, match="ValidationException: Item size has exceeded the"):
            table.put(TOO_LARGE, writer="test")
        assert table.get(key_of("a")) is None
        table.put(LARGEST, writer="test")
    assert twins.strong_read(key_of("a")) == LARGEST


def test_update_beyond_400_kb_is_refused_and_leaves_the_item(twins: Twins) -> None:
    for table in tables(twins):
        table.put(attributes_of("a", Version=1), writer="test")
        with pytest.raises(ItemTooLargeError, match="Item size to update has exceeded the maximum allowed size"):
            table.update(key_of("a"), {"Note": TOO_LARGE["Note"]}, writer="test")
    assert twins.strong_read(key_of("a")) == attributes_of("a", Version=1)
    assert [len(changes) for changes in twins.changes] == [1, 1]


def test_attribute_of_300_kb_is_replaced_by_another_in_both_tiers(twins: Twins) -> None:
    for table in tables(twins):
        table.put(attributes_of("a", Note="x" * 300_000), writer="test")
        table.update(key_of("a"), {"Note": "y" * 300_000}, writer="test")
    assert twins.strong_read(key_of("a")) == attributes_of("a", Note="y" * 300_000)


def test_batch_with_one_item_too_large_writes_none_of_its_items(twins: Twins) -> None:
    wire = twins.wire
    wire.put(attributes_of("b", Version=1), writer="test")
    items = [TOO_LARGE, attributes_of("b", Version=2)]
    wire.apart = True
    requests: Any = [{"PutRequest": {"Item": wire_form(item)}} for item in items]
    twins.client.batch_write_item(RequestItems={NAME: requests})
    with pytest.raises(ItemTooLargeError):
        wire.written([key_of("a"), key_of("b")], "test", "")
    assert [twins.strong_read(key_of(name)) for name in ("a", "b")] == [None, attributes_of("b", Version=1)]


def test_client_of_drsim_serve_is_refused_likewise_by_any_operation(twins: Twins) -> None:
    wire = twins.wire
    wire.apart = True
    twins.client.put_item(TableName=NAME, Item=wire_form(TOO_LARGE))
    with pytest.raises(ItemTooLargeError):
        wire.look_again(writer="client")
    assert twins.strong_read(key_of("a")) is None
