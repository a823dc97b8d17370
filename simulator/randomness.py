"""Randomness by name: every concern and entity has a stream of its own, derived from (seed, name).

A stream never depends on what others drew, so adding an execution or a fault does not disturb the rest of a run.
Streams are BLAKE2b in counter mode rather than `random.Random`: making one costs nothing (a poll has its own), the
numbers are the same on every Python and platform, and all arithmetic is on integers.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from math import isqrt
from struct import Struct

_WORDS = Struct("<8Q")
_WORD = 1 << 64


class Stream:
    """An endless sequence of random numbers."""

    __slots__ = ("_blocks", "_key", "_words")

    def __init__(self, seed: int, name: str) -> None:
        self._key = f"{seed}/{name}".encode()
        self._blocks = 0
        self._words: list[int] = []

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1, each as likely as the other (to 1 in 2**64 / limit).

        Raises ValueError for a limit that is not from 1 to 2**64.
        """
        if not 1 <= limit <= _WORD:
            raise ValueError(f"limit must be from 1 to 2**64, got {limit}")
        if not self._words:
            # Most streams end with their first block, and a salt of zeros is none.
            block = blake2b(self._key, salt=self._blocks.to_bytes(16, "little")) if self._blocks else blake2b(self._key)
            self._blocks += 1
            self._words = list(_WORDS.unpack(block.digest()))
        return self._words.pop() * limit >> 64

    def chance(self, probability: float) -> bool:
        """True with this probability (0 to 1)."""
        return self.below(_WORD) < probability * _WORD

    def hexadecimal(self, digits: int) -> str:
        """A text of so many lower-case hexadecimal digits (1 to 16)."""
        return f"{self.below(16**digits):0{digits}x}"

    def sample(self, population: int, size: int) -> list[int]:
        """`size` different whole numbers below `population`, in ascending order."""
        left = list(range(population))
        return sorted(left.pop(self.below(len(left))) for _ in range(min(size, population)))


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution of durations: uniform from `low_us` to `high_us`, or triangular if there is a mode."""

    low_us: int
    high_us: int
    mode_us: int | None = None

    def __post_init__(self) -> None:
        if not self.low_us <= (self.low_us if self.mode_us is None else self.mode_us) <= self.high_us:
            raise ValueError(f"low_us <= mode_us <= high_us must hold, got {self}")

    def draw(self, stream: Stream) -> int:
        """One duration, in microseconds. It always takes one number, so that no width shifts what is drawn later."""
        span = self.high_us - self.low_us
        if self.mode_us is None:
            return self.low_us + stream.below(span + 1)
        # The inverse of the triangular distribution function, on integers.
        rise = self.mode_us - self.low_us
        mass = stream.below(span + 1)
        if mass <= rise:
            return self.low_us + isqrt(mass * rise)
        return self.high_us - isqrt((span - mass) * (span - rise))


def exponential_us(stream: Stream, mean_us: int) -> int:
    """An exponentially distributed duration, by von Neumann's comparison method (1951): no logarithm, so no libm."""
    whole = 0
    while True:
        first = last = stream.below(_WORD)
        run = 1
        while (drawn := stream.below(_WORD)) < last:
            last = drawn
            run += 1
        if run % 2:
            return whole * mean_us + (first * mean_us >> 64)
        whole += 1


@contextmanager
def seeded_for_others(seed: int) -> Iterator[None]:
    """Seed the generator that code of others draws from (botocore's retries, handlers), and leave it as it was."""
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)
