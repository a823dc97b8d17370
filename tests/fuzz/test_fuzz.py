"""A small fuzz of all commands; `nox -s fuzz` runs 2,000 cases."""

from pathlib import Path

import pytest

from tests.fuzz.cases import Case, drawn
from tests.fuzz.running import judged

SEED = 19
CASES = 150
SECONDS_MAX = 120
"""Of a case: other tests run beside it."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.mark.slow
@pytest.mark.parametrize("part", range(5))
def test_no_input_ends_in_an_internal_error_a_hang_or_a_lost_file(part: int, home: Path, tmp_path: Path) -> None:
    wrong = []
    for number in range(part * CASES // 5, (part + 1) * CASES // 5):
        case = drawn(SEED, number, home)
        folder = tmp_path / str(number)
        folder.mkdir()
        wrong += [(number, case.words, trouble) for trouble in judged(case, folder, SECONDS_MAX)]
    assert wrong == []


@pytest.mark.slow
def test_a_case_is_the_same_for_the_same_seed(home: Path) -> None:
    words = [drawn(SEED, number, home).words for number in range(CASES)]
    assert words == [drawn(SEED, number, home).words for number in range(CASES)]
    assert words != [drawn(SEED + 1, number, home).words for number in range(CASES)]
    assert {"run", "replay", "report", "explore", "schema"} <= {word for word, *_ in words}


@pytest.mark.slow
def test_internal_errors_hangs_and_lost_files_are_found(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The first case that is a run of a good scenario; then drsim is broken in four ways.
    case = next(case for number in range(1_000) if (case := drawn(SEED, number, home)).words == ("run", "idle"))
    from tests.fuzz import running

    def loses(words: list[str]) -> int:
        Path("s.yaml").unlink()
        return 0

    def hangs(words: list[str]) -> int:
        while True:
            pass

    def shows(words: list[str]) -> int:
        print("\x1b[31m")
        return 3

    for number, (broken, kinds) in enumerate(
        [
            (loses, ["lost file"]),
            (hangs, ["hang"]),
            (shows, ["exit 3", "control character in standard output"]),
            (lambda _: 1 // 0, ["exception"]),
            (lambda _: 4, ["exit 4 without a message"]),
        ]
    ):
        monkeypatch.setattr(running, "main", broken)
        folder = tmp_path / str(number)
        folder.mkdir()
        assert [trouble.kind for trouble in judged(case, folder, 0.5)] == kinds


@pytest.mark.slow
def test_hang_of_a_command_is_found_through_the_command_line(tmp_path: Path) -> None:
    # Its handlers run in this process, under the signals of the real command line.
    code = "def handler(event, context):\n    while True:\n        pass\n"
    words = ("run", "idle", "--finder", "h.py:handler", "--out", "out")
    case = Case(0, words, {"h.py": code.encode()})
    assert [trouble.kind for trouble in judged(case, tmp_path, 2.0)] == ["hang"]
