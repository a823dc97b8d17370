"""A dask cluster as an executor: connected to, sent the code, and watched for as long as it is used.

Owns what is asked of a cluster and what is said of one that cannot be had. What its workers do is `drsim.shipping`'s.
This module is imported only where `distributed` is.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from concurrent.futures import Future as Call
from contextlib import contextmanager, suppress
from typing import Any, Final, ParamSpec, TypeVar

import dask
from distributed import Client, Future, KilledWorker, Scheduler, Security, SpecCluster, Worker
from distributed.client import ClosedClientError
from distributed.core import rpc

from drsim import shipping
from drsim.arguments import UserError
from drsim.processes import outcome_of, pickled_call
from drsim.scenarios import machine

P = ParamSpec("P")
R = TypeVar("R")

_CONNECT_SECONDS: Final = 10
_WORKERS_SECONDS: Final = 30
_LOOK_SECONDS: Final = 1
_RETRIES: Final = 2


@contextmanager
def here(jobs: int, folder: str) -> Iterator[SpecCluster]:
    """A cluster with so many workers, all of them threads of this process: what they are asked, nobody else can.

    What runs are the processes that each of them begins for what it is sent.
    """
    # Each has an HTTP server, wanted or not: on loopback, on a port that nobody else has, and without a page.
    quiet = {"protocol": "inproc://", "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    worker = {"cls": Worker, "options": {**quiet, "nthreads": 1, "memory_limit": 0, "local_directory": folder}}
    settings = {
        "temporary-directory": folder,
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
    }
    with (
        dask.config.set(settings),
        SpecCluster(
            workers=dict.fromkeys(range(jobs), worker),
            scheduler={"cls": Scheduler, "options": quiet},
            silence_logs=False,
        ) as cluster,
    ):
        yield cluster


@contextmanager
def connected(place: str | SpecCluster, named: str, parts_place: str) -> "Iterator[OnCluster]":
    """A cluster whose workers are ready. Raises UserError, which begins with how the user named it."""
    if isinstance(place, str):
        _check_scheduler(place, named)
    with Client(place, timeout=_CONNECT_SECONDS, set_as_default=False) as client:
        plugin = f"drsim-{client.id}"
        troubles: list[str] = []
        client.subscribe_topic(plugin, lambda event: troubles.append(event[1]))
        try:
            client.wait_for_workers(1, timeout=_WORKERS_SECONDS)
            _check_pythons(client, named)
            client.register_plugin(shipping.Shipped(shipping.archive(parts_place), plugin), plugin)
        except TimeoutError:
            raise UserError(f"{named}: it has had no worker for {_WORKERS_SECONDS} s") from None
        except (BrokenExecutor, OSError) as error:
            raise UserError(f"{named}: its workers cannot run drsim: {error}") from None
        executor = OnCluster(client, plugin, troubles)
        try:
            yield executor
        finally:
            executor.shutdown()
            # With the plugin go the processes that it began, and with them whatever still runs.
            with suppress(OSError):
                if client.status == "running":
                    client.unregister_worker_plugin(plugin)


def _check_scheduler(address: str, named: str) -> None:
    """Raise UserError if no scheduler listens there: a client takes its time to say so, and says much more."""
    try:
        kind = asyncio.run(asyncio.wait_for(_kind_of(address), _CONNECT_SECONDS))
    except (OSError, ValueError, TypeError) as error:
        reason = f"no answer within {_CONNECT_SECONDS} s" if isinstance(error, TimeoutError) else error
        raise UserError(f"{named}: cannot connect: {reason}") from None
    if kind != "Scheduler":
        raise UserError(f"{named}: it must be a scheduler's address, got that of a {kind}")


async def _kind_of(address: str) -> str:
    """What listens there: "Scheduler", if all is well. Raises OSError, ValueError and TypeError."""
    async with rpc(address, connection_args=Security().get_connection_args("client")) as there:
        return str((await there.identity())["type"])


def _check_pythons(client: Client, named: str) -> None:
    """Raise UserError where code cannot be sent: compiled code is that of one minor version of Python."""
    versions: Any = client.get_versions()
    hosts = {"the scheduler": versions["scheduler"], **versions["workers"]}
    wanted = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for name, found in sorted(hosts.items()):
        there = ".".join(found["host"]["python"].split(".")[:2])
        if there != wanted:
            raise UserError(f"{named}: {name} must run Python {wanted}, as this process does, got {there}")


class OnCluster(Executor):
    """A cluster as an executor, with calls and answers as what was shipped takes them.

    Workers that die are the scheduler's to replace: it gives what they were at to others. Only workers that are ready
    get anything, so that one that cannot begin costs nothing; `troubles` says which could not, and why. Once there has
    been none for a while, all calls raise BrokenExecutor, as they do when the scheduler is gone.

    It stands in place of `Client.get_executor`, whose futures forget the answer of a worker that dies right after it
    was fetched, and for ever wait for one that is cancelled while it is fetched (distributed 2026.8, `cfexecutor`).
    """

    def __init__(self, client: Client, plugin: str, troubles: list[str]) -> None:
        self.troubles = troubles
        self._client = client
        # Typed as tornado's, of which it is asyncio's.
        self._loop: asyncio.AbstractEventLoop = client.loop.asyncio_loop  # type: ignore[union-attr]
        self._plugin = plugin
        self._task = shipping.task_for(plugin)
        self._pending: set[Future[bytes]] = set()
        self._lost = "the scheduler is gone"
        self._threads_count = self._workers_count_max = 0
        self._look()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def jobs(self) -> int:
        """How many calls the workers of now run at once; at least one, so that whoever comes finds something to do."""
        return max(self._threads_count, 1)

    def told(self) -> str:
        """Where it ran, as far as was seen."""
        count = self._workers_count_max
        return f"on up to {count} dask worker{'' if count == 1 else 's'}"

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """Make a call by position. Raises BrokenExecutor once the scheduler is gone, as futures then do as well."""
        assert not kwargs, "calls are made by position"
        if self._client.status != "running":
            raise BrokenExecutor(self._lost)
        return asyncio.run_coroutine_threadsafe(self._answer(pickled_call(fn, args)), self._loop)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 - Executor's
        """Watch no longer. What still runs is ended with the processes that run it."""
        self._ended.set()
        self._watcher.join()

    def _watch(self) -> None:
        """Look at the workers from time to time, and give up what nobody is there to run."""
        seen_at, given_up = machine.wall_seconds(), False
        while not self._ended.wait(_LOOK_SECONDS):
            if not given_up and self._look():
                seen_at = machine.wall_seconds()
            elif given_up or machine.wall_seconds() - seen_at >= _WORKERS_SECONDS:
                given_up, self._lost = True, f"the cluster has had no worker for {_WORKERS_SECONDS} s"
                for future in list(self._pending):
                    future.cancel()

    def _look(self) -> bool:
        """Count the workers that are ready. False if there is none; a scheduler that is gone is seen elsewhere."""
        if self._client.status != "running":
            return True
        try:
            threads: list[int] = self._client.run_on_scheduler(shipping.threads_ready, self._plugin)
        except (OSError, RuntimeError, CancelledError, asyncio.CancelledError):
            return True
        self._threads_count = sum(threads)
        self._workers_count_max = max(self._workers_count_max, len(threads))
        return bool(threads)

    async def _answer(self, pickled: bytes) -> Any:
        """What a call returned, once some worker has made it. Raises what it raised, or BrokenExecutor."""
        # Not pure: a result is gone once it was fetched, and the same call must be made again.
        wanted = {"pure": False, "retries": _RETRIES, "resources": {self._plugin: 1}}
        try:
            future: Future[bytes] = self._client.submit(self._task, pickled, **wanted)
            self._pending.add(future)
            try:
                answer = await future
            finally:
                self._pending.discard(future)
        except (CancelledError, ClosedClientError, OSError):
            raise BrokenExecutor(self._lost) from None
        except KilledWorker as error:
            raise BrokenExecutor(f"{error.allowed_failures + 1} workers died of it") from None
        return outcome_of(answer)
