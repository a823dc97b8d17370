"""Consumed capacity, for the requests that ask for it.

Sources: DynamoDB developer guide, "Read and write capacity"; paritysuite/dynamodb-conformance (captured in 2026).
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from drsim.simulator.client.dynamodb.schema import ItemTable
from drsim.simulator.client.dynamodb.values import Item
from drsim.simulator.services.stored_item import item_size_bytes

_READ_BYTES: Final = 4096
_WRITE_BYTES: Final = 1024


class Consumed:
    """The units that one request uses, by table and by index; "" is the table itself.

    A transaction uses twice as many, and says which `kind` they are: Read or Write.
    """

    def __init__(self, asked: Mapping[str, Any], *, kind: str = "") -> None:
        self._asked: str = asked.get("ReturnConsumedCapacity", "NONE")
        self._kind = kind
        self._units: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))

    def read(self, table: ItemTable, size_bytes: int, *, is_strong: bool | None, index: str = "") -> None:
        """Add a read: one unit for each 4 KB, half of it if the read may be behind."""
        if self._asked != "NONE":
            self._units[table.name][index] += _blocks(size_bytes, _READ_BYTES) * (1.0 if is_strong else 0.5)

    def read_item(self, table: ItemTable, item: Item | None, *, is_strong: bool | None) -> None:
        """Add the read of one item; a missing one costs as much as a small one."""
        if self._asked != "NONE":
            self.read(table, _size_of(item), is_strong=is_strong)

    def write(self, table: ItemTable, old: Item | None, new: Item | None) -> None:
        """Add a write: one unit for each KB of the larger version, and what the indexes use."""
        if self._asked == "NONE":
            return
        units = self._units[table.name]
        old_units, new_units = _blocks(_size_of(old), _WRITE_BYTES), _blocks(_size_of(new), _WRITE_BYTES)
        units[""] += max(old_units, new_units)
        for index, schema in table.schemas.indexes.items():
            before, after = (_entry(schema.names, item) for item in (old, new))
            if before is not None and after is not None and before != after:
                # The index deletes one entry and puts another.
                units[index] += old_units + new_units
            elif (before is not None or after is not None) and old != new:
                units[index] += max(old_units if before else 0, new_units if after else 0)

    @property
    def of_one(self) -> dict[str, Any]:
        """The member of an answer about one table."""
        return {"ConsumedCapacity": shown[0]} if (shown := self._shown()) else {}

    @property
    def of_many(self) -> dict[str, Any]:
        """The member of an answer about several tables."""
        return {"ConsumedCapacity": shown} if (shown := self._shown()) else {}

    def _shown(self) -> list[dict[str, Any]]:
        found = []
        for table, units in self._units.items():
            about = {"TableName": table, **self._counted(sum(units.values()))}
            if self._asked == "INDEXES":
                about["Table"] = self._counted(units.get("", 0.0))
                indexes = {name: self._counted(each) for name, each in units.items() if name}
                about |= {"GlobalSecondaryIndexes": indexes} if indexes else {}
            found.append(about)
        return found

    def _counted(self, units: float) -> dict[str, Any]:
        if not self._kind:
            return {"CapacityUnits": float(units)}
        return {"CapacityUnits": 2.0 * units, f"{self._kind}CapacityUnits": 2.0 * units}


def _blocks(size_bytes: int, block_bytes: int) -> int:
    return max(-(-size_bytes // block_bytes), 1)


def _entry(names: tuple[str, ...], item: Item | None) -> tuple[object, ...] | None:
    """Return an item's key in an index; None if the index does not have it."""
    return None if item is None or any(name not in item for name in names) else tuple(item[name] for name in names)


def _size_of(item: Item | None) -> int:
    return 0 if item is None else item_size_bytes(item)
