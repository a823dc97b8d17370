"""DynamoDB: one table with strong reads and conditional writes, and its StatusIndex, which lags.

Owns items, the index's lag and the pages of a Query. Sources: DynamoDB API reference and developer guide,
2026-11: 1 MB a page, item sizes, global secondary indexes eventually consistent.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import heappop, heappush
from typing import Any, NamedTuple, Protocol

from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.events import WriteRefused
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Spread, Stream
from drsim.simulator.reader import Attributes
from drsim.simulator.services.errors import ConditionFailedError
from drsim.simulator.services.stored_item import StoredItem, change
from drsim.simulator.trace import Trace


@dataclass(frozen=True, slots=True)
class Condition:
    """What a conditional write requires of the present item. A missing attribute equals its `default`, or None."""

    equals: Attributes
    default: Attributes = field(default_factory=dict)

    def holds(self, item: StoredItem | None) -> bool:
        """Whether the item, or its absence, meets the condition."""
        attributes: Attributes = {} if item is None else item.attributes
        return all(attributes.get(name, self.default.get(name)) == value for name, value in self.equals.items())


class Table(Protocol):
    """The execution table as its writers see it."""

    def get(self, key: ExecutionKey) -> StoredItem | None:
        """Strongly consistent read."""

    def put(self, attributes: Attributes, *, writer: str, request_id: str = "") -> None:
        """PutItem."""

    def update(
        self,
        key: ExecutionKey,
        attributes: Attributes,
        *,
        writer: str,
        request_id: str = "",
        condition: Condition | None = None,
    ) -> None:
        """UpdateItem with SET of these attributes; all others stay. Raises ConditionFailedError."""

    def delete(self, key: ExecutionKey, *, writer: str, request_id: str = "") -> None:
        """DeleteItem; deleting a missing item is no error."""


class IndexKey(NamedTuple):
    """An item's position in the index of its status: by StartTime, then by key."""

    start_time: int | Decimal
    key: ExecutionKey


class QueryPage(NamedTuple):
    """One page of a Query; `last` is LastEvaluatedKey, None on the last page."""

    items: tuple[StoredItem, ...]
    size_bytes: int
    last: IndexKey | None


class IndexLag:
    """The writes that an index has yet to show, each after a lag of its own."""

    def __init__(self, kernel: Kernel, lag: Spread, held_back: Callable[[ExecutionKey, int], int] | None) -> None:
        self._kernel = kernel
        self._lag = lag
        # The extra lag of an item's nth write, if faults add any.
        self._held_back = held_back
        self._coming: list[tuple[int, int, int, ExecutionKey, Any]] = []
        self._serial = 0
        self._written: dict[ExecutionKey, int] = {}
        self._shown: dict[ExecutionKey, int] = {}

    def expect(self, key: ExecutionKey, item: Any) -> None:
        """Expect the index to show a write, or a deletion if `item` is None."""
        number = self._written[key] = self._written.get(key, 0) + 1
        stream = Stream(self._kernel.seed, f"dynamodb/index/{key.execution_id}/{number}")
        held_us = 0 if self._held_back is None else self._held_back(key, number)
        self._serial += 1
        due_us = self._kernel.now_us + held_us + self._lag.draw(stream)
        heappush(self._coming, (due_us, self._serial, number, key, item))

    def due(self) -> Iterator[tuple[ExecutionKey, Any]]:
        """Take the writes that are due. One that arrives after a later write of the same item is void."""
        coming, now_us = self._coming, self._kernel.now_us
        while coming and coming[0][0] <= now_us:
            _, _, number, key, item = heappop(coming)
            if number >= self._shown.get(key, 0):
                self._shown[key] = number
                yield key, item


class ExecutionTable:
    """The execution table, by ExecutionId and PlanId, and its StatusIndex (Status, StartTime), projection ALL."""

    def __init__(
        self,
        kernel: Kernel,
        trace: Trace,
        *,
        index_lag: Spread,
        page_bytes_max: int,
        held_back: Callable[[ExecutionKey, int], int] | None = None,
    ) -> None:
        self._kernel = kernel
        self._trace = trace
        self._items: dict[ExecutionKey, StoredItem] = {}
        self._index = _ShownItems()
        self._lag = IndexLag(kernel, index_lag, held_back)
        self._page_bytes_max = page_bytes_max

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: ExecutionKey) -> StoredItem | None:
        """Strongly consistent read."""
        return self._items.get(key)

    def put(self, attributes: Attributes, *, writer: str, request_id: str = "") -> None:
        """PutItem."""
        self._write(key_of(attributes), dict(attributes), writer, request_id)

    def update(
        self,
        key: ExecutionKey,
        attributes: Attributes,
        *,
        writer: str,
        request_id: str = "",
        condition: Condition | None = None,
    ) -> None:
        """UpdateItem with SET of these attributes; all others stay. Raises ConditionFailedError."""
        before = self._items.get(key)
        if condition is not None and not condition.holds(before):
            self._trace.emit(WriteRefused(self._kernel.now_us, request_id, writer, key.execution_id))
            raise ConditionFailedError
        old = {"ExecutionId": key.execution_id, "PlanId": key.plan_id} if before is None else before.attributes
        self._write(key, {**old, **attributes}, writer, request_id)

    def delete(self, key: ExecutionKey, *, writer: str, request_id: str = "") -> None:
        """DeleteItem; deleting a missing item is no error."""
        if key in self._items:
            self._write(key, None, writer, request_id)

    def query_status(self, status: str, after: IndexKey | None = None) -> QueryPage:
        """One page of StatusIndex for `status`, in order of StartTime, from behind `after` on."""
        for key, item in self._lag.due():
            self._index.show(key, item)
        return self._index.page(status, after, self._page_bytes_max)

    def _write(self, key: ExecutionKey, attributes: dict[str, object] | None, writer: str, request_id: str) -> None:
        now_us = self._kernel.now_us
        before = self._items.get(key)
        after = None if attributes is None else StoredItem(attributes, before)
        if after is None:
            del self._items[key]
        else:
            self._items[key] = after
        self._lag.expect(key, after)
        self._trace.emit(change(now_us, request_id, writer, key.execution_id, before, after))


class _ShownItems:
    """The items that the index shows, in its order."""

    def __init__(self) -> None:
        self._items: dict[ExecutionKey, StoredItem | None] = {}
        self._order: dict[str, list[IndexKey]] = {}

    def show(self, key: ExecutionKey, item: StoredItem | None) -> None:
        """Show a write, or a deletion."""
        held, self._items[key] = self._items.get(key), item
        if _same_position(held, item):
            return
        before, after = _index_entry(held), _index_entry(item)
        if before != after:
            if before is not None:
                order = self._order[before[0]]
                del order[bisect_left(order, before[1])]
            if after is not None:
                insort(self._order.setdefault(after[0], []), after[1])

    def page(self, status: str, after: IndexKey | None, bytes_max: int) -> QueryPage:
        order: Sequence[IndexKey] = self._order.get(status, ())
        first = 0 if after is None else bisect_right(order, after)
        items: list[StoredItem] = []
        size_bytes = 0
        for position in range(first, len(order)):
            item = self._items[order[position].key]
            assert item is not None, "only items that exist are in the order"
            items.append(item)
            size_bytes += item.size_bytes
            # A Query stops behind the item with which it reaches 1 MB, and gives LastEvaluatedKey even if none follows.
            if size_bytes >= bytes_max:
                return QueryPage(tuple(items), size_bytes, order[position])
        return QueryPage(tuple(items), size_bytes, None)


def _same_position(held: StoredItem | None, item: StoredItem | None) -> bool:
    """Whether the index's key attributes are the same, as after most writes."""
    if held is None or item is None:
        return False
    old, new = held.attributes, item.attributes
    return old.get("Status") == new.get("Status") and old.get("StartTime") == new.get("StartTime")


def _index_entry(item: StoredItem | None) -> tuple[str, IndexKey] | None:
    """An item's status and position in the index; None without a key attribute, as the index is sparse."""
    if item is None:
        return None
    status, start_time = item.attributes.get("Status"), item.attributes.get("StartTime")
    if not isinstance(status, str) or not isinstance(start_time, int | Decimal):
        return None
    return status, IndexKey(start_time, key_of(item.attributes))


def key_of(attributes: Attributes) -> ExecutionKey:
    """The primary key of an item."""
    return ExecutionKey(str(attributes["ExecutionId"]), str(attributes["PlanId"]))
