"""Virtual time at a speed relative to the host's, for clients of a running world.

The kernel's greenlets are bound to one thread. Others that read or change the world must hold `turn`.
"""

import threading
from collections.abc import Callable
from typing import Final

from drsim.simulator.kernel import Kernel, StopReason

_PERIOD_S: Final = 0.02
_YIELD_S: Final = 0.001
# Events between two chances for other threads: each may be a write of some milliseconds.
_EVENTS_MAX: Final = 50
# A longer step of the host's time was a sleep of the host: virtual time does not leap.
_LEAP_MAX_S: Final = 1.0


class StoppedError(Exception):
    """Virtual time has ended and cannot advance."""


class Pacer:
    """Lets virtual time pass `speed` times as fast as `wall_seconds` does, unless it is paused.

    A process or action that fails ends alone, and `complain` gets the error. A broken simulation ends virtual time:
    its error is kept in `broken`, and `on_broken` is called.
    """

    def __init__(
        self,
        kernel: Kernel,
        *,
        speed: float,
        paused: bool,
        wall_seconds: Callable[[], float],
        complain: Callable[[str], None],
    ) -> None:
        self.turn = threading.Condition()
        self.speed = speed
        self.paused = paused
        self.broken: BaseException | None = None
        self._kernel = kernel
        self._wall_seconds = wall_seconds
        self._complain = complain
        self._on_broken: Callable[[], object] = lambda: None
        # The virtual time that has passed by itself, the one requested, and whether all events up to them are done.
        self._flow_us = self._wanted_us = kernel.now_us
        self._settled = True
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="virtual time", daemon=True)

    def start(self, *, on_broken: Callable[[], object]) -> None:
        self._on_broken = on_broken
        self._thread.start()

    def stop(self, seconds_max: float) -> None:
        """End virtual time and everything that is suspended, within that time or when the process ends."""
        with self.turn:
            self._stopping = True
            self.turn.notify_all()
        self._thread.join(seconds_max)

    def pause(self) -> None:
        """Stop virtual time, except for `advance`."""
        with self.turn:
            self.paused = True
            self._flow_us = self._kernel.now_us

    def resume(self) -> None:
        with self.turn:
            self.paused = False

    def advance(self, by_us: int) -> None:
        """Advance virtual time at once, and return when its events are done. Raises StoppedError if it has ended."""
        with self.turn:
            wanted_us = self._wanted_us = max(self._wanted_us, self._kernel.now_us) + by_us
            self._settled = False
            self.turn.notify_all()
            while self._kernel.now_us < wanted_us or not self._settled:
                if self._stopping or self.broken is not None:
                    raise StoppedError
                self.turn.wait(_PERIOD_S)

    def _run(self) -> None:
        kernel, seen_s = self._kernel, self._wall_seconds()
        with self.turn:
            try:
                while not self._stopping:
                    now_s = self._wall_seconds()
                    if self._settled:
                        if not self.paused:
                            passed_s = min(now_s - seen_s, _LEAP_MAX_S)
                            self._flow_us = kernel.now_us + round(passed_s * 1_000_000 * self.speed)
                        seen_s = now_s
                    self._step(max(self._flow_us, self._wanted_us, kernel.now_us))
                    self.turn.notify_all()
                    self.turn.wait(_PERIOD_S if self._settled else _YIELD_S)
                kernel.close()
            except BaseException as error:
                self.broken = error
                self.turn.notify_all()
                self._on_broken()

    def _step(self, until_us: int) -> None:
        self._settled = False
        try:
            self._settled = self._kernel.run(until_us=until_us, events_max=_EVENTS_MAX) is StopReason.UNTIL
        except Exception as error:
            # A worker may fail on what clients write. It dies, as it would with AWS; others continue.
            self._complain(f"{error}")
