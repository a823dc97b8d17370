"""DRS jobs: their whole lives, their state at any instant, and the instances that they leave behind.

What a job shows is a pure function of its life and the instant, so the truth is always known. `drs` owns the jobs.
Sources: botocore's service model for drs 2020-02-26, AWS's sample job logs
of 2022-12-07.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from drsim.orchestrator.model import ActionStatus, Job, JobScope, JobStatus, ServerLaunch, ServerStatus


class LogItem(NamedTuple):
    """One entry of DescribeJobLogItems. `source_server_id` is "" for the job's own events."""

    at_us: int
    event: str
    source_server_id: str = ""


@dataclass(frozen=True, slots=True)
class ActionLife:
    """One post-launch action of one server."""

    started_us: int
    ended_us: int
    succeeds: bool

    def status(self, at_us: int) -> ActionStatus:
        """Its status once it has started."""
        if at_us < self.ended_us:
            return ActionStatus.IN_PROGRESS
        return ActionStatus.SUCCEEDED if self.succeeds else ActionStatus.FAILED


@dataclass(frozen=True, slots=True)
class ServerLife:
    """One server's part in a job: PENDING, IN_PROGRESS from `launching_us`, and its end from `ended_us` on.

    The end is LAUNCHED or FAILED, as `launches` says; in a job that terminates its instance it is TERMINATED.
    """

    source_server_id: str
    instance_id: str
    launching_us: int
    ended_us: int
    launches: bool
    actions: tuple[ActionLife, ...]
    terminates: bool = False

    def summary(self, *, is_drill: bool) -> tuple[int, int, bool, int]:
        """Its life as `JobStarted` records it: a drill does not depend on its launch actions."""
        failed_count = 0 if is_drill else sum(not action.succeeds for action in self.actions)
        return self.launching_us, self.ended_us, self.launches, failed_count

    def status(self, at_us: int) -> ServerStatus:
        """DRS's launchStatus."""
        if at_us < self.launching_us:
            return ServerStatus.PENDING
        if at_us < self.ended_us:
            return ServerStatus.IN_PROGRESS
        if self.terminates:
            return ServerStatus.TERMINATED
        return ServerStatus.LAUNCHED if self.launches else ServerStatus.FAILED


class JobKind(StrEnum):
    """DRS's JobType, as far as jobs are simulated."""

    LAUNCH = "LAUNCH"
    TERMINATE = "TERMINATE"


@dataclass(slots=True, eq=False)
class DrsJob:
    """One job and its whole life. Instants that never come lie beyond any run."""

    job_id: str
    scope: JobScope
    created_us: int
    started_us: int
    servers: tuple[ServerLife, ...]
    kind: JobKind = JobKind.LAUNCH
    is_drill: bool = False
    ended_us: int = field(init=False)
    settled_us: int = field(init=False)
    _changes: list[int] = field(init=False)
    # The last view, and between which changes it was taken: older ones are never needed again.
    _span: int = -1
    _view: Job | None = None

    def __post_init__(self) -> None:
        servers = self.servers
        self.ended_us = max(server.ended_us for server in servers)
        self.settled_us = max([self.ended_us, *(action.ended_us for server in servers for action in server.actions)])
        changes = {self.started_us, self.ended_us}
        for server in servers:
            changes |= {server.launching_us, server.ended_us}
            changes |= {instant for action in server.actions for instant in (action.started_us, action.ended_us)}
        self._changes = sorted(changes)

    @property
    def initiated_by(self) -> str:
        """DRS's initiatedBy."""
        if self.kind is JobKind.TERMINATE:
            return "TERMINATE_RECOVERY_INSTANCES"
        return "START_DRILL" if self.is_drill else "START_RECOVERY"

    def status(self, at_us: int) -> JobStatus:
        """DRS's job status. A job whose servers failed is COMPLETED all the same."""
        if at_us < self.started_us:
            return JobStatus.PENDING
        return JobStatus.STARTED if at_us < self.ended_us else JobStatus.COMPLETED

    def changes_between(self, after_us: int, until_us: int) -> Sequence[int]:
        """The instants after `after_us`, up to `until_us`, at which something about the job changed."""
        changes = self._changes
        first = bisect_right(changes, after_us)
        # Between two polls there is seldom a change.
        if first == len(changes) or changes[first] > until_us:
            return []
        return changes[first : bisect_right(changes, until_us)]

    def view(self, at_us: int) -> Job:
        """The job as DescribeJobs shows it. Between two changes, but for the time after the last, it is one object."""
        span = bisect_right(self._changes, at_us)
        if span == len(self._changes):
            # Its poller asks once or twice more, and a long run keeps all jobs that have ended.
            self._view = None
            return self._look(at_us)
        view = self._view
        if view is None or span != self._span:
            view = self._view = self._look(at_us)
            self._span = span
        return view

    def _look(self, at_us: int) -> Job:
        status = self.status(at_us)
        # Finished jobs of AWS's 2022 samples name no recoveryInstanceID.
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
        """What DescribeJobLogItems shows at that instant, oldest first, in the order of AWS's samples."""
        launching_us = min(server.launching_us for server in self.servers)
        # Lives may be shorter than the samples': nothing before the launch may then come after it.
        items = [LogItem(min(self.created_us + 300_000, launching_us), "JOB_START")]
        for number, server in enumerate(self.servers):
            items += self._cleanup_items(server) if server.terminates else self._launch_items(number, server)
        items.append(LogItem(self.ended_us + 26_000, "JOB_END"))
        return tuple(sorted((item for item in items if item.at_us <= at_us), key=lambda item: item.at_us))

    def _launch_items(self, number: int, server: ServerLife) -> list[LogItem]:
        name = server.source_server_id
        # Snapshots run at once; conversion takes what is left of the time before the launch.
        snapshot_us = min(self.created_us + 800_000 + number, server.launching_us)
        converting_us = max(snapshot_us, self.created_us + (server.launching_us - self.created_us) // 5)
        return [
            LogItem(snapshot_us, "SNAPSHOT_START", name),
            LogItem(snapshot_us, "SNAPSHOT_END", name),
            LogItem(converting_us, "CONVERSION_START", name),
            LogItem(server.launching_us, "CONVERSION_END", name),
            LogItem(server.launching_us, "LAUNCH_START", name),
            LogItem(server.ended_us, "LAUNCH_END" if server.launches else "LAUNCH_FAILED", name),
        ]

    @staticmethod
    def _cleanup_items(server: ServerLife) -> list[LogItem]:
        # No sample of such a job was found; of all modelled events these are the ones that fit.
        name = server.source_server_id
        return [LogItem(server.launching_us, "CLEANUP_START", name), LogItem(server.ended_us, "CLEANUP_END", name)]


class RecoveryInstance(NamedTuple):
    """An instance that a job launched and no job has terminated yet; `termination` is its part in one that will."""

    launch: ServerLife
    job: DrsJob
    termination: ServerLife | None = None

    def state(self, at_us: int) -> str:
        """DRS's ec2InstanceState."""
        ending = self.termination is not None and self.termination.status(at_us) is not ServerStatus.PENDING
        return "SHUTTING-DOWN" if ending else "RUNNING"


def recovery_instances(jobs: Iterable[DrsJob], at_us: int) -> dict[str, RecoveryInstance]:
    """The recovery instance of each source server at that instant, given all jobs, oldest first.

    A source server has at most one: the next one launched replaces it (assumed).
    """
    found: dict[str, RecoveryInstance] = {}
    for job in jobs:
        # The host's clock can go back, and then there are jobs of the future.
        if job.created_us > at_us:
            continue
        for server in job.servers:
            name, status = server.source_server_id, server.status(at_us)
            if status is ServerStatus.LAUNCHED:
                found[name] = RecoveryInstance(server, job)
            elif status is ServerStatus.TERMINATED:
                del found[name]
            elif server.terminates:
                found[name] = found[name]._replace(termination=server)
    return found


def last_launches(jobs: Iterable[DrsJob]) -> dict[str, RecoveryInstance]:
    """Each source server's part in the last job that launches it, given all jobs, oldest first."""
    return {
        server.source_server_id: RecoveryInstance(server, job)
        for job in jobs
        if job.kind is JobKind.LAUNCH
        for server in job.servers
    }
