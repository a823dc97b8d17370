"""The sketch of a figure: exact while they are few, and in steps with a stated error when they are many."""

from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drsim.simulator.figures.sketch as kept
from drsim.simulator.figures.sketch import ERROR_RATIO, Sketch

RATIOS = (0.0, 0.01, 0.5, 0.95, 0.99, 1.0)
many = st.lists(st.integers(-(10**6), 10**12) | st.integers(0, 3000), min_size=1, max_size=200)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """So few values are kept one by one that tests need not make many."""
    monkeypatch.setattr(kept, "EXACT_MAX", 5)
    return 5


def filled(numbers: list[int]) -> Sketch:
    """Values that come in three parts, with a look at their number after each."""
    values = Sketch()
    for place, number in enumerate(numbers):
        values.append(number)
        if place in (len(numbers) // 3, len(numbers) // 2):
            values.settle()
    values.settle()
    return values


def true_quantile(numbers: list[int], ratio: float) -> int:
    return sorted(numbers)[max(ceil(ratio * len(numbers)) - 1, 0)]


@pytest.mark.parametrize(("ratio", "value"), [(0, 10), (0.2, 10), (0.21, 20), (0.5, 30), (0.95, 50), (1, 50)])
def test_quantile_is_the_smallest_value_that_the_ratio_does_not_exceed(ratio: float, value: int) -> None:
    assert Sketch([30, 10, 50, 20, 40]).quantiles(ratio) == [value]


@given(many)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_few_values_are_kept_as_they_are(numbers: list[int]) -> None:
    values = filled(numbers)
    assert values.error_ratio == 0
    assert values.quantiles(*RATIOS) == [true_quantile(numbers, ratio) for ratio in RATIOS]
    assert [value for value, count in values.counted() for _ in range(count)] == sorted(numbers)


@pytest.mark.usefixtures("few")
@given(many)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_many_values_have_exact_sums_and_quantiles_within_the_error(numbers: list[int]) -> None:
    for values in (filled(numbers), Sketch.of_all([filled(numbers[::2]), filled(numbers[1::2])])):
        assert (len(values), values.total, values.low, values.high) == (
            len(numbers),
            sum(numbers),
            min(numbers),
            max(numbers),
        )
        for ratio, found in zip(RATIOS, values.quantiles(*RATIOS), strict=True):
            assert abs(found - true_quantile(numbers, ratio)) <= ERROR_RATIO * abs(true_quantile(numbers, ratio))


def test_many_values_report_their_error_and_use_bounded_memory(few: int) -> None:
    values = Sketch(range(few))
    values.settle()
    assert values.error_ratio == 0
    for first in range(1_000_000, 2_000_000, 10_000):
        values.extend(range(first, first + 10_000, 10))
        values.settle()
    assert values.error_ratio == ERROR_RATIO
    assert len(values) == few + 100_000
    assert len(values.counted()) < 2000


def test_no_values_have_no_quantile() -> None:
    assert not Sketch()
    with pytest.raises(IndexError):
        Sketch().quantiles(0.5)
