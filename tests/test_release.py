"""The checks of `nox -s release` on CHANGELOG.md."""

import pytest

from tests.release import ROOT, changelog_faults, declared_version

HEAD = "# Changelog\n\n"
UNRELEASED = "## [Unreleased]\n\n### Added\n\n- A thing.\n"
DATED = "## [0.2.0] - 2026-12-01\n\n### Added\n\n- A thing.\n"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (f"{HEAD}{DATED}", []),
        (f"{HEAD}## [Unreleased]\n\n{DATED}", []),
        (f"{HEAD}{UNRELEASED}", ["there must be a section `## [0.2.0] - YYYY-MM-DD`, got Unreleased"]),
        (f"{HEAD}{UNRELEASED}\n{DATED}", ["Unreleased must be empty, for 0.2.0 has all changes; got 1 entries"]),
        (
            f"{HEAD}## [0.2.0] - 2026-12-01\n\n## [0.1.0]\n\n- Old.\n",
            ["the section of 0.2.0 must have entries, got none"],
        ),
        (DATED.replace(" - 2026-12-01", ""), ["the section of 0.2.0 must have a date: `## [0.2.0] - YYYY-MM-DD`"]),
        (HEAD, ["there must be a section `## [0.2.0] - YYYY-MM-DD`, got none"]),
    ],
)
def test_changelog_must_describe_the_version(text: str, faults: list[str]) -> None:
    assert changelog_faults(text, "0.2.0") == faults


def test_rehearsal_takes_unreleased_changes() -> None:
    assert changelog_faults(f"{HEAD}{UNRELEASED}", "0.2.0", is_rehearsal=True) == []
    assert changelog_faults(f"{HEAD}## [Unreleased]\n", "0.2.0", is_rehearsal=True) != []


def test_this_repository_can_be_rehearsed() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert changelog_faults(text, declared_version(), is_rehearsal=True) == []
