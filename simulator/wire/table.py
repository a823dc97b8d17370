"""The execution table in moto's DynamoDB, in the form of the team's contract, with an index that lags.

moto reports no writes, so the table is read after each. Its index never lags, so a query sees the items that the
simulated index shows.
"""

import base64
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models import table as moto_table
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict

from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.contract.layout import HOME_ACCOUNT, HOME_REGION, Attributes, Layout
from drsim.simulator.events import WriteRefused
from drsim.simulator.kernel import Kernel
from drsim.simulator.reader import Reader
from drsim.simulator.services.dynamodb import ALWAYS, Condition, IndexLag
from drsim.simulator.services.errors import ConditionFailedError, ItemTooLargeError
from drsim.simulator.services.stored_item import ITEM_BYTES_MAX, StoredItem, change
from drsim.simulator.trace import Trace

_READABLE_US: Final = 600_000_000
"""How far back reads may be behind: longer than any rule's delay by default."""


class _Deserializer(TypeDeserializer):
    """boto3's, but whole numbers are ints, as `orchestrator.items` writes them, and moto's base64 is decoded."""

    def _deserialize_n(self, value: str) -> Decimal | int:
        number: Decimal = super()._deserialize_n(value)  # type: ignore[misc]
        return int(number) if number == number.to_integral_value() else number

    def _deserialize_b(self, value: Any) -> bytes:
        return base64.b64decode(value) if isinstance(value, str) else bytes(value)


_serialize = TypeSerializer().serialize
_deserialize = _Deserializer().deserialize


@contextmanager
def sizes_unchecked_by_moto() -> Iterator[None]:
    """Let moto 5.2.5 take items of any size: it counts an attribute's old and new value. `MotoTable` checks sizes."""
    before = LimitedSizeDict.__setitem__
    LimitedSizeDict.__setitem__ = dict.__setitem__  # type: ignore[method-assign]
    try:
        yield
    finally:
        LimitedSizeDict.__setitem__ = before  # type: ignore[method-assign]


def create(client: Any, layout: Layout) -> None:
    """Create the contract's table and its index, as an AWS account has them."""
    table, status = layout.contract.table, layout.execution.path("status")
    kinds: dict[str, str] = {name: "S" for name in (layout.hash_name, layout.range_name, status) if name is not None}
    index = [{"AttributeName": status, "KeyType": "HASH"}]
    if table.index_range is not None:
        kinds.setdefault(table.index_range, "S" if layout.index_range_is_text else "N")
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
        # Versions in moto's form, each with the instant of its write, for reads that are behind.
        self._versions: defaultdict[ExecutionKey, list[tuple[int, Any]]] = defaultdict(list)
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
        with self._own_write(key, writer, request_id, is_update=True):
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

    def written(
        self,
        keys: Sequence[ExecutionKey],
        writer: str,
        request_id: str,
        place: str = "",
        *,
        is_update: bool = False,
    ) -> None:
        """Read the items after a write that moto accepted, record the changes, and let the index show them later.

        Raises ItemTooLargeError if any item is now larger than DynamoDB allows; then none has changed.
        """
        read = [(key, *self._read(key, by_function=request_id != "")) for key in keys]
        if any(after is not None and after.size_bytes > ITEM_BYTES_MAX for _, _, after in read):
            for key in keys:
                self._put_into(self._table.items, key, self._seen.get(key))
            raise ItemTooLargeError(is_update=is_update)
        for key, wire_item, after in read:
            self._record(key, wire_item, after, (writer, request_id, place))

    def _read(self, key: ExecutionKey, *, by_function: bool) -> tuple[Any, StoredItem | None]:
        """An item as moto holds it now, in both forms."""
        held = self._held(key)
        if held is None:
            return None, None
        wire_item = held.to_json()["Attributes"]
        return wire_item, StoredItem(_plain(wire_item), self._reader, self._items.get(key), by_function=by_function)

    def _record(self, key: ExecutionKey, wire_item: Any, after: StoredItem | None, by: tuple[str, str, str]) -> None:
        now_us, before = self._kernel.now_us, self._items.get(key)
        writer, request_id, place = by
        if before is None and after is None:
            return
        if after is None:
            self._items.pop(key, None)
        else:
            self._items[key] = after
        self._seen[key] = wire_item
        versions = self._versions[key]
        versions.append((now_us, wire_item))
        while len(versions) > 1 and versions[1][0] < now_us - _READABLE_US:
            del versions[0]
        self._lag.expect(key, wire_item)
        self._trace.emit(change(now_us, request_id, writer, key.execution_id, before, after, place))

    def look_again(self, writer: str, request_id: str = "", place: str = "") -> None:
        """Find every item that has changed, after a write of any of them. Raises ItemTooLargeError."""
        held = self._all_held()
        changed = [
            key
            for key in [*held, *(key for key in self._items if key not in held)]
            if key not in self._items or key not in held or held[key].to_json()["Attributes"] != self._seen[key]
        ]
        self.written(changed, writer, request_id, place)

    @contextmanager
    def as_it_was(self, key: ExecutionKey, at_us: int) -> Iterator[None]:
        """Let moto see one item only, as it was at an instant of the last minutes."""
        versions = [wire_item for written_us, wire_item in self._versions[key] if written_us <= at_us]
        items, shown = self._table.items, defaultdict[Any, Any](dict)
        if versions:
            self._put_into(shown, key, versions[-1])
        self._table.items = shown
        try:
            yield
        finally:
            self._table.items = items

    @contextmanager
    def as_indexed(self) -> Iterator[None]:
        """Let moto see the items as the index shows them, in pages of the scenario's size."""
        for key, wire_item in self._lag.due():
            self._largest_bytes = max(self._largest_bytes, self._put_into(self._indexed, key, wire_item))
        items, size_max = self._table.items, moto_table.RESULT_SIZE_LIMIT
        # DynamoDB gives one item at least; moto 5.2.5 breaks if the first of a page is larger than the page.
        limit_bytes = max(self._page_bytes_max, self._largest_bytes)
        self._table.items, moto_table.RESULT_SIZE_LIMIT = self._indexed, limit_bytes
        try:
            yield
        finally:
            self._table.items, moto_table.RESULT_SIZE_LIMIT = items, size_max

    @contextmanager
    def _own_write(self, key: ExecutionKey, writer: str, request_id: str, *, is_update: bool = False) -> Iterator[None]:
        self.apart = True
        try:
            yield
        finally:
            self.apart = False
        self.written([key], writer, request_id, is_update=is_update)

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

    def _put_into(self, items: Any, key: ExecutionKey, wire_item: Any) -> int:
        """Put an item into a mapping of moto's, or drop it if it is None; return its size by moto's count."""
        hash_key, range_key = self._moto_key(key)
        held, name = (items, hash_key) if range_key is None else (items[hash_key], range_key)
        if wire_item is None:
            held.pop(name, None)
            return 0
        # A new one, since moto changes its items in place.
        item = held[name] = Item(hash_key, range_key, wire_item)
        return item.size()

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
