"""Wrong adapters of DRS and CloudWatch under the right poller.

Each docstring says how one comes to write it.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from orchestrator.errors import TryLaterError
from orchestrator.model import (
    Job,
    JobScope,
    JobStatus,
    MetricPoint,
    ServerLaunch,
    ServerStatus,
)
from orchestrator.ports import JobsPage
from orchestrator.settings import MINUTE_US
from simulator.world import Parts, Ports, production_poller

_log = logging.getLogger("orchestrator.planted")

HOUR_US: Final = 60 * MINUTE_US


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


class DescribesEachWave(Jobs):
    """A loop over waves with a call in it."""

    def describe_page(self, scope: JobScope, job_ids: Sequence[str], token: str | None) -> JobsPage:
        return JobsPage(tuple(job for one in job_ids for job in super_page(self, scope, one)))


def super_page(jobs: Jobs, scope: JobScope, job_id: str) -> tuple[Job, ...]:
    return jobs.right.describe_page(scope, [job_id], None).jobs


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


class MetricsWithout:
    """One metric was renamed, and its old name is on the dashboard."""

    def __init__(self, ports: Ports, name: str) -> None:
        self._metrics = ports.metrics
        self._name = name

    def publish(self, points: Sequence[MetricPoint]) -> None:
        self._metrics.publish([point for point in points if point.name != self._name])


def poller_asking(jobs: type[Jobs]) -> Parts:
    """The right poller with a wrong DRS adapter."""
    return Parts(poller=lambda ports: production_poller(replace(ports, jobs=jobs(ports))))
