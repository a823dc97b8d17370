"""The yardstick: plain Python that no change of this project affects. The ratchet compares the simulation with it.

Its work resembles a simulation: a heap of events, calls of functions and methods, small frozen objects, dicts, sorting
and text. So a slow host, or another Python, slows down both.
"""

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

_ROUNDS: Final = 20_000


@dataclass(frozen=True, slots=True)
class _Item:
    key: str
    version: int
    states: tuple[str, ...]


class _Table:
    def __init__(self) -> None:
        self._items: dict[str, _Item] = {}
        self.written: list[str] = []

    def put(self, key: str, now: int) -> _Item:
        before = self._items.get(key)
        version = 1 if before is None else before.version + 1
        item = _Item(key, version, tuple(sorted({"PENDING", f"STATE-{now % 7}", key[:3]})))
        self._items[key] = item
        return item

    def log(self, now: int, item: _Item) -> None:
        fields = {"at": now, "key": item.key, "version": item.version, "states": ",".join(item.states)}
        self.written.append(" ".join(f"{name}={value}" for name, value in fields.items()))
        if len(self.written) > 1_000:
            self.written.clear()


def measure() -> int:
    """Do the work once. Returns a number that depends on all of it."""
    table = _Table()
    heap: list[tuple[int, int, str]] = []
    for number in range(200):
        heappush(heap, (number * 7_919 % 1_000, number, f"item-{number}"))
    total = 0
    for serial in range(200, _ROUNDS):
        now, _, key = heappop(heap)
        item = table.put(key, now)
        table.log(now, item)
        total += item.version + len(table.written)
        heappush(heap, (now + 1 + serial * 31 % 977, serial, key))
    return total
