"""Ctrl-C and SIGTERM at any moment: their exit codes, and what is kept."""

import os
import shlex
import signal
import subprocess
import sys
import time  # noqa: TID251 - when a signal comes is a matter of the host's clock
from pathlib import Path

import pytest

from drsim import outputs
from drsim.cli import main
from drsim.interruption import Signals, held, listening
from drsim.scenarios import runner

CODES = {signal.SIGINT: 2, signal.SIGTERM: 143}


_ANNOUNCED = """\
import sys
from drsim import __main__
opened = __main__._open_streams
def announce():
    print("begun", flush=True)
    opened()
__main__._open_streams = announce
sys.exit(__main__.main())
"""
"""The command line, which prints a line as soon as it listens: before that, SIGTERM ends Python itself."""
MOMENTS = [*range(0, 400, 10), 500, 700, 900, 1_200, 1_500]
"""Milliseconds: each part of drsim's start, and some runs."""


@pytest.mark.slow
@pytest.mark.parametrize("part", range(3))
def test_signal_at_any_moment_ends_with_its_code_and_leaves_whole_files(part: int, tmp_path: Path) -> None:
    # Work that does not end by itself: only the signal can end it.
    work = ["run", "load-100", "--seeds", "1-5000", "--quiet"]
    for step, moment_ms in list(enumerate(MOMENTS))[part::3]:
        number, out = list(CODES)[step % 2], tmp_path / str(step)
        command = [sys.executable, "-c", _ANNOUNCED, *work, "--out", str(out)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(moment_ms / 1_000)
            process.send_signal(number)
            try:
                _, complaints = process.communicate(timeout=60)
            finally:
                process.kill()
        assert (process.returncode, number) == (CODES[number], number), (moment_ms, complaints)
        assert "Traceback" not in complaints
        assert "drsim: interrupted" in complaints, moment_ms
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


def test_error_that_replaces_an_interruption_is_reported_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def replaces(*_: object, **__: object) -> tuple[str, ...]:
        # As pydantic does with what is raised while it serializes.
        try:
            os.kill(os.getpid(), signal.SIGINT)
            signal.pause()
        except KeyboardInterrupt:
            raise ValueError("Error calling function: KeyboardInterrupt") from None
        raise AssertionError("SIGINT came")

    for owner, name in ((outputs, "remove_left_of_runs"), (runner, "run")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, replaces)
            assert main(["run", "idle", "--out", str(tmp_path)]) == 2
        assert "internal error" not in (complaints := capsys.readouterr().err)
        assert complaints.count("drsim: interrupted") == 1
    assert not (tmp_path / "idle-1" / "error.txt").exists()


def _interrupted_after_listening_within(outer: Signals) -> None:
    with listening() as inner:
        assert inner is outer
    # The inner one's end leaves the outer one listening.
    os.kill(os.getpid(), signal.SIGTERM)
    signal.pause()


def test_listening_within_listening_is_the_same() -> None:
    with listening() as outer, pytest.raises(KeyboardInterrupt):
        _interrupted_after_listening_within(outer)
    assert outer.exit_code == 143


def test_alarm_of_a_caller_reaches_it() -> None:
    seen = []
    before = signal.signal(signal.SIGALRM, lambda number, _: seen.append(number))
    try:
        with listening():
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            signal.pause()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert seen == [signal.SIGALRM]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("list >&-", 0),
        ("schema >&-", 0),
        ("run idle --out out >&- 2>&- <&-", 0),
        ("run - --out out <&-", 4),
        ("nosuch 2>&-", 4),
    ],
)
def test_closed_standard_streams_count_as_empty(words: str, code: int, tmp_path: Path) -> None:
    command = f"{shlex.quote(sys.executable)} -m drsim {words}"
    done = subprocess.run(["sh", "-c", command], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    assert "internal error" not in done.stderr


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
