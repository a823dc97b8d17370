"""The report of a release: its verdict over all runs, and its figures, which are those of the runs' results."""

import re

import pytest
from markdown_it import MarkdownIt

from drsim.reports.findings import title
from drsim.reports.release import Member, Release, documents, failed_parts, shortfalls
from drsim.scenarios.files import load
from drsim.scenarios.record import DegradedRecord, ViolationRecord
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from tests.catalogue import run_of
from tests.reports.formats.test_junit import SCHEMA
from tests.reports.hostile import TEXTS, hostile
from tests.reports.pieces import Pieces

NAMES = ("drill", "partial", "idle")


def release_of(*results: Result, **missing: str) -> Release:
    return Release([Member(f"{each.scenario}-{each.seed}", each) for each in results], missing)


def written(release: Release) -> dict[str, str]:
    return dict(documents(release))


def rows(markdown: str, heading: str) -> list[list[str]]:
    """The cells of each row of the table under a heading."""
    part = markdown.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def main_of(page: str) -> Pieces:
    """The main part of a page, taken apart; fails if a tag is left open."""
    return Pieces(page[page.index("<main") : page.index("</main>") + len("</main>")])


def html_in(markdown: str) -> list[str]:
    """The HTML that a renderer which allows it finds in Markdown."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown)
    inner = [each for token in tokens for each in (token, *(token.children or ()))]
    return [each.content for each in inner if each.type in ("html_inline", "html_block")]


def seconds(text: str) -> float:
    """The seconds of a duration for people: 21m 55s, 57.6 s."""
    units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    return sum(float(count) * units[unit] for count, unit in re.findall(r"([\d.]+) ?(ms|h|m|s)", text))


@pytest.fixture(scope="module")
def passing() -> list[Result]:
    return [run_of(name).result for name in NAMES]


@pytest.fixture(scope="module")
def failed() -> Result:
    return run(load("drill", ["bounds.completion=0s"]), seed=7, replay="drsim run drill --seed 7").result


@pytest.fixture(scope="module")
def unknown() -> Result:
    return run(load("idle", ["exercises.properties=[timeout-truth]", "duration=5m"]), seed=1).result


def test_release_fails_with_one_failing_run(passing: list[Result], failed: Result, unknown: Result) -> None:
    release = release_of(*passing[1:], failed, unknown)
    assert release.verdict == "fail"
    assert release.headline == "1 of 4 runs failed, 1 unknown"
    page = written(release)["index.html"]
    assert '<header class="banner fail">' in page
    assert "<p>Not passed: drill, idle seed 1.</p>" in page


def test_release_without_a_result_is_unknown(passing: list[Result], unknown: Result) -> None:
    assert release_of(*passing).verdict == "pass"
    assert release_of(*passing).headline == "3 of 3 scenarios passed"
    assert release_of(*passing[:2], unknown).verdict == "unknown"
    interrupted = release_of(*passing[:2], idle="interrupted")
    assert interrupted.verdict == "unknown"
    assert interrupted.headline == "2 of 3 scenarios passed, 1 without a result"
    assert rows(written(interrupted)["summary.md"], "Further failures") == [["idle", "interrupted"]]
    assert "<p>Without a result: idle.</p>" in written(interrupted)["index.html"]


def test_degraded_runs_pass_and_are_counted(passing: list[Result]) -> None:
    wider = DegradedRecord(
        property="poll-cadence",
        bound="start_delay",
        unit="s",
        usual=10,
        granted=70,
        worst=57.4,
        count=9,
        checked=58,
        executions=3,
        first=ViolationRecord(execution_id="e", at="2025-11-28T20:32:29Z", expected="", observed=""),
    )
    release = release_of(passing[0].model_copy(update={"degraded": (wider,)}), *passing[1:])
    assert (release.verdict, release.outcome) == ("pass", "degraded")
    summary = written(release)["summary.md"]
    assert summary.startswith("# ⚠️ PASS, degraded: 3 of 3 scenarios passed, 1 degraded\n")
    assert "<title>PASS, degraded: 3 of 3" in written(release)["index.html"]
    assert [row[0] for row in rows(summary, "Scenarios")] == ["⚠️ PASS, degraded", "✅ PASS", "✅ PASS"]


def test_each_figure_of_a_row_is_its_results(passing: list[Result]) -> None:
    for row, result in zip(rows(written(release_of(*passing))["summary.md"], "Scenarios"), passing, strict=True):
        verdict, scenario, answer, executions, polls, staleness, recovery, seed = row
        assert verdict == "✅ PASS"
        assert scenario == f"[{result.scenario}](<{result.scenario}-1/report.md>)"
        assert answer == result.answer
        assert (executions, polls, seed) == (f"{result.started:,}", f"{result.polls:,}", str(result.seed))
        figures = result.metrics.distributions
        if "staleness" not in figures:
            assert (staleness, recovery) == ("-", "-")
            continue
        assert seconds(staleness) == pytest.approx(figures["staleness"].p99 / 1000, abs=0.5)
        (whole,) = (each for each in result.objectives if not each.wave)
        assert whole.times is not None
        achieved, _, objective = recovery.partition(" of ")
        assert seconds(achieved) == pytest.approx(whole.times.p95, abs=0.5)
        assert (seconds(objective) if objective else None) == whole.objective


def test_row_has_p99_of_staleness_and_p95_of_recovery(passing: list[Result]) -> None:
    metrics, (whole, *_) = passing[0].metrics, passing[0].objectives
    assert whole.times is not None
    staleness = metrics.distributions["staleness"].model_copy(update={"p50": 1e3, "p95": 2e3, "p99": 3e3, "max": 9e9})
    times = whole.times.model_copy(update={"p50": 1, "p95": 4, "p99": 5, "max": 9e6})
    changed = passing[0].model_copy(
        update={
            "metrics": metrics.model_copy(update={"distributions": {**metrics.distributions, "staleness": staleness}}),
            "objectives": (whole.model_copy(update={"times": times, "objective": 60.0}),),
        }
    )
    (row,) = rows(written(release_of(changed))["summary.md"], "Scenarios")
    assert row[5:7] == ["3 s", "4 s of 60 s"]


def test_page_has_the_rows_and_the_totals_of_the_results(passing: list[Result]) -> None:
    pieces = main_of(written(release_of(*passing))["index.html"])
    texts = " ".join(pieces.texts)
    for row in rows(written(release_of(*passing))["summary.md"], "Scenarios"):
        assert " ".join(row[2:]) in texts
    executions, polls = (
        sum(counts) for counts in ([each.started for each in passing], [each.polls for each in passing])
    )
    checks = sum(each.checked for result in passing for each in result.properties)
    assert f"3 scenarios {executions:,} executions {polls:,} polls {checks:,} checks of properties" in texts
    assert [each["href"] for each in pieces.all("a") if "-1/" in each["href"]] == [
        f"{name}-1/report.html" for name in NAMES
    ]


def test_an_answer_takes_the_place_of_the_title(passing: list[Result]) -> None:
    answered = passing[0].model_copy(update={"answer": "It took 21m 55s."})
    assert rows(written(release_of(answered))["summary.md"], "Scenarios")[0][2] == "It took 21m 55s."


def test_merged_findings_link_to_each_run_and_replay(passing: list[Result], failed: Result) -> None:
    again = failed.model_copy(update={"scenario": "partial", "seed": 8})
    release = release_of(failed, again)
    (found,) = failed.findings
    summary, page = written(release)["summary.md"], written(release)["index.html"]
    (row,) = rows(summary, "Findings")
    assert row[:2] == [f"1. {title(found)}", found.meaning]
    assert row[2] == (
        f"{2 * found.count} times in [drill](<drill-7/report.md#findings>), [partial](<partial-8/report.md#findings>)"
    )
    assert "$ drsim run drill --seed 7\n" in summary
    case = found.cases[0]
    assert f'<a href="drill-7/report.html#execution={case.execution_id}">' in page
    assert f"1 finding, the worst: {found.meaning} " in " ".join(page.split())


def test_case_of_a_merged_finding_is_of_the_run_that_has_it_at_top(failed: Result) -> None:
    (found,) = failed.findings
    root = found.model_copy(update={"property": "isolation", "followers": (found,)})
    first = failed.model_copy(update={"scenario": "partial", "findings": (root,), "replay": "drsim run partial"})
    case = found.cases[0].model_copy(update={"execution_id": "of-the-second-run"})
    second = failed.model_copy(update={"findings": (found.model_copy(update={"cases": (case,)}),)})
    files = written(release_of(first, second))
    _, _, part = files["summary.md"].partition(f". {title(found)}\n\n**")
    assert "In [drill](<drill-7/report.md#findings>)" in part
    assert "$ drsim run drill --seed 7\n" in part
    assert '<a href="drill-7/report.html#execution=of-the-second-run">' in files["index.html"]
    banner = " ".join(files["index.html"].partition("<header")[2].partition("</header>")[0].split())
    assert f"Since {case.at[11:19]} in drill." in banner
    assert 'data-copy="drsim run drill --seed 7"' in banner


def test_seed_of_a_row_is_no_figure_with_separators(failed: Result) -> None:
    files = written(release_of(failed.model_copy(update={"seed": 12345})))
    (row,) = rows(files["summary.md"], "Scenarios")
    assert row[-1] == "12345"


def test_row_and_page_say_that_an_execution_is_still_open(failed: Result) -> None:
    (whole, *_) = failed.objectives
    still_open = failed.model_copy(update={"objectives": (whole.model_copy(update={"still_open": 2}),)})
    (row,) = rows(written(release_of(still_open))["summary.md"], "Scenarios")
    assert row[-2].endswith("; 2 still open when the run ended")


def test_run_without_a_trace_has_no_links_to_executions(failed: Result) -> None:
    files = written(release_of(failed.model_copy(update={"trace": "off", "trace_digest": None})))
    case = failed.findings[0].cases[0]
    for text in files.values():
        assert "#execution=" not in text
    assert f"`{case.execution_id}`: expected" in files["summary.md"]


def test_what_no_finding_shows_is_listed_as_further_failure(failed: Result, unknown: Result) -> None:
    assert shortfalls(failed) == []
    (liveness,) = (each for each in failed.properties if each.verdict == "fail")
    old = failed.model_copy(update={"findings": ()})
    assert [(each.name, each.threshold) for each in shortfalls(old)] == [(liveness.name, liveness.rule)]
    alone = tuple(each.model_copy(update={"rests_on": ()}) for each in failed.criteria)
    names = [each.name for each in alone if each.verdict == "fail"]
    assert [each.name for each in shortfalls(failed.model_copy(update={"criteria": alone}))] == names
    summary = written(release_of(old))["summary.md"]
    assert "| Scenario | What failed | Value | Threshold |" in summary
    assert rows(summary, "Further failures")[0][2:] == ["1 violation", liveness.rule]
    assert [each.name for each in shortfalls(unknown)] == ["timeout-truth"]
    assert failed_parts(failed) == f"1 of {len(failed.properties)} properties, 1 of {len(failed.criteria)} criteria"


def test_junit_has_a_suite_for_each_scenario(passing: list[Result], failed: Result) -> None:
    text = written(release_of(*passing[1:], failed, late="not run"))["junit.xml"]
    SCHEMA.validate(text)
    assert re.findall(r'<testsuite name="([^"]+)"', text) == ["partial", "idle", "drill", "late"]
    assert '<error message="not run" type="run" />' in text


def test_hostile_titles_and_ids_are_escaped(failed: Result) -> None:
    bad = hostile(failed)
    configuration = {**bad.metrics.configuration, "title": TEXTS[0] + TEXTS[1] + TEXTS[2]}
    bad = bad.model_copy(update={"metrics": bad.metrics.model_copy(update={"configuration": configuration})})
    files = written(Release([Member("<b>&' drill", bad)], {"<i>": "<script>"}))
    page = files["index.html"]
    main_of(page)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "<i>" not in page
    assert 'href="%3Cb%3E%26%27%20drill/report.html"' in page
    assert html_in(files["summary.md"]) == []
    for text in files.values():
        assert "\u202e" not in text
        assert "\x00" not in text
    SCHEMA.validate(files["junit.xml"])


def test_page_needs_no_network_and_is_the_same_each_time(passing: list[Result], failed: Result) -> None:
    release = release_of(*passing[1:], failed)
    page = written(release)["index.html"]
    assert re.findall(r'(?:src|href)="(?:https?:)?//', page) == []
    again = release_of(*(Result.model_validate_json(each.model_dump_json()) for each in release.results))
    assert written(again) == written(release)
