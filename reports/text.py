"""Text for people in every format: figures, durations, and text from outside, made safe.

Owns how a figure is written, and which characters of ids and messages of user-supplied handlers are shown as escapes;
each format quotes the others in its own way.
"""

import re
from itertools import pairwise
from typing import Final

SHOWN_MAX: Final = 400
"""The most characters of one text that are shown to people; result.json has all of them."""

MINUTES_FROM: Final = 90
"""Durations from here on are written in minutes. Below it stand the polls' gaps, whose fractions matter."""

_UNSHOWN: Final = re.compile(
    # Controls except tab and line feed, which XML 1.0 (section 2.2) cannot hold or, like a carriage return, changes;
    # halves of surrogate pairs, which are no characters; and the two non-characters of the plane.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
    # Marks that reorder the text around them or are invisible, and separators that some readers treat as ends of lines.
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def number(value: float) -> str:
    """A figure with as many digits as it deserves: 60,000, 115.3, 59.98, 0.25."""
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def duration(seconds: float) -> str:
    """A duration for people: 250 ms, 59.98 s, 1m 30s, 2h 5m, 3d 4h."""
    if abs(seconds) < MINUTES_FROM:
        in_ms = 0 < abs(seconds) < 1
        return f"{number(seconds * 1000)} ms" if in_ms else f"{number(seconds)} s"
    sign, left = "-" if seconds < 0 else "", round(abs(seconds))
    pairs = list(pairwise([("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]))
    part = next(part for (_, size), (_, part) in pairs if left >= size)
    # Rounding to the smaller unit may complete a day or an hour.
    left = round(left / part) * part
    major, size, minor, part = next((*large, *small) for large, small in pairs if left >= large[1])
    return f"{sign}{left // size}{major}" + (f" {left % size // part}{minor}" if left % size else "")


def plain(text: str) -> str:
    r"""The text with characters that break a format or reorder words as escapes: `\x00`, `\u202e`."""
    return _UNSHOWN.sub(_escape, text)


def shortened(text: str, length_max: int) -> str:
    """Return the text, or its beginning and its length if it has more than `length_max` characters."""
    if len(text) <= length_max:
        return text
    return f"{text[:length_max]}… ({len(text)} characters)"


def visible(text: object, length_max: int = SHOWN_MAX) -> str:
    """Any text on one line, for people, shortened: white space is one space, invisible characters are escapes."""
    return plain(shortened(" ".join(str(text).split()), length_max))


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
