"""Trends: what changed from point to point, since when a scenario fails, and the figures of page and Markdown."""

import json
import re
from collections.abc import Sequence

import pytest

from drsim.reports.campaign import rate_sentence
from drsim.reports.trend import TrendPoint, trend
from drsim.reports.trend_documents import (
    Curve,
    changes_of,
    curves,
    headline,
    limit_of,
    render_html,
    render_json,
    render_markdown,
    sentences,
)
from drsim.scenarios.campaign import Campaign, Explored, Header
from drsim.scenarios.contradiction import Contradiction
from drsim.scenarios.files import load
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from drsim.simulator.durations import about
from tests.catalogue import run_of
from tests.reports.hostile import TEXTS, hostile, late_polls
from tests.reports.test_release import html_in, main_of, rows, seconds


def point(
    label: str, *results: Result, campaigns: Sequence[tuple[Header, Campaign]] = (), **digests: str
) -> TrendPoint:
    return TrendPoint(label, "", "", digests, results, campaigns)


def exploration(last: int, *failed: int, code: str = "0123456789abcdef") -> tuple[Header, Campaign]:
    found = (
        Contradiction(seed=seed, property="isolation", execution_id="", at_us=0, expected="", observed="")
        for seed in failed
    )
    header = Header(scenario=load("chaos"), parts="", code=code, seeds=(1, last))
    return header, Campaign([Explored(first=1, last=last, failures=tuple(found))])


@pytest.fixture(scope="module")
def drill() -> Result:
    return run_of("drill").result


@pytest.fixture(scope="module")
def often() -> Result:
    return run(load("drill", ["SWEEPS_PER_INVOCATION=4"]), seed=1).result


@pytest.fixture(scope="module")
def late() -> Result:
    return run(load("drill", ["bounds.completion=0s"]), seed=1).result


def test_same_run_at_two_points_changed_nothing(drill: Result) -> None:
    found = trend([point("a", drill), point("b", drill)])
    (track,) = found.runs
    assert [each.changes for each in track.outcomes] == [None, ()]
    assert [changes_of(each) for each in track.outcomes] == [[], []]
    assert list(sentences(found)) == ["No verdict changed in 2 points."]
    assert headline(found) == "1 of 1 scenario passes at b"


def test_changed_setting_and_digest_are_named(drill: Result, often: Result) -> None:
    (track,) = trend([point("a", drill), point("b", often)]).runs
    digests = [str(each.trace_digest)[:12] for each in (drill, often)]
    assert changes_of(track.last) == [
        "settings.SWEEPS_PER_INVOCATION: none → 4",
        f"trace digest: {digests[0]} → {digests[1]}",
    ]


def test_changes_are_those_since_the_point_before(drill: Result, often: Result) -> None:
    (track,) = trend([point("a", drill), point("b", often), point("gap"), point("c", often)]).runs
    assert [each.point for each in track.outcomes] == [0, 1, 3]
    assert track.last.changes == ()


def test_other_trace_with_the_same_settings_means_other_code(drill: Result) -> None:
    other = drill.model_copy(update={"trace_digest": "f" * 64})
    (track,) = trend([point("a", drill), point("b", other)]).runs
    assert changes_of(track.last)[-1] == "nothing was set differently, so code changed"
    (track,) = trend([point("a", drill, drsim="a" * 64), point("b", other, drsim="b" * 64)]).runs
    assert changes_of(track.last)[0] == "code of drsim: aaaaaaaaaaaa → bbbbbbbbbbbb"
    assert "nothing was set differently, so code changed" not in changes_of(track.last)


@pytest.mark.parametrize("levels", [("off", "full"), ("full", "summary"), ("off", "off")])
def test_traces_of_other_levels_say_nothing_of_code(drill: Result, levels: tuple[str, str]) -> None:
    before, after = (
        drill.model_copy(update={"trace": level, "trace_digest": None if level == "off" else digest * 64})
        for level, digest in zip(levels, "ab", strict=True)
    )
    (track,) = trend([point("a", before), point("b", after)]).runs
    assert track.last.changes == ()


def test_handlers_seed_and_version_of_another_point_are_named(drill: Result) -> None:
    environment = {**drill.metrics.environment, "python": "3.99"}
    other = drill.model_copy(
        update={
            "functions": {"finder": "app.py:handler"},
            "metrics": drill.metrics.model_copy(update={"environment": environment}),
        }
    )
    (track,) = trend([point("a", drill), point("b", other)]).runs
    python = drill.metrics.environment["python"]
    assert changes_of(track.last) == ["handlers.finder: none → app.py:handler", f"environment.python: {python} → 3.99"]
    (track,) = trend([point("a", drill), point("b", run_of("drill", 2).result)]).runs
    assert changes_of(track.last)[0] == "seeds: 1 → 2"


def test_many_settings_of_one_part_are_counted(drill: Result) -> None:
    contract = {f"field_{number}": "x" for number in range(9)}
    configuration = {**drill.metrics.configuration, "contract": contract}
    other = drill.model_copy(update={"metrics": drill.metrics.model_copy(update={"configuration": configuration})})
    (track,) = trend([point("a", drill), point("b", other)]).runs
    assert changes_of(track.last) == ["contract: 9 settings differ"]


def test_failing_scenario_says_since_when_and_comes_first(drill: Result, late: Result) -> None:
    idle = run_of("idle").result
    points = [point("a", idle, drill), point("b", idle, drill), point("c", idle, late), point("d", idle, late)]
    found = trend(points)
    assert [track.scenario for track in found.runs] == ["drill", "idle"]
    assert list(sentences(found)) == ["drill fails since c."]
    assert (found.verdict, headline(found)) == ("fail", "1 of 2 scenarios pass at d")
    change = changes_of(found.runs[0].outcomes[2])
    assert change[:2] == ["verdict: pass → fail", "worse: Executions complete with DRS's truth, completion-liveness"]
    assert list(sentences(trend(points[2:]))) == [
        "drill fails at each of its 2 points.",
        "No verdict changed in 2 points.",
    ]
    assert list(sentences(trend([*points, points[0]]))) == ["drill passes since a."]


def test_scenario_that_the_last_point_lacks_is_named(drill: Result, late: Result) -> None:
    found = trend([point("a", late, run_of("idle").result), point("b", run_of("idle").result)])
    assert list(sentences(found)) == ["No verdict changed in 2 points.", "Not at b: drill."]
    assert found.verdict == "pass"


def test_figures_of_the_tables_are_those_of_results(drill: Result, often: Result) -> None:
    found = trend([point("a", drill), point("b", often)])
    for row, result in zip(rows(render_markdown(found), "drill"), (drill, often), strict=True):
        figures = result.metrics.distributions
        (whole,) = (each for each in result.objectives if not each.wave)
        assert whole.times is not None
        assert seconds(row[2]) == pytest.approx(whole.times.p95, abs=0.5)
        assert seconds(row[3]) == pytest.approx(figures["staleness"].p99 / 1000, abs=0.05)
        assert result.capacity is not None
        limits = {each.name: each.at_executions for each in result.capacity.limits}
        executions, _, name = row[4].partition(", ")
        assert about(limits[name] or 0) == executions
        assert limits[name] == min(at for at in limits.values() if at is not None)


def test_seeds_of_a_point_count_as_one_outcome(drill: Result, late: Result) -> None:
    several = [run_of("drill", seed).result for seed in (1, 2, 3)]
    (track,) = trend([point("a", *several), point("b", *several[:2], late.model_copy(update={"seed": 3}))]).runs
    assert [(each.verdict, each.passed, each.runs) for each in track.outcomes] == [("pass", 3, 3), ("fail", 2, 3)]
    worst = max(each.objectives[0].times.p95 for each in several if each.objectives[0].times)
    assert track.outcomes[0].recovery_p95 == 1000 * worst
    twice = trend([point("a", drill), point("b", drill, drill.model_copy(update={"seed": 2}))]).runs[0].outcomes
    assert twice[0].staleness_p99 == twice[1].staleness_p99


def test_first_limit_is_that_of_the_fewest_executions(drill: Result) -> None:
    def limited(at: int, *, refused: int | None = None) -> Result:
        assert drill.capacity is not None
        limit = drill.capacity.limits[0].model_copy(
            update={"name": f"limit {at}", "is_hard": True, "used": 0.0, "at_executions": at, "refused": refused}
        )
        return drill.model_copy(update={"capacity": drill.capacity.model_copy(update={"limits": (limit,)})})

    (track,) = trend([point("a", limited(90), limited(30), limited(60))]).runs
    assert (track.last.limit, track.last.limit_at) == ("limit 30", 30)
    (track,) = trend([point("a", limited(90, refused=4), limited(30))]).runs
    assert (track.last.limit, track.last.limit_at) == ("limit 90", None)
    assert limit_of(track.last) == "reached, limit 90"


def limited(result: Result, at: int, refused: int | None = None) -> Result:
    """The result with one hard limit, which it reached if it was refused something."""
    assert result.capacity is not None
    limit = result.capacity.limits[0].model_copy(
        update={"name": "jobs", "is_hard": True, "used": 0.0, "at_executions": at, "refused": refused}
    )
    return result.model_copy(update={"capacity": result.capacity.model_copy(update={"limits": (limit,)})})


def test_limit_that_the_last_run_reached_stands_before_the_earlier_number(drill: Result) -> None:
    found = trend([point("a", limited(drill, 4957)), point("b", limited(drill, 4957, refused=2))])
    (track,) = found.runs
    curve = curves(found, track)[2]
    assert (curve.values, curve.last) == ([4957, None], "reached, jobs (before: 4,950, jobs)")
    for text in (render_markdown(found), render_html(found)):
        assert "reached, jobs (before: 4,950, jobs)" in text
        assert "4,957" not in text


def test_limit_reached_at_each_point_is_shown(drill: Result) -> None:
    found = trend([point(label, limited(drill, 90, refused=2)) for label in "ab"])
    assert "<b>reached, jobs</b>" in render_html(found)


def test_scenario_that_the_last_point_lacks_has_no_current_value(drill: Result) -> None:
    found = trend([point("a", drill, run_of("idle").result), point("b", run_of("idle").result)])
    track = next(each for each in found.runs if each.scenario == "drill")
    assert [curve.last.partition(" ")[0] for curve in curves(found, track)] == ["-", "-", "-"]


def test_degraded_point_is_amber_in_banner_signs_and_tables(drill: Result) -> None:
    wider = drill.model_copy(update={"degraded": (late_polls(),)})
    found = trend([point("a", drill), point("b", wider)])
    assert (found.verdict, found.outcome) == ("pass", "degraded")
    assert headline(found) == "1 of 1 scenario passes at b, 1 degraded"
    assert list(sentences(found)) == ["drill is degraded since b."]
    text, page = render_markdown(found), render_html(found)
    assert text.startswith("# ⚠️ PASS, degraded: 1 of 1 scenario passes at b, 1 degraded\n")
    assert "| drill | ✅⚠️ |" in text
    assert [row[1] for row in rows(text, "Points")] == ["✅ PASS", "⚠️ PASS, degraded"]
    assert [row[1] for row in rows(text, "drill")] == ["✅ PASS", "⚠️ PASS, degraded"]
    assert '<header class="banner degraded">' in page
    assert "<title>PASS, degraded: " in page
    assert '<li class="verdict degraded" style="grid-column:2" title="b: degraded">' in page
    assert next(sentences(trend([point("a", wider), point("b", wider)]))) == (
        "drill is degraded at each of its 2 points."
    )


def test_point_without_the_scenario_keeps_its_place_among_the_signs(drill: Result) -> None:
    idle = run_of("idle").result
    found = trend([point("a", drill, idle), point("b", idle), point("c", drill, idle)])
    assert "| drill | ✅·✅ |" in render_markdown(found)


def test_single_point_is_called_the_first(drill: Result) -> None:
    found = trend([point("a", drill, campaigns=[exploration(40)])])
    assert render_markdown(found).count("First point.") == 2
    assert "Nothing changed." not in render_markdown(found)
    assert "Nothing changed." in render_markdown(trend([point("a", drill), point("b", drill)]))


def test_exploration_shows_seeds_and_the_rate_claimed() -> None:
    campaigns = [exploration(40), exploration(200), exploration(50, 7, 9, code="fedcba")]
    found = trend([point(label, campaigns=[each]) for label, each in zip("abc", campaigns, strict=True)])
    table = rows(render_markdown(found), "exploration of chaos")
    assert [row[2:] for row in table] == [
        ["40", "0", rate_sentence(campaigns[0][1])],
        ["200", "0", rate_sentence(campaigns[1][1])],
        ["50", "2", rate_sentence(campaigns[2][1])],
    ]
    assert "failure rate below 7.5 %" in table[0][4]
    (track,) = found.explorations
    assert [each.rate_max for each in track.outcomes] == [7.5, 1.5, pytest.approx(13.46, abs=0.05)]
    assert changes_of(track.last) == [
        "verdict: pass → fail",
        "code of drsim: 0123456789ab → fedcba",
        "seeds: 1-200 → 1-50",
    ]
    assert list(sentences(found)) == ["exploration of chaos fails since c."]


def test_curve_has_a_place_for_each_point_and_gaps() -> None:
    curve = Curve("Recovery p95", [10.0, 20.0, None, 20.0], ["10 s", "20 s", "-", "20 s"])
    assert curve.text == "▁█ █"
    assert curve.last == "20 s"
    assert curve.path == "M4.0 24.0h0L41.3 4.0M116.0 4.0h0"
    assert curve.end == (116, 4.0)
    gone = Curve("Recovery p95", [10.0, 12.0, None], ["10 s", "12 s", "-"])
    assert (gone.end, gone.last) == (None, "- (before: 12 s)")
    assert Curve("Recovery p95", [10.0, None, 12.0], ["10 s", "-", "12 s"]).last == "12 s (before: 10 s)"
    assert Curve("First limit, executions", [241.0, None], ["241, jobs", "reached, jobs"]).last == (
        "reached, jobs (before: 241, jobs)"
    )
    assert Curve("Recovery p95", [None, None], ["-", "-"]).last == "-"


def test_small_change_does_not_fill_the_height_of_a_curve() -> None:
    assert Curve("Staleness p99", [1000.0, 1001.0], ["1 s", "1 s"]).text in ("▄▄", "▅▅", "▄▅")
    assert Curve("Staleness p99", [5.0, 5.0], ["5 s", "5 s"]).text == "▅▅"
    assert Curve("Staleness p99", [0.0], ["0 ms"]).text in ("▄", "▅")
    assert Curve("Staleness p99", [None], ["-"]).path == ""


def test_json_has_points_outcomes_and_all_changes(drill: Result, often: Result) -> None:
    found = trend([point("a", drill, campaigns=[exploration(40)]), point("b", often)])
    data = json.loads(render_json(found))
    assert [(each["label"], each["passed"], each["explorations"]) for each in data["points"]] == [
        ("a", 1, 1),
        ("b", 1, 0),
    ]
    (runs,), (seeds,) = data["runs"], data["explorations"]
    assert runs["outcomes"][1]["changes"][0] == {
        "kind": "setting",
        "name": "settings.SWEEPS_PER_INVOCATION",
        "before": None,
        "after": "4",
    }
    assert runs["outcomes"][1]["staleness_p99"] == often.metrics.distributions["staleness"].p99
    assert seeds["outcomes"][0]["seeds"] == 40


def test_page_has_a_card_and_a_table_for_each_scenario(drill: Result, often: Result) -> None:
    found = trend([point("a", drill, campaigns=[exploration(40)]), point("b", often)])
    page = render_html(found)
    pieces = main_of(page)
    assert re.findall(r"<h3><a href=\"(#t\d)\">([^<]+)</a>", page) == [
        ("#t1", "drill"),
        ("#t2", "exploration of chaos"),
    ]
    drawn = [each["aria-label"] for each in pieces.all("svg")]
    shown = [curve for track in found.tracks for curve in curves(found, track)]
    assert drawn == [f"{curve.name}: {'; '.join(curve.shown)}" for curve in shown]
    assert [each["d"] for each in pieces.all("path")] == [curve.path for curve in shown]
    assert re.findall(r'(?:src|href)="(?!#|data:)', page) == []


def test_hostile_labels_titles_and_settings_are_escaped(late: Result) -> None:
    bad = hostile(late)
    configuration = {**bad.metrics.configuration, "title": TEXTS[0], TEXTS[1]: TEXTS[3]}
    bad = bad.model_copy(
        update={"scenario": TEXTS[0], "metrics": bad.metrics.model_copy(update={"configuration": configuration})}
    )
    good = late.model_copy(update={"scenario": TEXTS[0]})
    found = trend([point(TEXTS[1], good), point(TEXTS[0], bad)])
    page, text = render_html(found), render_markdown(found)
    main_of(page)
    assert "<script>alert" not in page
    assert html_in(text) == []
    for each in (page, text, render_json(found)):
        assert "\u202e" not in each
        assert "\x00" not in each
