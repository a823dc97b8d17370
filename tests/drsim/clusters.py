"""A real scheduler and real workers, as processes on loopback, which have never heard of this project.

Each worker finds distributed and drsim's dependencies where this process does, and a finder that refuses this project's
packages unless they lie in the worker's own folder: they lie there only if they were sent.
"""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

_BLOCKER: Final = """
import os
import sys
from importlib.machinery import PathFinder

class Blocker:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in {"drsim", "reports", "scenarios", "simulator", "orchestrator", "tests"}:
            spec = PathFinder.find_spec(name, path)
            if spec and not str(spec.origin).startswith(os.environ["DRSIM_TEST_HOME"]):
                raise ModuleNotFoundError(f"No module named {name!r}: {spec.origin} is hidden", name=name)
        return None

sys.meta_path.insert(0, Blocker)
"""


class Cluster:
    """A scheduler, and the addresses of the workers that were begun."""

    def __init__(self, stack: ExitStack, home: Path) -> None:
        self._stack = stack
        self._home = home
        self.workers: list[str] = []
        (home / "sitecustomize.py").write_text(_BLOCKER, encoding="utf-8")
        path = os.pathsep.join([str(home), *(entry for entry in sys.path if entry.endswith("-packages"))])
        self.environment = {**os.environ, "PYTHONPATH": path, "DRSIM_TEST_HOME": str(home)}
        self.scheduler, printed = self._begun("scheduler", "Scheduler at:", "--host", "127.0.0.1", "--port", "0")
        self.address = _address("Scheduler at", printed)

    def worker(self, threads: int = 1) -> subprocess.Popen[str]:
        """A worker that the scheduler knows."""
        words = ("--no-nanny", "--nthreads", str(threads), "--local-directory", str(self._home))
        process, printed = self._begun("worker", "Registered to:", self.address, *words)
        self.workers.append(_address("Start worker at", printed))
        return process

    def _begun(self, kind: str, sign: str, *words: str) -> tuple[subprocess.Popen[str], str]:
        """A process that has printed this, and all that it has printed."""
        command = [sys.executable, "-P", "-m", f"distributed.cli.dask_{kind}", *words, "--no-dashboard"]
        process = subprocess.Popen(command, env=self.environment, cwd=self._home, stderr=subprocess.PIPE, text=True)
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        assert process.stderr is not None
        printed = ""
        for line in process.stderr:
            printed += line
            if sign in line:
                # It continues to write, and must not block on a full pipe.
                threading.Thread(target=process.stderr.read, daemon=True).start()
                return process, printed
        raise AssertionError(f"no {kind} begins:\n{printed}")


def _address(name: str, printed: str) -> str:
    found = re.search(rf"{name}: +(tcp://\S+)", printed)
    assert found is not None, printed
    return found[1]


@contextmanager
def cluster(home: Path) -> Iterator[Cluster]:
    """A scheduler without workers. All of its processes are ended afterwards in any case."""
    with ExitStack() as stack:
        yield Cluster(stack, home)
