"""Randomness by name: each concern and entity has its own stream, derived from (seed, name).

Streams are independent, so adding an execution or a fault does not disturb the rest of a run. They are BLAKE2b in
counter mode: unlike `random.Random` they are cheap to make, and the same on every Python and platform.
"""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from math import isqrt
from struct import Struct
from types import MethodType
from typing import Any

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
        """Draw an integer from 0 to `limit` - 1, uniformly (to 1 in 2**64 / limit).

        Raises ValueError for a limit that is not from 1 to 2**64.
        """
        if not 1 <= limit <= _WORD:
            raise ValueError(f"limit must be from 1 to 2**64, got {limit}")
        if not self._words:
            self._words = list(_WORDS.unpack(self._block()))
        return self._words.pop() * limit >> 64

    def octets(self, size: int) -> bytes:
        """Draw `size` bytes, from blocks of their own."""
        return b"".join(self._block() for _ in range(0, size, _WORDS.size))[:size]

    def chance(self, probability: float) -> bool:
        """Draw True with this probability (0 to 1)."""
        return self.below(_WORD) < probability * _WORD

    def hexadecimal(self, digits: int) -> str:
        """Draw a text of 1 to 16 lower-case hexadecimal digits."""
        return f"{self.below(1 << 4 * digits):0{digits}x}"

    def sample(self, population: int, size: int) -> list[int]:
        """Draw `size` different integers below `population`, in ascending order."""
        left = list(range(population))
        return sorted(left.pop(self.below(len(left))) for _ in range(min(size, population)))

    def _block(self) -> bytes:
        # Most streams need one block, and a salt of zeros equals no salt.
        block = blake2b(self._key, salt=self._blocks.to_bytes(16, "little")) if self._blocks else blake2b(self._key)
        self._blocks += 1
        return block.digest()


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution of durations: uniform from `low_us` to `high_us`, or triangular if there is a mode."""

    low_us: int
    high_us: int
    mode_us: int | None = None

    def __post_init__(self) -> None:
        mode_us = self.low_us if self.mode_us is None else self.mode_us
        if not self.low_us <= mode_us <= self.high_us:
            raise ValueError(f"low_us <= mode_us <= high_us must hold, got {self}")

    def draw(self, stream: Stream) -> int:
        """Draw a duration in microseconds. It always takes one number, so that no width shifts later draws."""
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
    """Draw an exponentially distributed duration by von Neumann's comparison method (1951), which needs no libm."""
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
    """Seed what botocore's retries and handlers draw: `random`, `os.urandom`, and so `uuid4` and `secrets`.

    Generators made without a seed take one from a stream. Restores all afterwards.
    """
    entropy, seeds = Stream(seed, "os.urandom"), Stream(seed, "random.Random")
    real = random.Random.seed

    def urandom(size: int, /) -> bytes:
        if size < 0:
            raise ValueError("negative argument not allowed")
        return entropy.octets(size)

    def seeded(self: random.Random, a: Any = None, version: int = 2) -> None:
        real(self, seeds.below(_WORD) if a is None else a, version)

    state = random.getstate()
    random.seed(seed)
    # `random` has imported os.urandom by another name, for SystemRandom, and bound `seed` to the global generator.
    bound: Any = random.seed
    places: tuple[tuple[Any, str, Any], ...] = (
        (os, "urandom", urandom),
        (random, "_urandom", urandom),
        (random.Random, "seed", seeded),
        (random, "seed", MethodType(seeded, bound.__self__)),
    )
    before = [getattr(owner, name) for owner, name, _ in places]
    try:
        for owner, name, value in places:
            setattr(owner, name, value)
        yield
    finally:
        for (owner, name, _), value in zip(places, before, strict=True):
            setattr(owner, name, value)
        random.setstate(state)
