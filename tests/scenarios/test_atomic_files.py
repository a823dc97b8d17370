"""Places beside files: those of killed processes are removed, and those of others stay."""

import subprocess
import sys
from pathlib import Path

import pytest

from drsim.scenarios.atomic_files import beside, replaced

HOLDS = """\
import pathlib, sys
from drsim.scenarios.atomic_files import beside
with beside(pathlib.Path(sys.argv[1])) as place:
    place.write_text("half")
    print("ready", flush=True)
    input()
"""


@pytest.mark.slow
def test_place_stays_while_its_process_lives_and_goes_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "trace.gz"
    command = [sys.executable, "-c", HOLDS, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        (left,) = tmp_path.iterdir()
        with beside(path):
            assert (left / "trace.gz").read_text() == "half"
        process.kill()
        process.wait()
    with beside(tmp_path / "other.gz"):
        assert left.exists()
    with beside(path):
        assert not left.exists()
    assert list(tmp_path.iterdir()) == []


def test_folders_of_other_names_stay(tmp_path: Path) -> None:
    names = [".a.yaml.original", ".a.yaml.12345678.parts", ".b.yaml.12345678.part", "a.yaml.12345678.part"]
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / ".a.yaml.12345678.part").write_text("a file", encoding="utf-8")
    with replaced(tmp_path / "a.yaml") as place:
        place.write_text("whole", encoding="utf-8")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, ".a.yaml.12345678.part", "a.yaml"])
