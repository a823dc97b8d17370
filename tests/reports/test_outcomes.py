"""The line of each folded section: from data, and open only where something failed or differs from Phase 2."""

import re

import pytest

from drsim.reports import html
from drsim.reports.outcomes import _CRITERIA, _PROPERTIES, _WORDS, outcome_of
from drsim.reports.sections import TITLES
from drsim.scenarios.result import Result, Verdict
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
    assert f"{name}: {value.value} (allowed: {value.threshold})" in outcome.words


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
