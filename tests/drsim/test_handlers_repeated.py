"""Failing runs of handlers are repeated: what is not deterministic is reported as such, and never shrunk."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from drsim.cli import main
from drsim.repeating import Repeater
from drsim.scenarios import machine
from drsim.scenarios.adapting import adapted
from drsim.scenarios.contradiction import broken
from drsim.scenarios.files import load
from drsim.simulator.handlers.functions import Handlers

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
HANDLERS = (
    *("--finder", "pair/finder/app.py:lambda_handler", "--poller", "pair/poller/app.py:lambda_handler"),
    *("--path", "pair/layer", "--env", "TABLE_NAME=drs-orchestration-execution-history-test"),
    *("--env", "POLLER_FUNCTION_NAME=ExecutionPoller", "--contract", "pair/contract.yaml"),
)
BEGIN = "def lambda_handler(event, context):\n"
COUNTED = (
    "import pathlib, time; seen = pathlib.Path('seen'); "
    "seen.write_text((seen.read_text() if seen.exists() else '') + '.'); time.sleep(len(seen.read_text()) / 1000)"
)
SURVIVING = "import json, time; json.seen = getattr(json, 'seen', 0) + 1; time.sleep(json.seen / 1000)"
UNSEEDED = {
    "the system's randomness": "import os, time; time.sleep(os.getrandom(2)[0] / 1000 + os.getrandom(2)[1] / 100_000)",
    "a file that it writes": COUNTED,
    "its process": "import os, time; time.sleep(os.getpid() / 1_000_000)",
    "the order of a set": "print([*set('wave job server status region account time end id name'.split())])",
    "a clock that is not virtual": "import time; time.sleep(time.clock_gettime_ns(time.CLOCK_REALTIME) % 1000 / 1e6)",
}
SEEDED = "import secrets, time, uuid; print(uuid.uuid4(), time.time()); time.sleep(secrets.randbelow(1000) / 1e6)"


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a team: a pair of handlers with nineteen bugs, which fails without any other."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(EXAMPLES / "polling", tmp_path / "pair")
    return tmp_path / "pair"


def make_worse(pair: Path, statement: str) -> None:
    """Let the poller begin with this statement."""
    poller = pair / "poller/app.py"
    before, begin, after = poller.read_text(encoding="utf-8").partition(BEGIN)
    assert begin
    poller.write_text(f"{before}{begin}    {statement}\n{after}", encoding="utf-8")


def properties_found(*words: str) -> list[str]:
    """The properties of the findings of a failing run of drill."""
    assert main(["run", "drill", *HANDLERS, *words]) == 1
    result = json.loads(Path("drsim-runs/drill-1/result.json").read_text(encoding="utf-8"))
    return [finding["property"] for finding in result["findings"]]


@pytest.mark.parametrize("what", UNSEEDED)
def test_failing_run_that_reads_what_no_seed_decides_says_so_first(
    pair: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_worse(pair, UNSEEDED[what])
    found = properties_found()
    assert found[0] == "not-deterministic"
    assert "status-order" in found
    shown = " ".join(capsys.readouterr().out.split())
    assert "✗ 1. not-deterministic: a repetition differs" in shown
    # The call after the statement, as the finding's line and in both runs.
    assert "(1 time) poller/app.py:190" in shown
    assert shown.partition("✗ 2.")[0].count("poller/app.py:190") == 3
    assert "as in the first run" in shown
    assert "in the second run" in shown


def test_failing_run_of_seeded_handlers_has_no_such_finding(pair: Path) -> None:
    make_worse(pair, SEEDED)
    assert "not-deterministic" not in properties_found()


def test_passing_run_is_not_repeated(pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(EXAMPLES / "polling_mended", pair, dirs_exist_ok=True)
    make_worse(pair, COUNTED)
    assert main(["run", "drill", *HANDLERS]) == 0
    polls = json.loads(Path("drsim-runs/drill-1/result.json").read_text(encoding="utf-8"))["polls"]
    assert len(Path("seen").read_text(encoding="utf-8")) == polls
    assert "not-deterministic" not in capsys.readouterr().out


def test_summary_of_a_trace_is_compared_too(pair: Path) -> None:
    make_worse(pair, UNSEEDED["its process"])
    assert properties_found("--trace", "summary")[0] == "not-deterministic"
    assert "not-deterministic" not in properties_found("--trace", "off")


def test_wire_tier_repeats_a_failing_run(pair: Path) -> None:
    make_worse(pair, UNSEEDED["its process"])
    assert properties_found("--tier", "wire", "--set", "duration=4m")[0] == "not-deterministic"


def test_repetition_that_dies_leaves_the_run_as_it_is(pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_worse(pair, f"import os; os.getpid() == {os.getpid()} or os._exit(9)")
    assert "not-deterministic" not in properties_found()
    assert "a failing run could not be repeated: its process ended with exit code 9, 3 times" in capsys.readouterr().err


def test_repetition_that_raises_leaves_the_run_as_it_is(
    pair: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("drsim.repeating.repeated", json.loads)
    assert "status-order" in properties_found()
    assert "drsim: a failing run could not be repeated: TypeError: loads()" in capsys.readouterr().err


def test_ctrl_c_during_the_repetition_keeps_the_run(pair: Path) -> None:
    first = "import os, pathlib; first = pathlib.Path('first'); first.exists() or first.write_text(str(os.getpid()))"
    endless = "[pathlib.Path('second').touch() for _ in iter(int, 1)]"
    make_worse(pair, f"{first}; first.read_text() == str(os.getpid()) or {endless}")
    command = [sys.executable, "-m", "drsim", "run", "drill", "idle", *HANDLERS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until = machine.wall_seconds() + 60
        while not Path("second").exists():
            assert process.poll() is None
            assert machine.wall_seconds() < until
            machine.pause(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.splitlines() == [
        "drsim: drill, seed 1: its repetition was interrupted, so its findings do not say whether it is deterministic",
        "drsim: interrupted; 1 of 2 runs are done and kept in drsim-runs",
    ]
    assert "drill, seed 1: FAIL" in out
    assert Path("drsim-runs/drill-1/result.json").exists()
    assert Path("drsim-runs/drill-1/report.html").exists()


def test_file_saved_before_the_repetition_makes_no_finding(pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save = "(open('pair/layer/new.py', 'a').write('#'), time.sleep(0.5))"
    make_worse(pair, f"import os, time; os.getpid() == {os.getpid()} or {save}")
    assert "not-deterministic" not in properties_found()
    assert "differ, but a Python file of your handlers changed between them: run again" in capsys.readouterr().err
    assert main(["explore", "drill", "--seeds", "1", "--jobs", "1", *HANDLERS]) == 1
    assert "kept as it was found" not in capsys.readouterr().out


@pytest.mark.parametrize("statement", ["os.fork()", "raise ImportError('here only')"])
def test_repetition_that_ends_with_an_error_is_shown_as_that(
    pair: Path, statement: str, capsys: pytest.CaptureFixture[str]
) -> None:
    poller = pair / "poller/app.py"
    text = poller.read_text(encoding="utf-8")
    poller.write_text(f"import os\nif os.getpid() != {os.getpid()}:\n    {statement}\n{text}", encoding="utf-8")
    assert properties_found()[0] == "not-deterministic"
    shown = " ".join(capsys.readouterr().out.split())
    assert "in another process, where it ended with this error" in shown
    assert "your handlers read what no seed decides" not in shown


def test_failure_that_is_not_deterministic_is_kept_unshrunk(pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_worse(pair, SURVIVING)
    assert main(["explore", "drill", "--seeds", "1-2", "--jobs", "1", *HANDLERS]) == 1
    shown = capsys.readouterr().out
    assert "✗ status-order, seed 1, kept as it was found: not-deterministic" in shown
    assert "two runs of it first differ here:" in shown
    assert "shrunk in" not in shown
    kept = Path("drsim-runs/explore-drill/failures/status-order-1.yaml")
    saved = yaml.safe_load(kept.read_text(encoding="utf-8"))
    assert saved["digest"] == ""
    assert saved["differing"]["place"] == "poller/app.py:190 get_item"
    assert "not deterministic: two runs of it" in Path("drsim-runs/explore-drill/report.md").read_text(encoding="utf-8")
    assert main(["shrink", str(kept)]) == 1
    assert "status-order, not shrunk: not-deterministic" in capsys.readouterr().out
    assert main(["replay", str(kept)]) == 1
    assert "still fails: its run could not be repeated when it was saved" in capsys.readouterr().out
    # Once the handlers are deterministic, what they do wrong can be shrunk.
    shutil.copytree(EXAMPLES / "polling", pair, dirs_exist_ok=True)
    assert main(["shrink", str(kept)]) == 1
    assert "status-order, shrunk (" in capsys.readouterr().out
    assert "differing" not in kept.read_text(encoding="utf-8")


def test_failure_that_two_further_runs_lack_is_not_deterministic(pair: Path) -> None:
    shutil.copytree(EXAMPLES / "polling_mended", pair, dirs_exist_ok=True)
    place, variables = "app.py:lambda_handler", {"TABLE_NAME": "executions", "POLLER_FUNCTION_NAME": "ExecutionPoller"}
    code = Handlers(
        finder=f"pair/finder/{place}", poller=f"pair/poller/{place}", paths=(pair / "layer",), variables=variables
    )
    scenario = load("drill", contract=str(EXAMPLES / "polling/contract.yaml"))
    lost = broken(1, 0, RuntimeError("once")).model_copy(update={"property": "status-order"})
    with Repeater() as repeater:
        found = repeater.divergence(adapted(scenario)[0], lost, code)
    assert found is not None
    assert found.first == "a run that breaks status-order"
    assert found.second == "a run that does not, with the same seed"


def test_failure_kept_as_not_deterministic_is_judged_again_with_other_code(
    pair: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a later round of --watch, after the handlers were made deterministic."""
    make_worse(pair, SURVIVING)
    words = ["explore", "drill", "--seeds", "1", "--jobs", "1", *HANDLERS]
    assert main(words) == 1
    failures = Path("drsim-runs/explore-drill/failures")
    before = sorted(failures.iterdir())
    shutil.copytree(EXAMPLES / "polling", pair, dirs_exist_ok=True)
    Path("drsim-runs/explore-drill/campaign.jsonl").unlink()
    capsys.readouterr()
    assert main([*words, "--resume"]) == 1
    shown = capsys.readouterr().out
    assert "status-order, seed 1, shrunk in" in shown
    assert "not deterministic" not in shown
    saved = yaml.safe_load((failures / "status-order-1.yaml").read_text(encoding="utf-8"))
    assert "differing" not in saved
    assert saved["digest"]
    assert sorted(failures.iterdir()) == before
