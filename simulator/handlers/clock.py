"""Virtual time for code that reads the wall clock: freezegun, started once, which asks the kernel for the time.

A run starts only if each clock that handlers and boto3 could read shows the kernel's time.
"""

import calendar
import datetime as dt
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

import botocore.compat
import botocore.endpoint
import freezegun
import freezegun.api

from drsim.simulator.durations import wait_us
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.functions import Invocation
from drsim.simulator.trace import BrokenSimulationError

Clocks = Mapping[str, Callable[[], float]]
"""Further clocks by name, which return Unix seconds."""


_EPOCH: Final = dt.datetime(1970, 1, 1)
"""Made before freezegun replaces the class by a slower one."""


class VirtualClock:
    """The kernel's time plus the clock error of the environment that reads it, worked out when it is read.

    Takes the place of freezegun's factory of the frozen instant.
    """

    def __init__(self, kernel: Kernel, epoch_us: int, skew_us: Callable[[Invocation], int]) -> None:
        self._kernel = kernel
        self._epoch_us = epoch_us
        self._skew_us = skew_us
        self._shown_us = -1
        self._shown = _naive(epoch_us)

    def __call__(self) -> dt.datetime:
        process = self._kernel.current
        invocation = None if process is None else process.tag
        off_us = self._skew_us(invocation) if isinstance(invocation, Invocation) else 0
        now_us = self._epoch_us + self._kernel.now_us + off_us
        if now_us != self._shown_us:
            self._shown_us, self._shown = now_us, _naive(now_us)
        return self._shown


@contextmanager
def _in_utc() -> Iterator[None]:
    """Local time is UTC whatever the host's zone: Lambda sets TZ to :UTC (developer guide, environment variables)."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = ":UTC"
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


@contextmanager
def virtual_clock(
    kernel: Kernel, epoch_us: int, skew_us: Callable[[Invocation], int], more: Clocks = MappingProxyType({})
) -> Iterator[None]:
    """Let every clock of this process show virtual time, in UTC, and route `time.sleep` to the kernel.

    `skew_us` returns how far the clock of an invocation is ahead. Checks `more` clocks, too.
    """
    with _in_utc():
        yield from _frozen(kernel, epoch_us, VirtualClock(kernel, epoch_us, skew_us), more)


def _frozen(kernel: Kernel, epoch_us: int, clock: VirtualClock, more: Clocks) -> Iterator[None]:
    before = time.sleep
    freezer = freezegun.freeze_time(_naive(epoch_us))
    # Nothing reads the host's time, and freezegun need not look who asks.
    freezer.ignore = ()
    freezer.start()
    freezegun.api.freeze_factories[-1] = clock  # type: ignore[call-overload]  # what freezegun calls for the time
    _kernels.append(kernel)
    time.sleep = _sleep  # type: ignore[assignment]
    try:
        check(epoch_us + kernel.now_us, more)
        yield
    finally:
        _kernels.pop()
        time.sleep = before
        freezer.stop()


def _sleep(seconds: float, /) -> None:
    """Sleep in the open run. Installed packages keep it from run to run, and outside of runs it is the host's."""
    if not _kernels:
        _HOST_SLEEP(seconds)
        return
    kernel = _kernels[-1]
    if kernel.current is None:
        raise BrokenSimulationError(f"time.sleep({seconds}) outside any process would stop virtual time")
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    kernel.sleep(wait_us(seconds))


_kernels: Final[list[Kernel]] = []
"""The kernels of the runs that are open; the last one sleeps."""
_HOST_SLEEP: Final = time.sleep


_COARSE_S: Final = {"date.today": 86_400.0, "time.gmtime": 1.0, "time.localtime": 1.0}
"""Clocks that may be slow by less than their unit."""
_STOPPED: Final = ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
"""Clocks of `time` without an epoch: they must stand still while virtual time does."""


def check(epoch_us: int, more: Clocks = MappingProxyType({})) -> None:
    """Raise BrokenSimulationError if any clock leaks, naming each that does."""
    seconds = {
        "time.time": time.time(),
        "time.time_ns": time.time_ns() / 1e9,
        "time.gmtime": calendar.timegm(time.gmtime()),
        "time.localtime": calendar.timegm(time.localtime()),
        "datetime.now": dt.datetime.now(dt.UTC).timestamp(),
        "datetime.utcnow": (dt.datetime.utcnow() - _naive(0)).total_seconds(),
        "date.today": (dt.date.today() - _naive(0).date()).total_seconds(),
        "botocore's": botocore.compat.get_current_datetime(remove_tzinfo=False).timestamp(),
        **{name: read() for name, read in more.items()},
    }
    wrong = []
    for name, shown_s in seconds.items():
        off_s = shown_s - epoch_us / 1_000_000
        if not -_COARSE_S.get(name, 1e-3) < off_s < 1e-3:
            wrong.append(f"{name} is off by {off_s:.3f} s")
    wrong += [f"time.{name} advances" for name in _STOPPED if getattr(time, name)() != getattr(time, name)()]
    if vars(botocore.endpoint)["time"].sleep is not time.sleep:
        wrong.append("botocore's retries sleep by another clock")
    if wrong:
        raise BrokenSimulationError(f"clocks leak into the run: {'; '.join(wrong)}")


def _naive(epoch_us: int) -> dt.datetime:
    """freezegun takes UTC without a zone."""
    return _EPOCH + dt.timedelta(microseconds=epoch_us)
