"""`report.html`: the whole report of a run as one page, with plots where people look.

Owns what stands where. The words and tables of the sections are those of `report.md`, so that no figure is told twice;
the plots are `figures`, the executions' lanes `timeline`.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from markdown_it import MarkdownIt
from markupsafe import Markup

from reports import markdown
from reports.figures import plots_of
from reports.history import history
from reports.page import environment
from reports.phase_2 import CRITERIA
from reports.sections import Document, Section
from reports.timeline import timeline
from scenarios.result import Result

# Pictures of the kind that Markdown is shown with are not in every font; these signs are.
_SIGNS: Final = {"pass": "✓ PASS", "fail": "✗ FAIL", "not exercised": "– not exercised", "unknown": "? UNKNOWN"}
_BASIS: Final = re.compile(r"<td>(modelled|observed|measured)</td>")


class _Shown(NamedTuple):
    """One section of the page."""

    name: str
    title: str
    plots: tuple[Markup, ...]
    text: Markup


def render(result: Result, lines: Iterable[str]) -> Document:
    """The page of one run, from its result and its trace's lines. What could not be written says so in its place."""
    troubles: list[str] = []
    broken = {violation.execution_id for each in result.properties for violation in each.violations}

    def guarded(title: str, write: Callable[[], Markup]) -> Markup:
        try:
            return write()
        except Exception as error:
            return broken_part(title, error)

    def broken_part(title: str, error: Exception) -> Markup:
        troubles.append(f"{title}: {type(error).__name__}: {error}")
        return _part("broken.html.j2", error=f"{type(error).__name__}: {error}")

    def plots(section: Section) -> tuple[Markup, ...]:
        try:
            chosen = plots_of(section.name, result)
        except Exception as error:
            return (broken_part(f"{section.title}, its plots", error),)
        return tuple(guarded(f"{section.title}, a plot", plot) for plot in chosen)

    def executions() -> Markup:
        told = history(lines, first=broken)
        return _part("timeline.html.j2", run=result, history=told, timeline=timeline(result, told))

    def text_of(section: Section) -> Markup:
        if section.trouble is not None:
            troubles.append(f"{section.title}: {section.trouble}")
        elif section.name == "acceptance":
            return guarded(
                section.title, lambda: _part("acceptance.html.j2", run=result, phase_2_criteria=CRITERIA, sign=sign)
            )
        return html_of(section.text)

    sign = _SIGNS.__getitem__
    summary, *sections = markdown.sections(result)
    page = environment().get_template("report.html.j2")
    text = page.render(
        run=result,
        verdict=result.verdict,
        configuration=result.metrics.configuration,
        figure=result.metrics.distributions.get,
        sign=sign,
        checks=sum(each.checked for each in result.properties),
        violations=sum(each.violations_count for each in result.properties),
        summary=text_of(summary),
        executions=guarded("Executions", executions),
        sections=[_Shown(section.name, section.title, plots(section), text_of(section)) for section in sections],
    )
    return Document(text, tuple(troubles))


def html_of(text: str) -> Markup:
    """Markdown of ours as HTML: tables can be scrolled, and each basis is a badge. HTML in it stays text."""
    rendered = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    rendered = rendered.replace("<table>", '<div class="table" tabindex="0" role="region" aria-label="Table"><table>')
    rendered = rendered.replace("</table>", "</table></div>").replace("<th>", '<th scope="col">')
    for verdict, sign in markdown.SIGNS.items():
        mark = Markup('<span class="verdict {}">{}</span>').format(verdict, _SIGNS[verdict])
        rendered = rendered.replace(sign, mark)
    return Markup(_BASIS.sub(r'<td><span class="basis">\1</span></td>', rendered))


def _part(template: str, **context: Any) -> Markup:
    return Markup(environment().get_template(template).render(context))
