"""Text from outside, made plain."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from drsim.reports.text import plain, shortened


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
