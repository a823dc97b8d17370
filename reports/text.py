"""Text from outside as text that every format can hold, that cannot pass for anything else and stays where it is put.

Ids and messages may come from anybody's handlers. Owns which characters are shown by their escapes; how a format quotes
the others is the format's own.
"""

import re
from typing import Final

SHOWN_MAX: Final = 400
"""The most characters of one text that are shown to people; result.json has all of them."""

_UNSHOWN: Final = re.compile(
    # Controls save tab and line feed, which XML 1.0 (section 2.2) cannot hold or, like a carriage return, turns into
    # something else; half a surrogate pair, which is no character at all; and the two non-characters of the plane.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
    # Marks that reorder the text around them or take no room, and separators that some readers take for ends of lines.
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)


def plain(text: str) -> str:
    r"""The text with characters that would break a format, or reorder its words, as escapes: `\x00`, `\u202e`."""
    return _UNSHOWN.sub(_escape, text)


def shortened(text: str, length_max: int) -> str:
    """Return the text, or its beginning and its length if it has more than `length_max` characters."""
    if len(text) <= length_max:
        return text
    return f"{text[:length_max]}… ({len(text)} characters)"


def visible(text: object, length_max: int = SHOWN_MAX) -> str:
    """Any text on one line, for people: white space is one space, what cannot be seen is escaped, the rest cut off."""
    return plain(shortened(" ".join(str(text).split()), length_max))


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
