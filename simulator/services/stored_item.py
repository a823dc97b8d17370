"""One version of a DynamoDB item: its attributes, its size, and the checks' view of it.

A version shares unchanged waves with the version before it: only changed waves are measured and read again.
"""

from collections.abc import Sequence
from decimal import Decimal
from operator import is_
from typing import Any, Final, NamedTuple

from drsim.simulator.contract.layout import Attributes
from drsim.simulator.events import ItemChanged
from drsim.simulator.reader import ExecutionView, Reader, WaveView

ITEM_BYTES_MAX: Final = 409_600
"""DynamoDB's limit: 400 KB, with the names of attributes (developer guide, service quotas)."""

# Of a list or a map, besides one for each of its entries.
_CONTAINER_BYTES: Final = 3


class _StoredWave(NamedTuple):
    item: object
    size_bytes: int
    view: WaveView


class StoredItem:
    """One version of one item; never changed."""

    __slots__ = ("_name", "_waves", "attributes", "execution", "size_bytes")

    def __init__(
        self,
        attributes: dict[str, object],
        reader: Reader,
        before: "StoredItem | None" = None,
        *,
        by_function: bool = False,
    ) -> None:
        self.attributes: Attributes = attributes
        place = reader.layout.execution.places["waves"]
        # The attribute that holds the waves and nothing else.
        self._name = place.path if len(place.steps) == 1 else None
        items, old_waves = place.of(attributes), () if before is None else before._waves
        self._waves: Sequence[_StoredWave] = ()
        if isinstance(items, list):
            self._waves = _stored(items, old_waves, reader)
            place.put(attributes, [wave.item for wave in self._waves])
        self.size_bytes: int = self._measure(before)
        if before is not None and len(self._waves) == len(old_waves) and all(map(is_, self._waves, old_waves)):
            # The same tuple object: readers see at once that no wave has changed.
            views = before.execution.waves
        else:
            views = tuple([wave.view for wave in self._waves])
        execution = reader.execution(attributes, views)
        if execution.unreadable and execution.owes_polls:
            # A poller may refuse an item that others have written against the contract, but not one that it wrote.
            old = None if before is None else before.execution
            known = set() if old is None else {reason.attribute for reason in old.unreadable}
            lapsed = bool(known) and old is not None and not old.owes_polls
            is_new = any(reason.attribute not in known for reason in execution.unreadable)
            execution = execution._replace(owes_polls=not lapsed and (by_function or not is_new))
        self.execution: ExecutionView = execution

    def _measure(self, before: "StoredItem | None") -> int:
        """Return the size: that of the version before, corrected by the attributes that are other objects now."""
        attributes = self.attributes
        if before is None or not before.attributes.keys() <= attributes.keys():
            return sum([_text_size_bytes(name) + self._attribute_size_bytes(name) for name in attributes])
        old, total = before.attributes, before.size_bytes
        for name, value in attributes.items():
            if name not in old:
                total += _text_size_bytes(name) + self._attribute_size_bytes(name)
            elif value is not old[name]:
                total += self._attribute_size_bytes(name) - before._attribute_size_bytes(name)
        return total

    def _attribute_size_bytes(self, name: str) -> int:
        value = self.attributes[name]
        if name == self._name and isinstance(value, list):
            return _CONTAINER_BYTES + len(value) + sum([wave.size_bytes for wave in self._waves])
        return _value_size_bytes(value)


def _stored(items: Sequence[object], old: Sequence[_StoredWave], reader: Reader) -> tuple[_StoredWave, ...]:
    """Return the waves, with the old object for each one that is unchanged at its position."""
    waves = []
    for place, item in enumerate(items):
        if place < len(old) and (old[place].item is item or old[place].item == item):
            waves.append(old[place])
        else:
            waves.append(_StoredWave(item, _value_size_bytes(item), reader.wave(place, item)))
    return tuple(waves)


def change(
    at_us: int,
    request_id: str,
    writer: str,
    execution_id: str,
    before: StoredItem | None,
    after: StoredItem | None,
    place: str = "",
) -> ItemChanged:
    """Return the event of a write that replaces one version by another, made by this line of a handler's file."""
    old, previous = (None, None) if before is None else (before.attributes, before.execution)
    new, execution = (None, None) if after is None else (after.attributes, after.execution)
    size_bytes = 0 if after is None else after.size_bytes
    return ItemChanged(at_us, request_id, writer, execution_id, old, new, previous, execution, size_bytes, place)


def item_size_bytes(attributes: Attributes) -> int:
    """Return an item's size as DynamoDB counts it (developer guide, item sizes and formats)."""
    return sum([_text_size_bytes(name) + _value_size_bytes(value) for name, value in attributes.items()])


def _text_size_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _value_size_bytes(value: Any) -> int:
    kind = type(value)
    if kind is str:
        return len(value) if value.isascii() else len(value.encode())
    if kind is dict:
        return _CONTAINER_BYTES + len(value) + item_size_bytes(value)
    if kind is list:
        return _CONTAINER_BYTES + len(value) + sum(map(_value_size_bytes, value))
    return _other_size_bytes(value)


def _other_size_bytes(value: object) -> int:
    """Return the size of a scalar, or of a value of a subclass, such as a member of a StrEnum."""
    if isinstance(value, str):
        return _text_size_bytes(value)
    if isinstance(value, dict):
        return _CONTAINER_BYTES + len(value) + item_size_bytes(value)
    if isinstance(value, list | tuple):
        return _CONTAINER_BYTES + len(value) + sum(map(_value_size_bytes, value))
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int | Decimal):
        # One byte for each two significant digits, and one more.
        text = f"{value:f}" if isinstance(value, Decimal) else str(value)
        return (len(text.replace(".", "").strip("-0")) + 1) // 2 + 1
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, set):
        # AWS does not publish the bytes of the set itself.
        return sum(map(_value_size_bytes, value))
    raise TypeError(f"a DynamoDB value must be a text, number, bool, None, list, dict, bytes or set, got {value!r}")
