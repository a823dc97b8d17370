"""The execution table at the client's boundary: the fast tier's, whose writes are recorded, with past versions."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.client.dynamodb.schema import ItemTable, Key, Placed, Schema, Schemas, Writer
from drsim.simulator.client.dynamodb.values import Item
from drsim.simulator.contract.layout import Layout
from drsim.simulator.kernel import Kernel
from drsim.simulator.reader import Reader
from drsim.simulator.services.dynamodb import ExecutionTable, IndexLag
from drsim.simulator.services.stored_item import StoredItem
from drsim.simulator.trace import Trace

_READABLE_US: Final = 600_000_000
"""How far back reads may be behind: longer than any rule's delay by default."""


class ClientTable(ExecutionTable, ItemTable):
    """The execution table of the contract."""

    def __init__(self, kernel: Kernel, trace: Trace, lag: IndexLag, reader: Reader, *, page_bytes_max: int) -> None:
        super().__init__(kernel, trace, lag, reader, page_bytes_max=page_bytes_max)
        self.layout = reader.layout
        self.name = reader.layout.contract.table.name
        self.schemas = schemas_of(reader.layout)
        self.page_bytes_max = page_bytes_max
        self._serials: dict[ExecutionKey, int] = {}
        self._keys_of: defaultdict[str, dict[ExecutionKey, None]] = defaultdict(dict)
        # Versions with the instants of their writes, for reads that are behind.
        self._versions: defaultdict[ExecutionKey, list[tuple[int, StoredItem | None]]] = defaultdict(list)

    def key_of(self, wire_item: Mapping[str, Any]) -> ExecutionKey:
        """Return the key in an item or `Key` of a request, whatever else it is."""
        texts = {name: wire_item[name]["S"] for name in self.schemas.key.names if "S" in wire_item.get(name, ())}
        return self.layout.key_of(texts)

    def find(self, key: Key, as_at_us: int | None = None) -> Item | None:
        named = _execution_key(key)
        found = self.get(named)
        if as_at_us is not None:
            earlier = [item for written_us, item in self._versions[named] if written_us <= as_at_us]
            found = earlier[-1] if earlier else None
        return None if found is None else found.attributes

    def replace(self, key: Key, item: dict[str, Any] | None, by: Writer, *, is_update: bool = False) -> None:
        named = _execution_key(key)
        if item is None and self.get(named) is None:
            return
        self._write(named, item, by.function, by.request_id, is_update, by.place)

    def entries(self, index: str | None, hash_value: Any = None) -> Sequence[Placed]:
        if index is not None:
            shown = [
                Placed((start, *_key_of(key, self.layout)), item.attributes, item.size_bytes)
                if hash_value is not None
                else Placed((self._serials[key],), item.attributes, item.size_bytes)
                for start, key, item in self.shown(hash_value)
            ]
            return shown if hash_value is not None else sorted(shown, key=lambda entry: entry.order)
        if hash_value is not None:
            held = [(key, self._items[key]) for key in sorted(self._keys_of[hash_value])]
            orders = [(key.plan_id if self.layout.range_name is not None else 0,) for key, _ in held]
        else:
            held = sorted(self._items.items(), key=lambda each: self._serials[each[0]])
            orders = [(self._serials[key],) for key, _ in held]
        return [Placed(order, item.attributes, item.size_bytes) for order, (_, item) in zip(orders, held, strict=True)]

    def serial(self, key: Key) -> int:
        return self._serials.get(_execution_key(key), -1)

    def _write(
        self,
        key: ExecutionKey,
        attributes: dict[str, object] | None,
        writer: str,
        request_id: str,
        is_update: bool = False,
        place: str = "",
    ) -> None:
        super()._write(key, attributes, writer, request_id, is_update, place)
        self._serials.setdefault(key, len(self._serials))
        if attributes is None:
            self._keys_of[key.execution_id].pop(key, None)
        else:
            self._keys_of[key.execution_id][key] = None
        now_us, versions = self._kernel.now_us, self._versions[key]
        versions.append((now_us, self.get(key)))
        if len(versions) > 1 and versions[1][0] < now_us - _READABLE_US:
            del versions[: bisect_left(versions, now_us - _READABLE_US, lo=1, key=lambda version: version[0]) - 1]


def _execution_key(key: Key) -> ExecutionKey:
    return ExecutionKey(key[0], key[1] if len(key) > 1 else "")


def _key_of(key: ExecutionKey, layout: Layout) -> Key:
    return (key.execution_id,) if layout.range_name is None else tuple(key)


def schemas_of(layout: Layout) -> Schemas:
    """Return the keys of the contract's table and of its index, as an AWS account has them."""
    table, status = layout.contract.table, layout.execution.path("status")
    key = Schema(layout.hash_name, layout.range_name)
    kinds = dict.fromkeys((*key.names, status), "S")
    if table.index_range is not None:
        kinds.setdefault(table.index_range, "S" if layout.index_range_is_text else "N")
    return Schemas(key, kinds, {table.index: Schema(status, table.index_range)})
