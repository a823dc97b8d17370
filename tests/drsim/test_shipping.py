"""What workers are sent, of packages and of what else lies in their folders."""

import io
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

pytestmark = pytest.mark.slow

ROOT: Final = Path(__file__).resolve().parents[2]


def names_sent_of(folder: Path) -> list[str]:
    """What the archive holds, where the packages lie there."""
    script = f"import sys; sys.path.insert(0, {str(folder)!r}); from drsim import shipping; o = sys.stdout.buffer"
    command = [sys.executable, "-P", "-c", f"{script}; o.write(shipping.archive())"]
    done = subprocess.run(command, capture_output=True, check=True, cwd=folder)
    return zipfile.ZipFile(io.BytesIO(done.stdout)).namelist()


def test_workers_are_sent_the_packages_and_no_other_file(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "drsim", tmp_path / "drsim", ignore=shutil.ignore_patterns("__pycache__"))
    sent = names_sent_of(tmp_path)
    assert {Path(name).suffix for name in sent} == {".py", ".typed", ".yaml", ".j2", ".css", ".js"}
    secret = tmp_path / "secret.pem"
    for path in (
        secret,
        tmp_path / "drsim" / ".env",
        tmp_path / "drsim" / ".cli.py.swp",
        tmp_path / "drsim" / "old.zip",
    ):
        path.write_text("a secret\n", encoding="utf-8")
    (tmp_path / "drsim" / "scenarios" / "linked.yaml").symlink_to(secret)
    (tmp_path / "drsim" / "scenarios" / "linked.py").symlink_to(tmp_path / "drsim" / "scenarios" / "files.py")
    assert names_sent_of(tmp_path) == sorted([*sent, "drsim/scenarios/linked.py"])
