"""Processes that run calls, and die of them: what comes back, what is tried again, and that none is left."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, wait
from pathlib import Path

import pytest

from drsim.processes import ProcessExecutor

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def executor() -> Iterator[ProcessExecutor]:
    with ProcessExecutor(2) as processes:
        yield processes


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(mark: Path) -> int:
    """Die if the file is there, which is removed before; otherwise the process that does not."""
    try:
        mark.unlink()
    except FileNotFoundError:
        return os.getpid()
    die()
    raise AssertionError("SIGKILL cannot be survived")


def say_and_return_a_lock(text: str) -> object:
    print(text)
    return threading.Lock()


def wait_for_ever() -> None:
    signal.pause()


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_calls_run_in_processes_that_stay(executor: ProcessExecutor) -> None:
    ran_in = {executor.submit(os.getpid).result() for _ in range(20)}
    assert os.getpid() not in ran_in
    assert len(ran_in) <= 2


def test_exception_of_a_call_is_raised_by_its_future(executor: ProcessExecutor) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        executor.submit(int, "seven").result()


def test_prints_are_ignored_and_unpicklable_results_raise(executor: ProcessExecutor) -> None:
    with pytest.raises(RuntimeError, match=r"cannot be sent back: cannot pickle '_thread.lock' object"):
        executor.submit(say_and_return_a_lock, "loud").result()
    assert executor.submit(abs, -1).result() == 1


def test_call_of_a_killed_process_is_repeated_by_another(executor: ProcessExecutor, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    mark.touch()
    assert alive(executor.submit(die_once, mark).result())
    assert not mark.exists()
    assert len({executor.submit(os.getpid).result() for _ in range(20)}) == 2


def test_call_that_kills_every_process_fails_and_no_other_does(executor: ProcessExecutor) -> None:
    deadly, *others = [executor.submit(die), *(executor.submit(abs, -number) for number in range(20))]
    assert [other.result() for other in others] == list(range(20))
    with pytest.raises(BrokenExecutor, match=r"^its process was killed by signal 9, 3 times$"):
        deadly.result()


def test_shutdown_without_wait_leaves_no_process_and_no_open_call() -> None:
    executor = ProcessExecutor(2)
    processes = {executor.submit(os.getpid).result() for _ in range(20)}
    endless = [executor.submit(wait_for_ever) for _ in range(5)]
    executor.shutdown(wait=False, cancel_futures=True)
    assert len(wait(endless).done) == 5
    assert all(each.cancelled() or isinstance(each.exception(), BrokenExecutor) for each in endless)
    assert not any(map(alive, processes))


def test_call_that_cannot_be_unpickled_raises_and_costs_no_process() -> None:
    with ProcessExecutor(1) as executor:
        before = executor.submit(os.getpid).result()
        with pytest.raises(ZeroDivisionError):
            executor.submit(repr, UnpickledInVain()).result()
        assert executor.submit(os.getpid).result() == before


class UnpickledInVain:
    """What can be sent, and not be had."""

    def __reduce__(self) -> tuple[object, ...]:
        return divmod, (1, 0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("raise ImportError('no greenlet today')", "a process cannot begin: ImportError: no greenlet today"),
        ("raise OSError(24, 'no file today')", r"a process cannot begin: OSError: \[Errno 24\] no file today"),
        ("raise SystemExit(3)", "its process ended with exit code 3"),
    ],
)
def test_process_that_cannot_start_is_reported_with_the_reason(
    line: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "greenlet.py").write_text(f"{line}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BrokenExecutor, match=reason):
        ProcessExecutor(2)
    assert capfd.readouterr() == ("", "")


_FEW_FILES = """
import os, resource, sys
from drsim.cli import main
resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))
code = main(sys.argv[1:])
try:
    os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
except ChildProcessError:
    print("no child is left")
sys.exit(code)
"""


def test_too_many_processes_are_wrong_use_and_leave_none_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _FEW_FILES, "explore", "drill", "--jobs", "50", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (4, "no child is left\n")
    assert done.stderr.startswith("drsim: --jobs 50: a process cannot begin: [Errno 24] Too many open files")
    assert done.stderr.count("\n") == 1
