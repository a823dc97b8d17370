"""Fixtures: one browser for all these tests, real reports on disk, and visits that must cause no fault."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from drsim.outputs import write
from drsim.scenarios.runner import Run
from tests.browser import chromium
from tests.catalogue import run_of

if TYPE_CHECKING:
    from tests.browser.visits import Browser, Visits

# This seed of chaos has permanent and temporary fault rules, failed polls, and four different final statuses.
SEEDS: Final = {"phase-2": 1, "load-100": 1, "chaos": 55}


@pytest.fixture(scope="package")
def browser() -> "Iterator[Browser]":
    """The browser. Without one the tests are skipped, except in CI, where they fail."""
    from tests.browser.visits import launched

    try:
        with launched() as found:
            yield found
    except chromium.MissingError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI needs a browser: {error}", pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
def visits(browser: "Browser") -> "Iterator[Visits]":
    """Opens pages. The test fails if a page writes to the console or requests anything."""
    from tests.browser.visits import Visits

    opened = Visits(browser)
    yield opened
    opened.close()
    assert opened.faults == []


@pytest.fixture(scope="package")
def runs() -> dict[str, Run]:
    """Real runs, by scenario."""
    return {name: run_of(name, seed) for name, seed in SEEDS.items()}


@pytest.fixture(scope="package")
def reports(runs: dict[str, Run], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The path of each run's report, written as by `drsim run`."""
    out = tmp_path_factory.mktemp("reports")
    for name, done in runs.items():
        assert write(done, out / f"{name}-{SEEDS[name]}") == ()
    return {name: out / f"{name}-{SEEDS[name]}" / "report.html" for name in runs}
