"""What workers of a dask cluster are sent: drsim's five packages, the modules of `--parts`, and what runs them.

Owns the archive, and what a worker does with it. A worker needs Python, `distributed` and drsim's dependencies, but no
drsim: the plugin is pickled by value, unpacks the archive, and lets processes of its own run it. So campaigns with
different code share a worker, whatever it has imported before, and one of several threads runs as many ranges at once.
"""

import asyncio
import io
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from importlib import resources
from pathlib import Path
from typing import Any, Final

import cloudpickle
from distributed import Scheduler, Status, Worker, WorkerPlugin, get_worker

from drsim import processes
from drsim.processes import Processes

_PACKAGES: Final = ("drsim", "drsim.orchestrator", "drsim.simulator", "drsim.scenarios", "drsim.reports")
_SUFFIXES: Final = frozenset({".py", ".typed", ".yaml", ".j2", ".css", ".js"})
"""What the packages are made of. Whatever else lies in a checkout is nobody else's business."""


def archive(parts_place: str = "") -> bytes:
    """A zip of the five packages with their data files, and of the modules that `--parts` imported from its own folder.

    The same files give the same bytes. `parts_place` must have been imported before.
    """
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, path in sorted({**dict(_files_of_packages()), **dict(_files_of_parts(parts_place))}.items()):
            # ZipInfo's default date is the first that a zip can hold.
            packed.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return written.getvalue()


def _files_of_packages() -> Iterator[tuple[str, Path]]:
    for package in _PACKAGES:
        # Each by itself: in a checkout all but the first are links, which rglob does not follow.
        root = Path(str(resources.files(package)))
        for path in root.rglob("*"):
            # Of a link, what it leads to counts as well: it may be anything.
            if path.is_file() and {path.suffix, path.resolve().suffix} <= _SUFFIXES:
                yield f"{package.replace('.', '/')}/{path.relative_to(root).as_posix()}", path


def _files_of_parts(parts_place: str) -> Iterator[tuple[str, Path]]:
    """All modules that were imported from the folder in which the parts' module lies, as they lie there.

    Modules of site-packages lie elsewhere: even where that is below this folder, their names do not lead there.
    """
    name = parts_place.partition(":")[0]
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or name.partition(".")[0] == "drsim":
        return
    root = Path(file).absolute().parents[name.count(".") + (Path(file).name == "__init__.py")]
    for module, loaded in list(sys.modules.items()):
        found = getattr(loaded, "__file__", None)
        stem = root.joinpath(*module.split("."))
        if found and Path(found).absolute() in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
            yield Path(found).absolute().relative_to(root).as_posix(), Path(found)


class Shipped(WorkerPlugin):
    """On each worker, also on those that join later: the archive, unpacked, and a process for each thread."""

    def __init__(self, packed: bytes, plugin: str) -> None:
        self._packed = packed
        self._plugin = plugin
        self._processes: Processes | None = None
        self._folder = ""

    async def setup(self, worker: Worker) -> None:
        """Unpack and begin. Raises BrokenExecutor, which whoever registers the plugin gets to see.

        A worker that comes later raises it for nobody, so it is written where whoever registered the plugin reads. Only
        one that is ready has the resource, named as the plugin is, that calls ask for.
        """
        try:
            await asyncio.to_thread(self._begin, worker.local_directory, worker.state.nthreads)
        except (BrokenExecutor, OSError) as error:
            told = f"{worker.address}: {error}"
            worker.log_event(self._plugin, told)
            raise BrokenExecutor(told) from None
        await worker.set_resources(**{self._plugin: worker.state.nthreads})
        # The scheduler looks at calls that found no worker when one comes, and this one has come before it was ready;
        # or when one goes on after a pause.
        if worker.status is Status.running:
            worker.status = Status.paused
            worker.status = Status.running

    def _begin(self, home: str, count: int) -> None:
        self._folder = tempfile.mkdtemp(prefix="drsim-", dir=home)
        with zipfile.ZipFile(io.BytesIO(self._packed)) as packed:
            packed.extractall(self._folder)
        # Whatever drsim the worker may have comes after the one that was sent. Another attempt may be another worker's.
        self._processes = Processes(count, [self._folder, *sys.path], folder=self._folder, attempts=1)

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - the name is distributed's
        """End the processes and leave nothing behind."""
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        if self._processes is not None:
            self._processes.end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def call(self, pickled: bytes) -> bytes:
        """The answer to a call, by one of the processes. Raises BrokenExecutor if that dies of it."""
        assert self._processes is not None, "only workers that are ready are asked"
        return self._processes.call(pickled)


def task_for(plugin: str) -> Callable[[bytes], bytes]:
    """What a task is: a function from a call to its answer, by what that plugin shipped to the worker that runs it."""

    # Defined in here, it can only be pickled by value, even as a part of a graph, where distributed would not do so.
    def task(pickled: bytes) -> bytes:
        # The class of what is pickled by value is another one in each pickle.
        shipped: Any = get_worker().plugins[plugin]
        answer: bytes = shipped.call(pickled)
        return answer

    return task


def threads_ready(plugin: str, dask_scheduler: Scheduler) -> list[int]:
    """How many calls each worker with that plugin ready runs at once; for the scheduler's process to run."""
    return [int(count) for count in dask_scheduler.resources.get(plugin, {}).values()]


# Workers have no drsim to import these from.
cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(processes)
