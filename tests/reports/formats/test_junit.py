"""`junit.xml` against the schema that CI servers share, and against the result that it tells of."""

from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
import xmlschema

from drsim.reports.formats import junit
from drsim.reports.text import plain
from drsim.scenarios.files import load
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from tests.reports.hostile import TEXTS, hostile

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).parent / "schemas" / "junit-10.xsd"))


@pytest.fixture(scope="module")
def failed() -> Result:
    return run(load("drill", ["bounds.completion=0s"]), seed=7, replay="drsim run drill --seed 7 --set 'a=<b>'").result


def suite_of(result: Result) -> ElementTree.Element:
    """The one suite of a valid document, read back from bytes as a CI server would."""
    text = junit.render(result)
    SCHEMA.validate(text)
    (suite,) = ElementTree.fromstring(text.encode())
    return suite


@pytest.fixture(scope="module")
def unknown() -> Result:
    return run(load("idle", ["exercises.properties=[timeout-truth]", "duration=5m"]), seed=1).result


def test_verdict_each_criterion_and_each_property_is_a_case(phase_2: Result) -> None:
    cases = [(case.get("classname"), case.get("name")) for case in suite_of(phase_2).iter("testcase")]
    assert cases == [
        ("phase-2.run", "verdict"),
        *(("phase-2.criteria", each.name) for each in phase_2.criteria),
        *(("phase-2.properties", each.name) for each in phase_2.properties),
    ]


def test_the_suite_counts_its_cases_and_says_which_run_it_was(phase_2: Result) -> None:
    suite = suite_of(phase_2)
    verdicts = Counter[str]([each.verdict for each in phase_2.criteria])
    verdicts.update([phase_2.verdict, *(each.verdict for each in phase_2.properties)])
    assert verdicts["not exercised"] > 0
    assert suite.get("skipped") == str(verdicts["not exercised"]) == str(len(list(suite.iter("skipped"))))
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    assert suite.get("tests") == str(verdicts.total())
    assert suite.get("timestamp") == "2025-11-28T20:32:29"
    assert float(suite.attrib["time"]) == phase_2.wall_seconds
    assert {each.get("name"): each.get("value") for each in suite.iter("property")} == {
        "seed": "1",
        "tier": "fast",
        "verdict": "pass",
        "digest": phase_2.trace_digest,
        "replay": "drsim run phase-2 --seed 1",
    }


def test_a_timestamp_is_in_utc_whatever_zone_the_scenario_is_in() -> None:
    result = run(load("idle", ["start=2025-11-28T20:32:29+05:30", "duration=2m"]), seed=1).result
    assert suite_of(result).get("timestamp") == "2025-11-28T15:02:29"


def test_failure_has_its_violations_and_its_replay_command(failed: Result) -> None:
    broken = next(each for each in failed.properties if each.name == "completion-liveness")
    suite = suite_of(failed)
    case = next(each for each in suite.iter("testcase") if each.get("name") == broken.name)
    (failure,) = case
    assert (failure.tag, failure.get("type")) == ("failure", "properties")
    assert failure.get("message") == f"{broken.checked} checked, {broken.violations_count} violated: {broken.rule}"
    text = failure.text or ""
    for violation in broken.violations:
        assert f"{violation.at} {violation.execution_id}\n  expected: {violation.expected}\n" in text
        assert f"  observed: {violation.observed}\n" in text
    failures = list(suite.iter("failure"))
    assert len(failures) == int(suite.attrib["failures"]) > 1
    for each in failures:
        assert (each.text or "").endswith("\nreplay: drsim run drill --seed 7 --set 'a=<b>'")


def test_unknown_run_has_an_error_that_names_what_was_not_exercised(unknown: Result) -> None:
    suite = suite_of(unknown)
    assert (unknown.verdict, suite.get("errors"), suite.get("failures")) == ("unknown", "1", "0")
    (error,) = suite.iter("error")
    assert (error.get("type"), error.get("message")) == ("run", "declared and not exercised: timeout-truth")
    assert (error.text or "").endswith(f"\nreplay: {unknown.replay}")


def test_run_that_exercised_nothing_says_so(unknown: Result) -> None:
    unjudged = {
        name: tuple(each.model_copy(update={"verdict": "not exercised"}) for each in getattr(unknown, name))
        for name in ("criteria", "properties")
    }
    metrics = unknown.metrics.model_copy(
        update={"configuration": {**unknown.metrics.configuration, "exercises": {"properties": [], "criteria": []}}}
    )
    (error,) = suite_of(unknown.model_copy(update={**unjudged, "metrics": metrics})).iter("error")
    assert error.get("message") == "nothing was exercised"


def test_the_verdict_of_a_run_that_failed_names_what_failed(failed: Result) -> None:
    failure = next(suite_of(failed).iter("failure"))
    names = [each.name for each in failed.criteria if each.verdict == "fail"]
    names += [each.name for each in failed.properties if each.verdict == "fail"]
    assert (failure.get("type"), failure.get("message")) == ("run", f"failed: {', '.join(names)}")


def test_a_failed_criterion_says_value_threshold_and_evidence(failed: Result) -> None:
    broken = next(each for each in failed.criteria if each.verdict == "fail")
    case = next(each for each in suite_of(failed).iter("testcase") if each.get("name") == broken.name)
    assert case[0].get("message") == f"{broken.value}; threshold: {broken.threshold}"
    assert f"evidence: {broken.evidence}\nbasis: {broken.basis}\n" in (case[0].text or "")


def test_hostile_texts_are_escaped(phase_2: Result) -> None:
    _, criterion, broken = list(suite_of(hostile(phase_2)).iter("failure"))
    for text in TEXTS:
        assert plain(text) in criterion.attrib["message"]
        assert f"29Z {plain(text)}\n  expected: {plain(text)}\n  observed: {plain(text)}\n" in (broken.text or "")
    assert "the first 7 of them:" in (broken.text or "")


def test_the_same_result_read_again_gives_the_same_bytes(failed: Result) -> None:
    again = Result.model_validate_json(failed.model_dump_json())
    assert junit.render(again).encode() == junit.render(failed).encode()
