"""Text from outside, made plain."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsim.reports.text import plain, shortened
from drsim.simulator.durations import number, show_seconds


def test_characters_that_break_a_format_or_reorder_words_are_escaped() -> None:
    assert plain("a\x00b\x1b[1m\r\x7f\x85") == "a\\x00b\\x1b[1m\\x0d\\x7f\\x85"
    assert plain("\u202eabc\u2066 \u200f \u2028 \ud800 \uffff") == "\\u202eabc\\u2066 \\u200f \\u2028 \\ud800 \\uffff"


def test_other_text_stays_as_it_is() -> None:
    assert plain("two\nlines\t<b> ä€😀 שלום") == "two\nlines\t<b> ä€😀 שלום"


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_comes_back_from_xml_as_it_was_shown(text: str) -> None:
    element = ElementTree.Element("text", shown=plain(text))
    element.text = plain(text)
    back = ElementTree.fromstring(ElementTree.tostring(element, encoding="utf-8"))
    assert (back.text or "") == back.get("shown") == plain(text)


def test_long_text_is_shortened_and_shows_its_length() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "abc… (4 characters)"


def test_figures_have_separators_and_three_or_four_digits() -> None:
    values = (0.0, 0.254, 59.984, 115.34, 1234.5, 60_000, -1_234_567)
    assert [number(value) for value in values] == ["0", "0.25", "59.98", "115.3", "1,234", "60,000", "-1,234,567"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.25, "250 ms"),
        (59.984, "59.98 s"),
        (60, "60 s"),
        (90, "1m 30s"),
        (1800, "30m"),
        (3599.6, "1h"),
        (7500, "2h 5m"),
        (86_399, "1d"),
        (100_000, "1d 4h"),
        (-90, "-1m 30s"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert show_seconds(seconds) == text
