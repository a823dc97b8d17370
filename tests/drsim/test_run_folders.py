"""In which folder a run goes: none is overwritten by a run that differs."""

import json
import re
from pathlib import Path

import pytest

from drsim.cli import main

OURS = "drsim.orchestrator.entrypoints"
HANDLERS = ("--finder", f"{OURS}:finder_handler", "--poller", f"{OURS}:poller_handler")


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runs with one of `idle`."""
    monkeypatch.chdir(tmp_path)
    assert main(["run", "idle", "--out", "runs"]) == 0
    return Path("runs")


def replay_in(folder: Path) -> str:
    return str(json.loads((folder / "result.json").read_text(encoding="utf-8"))["replay"])


@pytest.mark.parametrize(
    ("words", "which"),
    [
        (["--set", "duration=2m"], "other settings"),
        pytest.param(["--tier", "client"], "another tier", marks=pytest.mark.slow),
        pytest.param([*HANDLERS], "another tier and other handlers", marks=pytest.mark.slow),
    ],
)
def test_run_that_differs_goes_to_a_folder_of_its_own(
    out: Path, capsys: pytest.CaptureFixture[str], words: list[str], which: str
) -> None:
    before = {path: path.read_bytes() for path in (out / "idle-1").iterdir()}
    capsys.readouterr()
    code = main(["run", "idle", "--out", "runs", *words])
    assert code in (0, 1)
    said = re.search(rf"drsim: runs/idle-1 holds a run with {which}; this run goes to (\S+)\n", capsys.readouterr().err)
    assert said is not None
    assert {path: path.read_bytes() for path in (out / "idle-1").iterdir()} == before
    own = Path(said[1])
    # Its replay command leads to the same folder again, and that of the first run to the first.
    assert main([*replay_in(own).split()[1:], "--out", "runs"]) == code
    assert main([*replay_in(out / "idle-1").split()[1:], "--out", "runs"]) == 0
    assert sorted(out.iterdir()) == sorted([out / "idle-1", own])


def test_same_run_overwrites_also_with_another_trace(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["run", "idle", "--out", "runs", "--trace", "off"]) == 0
    assert capsys.readouterr().err == ""
    assert [path.name for path in out.iterdir()] == ["idle-1"]


def test_run_without_evidence_is_known_by_its_command(out: Path) -> None:
    (out / "idle-1" / "evidence.json").unlink()
    assert main(["run", "idle", "--out", "runs"]) == 0
    assert [path.name for path in out.iterdir()] == ["idle-1"]
    (out / "idle-1" / "evidence.json").unlink()
    assert main(["run", "idle", "--out", "runs", "--set", "duration=2m"]) == 0
    assert len(list(out.iterdir())) == 2


def test_release_names_the_folders_of_its_runs(out: Path) -> None:
    assert main(["run", "idle", "cancelled", "--out", "runs", "--set", "duration=3m"]) in (0, 1)
    record = json.loads((out / "evidence.json").read_text(encoding="utf-8"))
    folders = [each["folder"] for each in record["runs"]]
    assert folders[0].startswith("idle-1-")
    assert folders[1] == "cancelled-1"
    page = (out / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{folder}/report.html"' in page for folder in folders)
    assert all((out / folder / "report.html").exists() for folder in folders)


@pytest.mark.parametrize("command", [["run", "idle"], ["explore", "idle", "--seeds", "1"]])
@pytest.mark.parametrize("folder", ["", " "])
def test_output_folder_without_a_name_is_refused(
    command: list[str], folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--out", folder]) == 4
    assert f"must name a folder, such as drsim-runs or ., got '{folder}'" in capsys.readouterr().err
