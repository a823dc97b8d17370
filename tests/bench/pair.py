"""Handlers in the client tier, once the process is warm: `python -m tests.bench.pair 16` prints figures as JSON.

Measures seeds of the scenario chaos, and cold starts of each function, with the pair in examples/polling_mended.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Any

from drsim.scenarios.explore import explore_range
from drsim.simulator.handlers.environments import Environments, Source
from drsim.simulator.services.functions import Invocation
from tests.bench.rounds import timed
from tests.examples.polling import PAIR

_WARM = 4


def main(count: int) -> None:
    """Explore seeds before and while measuring, so that one-time costs are left out."""
    text, handlers = PAIR.scenario("chaos").model_dump_json(), PAIR.handlers(PAIR.folder)
    explore_range(text, 1, _WARM, handlers)
    seconds = timed(lambda: explore_range(text, _WARM + 1, _WARM + count, handlers))() / count
    took = _cold_starts(lambda: explore_range(text, _WARM + 1, _WARM + count, handlers))
    cold = {function: median(each) for function, each in took.items()}
    print(json.dumps({"seed_seconds": seconds, "cold_start_seconds": cold}))


def _cold_starts(work: Callable[[], object]) -> dict[str, list[float]]:
    """The processor time of each cold start during this work, by function: its modules run, and no handler."""
    took, handler = defaultdict[str, list[float]](list), Environments.handler

    def measured(self: Environments, source: Source, invocation: Invocation) -> Callable[[Any, Any], Any]:
        began = process_time()
        found = handler(self, source, invocation)
        if invocation.cold:
            took[invocation.function].append(process_time() - began)
        return found

    Environments.handler = measured  # type: ignore[method-assign]
    try:
        work()
    finally:
        Environments.handler = handler  # type: ignore[method-assign]
    return took


if __name__ == "__main__":
    main(int(sys.argv[1]))
