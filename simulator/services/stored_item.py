"""One version of a DynamoDB item: its attributes, its size, and the execution that it describes.

A write changes little of an item, so a version takes over what the one before it worked out about each wave that is the
same still.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from orchestrator.errors import MalformedError
from orchestrator.items import execution_of
from orchestrator.model import Execution, Wave
from simulator.events import ItemChanged

Attributes = Mapping[str, object]


class StoredItem:
    """One version of one item; never changed."""

    __slots__ = ("_execution", "_kept", "_wave_sizes", "attributes", "size_bytes", "wrong")

    def __init__(self, attributes: dict[str, object], before: "StoredItem | None" = None) -> None:
        self.attributes: Attributes = attributes
        self.wrong: str | None = None
        self._execution: Execution | None = None
        # The waves, by place, that are as before and need not be read again.
        self._kept: dict[int, Wave] = {}
        self._wave_sizes: list[int] = []
        waves = attributes.get("Waves")
        if isinstance(waves, list):
            shared = attributes["Waves"] = self._share(waves, before)
            # Their list's own bytes, and those of the waves in it.
            self.size_bytes = item_size_bytes({**attributes, "Waves": []}) + len(shared) + sum(self._wave_sizes)
        else:
            self.size_bytes = item_size_bytes(attributes)

    @property
    def execution(self) -> Execution | None:
        """The execution that the item describes, or None if it is malformed: then `wrong` says why."""
        if self._execution is None and self.wrong is None:
            try:
                self._execution = execution_of(self.attributes, known=self._kept)
            except MalformedError as error:
                self.wrong = str(error)
        return self._execution

    def _share(self, waves: list[Any], before: "StoredItem | None") -> list[Any]:
        """The waves, each that equals the one before at its place being that very object; with sizes and values."""
        old = [] if before is None else before.attributes.get("Waves")
        if not isinstance(old, list) or before is None:
            old = []
        known = None if before is None else before.execution
        shared = []
        for place, wave in enumerate(waves):
            if before is not None and place < len(old) and old[place] == wave:
                shared.append(old[place])
                self._wave_sizes.append(before._wave_sizes[place])
                if known is not None:
                    self._kept[place] = known.waves[place]
            else:
                shared.append(wave)
                self._wave_sizes.append(_value_size_bytes(wave))
        return shared


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


def item_size_bytes(attributes: Attributes) -> int:
    """An item's size as DynamoDB counts it (developer guide, item sizes and formats)."""
    total = 0
    for name, value in attributes.items():
        total += (len(name) if name.isascii() else len(name.encode())) + _value_size_bytes(value)
    return total


def _value_size_bytes(value: object) -> int:
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    if isinstance(value, dict):
        return 3 + len(value) + item_size_bytes(value)
    if isinstance(value, list | tuple):
        total = 3 + len(value)
        for entry in value:
            total += _value_size_bytes(entry)
        return total
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
