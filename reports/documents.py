"""All formats of a run's report, from its result and its trace alone.

Owns which files there are, and that one which cannot be written loses no other.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from drsim.reports import html, markdown
from drsim.reports.formats import chrome, ctrf, junit, metrics_csv
from drsim.reports.history import TraceError
from drsim.reports.sections import Document
from drsim.scenarios.result import Result

MARKDOWN: Final = "report.md"
PAGE: Final = "report.html"
CHROME: Final = "trace.chrome.json"

Lines = Callable[[], Iterable[str]]
"""The trace's lines, from the first one whenever it is called. They raise TraceError if the trace cannot be had."""


class UnwrittenError(Exception):
    """A file of which some piece could not be made, so that none of it is worth keeping; the message says why."""


class File(NamedTuple):
    """One file of a report. `text` comes in pieces and is None if it could not be written: `troubles` say why.

    Pieces are made as they are asked for; one that cannot be made raises UnwrittenError, or TraceError without the
    trace. A file that does without the trace says in `damage` what is wrong with that.
    """

    name: str
    text: Iterable[str] | None
    troubles: tuple[str, ...] = ()
    damage: str = ""


def files(result: Result, lines: Lines, *, with_chrome: bool = False) -> Iterator[File]:
    """Every file, as it is done; Chrome's trace is large, and asked for."""
    makers: dict[str, Callable[[], Document | str]] = {
        MARKDOWN: lambda: markdown.document(result),
        PAGE: lambda: html.render(result, lines()),
        "junit.xml": lambda: junit.render(result),
        "ctrf.json": lambda: ctrf.render(result),
        "metrics.csv": lambda: metrics_csv.render(result),
    }
    for name, make in makers.items():
        try:
            made = make()
        except Exception as error:
            yield File(name, None, (_trouble(name, error),))
        else:
            document = made if isinstance(made, Document) else Document(made, ())
            troubles = tuple(f"{name}: {trouble}" for trouble in document.troubles)
            yield File(name, (document.text,), troubles, document.damage)
    if with_chrome:
        yield File(CHROME, _chrome(result, lines))


def _chrome(result: Result, lines: Lines) -> Iterator[str]:
    try:
        yield from chrome.render(result, lines())
    except TraceError:
        raise
    except Exception as error:
        raise UnwrittenError(_trouble(CHROME, error)) from error


def _trouble(name: str, error: Exception) -> str:
    return f"{name}: {type(error).__name__}: {error}"
