"""The report of a release, which is all runs of one command: a page, Markdown, JUnit XML, and a record of its runs.

Owns the verdict over all runs, and what a row shows of one. The words and tables are those of `release_*.md.j2`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple, Self
from urllib.parse import quote

from pydantic import Field

from drsim.reports import findings, html, markdown, page
from drsim.reports.evidence import Approval, chain_breaks, digest_of
from drsim.reports.first_screen import missing
from drsim.reports.formats import junit
from drsim.reports.objectives import open_at_end
from drsim.reports.sections import Section, render_sections
from drsim.reports.timeline import anchor
from drsim.scenarios.record import Record
from drsim.scenarios.result import Outcome, Result, RunVerdict, graded, worst
from drsim.simulator.durations import plural, show_seconds
from drsim.simulator.figures.table import STALENESS

_CASES_MAX: Final = 3


class MemberRecord(Record):
    """One run of a release: its folder, its verdict, and the digests of its result and its evidence."""

    folder: str
    scenario: str
    seed: int
    verdict: RunVerdict
    is_degraded: bool
    result: str = Field(description="SHA-256 of its result.json.")
    evidence: str = Field(description="The digest of its record in evidence.json, which approvals do not change.")


class ReleaseRecord(Record):
    """`evidence.json` of a release. `missing` are scenarios without a result, each with the reason."""

    schema_version: Literal[1] = 1
    kind: Literal["release"] = "release"
    verdict: RunVerdict
    runs: tuple[MemberRecord, ...]
    missing: dict[str, str]
    files: dict[str, str] = Field(description="SHA-256 of each report of the release.")
    digest: str = Field("", description="SHA-256 of all fields above, the first entry of the chain.")
    approvals: tuple[Approval, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """The verdict; "degraded" if all runs pass, and one only because a bound is wider than usual."""
        return graded(self.verdict, is_degraded=any(each.is_degraded for each in self.runs))

    @property
    def last_digest(self) -> str:
        """The last value of the chain, which people keep elsewhere."""
        return self.approvals[-1].digest if self.approvals else self.digest

    @property
    def breaks(self) -> list[str]:
        """What is wrong with the chain, for people."""
        return list(chain_breaks(self._own_digest, self.digest, self.approvals))

    @property
    def sealed(self) -> Self:
        """The record with its digest."""
        return self.model_copy(update={"digest": self._own_digest})

    @property
    def _own_digest(self) -> str:
        return digest_of(self.model_dump(mode="json", exclude={"digest", "approvals"}))


class Member(NamedTuple):
    """A run of a release, the name of its folder beside the release's files, and the digests that are recorded."""

    folder: str
    result: Result
    result_digest: str = ""
    evidence_digest: str = ""


class Release(NamedTuple):
    """The runs in the order of the command. `missing` are scenarios without a result, each with the reason."""

    runs: Sequence[Member]
    missing: Mapping[str, str]

    @property
    def results(self) -> list[Result]:
        return [run.result for run in self.runs]

    @property
    def unit(self) -> str:
        """What the report counts: scenarios, or runs if one scenario has several."""
        names = {result.scenario for result in self.results}
        return "scenario" if len(names) == len(self.runs) else "run"

    @property
    def verdict(self) -> RunVerdict:
        """Fail if a run failed, unknown if one is unknown or missing, else pass."""
        verdicts = [result.verdict for result in self.results]
        return worst([*verdicts, "unknown"] if self.missing else verdicts)

    @property
    def outcome(self) -> Outcome:
        """The verdict; "degraded" if all runs pass, and one only because a bound is wider than usual."""
        return graded(self.verdict, is_degraded=any(result.outcome == "degraded" for result in self.results))

    @property
    def headline(self) -> str:
        """How many failed, are unknown, or passed: "2 of 15 scenarios failed, 1 unknown"."""
        counts = Counter(result.verdict for result in self.results)
        whole = plural(len(self.runs) + len(self.missing), self.unit)
        main = "failed" if counts["fail"] else "passed"
        others = {
            "unknown": counts["unknown"],
            "without a result": len(self.missing),
            "degraded": sum(result.outcome == "degraded" for result in self.results),
        }
        count = counts["fail"] or counts["pass"]
        return ", ".join(
            [f"{count} of {whole} {main}", *(f"{count} {what}" for what, count in others.items() if count)]
        )


class Shortfall(NamedTuple):
    """One thing that kept a run from passing and that no finding shows. `value` and `threshold` are for people."""

    name: str
    value: str
    threshold: str


def named(results: Sequence[Result]) -> list[str]:
    """A name for each run: its scenario, with the seed if the scenario has several runs."""
    counts = Counter(result.scenario for result in results)
    return [each.scenario if counts[each.scenario] == 1 else f"{each.scenario} seed {each.seed}" for each in results]


def shortfalls(result: Result) -> list[Shortfall]:
    """What failed in a run without a finding, or what an unknown run left out.

    A criterion that rests on a failed property fails with it, and is left out.
    """
    broken = {each.name: each for each in result.properties if each.verdict == "fail"}
    shown = {each.property for each in findings.each_of(result.findings)}
    found = [
        Shortfall(name, plural(each.violations_count, "violation"), each.rule)
        for name, each in broken.items()
        if name not in shown
    ]
    found += [
        Shortfall(each.name, each.value, each.threshold)
        for each in result.criteria
        if each.verdict == "fail" and not broken.keys() & each.rests_on
    ]
    if result.verdict == "unknown":
        found += [Shortfall(name, "not exercised", "exercised, as declared") for name in missing(result)]
    return found


def failed_parts(result: Result) -> str:
    """How much of a run failed: "8 of 17 properties, 2 of 21 criteria"; "" if nothing did."""
    parts = []
    for judged, *names in ((result.properties, "property", "properties"), (result.criteria, "criterion", "criteria")):
        if count := sum(each.verdict == "fail" for each in judged):
            parts.append(f"{count} of {plural(len(judged), *names)}")
    return ", ".join(parts)


def staleness(result: Result) -> str | None:
    """The 99th percentile of staleness for people; None if the run has none."""
    found = result.metrics.distributions.get(STALENESS.name)
    return show_seconds(found.p99 / 1000) if found else None


def recovery(result: Result) -> str | None:
    """The 95th percentile of recovery times, of its objective if one is set; None if no execution recovered."""
    whole = next((each for each in result.objectives if each.times and not each.wave), None)
    if whole is None or whole.times is None:
        return None
    objective = "" if whole.objective is None else f" of {show_seconds(whole.objective)}"
    return f"{show_seconds(whole.times.p95)}{objective}{open_at_end(whole)}"


def record(release: Release, files: Mapping[str, bytes]) -> ReleaseRecord:
    """The record of a release and of its reports, by their names."""
    runs = [
        MemberRecord(
            folder=each.folder,
            scenario=each.result.scenario,
            seed=each.result.seed,
            verdict=each.result.verdict,
            is_degraded=each.result.outcome == "degraded",
            result=each.result_digest,
            evidence=each.evidence_digest,
        )
        for each in release.runs
    ]
    digests = {name: sha256(data).hexdigest() for name, data in files.items()}
    made = ReleaseRecord(verdict=release.verdict, runs=tuple(runs), missing=dict(release.missing), files=digests)
    return made.sealed


def documents(release: Release) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each report of a release. The same runs give the same bytes."""
    yield "index.html", render_html(release)
    yield "summary.md", render_markdown(release)
    yield "junit.xml", junit.render(*release.results, missing=release.missing)


def render_markdown(release: Release) -> str:
    """The release as GitHub-flavoured Markdown."""
    template = markdown.environment().get_template("release.md.j2")
    text = template.render(release=release, sections=_sections(release, markdown.SIGNS, "report.md"))
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


def render_html(release: Release) -> str:
    """The release as a self-contained page."""
    sections = [
        (each.name.removeprefix("release_"), each.title, html.html_of(each.text, f"Table: {each.title}"))
        for each in _sections(release, html.MARKS, "report.html")
    ]
    results, found = release.results, findings.merged(release.results)
    totals = {
        f"{release.unit}s": len(results),
        "executions": sum(result.started for result in results),
        "polls": sum(result.polls for result in results),
        "checks of properties": sum(each.checked for result in results for each in result.properties),
    }
    return str(
        page.render(
            "release.html.j2",
            release=release,
            verdict=release.outcome,
            sign=html.SIGNS.__getitem__,
            failed=[name for name, each in zip(named(results), results, strict=True) if each.verdict != "pass"],
            worst=found[0].finding if found else None,
            again=_again(results, found),
            culprit=findings.culprit,
            findings_count=plural(len(found), "finding"),
            totals=totals,
            sections=sections,
        )
    )


def _again(results: Sequence[Result], found: Sequence[findings.MergedFinding]) -> Result | None:
    """The run to repeat first: that of the worst finding, else the first that did not pass."""
    return found[0].result if found else next((each for each in results if each.verdict != "pass"), None)


def _sections(release: Release, signs: Mapping[str, str], report: str) -> list[Section]:
    found = findings.merged(release.results)
    reasons = [(run, each) for run in release.runs for each in shortfalls(run.result)]
    titles = {
        **({"release_findings": "Findings"} if found else {}),
        **({"release_failures": "Further failures"} if reasons or release.missing else {}),
        "release_scenarios": f"{release.unit.capitalize()}s",
        **({"release_cases": "Findings, case by case"} if found else {}),
        "release_files": "Files",
    }
    context: dict[str, Any] = {
        "release": release,
        "findings": found,
        "failures": reasons,
        "failed_parts": failed_parts,
        "run_of": lambda result: next(run for run in release.runs if run.result is result),
        "label": dict(zip((run.folder for run in release.runs), named(release.results), strict=True)).__getitem__,
        "sign": signs.__getitem__,
        "staleness": staleness,
        "recovery": recovery,
        "plural": plural,
        "link": lambda run, place="": f"<{quote(run.folder)}/{report}{place}>",
        "lane": lambda run, execution: f"<{quote(run.folder)}/report.html#{anchor(execution)}>",
        "first": lambda items: list(items)[:_CASES_MAX],
    }
    return render_sections(markdown.environment(), "markdown/{}.md.j2", context, titles)
