"""Whether CHANGELOG.md is ready for a release of the version in pyproject.toml, which is its only source.

`nox -s release` runs it first. `--rehearse` takes the section of unreleased changes for the version's.
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_HEADING: Final = re.compile(r"^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?$", re.MULTILINE)


def declared_version() -> str:
    """The version in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def changelog_faults(text: str, version: str, *, is_rehearsal: bool = False) -> list[str]:
    """What keeps a changelog from describing this version."""
    headings = [*_HEADING.finditer(text)]
    ends = [*(each.start() for each in headings[1:]), len(text)]
    entries = {
        each[1]: re.findall(r"^- ", text[each.end() : end], re.MULTILINE)
        for each, end in zip(headings, ends, strict=False)
    }
    dates = {each[1]: each[2] for each in headings}
    name = "Unreleased" if is_rehearsal and version not in entries else version
    if name not in entries:
        return [f"there must be a section `## [{version}] - YYYY-MM-DD`, got {', '.join(entries) or 'none'}"]
    faults = []
    if not entries[name]:
        faults.append(f"the section of {name} must have entries, got none")
    if name == version and not dates[version]:
        faults.append(f"the section of {version} must have a date: `## [{version}] - YYYY-MM-DD`")
    if name == version and entries.get("Unreleased"):
        faults.append(
            f"Unreleased must be empty, for {version} has all changes; got {len(entries['Unreleased'])} entries"
        )
    return faults


def main(words: list[str]) -> int:
    """Print the faults, and return the exit code."""
    version = declared_version()
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    faults = changelog_faults(text, version, is_rehearsal="--rehearse" in words)
    for fault in faults:
        print(f"CHANGELOG.md: {fault}", file=sys.stderr)
    return 4 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
