"""Names of earlier versions: scenario files, failures and campaigns that hold them stay readable.

Owns the one table of such names. Reading a file replaces them before its data is validated.
"""

from collections.abc import Mapping
from typing import Any, Final

CURRENT: Final[Mapping[str, str]] = {
    "servers-untold": "servers-omitted",
    "fault-servers-untold": "fault-servers-omitted",
}
"""From a former name of a fault kind, or of a scenario in the catalogue, to the current one."""

_KINDS: Final = frozenset({"fault", "faults"})
_COUNTED_BY_KIND: Final = frozenset({"fired", "in_flight", "changed"})
_LEVELS: Final = 5
"""A failure holds a scenario, which holds a list of rules, which hold kinds. YAML may hold itself, without end."""


def current(data: Any, field: str = "", levels: int = _LEVELS) -> Any:
    """Return a file's data with the current names of fault kinds.

    `field` is the field that holds the data, `levels` how far down to look. A campaign counts by texts of kind and
    phase, such as "servers-untold PENDING".
    """
    if isinstance(data, dict) and levels:
        if field in _COUNTED_BY_KIND:
            return {_first_word_current(str(key)): count for key, count in data.items()}
        return {key: current(value, str(key), levels - 1) for key, value in data.items()}
    if isinstance(data, list) and levels:
        return [current(each, field, levels - 1) for each in data]
    return CURRENT.get(data, data) if field in _KINDS and isinstance(data, str) else data


def _first_word_current(text: str) -> str:
    kind, space, rest = text.partition(" ")
    return CURRENT.get(kind, kind) + space + rest
