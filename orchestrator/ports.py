"""The ports of the finder and the poller, by role. Adapters match these protocols; they do not subclass them.

Every method may raise `TryLaterError` and `RefusedError`. A docstring names other errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .model import Dispatch, Execution, ExecutionKey, Job, JobScope, MetricPoint, PollUpdate


@dataclass(frozen=True, slots=True)
class IndexPage:
    """One page of the executions in POLLING. `malformed` has the error of each unreadable item."""

    executions: tuple[Execution, ...]
    malformed: tuple[str, ...] = ()
    next_cursor: object | None = None


@dataclass(frozen=True, slots=True)
class JobsPage:
    jobs: tuple[Job, ...]
    next_token: str | None = None


class PollingIndex(Protocol):
    """The StatusIndex, eventually consistent: it lags behind the table."""

    def polling_page(self, cursor: object | None) -> IndexPage:
        """Return a page of the executions in POLLING, oldest StartTime first; `cursor` is None for the first page."""


class ExecutionStore(Protocol):
    """The execution table, strongly consistent."""

    def get(self, key: ExecutionKey) -> Execution | None:
        """Return the present execution, or None if there is none. Raises MalformedError."""

    def save_poll(self, update: PollUpdate) -> None:
        """Write a poll's result if the item is still POLLING at the expected version. Raises LostRaceError."""


class RecoveryJobs(Protocol):
    """DRS's jobs, in any account and Region."""

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        """Return a page of these 1 to 1,000 jobs, without those that DRS does not know."""


class PollerInvoker(Protocol):
    def invoke(self, dispatch: Dispatch) -> None:
        """Send one dispatch. On return Lambda has accepted it; it may not have run yet."""


class MetricPublisher(Protocol):
    def publish(self, points: Sequence[MetricPoint]) -> None:
        """Publish all points at the present instant."""


class Clock(Protocol):
    def now_us(self) -> int:
        """Return microseconds since the Unix epoch."""

    def sleep_us(self, duration_us: int) -> None:
        """Return after `duration_us` (>= 0) have passed."""
