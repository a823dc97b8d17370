"""The report of crash points, as a page and as Markdown: the calls at which functions died, and what broke."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from drsim.reports import html, markdown, page
from drsim.scenarios.contradiction import Contradiction
from drsim.scenarios.result import RunVerdict


class CallRow(NamedTuple):
    """The crash points of one call of one function."""

    function: str
    operation: str
    points: int
    violations: int
    missed: int


class Broken(NamedTuple):
    """A property or criterion that failed at crash points, with the first of them as a rule, and its violation."""

    name: str
    points: int
    rule: str
    found: Contradiction


class CrashReport(NamedTuple):
    """Everything that the two documents show. `failures` are the files of shrunk failures."""

    scenario: str
    title: str
    seed: int
    verdict: RunVerdict
    run_count: int
    rows: Sequence[CallRow]
    broken: Sequence[Broken]
    failures: Sequence[Path] = ()

    @property
    def points_count(self) -> int:
        return sum(row.points for row in self.rows)


def render_markdown(report: CrashReport) -> str:
    """The report as GitHub-flavoured Markdown."""
    text = markdown.environment().get_template("crash_points.md.j2").render(report=report)
    return re.sub(r"\n{3,}", "\n\n", text)


def render_html(report: CrashReport) -> str:
    """The page, with the words and tables of the Markdown."""
    _, introduction, *parts = re.split(r"\n## |\A# .*\n", render_markdown(report))
    sections: list[tuple[str, str, Markup]] = []
    for part in parts:
        title, _, text = part.partition("\n")
        name = title.lower().replace(" ", "-")
        sections.append((name, title, html.html_of(text, name)))
    return page.render(
        "crash_points.html.j2",
        report=report,
        verdict=report.verdict,
        introduction=html.html_of(introduction, "introduction"),
        sections=sections,
    )
