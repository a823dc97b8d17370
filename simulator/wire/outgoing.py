"""Cuts connections and programs that moto would start for a client of `drsim serve`.

moto posts to HTTP subscriptions of SNS, to destinations of EventBridge and Firehose and to URLs of API Gateway. It runs
jobs of Batch in Docker. Nothing that such a client asks for may leave the simulation.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

_OF_SOCKET: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind"})
_NAMES: Final = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
_CONNECTIONS: Final = _OF_SOCKET | _NAMES
_PROGRAMS: Final = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"}
)


class CutError(PermissionError):
    """An outgoing call was cut. A PermissionError, which libraries handle as what an operating system refuses."""


class _LastCut(threading.local):
    """What was cut last in this thread; "" if nothing was."""

    what = ""


_last_cut: Final = _LastCut()
_cutting: Final = threading.Event()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if (event in _CONNECTIONS or event in _PROGRAMS) and _cutting.is_set():
        # The first argument of events of a socket is that socket.
        what = arguments[1] if event in _OF_SOCKET else next(iter(arguments), "another process")
        verb = "connect to" if event in _CONNECTIONS else "start"
        _last_cut.what = f"moto would {verb} {what}, and drsim serve lets nothing out"
        raise CutError(_last_cut.what)


@cache
def _install() -> None:
    """Once for the process, since no audit hook can be removed."""
    sys.addaudithook(_audit)


@contextmanager
def cut() -> Iterator[None]:
    """Cut all outgoing calls of this process, of each thread, by raising CutError where they are made."""
    _install()
    _cutting.set()
    try:
        yield
    finally:
        _cutting.clear()


def cut_in(act: Callable[[], object]) -> str:
    """Call `act`, and return what was cut in it, even if it handled the error; "" if nothing was."""
    _last_cut.what = ""
    try:
        act()
    # What follows from a cut is no error of its own.
    except Exception:
        if not _last_cut.what:
            raise
    return _last_cut.what
