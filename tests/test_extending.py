"""docs/extending.md is true: each of its recipes is followed in a copy of this repository."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "extending.md"
FIGURE: Final = "A figure with a chart"
STATUS: Final = "A status"
RECIPES: Final = (
    "A fault kind",
    "A property",
    FIGURE,
    STATUS,
    "A command",
)
LINES_MAX: Final = 40
"""What fits on one screen, without the fences of code blocks, which a rendered page does not show."""

_FENCED: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PLACE: Final = re.compile(r'(?:#|<!--) (\S+\.\w+)(?:, (before|after) "(.*)")?(?: -->)?\n')


class Block(NamedTuple):
    """One block of code: its language, its text, and the file and position named in its first line, "" for none."""

    language: str
    text: str
    path: str = ""
    position: str = ""
    anchor: str = ""


def recipe(title: str) -> str:
    """The section of the page with this title."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def blocks(title: str) -> list[Block]:
    """The code blocks of the recipe."""
    made = []
    for language, text in _FENCED.findall(recipe(title)):
        place = _PLACE.match(text) if language not in ("console", "text") else None
        made.append(Block(language, text[place.end() :], *place.groups(default="")) if place else Block(language, text))
    return made


def apply(block: Block, folder: Path) -> None:
    """Write the block to its file in the folder, at its position; two empty lines set off functions and classes."""
    path = folder / block.path
    if not block.position:
        before = f"{path.read_text(encoding='utf-8')}\n\n" if path.exists() else ""
        path.write_text(before + block.text, encoding="utf-8")
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    found = [number for number, line in enumerate(lines) if line.startswith(block.anchor)]
    assert len(found) == 1, f"{PAGE.name}: one line of {block.path} must begin with {block.anchor!r}, got {len(found)}"
    gap = "\n\n" if block.text.startswith(("def ", "class ", "@")) else ""
    lines.insert(found[0] + (block.position == "after"), block.text + gap)
    path.write_text("".join(lines), encoding="utf-8")


def follow(title: str, folder: Path, without: str = "") -> None:
    """Apply the recipe's blocks, except for one file."""
    for block in blocks(title):
        if block.path and block.path != without:
            apply(block, folder)


def commands(title: str) -> list[str]:
    """The commands of the recipe, each with the exit code that it must have if that is not 0."""
    text = "".join(block.text for block in blocks(title) if block.language == "console")
    return [line.removeprefix("$ ") for line in text.splitlines()]


def run(line: str, folder: Path) -> str:
    """Run a command of the page in the folder, check its exit code, and return what it prints."""
    command, _, code = line.partition("# exit ")
    python, *words = shlex.split(command)
    assert python == "python"
    # Coverage would look for the copy's modules when they are gone.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == int(code or 0), f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the files that git tracks, with its symbolic links."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip(f"git lists no files: {listed.stderr.strip()}")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name, follow_symlinks=False)
    return tmp_path


def test_page_has_the_recipes_and_each_fits_a_screen() -> None:
    titles = re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    # All operations of DRS are there, so that section has nothing to add.
    assert [title for title in titles if title != "An operation of DRS"] == [*RECIPES]
    for title in titles:
        shown = [line for line in recipe(title).splitlines() if not line.startswith("```")]
        assert len(shown) <= LINES_MAX, title


@pytest.mark.slow
@pytest.mark.parametrize("title", [title for title in RECIPES if title != STATUS])
def test_recipe_works_in_a_copy(title: str, copy: Path) -> None:
    follow(title, copy)
    for line in commands(title):
        run(line, copy)
    if title == FIGURE:
        assert 'id="item-size"' in (copy / "drsim-runs/phase-2-1/report.html").read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("title", "path"),
    [
        ("A fault kind", "scenarios/catalogue/fault-write-repeated.yaml"),
        ("A property", "docs/checks.md"),
        ("A property", "tests/planted_bugs/registry.py"),
    ],
)
def test_recipe_without_a_block_that_tests_demand_fails(title: str, path: str, copy: Path) -> None:
    follow(title, copy, without=path)
    for line in commands(title):
        if line.startswith("python -m tests."):
            run(line, copy)
        elif line.startswith("python -m pytest "):
            assert " failed" in run(f"{line} # exit 1", copy)


@pytest.mark.slow
def test_mypy_names_exactly_what_a_new_status_lacks(copy: Path) -> None:
    """All other recipes are followed first, so mypy also judges their code, and that they work together."""
    for title in RECIPES:
        if title != STATUS:
            follow(title, copy)
    entry, further = (block for block in blocks(STATUS) if block.path)
    (expected,) = (block.text for block in blocks(STATUS) if block.language == "text")
    first, *others = commands(STATUS)
    apply(entry, copy)
    *named, _ = run(first, copy).splitlines()
    assert [re.sub(r":\d+:", ":", line) for line in named] == expected.splitlines()
    apply(further, copy)
    printed = [run(line, copy) for line in others]
    assert '"SCHEDULED":0' in printed[-1]
