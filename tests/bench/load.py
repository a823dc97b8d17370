"""One load scenario in a process of its own: `python -m tests.bench.load load-100 fast` prints its figures as JSON.

Peak memory is the whole process's, Python and imports included.
"""

import json
import sys
from time import process_time

from scenarios import host
from scenarios.files import load
from scenarios.result import Tier
from scenarios.runner import run


def main(name: str, tier: Tier) -> None:
    """Run the scenario once and print what it took. All properties are on, and the trace is whole."""
    scenario = load(name)
    began = process_time()
    result = run(scenario, seed=1, tier=tier).result
    cpu_seconds = process_time() - began
    if result.verdict != "pass":
        sys.exit(f"{name}: verdict {result.verdict}; a run that does not pass has no speed")
    figures = {
        "executions": result.executions.started,
        "polls": result.polls,
        "kernel_events": result.metrics.counts["kernel_events"],
        "wall_seconds": result.wall_seconds,
        "cpu_seconds": cpu_seconds,
        "virtual_seconds": result.virtual_seconds,
        "peak_bytes": host.peak_memory_bytes(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], "wire" if "wire" in sys.argv[2:] else "fast")
