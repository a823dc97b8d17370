"""`nox -s bench`: measures parts of the benchmark, prints them, and keeps them in build/bench.json.

`-- PART...` chooses parts; without any, all are measured save `large`, which takes long. `-- --write-docs`
writes what is kept into docs/performance.md, after measuring the parts that are named with it, if any. Nothing here is
a test: a target that is missed is told, and fails nothing. `nox -s ratchet` is what fails.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Final

from tests.bench import exploration, figures, kernel, parts, place, tables
from tests.bench.figures import Figure
from tests.bench.rounds import BenchError

PARTS: Final[dict[str, Callable[[], list[Figure]]]] = {
    "kernel": kernel.figures,
    "load": parts.loads,
    "explore": exploration.figures,
    "tiers": parts.tiers,
    "processes": parts.processes,
    "page": parts.page,
    "large": parts.large,
}
_ON_REQUEST: Final = ("large",)


def main(arguments: Sequence[str]) -> None:
    """Measure, print, keep. Each part is kept as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", description="Measure parts of the benchmark.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; by default all save large")
    parser.add_argument("--write-docs", action="store_true", help="write docs/performance.md from what is kept")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.parts if name not in PARTS]
    if unknown:
        parser.error(f"PART must be one of {', '.join(PARTS)}, got {unknown[0]}")
    default = [] if given.write_docs else [name for name in PARTS if name not in _ON_REQUEST]
    bench = figures.read(figures.FILE, place.machine())
    for name in given.parts or default:
        load = place.load()
        try:
            part = place.part(PARTS[name](), load)
        except BenchError as error:
            sys.exit(f"{name}: {error}")
        bench = bench.with_part(name, part)
        figures.write(figures.FILE, bench)
        print(tables.terminal(name, part), f"kept in {figures.FILE}", sep="\n", end="\n\n", flush=True)
    if given.write_docs:
        page = tables.PAGE.read_text(encoding="utf-8")
        tables.PAGE.write_text(tables.renewed(page, bench), encoding="utf-8")
        print(f"written: {tables.PAGE}")


if __name__ == "__main__":
    main(sys.argv[1:])
