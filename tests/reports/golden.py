"""The text of phase-2's report, kept whole: each change to it is looked at before it is kept.

`python -m tests.reports.golden` compares and shows what differs; `--update` keeps the new text. Whatever depends on the
host is put on one form first: how long the run took, and versions.
"""

import argparse
import difflib
import re
import sys
from pathlib import Path
from typing import Final

from drsim.reports.markdown import render
from tests.catalogue import run_of

KEPT: Final = Path(__file__).with_name("golden") / "phase-2.md"


def written() -> str:
    """The report of phase-2 with seed 1, without what depends on the host."""
    text = render(run_of("phase-2").result)
    text = re.sub(r"took .+? on this host", "took TIME on this host", text)
    return re.sub(r"^\| Versions \| .* \|$", "| Versions | VERSIONS |", text, flags=re.MULTILINE)


def differences() -> list[str]:
    """The lines in which the report differs from the one kept; none if it is the same."""
    kept = KEPT.read_text(encoding="utf-8")
    return list(difflib.unified_diff(kept.splitlines(), written().splitlines(), "kept", "written", n=0, lineterm=""))


def main() -> int:
    """Compare, or update; 0 if the report is as kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="keep the report as it is now")
    if parser.parse_args().update:
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(written(), encoding="utf-8")
        return 0
    found = differences()
    print("\n".join(found) or "phase-2's report is as kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
