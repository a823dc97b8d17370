"""`drsim explore --watch`: a change of a handler's file begins another round, known failures first."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import yaml

from drsim.cli import main
from drsim.scenarios import machine
from drsim.simulator.handlers.functions import Handlers
from drsim.watching import ChangedError, HandlerFiles
from tests.examples import polling

HANDLERS: Final = (
    *("--finder", "pair/finder/app.py:lambda_handler", "--poller", "pair/poller/app.py:lambda_handler"),
    *("--path", "pair/layer", "--env", "TABLE_NAME=drs-orchestration-execution-history-test"),
    *("--env", "POLLER_FUNCTION_NAME=ExecutionPoller", "--contract", "contract.yaml"),
)
WAITS: Final = "waiting for a change of your handlers"
_SECONDS_MAX: Final = 60


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pair of handlers with one bug, in the working directory of its team."""
    monkeypatch.chdir(tmp_path)
    bug = next(each for each in polling.BUGS if each.caught_by == "status-order")
    shutil.copy(polling.WRITTEN / "contract.yaml", tmp_path / "contract.yaml")
    return polling.PAIR.with_bugs([bug], tmp_path / "pair")


class Watching:
    """A process that watches, and what it printed since the last wait."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def until(self, text: str) -> str:
        """Read until a line has this text, and return all of these lines. A silent process is killed."""
        assert self.process.stdout is not None
        alarm = threading.Timer(_SECONDS_MAX, self.process.kill)
        alarm.start()
        lines = ""
        try:
            for line in self.process.stdout:
                lines += line
                if text in line:
                    return lines
        finally:
            alarm.cancel()
        raise AssertionError(f"never printed {text!r}: {lines}")


@contextmanager
def watching(*words: str) -> Iterator[Watching]:
    command = [sys.executable, "-u", "-m", "drsim", "explore", "drill", "--jobs", "1", "--watch", *HANDLERS, *words]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    with process:
        try:
            yield Watching(process)
        finally:
            process.kill()


@pytest.mark.slow
def test_change_replays_known_failures_then_explores_again(pair: Path) -> None:
    poller, campaign = pair / "poller/app.py", pair.parent / "drsim-runs/explore-drill"
    text = poller.read_text(encoding="utf-8")
    with watching("--seeds", "1-2") as watched:
        assert "drill: 2 of 2 seeds failed" in watched.until(WAITS)
        known = sorted(path.name for path in (campaign / "failures").iterdir())
        assert "status-order-1.yaml" in known

        poller.write_text(f"{text}def broken(\n", encoding="utf-8")
        shown = watched.until(WAITS)
        assert "changed: pair/poller/app.py" in shown
        assert "cannot import pair/poller/app.py:lambda_handler: SyntaxError" in shown
        assert "Traceback" not in shown
        assert "seeds failed" not in shown

        poller.write_text(f"{text}# Still wrong.\n", encoding="utf-8")
        shown = watched.until(WAITS)
        replayed, explored = shown.split("drill: 2 of 2 seeds failed")
        assert replayed.count("still fails:") == len(known)
        assert "status-order, seed 1, kept before in" in explored
        assert sorted(path.name for path in (campaign / "failures").iterdir()) == known

        shutil.copytree(polling.PAIR.folder, pair, dirs_exist_ok=True)
        shown = watched.until(WAITS)
        replayed, _ = shown.split("drill: 0 of 2 seeds failed")
        assert replayed.count("✓ fixed: every property holds") == len(known)

        os.killpg(watched.process.pid, signal.SIGINT)
        assert watched.process.wait(timeout=10) == 2
    # The last round's totals, and the failures of all rounds.
    assert (campaign / "campaign.jsonl").read_text(encoding="utf-8").count('"failures"') == 0
    assert sorted(path.name for path in (campaign / "failures").iterdir()) == known
    assert not (campaign.with_name("explore-drill.1")).exists()


@pytest.mark.slow
def test_change_ends_a_round_that_runs(pair: Path) -> None:
    campaign = pair.parent / "drsim-runs/explore-drill/campaign.jsonl"
    shutil.copytree(polling.PAIR.folder, pair, dirs_exist_ok=True)
    with watching("--seeds", "1-100000") as watched:
        deadline = machine.wall_seconds() + _SECONDS_MAX
        while not (campaign.exists() and campaign.read_text(encoding="utf-8").count("\n") > 1):
            assert watched.process.poll() is None, "it ended before it explored a range of seeds"
            assert machine.wall_seconds() < deadline, f"no range of seeds in {_SECONDS_MAX} s"
            machine.pause(0.01)
        with (pair / "layer/executions.py").open("a", encoding="utf-8") as layer:
            layer.write("# Changed.\n")
        assert "seeds failed" not in watched.until("changed: pair/layer/executions.py")


@pytest.mark.slow
def test_failure_of_a_fixed_ones_name_gets_a_file_of_its_own(pair: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As in a later round: the campaign's file is gone, and its failures are kept."""
    words = ["explore", "drill", "--seeds", "1", "--jobs", "1", *HANDLERS]
    assert main(words) == 1
    failures = Path("drsim-runs/explore-drill/failures")
    kept = failures / "status-order-1.yaml"
    text = kept.read_text(encoding="utf-8")
    # So short a run is one in which that bug is fixed, found with other code.
    fixed = text.replace("sources: ", "sources: '0' # ").replace("\n  duration: 1m3s", "\n  duration: 30s")
    assert fixed.count("30s") == text.count("30s") + 1
    kept.write_text(fixed, encoding="utf-8")
    capsys.readouterr()
    assert main([*words, "--resume"]) == 1
    assert "status-order, seed 1, shrunk in" in capsys.readouterr().out
    assert kept.read_text(encoding="utf-8") == fixed
    assert (failures / "status-order-1-2.yaml").read_text(encoding="utf-8") == text
    assert main([*words, "--resume"]) == 1
    assert f"status-order, seed 1, kept before in {failures / 'status-order-1-2.yaml'}" in capsys.readouterr().out
    report = Path("drsim-runs/explore-drill/report.md").read_text(encoding="utf-8")
    assert "fixed: every property holds" in report


@pytest.mark.slow
def test_other_failure_of_a_kept_ones_name_gets_a_file_of_its_own(
    pair: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["explore", "drill", "--seeds", "1", "--jobs", "1", *HANDLERS]
    assert main(words) == 1
    failures = Path("drsim-runs/explore-drill/failures")
    kept = failures / "status-order-1.yaml"
    saved = yaml.safe_load(kept.read_text(encoding="utf-8"))
    other = yaml.safe_dump({**saved, "signature": "another kind", "sources": "0"}, sort_keys=False)
    kept.write_text(other, encoding="utf-8")
    for _ in range(2):
        assert main([*words, "--resume"]) == 1
    assert f"status-order, seed 1, kept before in {failures / 'status-order-1-2.yaml'}" in capsys.readouterr().out
    assert kept.read_text(encoding="utf-8") == other
    assert yaml.safe_load((failures / "status-order-1-2.yaml").read_text(encoding="utf-8")) == saved
    # A smaller failure is still the one that was explored.
    assert main(["shrink", str(kept)]) == 1
    assert yaml.safe_load(kept.read_text(encoding="utf-8"))["signature"] == "another kind"


def test_watch_without_handlers_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "drill", "--watch", "--out", str(tmp_path)]) == 4
    assert "drsim: --watch needs --finder: it waits for changes of your handlers' files" in capsys.readouterr().err


def test_watch_sees_changed_added_and_removed_files(pair: Path) -> None:
    handlers = Handlers(finder="pair/finder/app.py:f", poller="pair/poller/app.py:f", paths=(pair / "layer",))
    watched = HandlerFiles(handlers)
    (pair / "poller/notes.txt").write_text("no code", encoding="utf-8")
    watched.check()
    changes: list[Callable[[], object]] = [
        lambda: (pair / "poller/app.py").write_text("", encoding="utf-8"),
        (pair / "finder/new.py").touch,
        (pair / "layer/executions.py").unlink,
    ]
    for change in changes:
        watched = HandlerFiles(handlers)
        watched.check()
        change()
        with pytest.raises(ChangedError):
            watched.check()
