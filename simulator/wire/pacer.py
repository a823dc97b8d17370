"""Virtual time at a speed of the host's, for those who look at a world while it runs.

Owns the one thread in which the kernel runs: its greenlets are bound to the thread that first switched to them. Whoever
else reads or changes the world holds `turn` meanwhile.
"""

import threading
from collections.abc import Callable
from typing import Final

from drsim.simulator.kernel import Kernel, StopReason

_PERIOD_S: Final = 0.02
_YIELD_S: Final = 0.001
_EVENTS_MAX: Final = 50
"""Events between two looks at who else waits: each may be a write of some milliseconds."""
_LEAP_MAX_S: Final = 1.0
"""More of the host's time than that at once was a sleep of the host's: virtual time does not leap."""


class StoppedError(Exception):
    """Virtual time has come to its end, and nobody can advance it."""


class Pacer:
    """Lets virtual time pass `speed` times as fast as `wall_seconds` does, unless it is paused.

    A process or action that fails ends alone, and `complain` hears why. What is wrong with the simulation itself ends
    virtual time: it is then in `broken`, and `on_broken` is called.
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
        self._on_broken: Callable[[], object] = _nothing
        # Where virtual time goes of itself, where somebody wants it to be, and whether all that is due has happened.
        self._flow_us = kernel.now_us
        self._wanted_us = kernel.now_us
        self._settled = True
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="virtual time", daemon=True)

    def start(self, *, on_broken: Callable[[], object]) -> None:
        """Begin."""
        self._on_broken = on_broken
        self._thread.start()

    def stop(self, seconds_max: float) -> None:
        """End, and let go of everything that is suspended, within that time or when the process ends."""
        with self.turn:
            self._stopping = True
            self.turn.notify_all()
        self._thread.join(seconds_max)

    def pause(self) -> None:
        """Let virtual time stand still, save for `advance`."""
        with self.turn:
            self.paused = True
            self._flow_us = self._kernel.now_us

    def resume(self) -> None:
        """Let it go on."""
        with self.turn:
            self.paused = False

    def advance(self, by_us: int) -> None:
        """Let so much virtual time pass at once, and return when it has. Raises StoppedError if that cannot be."""
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
        """Let some of what is due by then happen."""
        self._settled = False
        try:
            self._settled = self._kernel.run(until_us=until_us, events_max=_EVENTS_MAX) is StopReason.UNTIL
        except Exception as error:
            # What clients write may be more than a worker bears. It dies of that, as it would beside AWS; others go on.
            self._complain(f"{error}")


def _nothing() -> None:
    pass
