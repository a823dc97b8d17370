"""Parts of the benchmark that run scenarios: loads, tiers, whole commands, pages. Each function returns figures.

The targets are the project's aims. Most are ratios, because times depend on the machine.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import log
from statistics import linear_regression, median
from typing import Any, Final

from drsim.simulator.events import FINDER, POLLER
from tests.bench.figures import Figure, Target
from tests.bench.rounds import (
    at_least,
    at_most,
    below,
    child,
    command_spent,
    figure,
    in_turn,
    ratios,
)
from tests.examples.polling import PAIR

Round = dict[str, Any]

_MIB: Final = 2**20
_PAIR_DRILL: Final = "drsim run drill, example pair"
_EVENTS_BEFORE: Final = 9.18
"""Kernel events per poll of load-100 in the first measurement."""


def loads() -> list[Figure]:
    """load-100 and load-1000, with all properties and the full trace."""
    sides = {name: _load(name) for name in ("load-100", "load-1000")}
    runs = in_turn(sides, rounds=3)
    small, large = runs["load-100"], runs["load-1000"]
    how = "load-100, one process per round"
    events = [each["kernel_events"] / each["polls"] for each in small]
    return [
        figure("polls per second", _rates(small, "wall_seconds"), "polls/s", f"{how}, wall time"),
        figure("polls per second of processor time", _rates(small, "cpu_seconds"), "polls/s", how),
        figure("kernel events per poll", events, "events", f"{how}, the same in each", below(_EVENTS_BEFORE)),
        *(each for name in runs for each in _sizes(name, runs[name], "full")),
        _growth("from 100 to 1,000", [small, large], "executions"),
    ]


def large() -> list[Figure]:
    """The large loads, load-1000 for comparison, and the overload, which exceeds what one finder can dispatch."""
    names = ("load-1000", "load-10000", "load-100000", "overload")
    rounds = {"load-1000": 3}
    runs = {name: in_turn({name: _load(name, trace="summary")}, rounds.get(name, 1))[name] for name in names}
    points = [runs[name] for name in names if name != "overload"]
    return [
        *_sizes("load-10000", runs["load-10000"], "summary"),
        *_sizes("load-100000", runs["load-100000"], "summary", peak=at_most(4_096)),
        *_sizes("overload", runs["overload"], "summary"),
        _growth("from 1,000 to 100,000", points, "executions", at_most(1.05)),
        _growth("from 1,000 to 100,000", points, "polls"),
    ]


def _load(name: str, tier: str = "fast", trace: str = "full", functions: str = "ours") -> Callable[[], Round]:
    return lambda: child("load", name, tier, trace, functions)


def _rates(runs: Sequence[Round], clock: str) -> list[float]:
    return [each["polls"] / each[clock] for each in runs]


def _sizes(name: str, runs: Sequence[Round], trace: str, *, peak: Target | None = None) -> list[Figure]:
    """Time and memory of one load."""
    how = f"one process per round, all properties, --trace {trace}"
    ratio = [each["virtual_seconds"] / each["wall_seconds"] for each in runs]
    return [
        figure(f"{name}: wall time", [each["wall_seconds"] for each in runs], "s", how),
        figure(f"{name}: virtual time per wall time", ratio, "times", how),
        figure(f"{name}: peak memory", [each["peak_bytes"] / _MIB for each in runs], "MiB", how, peak),
    ]


def _growth(span: str, sizes: Sequence[Sequence[Round]], over: str, target: Target | None = None) -> Figure:
    """The exponent e of time ~ size ** e: the slope of log(time) over log(size), by least squares."""
    spent = [log(median(each["cpu_seconds"] for each in runs)) for runs in sizes]
    slope = linear_regression([log(runs[0][over]) for runs in sizes], spent).slope
    how = f"slope of log(processor time) over log({over}), least squares over {len(sizes)} sizes, medians of rounds"
    return figure(f"growth exponent of time over {over}, {span}", [slope], "", how, target)


def tiers() -> list[Figure]:
    """load-100 in each tier, the loop over moto and freezegun, and the example pair once the process is warm."""
    sides = {
        "ours, fast": _load("load-100"),
        "ours, client": _load("load-100", "client"),
        "pair, client": _load("load-100", "client", functions="pair"),
        "pair, wire": _load("load-100", "wire", functions="pair"),
        "ours, loop": lambda: child("loop", "ours"),
        "pair, loop": lambda: child("loop", "pair"),
    }
    rates = {name: _rates(runs, "cpu_seconds") for name, runs in in_turn(sides, rounds=3).items()}
    warm = in_turn({"ours": lambda: child("seeds", "40", "whole"), "pair": lambda: child("pair", "16")}, rounds=3)
    how, in_process = "load-100, one process per round, processor time", "processor time, in a warm process"
    called = "processor time of calls in turn, without checks"
    seeds = [1000 * each["seed_seconds"] for each in warm["pair"]]
    our_seeds = [1000 * each["cpu_seconds"] / each["seeds"] for each in warm["ours"]]
    return [
        figure("fast tier, drsim's functions", rates["ours, fast"], "polls/s", how),
        figure("client tier, drsim's functions with their boto3 adapters", rates["ours, client"], "polls/s", how),
        figure("client tier, example pair", rates["pair, client"], "polls/s", how),
        figure("wire tier, example pair", rates["pair, wire"], "polls/s", how),
        figure("loop over moto and freezegun, drsim's functions", rates["ours, loop"], "polls/s", called),
        figure("loop over moto and freezegun, example pair", rates["pair, loop"], "polls/s", called),
        *(
            figure(name, ratios(rates[one], rates[other]), "times", how, target)
            for name, one, other, target in (
                ("pair: client tier relative to wire tier", "pair, client", "pair, wire", at_least(20)),
                ("pair in the client tier relative to the loop", "pair, client", "pair, loop", at_least(15)),
                ("fast tier relative to the loop", "ours, fast", "ours, loop", at_least(20)),
                ("cost of a poll: pair in the client tier / fast tier", "ours, fast", "pair, client", at_most(3)),
                ("cost of a poll: drsim's functions, client / fast tier", "ours, fast", "ours, client", None),
            )
        ),
        figure("a seed of chaos, fast tier, drsim's functions", our_seeds, "ms", in_process),
        figure("a seed of chaos, client tier, example pair", seeds, "ms", in_process, at_most(100)),
        *(
            figure(
                f"cold start of the pair's {role}",
                [1000 * each["cold_start_seconds"][function] for each in warm["pair"]],
                "ms",
                f"{in_process}, median of all",
                at_most(1),
            )
            for role, function in (("finder", FINDER), ("poller", POLLER))
        ),
    ]


def _pair_options() -> Iterator[str]:
    """The options that run the pair in examples/polling_mended with its contract."""
    handlers = PAIR.handlers(PAIR.folder)
    yield from ("--finder", handlers.finder, "--poller", handlers.poller or "")
    for path in handlers.paths:
        yield from ("--path", str(path))
    for variable in handlers.variables.items():
        yield from ("--env", "=".join(variable))
    yield from ("--contract", str(PAIR.scenarios / "contract.yaml"))


def processes() -> list[Figure]:
    """Whole commands, from the start of Python to its end."""
    with tempfile.TemporaryDirectory() as out:
        commands = {
            "drsim --help": ("--help",),
            "drsim run phase-2": ("run", "phase-2", "--out", out),
            _PAIR_DRILL: ("run", "drill", *_pair_options(), "--out", out),
        }
        sides = {name: partial(command_spent, *words) for name, words in commands.items()}
        spent = in_turn(sides, rounds=7)
    bounds = {"drsim --help": 0.2, "drsim run phase-2": 0.8, _PAIR_DRILL: 1.1}
    how = "the whole process, including the files that it writes"
    wall, cpu = ({name: [each[clock] for each in runs] for name, runs in spent.items()} for clock in (0, 1))
    return [
        *(figure(name, wall[name], "s", f"{how}, wall time") for name in spent),
        *(figure(f"{name}: processor time", cpu[name], "s", how, at_most(bounds[name])) for name in spent),
    ]


def page() -> list[Figure]:
    """The report of a large run as a page."""
    made = child("page", "load-1000", "3")
    how = "report.html from result and trace, processor time, in one process"
    return [
        figure("load-1000: page", made["seconds"], "s", how, at_most(2)),
        figure("load-1000: size of the page", [made["bytes"] / 1000], "kB", how),
    ]
