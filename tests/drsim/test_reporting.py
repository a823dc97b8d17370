"""`drsim report`, and the files that every run leaves."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from drsim import outputs
from drsim.cli import main
from drsim.reports import html, markdown
from drsim.scenarios.files import load
from drsim.scenarios.runner import Run, run
from tests.catalogue import run_of
from tests.drsim.disks import full_disk

FILES = ["ctrf.json", "junit.xml", "metrics.csv", "report.html", "report.md", "result.json", "trace.jsonl.gz"]


@pytest.fixture(scope="module")
def drill() -> Run:
    return run_of("drill")


@pytest.fixture
def folder(drill: Run, tmp_path: Path) -> Path:
    where = tmp_path / "drill-1"
    assert outputs.write(drill, where, with_chrome=True) == ()
    return where


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr().err
    assert printed.startswith("drsim: ")
    assert "Traceback" not in printed
    return printed.removeprefix("drsim: ").rstrip("\n")


def test_reports_are_rewritten_byte_for_byte(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(folder)
    assert sorted(before) == sorted([*FILES, "trace.chrome.json"])
    for name in before.keys() - {"result.json", "trace.jsonl.gz"}:
        (folder / name).unlink()
    assert main(["report", str(folder), "--trace", "chrome"]) == 0
    assert contents(folder) == before
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["phase-2", "chaos", "idle", "timeout-late", "fault-deleted"])
def test_every_kind_of_run_is_rewritten_byte_for_byte(scenario: str, tmp_path: Path) -> None:
    assert outputs.write(run(load(scenario), seed=3), tmp_path / "it") == ()
    before = contents(tmp_path / "it")
    assert main(["report", str(tmp_path)]) == 0
    assert contents(tmp_path / "it") == before


def test_existing_chrome_trace_is_rewritten(folder: Path) -> None:
    before = contents(folder)
    (folder / "trace.chrome.json").write_text("of another version", encoding="utf-8")
    assert main(["report", str(folder)]) == 0
    assert contents(folder) == before
    (folder / "trace.chrome.json").unlink()
    assert main(["report", str(folder)]) == 0
    assert sorted(contents(folder)) == FILES


def test_chrome_trace_of_an_earlier_run_is_removed(drill: Run, folder: Path) -> None:
    assert outputs.write(drill, folder) == ()
    assert sorted(contents(folder)) == FILES


def test_error_file_of_an_earlier_run_is_removed(drill: Run, folder: Path) -> None:
    outputs.write_error("Traceback", folder)
    outputs.write(drill, folder)
    assert "error.txt" not in contents(folder)


def test_evidence_of_an_earlier_run_is_removed(drill: Run, folder: Path) -> None:
    (folder / "evidence.json").write_text("{}", encoding="utf-8")
    assert outputs.write(drill, folder) == ()
    assert sorted(contents(folder)) == FILES


def test_folder_of_runs_gets_reports_for_each_run(
    drill: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b", "a"):
        outputs.write(drill, tmp_path / name)
    assert main(["report", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / name / "report.html") for name in ("a", "b")]


def test_crash_in_a_section_is_shown_in_its_place_and_exits_with_3(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> str:
        raise ZeroDivisionError("<b>by zero</b>")

    monkeypatch.setattr(markdown, "_periods", broken)
    assert main(["report", str(folder)]) == 3
    printed = capsys.readouterr().err
    for name in ("report.md", "report.html"):
        assert f"{name}: 2. Execution Finder Lambda Testing: ZeroDivisionError" in printed
        text = (folder / name).read_text(encoding="utf-8")
        assert "ZeroDivisionError: &lt;b>by zero&lt;/b>" in text or "ZeroDivisionError: &lt;b&gt;by zero" in text
        assert "3. Execution Poller Lambda Testing" in text
        assert "Overall" in text


def test_crash_of_a_plot_or_timeline_keeps_the_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> str:
        raise LookupError("nothing there")

    monkeypatch.setattr(html, "history", broken)
    monkeypatch.setattr("drsim.reports.figures._ticks", broken)
    assert main(["report", str(folder)]) == 3
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("This part could not be written: LookupError: nothing there") == 2
    assert page.count("<figure") > 10
    assert capsys.readouterr().err.count("LookupError") == 2


def test_format_that_fails_is_reported_and_its_old_file_removed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> str:
        raise RuntimeError("no")

    monkeypatch.setattr("drsim.reports.formats.junit.render", broken)
    assert main(["report", str(folder)]) == 3
    assert "junit.xml: RuntimeError: no" in capsys.readouterr().err
    assert sorted(contents(folder)) == sorted({*FILES, "trace.chrome.json"} - {"junit.xml"})


def test_run_with_a_failing_report_exits_with_3_and_keeps_its_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> str:
        raise RuntimeError("no")

    monkeypatch.setattr("drsim.reports.formats.ctrf.render", broken)
    assert main(["run", "idle", "--out", str(tmp_path), "--set", "duration=5m"]) == 3
    assert json.loads((tmp_path / "idle-1" / "result.json").read_text(encoding="utf-8"))["scenario"] == "idle"
    shown = capsys.readouterr()
    assert "internal error in the reports of" in shown.err
    assert "idle, seed 1" in shown.out


def broken_halfway(*_: object) -> Iterator[str]:
    yield '{"traceEvents":['
    raise RuntimeError("halfway")


def test_failing_chrome_trace_leaves_no_file_and_other_scenarios_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("drsim.reports.formats.chrome.render", broken_halfway)
    words = ["run", "idle", "cancelled", "--set", "duration=5m", "--trace", "chrome", "--out", str(tmp_path)]
    assert main(words) == 3
    assert (
        sorted(contents(tmp_path / "idle-1"))
        == sorted(contents(tmp_path / "cancelled-1"))
        == sorted([*FILES, "evidence.json"])
    )
    assert capsys.readouterr().err.count("trace.chrome.json: RuntimeError: halfway") == 2


def test_failing_chrome_trace_removes_that_of_an_earlier_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("drsim.reports.formats.chrome.render", broken_halfway)
    assert main(["report", str(folder)]) == 3
    assert sorted(contents(folder)) == FILES
    assert complaint(capsys) == f"internal error in the reports of {folder}: trace.chrome.json: RuntimeError: halfway"


def test_full_disk_is_a_user_error_and_leaves_no_partial_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(folder)
    with full_disk(len(before["report.html"]) - 1):
        assert main(["report", str(folder)]) == 4
    assert complaint(capsys) == "cannot write the results: File too large"
    after = contents(folder)
    assert "report.html" not in after
    assert after.items() <= before.items()


def test_full_disk_loses_no_result_of_an_earlier_run(drill: Run, folder: Path) -> None:
    before = contents(folder)
    with full_disk(), pytest.raises(OSError, match="File too large"):
        outputs.write(drill, folder)
    assert contents(folder) == before


def test_trace_without_result_is_kept_until_the_next_result(drill: Run, folder: Path) -> None:
    before = contents(folder)
    with outputs.spool_in(folder) as spool:
        done = run(load("idle"), seed=1, spool=spool)
        with full_disk(), pytest.raises(OSError, match="File too large"):
            outputs.write(done, folder)
    after = contents(folder)
    trace = gzip.decompress(after.pop("trace-without-result.jsonl.gz"))
    assert hashlib.sha256(trace).hexdigest() == done.result.trace_digest
    assert after == before
    outputs.write(drill, folder, with_chrome=True)
    assert contents(folder) == before


def test_two_runs_at_once_in_one_folder_keep_the_files_of_the_last(tmp_path: Path) -> None:
    with outputs.spool_in(tmp_path) as spool, outputs.spool_in(tmp_path) as other:
        first, last = run(load("idle"), seed=1, spool=spool), run(load("drill"), seed=1, spool=other)
        assert outputs.write(first, tmp_path) == outputs.write(last, tmp_path) == ()
    after = contents(tmp_path)
    assert sorted(after) == FILES
    assert hashlib.sha256(gzip.decompress(after["trace.jsonl.gz"])).hexdigest() == last.result.trace_digest


def test_unreadable_run_is_reported_and_the_others_are_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c"):
        shutil.copytree(folder, tmp_path / "runs" / name)
        (tmp_path / "runs" / name / "report.md").unlink()
    (tmp_path / "runs" / "a" / "result.json").write_text("{", encoding="utf-8")
    (tmp_path / "runs" / "b" / "trace.jsonl.gz").unlink()
    assert main(["report", str(tmp_path / "none"), str(tmp_path / "runs")]) == 4
    shown = capsys.readouterr()
    none, a, b = shown.err.splitlines()
    assert "none" in none
    assert f"{tmp_path / 'runs' / 'a' / 'result.json'}: is no result" in a
    assert f"{tmp_path / 'runs' / 'b' / 'trace.jsonl.gz'}: cannot be read" in b
    assert shown.out.splitlines() == [str(tmp_path / "runs" / name / "report.html") for name in ("b", "c")]
    assert [(tmp_path / "runs" / name / "report.md").exists() for name in ("a", "b", "c")] == [False, True, True]


def test_failing_report_outweighs_an_unreadable_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drsim.reports.formats.chrome.render", broken_halfway)
    assert main(["report", str(tmp_path / "none"), str(folder), str(tmp_path / "none")]) == 3


def test_run_is_found_by_its_result_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(folder)
    (folder / "report.md").unlink()
    assert main(["report", str(folder / "result.json")]) == 0
    assert contents(folder) == before
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"


def test_folder_without_runs_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 4
    assert complaint(capsys) == f"{tmp_path}: holds no result.json, nor does a folder in it"
    assert main(["report", str(tmp_path / "none")]) == 4
    assert complaint(capsys) == f"{tmp_path / 'none'}: cannot be read (No such file or directory)"


def test_file_that_is_no_result_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "result.json").write_text('{"schema_version": 3}', encoding="utf-8")
    assert main(["report", str(folder)]) == 4
    assert f"{folder / 'result.json'}: is no result of version 1, 2 or 3" in complaint(capsys)


def test_exploration_has_no_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--campaign", str(tmp_path), "--trace", "chrome"]) == 4
    assert complaint(capsys).startswith("--trace: an exploration keeps no trace")
    assert main(["report", "--campaign", str(tmp_path)]) == 4
    assert "no campaign in" in complaint(capsys)


@pytest.mark.parametrize(
    "path",
    [
        "virtual_seconds",
        "metrics.distributions.Query.warm.p50",
        "metrics.cloudwatch.0.minutes.0.0",
        "metrics.alarms.0.period_minutes",
        "metrics.alarms.0.metric",
    ],
)
def test_number_that_no_report_can_draw_is_refused(path: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = json.loads((folder / "result.json").read_bytes())
    *steps, last = path.replace("Query.warm", "Query_warm").split(".")
    holder = data
    for step in steps:
        holder = holder[int(step) if step.isdigit() else step.replace("_warm", ".warm")]
    holder[int(last) if last.isdigit() else last] = 10**17
    (folder / "result.json").write_text(json.dumps(data), encoding="utf-8")
    assert main(["report", str(folder)]) == 4
    assert "is no result of version 1, 2 or 3: metrics" in (shown := capsys.readouterr().err) or path in shown
    assert main(["check", str(folder / "result.json")]) == 4
