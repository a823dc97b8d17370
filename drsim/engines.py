"""Where ranges of seeds run: `--engine process`, or dask on this machine or a cluster.

Owns the making and the end of executors, and what is said of those that cannot be had. All of them bear the death of a
worker: what it was at is run again elsewhere, and only when that has cost several workers does its future raise
BrokenExecutor.
"""

import asyncio
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from drsim.arguments import UserError
from drsim.processes import ProcessExecutor, outcome_of, pickled_call

if TYPE_CHECKING:
    from distributed import Client

P = ParamSpec("P")
R = TypeVar("R")

_CONNECT_SECONDS: Final = 10
_WORKERS_SECONDS: Final = 30
_RETRIES: Final = 2


class EngineName(StrEnum):
    """What `--engine` may be."""

    PROCESS = "process"
    DASK = "dask"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the command line asks for. Without a scheduler's address, dask runs on this machine."""

    name: EngineName
    jobs: int
    scheduler: str = ""


@dataclass(frozen=True, slots=True)
class Engine:
    """Workers that are ready: how to use them, how many calls they run at once now, and what to call them."""

    executor: Executor
    jobs: Callable[[], int]
    told: str


def jobs_default() -> int:
    """As many processes as this one may use processors."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def running(choice: Choice, parts_place: str) -> Iterator[Engine]:
    """The engine of that choice, ready, and ended afterwards with whatever it is at.

    Raises UserError if `distributed` is missing, the scheduler cannot be reached, or its workers do not fit.
    """
    if choice.name is EngineName.PROCESS:
        with _processes(choice.jobs) as engine:
            yield engine
        return
    try:
        import distributed  # noqa: F401 - only to see whether it is there
    except ImportError as error:
        missing = f"--engine dask needs more than is installed ({error})"
        raise UserError(f"{missing}: pip install --editable '.[cluster]'") from None
    with _silent("distributed"), ExitStack() as stack:
        address = choice.scheduler or stack.enter_context(_cluster(choice.jobs))
        yield stack.enter_context(_connected(address, parts_place))


@contextmanager
def _processes(jobs: int) -> Iterator[Engine]:
    try:
        executor = ProcessExecutor(jobs)
    except BrokenExecutor as error:
        raise UserError(f"--jobs {jobs}: {error}") from None
    try:
        yield Engine(executor, lambda: jobs, f"{jobs} process{'' if jobs == 1 else 'es'}")
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """Nothing of a library's log: what is of use to a user is said in drsim's own words."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _cluster(jobs: int) -> Iterator[str]:
    """The address of a scheduler in this process, with so many workers, on loopback and without a dashboard.

    The workers are threads of this process: what runs are the processes that each of them begins for what it is sent.
    """
    import dask
    from distributed import LocalCluster

    with (
        tempfile.TemporaryDirectory(prefix="drsim-") as folder,
        dask.config.set({"temporary-directory": folder}),
        LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            processes=False,
            protocol="tcp",
            host="127.0.0.1",
            # Its HTTP server listens all the same: on a port that nobody else has.
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            memory_limit=0,
            silence_logs=False,
            local_directory=folder,
        ) as cluster,
    ):
        yield cluster.scheduler_address


@contextmanager
def _connected(address: str, parts_place: str) -> Iterator[Engine]:
    from distributed import Client

    from drsim import shipping

    # Asked first, for a client that cannot connect takes its time to say so, and says much more.
    try:
        kind = asyncio.run(asyncio.wait_for(_kind_of(address), _CONNECT_SECONDS))
    except (OSError, ValueError, TypeError) as error:
        reason = f"no answer within {_CONNECT_SECONDS} s" if isinstance(error, TimeoutError) else error
        raise UserError(f"--scheduler {address}: cannot connect: {reason}") from None
    if kind != "Scheduler":
        raise UserError(f"--scheduler {address}: it must be a scheduler's address, got that of a {kind}")
    with Client(address, timeout=_CONNECT_SECONDS, set_as_default=False) as client:
        plugin = f"drsim-{client.id}"
        try:
            client.wait_for_workers(1, timeout=_WORKERS_SECONDS)
            _check_pythons(client, address)
            client.register_plugin(shipping.Shipped(shipping.archive(parts_place)), plugin)
            count = len(client.nthreads())
        except TimeoutError:
            raise UserError(f"--scheduler {address}: it has had no worker for {_WORKERS_SECONDS} s") from None
        except (BrokenExecutor, OSError) as error:
            raise UserError(f"--scheduler {address}: its workers cannot run drsim: {error}") from None
        told = f"{count} dask worker{'' if count == 1 else 's'}"
        try:
            yield Engine(_OnCluster(client, plugin), lambda: _threads_count(client), told)
        finally:
            # With the plugin go the processes that it began, and with them whatever still runs.
            with suppress(OSError):
                if client.status == "running":
                    client.unregister_worker_plugin(plugin)


async def _kind_of(address: str) -> str:
    """What listens there: "Scheduler", if all is well. Raises OSError, ValueError and TypeError."""
    from distributed import Security
    from distributed.core import rpc

    async with rpc(address, connection_args=Security().get_connection_args("client")) as there:
        return str((await there.identity())["type"])


def _check_pythons(client: "Client", address: str) -> None:
    """Raise UserError where code cannot be sent: compiled code is that of one minor version of Python."""
    versions: Any = client.get_versions()
    hosts = {"the scheduler": versions["scheduler"], **versions["workers"]}
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for name, found in sorted(hosts.items()):
        there = ".".join(found["host"]["python"].split(".")[:2])
        if there != here:
            raise UserError(f"--scheduler {address}: {name} must run Python {here}, as this process does, got {there}")


def _threads_count(client: "Client") -> int:
    """How many calls the workers of now run at once. At least one, so that whoever comes finds something to do."""
    try:
        counts: dict[str, int] = client.nthreads()
    except OSError:
        return 1
    return max(sum(counts.values()), 1)


class _OnCluster(Executor):
    """A cluster's own executor, with calls and answers as what was shipped takes them.

    Workers that die are the scheduler's to replace: it gives what they were at to others.
    """

    def __init__(self, client: "Client", plugin: str) -> None:
        from drsim.shipping import task_for

        self._client = client
        self._task = task_for(plugin)
        # Not pure: a result is gone once it was fetched, and the same call must be made again.
        self._inner = client.get_executor(pure=False, retries=_RETRIES)

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Make a call by position. Raises BrokenExecutor once the scheduler is gone, as futures then do as well."""
        assert not kwargs, "calls are made by position"
        if self._client.status != "running":
            raise BrokenExecutor("the scheduler is gone")
        outer: Future[R] = Future()
        inner = self._inner.submit(self._task, pickled_call(fn, args))
        inner.add_done_callback(lambda done: _hand_on(done, outer))
        return outer


def _hand_on(inner: "Future[Any]", outer: "Future[R]") -> None:
    """Settle one future as the other is, with the answer unpacked."""
    from distributed import KilledWorker

    try:
        outer.set_result(outcome_of(inner.result()))
    except CancelledError:
        outer.set_exception(BrokenExecutor("the scheduler is gone"))
    except KilledWorker as error:
        outer.set_exception(BrokenExecutor(f"{error.allowed_failures + 1} workers died of it"))
    except Exception as error:
        outer.set_exception(error)
