"""What is watched: executions, waves, servers and DRS jobs as values, and the moves their statuses may make.

Owns the words and the tables of legal moves. How an execution lies in DynamoDB is `items`; what to do about it is
`decisions`. Instants are integer microseconds since the Unix epoch, durations integer microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple


class ExecutionType(StrEnum):
    """Why the plan runs: a rehearsal, or the real failover."""

    DRILL = "DRILL"
    RECOVERY = "RECOVERY"


class ExecutionStatus(StrEnum):
    """Where an execution stands. The last five are terminal: nothing follows them."""

    PENDING = "PENDING"
    POLLING = "POLLING"
    COMPLETED = "COMPLETED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    CANCELLED = "CANCELLED"


class WaveStatus(StrEnum):
    """Where a wave stands. COMPLETED, PARTIAL, FAILED are DRS's truth; TIMEOUT and UNKNOWN say that watching ended."""

    PENDING = "PENDING"
    LAUNCHING = "LAUNCHING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    UNKNOWN = "UNKNOWN"


class JobStatus(StrEnum):
    """DRS's JobStatus. There is no failed job: failure shows in the servers (botocore model, drs 2020-02-26)."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    COMPLETED = "COMPLETED"


class ServerStatus(StrEnum):
    """DRS's LaunchStatus, and NOT_STARTED for a server that no job has named yet."""

    NOT_STARTED = "NOT_STARTED"
    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    LAUNCHED = "LAUNCHED"
    FAILED = "FAILED"
    TERMINATED = "TERMINATED"


class ActionStatus(StrEnum):
    """DRS's LaunchActionRunStatus: how one post-launch action of one server runs."""

    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Phase(StrEnum):
    """Which polling interval an execution, or one of its waves, calls for."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    IN_PROGRESS = "IN_PROGRESS"


TERMINAL: Final = frozenset(
    {
        ExecutionStatus.COMPLETED,
        ExecutionStatus.PARTIAL,
        ExecutionStatus.FAILED,
        ExecutionStatus.TIMEOUT,
        ExecutionStatus.CANCELLED,
    }
)
"""Statuses that absorb: an execution in one of them is never written by the poller again."""

EXECUTION_MOVES: Final[Mapping[ExecutionStatus, frozenset[ExecutionStatus]]] = {
    ExecutionStatus.PENDING: frozenset({ExecutionStatus.POLLING, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED}),
    ExecutionStatus.POLLING: TERMINAL,
    **{status: frozenset() for status in sorted(TERMINAL)},
}
"""From each status, the statuses that may follow it. A status may always stay as it is."""

_WAVE_ENDS: Final = frozenset(
    {WaveStatus.COMPLETED, WaveStatus.PARTIAL, WaveStatus.FAILED, WaveStatus.TIMEOUT, WaveStatus.UNKNOWN}
)

FINISHED_WAVE: Final = frozenset({WaveStatus.COMPLETED, WaveStatus.PARTIAL, WaveStatus.FAILED})
"""Wave statuses that are DRS's last word. Such a wave is never changed again."""

WAVE_MOVES: Final[Mapping[WaveStatus, frozenset[WaveStatus]]] = {
    WaveStatus.PENDING: _WAVE_ENDS | {WaveStatus.LAUNCHING, WaveStatus.IN_PROGRESS},
    WaveStatus.LAUNCHING: _WAVE_ENDS | {WaveStatus.IN_PROGRESS},
    WaveStatus.IN_PROGRESS: _WAVE_ENDS,
    **{status: frozenset() for status in sorted(_WAVE_ENDS)},
}
"""From each wave status, those that may follow it. A poll can miss a status in between, so moves may skip forward."""

JOB_MOVES: Final[Mapping[JobStatus, frozenset[JobStatus]]] = {
    JobStatus.PENDING: frozenset({JobStatus.STARTED, JobStatus.COMPLETED}),
    JobStatus.STARTED: frozenset({JobStatus.COMPLETED}),
    JobStatus.COMPLETED: frozenset(),
}
"""From each job status, those that may follow it."""

_LAUNCH_ENDS: Final = frozenset({ServerStatus.LAUNCHED, ServerStatus.FAILED, ServerStatus.TERMINATED})

SERVER_MOVES: Final[Mapping[ServerStatus, frozenset[ServerStatus]]] = {
    ServerStatus.NOT_STARTED: _LAUNCH_ENDS | {ServerStatus.PENDING, ServerStatus.IN_PROGRESS},
    ServerStatus.PENDING: _LAUNCH_ENDS | {ServerStatus.IN_PROGRESS},
    ServerStatus.IN_PROGRESS: _LAUNCH_ENDS,
    ServerStatus.LAUNCHED: frozenset({ServerStatus.TERMINATED}),
    # A failed launch stays one, even if its remains are terminated later.
    ServerStatus.FAILED: frozenset(),
    ServerStatus.TERMINATED: frozenset(),
}
"""From each server status, those that may follow it."""


class ExecutionKey(NamedTuple):
    """The table's key."""

    execution_id: str
    plan_id: str


class JobScope(NamedTuple):
    """Where DRS keeps a job: jobs of different accounts or Regions are asked for separately."""

    account_id: str
    region: str


class JobRef(NamedTuple):
    """One DRS job, named so that equal ids in two accounts or Regions stay apart."""

    scope: JobScope
    job_id: str


@dataclass(slots=True, kw_only=True)
class Server:
    """One source server of a wave. `extra` holds the attributes of other writers, kept as they are."""

    source_server_id: str
    status: ServerStatus = ServerStatus.NOT_STARTED
    instance_id: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Wave:
    """One wave: at most one DRS job, and the servers it launches. `job_status` is the job's status as last seen."""

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
        """The wave's DRS job, or None before one was started."""
        return None if self.job_id is None else JobRef(self.scope, self.job_id)

    @property
    def finished(self) -> bool:
        """Whether DRS has said its last word about this wave."""
        return self.status in FINISHED_WAVE


@dataclass(slots=True, kw_only=True)
class Execution:
    """One execution as read from the table, at one version."""

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
    """One participating server of a DRS job, with the statuses of its post-launch actions.

    None among `actions` stands for an action whose status DRS left out.
    """

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

    `dispatched_us` is the instant of the look that found the execution due. The poller writes it as `LastPolledTime`,
    so that intervals count from dispatch to dispatch. None means that somebody invoked the poller by hand. `started_us`
    is the execution's StartTime, for the age that a poll publishes even when it cannot read the table.
    """

    key: ExecutionKey
    dispatched_us: int | None = None
    active_count: int | None = None
    started_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PollUpdate:
    """The one write of a poll. `status` and `end_us` are None while the execution goes on."""

    key: ExecutionKey
    expected_version: int
    last_polled_us: int
    waves: tuple[Wave, ...]
    status: ExecutionStatus | None = None
    end_us: int | None = None


class Unit(StrEnum):
    """CloudWatch's StandardUnit, as far as it is used here."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"


class MetricPoint(NamedTuple):
    """One value of one metric, at the instant of its publication."""

    name: str
    value: float
    unit: Unit = Unit.COUNT
