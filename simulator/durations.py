"""Durations and spreads as people write them ("30m", "5ms..21ms"), and as pydantic fields."""

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from simulator.randomness import Spread

_UNITS_US: Final = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_PART: Final = re.compile(r"(\d+)(?:\.(\d{1,6}))?(us|ms|s|m|h|d)")


def duration_us(text: object) -> int:
    """The duration that a text such as "1h30m", "1.5s" or "250ms" names, in microseconds. Raises ValueError."""
    if isinstance(text, str):
        parts = list(_PART.finditer(text.replace(" ", "")))
        if parts and "".join(part.group(0) for part in parts) == text.replace(" ", ""):
            return sum(_part_us(part) for part in parts)
    raise ValueError(f'a duration is a text with units, such as "30m", "1h30m" or "250ms", got {text!r}')


def _part_us(part: re.Match[str]) -> int:
    unit_us = _UNITS_US[part.group(3)]
    fraction = part.group(2) or ""
    return int(part.group(1)) * unit_us + int(fraction or 0) * unit_us // 10 ** len(fraction)


def show_duration(us: int) -> str:
    """The shortest text that `duration_us` reads back: 90_000_000 is "1m30s"."""
    text = ""
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, us = divmod(us, _UNITS_US[unit])
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def spread_of(text: object) -> Spread:
    """The spread that "13m" (fixed), "12m..14m" (uniform) or "10m..13m..20m" (triangular) names. Raises ValueError."""
    if isinstance(text, Spread):
        return text
    if not isinstance(text, str):
        raise ValueError(f'a spread is a text such as "13m", "12m..14m" or "10m..13m..20m", got {text!r}')
    points = [duration_us(point) for point in text.split("..")]
    if len(points) > 3 or points != sorted(points):
        raise ValueError(f'a spread has 1 to 3 durations in ascending order, such as "12m..14m", got {text!r}')
    return Spread(points[0], points[-1], points[1] if len(points) == 3 else None)


def show_spread(spread: Spread) -> str:
    """The text that `spread_of` reads back."""
    points = [spread.low_us] if spread.low_us == spread.high_us else [spread.low_us, spread.high_us]
    if spread.mode_us is not None:
        points.insert(1, spread.mode_us)
    return "..".join(show_duration(point) for point in points)


DurationUs = Annotated[
    int,
    BeforeValidator(duration_us),
    PlainSerializer(show_duration),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+(\.\d+)?(us|ms|s|m|h|d) ?)+$", "examples": ["30m"]}),
]
"""A pydantic field: a duration text in files, microseconds in code."""

SpreadField = Annotated[
    Spread,
    BeforeValidator(spread_of),
    PlainSerializer(show_spread),
    WithJsonSchema({"type": "string", "examples": ["13m", "12m..14m", "10m..13m..20m"]}),
]
"""A pydantic field: a spread text in files, a Spread in code."""
