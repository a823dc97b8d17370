"""The speed of `drsim explore`: seeds per second in one process, and the gain from two processes and from dask.

The engines run the whole command, so start-up and report count. Engines must find the same as one process does.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from drsim import campaign_files
from drsim.scenarios.campaign import Campaign
from tests.bench.figures import Figure
from tests.bench.rounds import BenchError, at_least, child, command_spent, figure, in_turn, ratios
from tests.bench.seeds import SETTINGS

_SEEDS: Final = 1200
_COMMAND: Final = ("explore", "chaos", *(word for each in SETTINGS for word in ("--set", each)))
_ALONE: Final = "one process"
_ENGINES: Final = {
    _ALONE: ("--jobs", "1"),
    "two processes": ("--jobs", "2"),
    "dask with two workers": ("--jobs", "2", "--engine", "dask"),
}
_BOUNDS: Final = {"two processes": 1.8, "dask with two workers": 1.6}


def figures() -> list[Figure]:
    """Seeds per second, and the speed of each engine relative to one process."""
    command = f"drsim {' '.join(_COMMAND)}"
    alone = [child("seeds", "100") for _ in range(3)]
    wall, cpu = ([each["seeds"] / each[clock] for each in alone] for clock in ("wall_seconds", "cpu_seconds"))
    took = _campaigns()
    one, how = took.pop(_ALONE), f"wall time of the whole command, {_SEEDS} seeds, in turn"
    return [
        figure("seeds per second, one process", wall, "seeds/s", f"{command}, without start-up"),
        figure("seeds per second of processor time", cpu, "seeds/s", f"{command}, without start-up"),
        *(
            figure(f"{name} relative to one", ratios(one, spent), "times", how, at_least(_BOUNDS[name]))
            for name, spent in took.items()
        ),
    ]


def _campaigns() -> dict[str, list[float]]:
    """Wall seconds of the command with each engine. Raises BenchError if the engines' findings differ."""
    with tempfile.TemporaryDirectory() as home:
        folders = {name: Path(home, name.replace(" ", "-")) for name in _ENGINES}
        took = in_turn({name: _campaign(_ENGINES[name], folders[name]) for name in _ENGINES}, rounds=3)
        found = {name: _found(folder) for name, folder in folders.items()}
    for name, each in found.items():
        if each != found[_ALONE]:
            raise BenchError(f"explore with {name} found other failures than with one process")
    return took


def _campaign(engine: Sequence[str], folder: Path) -> Callable[[], float]:
    words = (*_COMMAND, "--seeds", f"1-{_SEEDS}", *engine, "--out", str(folder))
    return lambda: command_spent(*words).wall_seconds


def _found(folder: Path) -> object:
    """The findings of a whole campaign, independent of how its seeds were split into ranges."""
    (path,) = folder.glob(f"*/{campaign_files.CAMPAIGN}")
    kept = campaign_files.read(path)
    campaign = Campaign()
    for each in () if kept is None else sorted(kept.ranges, key=lambda explored: explored.first):
        campaign.add(each)
    return vars(campaign)
