"""What tests of the kernel have in common: a kernel that is closed at the end, and what is said when."""

from collections.abc import Iterator

import pytest

from drsim.simulator.kernel import Kernel


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    """A kernel with seed 7."""
    kernel = Kernel(seed=7)
    yield kernel
    kernel.close()


@pytest.fixture
def log() -> list[tuple[int, str]]:
    """Instants, and what happened then."""
    return []
