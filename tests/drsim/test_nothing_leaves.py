"""No command but `serve` and `explore --engine dask` opens a connection, and none reads a user's files for AWS."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from drsim.cli import app

pytestmark = pytest.mark.slow

GUARD = """\
import os, sys

def seen(event, arguments):
    if event == "socket.bind" and arguments[1] == ("::1", 0):
        # urllib3 tries whether this machine has IPv6. The socket neither listens nor connects.
        return
    if event in ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        what = f"{event} {arguments[1:]}"
    elif event == "open" and ".aws" in str(arguments[0]):
        what = f"open {arguments[0]}"
    else:
        return
    with open(os.environ["GUARD_LOG"], "a") as log:
        log.write(f"{' '.join(sys.argv)}: {what}\\n")

sys.addaudithook(seen)
"""
OURS = "drsim.orchestrator.entrypoints"
HANDLERS = ["--finder", f"{OURS}:finder_handler", "--poller", f"{OURS}:poller_handler"]
BUG = ["--parts", "tests.planted_bugs.registry:BUGS:ForgetsItsOwnWrite"]
_POLLING = Path(__file__).resolve().parents[2] / "examples" / "polling_mended"
EXAMPLE = [
    "--finder",
    f"{_POLLING}/finder/app.py:lambda_handler",
    "--poller",
    f"{_POLLING}/poller/app.py:lambda_handler",
]
EXAMPLE += ["--path", f"{_POLLING}/layer"]
COMMANDS = [
    ["--version"],
    ["list"],
    ["list", "--json"],
    ["show", "drill"],
    ["schema", "result"],
    ["schema", "scenario"],
    ["schema", "contract"],
    ["init", "mine"],
    ["init", "theirs", *EXAMPLE],
    ["check", "mine/simulation/contract.yaml", "mine/simulation/failover.yaml"],
    ["run", "mine/simulation/failover.yaml"],
    ["run", "idle", "cancelled", "--seed", "1"],
    ["run", "idle", "--seeds", "1-2", "--quiet"],
    ["run", "drill", "--seed", "2", "--tier", "client", "--trace", "chrome"],
    ["run", "drill", "--seed", "3", "--tier", "wire"],
    ["run", "drill", "--seed", "4", *HANDLERS],
    ["explore", "chaos", "--seeds", "28", "--jobs", "2", *BUG],
    ["explore", "idle", "--seeds", "1-2", "--jobs", "1", *HANDLERS],
    ["explore", "drill", "--crash-points", "--jobs", "2"],
    ["replay", "drsim-runs/explore-chaos/failures/metrics-complete-28.yaml", "--trust"],
    ["shrink", "drsim-runs/explore-chaos/failures/metrics-complete-28.yaml", "--trust"],
    ["report", "--campaign", "drsim-runs/explore-chaos", "--trust"],
    ["report", "drsim-runs"],
    ["logs", "drsim-runs/idle-1"],
    ["compare", "drsim-runs/drill-2", "drsim-runs/drill-3"],
    ["trend", "drsim-runs"],
    ["sign", "drsim-runs/drill-4", "--as", "Bo", "--role", "lead"],
    ["verify", "drsim-runs"],
    ["contract", *EXAMPLE],
]
LISTENING = {"serve"}
"""Commands that open a port; tests of their own show who reaches it."""
PLUGIN = """\
import pytest

@pytest.mark.drsim(scenario="idle", seeds=[1, 2])
def test_fast(drsim_run):
    assert drsim_run.verdict == "pass"

@pytest.mark.drsim(scenario="drill", tier="wire")
def test_wire(drsim_run):
    assert drsim_run.verdict == "pass"
"""


@pytest.fixture
def guarded(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with files for AWS, in which each Python process has the guard."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\nregion = eu-west-1\n", encoding="utf-8")
    (tmp_path / ".aws" / "credentials").write_text("[default]\naws_access_key_id = REAL\n", encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join((str(tmp_path / "guard"), root))
    return {**clean, "HOME": str(tmp_path), "PYTHONPATH": paths, "GUARD_LOG": str(tmp_path / "log")}


def test_each_registered_command_runs_under_the_guard() -> None:
    registered = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined] # of a group
    assert registered == {words[0] for words in COMMANDS if words[0] != "--version"} | LISTENING


def test_no_command_connects_or_reads_files_for_aws(tmp_path: Path, guarded: dict[str, str]) -> None:
    for words in COMMANDS:
        command = [sys.executable, "-m", "drsim", *words]
        done = subprocess.run(command, cwd=tmp_path, env=guarded, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), (words, done.stderr)
        assert not (tmp_path / "log").exists(), (tmp_path / "log").read_text(encoding="utf-8")


def test_pytest_with_the_plugin_neither_connects_nor_reads_files_for_aws(
    tmp_path: Path, guarded: dict[str, str]
) -> None:
    (tmp_path / "test_drills.py").write_text(PLUGIN, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_drills.py"]
    done = subprocess.run(command, cwd=tmp_path, env=guarded, capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout
    assert not (tmp_path / "log").exists(), (tmp_path / "log").read_text(encoding="utf-8")


def test_guard_sees_connections_and_files_of_processes_and_their_children(
    tmp_path: Path, guarded: dict[str, str]
) -> None:
    code = (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, '-P', '-c', \"import os; open(os.path.expanduser('~/.aws/config'))\"])\n"
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', 9))\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=guarded, check=True)
    read, connected = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert "open" in read
    assert "config" in read
    assert "socket.connect" in connected
