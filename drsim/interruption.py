"""Ctrl-C and SIGTERM as a KeyboardInterrupt in the main thread, at a moment at which it is neither lost nor harmful.

An interruption waits until an import is done, since compiled modules ignore errors of what they call, and until a run's
files are written. A second one waits for nothing. The standard library only: it is imported before all else.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_INTERRUPTED: Final = 2
_TERMINATED: Final = 128 + signal.SIGTERM
_LOOK_SECONDS: Final = 0.05
_IMPORTS: Final = "<frozen importlib._bootstrap>"


class Signals:
    """The signals that a command received."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.holds_count = 0
        self._is_waiting = False
        # What listened to alarms before: they may be those of a caller, such as a test's timeout.
        self._alarmed = signal.getsignal(signal.SIGALRM)

    @property
    def exit_code(self) -> int:
        """The exit code of an interrupted command, as shells name it for SIGTERM."""
        return _TERMINATED if self.first == signal.SIGTERM else _INTERRUPTED

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt, now or soon."""
        is_second, is_alarm = self._is_waiting, number == signal.SIGALRM
        if is_alarm and not self._is_waiting:
            if callable(self._alarmed):
                self._alarmed(number, frame)
            return
        self.first = self.first or number
        self._is_waiting = (is_alarm or not is_second) and (self.holds_count > 0 or _is_import(frame))
        if self._is_waiting:
            signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS)
            return
        raise KeyboardInterrupt

    def stop(self) -> None:
        """Stop the alarm of an interruption that still waits."""
        if self._is_waiting:
            self._is_waiting = False
            signal.setitimer(signal.ITIMER_REAL, 0)


def _is_import(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == _IMPORTS:
            return True
        frame = frame.f_back
    return False


_listening: list[Signals] = []
"""The signals of this process, while it listens."""


@contextmanager
def listening() -> Iterator[Signals]:
    """Listen to the signals until the end of a command. Those that its parent ignores stay ignored.

    A process has one Signals: within another `listening()` it is that one's, so that no interruption is lost.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Signals()
        return
    if _listening:
        yield _listening[0]
        return
    signals = Signals()
    numbers = (signal.SIGALRM, signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    _listening.append(signals)
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, signals.on_signal)
        yield signals
    finally:
        signals.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
        _listening.remove(signals)


def is_interrupted() -> bool:
    """Whether an interruption came: an error may be all that is left of it, raised by code that replaced it."""
    return any(signals.first is not None for signals in _listening)


@contextmanager
def held() -> Iterator[None]:
    """Let an interruption wait until the end of this block, whose files belong together."""
    signals = _listening[0] if _listening else Signals()
    signals.holds_count += 1
    try:
        yield
    finally:
        signals.holds_count -= 1


def ignore() -> None:
    """Ignore the signals from now on: the exit code is known, and only Python's own end is left."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
