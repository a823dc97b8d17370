"""The line of each folded section: from data, and open only where something failed or differs from Phase 2."""

import re

import pytest

from drsim.reports import html
from drsim.reports.outcomes import _CRITERIA, _PROPERTIES, _WORDS, outcome_of
from drsim.reports.sections import TITLES
from drsim.scenarios.files import load
from drsim.scenarios.result import Result, Verdict
from drsim.scenarios.runner import run
from tests.catalogue import run_of


@pytest.fixture(scope="module")
def chaos() -> Result:
    return run_of("chaos", 73).result


def judged(result: Result, name: str, verdict: Verdict) -> Result:
    """The result with another verdict of a criterion or a property."""
    criteria, properties = (
        tuple(each.model_copy(update={"verdict": verdict}) if each.name == name else each for each in found)
        for found in (result.criteria, result.properties)
    )
    return result.model_copy(update={"criteria": criteria, "properties": properties})


def opened(result: Result) -> list[str]:
    """The sections that the page shows open."""
    text = html.render(result, []).text
    return re.findall(r'<section id="(\w+)"[^>]*>\s*<details class="fold" open>', text)


def test_every_section_has_words_from_data(chaos: Result) -> None:
    assert set(_WORDS) == set(TITLES)
    assert all(outcome_of(name, chaos).words for name in TITLES)


def test_criteria_and_properties_of_sections_exist_and_stand_once(chaos: Result) -> None:
    for table, judged in ((_CRITERIA, chaos.criteria), (_PROPERTIES, chaos.properties)):
        names = [name for names in table.values() for name in names]
        assert len(names) == len(set(names))
        assert set(names) <= {each.name for each in judged}


def test_failed_criterion_opens_its_section_and_the_acceptance(chaos: Result) -> None:
    name = "Performance <100ms queries"
    bad = judged(chaos, name, "fail")
    assert opened(chaos) == ["executions"]
    assert opened(bad) == ["executions", "performance", "acceptance"]
    outcome = outcome_of("performance", bad)
    assert (outcome.verdict, outcome.failed) == ("fail", 1)
    value = next(each for each in bad.criteria if each.name == name)
    assert f"{name}: {value.value} (threshold: {value.threshold})" in outcome.words


def test_failed_property_opens_its_section_and_names_its_violations(chaos: Result) -> None:
    outcome = outcome_of("logging", judged(chaos, "log-correlation", "fail"))
    assert outcome.is_open
    assert "log-correlation: 0 violations" in outcome.words


def test_figure_outside_phase_2_opens_a_run_without_jobs_only(phase_2: Result, chaos: Result) -> None:
    poller = phase_2.metrics.distributions["ExecutionPoller.warm"]
    slow = {**phase_2.metrics.distributions, "ExecutionPoller.warm": poller.model_copy(update={"max": 176.0})}
    ours, theirs = (
        result.model_copy(update={"metrics": result.metrics.model_copy(update={"distributions": slow})})
        for result in (phase_2, chaos)
    )
    assert (outcome_of("poller", ours).is_open, outcome_of("poller", theirs).is_open) == (True, False)
    for result in (ours, theirs):
        words = outcome_of("poller", result).words
        assert words.endswith(f"; outside Phase 2's range: Warm ({poller.min:.0f}-176 ms, there 48-175 ms)")


def test_sections_name_the_figures_that_the_answer_has_outside_phase_2(phase_2: Result) -> None:
    """A figure with one value in Phase 2's report, as of its cold starts, is compared in neither."""
    outside = "Async invocations of one look (110-120 ms, there 340-388 ms for 3)"
    assert phase_2.answer == f"6 of 7 figures within Phase 2's range; outside: {outside}."
    assert opened(phase_2) == ["executions", "finder"]
    assert outcome_of("finder", phase_2).words.endswith(f"; outside Phase 2's range: {outside}")
    assert [name for name in TITLES if "Phase 2" in outcome_of(name, phase_2).words] == ["finder"]


@pytest.fixture(scope="module")
def late() -> Result:
    return run(load("drill", ["bounds.completion=0s"]), seed=7).result


ALARM_LINES = {
    "infrastructure": "finder 256 MB, 1m; poller 256 MB, 5m; rule every 1m",
    "finder": "16 ticks, 16 looks; executions due every 60 s; outside Phase 2's range: "
    "Async invocations of one look (115-119 ms, there 340-388 ms for 3)",
    "poller": "25 polls; p99 252.5 ms; 12 failed, all by faults; outside Phase 2's range: "
    "Warm (134-252 ms, there 48-175 ms)",
    "integration": "staleness p99 4m 55s; completion delay p99 48.95 s",
    "performance": "query p99 9.72 ms; first limit: DRS jobs at once, at 11 executions",
    "cloudwatch": "3 alarms, 1 went off",
    "errors": "faults injected 12 times by 1 of 1 rule; 12 failed calls, all by faults",
    "logging": "44 lines, 29.9 kB",
    "security": "no role checked",
    "limitations": "7 criteria and 3 properties not exercised",
    "environment": "3 executions; 1 account, 1 Region",
    "acceptance": "11 of 11 criteria passed; 14 of 14 properties held",
}
LATE_LINES = {
    "poller": "23 polls; p99 314.6 ms; 0 failed; outside Phase 2's range: Warm (144-315 ms, there 48-175 ms)",
    "integration": "staleness p99 53.69 s; completion delay p99 13.32 s; Executions complete with DRS's truth: "
    "1 ended, at most 13 s late (threshold: each, within 0 s); completion-liveness: 1 violation",
    "cloudwatch": "3 alarms, none went off",
    "errors": "no fault injected; 0 failed calls",
    "acceptance": "10 of 11 criteria passed; 13 of 14 properties held; "
    "failed: Executions complete with DRS's truth, completion-liveness",
}


def test_line_of_each_section_has_the_figures_of_its_run(late: Result) -> None:
    alarm = run_of("alarm-poller-errors").result
    assert {name: outcome_of(name, alarm).words for name in TITLES} == ALARM_LINES
    assert {name: outcome_of(name, late).words for name in LATE_LINES} == LATE_LINES
    assert [name for name in TITLES if outcome_of(name, late).verdict == "fail"] == ["integration", "acceptance"]


def test_failures_by_faults_are_counted_apart_from_own_ones(late: Result) -> None:
    alarm = run_of("alarm-poller-errors").result
    (calls,) = alarm.errors.calls
    errors = alarm.errors.model_copy(update={"calls": (calls.model_copy(update={"count": 15}),)})
    counts = alarm.metrics.counts | {"ExecutionPoller.timeout": 3}
    mixed = alarm.model_copy(update={"errors": errors, "metrics": alarm.metrics.model_copy(update={"counts": counts})})
    assert "; 15 failed calls, 12 of them by faults" in outcome_of("errors", mixed).words
    assert "; 15 failed, 12 of them by faults" in outcome_of("poller", mixed).words
    counts = late.metrics.counts | {"ExecutionPoller.crash": 2}
    own = late.model_copy(update={"metrics": late.metrics.model_copy(update={"counts": counts})})
    assert "; 2 failed;" in outcome_of("poller", own).words


def test_alarm_that_stays_on_and_a_denied_action_are_counted() -> None:
    alarm = run_of("alarm-poller-errors").result
    alarms = tuple(
        each.model_copy(update={"changes": tuple(change for change in each.changes if change.state != "OK")})
        for each in alarm.metrics.alarms
    )
    on = alarm.model_copy(update={"metrics": alarm.metrics.model_copy(update={"alarms": alarms})})
    assert outcome_of("cloudwatch", on).words == "3 alarms, 1 went off, 1 did not clear"
    properties = tuple(
        each.model_copy(update={"checked": 9, "violations_count": 2}) if each.name == "least-privilege" else each
        for each in alarm.properties
    )
    denied = alarm.model_copy(update={"properties": properties})
    assert outcome_of("security", denied).words == "9 actions checked, 2 not allowed"


def test_faults_count_apart_from_own_failures_without_limit_at_zero(chaos: Result) -> None:
    words = "1 failed, all by faults; outside Phase 2's range: Warm (140-300,000 ms, there 48-175 ms)"
    assert outcome_of("poller", run_of("chaos", 1).result).words.endswith(words)
    rules = sum(bool(each.struck) for each in chaos.faults)
    assert f"by {rules} of {len(chaos.faults)} rule" in outcome_of("errors", chaos).words
    assert chaos.capacity is not None
    first = chaos.capacity.first
    assert first is not None
    nowhere = chaos.capacity.model_copy(
        update={
            "limits": tuple(
                each.model_copy(update={"at_executions": 0}) if each.name == first.name else each
                for each in chaos.capacity.limits
            )
        }
    )
    words = outcome_of("performance", chaos.model_copy(update={"capacity": nowhere})).words
    assert "at 0 executions" not in words


def test_acceptance_counts_what_was_exercised(chaos: Result) -> None:
    passed = sum(each.verdict == "pass" for each in chaos.criteria)
    held = sum(each.verdict == "pass" for each in chaos.properties)
    words = f"{passed} of {passed} criteria passed; {held} of {held} properties held"
    assert outcome_of("acceptance", chaos).words == words


def test_section_whose_outcome_cannot_be_written_is_open(chaos: Result) -> None:
    metrics = chaos.metrics.model_copy(update={"configuration": {**chaos.metrics.configuration, "regions": None}})
    document = html.render(chaos.model_copy(update={"metrics": metrics}), [])
    assert any(each.startswith("11. Test Environment Details, its outcome: TypeError") for each in document.troubles)
    assert '<section id="environment"' in document.text
