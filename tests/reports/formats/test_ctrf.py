"""`ctrf.json` against the format's own schema, and against the result that it tells of."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from drsim.reports.formats import ctrf
from drsim.reports.text import plain
from drsim.scenarios.files import load
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from tests.reports.hostile import TEXTS, hostile

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "ctrf-schema-0.0.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def failed() -> Result:
    return run(load("drill", ["bounds.completion=0s"]), seed=7).result


@pytest.fixture(scope="module")
def unknown() -> Result:
    return run(load("idle", ["exercises.properties=[timeout-truth]", "duration=5m"]), seed=1).result


def results_of(result: Result) -> Any:
    """The part of a valid document that tells of the run."""
    text = ctrf.render(result)
    assert text.isascii()
    document = json.loads(text)
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(document)] == []
    return document["results"]


def test_verdict_criteria_and_properties_are_tests_and_are_counted(phase_2: Result) -> None:
    results = results_of(phase_2)
    judged = [("verdict", "pass"), *((each.name, each.verdict) for each in phase_2.criteria)]
    judged += [(each.name, each.verdict) for each in phase_2.properties]
    assert [(test["name"], test["rawStatus"]) for test in results["tests"]] == judged
    statuses = Counter(test["status"] for test in results["tests"])
    assert set(statuses) == {"passed", "skipped"}
    for status in ("passed", "failed", "skipped", "pending", "other"):
        assert results["summary"][status] == statuses[status]
    assert results["summary"]["tests"] == len(judged)
    suites = dict.fromkeys(tuple(test["suite"]) for test in results["tests"])
    assert list(suites) == [("phase-2", "run"), ("phase-2", "criteria"), ("phase-2", "properties")]
    assert results["summary"]["suites"] == 3


def test_start_and_stop_are_those_of_virtual_time(phase_2: Result) -> None:
    summary = results_of(phase_2)["summary"]
    assert summary["start"] == 1764361949000
    assert summary["stop"] - summary["start"] == round(phase_2.virtual_seconds * 1000) == 1_790_000


def test_the_environment_says_which_run_it_was(phase_2: Result) -> None:
    environment = results_of(phase_2)["environment"]
    assert environment["healthy"] is True
    assert environment["testEnvironment"] == "simulated, fast tier"
    extra = environment["extra"]
    assert (extra["seed"], extra["verdict"], extra["traceDigest"]) == (1, "pass", phase_2.trace_digest)
    assert extra["replay"] == "drsim run phase-2 --seed 1"


def test_a_failure_has_its_violations_as_its_trace(failed: Result) -> None:
    results = results_of(failed)
    assert results["environment"]["healthy"] is False
    broken = next(each for each in failed.properties if each.name == "completion-liveness")
    test = next(test for test in results["tests"] if test["name"] == broken.name)
    assert test["status"] == "failed"
    assert test["message"].endswith(f" checked, {broken.violations_count} violated: {broken.rule}")
    assert broken.violations[0].observed in test["trace"]
    assert test["trace"].endswith("replay: drsim run drill --seed 7")
    assert test["extra"]["violations"] == broken.violations_count
    assert (test["extra"]["seed"], test["extra"]["replay"]) == (7, "drsim run drill --seed 7")


def test_unknown_run_has_failed_and_names_what_was_not_exercised(unknown: Result) -> None:
    results = results_of(unknown)
    assert unknown.verdict == "unknown"
    assert results["summary"]["failed"] == 1
    test = results["tests"][0]
    assert (test["name"], test["status"], test["rawStatus"]) == ("verdict", "failed", "unknown")
    assert test["message"] == "declared and not exercised: timeout-truth"


def test_skipped_tests_have_a_reason_and_passed_ones_no_message(phase_2: Result) -> None:
    for test in results_of(phase_2)["tests"]:
        if test["status"] == "skipped":
            assert test["message"].startswith("not exercised: ")
        else:
            assert "message" not in test
        assert "trace" not in test


def test_hostile_texts_are_escaped(phase_2: Result) -> None:
    results = results_of(hostile(phase_2))
    _, criterion, broken = [test for test in results["tests"] if test["status"] == "failed"]
    for text in TEXTS:
        assert plain(text) in criterion["extra"]["value"]
        assert f"  observed: {plain(text)}\n" in broken["trace"]


def test_the_same_result_read_again_gives_the_same_bytes(failed: Result) -> None:
    assert ctrf.render(Result.model_validate_json(failed.model_dump_json())) == ctrf.render(failed)
