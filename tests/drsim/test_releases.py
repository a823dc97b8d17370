"""The files of a release that `drsim run` of several scenarios leaves, and `drsim report` writes again."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from drsim.cli import main
from drsim.scenarios import runner
from drsim.scenarios.runner import Run
from drsim.simulator.errors import MisfitError

FILES = ("evidence.json", "index.html", "junit.xml", "summary.md")


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def raising(monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException) -> None:
    """Make the run of one scenario end with an error."""
    whole: Callable[..., Run] = runner.run

    def broken(scenario: object, **keywords: object) -> Run:
        if getattr(scenario, "name", "") == name:
            raise error
        return whole(scenario, **keywords)

    monkeypatch.setattr(runner, "run", broken)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of two scenarios, which tests copy."""
    out = tmp_path_factory.mktemp("made")
    assert main(["run", "drill", "idle", "--out", str(out)]) == 0
    return out


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "out")


def test_several_runs_leave_one_report_and_digests(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == ["drill-1", *FILES[:1], "idle-1", *FILES[1:]]
    record = json.loads((folder / "evidence.json").read_text(encoding="utf-8"))
    assert (record["kind"], record["verdict"], record["missing"]) == ("release", "pass", {})
    assert [(each["folder"], each["verdict"]) for each in record["runs"]] == [("drill-1", "pass"), ("idle-1", "pass")]
    for each in record["runs"]:
        digest = hashlib.sha256((folder / each["folder"] / "result.json").read_bytes()).hexdigest()
        assert each["sha256"]["result.json"] == digest
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert all(
        (folder / name / "report.html").exists() and f'href="{name}/report.html"' in page
        for name in ("drill-1", "idle-1")
    )


def test_a_single_run_leaves_no_release(tmp_path: Path) -> None:
    assert main(["run", "idle", "--out", str(tmp_path), "--set", "duration=2m"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["idle-1"]


def test_a_failing_scenario_fails_the_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "drill", "idle", "--set", "bounds.completion=0s", "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().out.endswith(f"  report  {tmp_path / 'index.html'}\n")
    assert json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))["verdict"] == "fail"
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("# ❌ FAIL: 1 of 2 scenarios failed\n")


def test_report_writes_the_release_again_byte_for_byte(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(folder)
    for name in FILES[1:]:
        (folder / name).unlink()
    assert main(["report", str(folder)]) == 0
    assert contents(folder) == before
    assert capsys.readouterr().out.splitlines()[-1] == str(folder / "index.html")


def test_a_run_made_again_is_not_taken_for_the_releases(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(folder)
    assert main(["run", "idle", "--out", str(folder)]) == 0
    capsys.readouterr()
    assert main(["report", str(folder)]) == 4
    assert contents(folder) == before
    assert capsys.readouterr().err == (
        f"drsim: {folder / 'evidence.json'}: idle-1 was run again since, so index.html stays as before; "
        "run the scenarios together for a new one\n"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no record of a release: "),
        ('{"kind": "release", "verdict": "good", "runs": [], "missing": {}}', "is no record of a release: "),
    ],
)
def test_wrong_evidence_of_a_release_is_one_message(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (folder / "evidence.json").write_text(text, encoding="utf-8")
    assert main(["report", str(folder)]) == 4
    shown = capsys.readouterr().err
    assert shown.startswith(f"drsim: {folder / 'evidence.json'}: {message}")
    assert shown.count("\n") == 1


def test_interrupted_runs_leave_a_report_of_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, "idle", KeyboardInterrupt())
    assert main(["run", "drill", "idle", "phase-2", "--out", str(tmp_path)]) == 2
    record = json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))
    assert record["verdict"] == "unknown"
    assert record["missing"] == {"idle": "interrupted", "phase-2": "not run"}
    assert "1 of 3 scenarios passed, 2 without a result" in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_broken_simulation_is_named_in_the_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, "drill", ZeroDivisionError("the simulator is wrong"))
    assert main(["run", "drill", "idle", "--out", str(tmp_path)]) == 3
    record = json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))
    assert record["missing"] == {"drill": "an internal error ended it"}


def test_a_refused_scenario_leaves_a_report_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    raising(monkeypatch, "idle", MisfitError("does not fit"))
    assert main(["run", "drill", "idle", "--out", str(tmp_path)]) == 4
    assert capsys.readouterr().err == "drsim: idle, seed 1: does not fit\n"
    record = json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))
    assert record["missing"] == {"idle": "not run"}


def test_a_run_with_other_settings_leaves_the_release_whole(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(folder)
    assert main(["run", "idle", "--set", "duration=2m", "--out", str(folder)]) == 0
    capsys.readouterr()
    assert main(["report", str(folder)]) == 0
    assert contents(folder) == before
