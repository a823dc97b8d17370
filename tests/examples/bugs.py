"""Pairs of functions in examples, and bugs to put into them: each is a text that replaces one of a right pair's files.

Owns how a pair is run. The bugs of each pair are in the module of its name. A bug's scenario is one of the catalogue or
a file of the pair's folder, in a smaller form if that also shows the bug.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drsim.scenarios.adapting import adapted
from drsim.scenarios.files import load
from drsim.scenarios.findings import findings_of
from drsim.scenarios.model import Scenario
from drsim.scenarios.tiers import Tier, parts_of
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.world import World

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bug:
    """One bug: its file, the `mended` and the `written` code, the scenario and property that find it.

    `says` is part of the first violation's text. `not_in_chaos` is why `chaos` cannot show it, if that is so.
    """

    name: str
    file: str
    mended: str
    written: str
    scenario: str
    changes: tuple[str, ...] = ()
    seed: int = 1
    caught_by: str
    says: str = ""
    not_in_chaos: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A pair without bugs: its folder, the files of its handlers, its folder of shared modules, and its variables.

    `scenarios` is the folder of its contract and scenarios, of which `own` shows a usual day.
    """

    folder: Path
    scenarios: Path
    own: str = "usual.yaml"
    finder: str = "finder/app.py"
    poller: str | None = "poller/app.py"
    shared: str = ""
    variables: tuple[tuple[str, str], ...] = ()

    def handlers(self, folder: Path) -> Handlers:
        """Its handlers in this folder, which is its own or a copy with bugs."""
        return Handlers(
            finder=f"{folder / self.finder}:lambda_handler",
            poller=self.poller and f"{folder / self.poller}:lambda_handler",
            paths=(folder / self.shared,) if self.shared else (),
            variables={"TABLE_NAME": "drs-orchestration-execution-history-test", **dict(self.variables)},
        )

    def scenario(self, name: str, *changes: str) -> Scenario:
        """A scenario of the catalogue, or a file of the pair, with the pair's contract."""
        # An absolute name stays.
        file = str(self.scenarios / name) if name.endswith(".yaml") else name
        return adapted(load(file, changes, contract=str(self.scenarios / "contract.yaml")))[0]

    def with_bugs(self, bugs: Iterable[Bug], folder: Path) -> Path:
        """Copy the pair with these bugs to a new folder. Raises ValueError unless each text occurs once."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for bug in bugs:
            path = folder / bug.file
            text = path.read_text(encoding="utf-8")
            if (times := text.count(bug.mended)) != 1:
                raise ValueError(f"{bug.name}: its mended text must occur once in {bug.file}, got {times}")
            path.write_text(text.replace(bug.mended, bug.written), encoding="utf-8")
        return folder


def judged(functions: Handlers, scenario: Scenario, seed: int = 1, tier: Tier = "client") -> tuple[list[str], set[str]]:
    """A run's findings as text, the worst first, and the executions with another final status than expected."""
    with parts_of(tier, scenario, seed=seed, functions=functions) as parts:
        world = World(scenario, seed=seed, parts=parts)
        try:
            world.run()
            ends = {(key, world.status_of(key), status) for key, status in world.workload.expected.items()}
        finally:
            world.close()
    found = [
        f"{each.property}: expected {each.cases[0].expected}, observed {each.cases[0].observed}"
        for each in findings_of(world.monitors, scenario.epoch_us)
    ]
    return found, {f"{key.execution_id} {end}, not {status}" for key, end, status in ends if status not in (None, end)}
