"""The command itself: its version, completion, and commands that work where it is not on PATH."""

import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest

from drsim.cli import main
from drsim.program import runnable

ROOT: Final = Path(__file__).resolve().parent.parent.parent
FOLDER: Final = Path(sys.executable).parent


def test_version_is_that_of_pyproject(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert capsys.readouterr().out.split()[:2] == ["drsim", declared]


def test_command_stays_plain_where_path_has_this_drsim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(FOLDER))
    assert runnable("drsim run drill --seed 1") == "drsim run drill --seed 1"
    assert runnable("pytest tests") == "pytest tests"


@pytest.mark.parametrize("command", ["drsim --version", "pytest --version"])
def test_command_gets_a_path_that_works_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    other = tmp_path / "drsim"
    other.write_text("#!/bin/sh\nexit 9\n", encoding="utf-8")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    shown = runnable(command)
    assert shown == f"{shlex.quote(str(FOLDER / command.split(maxsplit=1)[0]))} --version"
    assert subprocess.run(["/bin/sh", "-c", shown], check=False, capture_output=True).returncode == 0


def test_path_below_the_current_folder_is_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "bin" / "drsim"
    script.parent.mkdir()
    script.write_text("", encoding="utf-8")
    monkeypatch.setattr(sys, "executable", str(script.with_name("python")))
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)
    assert runnable("drsim list") == "bin/drsim list"
    monkeypatch.chdir(script.parent)
    assert runnable("drsim list") == f"{script} list"
    script.unlink()
    assert runnable("drsim list") == f"{script.with_name('python')} -m drsim list"


def test_summary_prints_the_path_and_the_result_keeps_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.chdir(tmp_path)
    assert main(["run", "idle", "--set", "duration=2m"]) == 0
    shown = capsys.readouterr().out
    assert f"  replay  {shlex.quote(str(FOLDER / 'drsim'))} run idle --seed 1 --set duration=2m\n" in shown
    assert '"drsim run idle --seed 1' in Path("drsim-runs/idle-1/result.json").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(("typed", "offered"), [("drsim run fault-th", "fault-throttled"), ("drsim che", "check")])
def test_shell_completes_commands_and_scenarios(typed: str, offered: str) -> None:
    variables = {"_DRSIM_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "drsim"], check=False, capture_output=True, text=True, env={**os.environ, **variables}
    )
    assert done.stdout.split() == [offered]
