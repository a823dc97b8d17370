"""Fixtures and settings of all tests."""

from typing import TYPE_CHECKING

import freezegun
import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from drsim.scenarios.result import Result

# A deadline would fail correct code on a busy machine: speed is for `nox -s bench`.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# pytest reports how long tests take: it must not read the clock that a test has frozen.
freezegun.configure(extend_ignore_list=["_pytest.timing"])


@pytest.fixture(scope="session")
def phase_2() -> "Result":
    """The result of phase-2 with seed 1."""
    # Not at the top: mutmut runs the tests of `orchestrator` where no other package can be imported.
    from tests.catalogue import run_of

    return run_of("phase-2").result
