"""A dask cluster as an executor; `drsim.shipping` owns what workers do. Only `--engine dask` imports this module."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from concurrent.futures import Future as Call
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar

import dask
from distributed import Client, Future, KilledWorker, Scheduler, SpecCluster, Worker
from distributed.client import ClosedClientError

from drsim import shipping
from drsim.arguments import UserError
from drsim.processes import ATTEMPTS, outcome_of, pickled_call
from drsim.scenarios import machine
from drsim.simulator.durations import plural

R = TypeVar("R")

_CONNECT_SECONDS: Final = 10
_WORKERS_SECONDS: Final = 30
_LOOK_SECONDS: Final = 1


@contextmanager
def here(jobs: int) -> Iterator[SpecCluster]:
    """A cluster of `jobs` workers that are threads of this process, so that no other process can reach them."""
    # dask opens an HTTP server for each. It is bound to loopback and a free port, and has no page.
    quiet = {"protocol": "inproc://", "dashboard": False, "dashboard_address": "127.0.0.1:0"}
    worker = {"cls": Worker, "options": {**quiet, "nthreads": 1, "memory_limit": 0}}
    scheduler = {"cls": Scheduler, "options": quiet}
    routes: dict[str, list[str]] = {f"distributed.{kind}.http.routes": [] for kind in ("scheduler", "worker")}
    with (
        TemporaryDirectory(prefix="drsim-") as folder,
        dask.config.set({"temporary-directory": folder, **routes}),
        SpecCluster(workers=dict.fromkeys(range(jobs), worker), scheduler=scheduler, silence_logs=False) as cluster,
    ):
        yield cluster


@contextmanager
def connected(cluster: str | SpecCluster, named: str, code: str) -> "Iterator[OnCluster]":
    """A cluster, or the one at an address, with ready workers. Raises UserError, which begins with `named`."""
    try:
        client = Client(cluster, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{named}: cannot connect to a scheduler: {error}") from None
    with client:
        plugin = f"drsim-{client.id}"
        troubles: list[str] = []
        client.subscribe_topic(plugin, lambda event: troubles.append(event[1]))
        try:
            client.wait_for_workers(1, timeout=_WORKERS_SECONDS)
            _check_pythons(client, named)
            client.register_plugin(shipping.Shipped(shipping.archive(code), plugin), plugin)
        except TimeoutError:
            raise UserError(f"{named}: it has had no worker for {_WORKERS_SECONDS} s") from None
        except (BrokenExecutor, OSError) as error:
            raise UserError(f"{named}: its workers cannot run drsim: {error}") from None
        executor = OnCluster(client, plugin, troubles)
        try:
            yield executor
        finally:
            executor.shutdown()
            # The plugin ends its processes, and with them all calls that still run.
            with suppress(OSError):
                if client.status == "running":
                    client.unregister_worker_plugin(plugin)


def _check_pythons(client: Client, named: str) -> None:
    """Raise UserError unless all have this minor version of Python: functions are sent as bytecode."""
    versions: Any = client.get_versions()
    wanted = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for name, found in sorted({"the scheduler": versions["scheduler"], **versions["workers"]}.items()):
        there = ".".join(found["host"]["python"].split(".")[:2])
        if there != wanted:
            raise UserError(f"{named}: {name} must run Python {wanted}, as this process does, got {there}")


class OnCluster(Executor):
    """A cluster as an executor of calls by position. The scheduler repeats the calls of workers that die.

    `troubles` has a line for each worker that cannot start. All calls raise BrokenExecutor once no worker has been
    ready for a while, or the scheduler is gone. `Client.get_executor` would lose the answer of a worker that dies right
    after it was fetched, and never settle a future that is cancelled while it is fetched (distributed 2026.8).
    """

    def __init__(self, client: Client, plugin: str, troubles: list[str]) -> None:
        self.troubles, self._client, self._plugin = troubles, client, plugin
        # Typed as tornado's, which wraps asyncio's.
        self._loop: asyncio.AbstractEventLoop = client.loop.asyncio_loop  # type: ignore[union-attr]
        self._task = shipping.task_for(plugin)
        self._pending: set[Future[bytes]] = set()
        self._lost = "the scheduler is gone"
        self._threads_count = self._workers_count_max = 0
        asyncio.run_coroutine_threadsafe(self._look(), self._loop).result()
        self._watcher = asyncio.run_coroutine_threadsafe(self._watch(), self._loop)

    def jobs(self) -> int:
        """The number of calls that run at once now; at least 1, so that a call waits for a worker that joins."""
        return max(self._threads_count, 1)

    def where(self) -> str:
        return f"on up to {plural(self._workers_count_max, 'dask worker')}"

    def submit(self, fn: Callable[..., R], /, *args: Any, **kwargs: Any) -> Call[R]:
        assert not kwargs, "calls are made by position"
        if self._client.status != "running":
            raise BrokenExecutor(self._lost)
        return asyncio.run_coroutine_threadsafe(self._answer(pickled_call(fn, args)), self._loop)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002 - Executor's
        """Stop watching. Calls that run end with the plugin."""
        self._watcher.cancel()

    async def _watch(self) -> None:
        """Count the workers each second, and cancel all calls after a time without any."""
        seen_at, is_given_up = machine.wall_seconds(), False
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if not is_given_up and await self._look():
                seen_at = machine.wall_seconds()
            elif is_given_up or machine.wall_seconds() - seen_at >= _WORKERS_SECONDS:
                is_given_up, self._lost = True, f"the cluster has had no worker for {_WORKERS_SECONDS} s"
                for future in list(self._pending):
                    await future.cancel()

    async def _look(self) -> bool:
        """Count the ready workers; False if there is none. True if the scheduler is gone, which `_answer` reports."""
        if self._client.status != "running":
            return True
        try:
            threads: list[int] = await self._client.run_on_scheduler(shipping.threads_ready, self._plugin)
        except (OSError, RuntimeError):
            return True
        self._threads_count = sum(threads)
        self._workers_count_max = max(self._workers_count_max, len(threads))
        return bool(threads)

    async def _answer(self, call: bytes) -> Any:
        """Return what a call returned on some worker. Raises what it raised, or BrokenExecutor."""
        # Not pure: dask forgets a result once it is fetched, and an equal call must run again.
        options = {"pure": False, "retries": ATTEMPTS - 1, "resources": {self._plugin: 1}}
        try:
            future: Future[bytes] = self._client.submit(self._task, call, **options)
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
