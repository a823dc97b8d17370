"""The page of a load, rendered in a process of its own: `python -m tests.bench.page load-1000` prints JSON."""

import json
import sys
from time import perf_counter

from reports import html
from scenarios.files import load
from scenarios.runner import run


def main(name: str) -> None:
    """Run the scenario, render its page from its result and its trace's lines, and print what that took."""
    done = run(load(name), seed=1)
    lines = done.trace.lines()
    began = perf_counter()
    document = html.render(done.result, lines)
    seconds = perf_counter() - began
    if document.troubles:
        raise SystemExit(f"{name}: {document.troubles}; a page that is not whole has no speed")
    print(json.dumps({"seconds": seconds, "bytes": len(document.text.encode())}))


if __name__ == "__main__":
    main(sys.argv[1])
