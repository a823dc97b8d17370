"""Axes: round ticks that hold all values, and figures in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsim.reports.charts.scales import LARGEST, figure, in_unit, linear, logarithmic, quantity, time_axis

NUMBERS = st.floats(min_value=-LARGEST / 10, max_value=LARGEST / 10)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 100, ["0", "20", "40", "60", "80", "100"]),
        (0, 7, ["0", "2", "4", "6", "8"]),
        (-3, 1, ["-3", "-2", "-1", "0", "1"]),
        (0, 0.3, ["0.0", "0.1", "0.2", "0.3"]),
        (0, 0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0, 90_000, ["0", "20k", "40k", "60k", "80k", "100k"]),
        (60, 60, ["58.5", "59.0", "59.5", "60.0", "60.5", "61.0", "61.5"]),
    ],
)
def test_ticks_are_round(low: float, high: float, labels: list[str]) -> None:
    assert [tick.label for tick in linear(low, high).ticks] == labels


def test_axis_of_counts_has_whole_ticks() -> None:
    assert [tick.label for tick in linear(0, 2, whole=True).ticks] == ["0", "1", "2"]


@pytest.mark.slow
@given(NUMBERS, NUMBERS)
def test_axis_holds_all_values_and_has_few_ticks(one: float, other: float) -> None:
    low, high = sorted((one, other))
    axis = linear(low, high)
    assert axis.holds(low)
    assert axis.holds(high)
    assert 2 <= len(axis.ticks) <= 9


@pytest.mark.slow
@given(st.floats(min_value=1e-6, max_value=1e9), st.floats(min_value=1, max_value=1e9))
def test_logarithmic_axis_holds_all_values(low: float, times: float) -> None:
    axis = logarithmic(low, low * times, "ms")
    assert axis.holds(low)
    assert axis.holds(low * times)
    assert all(axis.holds(tick.at) for tick in axis.ticks)


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (40, ["20:32:30", "20:32:35", "20:32:40", "20:32:45", "20:32:50", "20:32:55", "20:33:00", "20:33:05"]),
        (1600, ["20:35", "20:40", "20:45", "20:50", "20:55"]),
        (86_400, ["21:00", "29\xa0Nov", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00"]),
        (3 * 86_400, ["29\xa0Nov", "12:00", "30\xa0Nov", "12:00", "1\xa0Dec", "12:00"]),
    ],
)
def test_times_are_on_whole_minutes_and_days_have_names(seconds: int, labels: list[str]) -> None:
    start = 1764361949
    assert [tick.label for tick in time_axis(start, start + seconds).ticks] == labels


def test_figures_are_shown_in_the_unit_that_suits_them() -> None:
    assert quantity(120, "ms") == "120\xa0ms"
    assert quantity(9900, "ms") == "9,900\xa0ms"
    assert quantity(57_174.6, "ms") == "57.17\xa0s"
    assert quantity(1800, "s") == "30m"
    assert quantity(12.5, "%") == "12.5%"
    assert quantity(3, "") == "3"
    assert in_unit("B", 1_567_527) == ("kB", 1000)


def test_tiny_and_huge_figures_are_short() -> None:
    assert figure(0) == "0"
    assert figure(0.00042) == "0.00042"
    assert figure(1e200) == "1e+200"
