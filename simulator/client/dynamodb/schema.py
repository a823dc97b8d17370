"""Tables as DynamoDB's operations see them: keys, indexes, items, and the rules of keys.

Messages: paritysuite/dynamodb-conformance, captured on AWS in 2026.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

from drsim.simulator.client.dynamodb.values import Item, kind_of
from drsim.simulator.client.errors import invalid
from drsim.simulator.services.stored_item import item_size_bytes

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
    """The key of a table or of an index. `projected` are the attributes that an index holds; None: all."""

    hash: str
    range: str | None = None
    projected: frozenset[str] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.hash,) if self.range is None else (self.hash, self.range)


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
        """Return the items with a hash key, in their order, or with None every item."""


class PlainTable(ItemTable):
    """A table that nothing else watches; its indexes do not lag."""

    def __init__(self, name: str, schemas: Schemas) -> None:
        self.name = name
        self.schemas = schemas
        self._items: dict[Key, Item] = {}

    def find(self, key: Key, as_at_us: int | None = None) -> Item | None:  # noqa: ARG002 - its reads are never behind
        return self._items.get(key)

    def replace(self, key: Key, item: dict[str, Any] | None, by: Writer, *, is_update: bool = False) -> None:  # noqa: ARG002
        if item is None:
            self._items.pop(key, None)
        else:
            self._items[key] = item

    def entries(self, index: str | None, hash_value: Any = None) -> Sequence[Placed]:
        schema = self.schemas.of(index)
        found = []
        for key, item in self._items.items():
            if all(name in item for name in schema.names) and hash_value in (None, item[schema.hash]):
                shown = projected_to(item, schema, self.schemas.key)
                order = () if schema.range is None else (item[schema.range],)
                found.append(Placed(order if index is None else (*order, *key), shown, item_size_bytes(shown)))
        return found if hash_value is None else sorted(found, key=lambda entry: entry.order)


def projected_to(item: Item, schema: Schema, key: Schema) -> Item:
    """Return the attributes of an item that an index holds."""
    if schema.projected is None:
        return item
    names = schema.projected | {*schema.names, *key.names}
    return {name: value for name, value in item.items() if name in names}
