"""Text from outside, made safe for every format.

Owns which characters of ids and messages of user-supplied handlers are shown as escapes;
each format quotes the others in its own way.
"""

import re
from typing import Final

SHOWN_MAX: Final = 400
"""The most characters of one text that are shown to people; result.json has all of them."""

_UNSHOWN: Final = re.compile(
    # Controls except tab and line feed, which XML 1.0 (section 2.2) cannot hold or, like a carriage return, changes;
    # halves of surrogate pairs, which are no characters; and the two non-characters of the plane.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
    # Marks that reorder the text around them or are invisible, and separators that some readers treat as ends of lines.
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


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
