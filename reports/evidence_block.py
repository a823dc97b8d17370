"""The block of `report.html` that shows `evidence.json`, between two comments.

Owns the comments, what lies between them, and the page's digest, which leaves that out: date and person change with
each run, and all else of the page is the same bytes for the same result and trace.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from drsim.reports import page
from drsim.reports.evidence import Evidence

# Text from outside cannot contain them: the page escapes each "<" of it.
_BEGIN: Final = "<!-- drsim evidence begins -->"
_END: Final = "<!-- drsim evidence ends -->"

NONE: Final = "This page was written without an evidence.json."
EMPTY: Final = Markup(f'{_BEGIN}\n<p class="note">{NONE}</p>\n{_END}')
"""The block of a page without evidence."""


class Parted(NamedTuple):
    """A page in three parts, with the comments in the outer ones."""

    before: str
    block: str
    after: str

    @property
    def digest(self) -> str:
        """SHA-256 of the page without its block."""
        return sha256((self.before + self.after).encode()).hexdigest()

    @property
    def block_digest(self) -> str:
        return sha256(self.block.encode()).hexdigest()

    def showing(self, evidence: Evidence) -> "Parted":
        """The page with the block of this evidence."""
        return self._replace(block=block_of(evidence))

    @property
    def text(self) -> str:
        return "".join(self)


def parted(text: str) -> Parted | None:
    """The parts of a page; None if it does not have each comment once, in this order."""
    before, begin, rest = text.partition(_BEGIN)
    block, end, after = rest.partition(_END)
    if not end or _BEGIN in rest or _END in before + after:
        return None
    return Parted(before + begin, block, end + after)


def block_of(evidence: Evidence) -> str:
    """What lies between the comments, from `evidence.json` alone."""
    settings = list(_leaves(evidence.configuration))
    return f"\n{page.render('evidence.html.j2', evidence=evidence, settings=settings)}\n"


_NAMED_ELSEWHERE: Final = ("name", "title", "why", "suites", "small", "exercises")


def _leaves(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each value with its dotted path, as `drsim run --set` takes it, but what the page says elsewhere."""
    for name, value in data.items():
        if path or name not in _NAMED_ELSEWHERE:
            yield from _leaves_of(value, f"{path}.{name}" if path else name)


def _leaves_of(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        yield from _leaves(value, path)
    elif isinstance(value, list) and any(isinstance(each, dict) and each for each in value):
        for number, each in enumerate(value):
            yield from _leaves_of(each, f"{path}.{number}")
    else:
        yield path, str(value)
