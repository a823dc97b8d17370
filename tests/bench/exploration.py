"""How fast the command explores: seeds in one process, and what more processes and dask's workers make of it.

The command is used as it is typed, so start-up and report count. Engines that find something else have no speed.
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
    """Seeds in a second, and what engines gain beside one process."""
    command = f"drsim {' '.join(_COMMAND)}"
    alone = [child("seeds", "100") for _ in range(3)]
    wall, cpu = ([each["seeds"] / each[clock] for each in alone] for clock in ("wall_seconds", "cpu_seconds"))
    took = _campaigns()
    one, how = took.pop(_ALONE), f"wall time of the whole command, {_SEEDS} seeds, in turn"
    return [
        figure("seeds in a second, one process", wall, "seeds/s", f"{command}, without start-up", at_least(120)),
        figure("seeds in a second of processor time", cpu, "seeds/s", f"{command}, without start-up"),
        *(
            figure(f"{name} beside one", ratios(one, spent), "times", how, at_least(_BOUNDS[name]))
            for name, spent in took.items()
        ),
    ]


def _campaigns() -> dict[str, list[float]]:
    """Wall seconds of the command with each engine."""
    with tempfile.TemporaryDirectory() as home:
        folders = {name: Path(home, name.replace(" ", "-")) for name in _ENGINES}
        took = in_turn({name: _campaign(_ENGINES[name], folders[name]) for name in _ENGINES}, rounds=3)
        found = {name: _found(folder) for name, folder in folders.items()}
    for name, each in found.items():
        if each != found[_ALONE]:
            raise BenchError(f"explore with {name} found something else than with one process")
    return took


def _campaign(engine: Sequence[str], folder: Path) -> Callable[[], float]:
    words = (*_COMMAND, "--seeds", f"1-{_SEEDS}", *engine, "--out", str(folder))
    return lambda: command_spent(*words).wall_seconds


def _found(folder: Path) -> object:
    """What a campaign found in all, whatever its ranges were."""
    (path,) = folder.glob(f"*/{campaign_files.CAMPAIGN}")
    kept = campaign_files.read(path)
    campaign = Campaign()
    for each in () if kept is None else sorted(kept.ranges, key=lambda explored: explored.first):
        campaign.add(each)
    return vars(campaign)
