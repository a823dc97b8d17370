import os
import random
import secrets
import uuid
from collections.abc import Callable
from math import exp
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsim.simulator.randomness import Spread, Stream, exponential_us, seeded_for_others

NAMES = st.text(max_size=8)
SEEDS = st.integers(-(1 << 70), 1 << 70)


def draws(stream: Stream, count: int = 20) -> list[int]:
    return [stream.below(1_000_000) for _ in range(count)]


# --- streams -------------------------------------------------------------------------------------------------


def test_the_numbers_are_the_same_in_every_process_on_every_python() -> None:
    stream = Stream(7, "drs/111122223333/us-east-1")
    assert [stream.below(1_000) for _ in range(12)] == [978, 50, 10, 181, 663, 633, 785, 69, 522, 235, 953, 495]
    stream = Stream(7, "x")
    assert stream.hexadecimal(16) == "e0d9c57ba9c42255"
    assert [stream.chance(0.5) for _ in range(8)] == [False, True, True, True, False, False, False, False]
    assert stream.sample(10, 3) == [1, 2, 6]
    assert [Spread(0, 1_000).draw(stream) for _ in range(3)] == [61, 508, 495]
    assert [Spread(0, 1_000, 200).draw(stream) for _ in range(3)] == [288, 364, 349]
    assert [exponential_us(stream, 1_000) for _ in range(3)] == [2157, 344, 112]


@given(SEEDS, NAMES, NAMES, st.lists(st.booleans(), max_size=40))
def test_a_stream_does_not_depend_on_what_others_draw(seed: int, name: str, other: str, turns: list[bool]) -> None:
    stream, disturber = Stream(seed, name), Stream(seed, other)
    seen = []
    for mine in turns:
        if mine:
            seen.append(stream.below(1_000_000))
        else:
            disturber.below(3)
    assert seen == draws(Stream(seed, name), len(seen))


@pytest.mark.parametrize(("seed", "name"), [(8, "x"), (7, "y"), (7, "x/"), (-7, "x"), (70, "x"), (7, "0/x")])
def test_another_seed_or_name_is_another_stream(seed: int, name: str) -> None:
    assert draws(Stream(seed, name)) != draws(Stream(7, "x"))


def test_a_stream_does_not_repeat_itself() -> None:
    stream = Stream(7, "x")
    assert len({stream.below(1 << 64) for _ in range(10_000)}) == 10_000


@given(SEEDS, NAMES, st.integers(1, 1 << 64))
def test_a_number_is_below_its_limit(seed: int, name: str, limit: int) -> None:
    stream = Stream(seed, name)
    assert all(0 <= stream.below(limit) < limit for _ in range(10))


@pytest.mark.parametrize("limit", [0, -1, (1 << 64) + 1])
def test_a_limit_out_of_range_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match=rf"limit must be from 1 to 2\*\*64, got {limit}$"):
        Stream(7, "x").below(limit)


def test_every_number_comes_about_equally_often() -> None:
    stream = Stream(7, "x")
    counts = [0] * 10
    for _ in range(10_000):
        counts[stream.below(10)] += 1
    assert all(900 <= count <= 1_100 for count in counts)


def test_a_chance_comes_true_about_as_often_as_it_says() -> None:
    stream = Stream(7, "x")
    assert mean(stream.chance(0.2) for _ in range(10_000)) == pytest.approx(0.2, abs=0.01)


def test_a_chance_of_nothing_never_comes_true_and_certainty_always_does() -> None:
    stream = Stream(7, "x")
    assert not any(stream.chance(0.0) for _ in range(1_000))
    assert all(stream.chance(1.0) for _ in range(1_000))


@given(SEEDS, st.integers(1, 16))
def test_a_hexadecimal_text_has_its_digits_and_no_others(seed: int, digits: int) -> None:
    text = Stream(seed, "id").hexadecimal(digits)
    assert len(text) == digits
    assert set(text) <= set("0123456789abcdef")


def test_more_than_16_hexadecimal_digits_are_refused() -> None:
    with pytest.raises(ValueError, match="limit must be from 1"):
        Stream(7, "x").hexadecimal(17)


@given(SEEDS, st.integers(0, 20), st.integers(0, 25))
def test_a_sample_has_different_numbers_in_ascending_order(seed: int, population: int, size: int) -> None:
    sample = Stream(seed, "servers").sample(population, size)
    assert len(sample) == min(size, population)
    assert sample == sorted(set(sample))
    assert all(0 <= number < population for number in sample)


def test_every_number_is_sampled_about_equally_often() -> None:
    stream = Stream(7, "x")
    counts = [0] * 5
    for _ in range(5_000):
        for number in stream.sample(5, 2):
            counts[number] += 1
    assert all(1_850 <= count <= 2_150 for count in counts)


# --- distributions -------------------------------------------------------------------------------------------


@st.composite
def spreads(draw: st.DrawFn) -> Spread:
    low_us, mode_us, high_us = sorted(draw(st.tuples(*[st.integers(0, 10**12)] * 3)))
    return Spread(low_us, high_us, draw(st.sampled_from([None, low_us, mode_us, high_us])))


@given(SEEDS, spreads())
def test_a_draw_is_within_its_spread(seed: int, spread: Spread) -> None:
    stream = Stream(seed, "latency")
    assert all(spread.low_us <= spread.draw(stream) <= spread.high_us for _ in range(10))


@given(SEEDS, spreads())
def test_a_draw_takes_one_number_whatever_the_width_of_the_spread(seed: int, spread: Spread) -> None:
    stream, other = Stream(seed, "latency"), Stream(seed, "latency")
    spread.draw(stream)
    other.below(2)
    assert draws(stream) == draws(other)


def test_both_ends_of_a_spread_are_drawn() -> None:
    stream = Stream(7, "x")
    assert {Spread(3, 5).draw(stream) for _ in range(100)} == {3, 4, 5}
    assert {Spread(3, 5, 4).draw(stream) for _ in range(100)} == {3, 4, 5}


@pytest.mark.parametrize(
    ("spread", "expected_us"),
    [
        (Spread(5_000, 5_000), 5_000),
        (Spread(5_000, 5_000, 5_000), 5_000),
        (Spread(10_000, 30_000), 20_000),
        (Spread(10_000, 40_000, 13_000), 21_000),
        (Spread(10_000, 40_000, 10_000), 20_000),
        (Spread(10_000, 40_000, 40_000), 30_000),
    ],
)
def test_the_mean_of_a_spread_is_about_that_of_its_distribution(spread: Spread, expected_us: int) -> None:
    stream = Stream(7, "x")
    assert mean(spread.draw(stream) for _ in range(5_000)) == pytest.approx(expected_us, rel=0.02)


def test_half_the_draws_of_a_triangle_are_on_each_side_of_its_median() -> None:
    stream = Stream(7, "x")
    # Half the mass of the triangle (0, mode 3, high 12) lies below 12 - sqrt(12 * 9 / 2).
    share = mean(Spread(0, 12_000_000, 3_000_000).draw(stream) < 4_651_531 for _ in range(5_000))
    assert share == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("points", [(5, 4, None), (5, 9, 4), (5, 9, 10)])
def test_a_spread_out_of_order_is_refused(points: tuple[int, int, int | None]) -> None:
    with pytest.raises(ValueError, match=r"low_us <= mode_us <= high_us must hold, got Spread\(low_us=5, high_us="):
        Spread(*points)


@pytest.mark.parametrize(
    ("share_of", "expected"),
    [
        (lambda us: us < 1_000_000, 1 - exp(-1)),
        (lambda us: us < 100_000, 1 - exp(-0.1)),
        (lambda us: us >= 3_000_000, exp(-3)),
    ],
)
def test_exponential_durations_are_spread_as_they_should_be(share_of: Callable[[int], bool], expected: float) -> None:
    stream = Stream(7, "arrivals")
    assert mean(share_of(exponential_us(stream, 1_000_000)) for _ in range(5_000)) == pytest.approx(expected, abs=0.015)


def test_exponential_durations_match_their_mean_and_are_not_negative() -> None:
    stream = Stream(7, "arrivals")
    drawn = [exponential_us(stream, 1_000_000) for _ in range(10_000)]
    assert mean(drawn) == pytest.approx(1_000_000, rel=0.02)
    assert min(drawn) >= 0


def test_randomness_of_the_system_is_seeded_and_restored() -> None:
    def drawn() -> tuple[object, ...]:
        return uuid.uuid4(), secrets.token_hex(8), os.urandom(4), random.SystemRandom().random(), random.random()

    with seeded_for_others(3):
        first = drawn()
        assert drawn() != first
    with seeded_for_others(3):
        assert drawn() == first
    with seeded_for_others(4):
        assert drawn() != first
    assert drawn() != drawn()
    assert uuid.UUID(str(first[0])).version == 4


def test_generators_without_a_seed_follow_the_seed_of_the_run() -> None:
    def drawn() -> tuple[float, ...]:
        first, second = random.Random(), random.Random()
        random.seed()
        return first.random(), second.random(), random.random()

    with seeded_for_others(3):
        first = drawn()
        assert len({*first, *drawn()}) == 6
        assert random.Random(5).random() == random.Random(5).random()
    with seeded_for_others(3):
        assert drawn() == first
    with seeded_for_others(4):
        assert drawn() != first
    assert drawn() != drawn()


def test_octets_come_from_whole_digests() -> None:
    stream = Stream(7, "x")
    assert [len(stream.octets(size)) for size in (0, 1, 64, 65, 1_000)] == [0, 1, 64, 65, 1_000]
    # One block each for 1 and 64, 2 for 65, 16 for 1,000: a mebibyte takes 16,384 hashes, not 131,072.
    assert Stream(7, "x").octets(64 * 21)[64 * 20 :] == stream.octets(64)
