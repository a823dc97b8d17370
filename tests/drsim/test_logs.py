"""`drsim logs`: what functions logged and raised, of runs in both tiers."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drsim import outputs
from drsim.cli import main
from drsim.reports.logged import LEVELS, Entry, entries
from drsim.scenarios.files import load
from drsim.scenarios.runner import run
from tests.drsim.test_damaged_traces import with_lines
from tests.drsim.test_reporting import complaint
from tests.examples.polling import BUGS, PAIR

FAULTS = (
    "faults=[{fault: crashed-after, operation: UpdateItem, run: 2}, {fault: stuck, operation: DescribeJobs, run: 4}]"
)
ID = "4c1cde0a-51a0-9e57-0adb-feddd4a3d43b"


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of our own functions in the fast tier, in which one poller crashes and another times out."""
    where = tmp_path_factory.mktemp("runs") / "drill-1"
    assert outputs.write(run(load("drill", ["duration=11m", FAULTS]), seed=1), where) == ()
    return where


def shown(capsys: pytest.CaptureFixture[str], *words: str | Path) -> list[str]:
    assert main(["logs", *map(str, words)]) == 0
    return capsys.readouterr().out.splitlines()


def test_logs_show_lines_and_failures_at_the_virtual_time_of_day(
    troubled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(capsys, troubled)
    assert lines[:3] == [
        "20:32:29.297  ExecutionFinder  INFO     -  No executions found in POLLING status",
        "20:33:29.136  ExecutionFinder  INFO     -  Found 1 executions in POLLING status, invoked 1 pollers",
        f"20:33:30.137  ExecutionPoller  INFO     {ID}  Updated 1 waves for execution {ID}",
    ]
    assert lines == sorted(lines)


def test_logs_of_a_level_have_the_failures_of_the_fast_tier(troubled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failures = [
        f"20:34:29.350  ExecutionPoller  ERROR    {ID}  crashed: Runtime.ExitError",
        f"20:41:29.150  ExecutionPoller  ERROR    {ID}  Task timed out after 300.00 seconds",
    ]
    assert shown(capsys, troubled, "--level", "error") == failures
    assert shown(capsys, troubled / "result.json", ID, "--level", "WARNING") == failures


def test_logs_of_a_function_are_chosen_by_role_or_name(troubled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    finder = shown(capsys, troubled, "--function", "finder")
    assert {line.split()[1] for line in finder} == {"ExecutionFinder"}
    poller = shown(capsys, troubled, "--function", "ExecutionPoller")
    assert sorted(finder + poller) == shown(capsys, troubled)
    assert shown(capsys, troubled, ID) == poller


def test_logs_as_json_are_a_line_for_each_log_event(troubled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [json.loads(line) for line in shown(capsys, troubled, "--json", "--level", "ERROR")]
    assert [record["message"] for record in records] == [
        "crashed: Runtime.ExitError",
        "Task timed out after 300.00 seconds",
    ]
    assert list(records[0]) == ["at", "function", "request_id", "execution_id", "level", "message"]
    assert records[0]["at"] == "2025-11-28T20:34:29.350Z"


def test_logs_that_fit_nothing_are_empty_with_a_remark(troubled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["logs", str(troubled), "--level", "critical"]) == 0
    assert complaint(capsys) == f"{troubled}: no function logged or raised anything that fits"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([ID[:-1]], f"no execution '{ID[:-1]}'; the nearest: {ID}"),
        (["--function", "Pollerr"], "no function 'Pollerr'; the nearest: ExecutionPoller, ExecutionFinder"),
        (["--level", "LOUD"], "Invalid value for '--level': 'LOUD' is not one of 'debug', 'info', "),
    ],
)
def test_unknown_name_in_logs_is_reported_with_the_nearest(
    words: list[str], says: str, troubled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["logs", str(troubled), *words]) == 4
    assert says in complaint(capsys)


@pytest.mark.parametrize("level", ["off", "summary"])
def test_logs_need_a_run_with_a_full_trace(level: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "idle", "--set", "duration=3m", "--trace", level, "--out", str(tmp_path), "--json"]) == 0
    capsys.readouterr()
    assert main(["logs", str(tmp_path / "idle-1")]) == 4
    assert complaint(capsys).endswith(f"in the trace of a run with --trace full, and this one has --trace {level}")


def test_logs_report_a_folder_without_a_run_and_a_damaged_trace(
    troubled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["logs", str(tmp_path)]) == 4
    assert complaint(capsys) == f"{tmp_path}/result.json: cannot be read (No such file or directory)"
    folder = Path(shutil.copytree(troubled, tmp_path / "a"))
    (folder / "trace.jsonl.gz").write_bytes(b"")
    assert main(["logs", str(folder)]) == 4
    assert complaint(capsys) == f"{folder}/trace.jsonl.gz: cannot be read (it is empty)"
    with_lines(folder, [b'["LogWritten",5]\n'])
    assert main(["logs", str(folder)]) == 4
    assert "line 1 is no event (LogWritten has 7 fields, not 1)" in complaint(capsys)


def test_lines_after_the_first_are_indented_and_controls_escaped(
    troubled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(troubled, tmp_path / "a"))
    line = ["LogWritten", 1_000_000, "r", "f\n", "INFO", "", "[INFO]\tone\n  two\n\x1b[2Jthree", 9]
    with_lines(folder, [json.dumps(line).encode() + b"\n"])
    assert shown(capsys, folder) == ["20:32:30.000  f   INFO     -  [INFO] one", "      two", "    \\x1b[2Jthree"]


@pytest.mark.parametrize(
    ("level", "reached"),
    [("info", "INFO"), ("WARN", "WARNING"), ("Fatal", "CRITICAL"), ("30", "INFO"), ("", "INFO"), ("debug", "DEBUG")],
)
def test_words_of_other_loggers_have_a_level(level: str, reached: str) -> None:
    entry = Entry(0, "r", "f", level, "", "text", "")
    assert [each for each in LEVELS if entry.reaches(each)][-1] == reached


def test_entry_concerns_the_execution_of_its_invocation_and_those_it_names() -> None:
    lines = [
        '["LambdaStarted",1,"p","ExecutionPoller","a",1,1,0,1]',
        '["LogWritten",2,"p","ExecutionPoller","INFO","","no id",9]',
        '["LogWritten",3,"p","ExecutionPoller","INFO","b","of another",9]',
        '["LogWritten",4,"f","ExecutionFinder","INFO","","due: a, c-2",9]',
        '["LambdaEnded",5,"p","ExecutionPoller","a","ok",4,90,"statusCode 500"]',
    ]
    found = list(entries(lines))
    assert [entry.at_us for entry in found if entry.concerns("a")] == [2, 3, 4, 5]
    assert [entry.at_us for entry in found if entry.concerns("b")] == [3]
    assert [entry.at_us for entry in found if entry.concerns("c")] == []
    assert [entry.execution_id for entry in found] == ["a", "b", "", "a"]
    assert (found[-1].level, found[-1].message) == ("ERROR", "returned statusCode 500")


def test_error_that_the_runtime_logged_is_one_entry() -> None:
    ended = '["LambdaEnded",5,"p","ExecutionPoller","a","error",4,90,"KeyError: 1"]'
    logged = r'["LogWritten",5,"p","ExecutionPoller","ERROR","a","[ERROR] KeyError: 1\nTraceback (most recent",9]'
    assert [entry.message for entry in entries([ended])] == ["raised KeyError: 1"]
    assert [entry.message[:19] for entry in entries([logged, ended])] == ["[ERROR] KeyError: 1"]


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_logs_end_quietly_when_their_reader_closes_the_pipe(unbuffered: str, troubled: Path) -> None:
    logs = f"PYTHONUNBUFFERED={unbuffered} {sys.executable} -m drsim logs {troubled}"
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {logs} | head -n 1"], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout.count("\n"), ended.stderr) == (0, 1, "")


@pytest.mark.slow
def test_logs_show_the_traceback_of_a_finder_with_its_own_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bug,) = [each for each in BUGS if each.name == "assumes that a wave has a jobStatus"]
    pair = PAIR.with_bugs([bug], tmp_path / "pair")
    done = run(PAIR.scenario(bug.scenario, *bug.changes), seed=1, tier="wire", functions=PAIR.handlers(pair))
    assert outputs.write(done, tmp_path / "missing-job-1") == ()
    text = (pair / bug.file).read_text(encoding="utf-8").splitlines()
    number = next(number for number, line in enumerate(text, start=1) if bug.written in line)
    lines = shown(capsys, tmp_path / "missing-job-1", "--function", "finder", "--level", "ERROR")
    assert lines[0].endswith("  ExecutionFinder  ERROR    -  [ERROR] KeyError: 'jobStatus'")
    assert lines[1] == "    Traceback (most recent call last):"
    assert f"      {bug.file}:{number}, in phase_of" in lines
    assert not [line for line in lines if "KeyError" in line and "[ERROR]" not in line]
