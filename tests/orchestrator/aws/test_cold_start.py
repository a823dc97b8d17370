"""Import of the entry points in a new process: which modules it loads, and that it has no side effect."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

PROBE = """
import logging, os, sys, threading
before = set(os.environ)
import watcher.entrypoints
assert set(os.environ) == before
assert threading.active_count() == 1, threading.enumerate()
assert logging.getLogger("watcher").handlers == [], "a handler"
assert logging.getLogger().handlers == [], "a handler of the root logger"
assert sys.modules["boto3"].DEFAULT_SESSION is None, "a session"
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.mark.slow
def test_bundle_of_any_name_imports_only_what_lambda_has(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "drsim" / "orchestrator", tmp_path / "watcher")
    settings = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", PROBE], env=settings, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    imported = set(done.stdout.split())
    assert {"watcher", "boto3", "botocore", "aws_lambda_powertools"} <= imported
    developers_own = {"drsim", "orchestrator", "reports", "scenarios", "simulator", "tests", "pytest"}
    heavy = {"moto", "freezegun", "greenlet", "jinja2", "numpy", "pandas", "pydantic", "requests", "rich", "yaml"}
    assert imported & (developers_own | heavy) == set()
