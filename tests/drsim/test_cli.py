"""The command line as its users see it: files, exit codes, messages."""

import gzip
import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from drsim import api, arguments
from drsim.arguments import ExitCode
from drsim.cli import main
from drsim.scenarios.files import catalogue
from drsim.scenarios.result import Result
from tests.catalogue import run_of

MINE = """\
name: mine
title: '[bold]Hostile[/bold] & <b>title</b>'
why: A test needs it.
workload:
  - ids: ['<script>|`x`|[red]']
    jobs: {pending: 2m, in_progress: 2m}
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


def test_run_writes_result_reports_and_trace_and_prints_their_place(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "drill", "--seed", "7"]) == 0
    folder = Path("drsim-runs/drill-7")
    reports = ["ctrf.json", "evidence.json", "junit.xml", "metrics.csv", "report.html", "report.md"]
    assert sorted(path.name for path in folder.iterdir()) == [*reports, "result.json", "trace.jsonl.gz"]
    result = Result.model_validate_json((folder / "result.json").read_text(encoding="utf-8"))
    trace = gzip.decompress((folder / "trace.jsonl.gz").read_bytes())
    assert hashlib.sha256(trace).hexdigest() == result.trace_digest
    assert result.replay == "drsim run drill --seed 7"
    shown = capsys.readouterr()
    assert "drill, seed 7: PASS" in shown.out
    assert "  report  drsim-runs/drill-7/report.html\n" in shown.out
    assert shown.err == ""


@pytest.mark.slow
def test_summary_fits_a_terminal_of_100_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "phase-2", "drill", "timeout-stuck", "load-100"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines) <= 100
    assert lines[-2].endswith("4 of 4 runs passed")
    assert lines[-1] == "  report  drsim-runs/index.html"


def test_replay_command_of_a_changed_run_gives_the_same_digest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "drill", "--seed", "3", "--set", "servers=3", "--set", "regions=[eu-west-1]", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["replay"] == "drsim run drill --seed 3 --set servers=3 --set 'regions=[eu-west-1]'"
    assert main([*["run", "drill", "--seed", "3", "--set", "servers=3"], "--set", "regions=[eu-west-1]", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trace_digest"] == first["trace_digest"]


def test_json_prints_only_one_line_for_each_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "idle", "drill", "--json"]) == 0
    results = [Result.model_validate_json(line) for line in capsys.readouterr().out.splitlines()]
    assert [result.scenario for result in results] == ["idle", "drill"]


def test_failed_run_exits_with_1_and_prints_its_findings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "drill", "partial", "--set", "bounds.completion=0s", "--out", "out"]) == 1
    shown = capsys.readouterr().out
    assert "1. completion-liveness" in shown
    assert "expected terminal within 0 s of the truth at" in shown
    assert "0 of 2 runs passed\n    drill fail, partial fail" in shown
    assert shown.rindex("1. completion-liveness") > shown.index("0 of 2 runs passed")
    assert Path("out/drill-1/report.md").exists()


def test_unknown_verdict_exits_with_5() -> None:
    assert main(["run", "idle", "--set", "exercises.properties=[timeout-truth]"]) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "drsim: name a scenario or a file, or give --suite; `drsim list` shows the catalogue\n"),
        (["run", "drill", "--suite", "load"], "drsim: --suite load chooses the scenarios: leave out drill\n"),
        (["run", "--suite", "big"], "drsim: Invalid value for '--suite': 'big' is not one of"),
        (["frob"], "drsim: No such command 'frob'.\n"),
        (["run", "drill", "--zip"], "drsim: No such option: --zip\n"),
        (["run", "drill", "drill"], "drsim: drill: named twice, and the second run would overwrite the first\n"),
        (["run", "dril", "no.yaml"], "drsim: no scenario 'dril': did you mean 'drill'? `drsim list` shows them; a"),
        (["run", "drill", "--set", "servers=0"], "drsim: --set workload[0].servers must be greater than"),
        (
            ["run", "drill", "--set", "workload.0.start_time=false"],
            "drsim: drill, seed 1: workload[0].start_time must be true, for StatusIndex has StartTime as range key",
        ),
        (
            ["explore", "drill", "--set", "workload.0.wave_regions=false"],
            "drsim: drill: workload[0].wave_regions must be true, for waves of a cross-account contract name their",
        ),
        (["run", "drill", "--out", "/proc/none"], "drsim: --out /proc/none: No such file or directory\n"),
    ],
)
def test_wrong_use_exits_with_4_and_one_message(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 4
    shown = capsys.readouterr()
    assert shown.err.startswith(message)
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_unwritable_folder_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    Path("drsim-runs").mkdir()
    Path("drsim-runs/drill-1").write_text("in the way", encoding="utf-8")
    assert main(["run", "drill"]) == 4
    assert capsys.readouterr().err == "drsim: cannot write drsim-runs/drill-1: File exists\n"


def test_simulator_error_exits_with_3_and_loses_no_other_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from drsim.scenarios import runner

    whole = runner.run

    def breaks(scenario: object, **keywords: object) -> object:
        if getattr(scenario, "name", "") == "idle":
            raise ZeroDivisionError("the simulator is wrong")
        return whole(scenario, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(runner, "run", breaks)
    assert main(["run", "idle", "drill"]) == 3
    shown = capsys.readouterr()
    assert shown.err == (
        "drsim: internal error in idle, seed 1: the simulator is wrong (see drsim-runs/idle-1/error.txt)\n"
    )
    assert "ZeroDivisionError" in Path("drsim-runs/idle-1/error.txt").read_text(encoding="utf-8")
    assert "drill, seed 1: PASS" in shown.out


@pytest.mark.slow
def test_ctrl_c_keeps_finished_runs_and_exits_with_2() -> None:
    command = [sys.executable, "-m", "drsim", "run", "drill", "load-1000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # The last file of the first run.
    first = Path("drsim-runs/drill-1/metrics.csv")
    while not first.exists():
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
    # The second run takes several seconds, so half a second later it is under way.
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err == "drsim: interrupted; 1 of 2 runs are done and kept in drsim-runs\n"
    assert "drill, seed 1: PASS" in out
    assert first.exists()
    # Of the run that was under way there is not half a trace either.
    assert list(Path("drsim-runs/load-1000-1").iterdir()) == []


def test_runs_continue_after_their_output_is_closed() -> None:
    command = f"({sys.executable} -m drsim run drill idle phase-2; echo $? >&2) | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stderr == "0\n"
    assert sorted(path.name for path in Path("drsim-runs").glob("*-1")) == ["drill-1", "idle-1", "phase-2-1"]


def test_internal_error_exits_with_3(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "loaded", lambda *_, **__: 1 / 0)
    assert main(["run", "drill"]) == 3
    assert capsys.readouterr().err == "drsim: internal error: ZeroDivisionError: division by zero\n"


def test_python_api_runs_a_scenario() -> None:
    result = api.run(api.load("drill"), seed=2).result
    assert result.verdict == "pass"
    assert api.markdown(result).startswith("# DRS polling infrastructure: test report of `drill`")


def test_output_into_a_closed_pipe_is_no_error() -> None:
    command = f"{sys.executable} -m drsim schema | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout == "{\n"
    assert done.stderr == ""


def test_hostile_text_is_shown_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text(MINE, encoding="utf-8")
    assert main(["run", "mine.yaml"]) == 0
    assert "[bold]Hostile[/bold] & <b>title</b>" in capsys.readouterr().out
    report = Path("drsim-runs/mine-1/report.md").read_text(encoding="utf-8")
    assert r"\[bold\]Hostile\[/bold\] &amp; &lt;b>title&lt;/b>" in report
    assert r"| &lt;script>\|\`x\`\|\[red\] |" in report


def test_list_shows_each_scenario_in_100_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines) <= 100
    assert [line.split()[0] for line in lines[1:]] == sorted(line.split()[0] for line in lines[1:])
    assert len(lines) == 1 + len(catalogue())


@pytest.mark.parametrize("scenario", ["phase-2", "alarm-poller-errors", "idle"])
def test_schema_of_results_describes_each_run(capsys: pytest.CaptureFixture[str], scenario: str) -> None:
    assert main(["schema", "result"]) == 0
    schema = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(schema)
    data = json.loads(run_of(scenario).result.model_dump_json())
    assert [error.message for error in Draft202012Validator(schema).iter_errors(data)] == []
    assert {"answer", "degraded", "findings"} <= schema["properties"].keys()
    assert not Draft202012Validator(schema).is_valid(data | {"schema_version": 2})


def test_schema_describes_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert set(schema["required"]) == {"name", "title", "why"}
    assert schema["additionalProperties"] is False


def test_help_shows_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for word in ("list", "run", "schema", "Exit codes: 0 pass, 1 failed, 2 interrupted, 3 internal error"):
        assert word in shown


def test_help_imports_no_simulator_pandas_or_engine() -> None:
    heavy = "{'simulator', 'pandas', 'yaml', 'asyncio', 'concurrent.futures', 'tempfile'}"
    code = f"import sys, drsim.cli as c; c.main(['--help']); print(sorted({heavy} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_exit_codes_match_the_documentation() -> None:
    assert [(code.name, code.value) for code in ExitCode] == [
        ("PASS", 0),
        ("FAIL", 1),
        ("INTERRUPTED", 2),
        ("INTERNAL", 3),
        ("USAGE", 4),
        ("UNKNOWN", 5),
    ]


def test_a_null_character_in_an_argument_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "drill", "--out", "\0"]) == 4
    assert capsys.readouterr().err == ("drsim: no argument may hold a null character, which no path can, got '\\x00'\n")
