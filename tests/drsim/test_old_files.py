"""Each kind of file as its versions so far wrote it is read; one of a later version is refused in one line."""

import re
import shutil
from pathlib import Path

import pytest

from drsim.campaign_files import read as campaign_in
from drsim.cli import main
from drsim.scenarios import failure
from drsim.scenarios.files import load
from drsim.stored_runs import result_in

OLD = Path(__file__).resolve().parent.parent / "old"


def test_scenario_and_contract_of_version_1_are_read() -> None:
    scenario = load(str(OLD / "scenario-1.yaml"))
    assert (scenario.schema_version, scenario.name, scenario.judged_by.name) == (1, "first-version", "first-version")
    assert scenario.judged_by.schema_version == 1


@pytest.mark.slow
def test_failure_of_version_1_is_read_and_replayed(capsys: pytest.CaptureFixture[str]) -> None:
    found = failure.read(OLD / "failure-1.yaml")
    assert (found.schema_version, found.property, found.seed) == (1, "completion-liveness", 1)
    assert main(["replay", str(OLD / "failure-1.yaml")]) == 1
    assert "still fails" in capsys.readouterr().out


def test_campaign_of_version_1_is_read() -> None:
    kept = campaign_in(OLD / "campaign-1.jsonl")
    assert kept is not None
    assert (kept.header.schema_version, kept.header.scenario.name, kept.header.seeds) == (1, "drill", (1, 2))
    assert sorted((each.first, each.last) for each in kept.ranges)[0][0] == 1


@pytest.mark.parametrize("version", [1, 2, 3])
def test_results_of_all_versions_are_read(version: int) -> None:
    assert result_in(OLD / f"result-{version}.json").schema_version == 3


@pytest.mark.parametrize(
    ("file", "command", "field"),
    [
        ("scenario-1.yaml", ["run"], "later.yaml:1: schema_version"),
        ("failure-1.yaml", ["replay"], "later.yaml:1: schema_version"),
        ("contract-1.yaml", ["run", "idle", "--contract"], "later.yaml:1: schema_version"),
        ("result-3.json", ["report"], "later.json: is no result of version 1, 2 or 3: schema_version"),
    ],
)
def test_file_of_a_later_version_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, command: list[str], field: str
) -> None:
    shutil.copy(OLD / "contract-1.yaml", tmp_path)
    later = tmp_path / f"later{Path(file).suffix}"
    text = (OLD / file).read_text(encoding="utf-8")
    later.write_text(
        text.replace("schema_version: 1", "schema_version: 9").replace('"schema_version": 3', '"schema_version": 9', 1),
        encoding="utf-8",
    )
    assert main([*command, str(later), *(["--out", str(tmp_path / "out")] if command[0] == "run" else [])]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{field} must be " in line
    assert ", got 9" in line


def test_failure_and_campaign_are_written_with_their_version(tmp_path: Path) -> None:
    path = tmp_path / "again.yaml"
    failure.write(failure.read(OLD / "failure-1.yaml"), path)
    assert path.read_bytes() == (OLD / "failure-1.yaml").read_bytes()
    assert path.read_text(encoding="utf-8").startswith("schema_version: 1\n")


def test_every_old_file_is_named_in_a_test() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in OLD.parent.rglob("test_*.py"))
    for path in OLD.iterdir():
        assert path.stem in tests or re.sub(r"\d$", "{version}", path.stem) in tests, path.name
