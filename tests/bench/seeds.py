"""Seeds of the scenario chaos in one process: `python -m tests.bench.seeds 200` prints figures as JSON."""

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


def scenario() -> Scenario:
    """The explored scenario."""
    return load("chaos", SETTINGS)


def main(count: int) -> None:
    """Explore this many seeds, after some warm-up seeds, and print the time."""
    text = scenario().model_dump_json()
    explore_range(text, 1, _WARM, "")
    wall, cpu = perf_counter(), process_time()
    explored = explore_range(text, _WARM + 1, _WARM + count, "")
    wall, cpu = perf_counter() - wall, process_time() - cpu
    if explored.failures:
        sys.exit(f"chaos: {explored.failures[0]}; only passing seeds are measured")
    print(json.dumps({"seeds": count, "wall_seconds": wall, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
