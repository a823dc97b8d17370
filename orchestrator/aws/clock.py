"""The host's clock. No other file of the deployed functions reads it."""

import time


class SystemClock:
    """A `Clock` that reads the system time."""

    def now_us(self) -> int:
        return time.time_ns() // 1_000

    def sleep_us(self, duration_us: int) -> None:
        time.sleep(duration_us / 1_000_000)
