"""The host's clock. No other file of the deployed functions reads it."""

import time


class SystemClock:
    """`Clock` over the wall clock."""

    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""
        return time.time_ns() // 1_000

    def sleep_us(self, duration_us: int) -> None:
        """Return after `duration_us` have passed."""
        time.sleep(duration_us / 1_000_000)
