"""The execution table in moto's DynamoDB, in the form of the team's contract, with an index that lags.

moto reports no writes, so the table is read after each. Its index never lags, so a query sees the items that the
simulated index shows.
"""

import base64
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models import table as moto_table
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.contract.layout import HOME_ACCOUNT, HOME_REGION, Attributes, Layout
from drsim.simulator.events import WriteRefused
from drsim.simulator.kernel import Kernel
from drsim.simulator.reader import Reader
from drsim.simulator.services.dynamodb import ALWAYS, Condition, IndexLag
from drsim.simulator.services.errors import ConditionFailedError
from drsim.simulator.services.stored_item import StoredItem, change
from drsim.simulator.trace import Trace


class _Deserializer(TypeDeserializer):
    """boto3's, but whole numbers are ints, as `orchestrator.items` writes them, and moto's base64 is decoded."""

    def _deserialize_n(self, value: str) -> Decimal | int:
        number: Decimal = super()._deserialize_n(value)  # type: ignore[misc]
        return int(number) if number == number.to_integral_value() else number

    def _deserialize_b(self, value: Any) -> bytes:
        return base64.b64decode(value) if isinstance(value, str) else bytes(value)


_serialize = TypeSerializer().serialize
_deserialize = _Deserializer().deserialize


def create(client: Any, layout: Layout) -> None:
    """Create the contract's table and its index, as an AWS account has them."""
    table, status = layout.contract.table, layout.execution.path("status")
    kinds: dict[str, str] = {name: "S" for name in (layout.hash_name, layout.range_name, status) if name is not None}
    index = [{"AttributeName": status, "KeyType": "HASH"}]
    if table.index_range is not None:
        is_text = layout.formats["start"] == "iso" or table.index_range != layout.execution.path("start")
        kinds.setdefault(table.index_range, "S" if is_text else "N")
        index.append({"AttributeName": table.index_range, "KeyType": "RANGE"})
    key = [{"AttributeName": layout.hash_name, "KeyType": "HASH"}]
    if layout.range_name is not None:
        key.append({"AttributeName": layout.range_name, "KeyType": "RANGE"})
    client.create_table(
        TableName=table.name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()],
        KeySchema=key,
        GlobalSecondaryIndexes=[
            {"IndexName": table.index, "KeySchema": index, "Projection": {"ProjectionType": "ALL"}}
        ],
    )


class MotoTable:
    """`simulator.services.dynamodb.ExecutionTable`, kept by moto."""

    def __init__(self, kernel: Kernel, trace: Trace, lag: IndexLag, reader: Reader, *, page_bytes_max: int) -> None:
        self.layout = layout = reader.layout
        self.name: Final = layout.contract.table.name
        self._kernel = kernel
        self._trace = trace
        self._lag = lag
        self._reader = reader
        self._page_bytes_max = page_bytes_max
        self._client: Any = boto3.client("dynamodb", region_name=HOME_REGION)
        self._table: Any = dynamodb_backends[HOME_ACCOUNT][HOME_REGION].tables[self.name]
        self.apart = False
        """While a writer other than a function makes a call, which takes no time and leaves no trace."""
        # Each item as read after its last write, and in moto's form then.
        self._items: dict[ExecutionKey, StoredItem] = {}
        self._seen: dict[ExecutionKey, Any] = {}
        # The items that the index shows, in moto's own form, and the size of the largest one ever, by moto's count.
        self._indexed: Any = defaultdict(dict)
        self._largest_bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: ExecutionKey) -> StoredItem | None:
        return self._items.get(key)

    def put(self, attributes: Attributes, *, writer: str, request_id: str = "") -> None:
        with self._own_write(self.layout.key_of(attributes), writer, request_id):
            self._client.put_item(TableName=self.name, Item=wire_form(attributes))

    def update(
        self, key: ExecutionKey, new: Attributes, *, writer: str, request_id: str = "", condition: Condition = ALWAYS
    ) -> None:
        if not condition.holds(self.get(key)):
            self._trace.emit(WriteRefused(self._kernel.now_us, request_id, writer, key.execution_id))
            raise ConditionFailedError
        with self._own_write(key, writer, request_id):
            self._client.update_item(
                TableName=self.name,
                Key=self._wire_key(key),
                UpdateExpression="SET " + ", ".join(f"#{number} = :{number}" for number in range(len(new))),
                ExpressionAttributeNames={f"#{number}": name for number, name in enumerate(new)},
                ExpressionAttributeValues={
                    f":{number}": _serialize(value) for number, value in enumerate(new.values())
                },
            )

    def delete(self, key: ExecutionKey, *, writer: str, request_id: str = "") -> None:
        if key in self._items:
            with self._own_write(key, writer, request_id):
                self._client.delete_item(TableName=self.name, Key=self._wire_key(key))

    @property
    def keys(self) -> tuple[ExecutionKey, ...]:
        return tuple(self._items)

    def key_of(self, wire_item: Mapping[str, Any]) -> ExecutionKey:
        """The key in an item or `Key` of a request."""
        names = (self.layout.hash_name, self.layout.range_name)
        return self.layout.key_of(
            {name: _deserialize(wire_item[name]) for name in names if name is not None and name in wire_item}
        )

    def written(self, key: ExecutionKey, writer: str, request_id: str, place: str = "") -> None:
        """Read an item after a write that moto accepted, record the change, and let the index show it later."""
        now_us, before = self._kernel.now_us, self._items.get(key)
        held = self._held(key)
        wire_item = None if held is None else held.to_json()["Attributes"]
        after = (
            None
            if wire_item is None
            else StoredItem(_plain(wire_item), self._reader, before, by_function=request_id != "")
        )
        if before is None and after is None:
            return
        if after is None:
            self._items.pop(key, None)
        else:
            self._items[key] = after
        self._seen[key] = wire_item
        self._lag.expect(key, wire_item)
        self._trace.emit(change(now_us, request_id, writer, key.execution_id, before, after, place))

    def look_again(self, writer: str, request_id: str = "", place: str = "") -> None:
        """Find every item that has changed, after a write that may have been to any of them."""
        held = self._all_held()
        for key in [*held, *(key for key in self._items if key not in held)]:
            if key not in self._items or key not in held or held[key].to_json()["Attributes"] != self._seen[key]:
                self.written(key, writer, request_id, place)

    @contextmanager
    def as_indexed(self) -> Iterator[None]:
        """Let moto see the items as the index shows them, in pages of the scenario's size."""
        for key, wire_item in self._lag.due():
            hash_key, range_key = self._moto_key(key)
            if wire_item is None:
                self._drop(hash_key, range_key)
                continue
            # A new one, since moto changes its items in place.
            shown = Item(hash_key, range_key, wire_item)
            self._largest_bytes = max(self._largest_bytes, shown.size())
            if range_key is None:
                self._indexed[hash_key] = shown
            else:
                self._indexed[hash_key][range_key] = shown
        items, size_max = self._table.items, moto_table.RESULT_SIZE_LIMIT
        # DynamoDB gives one item at least; moto 5.2.5 breaks if the first of a page is larger than the page.
        limit_bytes = max(self._page_bytes_max, self._largest_bytes)
        self._table.items, moto_table.RESULT_SIZE_LIMIT = self._indexed, limit_bytes
        try:
            yield
        finally:
            self._table.items, moto_table.RESULT_SIZE_LIMIT = items, size_max

    @contextmanager
    def _own_write(self, key: ExecutionKey, writer: str, request_id: str) -> Iterator[None]:
        self.apart = True
        try:
            yield
        finally:
            self.apart = False
        self.written(key, writer, request_id)

    def _held(self, key: ExecutionKey) -> Any:
        """The item in moto's form, or None. No get_item: it would leave an empty entry for a missing key."""
        hash_key, range_key = self._moto_key(key)
        if hash_key not in self._table.items:
            return None
        found = self._table.items[hash_key]
        return found if range_key is None else found.get(range_key)

    def _all_held(self) -> dict[ExecutionKey, Any]:
        # Without a range key moto has the item itself under the hash key.
        if self.layout.range_name is None:
            return {ExecutionKey(str(each.value), ""): item for each, item in self._table.items.items()}
        return {
            ExecutionKey(str(hash_key.value), str(range_key.value)): item
            for hash_key, items in self._table.items.items()
            for range_key, item in items.items()
        }

    def _drop(self, hash_key: Any, range_key: Any) -> None:
        if range_key is None:
            self._indexed.pop(hash_key, None)
        else:
            self._indexed[hash_key].pop(range_key, None)

    def _wire_key(self, key: ExecutionKey) -> dict[str, Any]:
        return wire_form(self.layout.keys(key))

    def _moto_key(self, key: ExecutionKey) -> tuple[Any, Any]:
        range_key = None if self.layout.range_name is None else DynamoType({"S": key.plan_id})
        return DynamoType({"S": key.execution_id}), range_key


def wire_form(attributes: Attributes) -> dict[str, Any]:
    """An item as DynamoDB's API has it."""
    return {name: _serialize(value) for name, value in attributes.items()}


def _plain(wire_item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _deserialize(value) for name, value in wire_item.items()}
