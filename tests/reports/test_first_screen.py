"""The first screen: its order, and where each of its figures comes from."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from drsim.reports import html, markdown
from drsim.reports.first_screen import first_screen, reason
from drsim.reports.formats import junit
from drsim.reports.release import Member, Release, documents
from drsim.reports.timeline import anchor
from drsim.scenarios.files import load
from drsim.scenarios.result import Result, UnjudgedRecord
from drsim.scenarios.runner import run
from drsim.simulator.durations import about, number, show_seconds
from drsim.simulator.figures.table import FIGURES
from tests.catalogue import run_of
from tests.reports.hostile import TEXTS, finding, hostile, late_polls
from tests.reports.pieces import Pieces

RUNS = {
    "pass": ("phase-2",),
    "fail": ("drill", "bounds.completion=0s", "expect=FAILED"),
    "degraded": ("drill", "executions=8", "latencies.invoke=4s", "PARALLEL_INVOKES_MAX=2", "bounds.poll_delay=40s"),
    "alarm": ("alarm-poller-errors",),
    "faults": ("chaos",),
    "limit": ("load-100",),
}


def result_of(name: str) -> Result:
    scenario, *changes = RUNS[name]
    return run(load(scenario, changes), seed=1).result if changes else run_of(scenario).result


def banner(result: Result) -> str:
    """The HTML of the first screen."""
    return str(html.render(result, ()).text).partition("<header")[2].partition("</header>")[0]


def text_of(result: Result) -> str:
    return " ".join(Pieces(f"<header{banner(result)}</header>").texts)


def numbers(text: str) -> list[str]:
    """The words of a text that have a digit, without the punctuation around them."""
    return [word.strip(".,:;()") for word in re.findall(r"[^\s()/=]*\d[^\s()/=]*", text)]


def leaves(data: Any) -> Iterator[Any]:
    """Each value in JSON, and the names of its fields."""
    if isinstance(data, dict):
        yield from data
        for each in data.values():
            yield from leaves(each)
    elif isinstance(data, list):
        for each in data:
            yield from leaves(each)
    else:
        yield data


def forms(value: Any) -> Iterator[str]:
    """How a value of result.json may be written on the first screen."""
    if isinstance(value, str):
        yield value
        yield value[:16]
        if re.match(r"\d{4}-\d\d-\d\dT", value):
            yield value[11:19]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from (f"{value:,}", f"{value:g}", f"{value:.0f}", f"{value:,.0f}", number(value), about(int(value)))
        yield from (show_seconds(value), show_seconds(value / 1000), f"{value * 100:g}")


def sources(result: Result) -> list[Any]:
    """The parts of result.json that the first screen is made of."""
    data = json.loads(result.model_dump_json())
    metrics = data["metrics"]
    kept = ("findings", "criteria", "degraded", "faults", "unwinnable", "unjudged", "executions", "polls", "replay")
    named = [data[name] for name in (*kept, "seed", "virtual_seconds", "wall_seconds", "trace_digest", "capacity")]
    spec = [metrics["configuration"][name] for name in ("title", "why", "start")]
    # The histograms are left out: they have almost any small number.
    spans = [[each["min"], each["max"], each["p50"], each["count"]] for each in metrics["distributions"].values()]
    return [*named, *spec, *spans, metrics["counts"], metrics["alarms"]]


def derived(result: Result) -> list[int]:
    """The figures that are counts or sums of data."""
    verdicts = [each.verdict for each in result.criteria], [each.verdict for each in result.properties]
    ranges = {name: (each.phase_2_min, each.phase_2_max) for name, each in FIGURES.items() if each.phase_2_min}
    spans = [(each, ranges[name]) for name, each in result.metrics.distributions.items() if name in ranges]
    struck = [each for each in result.faults if each.struck]
    return [
        *(found.count(verdict) for found in verdicts for verdict in ("pass", "not exercised")),
        len(result.properties),
        sum(each.checked for each in result.properties if each.verdict == "pass"),
        *range(1, len(result.findings) + 1),
        len(struck),
        len(result.faults),
        sum(each.struck for each in struck),
        len({each.kind for each in struck}),
        result.started - sum(result.executions.values()),
        len(spans),
        sum(bool(low and high and low <= each.min and each.max <= high) for each, (low, high) in spans),
    ]


def untraced(result: Result, shown: Result | None = None) -> list[str]:
    """The numbers on the first screen of `shown` that come from nowhere in the data of `result`."""
    words = set[str]()
    for part in [*map(list, [leaves(sources(result))]), derived(result)]:
        for value in part:
            words.update(word for form in forms(value) for word in numbers(form))
    # What Phase 2's report says, and its name.
    words |= {"2's", *(word for each in FIGURES.values() for word in numbers(each.phase_2))}
    spans = [(each.min, each.max) for each in result.metrics.distributions.values()]
    words |= {f"{low:.0f}-{high:.0f}" for low, high in spans}
    return [word for word in numbers(text_of(shown or result)) if word not in words]


SLOW = pytest.param("limit", marks=pytest.mark.slow)


@pytest.mark.parametrize("name", [*(name for name in RUNS if name != "limit"), SLOW])
def test_each_figure_of_the_first_screen_is_in_the_result(name: str) -> None:
    assert untraced(result_of(name)) == []


FAULTS = "Injected on purpose: {}; {} invocations failed because of that"


@pytest.mark.parametrize(
    ("name", "passed", "idle", "remarks"),
    [
        (
            "pass",
            "11 criteria passed; 10 of 10 exercised properties hold, 624 checks",
            "7 criteria and 7 properties",
            [],
        ),
        (
            "fail",
            "9 criteria passed; 13 of 14 exercised properties hold, 320 checks",
            "7 criteria and 3 properties",
            [],
        ),
        (
            "degraded",
            "12 criteria passed; 14 of 14 exercised properties hold, 2,136 checks",
            "6 criteria and 3 properties",
            [],
        ),
        (
            "alarm",
            "11 criteria passed; 14 of 14 exercised properties hold, 257 checks",
            "7 criteria and 3 properties",
            [FAULTS.format("1 of 1 fault rule, 12 times", 12)],
        ),
        (
            "faults",
            "10 criteria passed; 14 of 14 exercised properties hold, 456 checks",
            "8 criteria and 3 properties",
            [FAULTS.format("3 of 4 fault rules, 29 times", 11)],
        ),
    ],
)
def test_lines_of_the_first_screen_have_these_figures(name: str, passed: str, idle: str, remarks: list[str]) -> None:
    result, text = result_of(name), text_of(result_of(name))
    assert [remark.text for remark in first_screen(result).remarks] == remarks
    for line in (passed, f"{idle} not exercised", *remarks):
        assert f" {line} " in text
    criteria = [each.verdict for each in result.criteria]
    assert passed.startswith(f"{criteria.count('pass')} ")
    assert idle.startswith(f"{criteria.count('not exercised')} ")


def test_figure_that_comes_from_nowhere_is_found() -> None:
    result = result_of("alarm")
    counts = result.metrics.counts | {"runs_failed_by_faults": 4711}
    other = {
        "answer": "The alarm went off at 20:38:01, after 8,151 failed polls.",
        "polls": 9999,
        "metrics": result.metrics.model_copy(update={"counts": counts}),
        "degraded": (late_polls(count=1234, worst=3141),),
    }
    found = untraced(result, result.model_copy(update=other))
    assert {"20:38:01", "8,151", "4,711", "1,234", "52m", "21s"} <= set(found)


def test_runs_of_these_tests_have_the_outcomes_of_their_names() -> None:
    outcomes = {name: result_of(name).outcome for name in ("pass", "fail", "degraded", "alarm")}
    assert outcomes == {"pass": "pass", "fail": "fail", "degraded": "degraded", "alarm": "pass"}


def with_execution(result: Result, execution_id: str) -> Result:
    """The result with another id in the cases of its first finding."""
    found = result.findings[0]
    cases = tuple(case.model_copy(update={"execution_id": execution_id}) for case in found.cases)
    return result.model_copy(update={"findings": (found.model_copy(update={"cases": cases}), *result.findings[1:])})


@pytest.mark.parametrize("execution_id", ["a/b c", "x" * 200, "left\u202eright"])
def test_links_to_lanes_have_the_id_as_lanes_have_it(execution_id: str) -> None:
    failed = with_execution(result_of("fail"), execution_id)
    assert f'href="#{anchor(execution_id)}"' in banner(failed)
    release = dict(documents(Release([Member("drill-7", failed)], {})))
    assert f'href="drill-7/report.html#{anchor(execution_id)}"' in release["index.html"]


def test_failure_shows_expected_observed_threshold_and_links() -> None:
    result = result_of("fail")
    page, text = banner(result), text_of(result)
    (found,) = result.findings
    (case, *_) = found.cases
    assert text.index("FAIL") < text.index(result.answer) < text.index(found.meaning)
    assert f"Expected {case.expected} Observed {case.observed} Since {case.at[11:19]}" in text
    assert "Fails with it Executions complete with DRS's truth : 1 ended" in text
    assert "(threshold: each, within 0 s)" in text
    assert f'href="#execution={case.execution_id}"' in page
    assert 'href="#finding-1"' in page
    assert 'data-copy="drsim run drill --seed 1' in page
    assert text.index(found.meaning) < text.index("criteria passed") < text.index(result.metrics.configuration["why"])


def test_links_of_the_first_screen_lead_to_the_findings() -> None:
    result = result_of("fail").model_copy(update={"findings": tuple(finding(each) for each in range(1, 6))})
    page = str(html.render(result, ()).text)
    targets = re.findall(r'href="#(finding-\d)"', page)
    assert targets == [f"finding-{each}" for each in range(1, 6)]
    assert [page.count(f'id="{target}"') for target in targets] == [1] * 5
    assert "2 further findings" in page


def test_findings_that_the_page_cuts_have_no_links() -> None:
    result = result_of("fail").model_copy(update={"findings": tuple(finding(each) for each in range(1, 64))})
    page = str(html.render(result, ()).text)
    targets = re.findall(r'href="#(finding-\d+)"', page)
    assert targets == [f"finding-{each}" for each in range(1, 61)]
    assert [page.count(f'id="{target}"') for target in targets] == [1] * 60
    assert "60 further findings" in page
    assert "<li>3 more in result.json</li>" in page


def test_run_without_a_trace_has_no_links_to_lanes() -> None:
    result = result_of("fail").model_copy(update={"trace": "off", "trace_digest": None})
    assert "#execution=" not in banner(result)
    assert result.findings[0].cases[0].execution_id in banner(result)


def test_first_screen_escapes_what_a_run_brings_in(phase_2: Result) -> None:
    unjudged = tuple(UnjudgedRecord(check=text, reason=text, how=text) for text in TEXTS)
    changes = {"answer": " ".join(TEXTS), "unjudged": unjudged, "degraded": (late_polls(),)}
    page = banner(hostile(phase_2).model_copy(update=changes))
    assert "<script" not in page
    assert Pieces(f"<header{page}</header>").all("a")
    assert all(re.fullmatch(r"#[\w=%./~-]+", each["href"]) for each in Pieces(f"<header{page}</header>").all("a"))


def test_degraded_run_is_amber_and_says_why_in_each_format(phase_2: Result) -> None:
    degraded = phase_2.model_copy(update={"degraded": (late_polls(),)})
    why = reason(late_polls())
    page = str(html.render(degraded, ()).text)
    assert '<header class="banner degraded">' in page
    assert "<title>phase-2, seed 1: PASS, degraded</title>" in page
    assert why in page
    assert f"- **Verdict**: ⚠️ PASS, degraded\n- **Answer**: {degraded.answer}\n- **Degraded**: {why}" in (
        markdown.render(degraded)
    )
    assert f"degraded: {why}" in junit.render(degraded)
    assert "degraded" not in banner(phase_2)


def test_criterion_follows_a_finding_or_fails_by_itself(phase_2: Result) -> None:
    found = finding(property="poll-cadence", followers=(finding(property="no-starvation"),))
    follows = [("no-starvation",), (), ("poll-cadence", "budgets")]
    criteria = tuple(
        each.model_copy(update={"verdict": "fail", "follows": names})
        for each, names in zip(phase_2.criteria[:3], follows, strict=True)
    )
    changes = {"verdict": "fail", "findings": (finding(), found), "criteria": (*criteria, *phase_2.criteria[3:])}
    first = first_screen(phase_2.model_copy(update=changes))
    assert [each.criteria for each in first.findings] == [(), (criteria[0], criteria[2])]
    assert first.failed == (criteria[1],)


def test_injected_failures_are_a_neutral_remark_apart_from_own_ones() -> None:
    (remark,) = first_screen(result_of("faults")).remarks
    assert remark.text == ("Injected on purpose: 3 of 4 fault rules, 29 times; 11 invocations failed because of that")
    assert len(remark.parts) == 4
    (criterion,) = [each for each in result_of("faults").criteria if each.name == "No errors or failures"]
    assert criterion.value == "0 of 57 invocations failed by themselves, 11 by faults, 0 over budget"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            "9 of 58 polls recorded later than the usual 10 s after their look "
            "(allowed: 70 s; at most 57.4 s here)",
        ),
        (
            {"bound": "looks_missed", "unit": "looks", "usual": 0, "granted": 3, "worst": None},
            "9 of 58 polls passed over by more than the usual 0 looks (allowed: 3 looks)",
        ),
        (
            {"bound": "lambda_ratio", "unit": "", "usual": 0.8, "granted": 1.0, "worst": None},
            "9 of 58 invocations with more than the usual 80 % of their function's time (allowed: 100 %)",
        ),
    ],
)  # fmt: skip
def test_reason_names_usual_and_allowed_bound_with_its_unit(changes: dict[str, object], expected: str) -> None:
    assert reason(late_polls(**changes)) == expected


def test_unknown_run_names_what_it_did_not_exercise(phase_2: Result) -> None:
    exercises = {"exercises": {"criteria": ["Timeout asks DRS first"], "properties": ["budgets"]}}
    metrics = phase_2.metrics.model_copy(update={"configuration": phase_2.metrics.configuration | exercises})
    unknown = phase_2.model_copy(update={"verdict": "unknown", "metrics": metrics})
    assert "The scenario declares what this run did not exercise: Timeout asks DRS first." in text_of(unknown)
    assert "declares what this run did not exercise: Timeout asks DRS first\n" in markdown.render(unknown)
    assert "did not exercise" not in text_of(phase_2)
