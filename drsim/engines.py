"""Where ranges of seeds run: `--engine process`, or dask on this machine or a cluster.

Each engine repeats the calls of a worker that dies. A call that cost several workers raises BrokenExecutor.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeAlias, Union

from drsim.arguments import EngineName, UserError
from drsim.processes import ProcessExecutor
from drsim.scenarios.extras import needs

if TYPE_CHECKING:
    from drsim.clusters import OnCluster

Engine: TypeAlias = Union[ProcessExecutor, "OnCluster"]
"""An executor of ready workers. Its `troubles` grow by a line for each worker that joined and could not start."""


@contextmanager
def running(name: EngineName, jobs: int, scheduler: str = "", parts: str = "") -> Iterator[Engine]:
    """The engine, ready, and killed afterwards with the calls that still run. Without a scheduler, dask runs here.

    Raises UserError if processes cannot start, the scheduler cannot be reached, or its workers do not fit, and
    MissingExtraError without `distributed`.
    """
    with ExitStack() as stack:
        if name is EngineName.PROCESS:
            try:
                executor = ProcessExecutor(jobs)
            except BrokenExecutor as error:
                raise UserError(f"--jobs {jobs}: {error}") from None
            stack.callback(executor.shutdown, wait=False, cancel_futures=True)
            yield executor
            return
        with needs("cluster", "--engine dask"):
            from drsim import clusters
        # drsim reports what a user can act on in its own words.
        logging.disable(logging.CRITICAL)
        stack.callback(logging.disable, logging.NOTSET)
        named = f"--scheduler {scheduler}" if scheduler else f"--jobs {jobs}"
        cluster = scheduler or stack.enter_context(clusters.here(jobs))
        yield stack.enter_context(clusters.connected(cluster, named, parts))
