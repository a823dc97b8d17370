"""Simulated DRS jobs. A job's state depends only on its predetermined timeline and the time, so it is always known.

Sources: botocore's service model for drs 2020-02-26, AWS's sample job logs of 2022-12-07.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

from drsim.orchestrator.model import ActionStatus, Job, JobScope, JobStatus, ServerLaunch, ServerStatus
from drsim.simulator.durations import NEVER_US
from drsim.simulator.services.drs_log import CLEANED_US, LogItem, log_of

Phase = Literal["skip", "cleanup", "snapshot", "conversion", "launch"]
"""A phase of a server's launch in which it can fail; "skip" is before the first."""


class JobKind(StrEnum):
    """JobType in botocore's model."""

    LAUNCH = "LAUNCH"
    TERMINATE = "TERMINATE"
    CREATE_CONVERTED_SNAPSHOT = "CREATE_CONVERTED_SNAPSHOT"


class InitiatedBy(StrEnum):
    """InitiatedBy in botocore's model. Only AWS Support starts DIAGNOSTIC jobs."""

    START_RECOVERY = "START_RECOVERY"
    START_DRILL = "START_DRILL"
    FAILBACK = "FAILBACK"
    DIAGNOSTIC = "DIAGNOSTIC"
    TERMINATE_RECOVERY_INSTANCES = "TERMINATE_RECOVERY_INSTANCES"
    TARGET_ACCOUNT = "TARGET_ACCOUNT"
    CREATE_NETWORK_RECOVERY = "CREATE_NETWORK_RECOVERY"
    UPDATE_NETWORK_RECOVERY = "UPDATE_NETWORK_RECOVERY"
    ASSOCIATE_NETWORK_RECOVERY = "ASSOCIATE_NETWORK_RECOVERY"


class LaunchTerms(NamedTuple):
    """How a call and a server's launch settings want its launch.

    `snapshot_us` is the time of the recovery snapshot that the call names, None for the most recent data. If no
    snapshot can be taken, `previous_us` is the time of the data that is used instead. `is_fast` leaves the conversion
    out. `actions` are members of LaunchAction, in order; None takes the number of JobLife, all optional.
    `stays_stopped` leaves the instance stopped. `instance_id` is an instance to launch into.
    """

    snapshot_us: int | None = None
    previous_us: int | None = None
    is_fast: bool = False
    actions: tuple[Mapping[str, Any], ...] | None = None
    stays_stopped: bool = False
    instance_id: str | None = None


USUAL: Final = LaunchTerms()


@dataclass(frozen=True, slots=True)
class ActionLife:
    started_us: int
    ended_us: int
    succeeds: bool

    def status(self, at_us: int) -> ActionStatus:
        if at_us < self.ended_us:
            return ActionStatus.IN_PROGRESS
        return ActionStatus.SUCCEEDED if self.succeeds else ActionStatus.FAILED


@dataclass(frozen=True, slots=True)
class ServerLife:
    """One server's part in a job: PENDING until `launching_us`, IN_PROGRESS until `ended_us`, then its final status.

    A server that never launches in its job stays PENDING, and `ended_us` is then when the job no longer waits for it.
    The instance of a launched one is TERMINATED from `terminated_us` on. If an action fails that is not optional, the
    server is FAILED and has an instance. `previous_us` is the time of the snapshot that replaces the call's failed one.
    """

    source_server_id: str
    instance_id: str
    launching_us: int
    ended_us: int
    launches: bool
    actions: tuple[ActionLife, ...]
    terminates: bool = False
    terminated_us: int = NEVER_US
    terms: LaunchTerms = USUAL
    fails_in: Phase | None = None
    raw_error: str = ""
    previous_us: int | None = None

    @property
    def makes_instance(self) -> bool:
        # Actions run on an instance only.
        return self.launches or bool(self.actions)

    @property
    def launched_us(self) -> int:
        """When its instance exists; NEVER_US without one."""
        if self.actions:
            return self.actions[0].started_us
        return self.ended_us if self.launches else NEVER_US

    def data_us(self, created_us: int) -> int:
        """The time of the data that it launches from, in a job created then."""
        if self.terms.snapshot_us is not None:
            return self.terms.snapshot_us
        return created_us if self.previous_us is None else self.previous_us

    def summary(self, *, is_drill: bool) -> tuple[int, int, bool, int]:
        """Return (launching, ended, launches, failed actions) for `JobStarted`; drills report 0 failed actions."""
        failed_count = 0 if is_drill else sum(not action.succeeds for action in self.actions)
        return self.launching_us, self.ended_us, self.launches, failed_count

    @property
    def never_begins(self) -> bool:
        """Whether the server is still PENDING when its job ends."""
        return self.launching_us == NEVER_US

    @property
    def changes_us(self) -> tuple[int, ...]:
        """The instants at which its status changes."""
        instants = () if self.never_begins else (self.launching_us, self.ended_us, self.terminated_us)
        return tuple(each for each in instants if each < NEVER_US)

    def status(self, at_us: int) -> ServerStatus:
        if at_us < self.launching_us:
            return ServerStatus.PENDING
        if at_us < self.ended_us:
            return ServerStatus.IN_PROGRESS
        if self.terminates:
            return ServerStatus.TERMINATED
        if not self.launches:
            return ServerStatus.FAILED
        return ServerStatus.LAUNCHED if at_us < self.terminated_us else ServerStatus.TERMINATED


@dataclass(slots=True, eq=False)
class DrsJob:
    """One job and its whole timeline. An event that never happens has a time later than any run.

    The job ends `lingers_us` after its last server, or after its start if it has none, as jobs of networks. `serial`
    numbers the jobs of an account's Region as they start. Conversion begins `snapshots_us` after the call; None: after
    a fifth of the time to the launch.
    """

    job_id: str
    scope: JobScope
    created_us: int
    started_us: int
    servers: tuple[ServerLife, ...]
    is_drill: bool = False
    lingers_us: int = 0
    serial: int = 0
    kind: JobKind = JobKind.LAUNCH
    initiated_by: InitiatedBy | None = None  # None is START_DRILL or START_RECOVERY.
    snapshots_us: int | None = None
    ended_us: int = field(init=False)
    settled_us: int = field(init=False)  # When the last server and launch action have ended.
    _changes: list[int] = field(init=False)
    # Number of changes before the cached view, and that view.
    _span: int = -1
    _view: Job | None = None

    def __post_init__(self) -> None:
        servers = self.servers
        self.ended_us = max((server.ended_us for server in servers), default=self.started_us) + self.lingers_us
        actions = [action for server in servers for action in server.actions]
        self.settled_us = max([self.ended_us, *(action.ended_us for action in actions)])
        launches_us = {instant for server in servers for instant in server.changes_us}
        actions_us = {instant for action in actions for instant in (action.started_us, action.ended_us)}
        self._changes = sorted(({self.started_us, self.ended_us} - {NEVER_US}) | launches_us | actions_us)

    @property
    def starter(self) -> InitiatedBy:
        """What started the job."""
        return self.initiated_by or (InitiatedBy.START_DRILL if self.is_drill else InitiatedBy.START_RECOVERY)

    @property
    def makes_instances(self) -> bool:
        """Whether its servers become recovery instances: a failback launches the original machine."""
        return self.kind is JobKind.LAUNCH and self.initiated_by is not InitiatedBy.FAILBACK

    @property
    def takes_snapshots(self) -> bool:
        return self.initiated_by is not InitiatedBy.FAILBACK

    @property
    def only_converts(self) -> bool:
        return self.kind is JobKind.CREATE_CONVERTED_SNAPSHOT

    @property
    def age_us(self) -> int:
        """The age of the oldest data of its servers when it was created; 0 for the most recent data."""
        return max((self.created_us - server.data_us(self.created_us) for server in self.servers), default=0)

    @property
    def cleaned_us(self) -> int:
        """When the earlier instances of its servers are gone."""
        return min([self.created_us + CLEANED_US, *(server.launching_us for server in self.servers)])

    def converting_us(self, server: ServerLife, from_us: int = 0) -> int:
        """When a server's conversion begins: not before `from_us`, nor after its launch."""
        lasts_us = (server.launching_us - self.created_us) // 5 if self.snapshots_us is None else self.snapshots_us
        if server.terms.snapshot_us is not None:
            lasts_us = 0
        return min(max(from_us, self.created_us + lasts_us), server.launching_us)

    def status(self, at_us: int) -> JobStatus:
        """Return DRS's job status. A job whose servers failed is COMPLETED too."""
        if at_us < self.started_us:
            return JobStatus.PENDING
        return JobStatus.STARTED if at_us < self.ended_us else JobStatus.COMPLETED

    def changes_between(self, after_us: int, until_us: int) -> Sequence[int]:
        """Return the instants of the job's changes after `after_us`, up to `until_us`."""
        return self._changes[bisect_right(self._changes, after_us) : bisect_right(self._changes, until_us)]

    def view(self, at_us: int) -> Job:
        """Return the job as DescribeJobs shows it: the same object until the next change; a new one after the last."""
        span = bisect_right(self._changes, at_us)
        if span == len(self._changes):
            # Do not cache ended jobs: they are polled rarely, and a long run keeps all of them in memory.
            self._view = None
            return self._look(at_us)
        if self._view is None or span != self._span:
            self._view, self._span = self._look(at_us), span
        return self._view

    def _look(self, at_us: int) -> Job:
        status = self.status(at_us)
        # In AWS's 2022 samples, finished jobs omit recoveryInstanceID.
        shows_instance = status is not JobStatus.COMPLETED and not self.only_converts
        launches = []
        for server in self.servers:
            launch = server.status(at_us)
            has_instance = server.terminates or server.launched_us <= at_us < server.terminated_us
            instance_id = server.instance_id if shows_instance and has_instance else None
            actions = tuple([action.status(at_us) for action in server.actions if action.started_us <= at_us])
            launches.append(ServerLaunch(server.source_server_id, launch, instance_id, actions))
        return Job(self.job_id, status, tuple(launches))

    def log_items(self, at_us: int, cleaned: Collection[str] = ()) -> tuple[LogItem, ...]:
        """Return the entries of DescribeJobLogItems up to `at_us`, oldest first; `cleaned` as for `log_of`."""
        return tuple(item for item in log_of(self, cleaned) if item.at_us <= at_us)


class RecoveryInstance(NamedTuple):
    """A launched instance. `termination` is the server entry of the job that terminates this instance, if any."""

    launch: ServerLife
    job: DrsJob
    termination: ServerLife | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Job and source server. The same EC2 instance can be launched into again, as another recovery instance."""
        return self.job.job_id, self.launch.source_server_id

    def state(self, at_us: int) -> str:
        """DRS's ec2InstanceState."""
        if self.termination is not None and self.termination.status(at_us) is not ServerStatus.PENDING:
            return "SHUTTING-DOWN"
        return "STOPPED" if self.launch.terms.stays_stopped else "RUNNING"
