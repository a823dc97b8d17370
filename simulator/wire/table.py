"""The execution table in moto's DynamoDB, under the team's attribute names, with a StatusIndex that lags.

moto reports no writes, so the table is read after each. Its index never lags, so a query sees the items that the
simulated index shows.
"""

import base64
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, Final

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models import table as moto_table
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from pydantic.alias_generators import to_snake

from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.events import WriteRefused
from drsim.simulator.kernel import Kernel
from drsim.simulator.reader import Attributes
from drsim.simulator.services.dynamodb import ALWAYS, Condition, IndexLag, key_of
from drsim.simulator.services.errors import ConditionFailedError, ItemTooLargeError
from drsim.simulator.services.spec import TableSpec
from drsim.simulator.services.stored_item import ITEM_BYTES_MAX, StoredItem, change
from drsim.simulator.trace import Trace
from drsim.simulator.wire.deployment import REGION
from drsim.simulator.workload import HOME_ACCOUNT

OURS: Final = (
    *("ExecutionId", "PlanId", "Status", "StartTime", "EndTime", "ExecutionType", "LastPolledTime", "Version"),
    *("TotalWaves", "Waves"),
    *("WaveNumber", "WaveName", "Region", "AccountId", "JobId", "JobStatus", "StatusMessage", "Servers"),
    *("SourceServerId", "InstanceId"),
)
"""Every attribute of the contract: of executions, waves and servers."""
_STYLES: Final[Mapping[str, Callable[[str], str]]] = {
    "PascalCase": str,
    "camelCase": lambda name: name[0].lower() + name[1:],
    "snake_case": to_snake,
}


class Names:
    """Translates attribute names, however deep, between ours and a team's; unknown names stay."""

    def __init__(self, table: TableSpec) -> None:
        style = _STYLES[table.style]
        self._theirs = {name: table.names.get(name, style(name)) for name in OURS}
        self._ours = {theirs: name for name, theirs in self._theirs.items()}

    def of(self, name: str) -> str:
        return self._theirs.get(name, name)

    def theirs(self, value: Any) -> Any:
        return _renamed(value, self._theirs)

    def ours(self, value: Any) -> Any:
        return _renamed(value, self._ours)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {names.get(name, name): _renamed(entry, names) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(entry, names) for entry in value]
    return value


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


class MotoTable:
    """`simulator.services.dynamodb.ExecutionTable`, kept by moto."""

    def __init__(
        self, kernel: Kernel, trace: Trace, lag: IndexLag, *, page_bytes_max: int, name: str, names: Names
    ) -> None:
        self._kernel = kernel
        self._trace = trace
        self._lag = lag
        self._page_bytes_max = page_bytes_max
        self.name = name
        self.names = names
        self._client = boto3.client("dynamodb", region_name=REGION)
        # Whether a request is the table's own: another writer, added by a fault, acts while a function waits.
        self.apart = False
        self._table = dynamodb_backends[HOME_ACCOUNT][REGION].tables[name]
        self._items: dict[ExecutionKey, StoredItem] = {}
        # The same items in moto's form.
        self._seen: dict[ExecutionKey, Any] = {}
        # Versions in moto's form, each with the instant of its write, for reads that are behind.
        self._versions: defaultdict[ExecutionKey, list[tuple[int, Any]]] = defaultdict(list)
        # The items that the index shows, in moto's own form, and the size of the largest one ever, by moto's count.
        self._indexed: defaultdict[Any, dict[Any, Any]] = defaultdict(dict)
        self._largest_bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: ExecutionKey) -> StoredItem | None:
        return self._items.get(key)

    def put(self, attributes: Attributes, *, writer: str, request_id: str = "") -> None:
        with self._own_write(key_of(attributes), writer, request_id):
            self._client.put_item(TableName=self.name, Item=self.wire_form(attributes))

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
                ExpressionAttributeNames={f"#{number}": self.names.of(name) for number, name in enumerate(new)},
                ExpressionAttributeValues={
                    f":{number}": _serialize(self.names.theirs(value)) for number, value in enumerate(new.values())
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
        ours = self._ours(wire_item)
        return ExecutionKey(str(ours.get("ExecutionId", "")), str(ours.get("PlanId", "")))

    def written(self, keys: Sequence[ExecutionKey], writer: str, request_id: str, *, is_update: bool = False) -> None:
        """Read the items after a write that moto accepted, record the changes, and let the index show them later.

        Raises ItemTooLargeError if any item is now larger than DynamoDB allows; then none has changed.
        """
        read = [(key, *self._read(key)) for key in keys]
        if any(after is not None and after.size_bytes > ITEM_BYTES_MAX for _, _, after in read):
            for key in keys:
                self._restore(key)
            raise ItemTooLargeError(is_update=is_update)
        for key, wire_item, after in read:
            self._record(key, wire_item, after, writer, request_id)

    def _read(self, key: ExecutionKey) -> tuple[Any, StoredItem | None]:
        """An item as moto holds it now, in both forms."""
        hash_key, range_key = self._moto_key(key)
        # No get_item: it would leave an empty entry for a missing key.
        held = self._table.items[hash_key].get(range_key) if hash_key in self._table.items else None
        wire_item = None if held is None else held.to_json()["Attributes"]
        return wire_item, None if wire_item is None else StoredItem(self._ours(wire_item), self._items.get(key))

    def _restore(self, key: ExecutionKey) -> None:
        """Put the item back as it was before a write, or remove it if it was not there."""
        (hash_key, range_key), wire_item = self._moto_key(key), self._seen.get(key)
        if wire_item is None:
            self._table.items[hash_key].pop(range_key, None)
        else:
            self._table.items[hash_key][range_key] = Item(hash_key, range_key, wire_item)

    def _record(
        self, key: ExecutionKey, wire_item: Any, after: StoredItem | None, writer: str, request_id: str
    ) -> None:
        now_us, before = self._kernel.now_us, self._items.get(key)
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
        self._trace.emit(change(now_us, request_id, writer, key.execution_id, before, after))

    def look_again(self, writer: str, request_id: str = "") -> None:
        """Find every item that has changed, after a write of any of them. Raises ItemTooLargeError."""
        held = {
            ExecutionKey(str(hash_key.value), str(range_key.value)): item
            for hash_key, items in self._table.items.items()
            for range_key, item in items.items()
        }
        keys = [*held, *(key for key in self._items if key not in held)]
        changed = [
            key
            for key in keys
            if key not in self._items or key not in held or held[key].to_json()["Attributes"] != self._seen[key]
        ]
        self.written(changed, writer, request_id)

    @contextmanager
    def as_it_was(self, key: ExecutionKey, at_us: int) -> Iterator[None]:
        """Let moto see one item only, as it was at an instant of the last minutes."""
        hash_key, range_key = self._moto_key(key)
        versions = [wire_item for written_us, wire_item in self._versions[key] if written_us <= at_us]
        items, shown = self._table.items, defaultdict[Any, dict[Any, Any]](dict)
        if versions and versions[-1] is not None:
            shown[hash_key][range_key] = Item(hash_key, range_key, versions[-1])
        self._table.items = shown
        try:
            yield
        finally:
            self._table.items = items

    @contextmanager
    def as_indexed(self) -> Iterator[None]:
        """Let moto see the items as the index shows them, in pages of the scenario's size."""
        for key, wire_item in self._lag.due():
            hash_key, range_key = self._moto_key(key)
            if wire_item is None:
                self._indexed[hash_key].pop(range_key, None)
            else:
                # A new one, since moto changes its items in place.
                self._indexed[hash_key][range_key] = Item(hash_key, range_key, wire_item)
                self._largest_bytes = max(self._largest_bytes, self._indexed[hash_key][range_key].size())
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

    def wire_form(self, attributes: Attributes) -> dict[str, Any]:
        return {name: _serialize(value) for name, value in self.names.theirs(attributes).items()}

    def _wire_key(self, key: ExecutionKey) -> dict[str, Any]:
        return self.wire_form({"ExecutionId": key.execution_id, "PlanId": key.plan_id})

    def _moto_key(self, key: ExecutionKey) -> tuple[Any, Any]:
        return DynamoType({"S": key.execution_id}), DynamoType({"S": key.plan_id})

    def _ours(self, wire_item: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self.names.ours({name: _deserialize(value) for name, value in wire_item.items()}))
