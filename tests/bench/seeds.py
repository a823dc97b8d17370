"""Seeds of the fault scenario in this one process: `python -m tests.bench.seeds 200` prints its figures as JSON."""

import json
import sys
from time import perf_counter, process_time
from typing import Final

from drsim.scenarios.explore import explore_range
from drsim.scenarios.files import load
from drsim.scenarios.model import Scenario

SETTINGS: Final = ("duration=30m", "heal=20m")
"""Five executions and thirty minutes of faults, which heal after twenty."""
_WARM: Final = 8


def scenario() -> Scenario:
    """What is explored."""
    return load("chaos", SETTINGS)


def main(count: int) -> None:
    """Explore so many seeds and print how long it took, without what only the first seeds of a process cost."""
    text = scenario().model_dump_json()
    explore_range(text, 1, _WARM, "")
    wall, cpu = perf_counter(), process_time()
    explored = explore_range(text, _WARM + 1, _WARM + count, "")
    wall, cpu = perf_counter() - wall, process_time() - cpu
    if explored.failures:
        sys.exit(f"chaos: {explored.failures[0]}; seeds that fail have no speed")
    print(json.dumps({"seeds": count, "wall_seconds": wall, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
