"""DynamoDB: one table with strong reads and conditional writes, and its eventually consistent StatusIndex.

Source: DynamoDB API reference and developer guide, 2026-11.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final, NamedTuple, Protocol

from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.contract.layout import Attributes, Layout
from drsim.simulator.events import WriteRefused
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Spread, Stream
from drsim.simulator.reader import Reader
from drsim.simulator.services.errors import ConditionFailedError, ItemTooLargeError
from drsim.simulator.services.stored_item import ITEM_BYTES_MAX, StoredItem, change
from drsim.simulator.trace import Trace


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition of a write on the present item. A missing attribute equals its `default`, or None."""

    equals: Attributes
    default: Attributes = field(default_factory=dict)

    def holds(self, item: StoredItem | None) -> bool:
        attributes: Attributes = {} if item is None else item.attributes
        return all(attributes.get(name, self.default.get(name)) == value for name, value in self.equals.items())


ALWAYS: Final = Condition({})


class Table(Protocol):
    """The execution table as its writers see it."""

    def get(self, key: ExecutionKey) -> StoredItem | None:
        """Strongly consistent read."""

    def put(self, attributes: Attributes, *, writer: str, request_id: str = "") -> None:
        """PutItem. Raises ItemTooLargeError."""

    def update(
        self, key: ExecutionKey, new: Attributes, *, writer: str, request_id: str = "", condition: Condition = ALWAYS
    ) -> None:
        """UpdateItem with SET of new attributes; all others stay. Raises ConditionFailedError, ItemTooLargeError."""

    def delete(self, key: ExecutionKey, *, writer: str, request_id: str = "") -> None:
        """DeleteItem; deleting a missing item is no error."""


class IndexKey(NamedTuple):
    """An item's position in the index of its status: by StartTime, then by key."""

    start_time: int | Decimal | str
    key: ExecutionKey


class QueryPage(NamedTuple):
    """One page of a Query; `last` is LastEvaluatedKey, None on the last page."""

    items: tuple[StoredItem, ...]
    size_bytes: int
    last: IndexKey | None


class IndexLag:
    """The writes that an index does not show yet. `held_back` returns the extra lag of an item's nth write."""

    def __init__(
        self, kernel: Kernel, lag: Spread, held_back: Callable[[ExecutionKey, int], int] | None = None
    ) -> None:
        self._kernel = kernel
        self._lag = lag
        self._held_back = held_back
        self._coming: list[tuple[int, int, int, ExecutionKey, Any]] = []
        self._serial = count()
        self._written: dict[ExecutionKey, int] = {}
        self._shown: dict[ExecutionKey, int] = {}

    def expect(self, key: ExecutionKey, item: Any) -> None:
        """Expect the index to show a write, or a deletion if `item` is None."""
        number = self._written[key] = self._written.get(key, 0) + 1
        stream = Stream(self._kernel.seed, f"dynamodb/index/{key.execution_id}/{number}")
        held_us = 0 if self._held_back is None else self._held_back(key, number)
        due_us = self._kernel.now_us + held_us + self._lag.draw(stream)
        heappush(self._coming, (due_us, next(self._serial), number, key, item))

    def due(self) -> Iterator[tuple[ExecutionKey, Any]]:
        """Yield the writes that are due, without those overtaken by a later write of the same item."""
        coming, now_us = self._coming, self._kernel.now_us
        while coming and coming[0][0] <= now_us:
            _, _, number, key, item = heappop(coming)
            if number >= self._shown.get(key, 0):
                self._shown[key] = number
                yield key, item


class ExecutionTable:
    """The execution table, and its index of status and start, projection ALL."""

    def __init__(self, kernel: Kernel, trace: Trace, lag: IndexLag, reader: Reader, *, page_bytes_max: int) -> None:
        self._kernel = kernel
        self._trace = trace
        self._items: dict[ExecutionKey, StoredItem] = {}
        self._reader = reader
        self._index = _ShownItems(reader.layout)
        self._lag = lag
        self._page_bytes_max = page_bytes_max

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: ExecutionKey) -> StoredItem | None:
        return self._items.get(key)

    def put(self, attributes: Attributes, *, writer: str, request_id: str = "") -> None:
        self._write(self._reader.layout.key_of(attributes), dict(attributes), writer, request_id)

    def update(
        self, key: ExecutionKey, new: Attributes, *, writer: str, request_id: str = "", condition: Condition = ALWAYS
    ) -> None:
        before = self._items.get(key)
        if not condition.holds(before):
            self._trace.emit(WriteRefused(self._kernel.now_us, request_id, writer, key.execution_id))
            raise ConditionFailedError
        old = self._reader.layout.keys(key) if before is None else before.attributes
        self._write(key, {**old, **new}, writer, request_id, is_update=True)

    def delete(self, key: ExecutionKey, *, writer: str, request_id: str = "") -> None:
        if key in self._items:
            self._write(key, None, writer, request_id)

    def query_status(self, status: str, after: IndexKey | None = None) -> QueryPage:
        """Return the page of the index for `status` that follows `after`, in order of StartTime."""
        for key, item in self._lag.due():
            self._index.show(key, item)
        return self._index.page(status, after, self._page_bytes_max)

    def shown(self, status: str | None = None) -> Iterator[tuple[int | Decimal | str, ExecutionKey, StoredItem]]:
        """Yield what the index shows now, in its order: start, key and item; without a status everything."""
        for key, item in self._lag.due():
            self._index.show(key, item)
        return self._index.all(status)

    def _write(
        self,
        key: ExecutionKey,
        attributes: dict[str, object] | None,
        writer: str,
        request_id: str,
        is_update: bool = False,
        place: str = "",
    ) -> None:
        before = self._items.get(key)
        after = (
            None if attributes is None else StoredItem(attributes, self._reader, before, by_function=request_id != "")
        )
        if after is not None and after.size_bytes > ITEM_BYTES_MAX:
            raise ItemTooLargeError(is_update=is_update)
        if after is None:
            del self._items[key]
        else:
            self._items[key] = after
        self._lag.expect(key, after)
        self._trace.emit(change(self._kernel.now_us, request_id, writer, key.execution_id, before, after, place))


class _ShownItems:
    def __init__(self, layout: Layout) -> None:
        self._hash, self._range = layout.execution.path("status"), layout.contract.table.index_range
        self._kinds = (str,) if layout.index_range_is_text else (int, Decimal)
        self._items: dict[ExecutionKey, StoredItem | None] = {}
        self._order: dict[str, list[IndexKey]] = {}

    def show(self, key: ExecutionKey, item: StoredItem | None) -> None:
        before, after = self._entry(key, self._items.get(key)), self._entry(key, item)
        self._items[key] = item
        if before == after:
            return
        if before is not None:
            order = self._order[before[0]]
            del order[bisect_left(order, before[1])]
        if after is not None:
            insort(self._order.setdefault(after[0], []), after[1])

    def page(self, status: str, after: IndexKey | None, bytes_max: int) -> QueryPage:
        order: Sequence[IndexKey] = self._order.get(status, ())
        items: list[StoredItem] = []
        size_bytes = 0
        for entry in order[0 if after is None else bisect_right(order, after) :]:
            item = self._items[entry.key]
            assert item is not None, "only items that exist are in the order"
            items.append(item)
            size_bytes += item.size_bytes
            # A Query stops after the item with which it reaches 1 MB, and gives LastEvaluatedKey even if none follows.
            if size_bytes >= bytes_max:
                return QueryPage(tuple(items), size_bytes, entry)
        return QueryPage(tuple(items), size_bytes, None)

    def all(self, status: str | None) -> Iterator[tuple[int | Decimal | str, ExecutionKey, StoredItem]]:
        for order in self._order.values() if status is None else [self._order.get(status, [])]:
            for start, key in order:
                item = self._items[key]
                assert item is not None, "only items that exist are in the order"
                yield start, key, item

    def _entry(self, key: ExecutionKey, item: StoredItem | None) -> tuple[str, IndexKey] | None:
        """Return an item's status and position in the index, or None without a key attribute: the index is sparse."""
        if item is None:
            return None
        status = item.attributes.get(self._hash)
        start = 0 if self._range is None else item.attributes.get(self._range)
        if not isinstance(status, str) or (self._range is not None and not isinstance(start, self._kinds)):
            return None
        return status, IndexKey(start, key)  # type: ignore[arg-type]  # one of these kinds
