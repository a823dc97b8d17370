"""The ports of `orchestrator` in memory: table, index, DRS jobs, invoker, metrics, clock.

Each class runs a hook at every call. A hook lets time pass, raises an error of the port, or acts as another writer.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, ParamSpec, TypeVar

from drsim.orchestrator import items
from drsim.orchestrator.errors import LostRaceError, MalformedError, OrchestratorError
from drsim.orchestrator.model import (
    Dispatch,
    Execution,
    ExecutionKey,
    Job,
    JobRef,
    JobScope,
    MetricPoint,
    PollUpdate,
)
from drsim.orchestrator.ports import IndexPage, JobsPage
from drsim.orchestrator.settings import SECOND_US

_P = ParamSpec("_P")
_T = TypeVar("_T")

Hook = Callable[[], None]

START_US: Final = 1_764_361_949 * SECOND_US
"""The first look of the Phase 2 test: 2025-11-28 20:32:29 UTC."""


def nothing() -> None:
    """A hook that does nothing."""


def raising(error: OrchestratorError) -> Hook:
    """A hook that makes every call fail."""

    def fail() -> None:
        raise error

    return fail


def in_turn(*hooks: Hook) -> Hook:
    """A hook that runs one of these hooks at each call, in order, and later nothing."""
    left = list(hooks)

    def run() -> None:
        if left:
            left.pop(0)()

    return run


class VirtualClock:
    """A clock whose time passes only by `sleep_us` and `pass_us`, and then at once."""

    def __init__(self, now_us: int = START_US) -> None:
        self._now_us = now_us
        self.sleeps: list[int] = []

    def now_us(self) -> int:
        return self._now_us

    def sleep_us(self, duration_us: int) -> None:
        self.sleeps.append(duration_us)
        self.pass_us(duration_us)

    def pass_us(self, duration_us: int) -> None:
        """Let this much time pass."""
        assert duration_us >= 0, f"duration_us must be >= 0, got {duration_us}"
        self._now_us += duration_us

    def passing_s(self, seconds: int) -> Hook:
        """A hook that makes every call take this long."""
        return lambda: self.pass_us(seconds * SECOND_US)


class Table:
    """The execution table, with items in DynamoDB's form, strong reads and conditional writes."""

    def __init__(self, *stored: Mapping[str, object]) -> None:
        self.items: dict[ExecutionKey, dict[str, object]] = {items.key_of(item): dict(item) for item in stored}
        self.on_get: Hook = nothing
        self.on_save: Hook = nothing
        self.after_save: Hook = nothing
        self.reads: list[ExecutionKey] = []
        self.written: list[PollUpdate] = []

    def get(self, key: ExecutionKey) -> Execution | None:
        self.reads.append(key)
        self.on_get()
        item = self.items.get(key)
        return None if item is None else items.execution_of(item)

    def save_poll(self, update: PollUpdate) -> None:
        self.on_save()
        item = self.items.get(update.key)
        if item is None or item["Status"] != "POLLING" or item.get("Version", 0) != update.expected_version:
            raise LostRaceError(f"execution {update.key.execution_id} was changed by another writer")
        self.written.append(update)
        ends: dict[str, object] = {}
        if update.status is not None and update.end_us is not None:
            ends = {"Status": update.status.value, "EndTime": items.seconds_item(update.end_us)}
        self.write(
            update.key,
            Waves=items.waves_item(update.waves),
            LastPolledTime=items.seconds_item(update.last_polled_us),
            **ends,
        )
        self.after_save()

    def write(self, key: ExecutionKey, **attributes: object) -> None:
        """Set these attributes and increment the version, as every writer of the table does."""
        item = self.items[key]
        version = item.get("Version", 0)
        assert isinstance(version, int)
        item.update(attributes, Version=version + 1)


@dataclass(frozen=True, slots=True)
class _Cursor:
    position: int


class Index:
    """The StatusIndex of a table, with pages of a fixed size. A look sees the items as of its first page."""

    def __init__(self, table: Table, page_size: int = 2) -> None:
        self._table = table
        self._page_size = page_size
        self._found: list[dict[str, object]] = []
        self._next: _Cursor | None = None
        self.on_page: Hook = nothing
        self.pages_read = 0

    def polling_page(self, cursor: object | None) -> IndexPage:
        self.pages_read += 1
        self.on_page()
        if cursor is None:
            polling = [item for item in self._table.items.values() if item["Status"] == "POLLING"]
            self._found = sorted(polling, key=lambda item: Decimal(str(item["StartTime"])))
            first = 0
        else:
            assert self._next is not None
            assert cursor is self._next, f"cursor must be the one of the page before, got {cursor!r}"
            first = self._next.position
        last = first + self._page_size
        self._next = _Cursor(last) if last < len(self._found) else None
        return self._page(self._found[first:last])

    def _page(self, found: Sequence[Mapping[str, object]]) -> IndexPage:
        executions: list[Execution] = []
        malformed: list[str] = []
        for item in found:
            try:
                executions.append(items.execution_of(item))
            except MalformedError as error:
                malformed.append(str(error))
        return IndexPage(tuple(executions), tuple(malformed), self._next)


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of DescribeJobs."""

    scope: JobScope
    job_ids: tuple[str, ...]
    token: str | None


class Jobs:
    """The jobs that DRS knows, with pages of a fixed size. Answers leave out unknown jobs."""

    def __init__(self, page_size: int = 100) -> None:
        self._page_size = page_size
        self._next: str | None = None
        self.known: dict[JobRef, Job] = {}
        self.on_call: Hook = nothing
        self.calls: list[Asked] = []

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        assert 1 <= len(job_ids) <= 1000, f"job_ids must be 1 to 1,000 ids, got {len(job_ids)}"
        self.calls.append(Asked(scope, tuple(job_ids), token))
        self.on_call()
        refs = [JobRef(scope, job_id) for job_id in job_ids]
        found = tuple(self.known[ref] for ref in refs if ref in self.known)
        assert token is None or token == self._next, f"token must be the one of the page before, got {token!r}"
        first = 0 if token is None else int(token)
        last = first + self._page_size
        self._next = str(last) if last < len(found) else None
        return JobsPage(found[first:last], self._next)


class Invoker:
    """The poller function. It records each dispatch, and raises for the executions in `failing`."""

    def __init__(self) -> None:
        self.accepted: list[Dispatch] = []
        self.failing: dict[str, OrchestratorError] = {}
        self.on_invoke: Hook = nothing

    @property
    def ids(self) -> list[str]:
        """The dispatched executions, in order."""
        return [dispatch.key.execution_id for dispatch in self.accepted]

    def invoke(self, dispatch: Dispatch) -> None:
        error = self.failing.get(dispatch.key.execution_id)
        if error is not None:
            raise error
        self.accepted.append(dispatch)
        self.on_invoke()


class PublishedMetrics:
    """The published CloudWatch metrics, in order."""

    def __init__(self) -> None:
        self.points: list[MetricPoint] = []
        self.on_publish: Hook = nothing

    def publish(self, points: Sequence[MetricPoint]) -> None:
        self.on_publish()
        self.points += points

    def values(self, name: str) -> list[float]:
        """All values of one metric."""
        return [point.value for point in self.points if point.name == name]


class AtOnce(Executor):
    """An executor that runs each call at once, in the caller's thread."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        future: Future[_T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future
