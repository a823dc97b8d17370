"""Former names, replaced when a scenario, a failure or a campaign is read, so that old files stay readable."""

from collections.abc import Mapping
from typing import Any, Final

CURRENT: Final[Mapping[str, str]] = {
    "servers-untold": "servers-omitted",
    "fault-servers-untold": "fault-servers-omitted",
}
"""From a former name of a fault kind, or of a scenario in the catalogue, to the current one."""


def current(data: Any, field: str = "", levels: int = 5) -> Any:
    """Return a file's data with the current names of fault kinds.

    `field` is the field that holds the data. `levels` is how far down to look: a failure holds a scenario, which holds
    a list of rules, which hold kinds, and YAML may hold itself, without end.
    """
    if isinstance(data, dict) and levels:
        if field in ("fired", "in_flight", "changed"):
            # Counted by kind and phase, such as "servers-untold PENDING".
            words = {key: str(key).partition(" ") for key in data}
            return {"".join((CURRENT.get(kind, kind), *rest)): data[key] for key, (kind, *rest) in words.items()}
        return {key: current(value, str(key), levels - 1) for key, value in data.items()}
    if isinstance(data, list) and levels:
        return [current(each, field, levels - 1) for each in data]
    return CURRENT.get(data, data) if field in ("fault", "faults") and isinstance(data, str) else data
