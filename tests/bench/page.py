"""The page of a load scenario, rendered in its own process: `python -m tests.bench.page load-1000 3` prints JSON."""

import json
import sys
from time import process_time

from drsim.reports import html
from drsim.scenarios.files import load
from drsim.scenarios.runner import run


def main(name: str, times: int) -> None:
    """Run the scenario, render its page from result and trace several times, and print the time of each rendering."""
    done = run(load(name), seed=1)
    seconds, size = [], 0
    for _ in range(times):
        began = process_time()
        document = html.render(done.result, done.trace.lines())
        seconds.append(process_time() - began)
        if document.troubles:
            sys.exit(f"{name}: {document.troubles}; an incomplete page is not measured")
        size = len(document.text.encode())
    print(json.dumps({"seconds": seconds, "bytes": size}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
