"""`report.html`: the whole report of a run as one page, with plots in its sections.

Owns the order. The words and tables of the sections are those of `report.md`, so each figure is written once;
the plots are `figures`, the executions' lanes `timeline`.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import zip_longest
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from drsim.reports import evidence_block, markdown, page
from drsim.reports.figures import plots_of
from drsim.reports.first_screen import first_screen, idle_line, passed_line
from drsim.reports.glossary import GLOSSARY
from drsim.reports.history import TraceError, history
from drsim.reports.outcomes import SectionOutcome, outcome_of
from drsim.reports.sections import Document, Section
from drsim.reports.statuses import counted
from drsim.reports.text import visible
from drsim.reports.tiles import tiles_of
from drsim.reports.timeline import anchor, timeline
from drsim.scenarios.result import Result
from drsim.simulator.durations import number

# Most fonts lack the pictures that Markdown uses; they have these signs.
SIGNS: Final = {
    "pass": "✓ PASS",
    "degraded": "✓ PASS, degraded",
    "fail": "✗ FAIL",
    "not exercised": "– not exercised",
    "unknown": "? UNKNOWN",
}

MARKS: Final = {verdict: f"\u2063{verdict}\u2063" for verdict in SIGNS}
"""Verdicts until they are HTML, between signs that `reports.text` escapes in text from outside."""
_MARK: Final = re.compile("\u2063([a-z ]+)\u2063")
_FINDING: Final = re.compile(r"(\d+)\. .*: ")
"""The heading of a finding, with its number. Those of sections have no colon."""
_EXECUTIONS: Final = ("Execution", "Slowest execution")
"""Titles of columns with ids of executions."""
_TABLE: Final = Markup('<div class="table" tabindex="0" role="region" aria-label="{}">')


def render(result: Result, lines: Iterable[str]) -> Document:
    """The page of one run, from its result and its trace's lines. A part that cannot be written says so in its place.

    Without a trace, when `lines` raise TraceError, the page has no timeline and says why.
    """
    parts = _PageParts(result)
    sections = markdown.sections(result, signs=MARKS, has_first_screen=True)
    findings = sections.pop(0) if sections[0].name == "findings" else None
    summary, *sections = sections
    first = first_screen(result)
    text = page.render(
        "report.html.j2",
        run=result,
        first=first,
        findings_max=markdown.ROWS_MAX,
        passed=passed_line(first, result),
        idle=idle_line(first, result),
        ends=", ".join(f"{number(count)} {phrase}" for count, phrase in counted(result.executions)),
        paper=_paper(result),
        siblings=_siblings(result),
        glossary=GLOSSARY,
        tiles=list(tiles_of(result)),
        verdict=result.outcome,
        configuration=result.metrics.configuration,
        sign=SIGNS.__getitem__,
        findings=findings and parts.text_of(findings),
        summary=parts.text_of(summary),
        executions=parts.guarded("Executions", lambda: parts.executions(lines)),
        sections=[
            (section, parts.plots_of(section), parts.text_of(section), parts.outcome_of(section))
            for section in sections
        ],
        evidence=evidence_block.EMPTY,
    )
    return Document(str(text), tuple(parts.troubles), parts.damage)


def _paper(result: Result) -> str:
    """What stands in the margin of each printed page."""
    digest = result.trace_digest
    text = f"{visible(result.scenario, 60)}, seed {result.seed}"
    return f"{text}, {result.verdict}" + (f", trace digest {digest[:16]}" if digest else "")


def _siblings(result: Result) -> list[str]:
    """The other files of the run's folder."""
    trace = [] if result.trace == "off" else ["trace.jsonl.gz"]
    return ["report.md", "result.json", *trace, "metrics.csv", "junit.xml", "ctrf.json", "evidence.json"]


class _PageParts:
    """The parts of a page, what could not be written of them, and what is wrong with the trace."""

    def __init__(self, result: Result) -> None:
        self.troubles: list[str] = []
        self.damage = ""
        self._result = result

    def guarded(self, title: str, write: Callable[[], Markup]) -> Markup:
        """A part, or a note that it could not be written."""
        try:
            return write()
        except Exception as error:
            return self._broken(title, error)

    def _broken(self, title: str, error: Exception) -> Markup:
        trouble = f"{type(error).__name__}: {error}"
        self.troubles.append(f"{title}: {trouble}")
        return page.render("broken.html.j2", error=trouble)

    def outcome_of(self, section: Section) -> SectionOutcome:
        """What came of a section. A section that could not be written is shown open."""
        try:
            outcome = outcome_of(section.name, self._result)
        except Exception as error:
            self._broken(f"{section.title}, its outcome", error)
            return SectionOutcome("", is_open=True)
        return outcome._replace(is_open=outcome.is_open or section.trouble is not None)

    def plots_of(self, section: Section) -> list[Markup]:
        try:
            chosen = plots_of(section.name, self._result)
        except Exception as error:
            return [self._broken(f"{section.title}, its plots", error)]
        return [self.guarded(f"{section.title}, a plot", plot) for plot in chosen]

    def executions(self, lines: Iterable[str]) -> Markup:
        """The timeline, or a note on why there is none."""
        result = self._result
        if result.trace == "off":
            return Markup('<p class="note">No trace was kept of this run, so there is no timeline.</p>')
        broken = {violation.execution_id for each in result.properties for violation in each.violations}
        try:
            events = history(lines, first=broken)
        except TraceError as error:
            self.damage = str(error)
            note = Markup('<p class="note">This run\'s trace {}, so there is no timeline.</p>')
            return note.format(visible(self.damage))
        return page.render("timeline.html.j2", run=result, history=events, timeline=timeline(result, events))

    def text_of(self, section: Section) -> Markup:
        """The text of a section; the acceptance criteria are tables with filters."""
        if section.trouble is not None:
            self.troubles.append(f"{section.title}: {section.trouble}")
        elif section.name == "acceptance":
            sign, run = SIGNS.__getitem__, self._result
            return self.guarded(section.title, lambda: page.render("acceptance.html.j2", run=run, sign=sign))
        # A region within the section must not have the name of the section.
        return html_of(section.text, f"{section.title}: figures", has_lanes=self._result.trace != "off")


def html_of(text: str, name: str, *, has_lanes: bool = False) -> Markup:
    """Markdown of ours, with verdicts written as `MARKS`, as HTML; HTML in it stays text.

    Tables scroll, and get the name of the heading above them, or `name`. Only the column "Basis" gets badges, and only
    marks become verdicts, since text from outside may hold the same words. With lanes, executions link to theirs.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    shown: list[Token] = []
    names: Counter[str] = Counter()
    titles: list[str] = []
    column, lane = 0, ""
    for token, content in zip_longest(tokens, tokens[1:]):
        before = after = ""
        match token.type:
            case "heading_open":
                name = _words(content)
                # The page links to findings by their numbers.
                if finding := _FINDING.match(name):
                    token.attrSet("id", f"finding-{finding[1]}")
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
                lane = _id_of(content) if has_lanes and titles[column] in _EXECUTIONS else ""
                after += f'<a href="#{anchor(lane)}">' if lane else ""
            case "td_close":
                before = "</a>" if lane else ""
                before += "</span>" if titles[column] == "Basis" else ""
        between = [Token("html_block", "", 0, content=text) for text in (before, after)]
        shown += [each for each in (between[0], token, between[1]) if each.content or each is token]
    text = parser.renderer.render(shown, parser.options, {})
    verdict = Markup('<span class="verdict {}">{}</span>')
    return Markup(_MARK.sub(lambda found: verdict.format(found[1], SIGNS[found[1]]), text))


def _id_of(content: Token | None) -> str:
    """What a cell has as code; "" if it has text."""
    return next((each.content for each in (content and content.children) or () if each.type == "code_inline"), "")


def _words(content: Token | None) -> str:
    return "".join(each.content for each in content.children or ()) if content else ""
