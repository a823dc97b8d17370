import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from drsim.simulator.durations import (
    DurationUs,
    SpreadField,
    duration_us,
    number,
    plural,
    show_duration,
    show_seconds,
    show_spread,
    spread_of,
)
from drsim.simulator.randomness import Spread


class Latency(BaseModel):
    """A model with one field of each kind."""

    timeout: DurationUs
    answer: SpreadField


# --- durations -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("0s", 0),
        ("7us", 7),
        ("250ms", 250_000),
        ("1.5s", 1_500_000),
        ("0.000001s", 1),
        ("30m", 1_800_000_000),
        ("1h30m", 5_400_000_000),
        ("1h 30m", 5_400_000_000),
        ("2d", 172_800_000_000),
        ("0.5d", 43_200_000_000),
        (" 15s ", 15_000_000),
        ("1m30s250ms1us", 90_250_001),
    ],
)
def test_a_duration_is_read_in_microseconds(text: str, us: int) -> None:
    assert duration_us(text) == us


@pytest.mark.parametrize("wrong", ["", "30", "m", "-5s", "1,5s", "5 minutes", "1.s", ".5s", "3S", "٣s", "5m s", "1e3s"])
def test_a_text_that_is_no_duration_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="a duration is a text with units") as caught:
        duration_us(wrong)
    assert str(caught.value) == (f'a duration is a text with units, such as "30m", "1h30m" or "250ms", got {wrong!r}')


@pytest.mark.parametrize("wrong", [30, 1.5, None, True, ["30m"]])
def test_a_duration_without_a_unit_is_refused_whatever_its_type(wrong: object) -> None:
    with pytest.raises(ValueError, match="a duration is a text with units") as caught:
        duration_us(wrong)
    assert str(caught.value).endswith(f"got {wrong!r}")


@pytest.mark.parametrize("wrong", ["0.5us", "1.0001ms", "1s0.25us"])
def test_a_fraction_of_a_microsecond_is_refused_and_not_rounded(wrong: str) -> None:
    with pytest.raises(ValueError, match="a duration is a whole number of microseconds") as caught:
        duration_us(wrong)
    assert str(caught.value).endswith(f"got {wrong!r}")


@given(st.integers(0, 10**15))
def test_a_duration_that_is_shown_reads_back(us: int) -> None:
    assert duration_us(show_duration(us)) == us


@pytest.mark.parametrize(
    ("us", "text"), [(0, "0s"), (90_000_000, "1m30s"), (86_400_000_001, "1d1us"), (1_500, "1ms500us")]
)
def test_a_duration_is_shown_in_its_largest_units(us: int, text: str) -> None:
    assert show_duration(us) == text


def test_a_duration_below_zero_is_not_shown() -> None:
    with pytest.raises(ValueError, match="us must be >= 0, got -5"):
        show_duration(-5)


# --- spreads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spread"),
    [
        ("13m", Spread(780_000_000, 780_000_000)),
        ("5ms..21ms", Spread(5_000, 21_000)),
        ("5ms .. 21ms", Spread(5_000, 21_000)),
        ("10m..13m..20m", Spread(600_000_000, 1_200_000_000, 780_000_000)),
        ("10s..10s..20s", Spread(10_000_000, 20_000_000, 10_000_000)),
        ("10s..10s", Spread(10_000_000, 10_000_000)),
        ("10s..10s..10s", Spread(10_000_000, 10_000_000)),
    ],
)
def test_a_spread_is_read(text: str, spread: Spread) -> None:
    assert spread_of(text) == spread
    assert spread_of(spread) is spread


@pytest.mark.parametrize("wrong", ["2s..1s", "1s..3s..2s", "1s..2s..3s..4s"])
def test_a_spread_out_of_order_or_of_too_many_durations_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="a spread has 1 to 3 durations in ascending order") as caught:
        spread_of(wrong)
    assert str(caught.value).endswith(f"got {wrong!r}")


@pytest.mark.parametrize("wrong", [30, None, (1, 2)])
def test_a_spread_that_is_no_text_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="a spread is a text such as") as caught:
        spread_of(wrong)
    assert str(caught.value).endswith(f"got {wrong!r}")


@pytest.mark.parametrize(
    ("text", "wrong"), [("", ""), ("1s..", ""), ("1s...2s", ".2s"), ("1s..2", "2"), ("x..2s", "x")]
)
def test_a_spread_with_a_wrong_duration_is_refused_by_that_duration(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match="a duration is a text with units") as caught:
        spread_of(text)
    assert str(caught.value).endswith(f"got {wrong!r}")


@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=3))
def test_a_spread_that_is_shown_reads_back(points: list[int]) -> None:
    spread = spread_of("..".join(show_duration(point) for point in sorted(points)))
    assert spread_of(show_spread(spread)) == spread


def test_a_spread_without_width_is_shown_as_one_duration() -> None:
    assert show_spread(Spread(5_000, 5_000, 5_000)) == "5ms"


# --- pydantic fields -----------------------------------------------------------------------------------------


def test_a_model_reads_texts_holds_microseconds_and_writes_the_texts_back() -> None:
    latency = Latency.model_validate({"timeout": "90s", "answer": "5ms..21ms"})
    assert latency.timeout == 90_000_000
    assert latency.answer == Spread(5_000, 21_000)
    assert latency.model_dump() == {"timeout": "1m30s", "answer": "5ms..21ms"}
    assert Latency.model_validate_json(latency.model_dump_json()) == latency


@pytest.mark.parametrize(
    ("field", "wrong", "message"),
    [
        ("timeout", 90, 'a duration is a text with units, such as "30m", "1h30m" or "250ms", got 90'),
        ("answer", "2s..1s", "a spread has 1 to 3 durations in ascending order"),
    ],
)
def test_a_model_says_which_field_is_wrong_and_why(field: str, wrong: object, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Latency.model_validate({"timeout": "90s", "answer": "5ms"} | {field: wrong})
    (error,) = caught.value.errors()
    assert error["loc"] == (field,)
    assert message in error["msg"]


@pytest.mark.parametrize(
    ("text", "fits"),
    [("30m", True), ("1h 30m", True), ("1.5s", True), ("30", False), ("5 minutes", False), ("", False)],
)
def test_the_json_schema_accepts_what_the_model_accepts(text: str, fits: bool) -> None:
    pattern = Latency.model_json_schema()["properties"]["timeout"]["pattern"]
    assert (re.search(pattern, text) is not None) is fits


def test_nouns_agree_with_their_count() -> None:
    assert [plural(count, "seed") for count in (0, 1, 2000)] == ["0 seeds", "1 seed", "2,000 seeds"]
    assert [plural(count, "property", "properties") for count in (0, 1, 2)] == [
        "0 properties",
        "1 property",
        "2 properties",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.9994, "999.4 ms"),
        (0.99999, "1 s"),
        (1, "1 s"),
        (89.99, "89.99 s"),
        (89.999, "1m 30s"),
        (90, "1m 30s"),
        (-0.99999, "-1 s"),
        (-0.000001, "0 ms"),
        (0, "0 s"),
    ],
)
def test_duration_for_people_is_rounded_before_its_unit_is_chosen(seconds: float, text: str) -> None:
    assert show_seconds(seconds) == text


def test_figure_that_rounds_to_zero_has_no_sign() -> None:
    assert [number(value) for value in (-0.001, -0.0, -0.004, -0.01)] == ["0", "0", "0", "-0.01"]
