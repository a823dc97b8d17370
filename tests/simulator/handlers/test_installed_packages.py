"""Installed packages that functions share with later runs of the process."""

import sys
from pathlib import Path

import pytest

from tests.simulator.handlers.test_concurrency import played
from tests.simulator.handlers.test_handlers import outcomes

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tier")]

INSTALLED = """\
import threading
from concurrent.futures import ThreadPoolExecutor
from time import sleep

LOCK = threading.Lock()

def results(work, items):
    sleep(0.5)
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(work, items))
"""
HOLDS_A_LOCK = """\
import drsim_installed
shown(drsim_installed.results(work, (1, 2, 3)), drsim_installed.LOCK.locked())
drsim_installed.LOCK.acquire()"""


def test_installed_package_of_an_earlier_run_serves_later_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function imports it first, and it stays loaded: it keeps a pool's class, a sleep, and a held lock."""
    folders = [tmp_path / "site-packages", tmp_path / "functions"]
    for folder in folders:
        folder.mkdir()
    (folders[0] / "drsim_installed.py").write_text(INSTALLED, encoding="utf-8")
    monkeypatch.syspath_prepend(folders[0])
    try:
        runs = [played(folders[1], HOLDS_A_LOCK) for _ in range(2)]
    finally:
        del sys.modules["drsim_installed"]
    assert [(seen.lines, outcomes(seen)) for seen in runs] == [(["[1, 2, 3] False 3.5"], ["ok"])] * 2
