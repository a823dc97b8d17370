"""Times and durations of DRS's answers, read again."""

import re
from datetime import datetime, timedelta
from typing import Final

from drsim.simulator.drs_api.shapes import EPOCH

_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


def unix_us(text: str) -> int:
    """Unix microseconds of a time with its zone. Raises ValueError for a text that is no time."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def duration_s(text: str) -> float:
    """Seconds of an ISO 8601 duration of days and less, such as P2DT1H32M12.5S. Raises ValueError for another text."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"a duration must look like P2DT1H32M12.5S, got {text!r}")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
