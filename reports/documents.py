"""All formats of a run's report, from its result and its trace alone.

Owns which files there are, and that one which cannot be written does not affect the others.
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
"""Returns the trace's lines from the first one at each call. The lines raise TraceError if the trace is unreadable."""


class UnwrittenError(Exception):
    """A piece of a file could not be made, so the file is useless; the message says why."""


class File(NamedTuple):
    """One file of a report. `text` comes in pieces; it is None if the file could not be written, see `troubles`.

    Pieces are made on demand and may raise UnwrittenError, or TraceError without the trace. `damage` is what is wrong
    with the trace if the file was written without it.
    """

    name: str
    text: Iterable[str] | None
    troubles: tuple[str, ...] = ()
    damage: str = ""


def files(result: Result, lines: Lines, *, with_chrome: bool = False) -> Iterator[File]:
    """Every file, one after the other; Chrome's trace, which is large, only on request."""
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
            document = made if isinstance(made, Document) else Document(made)
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
