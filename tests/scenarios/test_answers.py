"""The answers of scenarios: sentences from a result's data that stay true whatever came of the run."""

import re
from pathlib import Path
from typing import Any

import pytest

from drsim.scenarios.answers import CLAUSES, DEFAULT, answer, checked
from drsim.scenarios.files import ScenarioError, catalogue, load, parse
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from tests.catalogue import run_of

PLAIN = "name: mine\ntitle: Mine\nwhy: A test needs it.\n"


def result_of(name: str, **changes: Any) -> Result:
    return run_of(name).result.model_copy(update=changes)


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        (
            "alarm-poller-errors",
            "The alarm PollerErrors went off at 20:38:00, after 6 failed polls in 5 min, and cleared at 20:44:00; "
            "12 invocations failed, all by faults; 3 executions completed.",
        ),
        (
            "chaos",
            "3 kinds of fault were injected 29 times; 11 invocations failed, all by faults; no wrong status was "
            "written; 5 executions: 4 failed, 1 cancelled.",
        ),
        (
            "phase-2",
            "6 of 7 figures within Phase 2's range; outside: Async invocations of one look (110-120 ms, there "
            "340-388 ms for 3).",
        ),
    ],
)
def test_answer_of_a_scenario_is_one_sentence_from_its_run(scenario: str, expected: str) -> None:
    assert run_of(scenario).result.answer == expected


@pytest.mark.slow
def test_answer_of_a_load_names_the_first_limit() -> None:
    assert run_of("load-100").result.answer.endswith("first limit: DRS jobs at once, at 241 executions.")


def test_first_limit_of_handlers_is_not_known(phase_2: Result) -> None:
    handlers = phase_2.model_copy(update={"functions": {"finder": "app.py:handler"}, "capacity": None})
    assert answer("{ends}; {first_limit}", handlers) == (
        "3 executions still polling; the first limit of these functions is not known."
    )


def test_answer_of_a_failed_run_states_what_went_wrong() -> None:
    result = run(load("drill", ["alarms.PollerErrors=clears", "answer='{alarms}; {ends}'"]), seed=1).result
    assert result.verdict == "fail"
    assert result.answer == "The alarm PollerErrors did not go off; 1 execution completed."


def test_scenario_without_an_answer_tells_how_executions_ended() -> None:
    scenario = parse(PLAIN + "workload: [{executions: 2, waves: 1}]\n", "mine.yaml")
    assert run(scenario, seed=1).result.answer == "2 executions completed; the longest took 21m 55s."
    idle = run(parse(PLAIN, "mine.yaml"), seed=1).result
    assert idle.answer == "No execution was started; none ended."


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{end}", "no such clause: 'end'; known are ends, longest, "),
        ("{ends.real}", "no such clause: 'ends.real'; known are "),
        ("{ends!r}", "no such clause: 'ends!r'; known are "),
        ("{ends:>9}", "no such clause: 'ends:>9'; known are "),
        ("{}", "no such clause: ''; known are "),
        (" . ", "must be a sentence such as '{ends}; {longest}.', got '.'"),
        ("{ends", "must be a text with names such as {ends} (expected '}' before end of string)"),
    ],
)
def test_template_with_an_unknown_name_is_refused_with_its_line(template: str, problem: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        parse(f'{PLAIN}answer: "{template}"\n', "mine.yaml")
    assert str(refused.value).startswith(f"mine.yaml:4: answer{'' if problem.startswith('no') else ' '}".rstrip())
    assert problem in str(refused.value)


def test_docs_list_each_clause_in_order() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")
    table = text.partition("| Name | Clause, for example |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(CLAUSES)
    assert f'`"{DEFAULT}"`' in text


def test_catalogue_scenarios_declare_an_answer_of_known_clauses() -> None:
    for name in catalogue():
        scenario = load(name)
        assert "answer" in scenario.model_fields_set
        assert checked(scenario.answer) == scenario.answer


@pytest.mark.parametrize("clause", CLAUSES)
def test_each_clause_is_a_text_for_runs_of_any_functions(clause: str) -> None:
    ours = run_of("chaos").result
    theirs = ours.model_copy(update={"functions": {"poller": "app.py:handler"}, "capacity": None, "properties": ()})
    bare = theirs.metrics.model_copy(update={"distributions": {}, "counts": {}, "alarms": (), "cadence": ()})
    for result in (ours, theirs, theirs.model_copy(update={"metrics": bare, "faults": (), "executions": {}})):
        text = CLAUSES[clause](result)
        assert text
        assert "None" not in text
        assert not text.endswith(".")


@pytest.mark.parametrize("name", ["wrong", "lost"])
def test_absence_of_harm_is_claimed_only_if_it_was_judged(name: str) -> None:
    result = result_of("chaos")
    assert CLAUSES[name](result).startswith("no ")
    unjudged = tuple(each.model_copy(update={"verdict": "not exercised"}) for each in result.properties)
    assert CLAUSES[name](result.model_copy(update={"properties": unjudged})).endswith("is not known")


def test_own_failures_are_counted_apart_from_injected_ones() -> None:
    result = result_of("chaos")
    counts = result.metrics.counts | {"ExecutionPoller.error": 2}
    more = result.model_copy(update={"metrics": result.metrics.model_copy(update={"counts": counts})})
    assert CLAUSES["failed"](result) == "11 invocations failed, all by faults"
    assert CLAUSES["failed"](more) == "13 invocations failed, 11 of them by faults"


def test_alarm_that_is_on_at_the_end_did_not_clear() -> None:
    assert "StatusIndexThrottled went off at 20:38:00, after 3 throttled reads in 5 min, and was on at the end" in (
        run_of("alarm-index-throttled").result.answer
    )


def test_answer_begins_with_a_capital_and_ends_with_one_full_stop() -> None:
    assert answer("{ends}.", result_of("drill")) == answer("{ends}", result_of("drill")) == "1 execution completed."
    assert answer("{polls}", result_of("drill"))[0].isdigit()
