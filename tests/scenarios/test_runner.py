"""The runner: what a run leaves, and how its verdict comes about."""

import json
from pathlib import Path

import pytest

from drsim.orchestrator.model import ExecutionStatus
from drsim.scenarios.files import load, parse
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from tests.catalogue import run_of

EMPTY = "name: empty\ntitle: Nothing happens\nwhy: A test needs it.\nduration: 10m\nuntil_finished: false\n"


def test_phase_2_finds_and_polls_what_the_original_did_each_minute() -> None:
    ticks = run_of("phase-2", 7).result.metrics.ticks
    minutes = [(tick.at[11:16], tick.found, tick.polled) for tick in ticks]
    clock = [f"{20 + minute // 60}:{minute % 60:02}" for minute in range(32, 62)]
    assert minutes == [
        *((minute, 0, 0) for minute in clock[:10]),
        ("20:42", 1, 1),
        *((minute, 3, 3) for minute in clock[11:]),
    ]


def test_sub_minute_looks_make_the_configured_intervals_the_effective_ones() -> None:
    distributions = run_of("sub-minute", 3).result.metrics.distributions
    medians = {phase: distributions[f"poll_gap.{phase}"].p50 / 1000 for phase in ("PENDING", "STARTED", "IN_PROGRESS")}
    assert medians == {
        "PENDING": pytest.approx(45, abs=2),
        "STARTED": pytest.approx(15, abs=2),
        "IN_PROGRESS": pytest.approx(30, abs=2),
    }


def test_one_look_a_minute_makes_every_interval_a_minute() -> None:
    distributions = run_of("drill", 3).result.metrics.distributions
    assert {round(figure.p50 / 1000) for name, figure in distributions.items() if name.startswith("poll_gap.")} == {60}


@pytest.mark.slow
def test_trace_is_written_to_its_file_during_the_run(tmp_path: Path) -> None:
    spool, sizes = tmp_path / "spool", list[int]()
    run(load("load-100"), seed=1, spool=spool, on_progress=lambda _: sizes.append(spool.stat().st_size))
    assert sizes == sorted(sizes)
    # 27 minutes, and what each of them leaves is more than a file's buffer.
    assert len(set(sizes)) > 15


def test_a_result_survives_its_file() -> None:
    result = run_of("drill").result
    assert Result.model_validate_json(result.model_dump_json()) == result


def test_a_result_has_the_fields_that_others_depend_on() -> None:
    fields = json.loads(run_of("drill").result.model_dump_json())
    assert list(fields) == [
        "schema_version",
        "scenario",
        "seed",
        "tier",
        "functions",
        "verdict",
        "answer",
        "degraded",
        "trace",
        "trace_digest",
        "virtual_seconds",
        "wall_seconds",
        "replay",
        "executions",
        "polls",
        "properties",
        "criteria",
        "findings",
        "errors",
        "metrics",
        "faults",
        "unwinnable",
        "unjudged",
        "forwarded",
        "adapted",
        "objectives",
        "recovery_plans",
        "capacity",
    ]
    assert list(fields["executions"]) == [status.value for status in ExecutionStatus]
    assert list(fields["criteria"][0]) == [
        "name",
        "verdict",
        "value",
        "threshold",
        "measured",
        "relation",
        "limit",
        "unit",
        "evidence",
        "basis",
        "rests_on",
        "follows",
    ]
    assert set(fields["properties"][0]) >= {"name", "verdict", "checked", "violations"}


def test_run_with_an_unexercised_declaration_is_unknown() -> None:
    assert run(parse(EMPTY, "empty"), seed=1).result.verdict == "pass"
    declared = EMPTY + "exercises: {properties: [timeout-truth]}\n"
    assert run(parse(declared, "empty"), seed=1).result.verdict == "unknown"
    declared = EMPTY + "exercises: {criteria: [IAM permissions correct]}\n"
    assert run(parse(declared, "empty"), seed=1).result.verdict == "unknown"


def test_run_in_which_nothing_happens_is_unknown() -> None:
    silent = EMPTY.replace("10m", "1m") + "schedule: {first: 5m}\n"
    assert run(parse(silent, "empty"), seed=1).result.verdict == "unknown"


def test_a_run_with_a_violation_fails() -> None:
    result = run(load("drill", ["bounds.completion=0s"]), seed=1).result
    assert result.verdict == "fail"
    broken = [each for each in result.properties if each.verdict == "fail"]
    assert [each.name for each in broken] == ["completion-liveness"]
    (violation,) = broken[0].violations
    assert violation.expected.startswith("terminal within 0 s of the truth at ")


def test_execution_with_an_unexpected_end_fails_the_run() -> None:
    result = run(load("drill", ["expect=TIMEOUT"]), seed=1).result
    (criterion,) = [each for each in result.criteria if each.verdict == "fail"]
    assert criterion.name == "Executions end as expected"
    assert criterion.evidence.endswith(": COMPLETED, not TIMEOUT")
