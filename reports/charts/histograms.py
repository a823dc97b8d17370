"""Histograms of results: the ranges that their values stand for, with shares and cumulated shares.

A histogram has values of two or three significant digits. Each stands for all observed values that are rounded to it.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from drsim.reports.charts.scales import Axis, step_of
from drsim.scenarios.result import Distribution

_STEPS_MIN, _STEPS_MAX = 8, 40
_STEPS_PER_DECADE: Final = 24
"""Two digits distinguish a tenth at worst, which is a 24th of a decade."""


class Cell(NamedTuple):
    """The observed range of a histogram's value, its count, and the width of the range that is rounded to it."""

    low: float
    high: float
    values: int
    width: float


def cells_of(found: Distribution) -> Iterator[Cell]:
    """The ranges that the values of a histogram stand for, within the smallest and the largest observed value."""
    # As `scenarios.result.Distribution` rounds.
    digits = 3 if found.max < 4 * found.min else 2
    for value, count in found.histogram:
        low, high = _rounded_to(value, digits)
        least, largest = max(low, found.min), min(high, found.max)
        yield Cell(least, largest, count, high - low) if least <= largest else Cell(value, value, count, high - low)


def _rounded_to(value: float, digits: int) -> tuple[float, float]:
    """The range that is rounded to this value: with two digits 98.5 to 99.5 for 99, 99.5 to 105 for 100."""
    if not value:
        return 0.0, 0.0
    power = 10.0 ** math.floor(math.log10(abs(value)) + 1e-9)
    unit = power / 10 ** (digits - 1)
    inner = unit / (20 if abs(value) < power + unit / 2 else 2)
    ends = (abs(value) - inner, abs(value) + unit / 2)
    return ends if value > 0 else (-ends[1], -ends[0])


def coarsest(cells: Iterable[Cell]) -> float:
    return max((cell.width for cell in cells), default=0.0)


def edges_of(cells: Sequence[Cell], axis: Axis) -> list[float]:
    """The ends of the steps over an axis: more for more values, and none finer than the values are known."""
    wanted = min(max(round(2 * math.sqrt(sum(cell.values for cell in cells))), _STEPS_MIN), _STEPS_MAX)
    low, high = axis.low * axis.divisor, axis.high * axis.divisor
    if axis.log:
        steps = min(wanted, math.ceil(_STEPS_PER_DECADE * math.log10(high / low)))
        return [low * (high / low) ** (index / steps) for index in range(steps + 1)]
    ends = [end for cell in cells for end in (cell.low, cell.high)] or [low, high]
    first, last, widest = min(ends), max(ends), coarsest(cells)
    if last - first <= widest / 2:
        # As far as is known, all values are equal; the value is in the middle of its step.
        half = max(widest, (high - low) / _STEPS_MAX) / 2
        return [(first + last) / 2 - half, (first + last) / 2 + half]
    width = step_of(max((last - first) / wanted, widest / 2, (high - low) / 100) / axis.divisor) * axis.divisor
    begin, end = math.floor(first / width + 1e-9), math.ceil(last / width - 1e-9)
    return [index * width for index in range(begin, max(end, begin + 1) + 1)]


def shares_of(cells: Sequence[Cell], edges: Sequence[float]) -> list[float]:
    """The share of the values in each step, a cell's spread evenly over the steps that it touches."""
    counts = [0.0] * (len(edges) - 1)
    for low, high, count, _ in cells:
        first = min(max(bisect_right(edges, low) - 1, 0), len(counts) - 1)
        last = min(max(bisect_left(edges, high) - 1, first), len(counts) - 1)
        for index in range(first, last + 1):
            within = min(high, edges[index + 1]) - max(low, edges[index])
            counts[index] += count * (within / (high - low) if last > first else 1)
    total = sum(cell.values for cell in cells)
    return [each / total for each in counts] if total else counts


def cumulated(cells: Sequence[Cell]) -> list[tuple[float, float]]:
    """The corners of the curve: both ends of each cell with the share of values up to them."""
    total = sum(cell.values for cell in cells)
    corners, count = [], 0
    for cell in cells:
        corners += [(cell.low, count / total), (cell.high, (count + cell.values) / total)]
        count += cell.values
    return list(dict.fromkeys(corners))


def share_up_to(value: float, curve: Sequence[tuple[float, float]]) -> float:
    """The curve's height at a value: 0 before its first corner, 1 after its last, on a straight line between two."""
    index = bisect_right(curve, (value, math.inf))
    if index == 0 or index == len(curve):
        return float(index > 0)
    (low, share_low), (high, share_high) = curve[index - 1], curve[index]
    return share_low + (share_high - share_low) * (value - low) / (high - low)
