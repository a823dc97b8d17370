"""Effects against a count of all pairs, intervals against published values and against how often they are right."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations, product
from math import sqrt
from statistics import NormalDist, variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsim.reports.comparing.effect import Histogram, drop, effect, pooled, quantile, student_t, superiority, wilson
from drsim.simulator.randomness import Stream

VALUES = st.lists(st.integers(0, 12).map(float), min_size=1, max_size=20)


def histogram(values: Sequence[float]) -> Histogram:
    return sorted(Counter(values).items())


@pytest.mark.slow
@given(VALUES, VALUES)
def test_superiority_is_the_share_of_pairs_with_half_of_the_ties(a: list[float], b: list[float]) -> None:
    pairs = [1.0 if y > x else 0.5 if y == x else 0.0 for x, y in product(a, b)]
    assert superiority(histogram(a), histogram(b)) == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)


@pytest.mark.slow
@given(VALUES, VALUES)
def test_changing_sides_mirrors_the_effect_and_its_interval(a: list[float], b: list[float]) -> None:
    there, back = effect([histogram(a)], [histogram(b)]), effect([histogram(b)], [histogram(a)])
    assert there
    assert back
    assert there.superiority == pytest.approx(1 - back.superiority)
    assert (there.low, there.high) == pytest.approx((1 - back.high, 1 - back.low))
    assert there.cliffs_delta == pytest.approx(-back.cliffs_delta)
    assert there.clear == back.clear


@pytest.mark.slow
@given(VALUES, VALUES)
def test_an_interval_holds_its_effect_and_stays_within_the_scale(a: list[float], b: list[float]) -> None:
    found = effect([histogram(a)], [histogram(b)])
    assert found
    assert 0 <= found.low <= found.superiority <= found.high <= 1
    # Even where each of B's values is the larger, few values prove little.
    assert found.low < found.high


@pytest.mark.slow
@given(VALUES, VALUES)
def test_difference_is_clear_exactly_where_mann_whitney_finds_one(a: list[float], b: list[float]) -> None:
    found = effect([histogram(a)], [histogram(b)])
    assert found
    deviation = sqrt((len(a) + len(b) + 1) / (12 * len(a) * len(b)))
    z = abs(found.superiority - 0.5) / deviation
    if abs(z - 1.96) > 1e-3:
        assert (not found.low <= 0.5 <= found.high) == (z > 1.96)
        assert found.clear == (z > 1.96 and min(len(a), len(b)) >= 5)


def test_small_samples_are_rarely_clear_by_chance() -> None:
    # Every way in which five values and as many others can be mixed is as likely, if neither side tends to be larger.
    for a_count, b_count in ((5, 5), (5, 6), (5, 8), (6, 6)):
        ways = list(combinations(range(a_count + b_count), a_count))
        clear = 0
        for chosen in ways:
            rest = sorted(set(range(a_count + b_count)) - set(chosen))
            found = effect([histogram([float(each) for each in chosen])], [histogram([float(each) for each in rest])])
            assert found
            clear += found.clear
        assert 0.02 < clear / len(ways) < 0.06


@pytest.mark.slow
@given(st.lists(VALUES, min_size=1, max_size=5), st.lists(VALUES, min_size=1, max_size=5))
def test_the_spread_between_runs_only_widens_an_interval(a: list[list[float]], b: list[list[float]]) -> None:
    a_runs, b_runs = [histogram(each) for each in a], [histogram(each) for each in b]
    by_run, by_value = effect(a_runs, b_runs), effect([pooled(a_runs)], [pooled(b_runs)])
    assert by_run
    assert by_value
    assert by_run.by_run == (len(a) > 1 and len(b) > 1)
    assert by_run.superiority == by_value.superiority
    assert by_run.low <= by_value.low
    assert by_run.high >= by_value.high


def test_the_interval_of_two_sets_follows_from_the_spread_of_their_runs() -> None:
    # With as many values in each run, the jackknife comes to the variance of a mean, which is easy to count.
    a = [histogram(values) for values in ([1.0, 2, 9, 9], [7.0, 8, 8, 3], [2.0, 2, 1, 1])]
    b = [histogram(values) for values in ([5.0, 5, 6, 9], [2.0, 3, 4, 4], [9.0, 9, 8, 9])]
    found = effect(a, b)
    assert found
    parts = [
        variance([superiority(each, pooled(b)) for each in a]) / 3,
        variance([superiority(pooled(a), each) for each in b]) / 3,
    ]
    t = student_t(sum(parts) ** 2 / sum(part**2 / 2 for part in parts))

    def independent(theta: float) -> float:
        """Hanley and McNeil's variance of 12 values a side."""
        return theta * (1 - theta) * (1 + 11 * ((1 - theta) / (2 - theta) + theta / (1 + theta))) / 144

    exceeds = sum(parts) / independent(found.superiority)
    assert exceeds > 1
    assert found.superiority - found.low == pytest.approx(t * sqrt(exceeds * independent(found.low)))
    assert found.high - found.superiority == pytest.approx(t * sqrt(exceeds * independent(found.high)))


def test_without_values_there_is_no_effect() -> None:
    assert effect([], [[(1.0, 1)]]) is None
    assert effect([[]], [[(1.0, 1)]]) is None


def normal(stream: Stream) -> float:
    """Near enough: the sum of twelve uniform numbers."""
    return sum(stream.below(1_000_000) for _ in range(12)) / 1_000_000 - 6


@pytest.mark.slow
def test_interval_of_two_runs_with_independent_values_covers_95_percent() -> None:
    stream, right, truth = Stream(1, "independent"), 0, NormalDist().cdf(1 / sqrt(2))
    for _ in range(400):
        a, b = (histogram([shift + normal(stream) for _ in range(15)]) for shift in (0, 1))
        found = effect([a], [b])
        assert found
        right += found.low <= truth <= found.high
    assert 0.925 <= right / 400 <= 0.975


@pytest.mark.slow
def test_only_interval_of_sets_covers_dependent_values() -> None:
    stream, right, right_by_value = Stream(1, "dependent"), 0, 0
    for _ in range(300):
        sides = []
        for _ in range(2):
            levels = [normal(stream) / 2 for _ in range(5)]
            sides.append([histogram([level + normal(stream) for _ in range(20)]) for level in levels])
        by_run, by_value = effect(*sides), effect([pooled(sides[0])], [pooled(sides[1])])
        assert by_run
        assert by_value
        right += not by_run.clear
        right_by_value += not by_value.clear
    assert right / 300 >= 0.93
    # What the spread between runs is good for: taking these values as independent is wrong in two of five cases.
    assert right_by_value / 300 < 0.75


@pytest.mark.parametrize(
    ("passed", "judged", "low", "high"),
    # The first two are Newcombe's examples (Statistics in Medicine 17, 1998, 857), methods 3 of table I.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_rate_is_the_published_one(passed: int, judged: int, low: float, high: float) -> None:
    assert wilson(passed, judged) == pytest.approx((low, high), abs=5e-5)


def test_interval_of_a_rate_has_exact_ends_and_is_0_to_1_without_runs() -> None:
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),
    # Newcombe's examples (Statistics in Medicine 17, 1998, 873), method 10 of table II.
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 20), 0.6791, 1.0)],
)
def test_the_interval_of_a_difference_of_rates_is_the_published_one(
    a: tuple[int, int], b: tuple[int, int], low: float, high: float
) -> None:
    assert drop(a, b) == pytest.approx((low, high), abs=5e-5)


def test_drop_without_runs_has_the_widest_interval() -> None:
    assert drop((0, 0), (1, 2)) == drop((1, 2), (0, 0)) == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("freedom", "t"), [(1, 12.706), (2, 4.303), (3, 3.182), (5, 2.571), (10, 2.228), (30, 2.042), (1000, 1.962)]
)
def test_students_t_is_that_of_the_tables(freedom: int, t: float) -> None:
    assert student_t(freedom) == pytest.approx(t, rel=0.01)


@given(VALUES, st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_the_smallest_value_that_enough_values_do_not_exceed(values: list[float], ratio: float) -> None:
    found = quantile(histogram(values), ratio)
    assert sum(value <= found for value in values) >= ratio * len(values)
    assert sum(value < found for value in values) < ratio * len(values)


def test_a_quantile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a histogram with values"):
        quantile([], 0.5)
