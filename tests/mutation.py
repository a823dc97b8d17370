"""Mutation testing: mutmut mutates decisions, finder and poller, and the fast tests must kill the mutants.

Owns the share of mutants that tests must kill, and the comparison with `docs/mutation.md`: each accepted survivor has a
row there with the reason. pyproject.toml selects the mutated modules and the tests under `tool.mutmut`.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
KEPT: Final = ROOT / "docs" / "mutation.md"
LOG: Final = ROOT / "build" / "mutation.log"
MUTANTS: Final = ROOT / "mutants"
"""The folder of mutmut's copies, which is not configurable."""

SHARE_MIN: Final = 0.9
# A mutant that never ends is killed as well: the tests hang, which an engineer notices.
KILLED: Final = frozenset({"killed", "timeout"})
_ROW: Final = re.compile(r"^\| `(?P<place>[\w.]+)` \| `(?P<was>.*?)` \| `(?P<becomes>.*?)` \| (?P<why>.+) \|$")


class Mutant(NamedTuple):
    """One mutant: its function, the original lines, and the mutated lines."""

    place: str
    was: str
    becomes: str

    def row(self, why: str) -> str:
        """The row for docs/mutation.md."""
        was, becomes = (text.replace("|", "\\|") for text in (self.was, self.becomes))
        return f"| `{self.place}` | `{was}` | `{becomes}` | {why} |"


def _mutmut(*arguments: str) -> str:
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout


def _run(workers: int) -> bool:
    """Run every mutant from scratch, since mutmut ignores changes of tests. Returns False if mutmut fails."""
    shutil.rmtree(MUTANTS, ignore_errors=True)
    LOG.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(workers)]
    with LOG.open("w", encoding="utf-8") as log:
        return subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, check=False).returncode == 0


def _outcomes() -> dict[str, str]:
    """The outcome of each mutant, by mutmut's name."""
    lines = (line.strip().rpartition(": ") for line in _mutmut("results", "--all", "true").splitlines())
    return {name: outcome for name, _, outcome in lines if "__mutmut_" in name}


def _mutant(name: str) -> Mutant:
    changed = [line for line in _mutmut("show", name).splitlines() if re.match(r"[-+](?![-+]{2} )", line)]

    def side(sign: str) -> str:
        return " ".join(line[1:].strip() for line in changed if line[0] == sign)

    # mutmut's names: drsim.orchestrator.poller.xǁPollerǁ_say__mutmut_27 for a method, x_look for a function.
    place = name.removeprefix("drsim.orchestrator.").rpartition("__mutmut_")[0]
    place = place.replace(".xǁ", ".").replace("ǁ", ".").replace(".x_", ".")
    return Mutant(place, side("-"), side("+"))


def _kept() -> dict[Mutant, str]:
    """The mutants with a row in docs/mutation.md, and their reasons."""
    rows = [row for line in KEPT.read_text(encoding="utf-8").splitlines() if (row := _ROW.match(line))]
    return {Mutant(*(row[part].replace("\\|", "|") for part in Mutant._fields)): row["why"] for row in rows}


def _print_rows(title: str, mutants: list[Mutant], kept: dict[Mutant, str]) -> None:
    if mutants:
        print(f"{title}:")
        print("\n".join(f"  {mutant.row(kept.get(mutant, '?'))}" for mutant in mutants))


def main() -> int:
    """Run and compare. Returns 0 if enough mutants are killed and every survivor has a reason."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1, help="mutants tested in parallel (default: 1)")
    workers = parser.parse_args().workers
    print(f"mutmut takes some minutes; progress in {LOG.relative_to(ROOT)}", flush=True)
    if not _run(workers):
        print("mutmut failed; its last lines:", *LOG.read_text(encoding="utf-8").splitlines()[-20:], sep="\n")
        return 1
    outcomes = _outcomes()
    killed = sum(outcome in KILLED for outcome in outcomes.values())
    survivors = [_mutant(name) for name, outcome in outcomes.items() if outcome not in KILLED]
    share = killed / max(1, len(outcomes))
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(Counter(outcomes.values()).items()))
    print(f"{killed} of {len(outcomes)} mutants killed, {share:.1%} of at least {SHARE_MIN:.0%} ({counts})")
    kept = _kept()
    new = [one for one in survivors if one not in kept]
    where = KEPT.relative_to(ROOT)
    _print_rows(f"survive, with a reason in {where}", [one for one in survivors if one in kept], kept)
    _print_rows(f"survive, without a reason in {where}: write a test or a row", new, kept)
    _print_rows(f"are killed: remove their rows from {where}", sorted(kept.keys() - survivors), kept)
    return 1 if share < SHARE_MIN or new else 0


if __name__ == "__main__":
    sys.exit(main())
