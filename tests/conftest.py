"""Fixtures and settings of all tests."""

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

try:
    import freezegun
except ImportError:
    # `nox -s production` installs the requirements of production code alone.
    pass
else:
    # pytest reports the duration of tests, so it must not read a frozen clock.
    freezegun.configure(extend_ignore_list=["_pytest.timing"])

try:
    from xdist.workermanage import NodeManager
except ImportError:
    # As above.
    pass
else:
    # A worker writes what it covered at its end, and 10 s are too few on a busy machine: xdist would kill it.
    NodeManager.EXIT_TIMEOUT = 120

if TYPE_CHECKING:
    from drsim.scenarios.result import Result

# A deadline would fail correct code on a busy machine. `nox -s bench` measures speed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# xdist gives its workers 80 columns, to which output would be folded; a pipe has no width.
os.environ.pop("COLUMNS", None)


@pytest.fixture(scope="session")
def phase_2() -> "Result":
    """The result of phase-2 with seed 1."""
    # Imported late: mutmut runs the tests of `orchestrator` where the other packages cannot be imported.
    from tests.catalogue import run_of

    return run_of("phase-2").result
