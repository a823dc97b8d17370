"""Simulated DRS jobs. A job's state depends only on its predetermined timeline and the time, so it is always known.

Sources: botocore's service model for drs 2020-02-26, AWS's sample job logs of 2022-12-07.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from drsim.orchestrator.model import ActionStatus, Job, JobScope, JobStatus, ServerLaunch, ServerStatus
from drsim.simulator.durations import NEVER_US


class LogItem(NamedTuple):
    """One entry of DescribeJobLogItems. The job's own events have neither a server nor a network."""

    at_us: int
    event: str
    source_server_id: str = ""
    source_network_id: str = ""


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
    The instance of a launched one is TERMINATED from `terminated_us` on.
    """

    source_server_id: str
    instance_id: str
    launching_us: int
    ended_us: int
    launches: bool
    actions: tuple[ActionLife, ...]
    terminates: bool = False
    terminated_us: int = NEVER_US

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

    The job ends `lingers_us` after its last server. `serial` numbers the jobs of an account's Region as they start.
    `initiated_by` is DRS's; "" for StartRecovery and TerminateRecoveryInstances, whose follows from the servers.
    """

    job_id: str
    scope: JobScope
    created_us: int
    started_us: int
    servers: tuple[ServerLife, ...]
    is_drill: bool = False
    lingers_us: int = 0
    serial: int = 0
    initiated_by: str = ""
    ended_us: int = field(init=False)
    settled_us: int = field(init=False)  # When the last server and launch action have ended.
    _changes: list[int] = field(init=False)
    # Number of changes before the cached view, and that view.
    _span: int = -1
    _view: Job | None = None

    def __post_init__(self) -> None:
        servers = self.servers
        self.ended_us = max((server.ended_us for server in servers), default=self.created_us) + self.lingers_us
        actions = [action for server in servers for action in server.actions]
        self.settled_us = max([self.ended_us, *(action.ended_us for action in actions)])
        launches_us = {instant for server in servers for instant in server.changes_us}
        actions_us = {instant for action in actions for instant in (action.started_us, action.ended_us)}
        self._changes = sorted(({self.started_us, self.ended_us} - {NEVER_US}) | launches_us | actions_us)

    @property
    def terminates(self) -> bool:
        """Whether the job terminates instances rather than launching them."""
        return any(server.terminates for server in self.servers)

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
        shows_instance = status is not JobStatus.COMPLETED
        launches = []
        for server in self.servers:
            launch = server.status(at_us)
            has_instance = server.terminates or launch is ServerStatus.LAUNCHED
            instance_id = server.instance_id if shows_instance and has_instance else None
            actions = tuple([action.status(at_us) for action in server.actions if action.started_us <= at_us])
            launches.append(ServerLaunch(server.source_server_id, launch, instance_id, actions))
        return Job(self.job_id, status, tuple(launches))

    def log_items(self, at_us: int) -> tuple[LogItem, ...]:
        """Return the DescribeJobLogItems entries up to `at_us`, oldest first, ordered as in AWS's samples."""
        launching_us = min(server.launching_us for server in self.servers)
        # A simulated job may be shorter than the samples, so cap early entries at the first launch.
        items = [LogItem(min(self.created_us + 300_000, launching_us), "JOB_START")]
        for number, server in enumerate(self.servers):
            if server.terminates:
                # No sample of a termination job is available; CLEANUP_* are the closest events in botocore's enum.
                items.append(LogItem(server.launching_us, "CLEANUP_START", server.source_server_id))
                items.append(LogItem(server.ended_us, "CLEANUP_END", server.source_server_id))
            else:
                items += self._launch_items(number, server)
        items.append(LogItem(self.ended_us + 26_000, "JOB_END"))
        return tuple(sorted((item for item in items if item.at_us <= at_us), key=lambda item: item.at_us))

    def _launch_items(self, number: int, server: ServerLife) -> list[LogItem]:
        name = server.source_server_id
        # Snapshots take no time; conversion takes the remaining time until the launch.
        # LAUNCH_END occurs in AWS's samples but not in botocore's enum.
        snapshot_us = min(self.created_us + 800_000 + number, server.launching_us)
        snapshots = [LogItem(snapshot_us, "SNAPSHOT_START", name), LogItem(snapshot_us, "SNAPSHOT_END", name)]
        if server.never_begins:
            return snapshots
        converting_us = max(snapshot_us, self.created_us + (server.launching_us - self.created_us) // 5)
        return [
            *snapshots,
            LogItem(converting_us, "CONVERSION_START", name),
            LogItem(server.launching_us, "CONVERSION_END", name),
            LogItem(server.launching_us, "LAUNCH_START", name),
            LogItem(server.ended_us, "LAUNCH_END" if server.launches else "LAUNCH_FAILED", name),
        ]


class RecoveryInstance(NamedTuple):
    """A launched instance. `termination` is the server entry of the job that terminates this instance, if any."""

    launch: ServerLife
    job: DrsJob
    termination: ServerLife | None = None

    def state(self, at_us: int) -> str:
        """DRS's ec2InstanceState."""
        ending = self.termination is not None and self.termination.status(at_us) is not ServerStatus.PENDING
        return "SHUTTING-DOWN" if ending else "RUNNING"
