"""README tells the truth of today: its commands run, its excerpt is what they print, its examples work."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from drsim.cli import main
from drsim.scenarios.files import parse
from drsim.scenarios.runner import run
from drsim.simulator.checks import PROPERTIES

ROOT: Final = Path(__file__).resolve().parent.parent
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of that language."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [text for found, text in fenced if found == language]


def commands() -> list[str]:
    return [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]


HUNTING = ("drsim explore ", "drsim replay ", "drsim report --campaign ")


@pytest.mark.slow
def test_the_commands_that_hunt_a_bug_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in (line for line in commands() if line.startswith(HUNTING)):
        command, _, code = line.partition("# exit ")
        assert main(shlex.split(command)[1:]) == int(code or 0), line
    printed = [timeless(line) for line in capsys.readouterr().out.splitlines()]
    (story,) = blocks("text")
    for told in timeless(story).splitlines():
        assert told.strip() == "..." or told in printed, told


@pytest.mark.slow
def test_the_other_commands_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for line in (line for line in commands() if line.startswith("drsim ") and not line.startswith(HUNTING)):
        words = line.partition(" > ")[0].replace("/tmp/out", str(tmp_path / "out")).split()
        assert main(words[1:]) == 0, line


def test_the_two_commands_come_first_and_name_sessions_that_exist() -> None:
    first, second = commands()[:2]
    assert (first, second) == ("python3 noxfile.py -s acceptance", "python3 noxfile.py -s tests")
    source = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    for command in (first, second):
        assert f"def {command.split()[-1]}(session: nox.Session)" in source
    assert second in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_excerpt_is_what_the_command_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "load-100", "--out", str(tmp_path)]) == 0
    printed = timeless(capsys.readouterr().out.replace(str(tmp_path), "build/acceptance"))
    (excerpt,) = blocks("")
    for line in timeless(excerpt).splitlines():
        if line.strip() and line.strip() != "...":
            assert line in printed.splitlines(), line


def timeless(text: str) -> str:
    return re.sub(r"in \d+\.\d\d s|in \d+(\.\d)?s", "in ? s", text)


def test_the_python_example_runs() -> None:
    (code,) = blocks("python")
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)


def test_the_example_scenario_passes() -> None:
    (text,) = blocks("yaml")
    assert run(parse(text, "README.md"), seed=1).result.verdict == "pass"


def test_every_property_is_listed() -> None:
    for monitor in PROPERTIES:
        assert f"`{monitor.name}`" in README


def test_every_link_to_a_file_leads_to_one() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
