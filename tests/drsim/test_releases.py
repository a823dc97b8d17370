"""The files of a release that `drsim run` of several scenarios leaves, and `drsim report` writes again."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from drsim.cli import main
from drsim.releases import write_record
from drsim.reports.release import ReleaseRecord
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
        assert each["result"] == digest
        evidence = json.loads((folder / each["folder"] / "evidence.json").read_text(encoding="utf-8"))
        assert each["evidence"] == evidence["digest"]
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert all(
        (folder / name / "report.html").exists() and f'href="{name}/report.html"' in page
        for name in ("drill-1", "idle-1")
    )


def test_signed_runs_still_belong_to_their_release(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sign", str(folder / "drill-1"), "--as", "Bo", "--role", "DR lead"]) == 0
    assert main(["verify", str(folder), "--files-only"]) == 0
    assert f"{folder}: as recorded" in capsys.readouterr().out


def test_release_is_signed_in_a_chain_and_not_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--role", "release manager", "--conditions", "only staging"]
    values = []
    for name in ("Bo", "Cy"):
        assert main(["sign", str(folder), "--as", name, *words]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert f"release of 2 runs: PASS, approved by {name} (release manager) only staging evidence" in shown
        values.append(shown.split()[-1])
    assert main(["report", str(folder)]) == main(["verify", str(folder), "--files-only"]) == 0
    shown = capsys.readouterr().out
    assert "a release of 2 runs, approved by Bo (release manager), Cy (release manager)" in shown
    assert values[1] in shown
    before = contents(folder)
    for again in (["idle"], ["phase-2", "load-100"]):
        assert main(["run", *again, "--out", str(folder)]) == 4
        assert f"{folder}: holds a release that 'Cy' signed on " in capsys.readouterr().err
    assert contents(folder) == before
    record = json.loads(before["evidence.json"])
    assert [each["previous"] for each in record["approvals"]] == [record["digest"], values[0]]
    record["approvals"][0]["by"] = "Eve"
    (folder / "evidence.json").write_text(json.dumps(record), encoding="utf-8")
    assert main(["verify", str(folder), "--files-only"]) == 1
    assert "evidence.json: approval 1 was changed: its digest covers other fields" in capsys.readouterr().out


def test_value_of_a_signed_release_is_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sign", str(folder / "evidence.json"), "--as", "Bo", "--role", "release manager"]) == 0
    value = capsys.readouterr().out.split()[-1]
    assert main(["verify", str(folder), "--files-only", "--expect", value]) == 0
    assert main(["verify", str(folder), "--files-only", "--expect", "0" * 64]) == 1
    assert f"evidence.json: its last value must be {'0' * 64}, got {value}" in " ".join(capsys.readouterr().out.split())


def test_approval_of_a_degraded_release_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = ReleaseRecord.model_validate_json((folder / "evidence.json").read_bytes())
    first = record.runs[0].model_copy(update={"is_degraded": True})
    write_record(folder, record.model_copy(update={"runs": (first, *record.runs[1:])}).sealed)
    assert main(["sign", str(folder), "--as", "Bo", "--role", "release manager"]) == 0
    assert "! release of 2 runs: PASS, degraded, approved by Bo" in capsys.readouterr().out


def test_named_evidence_of_a_release_stands_for_its_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "index.html").write_bytes(b"other")
    assert main(["verify", str(folder / "evidence.json"), "--files-only"]) == 1
    assert "index.html: differs" in capsys.readouterr().out


def test_pages_without_their_record_cannot_be_verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "evidence.json").unlink()
    assert main(["verify", str(folder), "--files-only"]) == 4
    assert f"{folder}: has index.html and no evidence.json of its release" in capsys.readouterr().err


def test_record_in_another_form_and_new_files_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "evidence.json").open("ab") as file:
        file.write(b" ")
    (folder / "notes.txt").touch()
    (folder / "other-1").mkdir()
    assert main(["verify", str(folder), "--files-only"]) == 1
    shown = capsys.readouterr().out
    assert "evidence.json: is not written as drsim writes it" in shown
    assert "notes.txt: is new" in shown
    assert "other-1" not in shown


def test_damaged_record_is_a_difference_and_is_not_replaced(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "evidence.json").write_bytes(b"{")
    assert main(["verify", str(folder), "--files-only"]) == 1
    assert "is no record of a release" in " ".join(capsys.readouterr().out.split())
    assert main(["run", "drill", "idle", "--out", str(folder)]) == 4
    assert "it may be signed: move it, or change --out" in capsys.readouterr().err
    assert (folder / "evidence.json").read_bytes() == b"{"


def test_release_without_any_result_replaces_an_earlier_pass(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, "drill", MisfitError("does not fit"))
    assert main(["run", "drill", "idle", "--out", str(folder)]) == 4
    assert "0 of 2 scenarios passed, 2 without a result" in (folder / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["summary.md", "drill-1/metrics.csv"])
def test_changed_release_is_not_signed(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (folder / name).write_bytes(b"other")
    assert main(["sign", str(folder), "--as", "Bo", "--role", "release manager"]) == 1
    shown = capsys.readouterr().out
    assert f"{Path(name).name}: differs" in shown
    assert "not signed" in shown


@pytest.mark.parametrize("name", FILES[1:])
def test_verify_names_a_changed_file_of_a_release(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    text = (folder / name).read_bytes()
    (folder / name).write_bytes(text[:-2] + b"#" + text[-1:])
    assert main(["verify", str(folder), "--files-only"]) == 1
    assert f"{name}: differs" in capsys.readouterr().out


def test_verify_names_a_run_of_another_release(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = folder.parent / "other"
    assert main(["run", "idle", "--set", "duration=2m", "--out", str(other)]) == 0
    shutil.rmtree(folder / "idle-1")
    shutil.move(other / "idle-1", folder)
    assert main(["verify", str(folder), "--files-only"]) == 1
    shown = capsys.readouterr().out
    assert "idle-1: its result.json is not the one of this release" in shown
    assert "idle-1: its evidence.json is not the one of this release" in shown
    assert "drill-1: its" not in shown


def test_a_single_run_leaves_no_release(tmp_path: Path) -> None:
    assert main(["run", "idle", "--out", str(tmp_path), "--set", "duration=2m"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["idle-1"]


def test_seeds_leave_a_run_each_and_one_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "drill", "--seeds", "2-3", "--quiet", "--set", "bounds.completion=0s", "--out", str(tmp_path)]
    assert main(command) == 1
    lines = capsys.readouterr().out.splitlines()
    found = [f"drill, seed {seed}: FAIL  {tmp_path}/drill-{seed}/report.html completion-liveness" for seed in (2, 3)]
    assert all(line[2:].startswith(start) for line, start in zip(lines, found, strict=False))
    assert lines[2:5] == ["", "✗ 0 of 2 runs passed", "    drill seed 2 fail, drill seed 3 fail"]
    record = json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))
    assert [each["folder"] for each in record["runs"]] == ["drill-2", "drill-3"]
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert text.startswith("# ❌ FAIL: 2 of 2 runs failed\n")
    assert "2 times in [drill](<drill-2/report.md#findings>)" in text
    assert "Not passed: drill seed 2, drill seed 3." in (tmp_path / "index.html").read_text(encoding="utf-8")
    before = contents(tmp_path)
    assert main(["report", str(tmp_path)]) == 0
    assert contents(tmp_path) == before


def test_first_cases_are_those_of_the_run_that_has_them(tmp_path: Path) -> None:
    """Seed 1 of drill keeps the bound that seed 2 misses."""
    command = ["run", "drill", "--seeds", "1-2", "--set", "bounds.completion=10s", "--out", str(tmp_path)]
    assert main(command) == 1
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert text.startswith("# ❌ FAIL: 1 of 2 runs failed\n")
    assert "In [drill seed 2](<drill-2/report.md#findings>):" in text


def test_interrupted_seeds_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, "idle", KeyboardInterrupt())
    assert main(["run", "drill", "idle", "--seeds", "1-2", "--quiet", "--out", str(tmp_path)]) == 2
    missing = json.loads((tmp_path / "evidence.json").read_text(encoding="utf-8"))["missing"]
    assert missing == {"idle seed 1": "interrupted", "idle seed 2": "not run"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "3-1"], "--seeds must be FIRST-LAST, such as 1-20, or one seed, got '3-1'"),
        (["--seeds", "²"], "--seeds must be FIRST-LAST, such as 1-20, or one seed, got '²'"),
        (["--seeds", "1-2", "--seed", "0"], "--seed 0 and --seeds 1-2 both choose the seeds: give one of them"),
        (["--quiet", "--json"], "--quiet prints lines for people and --json results: give one of them"),
    ],
)
def test_contradicting_options_of_run_are_refused(
    capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["run", "idle", *options]) == 4
    assert capsys.readouterr().err == f"drsim: {message}\n"


def test_seeds_replace_the_seed_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.drsim]\nseed = 7\n", encoding="utf-8")
    short = ["run", "idle", "--set", "duration=2m", "--quiet"]
    assert main([*short, "--seeds", "3"]) == 0
    assert main(short) == 0
    assert sorted(path.name for path in (tmp_path / "drsim-runs").iterdir()) == ["idle-3", "idle-7"]


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
    # The same run leaves the same result.json if it takes the same hundredths of a second, and is then the release's.
    assert main(["run", "idle", "--trace", "off", "--out", str(folder)]) == 0
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
