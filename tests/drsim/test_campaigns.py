"""`drsim explore`, `replay` and `shrink` as a user runs them: what they print, keep and return."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from drsim.cli import main
from tests.planted_bugs import unrepeatable

pytestmark = pytest.mark.slow

BUG = "tests.planted_bugs.registry:BUGS:ForgetsItsOwnWrite"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """The exit code of a command, and all that it printed."""
    code = main(list(words))
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_exploration_without_failures_prints_its_claim(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed = run(capsys, "explore", "chaos", "--seeds", "1-32", "--jobs", "1", "--out", str(tmp_path))
    assert code == 0
    assert "chaos: 0 of 32 seeds failed (failure rate below 9.4 %, 95 % confidence)" in printed
    assert "32 seeds in" in printed
    assert "never in overdue: " in printed
    assert "when healed ended after p50" in printed
    header, *lines = (tmp_path / "explore-chaos" / "campaign.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(header)["scenario"]["name"] == "chaos"
    assert sum(json.loads(line)["last"] - json.loads(line)["first"] + 1 for line in lines) == 32


def test_bug_is_found_shrunk_printed_saved_and_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--seeds", "28-28", "--jobs", "1", "--parts", BUG, "--out", str(tmp_path))
    code, printed = run(capsys, "explore", "chaos", *words)
    path = tmp_path / "explore-chaos" / "failures" / "metrics-complete-28.yaml"
    assert code == 1
    assert "metrics-complete: 1 seed (28)" in printed
    assert "1 execution, 2 waves, 1 fault" in printed
    assert "FAULT answer-lost at UpdateItem in run" in printed
    assert " of 1 server launched" in printed
    assert "with 1 server\n" in printed
    assert "\n      660.355 s  20:43:29  FAULT answer-lost" in printed
    assert max(map(len, printed.partition("virtual time from")[2].partition("expected")[0].splitlines())) <= 100
    assert f"replay  drsim replay {path}" in printed
    code, printed = run(capsys, "replay", str(path))
    assert code == 1
    assert "still fails: the very same run, event by event" in printed
    code, printed = run(capsys, "replay", str(path), "--parts", "")
    assert code == 0
    assert "fixed: every property holds" in printed
    code, printed = run(capsys, "shrink", str(path))
    assert code == 1
    assert "shrunk" in printed


def test_failure_that_does_not_repeat_is_kept_and_the_others_shrunk(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unrepeatable.as_in_a_new_process()
    place = "tests.planted_bugs.unrepeatable:ONCE_AND_ANOTHER"
    words = ("--seeds", "1-2", "--jobs", "1", "--parts", place, "--out", str(tmp_path))
    code, printed = run(capsys, "explore", "drill", *words)
    assert code == 1
    assert "log-correlation, seed 1, kept as it was found: shrinking failed: it did not fail again" in printed
    assert "metrics-complete, seed 2, shrunk in" in printed
    failures = tmp_path / "explore-drill" / "failures"
    assert sorted(path.name for path in failures.iterdir()) == ["log-correlation-1.yaml", "metrics-complete-2.yaml"]
    before = {path: path.read_bytes() for path in failures.iterdir()}
    code, printed = run(capsys, "explore", "drill", *words, "--resume")
    assert code == 1
    assert f"metrics-complete, seed 2, kept before in {failures / 'metrics-complete-2.yaml'}" in printed
    assert {path: path.read_bytes() for path in failures.iterdir()} == before


def test_unbuildable_parts_are_kept_as_a_broken_simulation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--jobs", "1", "--parts", "tests.planted_bugs.unrepeatable:UNBUILT", "--out", str(tmp_path))
    code, printed = run(capsys, "explore", "drill", "--seeds", "1-2", *words)
    assert code == 3
    assert "simulation, seed 1, kept as it was found: a broken simulation is not shrunk" in printed
    code, printed = run(capsys, "replay", str(tmp_path / "explore-drill" / "failures" / "simulation-1.yaml"))
    assert code == 1
    assert "still fails: its world cannot be built: BrokenSimulationError: no poller today" in printed


def test_restart_sets_the_earlier_campaign_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("explore", "drill", "--seeds", "1-3", "--jobs", "1", "--out", str(tmp_path))
    assert run(capsys, *words)[0] == 0
    before = (tmp_path / "explore-drill" / "campaign.jsonl").read_bytes()
    code, printed = run(capsys, *words, "--restart", "--set", "duration=41m")
    assert code == 0
    assert f"the earlier campaign is now in {tmp_path / 'explore-drill.1'}" in printed
    assert (tmp_path / "explore-drill.1" / "campaign.jsonl").read_bytes() == before


def test_resume_continues_the_campaign_and_refuses_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("explore", "drill", "--jobs", "1", "--out", str(tmp_path))
    assert run(capsys, *words, "--seeds", "1-4")[0] == 0
    with (tmp_path / "explore-drill" / "campaign.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"first": 5, "la')
    code, printed = run(capsys, *words, "--seeds", "1-9", "--resume")
    assert code == 0
    assert "0 of 9 seeds failed" in printed
    assert "5 seeds in" in printed
    # No scheduler listens there, and none is asked.
    finished = ("--seeds", "1-9", "--resume", "--engine", "dask", "--scheduler", "tcp://127.0.0.1:1")
    code, printed = run(capsys, "explore", "drill", "--out", str(tmp_path), *finished)
    assert code == 0
    assert "0 of 9 seeds failed" in printed
    assert "no seed was left to run" in printed
    assert "seeds/s" not in printed
    code, printed = run(capsys, *words, "--seeds", "1-9", "--resume", "--set", "duration=41m")
    assert code == 4
    assert "was explored with another scenario" in printed
    path = tmp_path / "explore-drill" / "campaign.jsonl"
    kept = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([kept[0], "{}", kept[1]]) + "\n", encoding="utf-8")
    code, printed = run(capsys, *words, "--seeds", "1-9", "--resume")
    assert code == 4
    assert "campaign.jsonl:2 is no range of seeds, got '{}'" in printed
    path.write_text(kept[0].replace('"code": "', '"code": "0') + "\n", encoding="utf-8")
    code, printed = run(capsys, *words, "--seeds", "1-9", "--resume")
    assert code == 4
    assert "was explored with other code of drsim or of --parts; --restart starts over" in printed
    path.write_text("garbage\n", encoding="utf-8")
    code, printed = run(capsys, *words, "--seeds", "1-9", "--resume")
    assert code == 4
    assert "does not begin as a campaign does, got 'garbage'" in printed
    assert path.read_text(encoding="utf-8") == "garbage\n"


def test_ctrl_c_keeps_explored_ranges_and_exits_with_2(tmp_path: Path) -> None:
    path = tmp_path / "explore-chaos" / "campaign.jsonl"
    command = [sys.executable, "-m", "drsim", "explore", "chaos", "--seeds", "1-100000", "--jobs", "1"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    while process.poll() is None and not (path.exists() and path.read_text(encoding="utf-8").count("\n") > 1):
        os.sched_yield()
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "seeds failed" in printed
    assert "--resume continues from" in printed
    assert f"report  {path.with_name('report.html')}" in printed
    assert "Requested and not run" in path.with_name("report.html").read_text(encoding="utf-8")


def test_crash_points_that_pass_leave_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = ("--set", "waves=1", "--set", "jobs={pending: 1m, started: 20s, in_progress: 1m}", "--set", "duration=6m")
    code, printed = run(
        capsys, "explore", "drill", "--crash-points", "--seeds", "3", "--jobs", "1", *short, "--out", str(tmp_path)
    )
    assert code == 0
    page = tmp_path / "crash-points-drill" / "report.html"
    assert f"  report  {page}\n" in printed
    assert "No property or criterion failed at any crash point" in page.read_text(encoding="utf-8")
    markdown = page.with_suffix(".md").read_text(encoding="utf-8")
    assert markdown.startswith("# ✅ PASS: ")
    assert "| ExecutionPoller | UpdateItem | " in markdown
    assert "crash points covered, 0 violations" in printed
    covered = printed.split(" crash points covered")[0].split()[-3::2]
    assert covered[0] == covered[1]
    assert int(covered[0]) > 50


def test_crash_that_breaks_a_property_is_shrunk_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = ("--set", "waves=1", "--set", "jobs={pending: 1m, started: 20s, in_progress: 1m}", "--set", "duration=6m")
    words = ("--crash-points", "--jobs", "1", "--parts", "tests.planted_bugs.registry:BUGS:LogsNothing")
    code, printed = run(capsys, "explore", "drill", *words, *short, "--out", str(tmp_path))
    assert code == 1
    assert "log-correlation:" in printed
    path = tmp_path / "crash-points-drill" / "failures" / "log-correlation-1.yaml"
    assert f"replay  drsim replay {path}" in printed
    assert path.exists()
    markdown = path.parents[1].joinpath("report.md").read_text(encoding="utf-8")
    assert markdown.startswith("# ❌ FAIL: ")
    assert f"drsim replay {path}" in markdown
    assert "| log-correlation | " in markdown


@pytest.mark.parametrize("scenario", ["load-1000", "chaos"])
def test_ctrl_c_does_not_wait_for_busy_workers(scenario: str, tmp_path: Path) -> None:
    """Workers of load-1000 are busy for many seconds, and Ctrl-C must not wait for them."""
    command = [sys.executable, "-m", "drsim", "explore", scenario, "--seeds", "1-1000", "--jobs", "1"]
    process = subprocess.Popen([*command, "--out", str(tmp_path)], stdout=subprocess.DEVNULL, start_new_session=True)
    path = tmp_path / f"explore-{scenario}" / "campaign.jsonl"
    while process.poll() is None and not path.exists():
        os.sched_yield()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1.5)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=5) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["explore", "chaos", "--seeds", "9-3"], "--seeds must be FIRST-LAST"),
        (["explore", "chaos", "--seeds", "²"], "--seeds must be FIRST-LAST"),
        (["explore", "chaos", "--seeds", "1-"], "--seeds must be FIRST-LAST"),
        (["explore", "drill", "--crash-points", "--time", "1m"], "takes neither --time nor --resume"),
        (["explore", "chaos", "--time", "soon"], "--time: a duration is a text with units"),
        (["explore", "chaos", "--parts", "no.such:THING"], "--parts: parts must be module:NAME"),
        (["explore", "caos"], "did you mean 'chaos'?"),
        (["replay", "nothing.yaml"], "cannot read nothing.yaml"),
        (["shrink", "nothing.yaml"], "cannot read nothing.yaml"),
    ],
)
def test_wrong_use_gets_one_message(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed = run(capsys, *words)
    assert code == 4
    assert message in printed
    assert "Traceback" not in printed
