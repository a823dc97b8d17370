"""How much two groups of values differ, with the uncertainty of that; and the uncertainty of a pass rate.

A group of values is a histogram: values, smallest first, each with its count. The effect is the probability of
superiority: the share of pairs (a value of A, a value of B) in which B's is larger, where a tie counts half. It needs
no unit and no normal distribution; 2p - 1 is Cliff's delta. Its interval is Newcombe's fifth (Statistics in Medicine
25, 2006, 559): a score interval on Hanley and McNeil's variance. It stays within 0 to 1, is mirrored if A and B change
places, and excludes one half exactly where Mann and Whitney's test, by the normal distribution and without corrections
for ties and continuity, finds a difference. With few values that is too often: if all three of B's values are above all
three of A's, the exact p is 0.10. From five a side on, the exact p of a clear difference is at most 0.06.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations
from statistics import NormalDist
from typing import Final

Histogram = Sequence[tuple[float, int]]

VALUES_MIN: Final = 5
"""With fewer values on a side, no difference is called clear."""
_Z: Final = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Effect:
    """`superiority` of B with its 95 % interval; `by_run` says whether the interval holds for dependent values.

    `values_min` is the number of values of the side that has fewer.
    """

    superiority: float
    low: float
    high: float
    by_run: bool
    values_min: int

    @property
    def cliffs_delta(self) -> float:
        """From -1, where all of A's values are larger, to 1, where all of B's are."""
        return 2 * self.superiority - 1

    @property
    def few(self) -> bool:
        return self.values_min < VALUES_MIN

    @property
    def clear(self) -> bool:
        """Whether the values suffice, and the interval excludes that neither side tends to the larger ones."""
        return not self.few and not self.low <= 0.5 <= self.high


def effect(a_runs: Sequence[Histogram], b_runs: Sequence[Histogram]) -> Effect | None:
    """The effect between all values of A's runs and all of B's. None without values.

    Values of one run are not independent: a slow minute slows all its polls. With two or more runs a side, the interval
    therefore follows from the spread between runs. A jackknife that leaves out one run at a time shows by how much the
    variance exceeds that of independent values (Obuchowski's design effect, never taken below 1), and Student's t
    replaces the normal quantile. A single run shows no such spread, so its values count as independent.
    """
    a_runs, b_runs = [each for each in a_runs if each], [each for each in b_runs if each]
    if not a_runs or not b_runs:
        return None
    a, b = pooled(a_runs), pooled(b_runs)
    estimate, a_count, b_count = superiority(a, b), _count(a), _count(b)
    by_run = len(a_runs) > 1 and len(b_runs) > 1
    deviations = _Z
    if by_run:
        without_a = [superiority(pooled(rest), b) for rest in combinations(a_runs, len(a_runs) - 1)]
        without_b = [superiority(a, pooled(rest)) for rest in combinations(b_runs, len(b_runs) - 1)]
        between, freedom = _jackknife(without_a, without_b)
        within = _variance(estimate, a_count, b_count)
        deviations = student_t(freedom) * math.sqrt(max(between / within, 1.0) if within else 1.0)
    low, high = _interval(estimate, a_count, b_count, deviations)
    return Effect(estimate, low, high, by_run, min(a_count, b_count))


def superiority(a: Histogram, b: Histogram) -> float:
    """The share of pairs in which B's value is the larger; a tie counts half. Both must have values."""
    # Counts halves of pairs, to stay with integers until the end.
    halves = below = place = 0
    for value, count in b:
        while place < len(a) and a[place][0] < value:
            below += a[place][1]
            place += 1
        ties = a[place][1] if place < len(a) and a[place][0] == value else 0
        halves += count * (2 * below + ties)
    return halves / (2 * _count(a) * _count(b))


def pooled(runs: Iterable[Histogram]) -> Histogram:
    """One histogram of the values of several runs."""
    counts: Counter[float] = Counter()
    for histogram in runs:
        counts.update(dict(histogram))
    return sorted(counts.items())


def quantile(histogram: Histogram, ratio: float) -> float:
    """The smallest value that at least this share of the values does not exceed (nearest rank)."""
    if not histogram:
        raise ValueError("a quantile needs a histogram with values, got none")
    rank = max(math.ceil(ratio * _count(histogram)), 1)
    seen = accumulate(count for _, count in histogram)
    return next(value for (value, _), total in zip(histogram, seen, strict=True) if total >= rank)


def wilson(passed: int, judged: int) -> tuple[float, float]:
    """The 95 % interval of a rate of `passed` in `judged`; 0 to 1 where nothing was judged.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 1927.
    """
    if not judged:
        return 0.0, 1.0
    rate, square = passed / judged, _Z * _Z
    middle = (rate + square / (2 * judged)) / (1 + square / judged)
    half = _Z / (1 + square / judged) * math.sqrt(rate * (1 - rate) / judged + square / (4 * judged * judged))
    return (middle - half if passed else 0.0), (middle + half if passed < judged else 1.0)


def drop(a: tuple[int, int], b: tuple[int, int]) -> tuple[float, float]:
    """The 95 % interval of A's rate less B's, each `passed` in `judged`: Newcombe's, made of Wilson's two intervals."""
    if not a[1] or not b[1]:
        return -1.0, 1.0
    (a_low, a_high), (b_low, b_high) = wilson(*a), wilson(*b)
    a_rate, b_rate = a[0] / a[1], b[0] / b[1]
    below, above = math.hypot(a_rate - a_low, b_high - b_rate), math.hypot(a_high - a_rate, b_rate - b_low)
    return a_rate - b_rate - below, a_rate - b_rate + above


def student_t(freedom: float) -> float:
    """The 97.5 % quantile of Student's t, from 3 degrees of freedom on by Fisher's expansion (to 1 %)."""
    if freedom < 3:
        return 12.7062 if freedom < 2 else 4.3027
    first, second = (_Z**3 + _Z) / 4, (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / 96
    third = (3 * _Z**7 + 19 * _Z**5 + 17 * _Z**3 - 15 * _Z) / 384
    return _Z + first / freedom + second / freedom**2 + third / freedom**3


def _count(histogram: Histogram) -> int:
    return sum(count for _, count in histogram)


def _jackknife(without_a: Sequence[float], without_b: Sequence[float]) -> tuple[float, float]:
    """The variance between runs from the estimates without each of them, and its degrees of freedom (Welch's)."""
    parts = []
    for estimates in (without_a, without_b):
        runs, mean = len(estimates), sum(estimates) / len(estimates)
        parts.append((runs - 1, (runs - 1) / runs * sum((each - mean) ** 2 for each in estimates)))
    total = sum(variance for _, variance in parts)
    if not total:
        return 0.0, min(freedom for freedom, _ in parts)
    return total, total**2 / sum(variance**2 / freedom for freedom, variance in parts)


def _variance(theta: float, a_count: int, b_count: int) -> float:
    """Hanley and McNeil's variance of a superiority of `theta` between independent values, as Newcombe balances it."""
    others = (a_count + b_count) / 2 - 1
    spread = 1 + others * ((1 - theta) / (2 - theta) + theta / (1 + theta))
    return theta * (1 - theta) * spread / (a_count * b_count)


def _interval(estimate: float, a_count: int, b_count: int, deviations: float) -> tuple[float, float]:
    """The superiorities that are at most `deviations` standard deviations from the estimate."""

    def fits(theta: float) -> bool:
        return abs(estimate - theta) <= deviations * math.sqrt(_variance(theta, a_count, b_count))

    return _edge(fits, estimate, 0.0), _edge(fits, estimate, 1.0)


def _edge(fits: Callable[[float], bool], inside: float, outside: float) -> float:
    """The last value that fits, between one that does and the end of the scale."""
    if fits(outside):
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if fits(middle) else (inside, middle)
    return inside
