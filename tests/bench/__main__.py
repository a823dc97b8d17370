"""`nox -s bench`: measures parts of the benchmark, prints the figures, and keeps them in build/bench.json.

`-- PART...` selects parts. The default is all parts except `large`, which takes long. `-- --write-docs` measures only
the named parts, and then writes all kept figures into docs/performance.md. This is not a test: a missed target is
printed and fails nothing. `nox -s ratchet` fails.
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
    """Measure, print and keep each part in turn."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", description="Measure parts of the benchmark.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all except large")
    parser.add_argument("--write-docs", action="store_true", help="write the kept figures into docs/performance.md")
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
