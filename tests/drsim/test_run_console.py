"""The summary of a run on the terminal: findings first, at most ten, readable at every width."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from drsim.run_console import show, show_total
from drsim.scenarios.record import ErrorsMet, ExceptionRecord, FailedCalls, FindingRecord
from drsim.scenarios.result import FaultRecord, Result
from tests.reports.hostile import finding, hostile, late_polls

FOLLOWER = finding(2, property="completion-liveness", kind="ended late", consequence="lateness")


def failed(result: Result, *findings: FindingRecord) -> Result:
    """The result, with findings, one failed property, and one criterion that fails only because of that."""
    prop = result.properties[0].model_copy(update={"verdict": "fail", "violations_count": 5})
    criterion = result.criteria[0].model_copy(update={"verdict": "fail", "follows": (prop.name,)})
    return result.model_copy(
        update={
            "verdict": "fail",
            "findings": findings,
            "properties": (prop, *result.properties[1:]),
            "criteria": (criterion, *result.criteria[1:]),
        }
    )


def shown(*results: Result, width: int = 200) -> str:
    terminal = Console(width=width, record=True, force_terminal=True, file=StringIO())
    for result in results:
        show(terminal, result, Path("runs/drill-1"), "ab" * 32)
    if len(results) > 1:
        show_total(terminal, list(results))
    return terminal.export_text()


def test_findings_come_first_with_meaning_case_and_line(phase_2: Result) -> None:
    lines = [line.rstrip() for line in shown(failed(phase_2, finding(5, followers=(FOLLOWER,)))).splitlines()]
    first = lines.index(
        "✗ 1. completion-soundness: ended early (1 execution, 5 times) written at poller/app.py:87 update_item"
    )
    assert lines[first + 1 : first + 4] == [
        "     Servers still launch.",
        "     20:32:29 drill: expected wave 2 unfinished; observed COMPLETED",
        "     then: completion-liveness: ended late (1 execution, 2 times)",
    ]
    assert first < next(number for number, line in enumerate(lines) if "10 criteria passed" in line)


def test_calls_answered_by_moto_are_shown_only_if_there_are_some(phase_2: Result) -> None:
    assert "moto" not in shown(phase_2)
    text = shown(phase_2.model_copy(update={"forwarded": {"ec2 DescribeInstances": 1200}}))
    assert "- 1,200 calls answered by moto, over HTTP:\n    ec2 DescribeInstances 1,200" in text


@pytest.mark.parametrize("width", [60, 200])
def test_findings_wrap_at_the_width_of_the_terminal(phase_2: Result, width: int) -> None:
    text = shown(failed(hostile(phase_2), finding(5, followers=(FOLLOWER,) * 9)), width=width)
    findings = text.partition("1. completion-soundness")[2].partition("criteria passed")[0]
    assert max(map(len, findings.splitlines())) <= width
    assert "and 5 more" in " ".join(findings.split())


def test_at_most_ten_findings_are_shown_and_the_rest_counted(phase_2: Result) -> None:
    text = shown(failed(phase_2, *(finding(where=f"Field{letter}") for letter in "abcdefghijkl")))
    assert "10. completion-soundness" in text
    assert "11. completion-soundness" not in text
    assert "2 further findings in runs/drill-1/report.html" in text


def test_criterion_that_follows_stands_under_its_finding(phase_2: Result) -> None:
    result = failed(phase_2, finding(property=phase_2.properties[0].name))
    text, criterion = shown(result), result.criteria[0]
    line = f"     fails with it: {criterion.name}: {criterion.value} (threshold: {criterion.threshold})"
    assert line in [each.rstrip() for each in text.splitlines()]
    assert text.count(criterion.name) == 1


def test_criterion_that_fails_by_itself_has_value_and_threshold(phase_2: Result) -> None:
    criterion = phase_2.criteria[1].model_copy(update={"verdict": "fail", "value": "3 of 30 failed"})
    criteria = (phase_2.criteria[0], criterion, *phase_2.criteria[2:])
    text = shown(phase_2.model_copy(update={"verdict": "fail", "criteria": criteria}))
    assert "  ✗ StatusIndex GSI queries work: 3 of 30 failed (threshold: no error)" in text
    assert criterion.evidence in text


def test_what_passed_is_one_line_after_verdict_and_answer(phase_2: Result) -> None:
    lines = [line.strip() for line in shown(phase_2).splitlines() if line.strip()]
    assert lines[0] == "✓ phase-2, seed 1: PASS"
    assert lines[1] == phase_2.answer
    assert lines[4] == "✓ 11 criteria passed; 10 of 10 exercised properties hold, 624 checks"
    assert lines[5] == "- 7 criteria and 7 properties not exercised"


def test_polls_started_and_recorded_are_counted_apart(phase_2: Result) -> None:
    counts = phase_2.metrics.counts | {"polls_recorded": 55}
    fewer = phase_2.model_copy(update={"metrics": phase_2.metrics.model_copy(update={"counts": counts})})
    assert "58 polls started, 55 recorded" in shown(fewer)


def test_degraded_run_gives_its_reasons_first(phase_2: Result) -> None:
    degraded = phase_2.model_copy(update={"degraded": (late_polls(),)})
    lines = [line.strip() for line in shown(degraded).splitlines() if line.strip()]
    assert lines[0] == "! phase-2, seed 1: PASS, degraded"
    assert lines[4] == (
        "! 9 of 58 polls recorded later than the usual 10 s after their look (allowed: 70 s; at most 57.4 s here)"
    )
    assert "! 2 of 2 runs passed, 1 of them degraded" in shown(phase_2, degraded)


def test_times_after_healing_have_the_style_of_the_report(phase_2: Result) -> None:
    recovery = phase_2.metrics.distributions["ExecutionPoller.warm"].model_copy(
        update={"count": 2, "p50": 324.5, "p99": 95_000.0, "max": 95_000.0}
    )
    metrics = phase_2.metrics.model_copy(
        update={"distributions": {**phase_2.metrics.distributions, "recovery": recovery}}
    )
    rule = FaultRecord(rule="slow at Query", kind="slow", struck=1, after=0, before=1)
    text = shown(phase_2.model_copy(update={"faults": (rule,), "metrics": metrics}))
    assert "2 overdue when healed, ended after that within p50 324.5 ms, p99 1m 35s, max 1m 35s" in text


def test_unknown_run_names_what_it_did_not_exercise(phase_2: Result) -> None:
    exercises = {"exercises": {"criteria": ["Timeout asks DRS first"], "properties": []}}
    configuration = phase_2.metrics.configuration | exercises
    metrics = phase_2.metrics.model_copy(update={"configuration": configuration})
    text = shown(phase_2.model_copy(update={"verdict": "unknown", "metrics": metrics}))
    assert "? declared and not exercised: Timeout asks DRS first" in text


def test_a_run_of_several_scenarios_ends_with_merged_findings(phase_2: Result) -> None:
    one, two = failed(phase_2, finding(5)), failed(phase_2, finding(1))
    text = shown(one, two.model_copy(update={"scenario": "drill"}))
    end = text.partition("0 of 2 runs passed")[2]
    assert (
        "✗ 1. completion-soundness: ended early (2 scenarios, 6 times) written at poller/app.py:87 update_item" in end
    )
    assert "phase-2, drill" in end


def test_errors_that_functions_met_are_one_line(phase_2: Result) -> None:
    call = FailedCalls(function="f", operation="Query", error="Throttled", count=5, injected=2, swallowed=1)
    exception = ExceptionRecord(function="f", message="KeyError", count=7, logged=True)
    met = ErrorsMet(calls=(call,), exceptions=(exception,))
    text = shown(phase_2.model_copy(update={"errors": met}))
    assert "! functions met errors: 5 failed calls (2 by faults), 1 failure swallowed, 7 exceptions of 1 kind" in text
    lost = ErrorsMet(calls=(call.model_copy(update={"error": "ConditionalCheckFailedException"}),))
    assert "functions met errors" not in shown(phase_2.model_copy(update={"errors": lost}))


def test_most_frequent_exceptions_have_their_line_and_execution(phase_2: Result) -> None:
    exceptions = tuple(
        ExceptionRecord(
            function="ExecutionPoller", message=f"KeyError: '{count}'", count=count, logged=False,
            place=f"poller/app.py:{count}", execution_id="e-1",
        )
        for count in (1, 30, 2, 3)
    )  # fmt: skip
    text = shown(phase_2.model_copy(update={"errors": ErrorsMet(exceptions=exceptions)}))
    assert "30 times KeyError: '30' at poller/app.py:30, by ExecutionPoller, first for e-1" in text
    assert "KeyError: '1'" not in text
