"""A quantile sketch: each value of a figure while there are few, and counts of steps once there are many.

Count, sum, minimum and maximum are always exact. Quantiles and counted values are exact until `settle` finds more than
EXACT_MAX values; from then on each has a relative error of at most ERROR_RATIO. The steps bound the memory.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from itertools import accumulate, chain
from math import ceil
from typing import Final, Self

EXACT_MAX: Final = 1 << 17
"""Values that are kept individually: one MiB."""

ERROR_RATIO: Final = 1 / 1024
"""A step has ten significant bits and represents the value in its middle."""

_BITS: Final = 10


class Sketch:
    """The values of one distribution: whole numbers, such as durations in microseconds."""

    __slots__ = ("_extremes", "_settled_total", "_single", "_steps", "append", "extend")

    def __init__(self, values: Iterable[int] = ()) -> None:
        self._single = array("q", values)
        # The array's own methods, since each poll appends a dozen values.
        self.append = self._single.append
        self.extend = self._single.extend
        self._steps: Counter[int] = Counter()
        # The smallest and the largest of the settled values.
        self._extremes: list[int] = []
        self._settled_total = 0

    @classmethod
    def of_all(cls, many: "Iterable[Sketch]") -> Self:
        """Return one sketch of the values of several."""
        both = cls()
        for each in many:
            both._extremes += each._extremes
            both._single.extend(each._single)
            both._steps.update(each._steps)
            both._settled_total += each._settled_total
        return both

    def settle(self) -> None:
        """Turn single values into counts of steps if there are too many. Call it regularly."""
        if not self._single or (len(self._single) <= EXACT_MAX and not self._steps):
            return
        self._extremes = [self.low, self.high]
        self._settled_total += sum(self._single)
        self._steps.update(map(_step, self._single))
        # Emptied in place, since `append` is this array's.
        del self._single[:]

    def __len__(self) -> int:
        return self._steps.total() + len(self._single)

    @property
    def error_ratio(self) -> float:
        """The largest relative error of a quantile or a counted value; 0 if all are exact."""
        return ERROR_RATIO if self._steps else 0.0

    @property
    def total(self) -> int:
        return self._settled_total + sum(self._single)

    @property
    def low(self) -> int:
        """The smallest value. Raises ValueError if there is none."""
        return min(chain(self._single, self._extremes))

    @property
    def high(self) -> int:
        """The largest value. Raises ValueError if there is none."""
        return max(chain(self._single, self._extremes))

    def counted(self) -> list[tuple[int, int]]:
        """Return pairs of a value, or the middle of its step, and its count, in ascending order of values."""
        found = Counter(self._single)
        if self._steps:
            low, high = self.low, self.high
            for step, count in self._steps.items():
                found[min(max(_middle(step), low), high)] += count
        return sorted(found.items())

    def quantiles(self, *ratios: float) -> list[int]:
        """Return, for each ratio, the smallest value that at least this share of values does not exceed (nearest rank).

        Raises IndexError if there is no value.
        """
        counted = self.counted()
        ranks = list(accumulate(count for _, count in counted))
        return [counted[bisect_left(ranks, max(ceil(ratio * ranks[-1]), 1))][0] for ratio in ratios]


def _step(value: int) -> int:
    """The lower edge of the value's step; of a negative value, the upper one."""
    shift = max(value.bit_length() - _BITS, 0)
    return value >> shift << shift if value > 0 else -(-value >> shift << shift)


def _middle(step: int) -> int:
    shift = max(step.bit_length() - _BITS, 0)
    half = (1 << shift) >> 1
    return step + half if step > 0 else step - half
