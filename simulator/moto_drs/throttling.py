"""Throttling of calls by token buckets, which are off unless set: AWS publishes no rates of DRS."""

import math
from dataclasses import dataclass, field

from drsim.simulator.drs_api.region import DrsRegion
from drsim.simulator.moto_drs.exceptions import ThrottlingError


@dataclass(slots=True)
class Bucket:
    """Allows `burst` calls at once, and `rate` a second in the long run. It begins full."""

    rate: float
    burst: int
    tokens: float = field(init=False)
    filled_us: int | None = None
    """Up to when it was filled. A clock that has gone back adds nothing."""

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def take(self, now_us: int) -> float:
        """Take a token. Return 0, or the seconds until there is one if there is none."""
        if self.filled_us is not None:
            self.tokens = min(self.burst, self.tokens + max(0, now_us - self.filled_us) * self.rate / 1_000_000)
        self.filled_us = now_us
        if self.tokens >= 1:
            self.tokens -= 1
            return 0
        return (1 - self.tokens) / self.rate


@dataclass(slots=True)
class Throttles:
    """The buckets of an account and Region, by operation; the one of "" is for all calls together."""

    buckets: dict[str, Bucket] = field(default_factory=dict)


def check(region: DrsRegion, operation: str) -> None:
    """Raise ThrottlingError, with the seconds to wait, for a call beyond a rate."""
    buckets = region.part(Throttles).buckets
    for name in (operation, ""):
        if name in buckets and (wait_s := buckets[name].take(region.frame.now_us)):
            raise ThrottlingError(retry_after_s=math.ceil(wait_s))
