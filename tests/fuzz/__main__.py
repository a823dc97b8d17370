"""Fuzz every command. `nox -s fuzz -- --cases 2000 --seed 1`; `--only 17` runs one case again and shows it."""

import argparse
import resource
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.cases import drawn
from tests.fuzz.running import judged

_MEMORY_MAX = 6 << 30


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2_000, help="how many cases to run")
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--seed", type=int, default=1, help="the seed that they are drawn from")
    parser.add_argument("--only", type=int, help="run this case again")
    options = parser.parse_args()
    # What would eat the machine is an internal error, and not the machine's end.
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_MAX, _MEMORY_MAX))
    first, cases = (options.first, options.cases) if options.only is None else (options.only, 1)
    counts: Counter[str] = Counter()
    wrong = 0
    with TemporaryDirectory(prefix="drsim-fuzz-") as home:
        kept = Path(home, "kept")
        kept.mkdir()
        for number in range(first, first + cases):
            case = drawn(options.seed, number, kept)
            counts[case.words[0]] += 1
            with TemporaryDirectory(dir=home) as folder:
                troubles = judged(case, Path(folder))
                if options.only is not None:
                    for path in (Path(folder, "out"), Path(folder, "err")):
                        sys.stdout.write(path.read_text(encoding="utf-8", errors="replace"))
            wrong += bool(troubles)
            for trouble in troubles:
                shown = " ".join(repr(word[:80]) for word in case.words)
                sys.stdout.write(f"case {number}: {trouble.kind}\n  drsim {shown}\n  {trouble.detail!r}\n")
            if (number + 1) % 100 == 0:
                sys.stdout.write(f"{number + 1 - first} of {cases} cases, {wrong} wrong\n")
            sys.stdout.flush()
    sys.stdout.write(f"{cases} cases, {wrong} wrong: {dict(counts.most_common())}\n")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
