"""`drsim trend`: which folders are points, in which order, and the files it writes."""

import json
import shutil
from pathlib import Path

import pytest

from drsim.cli import main


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs without dates, of one scenario with another setting each."""
    out = tmp_path_factory.mktemp("made")
    assert main(["run", "drill", "--out", str(out / "build-9")]) == 0
    assert main(["run", "drill", "--set", "SWEEPS_PER_INVOCATION=4", "--out", str(out / "build-10")]) == 0
    for folder in ("build-9", "build-10"):
        (out / folder / "drill-1" / "evidence.json").unlink()
    return out


def points(capsys: pytest.CaptureFixture[str], *folders: Path) -> list[str]:
    """The labels of the points, in order."""
    capsys.readouterr()
    assert main(["trend", *map(str, folders), "--json"]) == 0
    return [each["label"] for each in json.loads(capsys.readouterr().out)["points"]]


def dated(folder: Path, at: str) -> None:
    (folder / "evidence.json").write_text(
        json.dumps({"at": at, "commit": {"id": "abcdef0123456789"}, "digests": {"drsim": "d" * 64}}), encoding="utf-8"
    )


def test_points_are_in_the_order_given(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert points(capsys, made / "build-10", made / "build-9") == ["build-10", "build-9"]


def test_a_folder_of_folders_is_a_point_each_by_name(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert points(capsys, made) == ["build-9", "build-10"]
    assert points(capsys, made / "build-9" / "drill-1", made / "build-10") == ["drill-1", "build-10"]


def test_dates_of_evidence_decide_the_order(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(made, tmp_path / "builds")
    dated(folder / "build-9" / "drill-1", "2026-11-30T15:00:00Z")
    # As long as one point has no date, all are in the order given.
    assert points(capsys, folder) == ["build-9", "build-10"]
    dated(folder / "build-10" / "drill-1", "2026-11-29T15:00:00Z")
    assert points(capsys, folder) == ["build-10", "build-9"]
    assert main(["trend", str(folder), "--out", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "trend.md").read_text(encoding="utf-8")
    assert "| build-10 | ✅ PASS | 2026-11-29T15:00:00Z | `abcdef012345` | 1 of 1 | 0 |" in text


def test_folders_of_the_same_name_have_their_paths_as_labels(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [made / name / "drill-1" for name in ("build-9", "build-10")]
    assert points(capsys, *runs) == [str(each) for each in runs]


def test_files_and_summary_name_what_changed(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["trend", str(made), "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["trend.html", "trend.json", "trend.md"]
    shown = capsys.readouterr().out
    lines = shown.splitlines()
    assert lines[1] == "✓ 1 of 1 scenario passes at build-10"
    assert "changed: settings.SWEEPS_PER_INVOCATION: none → 4; trace digest: " in shown
    assert lines[-1] == f"  report  {out / 'trend.html'}"
    assert max(map(len, lines[:-1])) <= 100
    for name in ("trend.html", "trend.md"):
        assert "SWEEPS_PER_INVOCATION" in (out / name).read_text(encoding="utf-8")


def test_json_is_printed_alone_and_writes_no_file(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["trend", str(made), "--json"]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_explorations_are_points_too(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build = shutil.copytree(made / "build-9", tmp_path / "build-9")
    assert main(["explore", "chaos", "--seeds", "1-2", "--jobs", "1", "--out", str(build)]) == 0
    # A campaign that --restart set aside is no longer the point's.
    shutil.copytree(build / "explore-chaos", build / "explore-chaos.1")
    capsys.readouterr()
    assert main(["trend", str(build), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [(each["scenario"], len(each["outcomes"])) for each in data["explorations"]] == [("chaos", 1)]
    assert data["explorations"][0]["outcomes"][0]["seeds"] == 2


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere", "is no folder"),
        ("file", "is no folder"),
        ("empty", "holds no result.json and no campaign.jsonl, nor does a folder in it"),
    ],
)
def test_wrong_folder_is_one_message(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, message: str
) -> None:
    (tmp_path / "file").write_text("text", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    assert main(["trend", str(made / "build-9"), str(tmp_path / name)]) == 4
    assert capsys.readouterr().err == f"drsim: {tmp_path / name}: {message}\n"


def test_unreadable_result_is_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "drill-1").mkdir()
    (tmp_path / "drill-1" / "result.json").write_text("{}", encoding="utf-8")
    assert main(["trend", str(tmp_path)]) == 4
    shown = capsys.readouterr().err
    assert shown.startswith(f"drsim: {tmp_path / 'drill-1' / 'result.json'}: is no result of version ")
    assert shown.count("\n") == 1
