"""Ctrl-C and SIGTERM at any moment: their exit codes, and what is kept."""

import os
import signal
import subprocess
import sys
import time  # noqa: TID251 - when a signal comes is a matter of the host's clock
from pathlib import Path

import pytest

from drsim import outputs
from drsim.cli import main
from drsim.interruption import held, listening

CODES = {signal.SIGINT: 2, signal.SIGTERM: 143}


@pytest.mark.slow
@pytest.mark.parametrize("number", CODES)
@pytest.mark.parametrize("steps", [range(5), range(5, 10)])
def test_signal_at_any_moment_ends_with_its_code_and_leaves_whole_files(
    number: signal.Signals, steps: range, tmp_path: Path
) -> None:
    for step in steps:
        out = tmp_path / str(step)
        # The marker is printed as soon as Python runs code of a program's own.
        code = "print('begun', flush=True); import sys; from drsim.__main__ import main; sys.exit(main())"
        command = [sys.executable, "-c", code, "run", "phase-2", "load-100", "--out", str(out)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.02 + 0.15 * step)
            process.send_signal(number)
            _, complaints = process.communicate(timeout=60)
        # Until drsim's first line runs, SIGTERM ends Python itself, which shells show as 143, too.
        assert process.returncode in (CODES[number], 0, *([-signal.SIGTERM] if step == 0 else [])), complaints
        assert "Traceback" not in complaints
        assert "drsim: interrupted" in complaints or process.returncode <= 0
        for folder in out.glob("*/"):
            names = {path.name for path in folder.iterdir()}
            assert names == set() or {"result.json", "report.html", "evidence.json", "trace.jsonl.gz"} <= names


def test_interruption_in_an_import_comes_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "interrupted_while_imported.py"
    module.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhole = True\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    log = []

    def wait() -> None:
        import interrupted_while_imported  # type: ignore[import-not-found]

        log.append(interrupted_while_imported.whole)
        signal.pause()

    with listening() as signals, pytest.raises(KeyboardInterrupt):
        wait()
    assert log == [True]
    assert signals.exit_code == 2


def _interrupted_in_held_block(log: list[str], times: int) -> None:
    with held():
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGTERM)
            log.append("held")
    signal.pause()


@pytest.mark.parametrize(("signals_count", "passed_count"), [(1, 1), (2, 1), (3, 1)])
def test_held_interruption_waits_for_its_block_and_a_second_for_nothing(signals_count: int, passed_count: int) -> None:
    log: list[str] = []
    with listening() as signals, pytest.raises(KeyboardInterrupt):
        _interrupted_in_held_block(log, signals_count)
    assert (len(log), signals.exit_code) == (passed_count, 143)


def test_interruption_that_code_swallows_counts_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deaf(*_: object, **__: object) -> tuple[str, ...]:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            signal.pause()
        except KeyboardInterrupt:
            return ()
        raise AssertionError("SIGINT came")

    monkeypatch.setattr(outputs, "remove_left_of_runs", deaf)
    assert main(["run", "idle", "--out", str(tmp_path)]) == 2
    assert (tmp_path / "idle-1" / "result.json").exists()


def test_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with listening() as signals:
            os.kill(os.getpid(), signal.SIGINT)
        assert signals.first is None
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_next_run_removes_what_a_killed_run_left(tmp_path: Path) -> None:
    left = tmp_path / "drill-7" / ".trace.jsonl.gz.abcd1234.part"
    left.mkdir(parents=True)
    assert main(["run", "idle", "--out", str(tmp_path)]) == 0
    assert not left.exists()


def test_internal_error_leaves_no_earlier_verdict(tmp_path: Path) -> None:
    assert main(["run", "idle", "--trace", "chrome", "--out", str(tmp_path)]) == 0
    folder = tmp_path / "idle-1"
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    outputs.write_error("Traceback", folder)
    assert sorted(path.name for path in folder.iterdir()) == ["error.txt", "notes.txt"]
