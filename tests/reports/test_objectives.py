"""Recovery times and objectives in each document, traced to the result."""

import csv
import re
from io import StringIO
from pathlib import Path

import pytest
from pydantic import ValidationError
from rich.console import Console

from drsim.reports import figures, html, markdown
from drsim.reports.campaign import CampaignSummary, render_html, render_markdown
from drsim.reports.charts.bullets import Bullet, bullets, stacks
from drsim.reports.comparing import documents
from drsim.reports.comparing.comparison import compare
from drsim.reports.formats import ctrf, junit, metrics_csv
from drsim.reports.objectives import sentence, took
from drsim.run_console import show
from drsim.scenarios.campaign import Campaign, Explored, Header
from drsim.scenarios.files import load
from drsim.scenarios.record import ObjectiveTotals
from drsim.scenarios.result import Result
from drsim.scenarios.runner import Run, run
from drsim.simulator.figures.table import PARTS
from tests.catalogue import run_of
from tests.reports.pieces import Pieces

HOSTILE = "<script>alert(1)</script>|`*"


@pytest.fixture(scope="module")
def missed() -> Run:
    """Two drills of three waves, the first of which misses its objective."""
    return run(load("drill", ["rto={execution: 30m, waves: {1: 5m, 2: 20m}}", "executions=2"]), seed=1)


def section(text: str, heading: str) -> str:
    """The part of a report from a heading to the next one."""
    return text.partition(f"{heading}\n")[2].partition("\n#")[0]


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]


def test_summary_has_one_line_and_the_waves_with_an_objective(missed: Run) -> None:
    text = section(markdown.render(missed.result), "## Executive Summary")
    whole, first, second, _ = missed.result.objectives
    assert whole.times
    assert f"{sentence(whole)} (observed)." in text
    assert sentence(whole) == f"p95 {took(whole.times.p95)}, max {took(whole.times.max)}; 0 of 2 missed 30m"
    table = {row[0]: row for row in rows(text)}
    assert list(table) == ["Recovery of", "---", "Execution", "Wave 1", "Wave 2"]
    for name, record in (("Wave 1", first), ("Wave 2", second)):
        assert record.times
        assert record.own
        assert record.rpo
        times = record.times
        shown = [took(record.objective), took(times.p50), took(times.p95), took(times.max)]
        assert table[name][1:-1] == [*shown, f"{record.missed} of 2", took(record.own.p95), took(record.rpo.p95)]


def test_summary_without_objective_is_one_line_without_a_table() -> None:
    result = run_of("many-waves").result
    text = section(markdown.render(result), "## Executive Summary")
    assert f"{sentence(result.objectives[0])} (observed)." in text
    assert sentence(result.objectives[0]).endswith("; no objective is set")
    assert not rows(text)


@pytest.mark.parametrize(
    ("waves", "words"), [("1: 5m", "1 wave has one"), ("1: 5m, 2: 29s", "2 waves have one")], ids=["one", "two"]
)
def test_executions_without_objective_beside_judged_waves(waves: str, words: str) -> None:
    result = run(load("drill", [f"rto={{waves: {{{waves}}}}}"]), seed=1, trace="off").result
    expected = f"; objective: none for whole executions; {words}"
    assert sentence(result.objectives[0], result.objectives).endswith(expected)
    assert expected in section(markdown.render(result), "## Executive Summary")
    terminal = Console(width=200, record=True, file=StringIO())
    show(terminal, result, Path("runs"), "ab" * 32)
    assert f"{expected}\n" in re.sub(" +\n", "\n", terminal.export_text())


def test_section_on_performance_shows_and_defines_each_part(missed: Run) -> None:
    text = section(markdown.render(missed.result), "### Recovery time")
    for part in PARTS:
        assert f"- *{part.title}*: {part.meaning}" in text
    records, slowest = missed.result.objectives, missed.result.objectives[0].slowest
    found = {row[0]: row[1:] for row in rows(text) if len(row) == len(PARTS) + 2}
    for record in records:
        assert record.times
        shown = [*(took(record.parts[part.name]) for part in PARTS), took(record.times.mean)]
        assert found[record.wave or "Execution"] == shown
    listed = {row[0].strip("`"): row[-1] for row in rows(text) if len(row) == len(PARTS) + 3}
    assert {each.execution_id: took(each.seconds) for each in slowest}.items() <= listed.items()


def test_earlier_result_is_read_and_shown_with_its_own_parts(missed: Run) -> None:
    data = missed.result.model_dump(mode="json")
    earlier = {"snapshot": "pending", "conversion": "started", "launch": "in_progress"}
    for record in data["objectives"]:
        del record["rpo"]
        for each in (record, *record["slowest"], *record["first_missed"]):
            each["parts"] = {earlier.get(name, name): value for name, value in each["parts"].items()}
    result = Result.model_validate(data)
    text = section(markdown.render(result), "### Recovery time")
    header = next(row for row in rows(text) if row[0] == "Mean time of")
    assert header[2:5] == ["DRS pending", "DRS started", "In progress"]
    assert "Recovery point" not in text
    assert "DRS pending" in html.render(result, missed.trace.lines()).text
    data["objectives"][0]["parts"]["conversion"] = data["objectives"][0]["parts"].pop("started")
    with pytest.raises(ValidationError, match="must have the parts no_job, snapshot, conversion"):
        Result.model_validate(data)


def test_what_did_not_recover_is_shown_beside_what_did() -> None:
    text = markdown.render(run_of("partial").result)
    header, _, whole, *_ = rows(section(text, "### Recovery time"))
    assert dict(zip(header, whole, strict=True))["Without a recovery"] == "1 FAILED"


def test_page_has_a_tile_and_bars_against_the_objective(missed: Run) -> None:
    page = html.render(missed.result, missed.trace.lines()).text
    whole = missed.result.objectives[0]
    assert whole.times
    tile = f"<b>{took(whole.times.p95)}</b><span>recovery time p95, observed</span>"
    assert f'{tile}<span class="target">target: 30m, 0 of 2 missed</span>' in page
    assert 'id="recovery-times"' in page
    assert 'id="recovery-parts"' in page


def test_page_of_an_older_result_has_no_part_on_recovery() -> None:
    older = run_of("drill").result.model_copy(update={"objectives": ()})
    page, text = html.render(older, ()).text, markdown.render(older)
    assert "recovery-times" not in page
    assert "Recovery time" not in page + text


def test_bullet_bar_beyond_its_limit_has_the_colour_of_failures() -> None:
    rows = {
        "late": Bullet(p50=50, p95=90, most=95, limit=60, note="90s of 60s"),
        "early": Bullet(p50=20, p95=30, most=40, limit=60, note="30s of 60s"),
        "free": Bullet(p50=20, p95=30, most=40, limit=None, note="30s"),
    }
    pieces = Pieces(bullets("x", "X", rows, basis="observed"))
    whiskers = [each["style"] for each in pieces.all("path", "whisker")]
    assert whiskers == ["--c:var(--fail)", "--c:var(--c1)", "--c:var(--c1)"]
    assert len(pieces.paths("span")) == 2
    assert pieces.data()["l"] == ["late", "early", "free"]
    limits = next(each for each in pieces.data()["s"] if each["n"] == "objective")
    assert limits["v"] == [60, 60, None]
    assert "90s of 60s" in pieces.texts


def test_stacked_parts_follow_each_other_to_the_whole() -> None:
    pieces = Pieces(stacks("x", "X", {"one": {"a": 10.0, "b": 0.0, "c": 30.0}}, basis="observed"))
    boxes = [re.match(r"M([\d.]+) \S+h([\d.]+)", path) for path in pieces.paths("bars")]
    (left, wide), (right, wider) = [(float(box[1]), float(box[2])) for box in boxes if box]
    assert (left, round(left + wide)) == (0, round(right))
    assert round(wider / wide) == 3


def test_charts_without_rows_are_empty() -> None:
    assert "No values." in bullets("x", "X", {}, basis="observed")
    assert "No values." in stacks("x", "X", {}, basis="observed")


def test_junit_and_ctrf_hold_figures_of_executions_and_judged_waves(missed: Run) -> None:
    whole = missed.result.objectives[0]
    assert whole.times
    text = junit.render(missed.result)
    assert f'<property name="recovery Execution p95 seconds" value="{whole.times.p95:.3f}" />' in text
    assert '<property name="recovery Wave 1 missed" value="2" />' in text
    assert "recovery Wave 3" not in text
    assert '"recovery Wave 1 objective seconds": "300.000"' in ctrf.render(missed.result)


def test_metrics_csv_ends_with_rows_of_recoveries(missed: Run) -> None:
    found = [row for row in csv.DictReader(StringIO(metrics_csv.render(missed.result))) if "Recover" in row["name"]]
    assert [(row["name"], row["dimensions"]) for row in found[:4]] == [
        ("RecoveryTime", ""),
        ("RecoveryObjective", ""),
        ("RecoveriesMissed", ""),
        ("RecoveryTime", "Wave=Wave 1"),
    ]
    whole = missed.result.objectives[0].times
    assert whole
    shown = [float(found[0][name]) for name in ("samples", "sum", "min", "max", "p50", "p99")]
    assert shown == [2, whole.mean * 2, whole.min, whole.max, whole.p50, whole.p99]
    assert float(found[1]["max"]) == 1800
    assert {row["at"][-4:] for row in found} == {":00Z"}


def test_hostile_names_of_waves_stay_text(missed: Run) -> None:
    record = missed.result.objectives[1].model_copy(update={"wave": HOSTILE, "unrecovered": {HOSTILE: 1}})
    hostile = missed.result.model_copy(update={"objectives": (missed.result.objectives[0], record)})
    assert "<script>alert" not in html.render(hostile, ()).text
    text = section(markdown.render(hostile), "### Recovery time")
    header, _, _, shown = [line for line in text.splitlines() if line[:1] == "|"][:4]
    assert "alert(1)" in shown
    assert len(re.findall(r"(?<!\\)\|", shown)) == header.count("|")
    assert "<script>" not in text
    assert not html.render(hostile, ()).troubles


def test_comparison_shows_objective_and_achieved_of_both_sides(missed: Run) -> None:
    other = run(load("drill", ["rto=24m", "executions=2"]), seed=2).result
    found = {each.name: (each.a, each.b) for each in compare([missed.result], [other]).objectives}
    (whole, _, _, _), theirs = missed.result.objectives, other.objectives[0]
    assert whole.times
    assert theirs.times
    assert found["Execution"] == (
        f"p95 {took(whole.times.p95)} of 30m, 0 of 2 missed",
        f"p95 {took(theirs.times.p95)} of 24m, {theirs.missed} of 2 missed",
    )
    assert found["Wave 1"][1] is not None
    assert found["Wave 1"][1].endswith(", no objective")
    assert found["Execution"][1] in documents.render_html([compare([missed.result], [other])])


def test_comparison_of_sets_takes_the_worst_run() -> None:
    runs: list[Result] = [run_of("drill", seed).result for seed in (1, 2, 3)]
    found = {each.name: each.b for each in compare(runs[:1], runs[1:]).objectives}
    worst = max(each.objectives[0].times.p95 for each in runs[1:] if each.objectives[0].times)
    assert found["Execution"] == f"p95 {took(worst)} in the worst run of 30m, 0 of 2 missed"


def test_campaign_shows_seeds_that_missed_and_the_worst_p95() -> None:
    totals = ObjectiveTotals(
        objective_s=1500, seeds=40, seeds_missed=2, recoveries=80, missed=3, worst_s=1563.2, worst_seed=17
    )
    explored = Explored(first=1, last=40, objectives={"": totals, HOSTILE: totals})
    header = Header(scenario=load("drill"), parts="", code="0123456789abcdef0123")
    summary = CampaignSummary(header, Campaign([explored]), Path("runs"), run=[(1, 40)], missing=[])
    text, page = render_markdown(summary), render_html(summary)
    assert "- Execution: 2 of 40 seeds missed 25m (3 of 80 recoveries); worst p95 26m 3s (seed 17)" in text
    assert '<td class="number">2 of 40</td><td class="number">3 of 80</td><td class="number">26m 3s</td>' in page
    assert "<script>alert" not in text.replace("&lt;", "") + page


def test_plots_have_a_bounded_number_of_rows(missed: Run) -> None:
    whole, wave, *_ = missed.result.objectives
    many = [wave.model_copy(update={"wave": f"Wave {number}"}) for number in range(1, 101)]
    drawn = [
        plot()
        for plot in figures.plots_of("performance", missed.result.model_copy(update={"objectives": (whole, *many)}))
    ]
    assert [("Wave 19" in each, "Wave 20" in each) for each in drawn if "recovery-" in each] == [(True, False)] * 2


def test_every_plot_of_performance_can_be_drawn(missed: Run) -> None:
    assert all(plot() for plot in figures.plots_of("performance", missed.result))


def test_documentation_defines_the_parts_as_reports_do() -> None:
    text = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    assert [f"| {part.title} | {part.meaning} |" in text for part in PARTS] == [True] * len(PARTS)
