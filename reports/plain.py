"""Text from outside as text that every format can hold and that cannot pass for anything else.

Ids and messages may come from anybody's handlers. Owns which characters are shown by their escapes; how a format quotes
the others is the format's own.
"""

import re
from typing import Final

_UNSHOWN: Final = re.compile(
    # Controls save tab and line feed, which XML 1.0 (section 2.2) cannot hold or, like a carriage return, turns into
    # something else; half a surrogate pair, which is no character at all; and the two non-characters of the plane.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
    # Marks that reorder the text around them, and separators that some readers take for ends of lines.
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


def visible(text: str) -> str:
    r"""The text with characters that would break a format, or reorder its words, as escapes: `\x00`, `\u202e`."""
    return _UNSHOWN.sub(lambda found: found.group().encode("ascii", "backslashreplace").decode("ascii"), text)


def shortened(text: str, length_max: int) -> str:
    """The text if it has at most so many characters, else its beginning and how long all of it is."""
    if len(text) <= length_max:
        return text
    return f"{text[:length_max]}… ({len(text)} characters)"
