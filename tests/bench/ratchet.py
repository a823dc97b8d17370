"""`nox -s ratchet`: fails if a ratio is more than 30 % worse than the kept one; `-- --keep` keeps today's ratios.

Kernel events per poll are counted, and fail if there are more than before. Only ratios are measured, no times: both
sides run in turn in this process, so that the speed and the load of the host affect both. A failing ratio is measured
a second time, and fails only if it is worse again.
"""

import argparse
import platform
import sys
from collections.abc import Callable, Sequence
from statistics import mean, median
from typing import Final

from drsim.scenarios.explore import explore_range
from drsim.scenarios.files import load
from drsim.scenarios.runner import run
from tests.bench import kept, kernel, seeds, yardstick
from tests.bench.kept import Better, Ratio
from tests.bench.rounds import in_turn, ratios, timed
from tests.examples.polling import PAIR

_KERNEL_ROUNDS: Final = 21
_COST_ROUNDS: Final = 5
_SEEDS: Final = 12


def measured() -> list[Ratio]:
    """All ratios, each the median of its rounds."""
    scenario, text = load("load-100"), seeds.scenario().model_dump_json()
    return [
        *_kernel(),
        _cost("load-100", lambda: run(scenario, seed=1)),
        _cost(f"{_SEEDS} seeds of chaos", lambda: explore_range(text, 1, _SEEDS, "")),
        _client(),
        _events(),
    ]


def _kernel() -> list[Ratio]:
    took = kernel.seconds(_KERNEL_ROUNDS)
    return [
        Ratio(f"rate of {ours} / {theirs}", Better.HIGHER, median(ratios(took[theirs], took[ours])))
        for ours, theirs in kernel.RATIOS
    ]


def _cost(name: str, work: Callable[[], object]) -> Ratio:
    """Processor time of this work in yardsticks. The yardstick runs before and after it, since the load may change."""
    # The first run has one-time costs, so it is not measured.
    work()
    stick = timed(yardstick.measure)
    took = in_turn({"before": stick, "work": timed(work), "after": stick}, _COST_ROUNDS)
    sticks = [mean(pair) for pair in zip(took["before"], took["after"], strict=True)]
    return Ratio(f"time of {name} / yardstick", Better.LOWER, median(ratios(took["work"], sticks)))


def _client() -> Ratio:
    """Processor time of the example pair in the client tier, relative to this project's functions in the fast tier."""
    name, changes = "load-100", ("executions=20",)
    ours, theirs, handlers = load(name, changes), PAIR.scenario(name, *changes), PAIR.handlers(PAIR.folder)
    sides: dict[str, Callable[[], object]] = {
        "fast": lambda: run(ours, seed=1),
        "client": lambda: run(theirs, seed=1, tier="client", functions=handlers),
    }
    for work in sides.values():
        work()
    took = in_turn({side: timed(work) for side, work in sides.items()}, _COST_ROUNDS)
    return Ratio(
        "time of a pair in the client tier / fast tier", Better.LOWER, median(ratios(took["client"], took["fast"]))
    )


def _events() -> Ratio:
    result = run(load("load-100"), seed=1).result
    value = result.metrics.counts["kernel_events"] / result.polls
    return Ratio("kernel events / poll, load-100", Better.LOWER, value, exact=True)


def main(arguments: Sequence[str]) -> None:
    """Measure, judge and print; exit with 1 if a ratio fails twice."""
    parser = argparse.ArgumentParser(prog="nox -s ratchet --", description="Fail if a kept ratio has become worse.")
    parser.add_argument("--keep", action="store_true", help=f"keep today's ratios in {kept.FILE.name}")
    if parser.parse_args(arguments).keep:
        kept.write(measured())
        print(f"kept: {kept.FILE}")
        return
    before, python = kept.read(), platform.python_version()
    if before.python != python:
        print(f"kept on Python {before.python}, measured on {python}")
    found = measured()
    judged = kept.judge(found, before.ratios)
    if any(each.fails for each in judged):
        print("these ratios fail and are measured a second time:", *(each for each in judged if each.fails), sep="\n  ")
        judged = kept.judge(kept.better_of(found, measured()), before.ratios)
    print(*judged, sep="\n")
    if any(each.fails for each in judged):
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
