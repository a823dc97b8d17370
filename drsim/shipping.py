"""What workers of a dask cluster are sent: drsim, the modules of `--parts`, and the plugin that runs them.

A worker has drsim's dependencies, but no drsim: the plugin is pickled by value, unpacks the archive, and runs it in
processes of its own. So campaigns with different code can share a worker.
"""

import asyncio
import io
import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import cloudpickle
from distributed import Scheduler, Status, Worker, WorkerPlugin, get_worker

from drsim import processes
from drsim.processes import ProcessExecutor

# No other file of a checkout leaves this machine.
_SUFFIXES: Final = frozenset({".py", ".typed", ".yaml", ".j2", ".css", ".js"})


def archive(code: str = "") -> bytes:
    """A zip of drsim, and of the modules that `--parts` imported from its own folder. `code` is imported."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        # If parts are in a checkout, drsim is beside them and its modules are found twice.
        for name, path in sorted((dict(_files_of_parts(code)) | dict(_files_of_drsim())).items()):
            # ZipInfo has a constant date, so that the same files give the same bytes.
            packed.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return written.getvalue()


def _files_of_drsim() -> Iterator[tuple[str, Path]]:
    root = Path(str(resources.files("drsim")))
    # In a checkout its packages are links.
    for folder, _, names in os.walk(root, followlinks=True):
        for path in map(Path(folder).joinpath, names):
            # The target of a link counts as well: it may be any file.
            if path.is_file() and {path.suffix, path.resolve().suffix} <= _SUFFIXES:
                yield f"drsim/{path.relative_to(root).as_posix()}", path


def _files_of_parts(code: str) -> Iterator[tuple[str, Path]]:
    """All modules that were imported from the folder of the parts' module, so none of site-packages."""
    name = code.partition(":")[0]
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
    """The archive, unpacked, and a process for each thread, on each worker, also on one that joins later."""

    def __init__(self, packed: bytes, name: str) -> None:
        self._packed, self._name = packed, name

    async def setup(self, worker: Worker) -> None:
        """Unpack and start. Raises BrokenExecutor for the client that registers the plugin, and logs it as an event.

        A ready worker offers the resource that calls require, which has the plugin's name.
        """
        try:
            await asyncio.to_thread(self._start, worker.local_directory, worker.state.nthreads)
        except (BrokenExecutor, OSError) as error:
            trouble = f"{worker.address}: {error}"
            worker.log_event(self._name, trouble)
            raise BrokenExecutor(trouble) from None
        await worker.set_resources(**{self._name: worker.state.nthreads})
        # The scheduler assigns waiting calls when a worker joins, which was before this one was ready, or resumes.
        if worker.status is Status.running:
            worker.status = Status.paused
            worker.status = Status.running

    def _start(self, home: str, count: int) -> None:
        self._ending = ExitStack()
        folder = self._ending.enter_context(TemporaryDirectory(prefix="drsim-", dir=home, ignore_cleanup_errors=True))
        with zipfile.ZipFile(io.BytesIO(self._packed)) as packed:
            packed.extractall(folder)
        # The sent drsim comes before one that is installed on the worker.
        self.executor = ProcessExecutor(count, [folder, *sys.path], folder)
        self._ending.callback(self.executor.kill)

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - the name is distributed's
        await asyncio.to_thread(self._ending.close)


def task_for(plugin: str) -> Callable[[bytes], bytes]:
    """The function of a task, which answers a call by the plugin's processes on the worker."""

    # A nested function is always pickled by value, also as a part of a graph, where distributed would not do so.
    def task(call: bytes) -> bytes:
        # What is pickled by value has a class of its own in each pickle.
        shipped: Any = get_worker().plugins[plugin]
        answer: bytes = shipped.executor.answer(call)
        return answer

    return task


def threads_ready(plugin: str, dask_scheduler: Scheduler) -> list[int]:
    """The number of calls that each ready worker runs at once; runs on the scheduler."""
    return [int(count) for count in dask_scheduler.resources.get(plugin, {}).values()]


# Workers have no drsim to import these from.
cloudpickle.register_pickle_by_value(sys.modules[__name__])
cloudpickle.register_pickle_by_value(processes)
