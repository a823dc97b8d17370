"""README and docs are true today: their commands run, their excerpts match the output, their examples work."""

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
from tests.planted_bugs.registry import ALONE

ROOT: Final = Path(__file__).resolve().parent.parent
README: Final = ROOT / "README.md"
USING: Final = ROOT / "docs" / "using.md"
CHECKS: Final = ROOT / "docs" / "checks.md"
EXPLORING: Final = ROOT / "docs" / "exploring.md"
EVIDENCE: Final = ROOT / "docs" / "evidence.md"
HANDLERS: Final = ROOT / "docs" / "first-hour-your-handlers.md"
FIRST_HOUR: Final = ROOT / "docs" / "first-hour.md"
REPORTS: Final = ROOT / "docs" / "reports.md"
CI: Final = ROOT / "docs" / "ci.md"
SCENARIOS: Final = ROOT / "docs" / "scenarios.md"
LINKED: Final = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of that language."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [text for found, text in fenced if found == language]


def commands(page: Path) -> list[str]:
    lines = "".join(blocks(page, "console")).replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines]


def printed_by(page: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Run the page's drsim commands in that folder, check their exit codes, and return the lines that they print.

    Commands that copy files run, too. Scenarios that the page shows are files of their names.
    """
    (folder / "examples").symlink_to(ROOT / "examples")
    for text in blocks(page, "yaml"):
        if name := re.match(r"name: (\S+)\ntitle: ", text):
            (folder / f"{name[1]}.yaml").write_text(text, encoding="utf-8")
    for line in commands(page):
        if line.startswith("cp "):
            subprocess.run(shlex.split(line), check=True, cwd=folder)
        if line.startswith("drsim "):
            command, _, code = line.partition("# exit ")
            words = shlex.split(command.partition(" > ")[0].replace("/tmp/out", str(folder / "out")))
            # Readers are at the top of the repository, where the planted bugs of these pages are.
            trust = ["--trust"] if words[1] in ("replay", "shrink") or "--campaign" in words else []
            assert main([*words[1:], *trust]) == int(code or 0), line
    return [line.rstrip() for line in timeless(capsys.readouterr().out).splitlines()]


def timeless(text: str) -> str:
    return re.sub(r"in \d+(\.\d+)?( s| ms|s)\b", "in ? s", text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "language"),
    [(README, ""), (EXPLORING, "text"), (FIRST_HOUR, "text"), (HANDLERS, "text"), (EVIDENCE, "text")],
    ids=["README", "exploring", "first-hour", "first-hour-your-handlers", "evidence"],
)
def test_commands_run_and_print_the_excerpt_of_the_page(
    page: Path, language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    printed = printed_by(page, tmp_path, capsys)
    for line in timeless("".join(blocks(page, language))).splitlines():
        assert line.strip() in ("", "...") or line in printed, line


@pytest.mark.slow
@pytest.mark.parametrize("page", [USING, REPORTS, CI], ids=["using", "reports", "ci"])
def test_commands_of_the_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert printed_by(page, tmp_path, capsys)


def test_the_two_commands_come_first_and_name_sessions_that_exist() -> None:
    first, second = commands(README)[:2]
    assert (first, second) == ("python3 noxfile.py -s acceptance", "python3 noxfile.py -s tests")
    source = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    for command in (first, second):
        assert f"def {command.split()[-1]}(session: nox.Session)" in source
    assert second in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_readme_is_at_most_150_lines_long() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def test_the_python_example_runs() -> None:
    (code,) = blocks(USING, "python")
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)


@pytest.mark.parametrize("page", [README, SCENARIOS, FIRST_HOUR], ids=["README", "scenarios", "first-hour"])
def test_the_example_scenario_passes(page: Path) -> None:
    text = blocks(page, "yaml")[0]
    assert run(parse(text, page.name), seed=1).result.verdict == "pass"


def test_every_property_is_listed() -> None:
    listed = CHECKS.read_text(encoding="utf-8")
    for monitor in PROPERTIES:
        assert f"| `{monitor.name}` |" in listed


def test_each_property_has_the_bug_that_it_alone_finds() -> None:
    section = CHECKS.read_text(encoding="utf-8").partition("### The bug that each property is for")[2]
    rows = re.findall(r"^\| `([\w-]+)` \| [^|]+ \| `([\w-]+)` \|$", section, re.MULTILINE)
    planted = [(bug.caught_by, bug.scenario) for bug in ALONE]
    assert sorted(rows) == sorted([*planted, ("least-privilege", "drill")])
    assert {name for name, _ in rows} == {monitor.name for monitor in PROPERTIES}


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target
