"""What the base install runs, and what each command says where a package of an extra is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

EXTRAS = (
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "cloudpickle",
    "dask",
    "distributed",
    "flask",
    "freezegun",
    "hypothesis",
    "moto",
    "pandas",
    "pytest",
)


def drsim(*words: str, missing: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a Python that cannot import these packages."""
    hidden = f"import sys; sys.modules.update(dict.fromkeys({missing!r}))"
    script = f"{hidden}; from drsim.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-W", "error", "-c", script, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=folder)


@pytest.mark.slow
def test_base_install_runs_first_commands_of_readme(tmp_path: Path) -> None:
    for words in (
        ["list"],
        ["run", "drill", "--seed", "7"],
        ["run", "chaos", "--trace", "chrome"],
        ["explore", "drill", "--seeds", "1-2", "--jobs", "1"],
        ["report", "drsim-runs/drill-7"],
        ["compare", "drsim-runs/drill-7", "drsim-runs/drill-7", "--html", "compare.html"],
        ["schema"],
    ):
        done = drsim(*words, missing=EXTRAS, folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, ""), words


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "user", "package", "extra"),
    [
        (["explore", "drill", "--engine", "dask"], "--engine dask", "distributed", "cluster"),
        (["run", "idle", "--tier", "wire"], "idle, seed 1: the wire tier", "moto", "wire"),
        (
            ["run", "idle", "--tier", "wire", *["--finder", "f:h", "--poller", "p:h"]],
            "idle, seed 1: the wire tier",
            "boto3",
            "wire",
        ),
        (
            ["run", "idle", "--finder", "f:h", "--poller", "p:h"],
            "idle, seed 1: the client tier",
            "freezegun",
            "client",
        ),
        (["serve"], "serve", "flask", "wire"),
    ],
)
def test_missing_package_names_its_extra(words: list[str], user: str, package: str, extra: str, tmp_path: Path) -> None:
    done = drsim(*words, missing=(package,), folder=tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    assert f"drsim: {user} needs more than is installed (" in done.stderr
    assert package in done.stderr
    assert done.stderr.endswith(f'): pip install "drsim[{extra}]"\n')
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_frames_without_pandas_name_their_extra(tmp_path: Path) -> None:
    script = "import sys; sys.modules['pandas'] = None; import drsim.reports.frames"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "drsim.reports.frames needs more than is installed" in done.stderr
    assert done.stderr.endswith('pip install "drsim[frames]"\n')
