"""What the finder and the poller need from the world, by role. Adapters fit these protocols; they do not subclass them.

Every method may raise `TryLaterError` (throttled, failed or silent beyond the adapter's own retries) and `RefusedError`
(permission or request wrong). A docstring names the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .model import Dispatch, Execution, ExecutionKey, Job, JobScope, MetricPoint, PollUpdate


@dataclass(frozen=True, slots=True)
class IndexPage:
    """One page of the executions in POLLING. `malformed` says what is wrong with items that could not be read."""

    executions: tuple[Execution, ...]
    malformed: tuple[str, ...] = ()
    next_cursor: object | None = None


@dataclass(frozen=True, slots=True)
class JobsPage:
    """One page of DescribeJobs."""

    jobs: tuple[Job, ...]
    next_token: str | None = None


class PollingIndex(Protocol):
    """The StatusIndex, eventually consistent: it may lag behind the table."""

    def polling_page(self, cursor: object | None) -> IndexPage:
        """One page of the executions in POLLING, oldest StartTime first, from `cursor` on; None begins."""


class ExecutionStore(Protocol):
    """The execution table, strongly consistent."""

    def get(self, key: ExecutionKey) -> Execution | None:
        """The execution as it is now, or None if there is none. Raises MalformedError."""

    def save_poll(self, update: PollUpdate) -> None:
        """Write a poll's result if the item is still POLLING at the expected version. Raises LostRaceError."""


class RecoveryJobs(Protocol):
    """DRS's jobs, in any account and Region."""

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        """One page of the named jobs, 1 to 1,000 of them; a job that DRS does not know is left out."""


class PollerInvoker(Protocol):
    """The poller function, invoked asynchronously."""

    def invoke(self, dispatch: Dispatch) -> None:
        """Hand over one dispatch; returning means that Lambda accepted it, not that it ran."""


class MetricPublisher(Protocol):
    """CloudWatch metrics of this system's namespace."""

    def publish(self, points: Sequence[MetricPoint]) -> None:
        """Publish all points at the present instant."""


class Clock(Protocol):
    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""

    def sleep_us(self, duration_us: int) -> None:
        """Return after `duration_us` (>= 0) have passed."""
