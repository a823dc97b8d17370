"""Axes: positions of values, ticks, and figures with units. Any values have an axis: none, equal, huge or negative."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from drsim.reports.text import visible
from drsim.simulator.durations import number, show_seconds

LARGEST: Final = 1e300
"""Beyond this the arithmetic of an axis overflows; such a value, like infinity or nan, counts as missing."""
_SMALLEST: Final = 1e-290
"""Values nearer to 0 count as 0, before the arithmetic underflows."""
LAST_INSTANT: Final = 253_402_300_799
"""The last second of the year 9999, and of Python's calendar."""

_LADDERS: Final = {
    "ms": (("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000)),
    "s": (("s", 1), ("min", 60), ("h", 3600)),
    "B": (("B", 1), ("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000)),
}
_SECONDS: Final = {"min": 60, "h": 3600}
_UNIT_MAX: Final = 12
_ENOUGH: Final = 10
"""A figure moves to the next larger unit at this many of it: 9 900 ms, but 10 s."""

# `strftime` would use the language of the user.
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUTE, _HOUR, DAY = 60, 3600, 86_400
_TIME_STEPS: Final = (
    *(unit * count for unit in (1, _MINUTE) for count in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * count for count in (1, 2, 3, 6, 12)),
    *(DAY * count for count in (1, 2, 7, 14, 28, 91, 364)),
)
_TIME_TICKS: Final = 8


class AxisLabel(NamedTuple):
    """A text beside an axis: at a value of the axis or, in a figure, at a percentage from left or top."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from `low` to `high`, which is larger; both are above 0 if it is logarithmic.

    Ends and ticks are in `unit`, and values in a unit that is `divisor` times smaller.
    """

    low: float
    high: float
    ticks: Sequence[AxisLabel] = ()
    unit: str = ""
    divisor: float = 1.0
    log: bool = False

    def at(self, value: float) -> float:
        """The position of a value: 0 at `low`, 1 at `high`, less or more if it is outside."""
        return self._position(value / self.divisor)

    def _position(self, shown: float) -> float:
        if not self.log:
            return (shown - self.low) / (self.high - self.low)
        return math.log(shown / self.low) / math.log(self.high / self.low) if shown > 0 else -math.inf

    def holds(self, value: float) -> bool:
        """Whether a value lies between the ends, within the precision of floats."""
        return -1e-9 <= self.at(value) <= 1 + 1e-9

    def text(self, value: float) -> str:
        """The value with its unit: 60 s."""
        shown = value / self.divisor
        return quantity(shown, self.unit) if self.log else _shown(shown, self.unit)

    def grid(self) -> list[float]:
        return [self._position(tick.at) for tick in self.ticks]

    def labels(self, *, upright: bool = False) -> list[AxisLabel]:
        """The labels of the ticks in percent from left or, if the axis stands upright, from top."""
        places = zip(self.grid(), self.ticks, strict=True)
        return [AxisLabel(percent(1 - at if upright else at), tick.label) for at, tick in places]


def percent(share: float) -> float:
    return round(share * 100, 1)


def drawable(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and abs(value) < LARGEST


def linear(
    low: float, high: float, count: int = 5, *, whole: bool = False, unit: str = "", divisor: float = 1.0
) -> Axis:
    """An axis that ends at ticks, with about `count` steps of 1, 2 or 5 times a power of ten, at least 1 if `whole`."""
    low, high = _apart(low / divisor, high / divisor)
    step = max(step_of((high - low) / count), 1.0 if whole else 0.0)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    marked = [index * step for index in range(first, max(last, first + 1) + 1)]
    return Axis(marked[0], marked[-1], [AxisLabel(at, _label(at, step)) for at in marked], unit, divisor)


def logarithmic(low: float, high: float, unit: str) -> Axis:
    """An axis over several decades, from one round value to another, with units at its ticks. Both ends are above 0."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    rounds = [factor * 10.0**exponent for exponent in decades for factor in (1, 2, 5)]
    begin = max(each for each in rounds if each <= low * (1 + 1e-12))
    end = min(each for each in [*rounds, 10.0 ** decades[-1]] if each >= high * (1 - 1e-12) and each > begin)
    shown = [each for each in rounds if begin <= each <= end]
    if len(shown) > 8:
        shown = [10.0**exponent for exponent in decades if begin <= 10.0**exponent <= end]
    return Axis(begin, end, [AxisLabel(each, _round_quantity(each, unit)) for each in shown], unit, log=True)


def time_axis(low: float, high: float, room: float = 0.0) -> Axis:
    """An axis in seconds since the epoch, with ticks at round times. Below a second it gets `room` on both sides."""
    if high - low < 1:
        low, high = low - room, high + room
    least = (high - low) / _TIME_TICKS
    step = next((each for each in _TIME_STEPS if least <= each), math.ceil(least / DAY) * DAY)
    marked = range(math.ceil(low / step) * step, math.floor(high) + 1, step)
    return Axis(low, high, [AxisLabel(at, _time_label(at, step)) for at in marked])


def clock_of(at: float, *, day: bool = False) -> str:
    """The time of day in UTC of an instant in seconds since the epoch: 20:32, or 20:32:29 within a minute."""
    instant = datetime.fromtimestamp(at, UTC)
    text = instant.strftime("%H:%M:%S").removesuffix(":00")
    return f"{_day_of(instant)} {text}" if day else text


def unit_of(name: str) -> str:
    return visible(name, _UNIT_MAX)


def in_unit(unit: str, largest: float) -> tuple[str, float]:
    """The unit in which figures up to `largest` are easily read, and their divisor: 60 000 ms are 60 s."""
    fitting = [step for step in _LADDERS.get(unit, ()) if abs(largest) >= step[1] * _ENOUGH]
    return fitting[-1] if fitting else (unit, 1)


def quantity(value: float, unit: str) -> str:
    """A figure in the unit that suits it: 120 ms, 57.2 s, 1h 30m."""
    unit, divisor = in_unit(unit, value)
    return _shown(value / divisor, unit)


def _shown(value: float, unit: str) -> str:
    """A figure with its unit; minutes and hours are a duration, such as 1m 30s."""
    if unit not in _SECONDS:
        return with_unit(figure(value), unit)
    return show_seconds(value * _SECONDS[unit]).replace(" ", "\N{NO-BREAK SPACE}")


def with_unit(text: str, unit: str) -> str:
    """Figure and unit, kept on one line; percent signs need no space."""
    return text if not unit else f"{text}%" if unit == "%" else f"{text}\N{NO-BREAK SPACE}{unit}"


def figure(value: float) -> str:
    """A figure as `number` writes it, but short if it is tiny or huge: 115.3, 0.0004, 1.5e+20."""
    return f"{value:.3g}" if value and not 0.01 <= abs(value) < 1e15 else number(value)


def rounded(value: float) -> float | int:
    """The value that `figure` shows, as a number."""
    shown = float(figure(value).replace(",", ""))
    return int(shown) if shown.is_integer() and abs(shown) < 1e15 else shown


def step_of(least: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below `least`, which is above 0."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def extent(values: Sequence[float]) -> tuple[float, float]:
    """The smallest and the largest value; 0 and 0 if there is none."""
    return (min(values), max(values)) if values else (0.0, 0.0)


def _apart(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis, moved apart if no step fits between them."""
    largest = max(abs(low), abs(high))
    if high - low > max(1e-9 * largest, _SMALLEST):
        return low, high
    if largest < 2 * _SMALLEST:
        return 0.0, 1.0
    room = abs(high) / 50
    return low - room, high + room


def _round_quantity(value: float, unit: str) -> str:
    """A round figure in the largest unit in which it is whole: 1 s for 1000 ms, but 100 s."""
    whole = [step for step in _LADDERS.get(unit, ()) if (value / step[1]).is_integer()]
    name, divisor = whole[-1] if whole else (unit, 1)
    return with_unit(figure(value / divisor), name)


def _label(value: float, step: float) -> str:
    if value and abs(value) >= 1e15:
        return f"{value:.3g}"
    for size, sign in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 10 and step >= size / 10:
            return f"{number(value / size)}{sign}"
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value:.{digits}f}" if digits < 6 else "0" if not value else f"{value:.3g}"


def _time_label(at: int, step: int) -> str:
    instant = datetime.fromtimestamp(at, UTC)
    if step >= DAY or (step >= _HOUR and at % DAY == 0):
        return _day_of(instant)
    return instant.strftime("%H:%M" if step >= _MINUTE else "%H:%M:%S")


def _day_of(instant: datetime) -> str:
    return f"{instant.day}\N{NO-BREAK SPACE}{_MONTHS[instant.month - 1]}"
