"""Value types for executions, waves, servers and DRS jobs, with one status enum for each.

Instants are integer microseconds since the Unix epoch, durations integer microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, Self


class ExecutionType(StrEnum):
    DRILL = "DRILL"
    RECOVERY = "RECOVERY"


class Status(StrEnum):
    """A status with its meaning and the statuses that may follow it. Polls can miss a status, so moves may skip one."""

    meaning: str
    moves: frozenset[str]
    terminal: bool

    # The meaning has a default because type checkers take the lookup of a word for this call.
    def __new__(cls, word: str, meaning: str = "", *moves: str) -> Self:
        """Make one status. Raises TypeError for a member without a meaning."""
        if not meaning:
            raise TypeError(f"{cls.__name__}.{word} must have a meaning")
        status = str.__new__(cls, word)
        status._value_ = word
        status.meaning, status.moves, status.terminal = meaning, frozenset(moves), not moves
        return status


class ExecutionStatus(Status):
    PENDING = "PENDING", "The plan's worker has created it", "POLLING", "FAILED", "CANCELLED"
    POLLING = "POLLING", "The poller watches its jobs", "COMPLETED", "PARTIAL", "FAILED", "TIMEOUT", "CANCELLED"
    COMPLETED = "COMPLETED", "Every wave completed"
    PARTIAL = "PARTIAL", "Some servers did not launch, or a launch action did not succeed"
    FAILED = "FAILED", "No server launched"
    TIMEOUT = "TIMEOUT", "Polling stopped before every outcome was known"
    CANCELLED = "CANCELLED", "Cancelled by a person"


TERMINAL: Final = frozenset(status for status in ExecutionStatus if status.terminal)
"""Final statuses: the poller never writes such an execution again."""

_WAVE_ENDS: Final = ("COMPLETED", "PARTIAL", "FAILED", "TIMEOUT", "UNKNOWN")


class WaveStatus(Status):
    PENDING = "PENDING", "Not started, or no poll has found its DRS job", "LAUNCHING", "IN_PROGRESS", *_WAVE_ENDS
    LAUNCHING = "LAUNCHING", "DRS has its job", "IN_PROGRESS", *_WAVE_ENDS
    IN_PROGRESS = "IN_PROGRESS", "Its servers are launching", *_WAVE_ENDS
    COMPLETED = "COMPLETED", "Every server launched; in a recovery every launch action succeeded"
    PARTIAL = "PARTIAL", "Some servers did not launch, or a launch action did not succeed"
    FAILED = "FAILED", "No server launched"
    TIMEOUT = "TIMEOUT", "Watching ended while its job ran"
    UNKNOWN = "UNKNOWN", "Watching ended, and DRS had not reported its outcome"


FINISHED_WAVE: Final = frozenset({WaveStatus.COMPLETED, WaveStatus.PARTIAL, WaveStatus.FAILED})
"""Wave statuses derived from a finished DRS job. A wave that has one never changes again."""


class JobStatus(Status):
    """DRS's JobStatus. There is no failed job: failure shows in the servers (botocore model, drs 2020-02-26)."""

    PENDING = "PENDING", "DRS has accepted it", "STARTED", "COMPLETED"
    STARTED = "STARTED", "DRS works on it", "COMPLETED"
    COMPLETED = "COMPLETED", "DRS has ended it; its servers say how"


_LAUNCH_ENDS: Final = ("LAUNCHED", "FAILED", "TERMINATED")


class ServerStatus(Status):
    """DRS's LaunchStatus, and NOT_STARTED."""

    NOT_STARTED = "NOT_STARTED", "No job has named it yet", "PENDING", "IN_PROGRESS", *_LAUNCH_ENDS
    PENDING = "PENDING", "Waiting to launch", "IN_PROGRESS", *_LAUNCH_ENDS
    IN_PROGRESS = "IN_PROGRESS", "It launches", *_LAUNCH_ENDS
    LAUNCHED = "LAUNCHED", "It runs", "TERMINATED"
    # FAILED is final even if the partly launched instance is terminated later.
    FAILED = "FAILED", "It did not launch"
    TERMINATED = "TERMINATED", "Its instance is gone"


class ActionStatus(Status):
    """DRS's LaunchActionRunStatus: how one post-launch action of one server runs."""

    IN_PROGRESS = "IN_PROGRESS", "It runs", "SUCCEEDED", "FAILED"
    SUCCEEDED = "SUCCEEDED", "It did its work"
    FAILED = "FAILED", "It did not"


class Phase(StrEnum):
    """How far a wave has progressed; selects the polling interval."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    IN_PROGRESS = "IN_PROGRESS"


class ExecutionKey(NamedTuple):
    execution_id: str
    plan_id: str


class JobScope(NamedTuple):
    """The account and Region of DRS jobs. Requests never mix scopes."""

    account_id: str
    region: str


class JobRef(NamedTuple):
    """A DRS job; ids are unique within an account and Region only."""

    scope: JobScope
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One source server of a wave. `extra`: attributes that the poller does not own; it writes them back unchanged."""

    source_server_id: str
    status: ServerStatus = ServerStatus.NOT_STARTED
    instance_id: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """One wave: its DRS job, if any, and the servers that it launches. `job_status` is the last one seen."""

    number: int | None
    scope: JobScope
    status: WaveStatus = WaveStatus.PENDING
    name: str | None = None
    job_id: str | None = None
    job_status: JobStatus | None = None
    message: str | None = None
    servers: tuple[Server, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def job(self) -> JobRef | None:
        return None if self.job_id is None else JobRef(self.scope, self.job_id)

    @property
    def finished(self) -> bool:
        return self.status in FINISHED_WAVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """`waves` may hold fewer than `total_waves` while the plan's worker is still adding them."""

    key: ExecutionKey
    status: ExecutionStatus
    type: ExecutionType
    start_us: int
    total_waves: int
    version: int = 0
    end_us: int | None = None
    last_polled_us: int | None = None
    waves: tuple[Wave, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerLaunch:
    """One participating server of a DRS job. An action is None where DRS left out its status."""

    source_server_id: str
    status: ServerStatus
    instance_id: str | None = None
    actions: tuple[ActionStatus | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """A DRS job as DescribeJobs shows it at one instant."""

    job_id: str
    status: JobStatus
    servers: tuple[ServerLaunch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """One asynchronous invocation of the poller, as the finder sends it.

    `dispatched_us` becomes `LastPolledTime` (capped at the poller's clock), so intervals are measured from dispatch to
    dispatch; it is None if a person invokes the poller. `started_us` is the execution's StartTime.
    """

    key: ExecutionKey
    dispatched_us: int | None = None
    active_count: int | None = None
    started_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PollUpdate:
    """The one write of a poll. `status` and `end_us` are None until the execution ends."""

    key: ExecutionKey
    expected_version: int
    last_polled_us: int
    waves: tuple[Wave, ...]
    status: ExecutionStatus | None = None
    end_us: int | None = None


class Unit(StrEnum):
    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"


class MetricPoint(NamedTuple):
    name: str
    value: float
    unit: Unit = Unit.COUNT


class MetricName(StrEnum):
    """Metrics in the poller's namespace. They have no dimensions."""

    WAVES_POLLED = "WavesPolled"
    POLLING_DURATION = "PollingDuration"
    POLL_ERRORS = "PollErrors"
    ACTIVE_EXECUTIONS = "ActivePollingExecutions"
    OLDEST_AGE = "OldestExecutionAge"


# A CloudWatch alarm that specifies a unit ignores data points in any other unit.
UNITS: Final[Mapping[MetricName, Unit]] = {
    **dict.fromkeys(MetricName, Unit.COUNT),
    MetricName.POLLING_DURATION: Unit.MILLISECONDS,
    MetricName.OLDEST_AGE: Unit.SECONDS,
}


def point(name: MetricName, value: float) -> MetricPoint:
    return MetricPoint(name.value, value, UNITS[name])
