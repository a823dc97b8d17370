"""Findings in words, merged over runs, and on the pages of a run."""

import pytest

from drsim.reports import html, markdown
from drsim.reports.findings import extent, merged, summary
from drsim.reports.formats import ctrf, junit
from drsim.scenarios.record import ErrorsMet, ExceptionRecord, FailedCalls, FindingRecord, ReturnedStatuses
from drsim.scenarios.result import Result
from tests.reports.hostile import finding

LATE = finding(property="poll-cadence", kind="late", consequence="lateness", place="")


def result_with(result: Result, name: str, *findings: FindingRecord) -> Result:
    return result.model_copy(update={"scenario": name, "findings": findings, "verdict": "fail"})


@pytest.mark.parametrize(
    ("executions", "at_least", "count", "text"),
    [
        (0, False, 1, "1 time"),
        (1, False, 2, "1 execution, 2 times"),
        (1000, True, 5000, "1,000 or more executions, 5,000 times"),
    ],
)
def test_an_extent_counts_executions_and_times(executions: int, at_least: bool, count: int, text: str) -> None:
    assert extent(finding(count, executions=executions, at_least=at_least)) == text


def test_a_summary_names_the_line_or_else_the_function() -> None:
    line = "poller/app.py:87 update_item"
    assert summary(finding(5)) == f"completion-soundness: ended early (1 execution, 5 times) written at {line}"
    assert summary(LATE).endswith("(1 execution, 1 time) ExecutionPoller")
    assert summary(finding(place="", function="", where="EndTime")).endswith("early, EndTime (1 execution, 1 time)")


def test_findings_of_several_runs_are_merged_by_meaning(phase_2: Result) -> None:
    results = [
        result_with(phase_2, "drill", LATE, finding(5)),
        result_with(phase_2, "partial", finding(1, place="other.py:1 put_item")),
        result_with(phase_2, "idle"),
    ]
    assert [(each.finding.kind, each.counts) for each in merged(results)] == [
        ("ended early", {"drill": 5, "partial": 1}),
        ("late", {"drill": 1}),
    ]
    assert merged(results)[0].finding.place == finding().place


def test_a_follower_counts_only_if_it_stands_alone_elsewhere(phase_2: Result) -> None:
    under = result_with(phase_2, "drill", finding(followers=(LATE,)))
    assert [each.finding.kind for each in merged([under])] == ["ended early"]
    alone = result_with(phase_2, "partial", LATE)
    assert merged([under, alone])[1].counts == {"drill": 1, "partial": 1}


def test_findings_are_the_first_section_of_both_reports(phase_2: Result) -> None:
    failed = result_with(phase_2, "drill", finding(5, followers=(LATE,)))
    text = markdown.render(failed)
    assert text.index("### 1. completion-soundness: ended early") < text.index("## Executive Summary")
    assert "- Line: `poller/app.py:87 update_item`\n- Function: `ExecutionPoller`\n" in text
    assert "| `drill` | wave 2 unfinished | COMPLETED | - |\n" in text
    assert "- Follows: poll-cadence: late (1 execution, 1 time)" in text
    page = html.render(failed, []).text
    assert page.index('<section id="findings"') < page.index('<section id="summary"')
    assert '<a href="#findings">' in page
    assert "#findings" not in html.render(phase_2, []).text


def test_test_formats_list_the_findings_of_a_failure(phase_2: Result) -> None:
    broken = tuple(
        each.model_copy(update={"verdict": "fail", "violations_count": 5})
        if each.name == "completion-soundness"
        else each
        for each in phase_2.properties
    )
    failed = result_with(phase_2, "drill", finding(5)).model_copy(update={"properties": broken})
    for text in (junit.render(failed), ctrf.render(failed)):
        assert f"1. {summary(finding(5))}: Servers still launch." in text
        assert text.count(summary(finding(5))) == 2


def test_errors_that_functions_met_are_in_the_report(phase_2: Result) -> None:
    errors = ErrorsMet(
        calls=(FailedCalls(function="Poller", operation="Query", error="Throttled", count=5, injected=2, swallowed=1),),
        statuses=(ReturnedStatuses(function="Poller", status="statusCode 500", count=3),),
        exceptions=(
            ExceptionRecord(
                function="Poller", message="KeyError: 'a'", count=7, injected=2, logged=False, traceback="Trace\n  a()"
            ),
        ),
    )
    text = markdown.render(phase_2.model_copy(update={"errors": errors}))
    assert "| `Poller` | `Query` | `Throttled` | 5 | 2 | 1 |" in text
    assert "| `Poller` | statusCode 500 | 3 |" in text
    assert "| `Poller` | KeyError: 'a' | 7 | 2 | yes |" in text
    assert "\n    Trace\n      a()\n" in text
    assert "### Failed calls" not in markdown.render(phase_2)
