"""Seeds of the scenario chaos in one process: `python -m tests.bench.seeds 200` prints figures as JSON.

A second word `whole` explores the scenario as it is, and not its shorter form.
"""

import json
import sys
from time import perf_counter, process_time
from typing import Final

from drsim.scenarios.explore import explore_range
from drsim.scenarios.files import load
from drsim.scenarios.model import Scenario

SETTINGS: Final = ("duration=30m", "heal=20m")
"""Five executions over 30 minutes; faults heal after 20 minutes."""
_WARM: Final = 8


def scenario(form: str = "short") -> Scenario:
    """The explored scenario."""
    return load("chaos", () if form == "whole" else SETTINGS)


def main(count: int, form: str = "short") -> None:
    """Explore this many seeds, after some warm-up seeds, and print the time."""
    text = scenario(form).model_dump_json()
    explore_range(text, 1, _WARM, "")
    wall, cpu = perf_counter(), process_time()
    explored = explore_range(text, _WARM + 1, _WARM + count, "")
    wall, cpu = perf_counter() - wall, process_time() - cpu
    if explored.failures:
        sys.exit(f"chaos: {explored.failures[0]}; only passing seeds are measured")
    print(json.dumps({"seeds": count, "wall_seconds": wall, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
