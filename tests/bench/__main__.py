"""`nox -s bench`: the kernel beside SimPy and bare heapq, loads, and whole processes, from one run.

Sides of a ratio take turns, and the ratio is the median over the rounds: these machines are shared, and a ratio of two
times from the same minute says more than either time. Nothing here is a test, and nothing here is timed in one.
"""

import json
import subprocess
import sys
import tempfile
from statistics import median
from time import perf_counter
from typing import Any, Final

from tests.bench import kernel

_LOAD_ROUNDS: Final = 5
_PROCESS_ROUNDS: Final = 7
_TIER_ROUNDS: Final = 3
_PAGE_ROUNDS: Final = 3


def _figures(module: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    figures: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return figures


def _load(name: str, tier: str = "fast") -> dict[str, Any]:
    figures = _figures("load", name, tier)
    if figures["verdict"] != "pass":
        raise SystemExit(f"{name}: {figures['verdict']}; a run that fails has no speed")
    return figures


def _process(*arguments: str) -> float:
    """Wall seconds of one `drsim` process from start to end."""
    began = perf_counter()
    subprocess.run([sys.executable, "-m", "drsim", *arguments], capture_output=True, check=True)
    return perf_counter() - began


def _verdict(reached: bool, target: str) -> str:
    return f"{'reached' if reached else 'MISSED'}: {target}"


def _show_loads() -> None:
    rounds = [(_load("load-100"), _load("load-1000")) for _ in range(_LOAD_ROUNDS)]
    print(f"\nloads, all properties on, whole trace; median of {_LOAD_ROUNDS} processes each, in turn")
    rates = []
    for place, name in enumerate(("load-100", "load-1000")):
        runs = [pair[place] for pair in rounds]
        wall = median(run["wall_seconds"] for run in runs)
        polls, virtual, peak = runs[0]["polls"], runs[0]["virtual_seconds"], max(run["peak_bytes"] for run in runs)
        rates.append(polls / wall)
        print(
            f"  {name:<10} {wall:7.2f} s   {polls / wall:7,.0f} polls/s   {virtual / wall:7,.0f} virtual s per wall s"
            f"   {peak / 2**20:6,.0f} MiB at most"
        )
    ratio = median(large["wall_seconds"] / small["wall_seconds"] for small, large in rounds)
    print(f"  load-100: {_verdict(rates[0] >= 5000, 'at least 5,000 polls/s')}")
    print(f"  load-1000: {ratio:.1f} times load-100's time, {_verdict(ratio <= 12, 'at most 12 times')}")


def _rate(figures: dict[str, Any]) -> float:
    return float(figures["polls"] / figures["wall_seconds"])


def _show_tiers() -> None:
    """The same scenario in both tiers, and the same handlers in the loop that people write today, in turn."""
    rounds = [
        (_rate(_load("load-100")), _rate(_load("load-100", "wire")), _rate(_figures("loop")))
        for _ in range(_TIER_ROUNDS)
    ]
    fast, wire, loop = (median(side) for side in zip(*rounds, strict=True))
    by_wire, by_loop = (median(round_[0] / round_[side] for round_ in rounds) for side in (1, 2))
    print(f"\nload-100 in both tiers, and the handlers in a loop under mock_aws; median of {_TIER_ROUNDS}, in turn")
    print(f"  fast {fast:7,.0f} polls/s   wire {wire:5,.0f} polls/s   loop {loop:5,.0f} polls/s")
    target = _verdict(by_loop >= 200, "at least 200")
    print(f"  fast is {by_wire:.0f} times wire, and {by_loop:.0f} times the loop: {target}")


def _show_processes() -> None:
    print(f"\nwhole processes, median of {_PROCESS_ROUNDS}")
    with tempfile.TemporaryDirectory() as out:
        for most, arguments in ((0.3, ("--help",)), (1.5, ("run", "phase-2", "--out", out))):
            took = median(_process(*arguments) for _ in range(_PROCESS_ROUNDS))
            print(
                f"  drsim {' '.join(arguments[:2]):<14} {took:5.2f} s   {_verdict(took <= most, f'at most {most} s')}"
            )


def _show_page() -> None:
    rounds = [_figures("page", "load-1000") for _ in range(_PAGE_ROUNDS)]
    took = median(figures["seconds"] for figures in rounds)
    print(f"\nload-1000's report.html, from its result and its trace; median of {_PAGE_ROUNDS} processes")
    print(f"  {took:5.2f} s   {rounds[0]['bytes'] / 1000:,.0f} kB   {_verdict(took <= 2, 'at most 2 s')}")


def main() -> None:
    """Print it all."""
    print(kernel.show(kernel.measure()))
    _show_loads()
    _show_page()
    _show_tiers()
    _show_processes()


main()
