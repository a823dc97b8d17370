"""A recorded run that tests of evidence share."""

import shutil
from pathlib import Path

import pytest

from drsim.cli import main


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run, which tests must not change."""
    out = tmp_path_factory.mktemp("runs")
    assert main(["run", "drill", "--by", "Ann", "--out", str(out)]) == 0
    return out / "drill-1"


@pytest.fixture
def filed(recorded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The same, to be changed."""
    capsys.readouterr()
    return shutil.copytree(recorded, tmp_path / "runs" / recorded.name)
