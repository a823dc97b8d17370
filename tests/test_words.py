"""The words of this repository: forbidden words in text files, and the length and words of test names.

Owns both rules, and the files exempt from the first one.
"""

import re
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent
SUFFIXES: Final = (".py", ".md", ".yaml", ".j2", ".js", ".css", ".toml")
NAME_LENGTH_MAX: Final = 70

FORBIDDEN: Final = (
    *("told", "untold", "whoever", "whom", "somebody", "nobody", "anew", "befall", "befalls", "heed", "heeds", "amiss"),
    *("so many", "for want of", "in whatever company"),
)
# The words of a phrase may stand on two lines, also of a comment.
_FORBIDDEN: Final = re.compile(rf"\b({'|'.join(FORBIDDEN)})\b".replace(" ", r"[\s#]+"), re.IGNORECASE)
_TEST: Final = re.compile(r"^ *def (test_\w+)", re.MULTILINE)

EXCEPTIONS: Final = {
    "scenarios/aliases.py": "lists former names",
    "tests/drsim/test_old_results.py": "reads a result with a former name",
    "tests/scenarios/test_aliases.py": "reads files with former names",
    "CHANGELOG.md": "names a former fault kind",
    "tests/old/": "files of earlier versions",
    "tests/test_words.py": "lists the forbidden words",
}
"""Files and folders that may use forbidden words, each with the reason."""


def word_faults(path: str, text: str) -> list[str]:
    """Uses of forbidden words, with their lines."""
    return [f"{path}:{_line(text, found.start())} uses {found[0]!r}" for found in _FORBIDDEN.finditer(text)]


def name_faults(path: str, text: str) -> list[str]:
    """Test functions whose names are too long or use a forbidden word."""
    if not Path(path).name.startswith("test_"):
        return []
    faults = []
    for found in _TEST.finditer(text):
        name, where = found[1], f"{path}:{_line(text, found.start(1))} {found[1]}"
        if len(name) > NAME_LENGTH_MAX:
            faults.append(f"{where} has {len(name)} characters, at most {NAME_LENGTH_MAX} are allowed")
        faults += [f"{where} has the word {word[0]!r}" for word in _FORBIDDEN.finditer(name.replace("_", " "))]
    return faults


def _line(text: str, start: int) -> int:
    return text.count("\n", 0, start) + 1


@cache
def _texts() -> list[tuple[str, str]]:
    """Path and text of every text file that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip(f"git lists no files: {listed.stderr.strip()}")
    paths = [path for path in listed.stdout.split("\0") if path.endswith(SUFFIXES) and (ROOT / path).is_file()]
    return [(path, (ROOT / path).read_text(encoding="utf-8")) for path in paths]


@cache
def _faults(rule: Callable[[str, str], list[str]]) -> list[str]:
    return [fault for path, text in _texts() for fault in rule(path, text)]


def _allowed_words(path: str, text: str) -> list[str]:
    return [] if path.startswith(tuple(EXCEPTIONS)) else word_faults(path, text)


def test_text_files_use_no_forbidden_word() -> None:
    assert _faults(_allowed_words) == []


def test_test_names_are_short_and_use_no_forbidden_word() -> None:
    assert _faults(name_faults) == []


def test_every_exception_is_still_needed() -> None:
    faults = _faults(word_faults)
    unused = [path for path in EXCEPTIONS if not any(fault.startswith(path) for fault in faults)]
    assert unused == [], "no forbidden word left: remove these from EXCEPTIONS"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("a report names the value", []),
        ("`servers_untold` and tolderol", []),
        ("so it has many", []),
        ("one\nNobody waits", ["file.md:2 uses 'Nobody'"]),
        ("fault-servers-untold", ["file.md:1 uses 'untold'"]),
        ("# so\n# many words", ["file.md:1 uses 'so\\n# many'"]),
        ("it befalls whom?", ["file.md:1 uses 'befalls'", "file.md:1 uses 'whom'"]),
    ],
)
def test_forbidden_word_is_reported_with_its_line(text: str, faults: list[str]) -> None:
    assert word_faults("file.md", text) == faults


@pytest.mark.parametrize(
    ("path", "name", "faults"),
    [
        ("test_a.py", "test_lost_race_is_read_again", []),
        ("test_a.py", "test_" + "a" * 65, []),
        ("test_a.py", "test_" + "a" * 66, [f"test_{'a' * 66} has 71 characters, at most 70 are allowed"]),
        ("test_a.py", "test_nobody_is_invoked", ["test_nobody_is_invoked has the word 'nobody'"]),
        ("test_a.py", "_nobody_" + "a" * 66, []),
        ("rigs.py", "test_" + "a" * 66, []),
    ],
)
def test_wrong_test_name_is_reported(path: str, name: str, faults: list[str]) -> None:
    text = f"\nclass TestOf:\n    def {name}(self): ...\n"
    assert name_faults(path, text) == [f"{path}:3 {fault}" for fault in faults]
