"""Consumed capacity, for the requests that ask for it. Source: DynamoDB developer guide, "Read and write capacity"."""

from collections.abc import Callable, Mapping
from typing import Any

from drsim.simulator.client.dynamodb.values import Item
from drsim.simulator.services.stored_item import item_size_bytes


def of_read(asked: Mapping[str, Any], table: str, size_of: Callable[[], int]) -> dict[str, Any]:
    """Return what a read of this size used: one unit for each 4 KB, half of it if the read may be behind."""
    if asked.get("ReturnConsumedCapacity", "NONE") == "NONE":
        return {}
    units = max(-(-size_of() // 4096), 1) * (1.0 if asked.get("ConsistentRead") else 0.5)
    return _consumed(asked, table, units)


def of_write(asked: Mapping[str, Any], table: str, old: Item | None, new: Item | None) -> dict[str, Any]:
    """Return what a write used: one unit for each KB of the larger version."""
    if asked.get("ReturnConsumedCapacity", "NONE") == "NONE":
        return {}
    return _consumed(asked, table, float(max(-(-max(size_of(old), size_of(new)) // 1024), 1)))


def size_of(item: Item | None) -> int:
    """Return an item's size in bytes."""
    return 0 if item is None else item_size_bytes(item)


def _consumed(asked: Mapping[str, Any], table: str, units: float) -> dict[str, Any]:
    about: dict[str, Any] = {"TableName": table, "CapacityUnits": units}
    if asked["ReturnConsumedCapacity"] == "INDEXES":
        index = asked.get("IndexName")
        about["Table"] = {"CapacityUnits": 0.0 if index else units}
        about |= {"GlobalSecondaryIndexes": {index: {"CapacityUnits": units}}} if index else {}
    return {"ConsumedCapacity": about}
