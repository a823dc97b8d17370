"""The block of `report.html` that shows `evidence.json`, between two comments.

Owns the comments, what lies between them, and the page's digest, which leaves that out: date and person change with
each run, and all else of the page is the same bytes for the same result and trace.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from markupsafe import Markup

from drsim.reports import page
from drsim.reports.evidence import CommitRecord, Evidence

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


class Fact(NamedTuple):
    """One line of the block: its name, and what is shown as code, as text and as a link, in this order."""

    name: str
    text: str = ""
    code: str = ""
    url: str = ""

    @property
    def is_linked(self) -> bool:
        """Whether the address is one of the web; another is text."""
        return self.url.startswith(("https://", "http://"))


def block_of(evidence: Evidence) -> str:
    """What lies between the comments, from `evidence.json` alone."""
    settings = list(_leaves(evidence.configuration))
    lists = (
        ("SHA-256 of code and input", [Fact(name, code=digest) for name, digest in evidence.digests.items()]),
        ("SHA-256 of files", [Fact(name, code=digest) for name, digest in evidence.files.items()]),
        (
            "Settings that differ from their defaults",
            [Fact(name, code=value) for name, value in settings[:_SETTINGS_MAX]],
        ),
    )
    left_out = max(len(settings) - _SETTINGS_MAX, 0)
    parts = {"evidence": evidence, "facts": list(_facts(evidence)), "lists": lists, "left_out": left_out}
    return f"\n{page.render('evidence.html.j2', **parts)}\n"


def _facts(evidence: Evidence) -> Iterator[Fact]:
    """Yield who, when, where and what, in words."""
    host, job, commit, functions = evidence.host, evidence.job, evidence.commit, evidence.functions
    yield Fact("When", f"{evidence.at} (wall clock)")
    yield Fact("Run by", evidence.by)
    if evidence.comment:
        yield Fact("Comment", evidence.comment)
    yield Fact("Where", f"{host.name}, {host.system}, in {host.folder}")
    if job is not None:
        yield Fact("CI job", ", ".join(filter(None, (job.system, job.name))), url=job.url)
    yield (
        Fact("Commit", evidence.no_commit or "unknown: git gave no answer")
        if commit is None
        else Fact("Commit", _state(commit), code=commit.id)
    )
    if functions is not None:
        yield Fact("Handlers", code=" ".join(filter(None, (functions.finder, functions.poller))))
    degraded = f", degraded: {'; '.join(evidence.degraded)}" if evidence.degraded else ""
    yield Fact("Verdict", f"{evidence.verdict}{degraded}")
    yield Fact("Not exercised", ", ".join(evidence.not_exercised) or "none")
    if evidence.unjudged:
        yield Fact("Off by contract", ", ".join(evidence.unjudged))
    yield (
        Fact("Trace digest", code=evidence.trace_digest) if evidence.trace_digest else Fact("Trace digest", "no trace")
    )
    yield Fact("Versions", ", ".join(f"{name} {version}" for name, version in evidence.versions.items()))


def _state(commit: CommitRecord) -> str:
    if not commit.changed_count:
        return "and no file differs from it"
    more = ", ..." if commit.changed_count > len(commit.changed) else ""
    differ = "file differs" if commit.changed_count == 1 else "files differ"
    return f"and {commit.changed_count:,} {differ} from it ({', '.join(commit.changed)}{more})"


_SETTINGS_MAX: Final = 100
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
