"""Where ranges of seeds run: `--engine process`, or dask on this machine or a cluster.

Owns which executor a choice means, and its end. All of them bear the death of a worker: what it was at is run again
elsewhere, and only when that has cost several workers does its future raise BrokenExecutor.
"""

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from drsim.arguments import EngineChoice, EngineName, UserError
from drsim.processes import ProcessExecutor
from drsim.scenarios.extras import needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Workers that are ready: how to use them, how many calls they run at once now, where what ran did run.

    `troubles` grows: a line for each worker that came and could not begin.
    """

    executor: Executor
    jobs: Callable[[], int]
    told: Callable[[], str]
    troubles: Sequence[str] = ()


NONE: Final = Engine(executor=Executor(), jobs=lambda: 0, told=lambda: "")
"""For a campaign that has nothing left to run: it begins nothing."""


@contextmanager
def running(choice: EngineChoice, parts_place: str) -> Iterator[Engine]:
    """The engine of that choice, ready, and ended afterwards with whatever it is at.

    Raises UserError if processes cannot begin, `distributed` is missing, the scheduler cannot be reached, or its
    workers do not fit.
    """
    with _processes(choice.jobs) if choice.name is EngineName.PROCESS else _dask(choice, parts_place) as engine:
        yield engine


@contextmanager
def _processes(jobs: int) -> Iterator[Engine]:
    try:
        executor = ProcessExecutor(jobs)
    except BrokenExecutor as error:
        raise UserError(f"--jobs {jobs}: {error}") from None
    try:
        told = f"in {jobs} process{'' if jobs == 1 else 'es'}"
        yield Engine(executor=executor, jobs=lambda: jobs, told=lambda: told)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _dask(choice: EngineChoice, parts_place: str) -> Iterator[Engine]:
    with needs("cluster", "--engine dask"):
        from drsim import clusters
    with _silent("distributed"), ExitStack() as stack:
        if choice.scheduler:
            named = f"--scheduler {choice.scheduler}"
            executor = stack.enter_context(clusters.connected(choice.scheduler, named, parts_place))
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="drsim-"))
            cluster = stack.enter_context(clusters.here(choice.jobs, folder))
            executor = stack.enter_context(clusters.connected(cluster, f"--jobs {choice.jobs}", parts_place))
        yield Engine(executor=executor, jobs=executor.jobs, told=executor.told, troubles=executor.troubles)


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Nothing of a library's log: what is of use to a user is said in drsim's own words."""
    # Some of its loggers have a level of their own, which the first one's does not change.
    names = [each for each in logging.root.manager.loggerDict if each.partition(".")[0] == name]
    before = {logger: logger.level for logger in map(logging.getLogger, names)}
    for logger in before:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in before.items():
            logger.setLevel(level)
