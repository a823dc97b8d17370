"""Tables as DynamoDB's operations see them: keys, indexes, items, and the rules of keys.

Messages: paritysuite/dynamodb-conformance, captured on AWS in 2026.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from drsim.simulator.client.dynamodb.values import Item, kind_of
from drsim.simulator.client.errors import invalid
from drsim.simulator.services.errors import ItemTooLargeError
from drsim.simulator.services.stored_item import ITEM_BYTES_MAX, item_size_bytes

Key = tuple[Any, ...]
"""The values of a key's attributes: hash, and range if the table has one."""


class Writer(NamedTuple):
    """Who writes: the function, its request and the line of its own code."""

    function: str
    request_id: str
    place: str


class Placed(NamedTuple):
    """One item in the order of a table or an index; `order` sorts it among those of its hash key."""

    order: tuple[Any, ...]
    item: Item
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Schema:
    """The key of a table, or of an index of all attributes."""

    hash: str
    range: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.hash,) if self.range is None else (self.hash, self.range)

    def order(self, item: Item, key: Key | None) -> tuple[Any, ...]:
        """Return what sorts an item among those of its hash key; in an index its table `key` decides ties."""
        own = 0 if self.range is None else item[self.range]
        return (own,) if key is None else (own, *key)


@dataclass(frozen=True, slots=True)
class Schemas:
    """The keys of a table and its indexes, and the types of their attributes: S, N or B."""

    key: Schema
    kinds: Mapping[str, str]
    indexes: Mapping[str, Schema] = field(default_factory=dict)

    def of(self, index: str | None) -> Schema:
        """Return the key of an index, or the table's. Raises AwsError."""
        if index is None:
            return self.key
        if index not in self.indexes:
            raise invalid(f"The table does not have the specified index: {index}")
        return self.indexes[index]

    def key_of(self, given: Item) -> Key:
        """Return the key in a request's `Key`. Raises AwsError for any other attributes or types."""
        names = self.key.names
        if given.keys() != set(names) or any(kind_of(given[name]) != self.kinds[name] for name in names):
            raise invalid("The provided key element does not match the schema")
        for name in names:
            if given[name] in ("", b""):
                _refuse_empty(name, given[name])
        return tuple([given[name] for name in names])

    def check_item(self, item: Item) -> Key:
        """Return the key of an item that is put. Raises AwsError."""
        prefix = "One or more parameter values were invalid: "
        for name in self.key.names:
            if name not in item:
                raise invalid(f"{prefix}Missing the key {name} in the item")
            kind = kind_of(item[name])
            if kind != self.kinds[name]:
                raise invalid(f"{prefix}Type mismatch for key {name} expected: {self.kinds[name]} actual: {kind}")
            if item[name] in ("", b""):
                _refuse_empty(name, item[name])
        self.check_index_keys(item)
        return tuple([item[name] for name in self.key.names])

    def check_index_keys(self, item: Item, *, is_update: bool = False) -> None:
        """Raise AwsError for an index's key attribute that has another type, or is empty."""
        for index, schema in sorted(self.indexes.items()):
            for name in schema.names:
                if name not in item:
                    continue
                value, kind = item[name], kind_of(item[name])
                if kind != self.kinds[name]:
                    what = f"Index Key {name} Expected: {self.kinds[name]} Actual: {kind} IndexName: {index}"
                    raise invalid(f"One or more parameter values were invalid: Type mismatch for {what}")
                if value in ("", b""):
                    what = "A value specified for a secondary index key is not supported."
                    if is_update:
                        what = (
                            "The update expression attempted to update a secondary index key to a value that is not "
                            "supported."
                        )
                    text = "string" if kind == "S" else "binary"
                    raise invalid(
                        f"One or more parameter values are not valid. {what} The AttributeValue for a key attribute "
                        f"cannot contain an empty {text} value. IndexName: {index}, IndexKey: {name}"
                    )


def _refuse_empty(name: str, value: object) -> NoReturn:
    text = "string" if isinstance(value, str) else "binary"
    raise invalid(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty "
        f"{text} value. Key: {name}"
    )


class ItemTable(ABC):
    """The items of one table."""

    name: str
    schemas: Schemas
    page_bytes_max: int = 1_048_576

    @abstractmethod
    def find(self, key: Key, as_at_us: int | None = None) -> Item | None:
        """Return an item, which is never changed; as it was at an instant of the last minutes if one is given."""

    @abstractmethod
    def replace(self, key: Key, item: dict[str, Any] | None, by: Writer, *, is_update: bool = False) -> None:
        """Write a new version of an item, or delete it. Raises ItemTooLargeError."""

    @abstractmethod
    def entries(self, index: str | None, hash_value: Any = None) -> Sequence[Placed]:
        """Return the items with a hash key, in their order; with None every item, by its serial number."""

    @abstractmethod
    def serial(self, key: Key) -> int:
        """Return the number of a key in the order of first writes, also if its item is gone; -1 if it never was."""


class PlainTable(ItemTable):
    """A table that nothing else watches; its indexes do not lag."""

    def __init__(self, name: str, schemas: Schemas) -> None:
        self.name = name
        self.schemas = schemas
        self._items: dict[Key, Item] = {}
        self._serials: dict[Key, int] = {}

    def find(self, key: Key, as_at_us: int | None = None) -> Item | None:  # noqa: ARG002 - its reads are never behind
        return self._items.get(key)

    def replace(self, key: Key, item: dict[str, Any] | None, by: Writer, *, is_update: bool = False) -> None:  # noqa: ARG002
        if item is None:
            self._items.pop(key, None)
            return
        if item_size_bytes(item) > ITEM_BYTES_MAX:
            raise ItemTooLargeError(is_update=is_update)
        self._items[key] = item
        self._serials.setdefault(key, len(self._serials))

    def entries(self, index: str | None, hash_value: Any = None) -> Sequence[Placed]:
        schema = self.schemas.of(index)
        found = []
        for key, item in self._items.items():
            if all(name in item for name in schema.names) and hash_value in (None, item[schema.hash]):
                order = (
                    (self._serials[key],) if hash_value is None else schema.order(item, None if index is None else key)
                )
                found.append(Placed(order, item, item_size_bytes(item)))
        return sorted(found, key=lambda entry: entry.order)

    def serial(self, key: Key) -> int:
        return self._serials.get(key, -1)
