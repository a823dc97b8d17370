"""The report of crash points, as a page and as Markdown: the calls at which functions died, and what broke."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from drsim.reports import html, markdown, page
from drsim.scenarios.crashes import Crashed, CrashPoint
from drsim.scenarios.model import Scenario
from drsim.scenarios.result import RunVerdict


class CallRow(NamedTuple):
    """The crash points of one call of one function."""

    function: str
    operation: str
    points: int
    violations: int
    missed: int


class CrashReport(NamedTuple):
    """Everything that the two documents show. `failures` are the files of shrunk failures."""

    scenario: Scenario
    seed: int
    verdict: RunVerdict
    points: Sequence[CrashPoint]
    crashed: Crashed
    failures: Sequence[Path] = ()

    @property
    def rows(self) -> list[CallRow]:
        """The calls in the order in which they first occur."""
        missed = {*self.crashed.missed}
        points = Counter(_call(point) for point in self.points)
        broken = Counter(_call(point) for point, _ in self.crashed.failures)
        never = Counter(_call(point) for point in self.points if str(point.rule) in missed)
        return [CallRow(*call, points[call], broken[call], never[call]) for call in points]


def _call(point: CrashPoint) -> tuple[str, str]:
    return f"{point.rule.function}", f"{point.rule.operation}"


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
