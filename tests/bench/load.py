"""One load scenario in its own process: `python -m tests.bench.load load-100 fast full` prints figures as JSON.

A fourth word `pair` runs the handlers of examples/polling_mended in place of this project's functions. The trace goes
to a file, as with `drsim run`. Peak memory is that of the whole process with Python and imports.
"""

import json
import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import cast

from drsim.scenarios.files import load
from drsim.scenarios.result import TraceLevel
from drsim.scenarios.runner import run
from drsim.scenarios.tiers import Tier
from tests.examples.polling import PAIR


def main(name: str, tier: Tier, trace: TraceLevel, functions: str = "ours") -> None:
    """Run the scenario once, with all properties on, and print its time and memory."""
    is_pair = functions == "pair"
    scenario, handlers = (PAIR.scenario(name), PAIR.handlers(PAIR.folder)) if is_pair else (load(name), None)
    with TemporaryDirectory() as folder:
        began = process_time()
        spool = Path(folder, "trace.jsonl.gz")
        result = run(scenario, seed=1, tier=tier, functions=handlers, trace=trace, spool=spool).result
        cpu_seconds = process_time() - began
    if result.verdict != "pass":
        sys.exit(f"{name}: verdict {result.verdict}; only a passing run is measured")
    figures = {
        "executions": result.started,
        "polls": result.polls,
        "kernel_events": result.metrics.counts["kernel_events"],
        "wall_seconds": result.wall_seconds,
        "cpu_seconds": cpu_seconds,
        "virtual_seconds": result.virtual_seconds,
        # Kilobytes on Linux, bytes on macOS (getrusage manual pages).
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], cast(Tier, sys.argv[2]), cast(TraceLevel, sys.argv[3]), *sys.argv[4:])
