"""`report.html`: the whole report of a run as one page, with plots in its sections.

Owns the order. The words and tables of the sections are those of `report.md`, so each figure is written once;
the plots are `figures`, the executions' lanes `timeline`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from drsim.reports import markdown
from drsim.reports.figures import plots_of
from drsim.reports.history import TraceError, history
from drsim.reports.page import environment
from drsim.reports.phase_2 import CRITERIA
from drsim.reports.sections import Document, Section
from drsim.reports.statuses import counted
from drsim.reports.text import visible
from drsim.reports.timeline import timeline
from drsim.scenarios.result import Result

# Pictures of the kind that Markdown is shown with are not in every font; these signs are.
_SIGNS: Final = {"pass": "✓ PASS", "fail": "✗ FAIL", "not exercised": "– not exercised", "unknown": "? UNKNOWN"}

MARKS: Final = {verdict: f"\u2063{verdict}\u2063" for verdict in _SIGNS}
"""Verdicts between signs that `reports.text` lets no text from outside have, until they are HTML."""
_MARK: Final = re.compile("\u2063([a-z ]+)\u2063")
_TABLE: Final = Markup('<div class="table" tabindex="0" role="region" aria-label="{}">')


class _Shown(NamedTuple):
    """One section of the page."""

    name: str
    title: str
    plots: tuple[Markup, ...]
    text: Markup


def render(result: Result, lines: Iterable[str]) -> Document:
    """The page of one run, from its result and its trace's lines. What could not be written says so in its place.

    Lines that raise TraceError leave the page without a timeline, which says why.
    """
    troubles: list[str] = []
    damage = ""
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
        if result.trace == "off":
            return Markup('<p class="note">No trace was kept of this run, so there is no timeline.</p>')
        nonlocal damage
        try:
            events = history(lines, first=broken)
        except TraceError as error:
            damage = str(error)
            note = Markup('<p class="note">This run\'s trace {}, so there is no timeline.</p>')
            return note.format(visible(damage))
        return _part("timeline.html.j2", run=result, history=events, timeline=timeline(result, events))

    def text_of(section: Section) -> Markup:
        if section.trouble is not None:
            troubles.append(f"{section.title}: {section.trouble}")
        elif section.name == "acceptance":
            return guarded(
                section.title, lambda: _part("acceptance.html.j2", run=result, phase_2_criteria=CRITERIA, sign=sign)
            )
        return html_of(section.text, section.title)

    sign = _SIGNS.__getitem__
    summary, *sections = markdown.sections(result, signs=MARKS)
    page = environment().get_template("report.html.j2")
    text = page.render(
        run=result,
        ends=counted(result.executions),
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
    return Document(text, tuple(troubles), damage)


def html_of(text: str, name: str) -> Markup:
    """Markdown of ours, its verdicts written as `MARKS`, as HTML; HTML in it stays text.

    Tables can be scrolled, and are named by the heading above them, or `name`. A basis is a badge in its own column
    only, and a verdict is one where its mark is: text from outside may say the same words, and stays text.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    shown: list[Token] = []
    names: Counter[str] = Counter()
    titles: list[str] = []
    column = 0
    for token, content in zip(tokens, [*tokens[1:], None], strict=True):
        before = after = ""
        match token.type:
            case "heading_open":
                name = _words(content)
            case "table_open":
                names[name] += 1
                label = name if names[name] == 1 else f"{name}, table {names[name]}"
                before, titles = _TABLE.format(label), []
            case "table_close":
                after = "</div>"
            case "th_open":
                token.attrSet("scope", "col")
                titles.append(_words(content))
            case "tr_open":
                column = -1
            case "td_open":
                column += 1
                after = '<span class="basis">' if titles[column] == "Basis" else ""
            case "td_close":
                before = "</span>" if titles[column] == "Basis" else ""
        shown += [each for each in (_raw(before), token, _raw(after)) if each.content or each is token]
    return Markup(_MARK.sub(lambda found: _verdict(found[1]), parser.renderer.render(shown, parser.options, {})))


def _words(content: Token | None) -> str:
    """The text of a heading or of a cell, without its marks."""
    return "".join(each.content for each in content.children or ()) if content else ""


def _raw(text: str) -> Token:
    """HTML of ours between what Markdown makes."""
    return Token("html_block", "", 0, content=text)


def _verdict(verdict: str) -> Markup:
    return Markup('<span class="verdict {}">{}</span>').format(verdict, _SIGNS[verdict])


def _part(template: str, **context: Any) -> Markup:
    return Markup(environment().get_template(template).render(context))
