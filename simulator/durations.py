"""Durations and spreads as text ("30m", "5ms..21ms"), and as pydantic fields; counts and figures as text for people."""

import re
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from drsim.simulator.randomness import Spread

_UNITS_US: Final = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_PART: Final = r"([0-9]+(?:\.[0-9]+)?)(us|ms|s|m|h|d) ?"
_DURATION: Final = f"({_PART})+"
NEVER_US: Final = 1 << 62
"""Later than any run."""
_LONGEST: Final = "36500d"
_LONGEST_US: Final = 36_500 * _UNITS_US["d"]
_DIGITS_MAX: Final = 30
MINUTES_FROM: Final = 90
"""Durations from here on are written in minutes. Below it stand the polls' gaps, whose fractions matter."""


def duration_us(text: object) -> int:
    """Parse a duration such as "1h30m", "1.5s" or "250ms" into microseconds. Raises ValueError."""
    if not isinstance(text, str) or not re.fullmatch(_DURATION, text.strip()):
        raise ValueError(f'a duration is a text with units, such as "30m", "1h30m" or "250ms", got {text!r}')
    parts: list[tuple[str, str]] = re.findall(_PART, text)
    us = sum(Fraction(number[:_DIGITS_MAX]) * _UNITS_US[unit] for number, unit in parts)
    if us > _LONGEST_US or any(len(number) > _DIGITS_MAX for number, _ in parts):
        raise ValueError(f"a duration is at most {_LONGEST}, in numbers of at most {_DIGITS_MAX} digits, got {text!r}")
    if us != int(us):
        raise ValueError(f"a duration is a whole number of microseconds, got {text!r}")
    return int(us)


def show_duration(us: int) -> str:
    """Format a duration for `duration_us`: 90_000_000 is "1m30s"."""
    if us < 0:
        raise ValueError(f"us must be >= 0, got {us}")
    text = ""
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, us = divmod(us, _UNITS_US[unit])
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def spread_of(text: object) -> Spread:
    """Parse "13m" (fixed), "12m..14m" (uniform) or "10m..13m..20m" (triangular). Raises ValueError."""
    if isinstance(text, Spread):
        return text
    if not isinstance(text, str):
        raise ValueError(f'a spread is a text such as "13m", "12m..14m" or "10m..13m..20m", got {text!r}')
    points = [duration_us(point) for point in text.split("..")]
    if len(points) > 3 or points != sorted(points):
        raise ValueError(f'a spread has 1 to 3 durations in ascending order, such as "12m..14m", got {text!r}')
    return Spread(points[0], points[-1], points[1] if len(points) == 3 and points[0] < points[2] else None)


def show_spread(spread: Spread) -> str:
    """Format a spread for `spread_of`."""
    if spread.low_us == spread.high_us:
        return show_duration(spread.low_us)
    points = (spread.low_us, spread.mode_us, spread.high_us)
    return "..".join(show_duration(point) for point in points if point is not None)


def number(value: float) -> str:
    """A figure with as many digits as it deserves: 60,000, 115.3, 59.98, 0.25."""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    text = f"{value:,.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def show_seconds(seconds: float) -> str:
    """A duration for people: 250 ms, 59.98 s, 1m 30s, 2h 5m, 3d 4h."""
    # Rounded first: what rounds to a second or to a minute and a half is written as that.
    if round(abs(seconds), 2) < MINUTES_FROM:
        in_ms = seconds != 0 and round(abs(seconds) * 1000, 1) < 1000
        return f"{number(seconds * 1000)} ms" if in_ms else f"{number(seconds)} s"
    sign, left = "-" if seconds < 0 else "", round(abs(seconds))
    pairs = list(pairwise([("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]))
    part = next(part for (_, size), (_, part) in pairs if left >= size)
    # Rounding to the smaller unit may complete a day or an hour.
    left = round(left / part) * part
    major, size, minor, part = next((*large, *small) for large, small in pairs if left >= large[1])
    return f"{sign}{left // size}{major}" + (f" {left % size // part}{minor}" if left % size else "")


def plural(count: int, noun: str, many: str | None = None) -> str:
    """A count for people: 1 seed, 2,000 seeds; 1 criterion, 2 criteria if `many` is given."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def about(executions: int) -> str:
    """Format an extrapolated number with three digits, rounded down: "521", "20,600"."""
    unit = 10 ** max(len(str(executions)) - 3, 0)
    return f"{executions // unit * unit:,}"


DurationUs = Annotated[
    int,
    BeforeValidator(duration_us),
    PlainSerializer(show_duration),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$", "examples": ["30m"]}),
]
"""A duration: text in files, microseconds in code."""

SpreadField = Annotated[
    Spread,
    BeforeValidator(spread_of),
    PlainSerializer(show_spread),
    WithJsonSchema({"type": "string", "examples": ["13m", "12m..14m", "10m..13m..20m"]}),
]
"""A spread: text in files, a Spread in code."""


def wait_us(seconds: float) -> int:
    """Return how long a wait of code under test lasts, at least a microsecond.

    Code that waits again for what is left until an instant, which is nothing, would else stop virtual time.
    """
    return max(round(seconds * 1_000_000), 1)
