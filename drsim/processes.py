"""Python processes that run calls, replaced when they die: here, or on each worker of a dask cluster.

A worker is sent this module, which therefore imports the standard library only.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from queue import SimpleQueue
from typing import Any, Final, TypeVar

R = TypeVar("R")

ATTEMPTS: Final = 3
"""The number of processes that a call may cost."""


def pickled_call(function: Callable[..., object], arguments: tuple[object, ...]) -> bytes:
    return pickle.dumps((function, arguments))


def outcome_of(answer: bytes) -> Any:
    """Return what a call returned, or raise what it raised."""
    returned, what = pickle.loads(answer)
    if returned:
        return what
    raise what


def serve(handle: int) -> None:
    """Answer calls from this pipe until its other end is closed; the main function of a process."""
    pipe = Connection(handle)
    with suppress(EOFError, ConnectionError):
        while True:
            pipe.send_bytes(_answer(pipe.recv_bytes()))


def _answer(call: bytes) -> bytes:
    try:
        function, arguments = pickle.loads(call)
        returned, what = True, function(*arguments)
    except Exception as error:
        returned, what = False, error
    try:
        return pickle.dumps((returned, what))
    except Exception as error:
        return pickle.dumps((False, RuntimeError(f"cannot be sent back: {error}: {what!r}")))


class _ChildProcess:
    """A process and the pipe to it. A call to a dead one starts another. Raises BrokenExecutor if none can start."""

    def __init__(self, path: Sequence[str], folder: str | None) -> None:
        self._path, self._folder = path, folder
        self._start()

    def _start(self) -> None:
        try:
            self._pipe, theirs = Pipe()
            with theirs:
                # -P: files in the current folder must not hide modules of the path. A process group of its own: Ctrl-C
                # on the terminal reaches the parent only, whose end closes the pipe. Prints go to standard error.
                command = [sys.executable, "-P", "-c", f"from drsim.processes import serve; serve({theirs.fileno()})"]
                environment = {**os.environ, "PYTHONPATH": os.pathsep.join(self._path)}
                self._popen = subprocess.Popen(
                    command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=2, env=environment,
                    cwd=self._folder, process_group=0,
                )  # fmt: skip
        except OSError as error:
            raise BrokenExecutor(f"a process cannot begin: {error}") from None
        # The imports take a second, which belongs to the start of a process and not to its first call.
        self._send(pickled_call(exec, ("import drsim.scenarios.crashes",)))
        self._is_ready = False

    def wait_until_ready(self) -> None:
        """Wait until all is imported. Raises BrokenExecutor if that fails, or the process dies."""
        if not self._is_ready:
            self._is_ready, error = pickle.loads(self._answer())
            if not self._is_ready:
                raise BrokenExecutor(f"a process cannot begin: {type(error).__name__}: {error}")

    def ask(self, call: bytes) -> bytes:
        """Return the answer to a call. Raises BrokenExecutor if the process dies of it."""
        if self._popen.poll() is not None:
            self._start()
        self.wait_until_ready()
        self._send(call)
        return self._answer()

    def _send(self, call: bytes) -> None:
        # A process that cannot be sent a call is dead, and gives no answer either.
        with suppress(OSError):
            self._pipe.send_bytes(call)

    def _answer(self) -> bytes:
        try:
            return self._pipe.recv_bytes()
        except (EOFError, OSError):
            code = self._popen.wait()
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise BrokenExecutor(f"its process {how}") from None

    def end(self) -> None:
        """Kill it; a call that waits for its answer raises BrokenExecutor."""
        self._popen.kill()
        self._popen.wait()


class ProcessExecutor(ThreadPoolExecutor):
    """Processes as an executor, whose threads wait for answers. Raises BrokenExecutor if a process cannot start."""

    troubles: Sequence[str] = ()

    def __init__(self, jobs: int, path: Sequence[str] | None = None, folder: str | None = None) -> None:
        super().__init__(jobs)
        self._jobs, self._is_ended = jobs, False
        self._all: list[_ChildProcess] = []
        self._idle: SimpleQueue[_ChildProcess] = SimpleQueue()
        try:
            # Listed one by one: after an error or Ctrl-C, those that did start must be ended.
            for _ in range(jobs):
                self._all.append(_ChildProcess(path or sys.path, folder))
            for process in self._all:
                process.wait_until_ready()
                self._idle.put(process)
        except BaseException:
            self.kill()
            raise

    def jobs(self) -> int:
        return self._jobs

    def where(self) -> str:
        return f"in {self._jobs} process{'' if self._jobs == 1 else 'es'}"

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Make a call by position. Its future raises BrokenExecutor if each of ATTEMPTS cost a process."""
        assert not kwargs, "calls are made by position"
        return super().submit(self._outcome, pickled_call(fn, args))

    def _outcome(self, call: bytes) -> Any:
        for _ in range(ATTEMPTS - 1):
            with suppress(BrokenExecutor):
                return outcome_of(self.answer(call))
        try:
            return outcome_of(self.answer(call))
        except BrokenExecutor as error:
            raise BrokenExecutor(f"{error}, {ATTEMPTS} times") from None

    def answer(self, call: bytes) -> bytes:
        """Return the answer to a pickled call, in the thread of the caller. Raises BrokenExecutor if a process dies."""
        process = self._idle.get()
        try:
            if self._is_ended:
                raise BrokenExecutor("its process was ended")
            return process.ask(call)
        finally:
            self._idle.put(process)

    def kill(self) -> None:
        self._is_ended = True
        for process in self._all:
            process.end()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Finish the calls that run, or with `wait=False` kill their processes."""
        if not wait:
            self.kill()
        super().shutdown(wait=True, cancel_futures=cancel_futures)
        self.kill()
