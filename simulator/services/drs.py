"""DRS: the jobs and source servers of each account and Region, and the refusal of calls.

`drs_jobs` has a job's state at each instant. Sources: botocore's service model for drs 2020-02-26, AWS service quotas.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

from drsim.orchestrator.model import Job, JobScope, JobStatus, ServerStatus
from drsim.simulator.durations import NEVER_US
from drsim.simulator.events import JobStarted, StartRefused
from drsim.simulator.randomness import Stream
from drsim.simulator.services.drs_draws import draw_launch, draw_termination
from drsim.simulator.services.drs_jobs import DrsJob, InitiatedBy, JobKind, LaunchTerms, RecoveryInstance, ServerLife
from drsim.simulator.services.drs_log import LogItem
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.spec import Drs, JobLife
from drsim.simulator.trace import Trace

__all__ = ["DrsJob", "DrsRefusedError", "DrsService", "SeededClock", "SourceServer"]


class SeededClock(Protocol):
    """The time (us since the epoch of this DRS), and the seed of all streams: the kernel, or the host's clock."""

    @property
    def now_us(self) -> int: ...
    @property
    def seed(self) -> int: ...


class DrsRefusedError(ServiceError):
    """A refused call. `members` are those of the error's shape besides its message, as on the wire."""

    def __init__(self, code: str, message: str, **members: Any) -> None:
        super().__init__(code, message)
        self.members = members


class _StoppedClock(NamedTuple):
    """A clock that stands still."""

    now_us: int
    seed: int


class SourceServer(NamedTuple):
    """A registered source server: the life of the jobs that begin with it, and the instant of its registration."""

    life: JobLife
    added_us: int


class DrsService:
    def __init__(self, clock: SeededClock, trace: Trace, spec: Drs) -> None:
        self.spec = spec
        self._clock = clock
        self._trace = trace
        self._servers: dict[JobScope, dict[str, SourceServer]] = {}
        # In the order of their start, and the ids of those that DeleteJob has hidden.
        self._jobs: dict[tuple[str, str], dict[str, DrsJob]] = {}
        self._deleted: dict[JobScope, set[str]] = {}
        # The jobs that had not ended at the last look, and the instant of that look.
        self._open: dict[JobScope, tuple[list[DrsJob], int]] = {}
        self._starts: dict[tuple[JobScope, str], int] = {}
        self.doomed: set[str] = set()
        """Source servers whose launches fail, besides those that the lives of jobs draw."""
        # When DeleteRecoveryInstance removed an instance, by its job and source server.
        self._removed: dict[JobScope, dict[tuple[str, str], int]] = {}

    def add_servers(self, scope: JobScope, server_ids: Sequence[str], life: JobLife) -> None:
        """Register source servers. A job has the life of its first server."""
        server = SourceServer(life, self._clock.now_us)
        self._servers.setdefault(scope, {}).update(dict.fromkeys(server_ids, server))

    def remove_server(self, scope: JobScope, server_id: str) -> None:
        """Forget a source server, of which no job runs; ended jobs and recovery instances stay."""
        del self._servers[scope][server_id]

    @property
    def now_us(self) -> int:
        return self._clock.now_us

    @contextmanager
    def as_of(self, at_us: int) -> Iterator[None]:
        """Let calls act as of an earlier instant: a recovery plan starts jobs when no one calls DRS."""
        clock, self._clock = self._clock, _StoppedClock(at_us, self._clock.seed)
        try:
            yield
        finally:
            self._clock = clock

    def busy_servers(self, scope: JobScope) -> set[str]:
        """Return the servers of the jobs that have not ended."""
        open_jobs = self._open_jobs(scope, self._clock.now_us)
        return {server.source_server_id for job in open_jobs for server in job.servers}

    def servers(self, scope: JobScope) -> Mapping[str, SourceServer]:
        """By id, oldest first."""
        return self._servers.get(scope, {})

    def job(self, scope: tuple[str, str], job_id: str) -> DrsJob | None:
        """Return the job itself, with its whole life: the truth, which no API shows."""
        jobs = self._jobs.get(scope)
        return None if jobs is None else jobs.get(job_id)

    def left_out(self, scope: JobScope, job_id: str, shown_count: int) -> bool:
        """Return whether an answer with this number of the job's servers leaves some out."""
        job = self.job(scope, job_id)
        return job is not None and shown_count < len(job.servers)

    def jobs(self, scope: JobScope, job_ids: Collection[str] = ()) -> list[DrsJob]:
        """Return the jobs that no DeleteJob has hidden, in the order of their start: those with these ids, or all.

        After the host's clock went back, jobs of the future are left out.
        """
        known, deleted, now_us = self._jobs.get(scope, {}), self._deleted.get(scope, ()), self._clock.now_us
        found = [job for job in map(known.get, job_ids) if job is not None] if job_ids else list(known.values())
        if len(job_ids) > 1:
            found.sort(key=lambda job: job.serial)
        return [job for job in found if job.job_id not in deleted and job.created_us <= now_us]

    def recovery_instances(self, scope: JobScope, at_us: int | None = None) -> dict[str, RecoveryInstance]:
        """Return each source server's recovery instance, by its id: now, or as of an instant.

        A job that launches the server again removes the earlier instance as it begins (AWS's user guide).
        """
        found: dict[str, RecoveryInstance] = {}
        now_us = self._clock.now_us if at_us is None else at_us
        for job in self._jobs.get(scope, {}).values():
            # The host's clock can go back, and then there are jobs of the future.
            if job.created_us > now_us:
                continue
            for server in job.servers:
                name = server.source_server_id
                if server.terminates:
                    if server.status(now_us) is ServerStatus.TERMINATED:
                        found.pop(name, None)
                    elif name in found:
                        found[name] = found[name]._replace(termination=server)
                elif job.makes_instances:
                    if job.cleaned_us <= now_us:
                        found.pop(name, None)
                    if server.launched_us <= now_us < server.terminated_us:
                        found[name] = RecoveryInstance(server, job)
        removed = self._removed.get(scope, {})
        return {name: each for name, each in found.items() if removed.get(each.key, NEVER_US) > now_us}

    def remove_instance(self, scope: JobScope, instance: RecoveryInstance) -> None:
        """DeleteRecoveryInstance: from now on DRS does not know the instance."""
        self._removed.setdefault(scope, {})[instance.key] = self._clock.now_us

    def instances(self, scope: JobScope) -> Iterator[tuple[ServerLife, DrsJob, int]]:
        """Yield all instances that jobs launch, oldest job first, with the instant at which each is terminated."""
        latest: dict[str, tuple[ServerLife, DrsJob, int]] = {}
        for job in self._jobs.get(scope, {}).values():
            for server in job.servers:
                name = server.source_server_id
                if name in latest and (server.terminates or job.makes_instances):
                    before, its_job, gone_us = latest.pop(name)
                    # An instance of the user's own, into which a job launched, is not cleaned up.
                    cleaned_us = NEVER_US if before.terms.instance_id is not None else job.cleaned_us
                    yield before, its_job, min(gone_us, server.ended_us if server.terminates else cleaned_us)
                if job.makes_instances and server.makes_instance:
                    latest[name] = (server, job, server.terminated_us)
        yield from latest.values()

    def log_items(self, job: DrsJob) -> tuple[LogItem, ...]:
        """Return the entries of DescribeJobLogItems up to now, oldest first."""
        cleaned = self.recovery_instances(job.scope, job.created_us - 1) if job.makes_instances else ()
        return job.log_items(self._clock.now_us, cleaned)

    def last_launches(self, scope: JobScope) -> dict[str, RecoveryInstance]:
        """Return each source server's part in its last StartRecovery, ended or not; deleted jobs count."""
        known, now_us = self._jobs.get(scope, {}).values(), self._clock.now_us
        jobs = [job for job in known if job.makes_instances and job.created_us <= now_us]
        return {server.source_server_id: RecoveryInstance(server, job) for job in jobs for server in job.servers}

    def start_recovery(
        self,
        scope: JobScope,
        server_ids: Sequence[str],
        *,
        is_drill: bool = False,
        terms: Mapping[str, LaunchTerms] | None = None,
        initiated_by: InitiatedBy | None = None,
    ) -> DrsJob:
        """StartRecovery: a new job for these servers, its whole life drawn now. `terms` are by server.

        One that a TARGET_ACCOUNT initiates makes converted snapshots only.
        Raises DrsRefusedError for an unknown or busy server (ConflictException), and ServiceQuotaExceededException.
        """
        now_us = self._clock.now_us
        open_jobs = self._open_jobs(scope, now_us)
        try:
            _check_known("Source Server", self.servers(scope), server_ids)
            self._check(scope, open_jobs, server_ids)
        except ServiceError as error:
            self._trace.emit(StartRefused(now_us, scope.account_id, scope.region, error.code))
            raise
        life = self._servers[scope][server_ids[0]].life
        # The job's stream is named by its first server and that server's number of recoveries, so that other jobs of
        # the account do not change this job's life.
        first = (scope, server_ids[0])
        number = self._starts[first] = self._starts.get(first, 0) + 1
        stream = Stream(self._clock.seed, f"drs/{scope.account_id}/{scope.region}/{server_ids[0]}/{number}")
        drawn = draw_launch(
            life, stream, scope, server_ids, now_us, is_drill=is_drill, terms=terms or {}, doomed=self.doomed
        )
        drawn.initiated_by = initiated_by
        if initiated_by is InitiatedBy.TARGET_ACCOUNT:
            drawn.kind = JobKind.CREATE_CONVERTED_SNAPSHOT
        job = self._keep(drawn)
        lives = tuple([server.summary(is_drill=is_drill) for server in job.servers])
        settled_us = job.ended_us if is_drill else job.settled_us
        ids = (scope.account_id, scope.region, job.job_id)
        self._trace.emit(JobStarted(now_us, *ids, len(server_ids), job.started_us, settled_us, lives))
        return job

    def terminate_instances(self, scope: JobScope, instance_ids: Sequence[str]) -> DrsJob:
        """TerminateRecoveryInstances: a new job that takes as long as a launch. Raises as `start_recovery` does."""
        now_us = self._clock.now_us
        open_jobs = self._open_jobs(scope, now_us)
        known = {each.launch.instance_id: each.launch for each in self.recovery_instances(scope).values()}
        _check_known("Recovery Instance", known, instance_ids)
        launches = [known[instance_id] for instance_id in instance_ids]
        self._check(scope, open_jobs, [launch.source_server_id for launch in launches])
        # The source server may be deleted by now.
        server = self.servers(scope).get(launches[0].source_server_id)
        life = JobLife() if server is None else server.life
        # An instance is terminated once, so its id names a stream that no other job has.
        stream = Stream(self._clock.seed, f"drs/{scope.account_id}/{scope.region}/{launches[0].instance_id}/end")
        return self._keep(draw_termination(life, stream, scope, launches, now_us))

    def add_job(self, job: DrsJob) -> DrsJob:
        """Keep a job that was made elsewhere, as those of networks. Raises as `start_recovery` does."""
        open_jobs = self._open_jobs(job.scope, self._clock.now_us)
        self._check(job.scope, open_jobs, [server.source_server_id for server in job.servers])
        return self._keep(job)

    def delete_job(self, scope: JobScope, job_id: str) -> None:
        """DeleteJob: the API no longer shows the job; its instances stay.

        Raises DrsRefusedError: ResourceNotFoundException, and ConflictException for an open job (inferred).
        """
        job = self.job(scope, job_id)
        deleted = self._deleted.setdefault(scope, set())
        resource = {"resourceId": job_id, "resourceType": "job"}
        if job is None or job_id in deleted:
            raise DrsRefusedError("ResourceNotFoundException", f"Job {job_id} was not found", **resource)
        if job.status(self._clock.now_us) is not JobStatus.COMPLETED:
            raise DrsRefusedError("ConflictException", f"Job {job_id} has not completed", **resource)
        deleted.add(job_id)

    def describe_jobs(
        self, scope: JobScope, job_ids: Sequence[str], token: str | None = None
    ) -> tuple[tuple[Job, ...], str | None]:
        """DescribeJobs with a filter of job ids: one page, newest job first, and the token of the next page.

        Raises ServiceError: ValidationException for more than 1,000 ids, and for a token that DRS never gave.
        """
        if len(job_ids) > 1000:
            raise ServiceError("ValidationException", f"jobIDs holds at most 1000 ids, got {len(job_ids)}")
        if token is not None and not (token.isascii() and token.isdecimal()):
            raise ServiceError("ValidationException", f"nextToken must be one of an earlier answer, got {token!r}")
        # A repeated id finds its job once.
        known, deleted = self._jobs.get(scope, {}), self._deleted.get(scope, ())
        found = [known[job_id] for job_id in dict.fromkeys(job_ids) if job_id in known and job_id not in deleted]
        found.sort(key=lambda job: (-job.created_us, job.job_id))
        first = 0 if token is None else int(token)
        last = first + self.spec.page_size
        now_us = self._clock.now_us
        return tuple(job.view(now_us) for job in found[first:last]), str(last) if last < len(found) else None

    def _open_jobs(self, scope: JobScope, now_us: int) -> list[DrsJob]:
        """Return the jobs that have started and not ended."""
        kept, looked_us = self._open.get(scope, ([], now_us))
        # If the host's clock went back, jobs that had ended are open again.
        candidates = kept if looked_us <= now_us else self._jobs.get(scope, {}).values()
        kept = [job for job in candidates if job.ended_us > now_us]
        self._open[scope] = kept, now_us
        return [job for job in kept if job.created_us <= now_us]

    def _keep(self, job: DrsJob) -> DrsJob:
        self._open[job.scope][0].append(job)
        jobs = self._jobs.setdefault(job.scope, {})
        job.serial = len(jobs)
        jobs[job.job_id] = job
        return job

    def _check(self, scope: JobScope, open_jobs: Sequence[DrsJob], server_ids: Sequence[str]) -> None:
        if len(server_ids) > self.spec.servers_per_job_max:
            raise _quota(scope, "servers in a single job", self.spec.servers_per_job_max, "L-B827C881")
        busy = {server.source_server_id for job in open_jobs for server in job.servers}
        if not busy.isdisjoint(server_ids):
            text = "One or more of the Source Servers included in API call are currently being processed by a Job"
            busy_id = next(server_id for server_id in server_ids if server_id in busy)
            raise DrsRefusedError("ConflictException", text, resourceId=busy_id, resourceType="source-server")
        if len(open_jobs) >= self.spec.jobs_max:
            raise _quota(scope, "concurrent jobs in progress", self.spec.jobs_max, "L-D88FAC3A")
        if len(busy) + len(server_ids) > self.spec.servers_in_jobs_max:
            raise _quota(scope, "servers in all jobs", self.spec.servers_in_jobs_max, "L-05AFA8C6")


def _check_known(what: str, known: Mapping[str, object], ids: Sequence[str]) -> None:
    # AWS does not publish the error for an unknown id. Of the errors modelled for these calls, this one asks for
    # another call, and names the resource.
    for each in ids:
        if each not in known:
            kind = what.lower().replace(" ", "-")
            text = f"{what} {each} does not exist"
            raise DrsRefusedError("ConflictException", text, resourceId=each, resourceType=kind)


def _quota(scope: JobScope, what: str, most: int, code: str) -> DrsRefusedError:
    text = f"the quota of {most} {what} is reached"
    members = {"resourceId": scope.account_id, "resourceType": "account", "serviceCode": "drs", "quotaCode": code}
    return DrsRefusedError("ServiceQuotaExceededException", text, **members)
