"""Runs a case in this process, in a folder of its own, and judges how it ended."""

import io
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NamedTuple

from drsim.cli import main
from tests.fuzz.cases import Case

SECONDS_MAX: Final = 20
_LINE_MAX: Final = 8_000
_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


class Trouble(NamedTuple):
    """What is wrong with the end of a case: its kind, and the evidence."""

    kind: str
    detail: str


class _HangError(BaseException):
    """The watchdog ended a case."""


class _Watchdog:
    """Raises _HangError in the main thread after `seconds_max`, and again until the case ends.

    It is a thread with a signal of its own: commands listen to alarms, and a test's timeout may use them.
    """

    def __init__(self, seconds_max: float) -> None:
        self._seconds_max, self._ended = seconds_max, threading.Event()
        self.has_barked = False

    def _bark(self, number: int, frame: FrameType | None) -> None:
        if not self._ended.is_set():
            self.has_barked = True
            raise _HangError

    def _watch(self) -> None:
        wait_seconds, main = self._seconds_max, threading.main_thread().ident
        assert main is not None, "it runs this code"
        while not self._ended.wait(wait_seconds):
            signal.pthread_kill(main, signal.SIGUSR1)
            # Handlers that a case brings are each ended by it alone.
            wait_seconds = 0.05

    @contextmanager
    def watching(self) -> Iterator[None]:
        before = signal.signal(signal.SIGUSR1, self._bark)
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            signal.signal(signal.SIGUSR1, before)


class _Streams(NamedTuple):
    out: Path
    err: Path


@contextmanager
def _inside(case: Case, folder: Path, streams: _Streams) -> Iterator[None]:
    """Work in the case's folder, with standard streams that are files: drsim may close or replace their descriptors."""
    before, kept = Path.cwd(), (sys.stdin, sys.stdout, sys.stderr, list(sys.path))
    os.chdir(folder)
    sys.stdin = io.TextIOWrapper(io.BytesIO(case.stdin.encode("utf-8", "surrogatepass")), encoding="utf-8")
    with streams.out.open("w", encoding="utf-8") as out, streams.err.open("w", encoding="utf-8") as err:
        sys.stdout, sys.stderr = out, err
        try:
            yield
        finally:
            sys.stdin, sys.stdout, sys.stderr, sys.path[:] = kept
            os.chdir(before)


def judged(case: Case, folder: Path, seconds_max: float = SECONDS_MAX) -> list[Trouble]:
    """Run the case in an empty folder, and return what is wrong."""
    work = folder / "work"
    for name, data in case.files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    streams = _Streams(folder / "out", folder / "err")
    code: int | None = None
    troubles: list[Trouble] = []
    watchdog = _Watchdog(seconds_max)
    try:
        with _inside(case, work, streams), watchdog.watching():
            code = main(list(case.words))
    except _HangError:
        code = None
    except BaseException as error:  # noqa: BLE001 - whatever leaves the command line is a finding
        troubles.append(Trouble("exception", f"{type(error).__name__}: {error}"))
    # Code of a case may have caught what the watchdog raised.
    if watchdog.has_barked:
        troubles.append(Trouble("hang", f"more than {seconds_max} s"))
    out, err = (path.read_text(encoding="utf-8", errors="replace") for path in streams)
    if code is not None:
        troubles += _of_code(code, err)
    return [*troubles, *_of_text(out, err), *_of_files(case, work, code)]


def _of_code(code: int, err: str) -> Iterator[Trouble]:
    if code not in (0, 1, 4, 5):
        yield Trouble(f"exit {code}", err[-600:])
    if code == 4 and not re.search(r"^drsim: .", err, re.MULTILINE):
        yield Trouble("exit 4 without a message", err[-600:])


def _of_text(out: str, err: str) -> Iterator[Trouble]:
    for name, text in (("standard output", out), ("standard error", err)):
        if "Traceback (most recent call last)" in text:
            yield Trouble(f"traceback in {name}", text[-600:])
        if found := _CONTROLS.search(text):
            yield Trouble(f"control character in {name}", repr(text[max(found.start() - 80, 0) : found.end() + 20]))
    if long := next((line for line in err.split("\n") if len(line) > _LINE_MAX), None):
        yield Trouble("long line in standard error", f"{len(long)} characters: {long[:300]}")


def _of_files(case: Case, work: Path, code: int | None) -> Iterator[Trouble]:
    """Inputs stay, and what was refused has changed nothing."""
    for name, data in case.files.items():
        path = work / name
        if not path.exists() or (data and not path.stat().st_size):
            yield Trouble("lost file", name)
        elif path.read_bytes() != data and (code == 4 or name not in case.may_change) and "report" not in case.words:
            yield Trouble("changed file", name)
    for path in sorted(work.rglob("error.txt")):
        yield Trouble("internal error kept", path.read_text(encoding="utf-8", errors="replace")[-600:])
