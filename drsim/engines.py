"""Where ranges of seeds run: `--engine process`, or dask on this machine or a cluster.

Owns the executor that a choice means, and its end. Each repeats the calls of a worker that dies; a call that cost
several workers raises BrokenExecutor.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeAlias

from drsim.arguments import EngineChoice, EngineName, UserError
from drsim.processes import ProcessExecutor
from drsim.scenarios.extras import needs

if TYPE_CHECKING:
    from drsim.clusters import OnCluster

Engine: TypeAlias = "ProcessExecutor | OnCluster"
"""An executor of ready workers, which also knows how many calls they run at once, and where.

Its `troubles` grow: a line for each worker that joined and could not start.
"""


@contextmanager
def running(choice: EngineChoice, parts_place: str) -> Iterator[Engine]:
    """The engine of that choice, ready, and killed afterwards with the calls that still run.

    Raises UserError if processes cannot start, the scheduler cannot be reached, or its workers do not fit, and
    MissingExtraError without `distributed`.
    """
    with ExitStack() as stack:
        if choice.name is EngineName.PROCESS:
            yield _processes(choice.jobs, stack)
            return
        with needs("cluster", "--engine dask"):
            from drsim import clusters
        # drsim reports what a user can act on in its own words.
        logging.disable(logging.CRITICAL)
        stack.callback(logging.disable, logging.NOTSET)
        named = f"--scheduler {choice.scheduler}" if choice.scheduler else f"--jobs {choice.jobs}"
        cluster = choice.scheduler or stack.enter_context(clusters.here(choice.jobs))
        yield stack.enter_context(clusters.connected(cluster, named, parts_place))


def _processes(jobs: int, stack: ExitStack) -> ProcessExecutor:
    try:
        executor = ProcessExecutor(jobs)
    except BrokenExecutor as error:
        raise UserError(f"--jobs {jobs}: {error}") from None
    stack.callback(executor.shutdown, wait=False, cancel_futures=True)
    return executor
