"""Processes that run calls: each in a Python of its own, and another in its place when one dies.

Owns how such a process is begun, what goes through its pipes, and its end. A process imports `scenarios` from the path
that it is given, and inherits nothing. `--engine process` has them here, and each worker of a cluster has its own: it
is sent this module, which therefore imports nothing but the standard library until `serve` runs.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_SERVE = "from drsim.processes import serve; serve()"


class Processes:
    """So many processes for calls from so many threads. Raises BrokenExecutor if one of them does not even begin.

    A call is the pickle of a function and its arguments; its answer is the pickle of whether it returned, and of what
    it returned or raised.
    """

    def __init__(self, count: int, path: Sequence[str], *, folder: str | None = None, attempts: int) -> None:
        self._path = path
        self._folder = folder
        self._attempts = attempts
        self._ended = False
        self._idle: SimpleQueue[_Process] = SimpleQueue()
        # All of them begin before the first is waited for. Those that run now are ended with the rest, idle or not.
        self._all: list[_Process] = []
        try:
            for _ in range(count):
                # One by one: when the next cannot begin, or Ctrl-C comes, those that did must be known, to be ended.
                self._all.append(_Process(path, folder))
            for process in self._all:
                process.wait_until_ready()
                self._idle.put(process)
        except BaseException:
            self.end()
            raise

    def call(self, pickled: bytes) -> bytes:
        """The answer to a call. Raises BrokenExecutor when as many processes as there are attempts died of it."""
        process = self._idle.get()
        try:
            for attempt in range(1, self._attempts + 1):
                try:
                    return process.ask(pickled)
                except BrokenExecutor as error:
                    if self._ended:
                        raise
                    process = self._another(process)
                    if attempt == self._attempts:
                        raise BrokenExecutor(f"{error}{f', {attempt} times' if attempt > 1 else ''}") from None
            raise AssertionError("a call is attempted at least once")
        finally:
            self._idle.put(process)

    def end(self) -> None:
        """End them all. What still runs is of no use to anybody, and is answered by BrokenExecutor."""
        self._ended = True
        for process in list(self._all):
            process.end()

    def _another(self, dead: "_Process") -> "_Process":
        """A process in place of one that died. It is not waited for: that is for whoever asks it first."""
        dead.end()
        process = _Process(self._path, self._folder)
        self._all[self._all.index(dead)] = process
        if self._ended:
            process.end()
        return process


class _Process:
    """One process, and the pipes to it. Raises BrokenExecutor if the operating system does not let it begin."""

    def __init__(self, path: Sequence[str], folder: str | None) -> None:
        # -P: whatever lies where the command is run must not hide what the path leads to. A group of its own: Ctrl-C on
        # the terminal is for the process that began this one, whose end closes the pipe and so ends this one.
        try:
            self._popen = subprocess.Popen(
                [sys.executable, "-P", "-c", _SERVE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
                cwd=folder,
                process_group=0,
            )
        except OSError as error:
            raise BrokenExecutor(f"a process cannot begin: {error}") from None
        self._ready = False

    def wait_until_ready(self) -> None:
        """Wait until all is imported. Raises BrokenExecutor if it cannot be, or the process dies."""
        if not self._ready:
            returned, answer = pickle.loads(self._answer())
            if not returned:
                raise BrokenExecutor(f"a process cannot begin: {answer}")
            self._ready = True

    def ask(self, pickled: bytes) -> bytes:
        """The answer to a call. Raises BrokenExecutor if the process dies of it, or before."""
        assert self._popen.stdin is not None
        self.wait_until_ready()
        try:
            pickle.dump(pickled, self._popen.stdin)
            self._popen.stdin.flush()
        except (OSError, ValueError):
            raise self._death() from None
        return self._answer()

    def _answer(self) -> bytes:
        assert self._popen.stdout is not None
        try:
            answer: bytes = pickle.load(self._popen.stdout)
        except (EOFError, OSError, ValueError, pickle.UnpicklingError):
            raise self._death() from None
        return answer

    def _death(self) -> BrokenExecutor:
        code = self._popen.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return BrokenExecutor(f"its process {how}")

    def end(self) -> None:
        """End it at once. A thread that waits for its answer reads the end of the pipe, and then the pipe is closed."""
        self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            assert pipe is not None
            # What was not sent yet cannot be sent any more.
            with suppress(OSError):
                pipe.close()


def serve() -> None:
    """Answer calls until the pipe that they come through is closed; what such a process does."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What a scenario's parts print must not look like an answer.
    os.dup2(2, 1)

    def answer(returned: bool, what: object) -> None:
        try:
            pickled = pickle.dumps((returned, what))
        except Exception as error:
            pickled = pickle.dumps((False, RuntimeError(f"cannot be sent back: {error}: {what!r}")))
        pickle.dump(pickled, answers)
        answers.flush()

    # Whoever began this process may be gone at any time: then there is nobody left to tell.
    with suppress(EOFError, BrokenPipeError):
        try:
            import drsim.scenarios.crashes  # noqa: F401 - it takes a second, which belongs to the start, not to the first range
        except Exception as error:
            answer(False, f"{type(error).__name__}: {error}")
            return
        answer(True, None)
        while True:
            pickled = pickle.load(calls)
            try:
                function, arguments = pickle.loads(pickled)
                returned, what = True, function(*arguments)
            except Exception as error:
                returned, what = False, error
            answer(returned, what)


def pickled_call(function: Callable[..., object], arguments: tuple[object, ...]) -> bytes:
    """A call, as `Processes.call` takes it."""
    return pickle.dumps((function, arguments))


def outcome_of(answer: bytes) -> Any:
    """What a call returned. Raises what it raised."""
    returned, what = pickle.loads(answer)
    if returned:
        return what
    raise what


class ProcessExecutor(Executor):
    """Processes of this machine as an executor. A call whose process dies is made again, by another, and again."""

    def __init__(self, jobs: int, attempts: int = 3) -> None:
        self._processes = Processes(jobs, sys.path, attempts=attempts)
        self._threads = ThreadPoolExecutor(jobs)

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Make a call by position. Its future raises BrokenExecutor when each of its attempts cost a process."""
        assert not kwargs, "calls are made by position"
        return self._threads.submit(lambda: outcome_of(self._processes.call(pickled_call(fn, args))))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let what runs come to its end first, or not wait for it."""
        if not wait:
            self._processes.end()
        self._threads.shutdown(wait=True, cancel_futures=cancel_futures)
        self._processes.end()
