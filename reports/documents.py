"""Write every report file of a run, from the run's result and trace only.

Defines the list of files. A file that fails does not prevent the others.
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
JUNIT: Final = "junit.xml"
CTRF: Final = "ctrf.json"
METRICS: Final = "metrics.csv"
CHROME: Final = "trace.chrome.json"

NAMES: Final = (MARKDOWN, PAGE, JUNIT, CTRF, METRICS, CHROME)
"""All files that this module writes."""

Lines = Callable[[], Iterable[str]]
"""Each call returns the trace's lines from the beginning. The lines raise TraceError if the trace is unreadable."""


class UnwrittenError(Exception):
    """Rendering a chunk of a file failed, so the file is useless; the message gives the reason."""


class File(NamedTuple):
    """One file of a report. `text` is an iterable of chunks; None if rendering failed (see `troubles`).

    Only Chrome's trace is rendered lazily; iterating it may raise UnwrittenError, or TraceError if the trace is
    unreadable. `damage` describes a trace error; the file was then rendered without the trace.
    """

    name: str
    text: Iterable[str] | None
    troubles: tuple[str, ...] = ()
    damage: str = ""


def files(result: Result, lines: Lines, *, with_chrome: bool = False) -> Iterator[File]:
    """Yield each report file. Include Chrome's trace, which is large, only if `with_chrome`."""
    makers: dict[str, Callable[[], Document | str]] = {
        MARKDOWN: lambda: markdown.document(result),
        PAGE: lambda: html.render(result, lines()),
        JUNIT: lambda: junit.render(result),
        CTRF: lambda: ctrf.render(result),
        METRICS: lambda: metrics_csv.render(result),
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
