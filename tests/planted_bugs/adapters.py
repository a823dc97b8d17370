"""Wrong adapters of DRS, of the table and of CloudWatch under the right poller.

Each docstring says how one comes to write it.
"""

from collections.abc import Sequence
from dataclasses import replace

from drsim.orchestrator.errors import TryLaterError
from drsim.orchestrator.model import (
    Execution,
    ExecutionKey,
    ExecutionType,
    Job,
    JobScope,
    JobStatus,
    MetricPoint,
    PollUpdate,
    ServerLaunch,
    ServerStatus,
)
from drsim.orchestrator.ports import JobsPage
from drsim.orchestrator.settings import MINUTE_US
from drsim.simulator.world import Parts, Ports, production_poller


class Jobs:
    """A DRS adapter, right as it stands; wrong ones change its answer."""

    def __init__(self, ports: Ports) -> None:
        self.right = ports.jobs
        self.clock = ports.clock

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        page = self.right.describe_page(scope, job_ids, token)
        return replace(page, jobs=tuple(self.change(job) for job in page.jobs))

    def change(self, job: Job) -> Job:
        return job


class FailedIsLaunched(Jobs):
    """A job that is COMPLETED must have launched its servers, mustn't it?"""

    def change(self, job: Job) -> Job:
        if job.status is not JobStatus.COMPLETED:
            return job
        return replace(job, servers=tuple(replace(each, status=ServerStatus.LAUNCHED) for each in job.servers))


class ActionsIgnored(Jobs):
    """The adapter does not parse launchActionsStatus."""

    def change(self, job: Job) -> Job:
        return replace(job, servers=tuple(replace(each, actions=()) for each in job.servers))


class ServersInAnyOrder(Jobs):
    """Names are matched by position, and DRS's order is not the table's."""

    def change(self, job: Job) -> Job:
        names = [server.source_server_id for server in job.servers]
        ends = [(server.status, server.instance_id, server.actions) for server in reversed(job.servers)]
        return replace(job, servers=tuple(ServerLaunch(name, *end) for name, end in zip(names, ends, strict=True)))


class InstancesInAnyOrder(Jobs):
    """The same for the ids of instances, from a list beside that of the servers."""

    def change(self, job: Job) -> Job:
        ids = [server.instance_id for server in reversed(job.servers)]
        servers = zip(job.servers, ids, strict=True)
        return replace(job, servers=tuple(replace(server, instance_id=name) for server, name in servers))


class DescribesEachWave(Jobs):
    """A loop over waves with a call in it."""

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        pages = [self.right.describe_page(scope, [job_id], None) for job_id in job_ids]
        return JobsPage(tuple(job for page in pages for job in page.jobs))


class AsksAtHomeToo(Jobs):
    """The client of the Lambda's own Region is asked as well, to be safe."""

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        if scope.region != "us-east-1":
            self.right.describe_page(JobScope(scope.account_id, "us-east-1"), job_ids, token)
        return super().describe_page(scope, job_ids, token)


class AsksAboutOthers(Jobs):
    """A cache of ids that lives as long as the environment, and serves every execution."""

    def __init__(self, ports: Ports) -> None:
        super().__init__(ports)
        self._ids: dict[JobScope, dict[str, None]] = {}

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        known = self._ids.setdefault(scope, {})
        known.update(dict.fromkeys(job_ids))
        return super().describe_page(scope, list(known), token)


class AsksAtHomeOnly(Jobs):
    """boto3.client("drs") without region_name."""

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        return self.right.describe_page(JobScope(scope.account_id, "us-east-1"), job_ids, token)


class FirstPageOfJobsOnly(Jobs):
    """nextToken ignored."""

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        return replace(super().describe_page(scope, job_ids, token), next_token=None)


class AlwaysThrottled(Jobs):
    """A quota that another tool uses up."""

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        super().describe_page(scope, job_ids, token)
        raise TryLaterError("DescribeJobs: ThrottlingException")


class Store:
    """A table adapter, right as it stands."""

    def __init__(self, ports: Ports) -> None:
        self.right = ports.store

    def get(self, key: ExecutionKey) -> Execution | None:
        return self.right.get(key)

    def save_poll(self, update: PollUpdate) -> None:
        self.right.save_poll(update)


class EndsInLocalTime(Store):
    """EndTime by datetime.now() of a machine five hours west."""

    def save_poll(self, update: PollUpdate) -> None:
        end_us = None if update.end_us is None else update.end_us - 5 * 60 * MINUTE_US
        super().save_poll(replace(update, end_us=end_us))


class DrillsAreRecoveries(Store):
    """The type of an execution is not read, and every drill waits for launch actions."""

    def get(self, key: ExecutionKey) -> Execution | None:
        found = super().get(key)
        return None if found is None else replace(found, type=ExecutionType.RECOVERY)


class CachedStore(Store):
    """@lru_cache on the read, to save capacity units."""

    def __init__(self, ports: Ports) -> None:
        super().__init__(ports)
        self._found: dict[ExecutionKey, Execution | None] = {}

    def get(self, key: ExecutionKey) -> Execution | None:
        if key not in self._found:
            self._found[key] = super().get(key)
        return self._found[key]


class NeverMovesLastPolledTime(Store):
    """LastPolledTime is set with if_not_exists."""

    def get(self, key: ExecutionKey) -> Execution | None:
        found = super().get(key)
        return None if found is None else replace(found, last_polled_us=None)

    def save_poll(self, update: PollUpdate) -> None:
        before = self.right.get(update.key)
        first_us = None if before is None else before.last_polled_us
        super().save_poll(replace(update, last_polled_us=first_us or update.last_polled_us))


class Metrics:
    """A CloudWatch adapter, right as it stands."""

    def __init__(self, ports: Ports) -> None:
        self.right = ports.metrics

    def publish(self, points: Sequence[MetricPoint]) -> None:
        self.right.publish(points)


class MetricRenamed(Metrics):
    """One metric was renamed, and its old name is on the dashboard."""

    def publish(self, points: Sequence[MetricPoint]) -> None:
        super().publish([point for point in points if point.name != "WavesPolled"])


class MetricsTwice(Metrics):
    """A call whose answer came late is made again."""

    def publish(self, points: Sequence[MetricPoint]) -> None:
        super().publish(points)
        super().publish(points)


class MetricsInSeconds(Metrics):
    """Seconds under the name of milliseconds."""

    def publish(self, points: Sequence[MetricPoint]) -> None:
        timed = "PollingDuration"
        super().publish(
            [MetricPoint(name, value / 1000 if name == timed else value, unit) for name, value, unit in points]
        )


class AgeLeftOut(Metrics):
    """The dispatch lost its StartTime in a rewrite, and nothing asks for a metric that is not there."""

    def publish(self, points: Sequence[MetricPoint]) -> None:
        super().publish([point for point in points if point.name != "OldestExecutionAge"])


class AgeBackwards(Metrics):
    """The difference of two times, taken the wrong way round."""

    def publish(self, points: Sequence[MetricPoint]) -> None:
        aged = "OldestExecutionAge"
        super().publish([MetricPoint(name, -value if name == aged else value, unit) for name, value, unit in points])


def poller_asking(jobs: type[Jobs]) -> Parts:
    """The right poller with a wrong DRS adapter."""
    return Parts(poller=lambda ports: production_poller(replace(ports, jobs=jobs(ports))))


def poller_storing(store: type[Store]) -> Parts:
    """The right poller with a wrong table adapter."""
    return Parts(poller=lambda ports: production_poller(replace(ports, store=store(ports))))


def poller_measuring(metrics: type[Metrics]) -> Parts:
    """The right poller with a wrong CloudWatch adapter."""
    return Parts(poller=lambda ports: production_poller(replace(ports, metrics=metrics(ports))))
