"""Text that a run brings in, made fit to be shown: whatever it holds, it stays text and stays where it is put."""

import re
from typing import Final

SHOWN_MAX: Final = 400
"""So many characters of one text are shown; result.json has all of them."""

# Control characters, marks that turn the direction of the text around them, and halves of surrogate pairs.
_UNSEEN: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def visible(text: object, length_max: int = SHOWN_MAX) -> str:
    """The text with what cannot be seen spelled out (⟨U+202E⟩), white space as one space, and an end if it is long."""
    words = " ".join(str(text).split())
    cut = words[:length_max]
    shown = _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", cut)
    return shown if len(words) <= length_max else f"{shown}… ({len(words)} characters)"
