"""DRS: recovery jobs of each account and Region, with quotas and a whole life drawn when they start.

Owns jobs and what the API says of them at any instant, which is a pure function of the life drawn, so the truth is
always known. Source servers are registered with the life their jobs shall have. Sources: botocore's service model for
drs 2020-02-26, AWS service quotas, AWS's sample job logs of 2022-12-07.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.model import ActionStatus, Job, JobScope, JobStatus, ServerLaunch, ServerStatus
from simulator.events import JobStarted, StartRefused
from simulator.kernel import Kernel
from simulator.randomness import Stream
from simulator.services.errors import ServiceError
from simulator.spec import Drs, JobLife
from simulator.trace import Trace

_NEVER_US = 1 << 62


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
    """One server's part in a job: PENDING, IN_PROGRESS from `launching_us`, LAUNCHED or FAILED from `ended_us`."""

    source_server_id: str
    instance_id: str
    launching_us: int
    ended_us: int
    launches: bool
    actions: tuple[ActionLife, ...]

    def status(self, at_us: int) -> ServerStatus:
        """DRS's launchStatus."""
        if at_us < self.launching_us:
            return ServerStatus.PENDING
        if at_us < self.ended_us:
            return ServerStatus.IN_PROGRESS
        return ServerStatus.LAUNCHED if self.launches else ServerStatus.FAILED


class DrsJob:
    """One job and its whole life. Instants that never come lie beyond any run."""

    def __init__(
        self, job_id: str, scope: JobScope, created_us: int, started_us: int, servers: tuple[ServerLife, ...]
    ) -> None:
        self.job_id = job_id
        self.scope = scope
        self.created_us = created_us
        self.started_us = started_us
        self.servers = servers
        self.ended_us = max(server.ended_us for server in servers)
        self.settled_us = max([self.ended_us, *(action.ended_us for server in servers for action in server.actions)])
        changes = {started_us, self.ended_us}
        for server in servers:
            changes |= {server.launching_us, server.ended_us}
            changes |= {instant for action in server.actions for instant in (action.started_us, action.ended_us)}
        self._changes = sorted(changes)
        self._views: dict[int, Job] = {}

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
        """The job as DescribeJobs shows it. Between two changes the view is the same object."""
        span = bisect_right(self._changes, at_us)
        view = self._views.get(span)
        if view is None:
            view = self._views[span] = self._look(at_us)
        return view

    def _look(self, at_us: int) -> Job:
        status = self.status(at_us)
        # Finished jobs of AWS's 2022 samples name no recoveryInstanceID.
        shows_instance = status is not JobStatus.COMPLETED
        launches = []
        for server in self.servers:
            launch = server.status(at_us)
            instance_id = server.instance_id if shows_instance and launch is ServerStatus.LAUNCHED else None
            actions = tuple([action.status(at_us) for action in server.actions if action.started_us <= at_us])
            launches.append(ServerLaunch(server.source_server_id, launch, instance_id, actions))
        return Job(self.job_id, status, tuple(launches))

    def log_items(self, at_us: int) -> tuple[LogItem, ...]:
        """What DescribeJobLogItems shows at that instant, oldest first, in the order of AWS's samples."""
        launching_us = min(server.launching_us for server in self.servers)
        # Lives may be shorter than the samples': nothing before the launch may then come after it.
        items = [LogItem(min(self.created_us + 300_000, launching_us), "JOB_START")]
        for number, server in enumerate(self.servers):
            name = server.source_server_id
            # Snapshots run at once; conversion takes what is left of the time before the launch.
            snapshot_us = min(self.created_us + 800_000 + number, launching_us)
            converting_us = max(snapshot_us, self.created_us + (server.launching_us - self.created_us) // 5)
            items += [
                LogItem(snapshot_us, "SNAPSHOT_START", name),
                LogItem(snapshot_us, "SNAPSHOT_END", name),
                LogItem(converting_us, "CONVERSION_START", name),
                LogItem(server.launching_us, "CONVERSION_END", name),
                LogItem(server.launching_us, "LAUNCH_START", name),
                LogItem(server.ended_us, "LAUNCH_END" if server.launches else "LAUNCH_FAILED", name),
            ]
        items.append(LogItem(self.ended_us + 26_000, "JOB_END"))
        return tuple(sorted((item for item in items if item.at_us <= at_us), key=lambda item: item.at_us))


class DrsService:
    """DRS in all accounts and Regions of a world."""

    def __init__(self, kernel: Kernel, trace: Trace, spec: Drs) -> None:
        self._kernel = kernel
        self._trace = trace
        self._spec = spec
        self._lives: dict[tuple[JobScope, str], JobLife] = {}
        self._jobs: dict[JobScope, dict[str, DrsJob]] = {}
        self._open: dict[JobScope, list[DrsJob]] = {}
        self._starts: dict[tuple[JobScope, str], int] = {}

    def add_servers(self, scope: JobScope, server_ids: Sequence[str], life: JobLife) -> None:
        """Register source servers; a job lives as its first server says."""
        self._lives.update({(scope, server_id): life for server_id in server_ids})

    def job(self, scope: JobScope, job_id: str) -> DrsJob | None:
        """The job itself, with its whole life: the truth, which no API shows."""
        return self._jobs.get(scope, {}).get(job_id)

    def start_recovery(self, scope: JobScope, server_ids: Sequence[str]) -> DrsJob:
        """StartRecovery: a new job for these servers, its whole life drawn now.

        Raises ServiceError: ConflictException when a server is in a job that has not ended, and
        ServiceQuotaExceededException.
        """
        now_us = self._kernel.now_us
        open_jobs = [job for job in self._open.get(scope, ()) if job.ended_us > now_us]
        self._open[scope] = open_jobs
        try:
            self._check(open_jobs, server_ids)
        except ServiceError as error:
            self._trace.emit(StartRefused(now_us, scope.account_id, scope.region, error.code))
            raise
        job = self._draw(scope, server_ids, now_us)
        open_jobs.append(job)
        self._jobs.setdefault(scope, {})[job.job_id] = job
        self._trace.emit(JobStarted(now_us, scope.account_id, scope.region, job.job_id, len(server_ids)))
        return job

    def describe_jobs(
        self, scope: JobScope, job_ids: Sequence[str], token: str | None = None
    ) -> tuple[tuple[Job, ...], str | None]:
        """DescribeJobs with a filter of job ids: one page, newest job first, and the token of the next page.

        Raises ServiceError: ValidationException for more than 1,000 ids.
        """
        if len(job_ids) > 1000:
            raise ServiceError("ValidationException", f"jobIDs holds at most 1000 ids, got {len(job_ids)}")
        known: Mapping[str, DrsJob] = self._jobs.get(scope, {})
        # A filter: an id that stands in it twice finds its job once.
        found = [known[job_id] for job_id in dict.fromkeys(job_ids) if job_id in known]
        if len(found) > 1:
            found.sort(key=lambda job: (-job.created_us, job.job_id))
        first = 0 if token is None else int(token)
        last = first + self._spec.page_size
        now_us = self._kernel.now_us
        jobs = tuple(job.view(now_us) for job in found[first:last])
        return jobs, str(last) if last < len(found) else None

    def _check(self, open_jobs: Sequence[DrsJob], server_ids: Sequence[str]) -> None:
        if len(server_ids) > self._spec.servers_per_job_max:
            raise _quota("servers in a single job", self._spec.servers_per_job_max)
        busy = {server.source_server_id for job in open_jobs for server in job.servers}
        if not busy.isdisjoint(server_ids):
            raise ServiceError(
                "ConflictException",
                "One or more of the Source Servers included in API call are currently being processed by a Job",
            )
        if len(open_jobs) >= self._spec.jobs_max:
            raise _quota("concurrent jobs in progress", self._spec.jobs_max)
        if len(busy) + len(server_ids) > self._spec.servers_in_jobs_max:
            raise _quota("servers in all jobs", self._spec.servers_in_jobs_max)

    def _draw(self, scope: JobScope, server_ids: Sequence[str], now_us: int) -> DrsJob:
        life = self._lives[scope, server_ids[0]]
        # Its first server and how often that was recovered name the job's stream: what else the account runs does
        # not change how this job lives.
        first = (scope, server_ids[0])
        number = self._starts[first] = self._starts.get(first, 0) + 1
        stream = Stream(self._kernel.seed, f"drs/{scope.account_id}/{scope.region}/{server_ids[0]}/{number}")
        started_us = now_us + life.pending.draw(stream)
        launching_us = started_us + life.started.draw(stream)
        failing = set(stream.sample(len(server_ids), life.failed_servers))
        servers = []
        for position, server_id in enumerate(server_ids):
            ended_us = _NEVER_US if life.hangs else launching_us + life.in_progress.draw(stream)
            launches = position not in failing
            servers.append(
                ServerLife(
                    source_server_id=server_id,
                    instance_id=f"i-0{stream.hexadecimal(16)}",
                    launching_us=launching_us,
                    ended_us=ended_us,
                    launches=launches,
                    actions=_draw_actions(life, ended_us, stream) if launches else (),
                )
            )
        job_id = f"drsjob-{stream.hexadecimal(16)}{stream.hexadecimal(1)}"
        return DrsJob(job_id, scope, now_us, started_us, tuple(servers))


def _draw_actions(life: JobLife, launched_us: int, stream: Stream) -> tuple[ActionLife, ...]:
    """A server's launch actions run one after the other, from its launch on; the last ones are those that fail."""
    actions: list[ActionLife] = []
    begun_us = launched_us
    for number in range(life.actions if launched_us < _NEVER_US else 0):
        ended_us = begun_us + life.action_time.draw(stream)
        actions.append(ActionLife(begun_us, ended_us, number < life.actions - life.failed_actions))
        begun_us = ended_us
    return tuple(actions)


def _quota(what: str, most: int) -> ServiceError:
    return ServiceError("ServiceQuotaExceededException", f"the quota of {most} {what} is reached")
