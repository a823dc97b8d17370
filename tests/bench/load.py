"""One load scenario in a process of its own: `python -m tests.bench.load load-100 fast` prints its figures as JSON.

A process of its own, because peak memory is the process's and the second run of a process is not like the first.
"""

import json
import sys

from scenarios import host
from scenarios.files import load
from scenarios.result import Tier
from scenarios.runner import run


def main(name: str, tier: Tier) -> None:
    """Run the scenario once and print what it took. All properties are on, and the trace is whole."""
    result = run(load(name), seed=1, tier=tier).result
    figures = {
        "verdict": result.verdict,
        "polls": result.polls,
        "wall_seconds": result.wall_seconds,
        "virtual_seconds": result.virtual_seconds,
        "peak_bytes": host.peak_memory_bytes(),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], "wire" if "wire" in sys.argv[2:] else "fast")
