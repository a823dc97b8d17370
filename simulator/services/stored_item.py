"""One version of a DynamoDB item: its attributes, its size, and the execution that it describes.

A write changes little of an item, so a version takes over what the one before it worked out about each wave that is the
same still.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from operator import is_
from typing import Any, Final

from drsim.orchestrator.errors import MalformedError
from drsim.orchestrator.items import execution_of, wave_item
from drsim.orchestrator.model import TERMINAL, Execution, Wave
from drsim.simulator.events import ItemChanged

Attributes = Mapping[str, object]

_CONTAINER_BYTES: Final = 3
"""Of a list or a map, besides one for each of its entries."""


class StoredItem:
    """One version of one item; never changed."""

    __slots__ = ("_execution", "_kept", "_rendered", "_wave_sizes", "attributes", "size_bytes", "wrong")

    def __init__(self, attributes: dict[str, object], before: "StoredItem | None" = None) -> None:
        self.attributes: Attributes = attributes
        self.wrong: str | None = None
        self._execution: Execution | None = None
        # By place, the waves that are as before and need not be read again, and items made of waves.
        self._kept: tuple[Wave | None, ...] = ()
        self._rendered: dict[int, dict[str, object]] = {}
        self._wave_sizes: list[int] = []
        waves = attributes.get("Waves")
        if isinstance(waves, list):
            attributes["Waves"] = self._share(waves, before)
        self.size_bytes = self._measure(before)

    @property
    def execution(self) -> Execution | None:
        """The execution that the item describes, or None if it is malformed: then `wrong` says why."""
        if self._execution is None and self.wrong is None:
            try:
                self._execution = execution_of(self.attributes, known=self._kept)
            except MalformedError as error:
                self.wrong = str(error)
        return self._execution

    def waves_item(self, waves: Sequence[Wave]) -> list[dict[str, object]]:
        """As `orchestrator.items.waves_item`, but waves that this version holds are not made into items anew."""
        held: Sequence[Wave] = () if self.execution is None else self.execution.waves
        items = []
        for place, wave in enumerate(waves):
            if place < len(held) and held[place] is wave:
                item = self._rendered.get(place)
                if item is None:
                    item = self._rendered[place] = wave_item(wave)
            else:
                item = wave_item(wave)
            items.append(item)
        return items

    def _share(self, waves: list[Any], before: "StoredItem | None") -> list[Any]:
        """The waves, each that equals the one before at its place being that very object; with sizes and values."""
        old = [] if before is None else before.attributes.get("Waves")
        if not isinstance(old, list) or before is None:
            old = []
        known = None if before is None else before.execution
        kept: list[Wave | None] = []
        shared = []
        for place, wave in enumerate(waves):
            if before is not None and place < len(old) and (old[place] is wave or old[place] == wave):
                shared.append(old[place])
                self._wave_sizes.append(before._wave_sizes[place])
                kept.append(None if known is None else known.waves[place])
                if known is not None and wave == before._rendered.get(place):
                    self._rendered[place] = old[place]
            else:
                kept.append(None)
                shared.append(wave)
                self._wave_sizes.append(_value_size_bytes(wave))
        self._kept = tuple(kept)
        if known is not None and len(kept) == len(known.waves) and all(map(is_, kept, known.waves)):
            self._kept = known.waves
        return shared

    def _measure(self, before: "StoredItem | None") -> int:
        """The item's size, from that of the version before and from what is not the same object any more."""
        attributes = self.attributes
        if before is None or not before.attributes.keys() <= attributes.keys():
            return sum(map(_name_size_bytes, attributes)) + sum(map(self._attribute_size_bytes, attributes))
        old, total = before.attributes, before.size_bytes
        for name, value in attributes.items():
            if name not in old:
                total += _name_size_bytes(name) + self._attribute_size_bytes(name)
            elif value is not old[name]:
                total += self._attribute_size_bytes(name) - before._attribute_size_bytes(name)
        return total

    def _attribute_size_bytes(self, name: str) -> int:
        value = self.attributes[name]
        if name == "Waves" and isinstance(value, list):
            return _CONTAINER_BYTES + len(value) + sum(self._wave_sizes)
        return _value_size_bytes(value)


def change(
    at_us: int,
    request_id: str,
    writer: str,
    execution_id: str,
    before: StoredItem | None,
    after: StoredItem | None,
) -> ItemChanged:
    """What the trace hears of one version's taking the place of another."""
    return ItemChanged(
        at_us,
        request_id,
        writer,
        execution_id,
        None if before is None else before.attributes,
        None if after is None else after.attributes,
        None if before is None else before.execution,
        None if after is None else after.execution,
        0 if after is None else after.size_bytes,
    )


def is_over(attributes: Attributes) -> bool:
    """Whether the item's status is one of those that end an execution; functions may have written any value there."""
    status = attributes.get("Status")
    return isinstance(status, str) and status in TERMINAL


def version_of(attributes: Attributes) -> int:
    """The item's version; 0 without one, and where a function has written something else than a whole number."""
    version = attributes.get("Version", 0)
    return version if isinstance(version, int) else 0


def item_size_bytes(attributes: Attributes) -> int:
    """An item's size as DynamoDB counts it (developer guide, item sizes and formats)."""
    total = 0
    for name, value in attributes.items():
        total += _name_size_bytes(name) + _value_size_bytes(value)
    return total


def _name_size_bytes(name: str) -> int:
    return len(name) if name.isascii() else len(name.encode())


def _value_size_bytes(value: object) -> int:
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    if isinstance(value, dict):
        return _CONTAINER_BYTES + len(value) + item_size_bytes(value)
    if isinstance(value, list | tuple):
        return _CONTAINER_BYTES + len(value) + sum(map(_value_size_bytes, value))
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int | Decimal):
        # One byte for two significant digits, and one more.
        text = f"{value:f}" if isinstance(value, Decimal) else str(value)
        return (len(text.replace(".", "").strip("-0")) + 1) // 2 + 1
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, set):
        # Nothing is published about a set's own bytes.
        return sum(map(_value_size_bytes, value))
    raise TypeError(f"a DynamoDB value must be a text, number, bool, None, list, dict, bytes or set, got {value!r}")
