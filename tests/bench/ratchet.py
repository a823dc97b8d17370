"""`nox -s ratchet`: fails when a ratio has become more than 30 % worse than the kept one; `-- --keep` keeps today's.

Ratios only, no times: both sides run in turn in this process, so that the host's speed and its neighbours meet both.
What fails is measured once more, and fails only if it does so again.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from statistics import median
from typing import Final

from scenarios.explore import explore_range
from scenarios.files import load
from scenarios.runner import run
from tests.bench import kept, kernel, seeds, yardstick
from tests.bench.kept import Better, Ratio
from tests.bench.rounds import in_turn, ratios, timed

_KERNEL_ROUNDS: Final = 31
_COST_ROUNDS: Final = 5
_SEEDS: Final = 12


def measured() -> list[Ratio]:
    """All ratios, each the median of its rounds."""
    return [*_kernel(), *_costs(), _events()]


def _kernel() -> list[Ratio]:
    took = kernel.seconds(_KERNEL_ROUNDS)
    return [
        Ratio(f"rate of {ours} / {theirs}", Better.HIGHER, median(ratios(took[theirs], took[ours])))
        for ours, theirs in kernel.RATIOS
    ]


def _costs() -> list[Ratio]:
    """Processor time of a run and of seeds, in yardsticks."""
    scenario, text = load("load-100"), seeds.scenario().model_dump_json()
    sides: dict[str, Callable[[], object]] = {
        "load-100": lambda: run(scenario, seed=1),
        f"{_SEEDS} seeds of chaos": lambda: explore_range(text, 1, _SEEDS, ""),
    }
    for side in sides.values():
        # What only the first run of a process costs is no part of it.
        side()
    sides_and_yardstick = {"yardstick": yardstick.measure, **sides}
    took = in_turn({name: timed(side) for name, side in sides_and_yardstick.items()}, _COST_ROUNDS)
    return [
        Ratio(f"time of {name} / yardstick", Better.LOWER, median(ratios(took[name], took["yardstick"])))
        for name in sides
    ]


def _events() -> Ratio:
    result = run(load("load-100"), seed=1).result
    return Ratio("kernel events / poll, load-100", Better.LOWER, result.metrics.counts["kernel_events"] / result.polls)


def main(arguments: Sequence[str]) -> None:
    """Measure, judge, and say it; exit code 1 if a ratio is worse twice."""
    parser = argparse.ArgumentParser(prog="nox -s ratchet --", description="Fail when a kept ratio has become worse.")
    parser.add_argument("--keep", action="store_true", help=f"keep today's ratios in {kept.FILE.name}")
    if parser.parse_args(arguments).keep:
        kept.write(measured())
        print(f"kept: {kept.FILE}")
        return
    found = measured()
    judged = kept.judge(found, kept.read())
    if any(each.fails for each in judged):
        print("measured once more, since one was worse:", *(each for each in judged if each.fails), sep="\n  ")
        judged = kept.judge(kept.better_of(found, measured()), kept.read())
    print(*judged, sep="\n")
    if any(each.fails for each in judged):
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
