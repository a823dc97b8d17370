"""Results of versions 1 and 2 are read: reported, compared, and as complete as those of today."""

import json
import shutil
from pathlib import Path

import pytest

from drsim.cli import main
from drsim.reports import markdown
from drsim.scenarios.files import load
from drsim.scenarios.result import Result
from drsim.scenarios.runner import run
from tests.catalogue import run_of

OLD = Path(__file__).resolve().parent.parent / "old" / "result-1.json"
"""What phase-2 with seed 1 left in version 1."""
SECOND = OLD.with_name("result-2.json")
"""What drill with seed 1 and `bounds.completion=0s`, which fails, left in version 2."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    where = tmp_path / "phase-2-1"
    where.mkdir()
    shutil.copy(OLD, where / "result.json")
    return where


def test_version_1_is_read_as_the_current_result() -> None:
    assert json.loads(OLD.read_bytes())["schema_version"] == 1
    old, now = Result.model_validate_json(OLD.read_bytes()), run_of("phase-2").result
    assert (old.schema_version, old.started, old.polls) == (3, now.started, now.polls)
    # Statuses and figures of later versions are missing in the old result.
    assert {status: old.executions.get(status, 0) for status in now.executions} == now.executions
    assert {name: now.metrics.distributions[name] for name in old.metrics.distributions} == old.metrics.distributions
    assert old.capacity == now.capacity


def test_version_1_with_a_former_fault_kind_keeps_its_limits() -> None:
    data = json.loads(OLD.read_bytes())
    data["metrics"]["configuration"]["swarm"] = {"faults": ["servers-untold"], "most": 1}
    old = Result.model_validate_json(json.dumps(data))
    assert old.capacity == run_of("phase-2").result.capacity


def test_version_1_distribution_of_a_family_gets_its_title() -> None:
    data = json.loads(OLD.read_bytes())
    distributions = data["metrics"]["distributions"]
    distributions |= {"AssumeRole.warm": distributions["Query.warm"], "nonsense": distributions["Query.warm"]}
    found = Result.model_validate(data).metrics.distributions
    assert [found[name].title for name in ("AssumeRole.warm", "nonsense")] == ["AssumeRole, warm", "nonsense"]


def test_version_1_is_reported(folder: Path) -> None:
    # Without its trace a report has no timeline, and says so.
    assert main(["report", str(folder)]) == 4
    written = (folder / "report.md").read_text(encoding="utf-8")
    assert written == markdown.render(Result.model_validate_json(OLD.read_bytes()))
    assert "| Delay of a poll after its look |" in written
    assert "criterion: under 100 ms" in (folder / "report.html").read_text(encoding="utf-8")


def test_version_1_is_compared_with_a_current_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = folder.parent / "now.json"
    now.write_text(run_of("phase-2").result.model_dump_json(), encoding="utf-8")
    assert main(["compare", str(folder), str(now), "--json"]) == 0
    (comparison,) = json.loads(capsys.readouterr().out)["comparisons"]
    assert comparison["same_traces"]
    assert comparison["counts"] == []


def test_version_1_whose_scenario_is_invalid_today_has_no_capacity() -> None:
    data = json.loads(OLD.read_bytes())
    data["metrics"]["configuration"]["bounds"] = {"bound_of_then": 1}
    result = Result.model_validate(data)
    assert result.capacity is None
    assert "lacks the figures that limits are computed from" in markdown.render(result)


def test_version_2_is_read_as_the_current_result() -> None:
    assert json.loads(SECOND.read_bytes())["schema_version"] == 2
    old, now = (
        Result.model_validate_json(SECOND.read_bytes()),
        run(load("drill", ["bounds.completion=0s"]), seed=1).result,
    )
    assert (old.schema_version, old.answer, old.degraded) == (3, "", ())
    assert (old.verdict, old.findings, old.capacity) == ("fail", now.findings, now.capacity)
    follows = {each.name: each.follows for each in now.criteria}
    assert {each.name: each.follows for each in old.criteria} == {
        each.name: follows[each.name] for each in old.criteria
    }
    assert [each.follows for each in old.criteria if each.verdict == "fail"] == [("completion-liveness",)]


def test_version_2_is_reported(folder: Path) -> None:
    shutil.copy(SECOND, folder / "result.json")
    assert main(["report", str(folder)]) == 4
    assert "completion-liveness: late end" in (folder / "report.html").read_text(encoding="utf-8")
