"""The backend of each account and Region, and the world that it answers from: its own, or one that was attached.

Owns tags, what tests have set up, and the selection of what an answer shows. Jobs and their lives are
`simulator.services.drs`'s, the form of answers `shapes`', requests and status codes `responses`'.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.utils import unix_time

from drsim.orchestrator.model import JobScope
from drsim.simulator.moto_drs import shapes
from drsim.simulator.moto_drs.exceptions import DRSError, ResourceNotFoundError, ValidationError
from drsim.simulator.services.drs import DrsJob, DrsService
from drsim.simulator.services.spec import Drs
from drsim.simulator.trace import Trace


class HostClock:
    """moto's clock, which freezegun moves, in Unix microseconds."""

    seed: Final = 0

    @property
    def now_us(self) -> int:
        """Now. A float holds a present Unix time to a quarter of a microsecond, so rounding gives the exact one."""
        return round(unix_time() * 1_000_000)


@dataclass(slots=True)
class World:
    """Where answers come from: a DRS whose instants count from `epoch_us`, and what the API adds to it."""

    service: DrsService
    epoch_us: int
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """By ARN."""
    staging_account_ids: dict[str, str] = field(default_factory=dict)
    """By ARN of the source server; those without one are staged in their own account."""
    uninitialized: set[JobScope] = field(default_factory=set)
    failures: dict[tuple[JobScope, str], list[DRSError]] = field(default_factory=dict)
    """By place and operation: what its next calls fail with."""


class DRSBackend(BaseBackend):
    """DRS in one account and Region. moto makes a new one at each reset."""

    attached: ClassVar[World | None] = None
    """The world that all backends answer from instead of their own. It outlives moto's resets."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.scope = JobScope(account_id, region_name)
        self._own = World(DrsService(HostClock(), Trace(level="off"), Drs()), epoch_us=0)

    @property
    def world(self) -> World:
        """The world that counts now."""
        return self.attached or self._own

    @property
    def frame(self) -> shapes.Frame:
        """What answers given now have in common."""
        world = self.world
        return shapes.Frame(self.scope, self.partition, world.epoch_us, world.service.now_us, world.tags)

    def start_recovery(self, server_ids: Sequence[str], *, is_drill: bool, tags: Mapping[str, str]) -> dict[str, Any]:
        """A new Job. An id that comes twice counts once. Raises RefusedError as DrsService does."""
        ids = list(dict.fromkeys(server_ids))
        return self._started(self.world.service.start_recovery(self.scope, ids, is_drill=is_drill), tags)

    def terminate_recovery_instances(self, instance_ids: Sequence[str]) -> dict[str, Any]:
        """A new Job. An id that comes twice counts once. Raises RefusedError as DrsService does."""
        ids = list(dict.fromkeys(instance_ids))
        return self._started(self.world.service.terminate_instances(self.scope, ids), {})

    def _started(self, job: DrsJob, tags: Mapping[str, str]) -> dict[str, Any]:
        if tags:
            self.world.tags[self.frame.arn("job", job.job_id)] = dict(tags)
        return shapes.job(self.frame, job)

    def delete_job(self, job_id: str) -> None:
        """Hide a job. Raises RefusedError as DrsService does."""
        self.world.service.delete_job(self.scope, job_id)
        self.world.tags.pop(self.frame.arn("job", job_id), None)

    def jobs(
        self, job_ids: Sequence[str] = (), from_date: str | None = None, to_date: str | None = None
    ) -> list[dict[str, Any]]:
        """Jobs that pass all filters given, both dates included, newest first; an empty list of ids filters nothing.

        Raises ValidationError for a date that no calendar has.
        """
        frame = self.frame
        first_us = None if from_date is None else _instant_us("fromDate", from_date)
        last_us = None if to_date is None else _instant_us("toDate", to_date)
        wanted = frozenset(job_ids)
        found = [
            job
            for job in reversed(self.world.service.jobs(self.scope))
            if (not wanted or job.job_id in wanted)
            and (first_us is None or first_us <= frame.epoch_us + job.created_us)
            and (last_us is None or frame.epoch_us + job.created_us <= last_us)
        ]
        # The sort is stable: of jobs that started at the same instant the later call's comes first.
        found.sort(key=lambda job: job.created_us, reverse=True)
        return [shapes.job(frame, job) for job in found]

    def job_log_items(self, job_id: str) -> list[dict[str, Any]]:
        """The log of a job, oldest first; nothing for an unknown job, since no error for it is modelled (inferred)."""
        frame = self.frame
        job = next((job for job in self.world.service.jobs(self.scope) if job.job_id == job_id), None)
        return [] if job is None else [shapes.log_item(frame, job, item) for item in job.log_items(frame.now_us)]

    def source_servers(
        self,
        server_ids: Sequence[str] = (),
        hardware_id: str | None = None,
        staging_account_ids: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        """Source servers that pass all filters given, in the order in which they were added.

        The model does not say what a hardware id is; here it is the vmWareUuid of the identification hints.
        """
        frame, world = self.frame, self.world
        instances = world.service.recovery_instances(self.scope)
        launches = world.service.last_launches(self.scope)
        answers = []
        for server_id, known in world.service.servers(self.scope).items():
            staging = world.staging_account_ids.get(frame.arn("source-server", server_id), self.account_id)
            if (
                (not server_ids or server_id in server_ids)
                and (hardware_id is None or hardware_id == shapes.identification_hints(server_id)["vmWareUuid"])
                and (not staging_account_ids or staging in staging_account_ids)
            ):
                answer = shapes.source_server(
                    frame,
                    server_id,
                    known,
                    staging_account_id=staging,
                    last_launch=launches.get(server_id),
                    instance=instances.get(server_id),
                )
                answers.append(answer)
        return answers

    def recovery_instances(
        self, instance_ids: Sequence[str] = (), server_ids: Sequence[str] = ()
    ) -> list[dict[str, Any]]:
        """Recovery instances that pass all filters given, in the order in which their source servers first had one."""
        frame = self.frame
        return [
            shapes.recovery_instance(frame, instance)
            for server_id, instance in self.world.service.recovery_instances(self.scope).items()
            if (not instance_ids or instance.launch.instance_id in instance_ids)
            and (not server_ids or server_id in server_ids)
        ]

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of a resource, to read and to change. Raises ResourceNotFoundError."""
        resource_type, _, resource_id = arn.partition("/")
        resource_type = resource_type.rpartition(":")[2]
        service = self.world.service
        ids: set[str] = set()
        match resource_type:
            case "job":
                ids = {job.job_id for job in service.jobs(self.scope)}
            case "source-server":
                ids = set(service.servers(self.scope))
            case "recovery-instance":
                ids = {each.launch.instance_id for each in service.recovery_instances(self.scope).values()}
        # Comparing whole ARNs refuses those of other accounts, Regions and services.
        if resource_id not in ids or arn != self.frame.arn(resource_type, resource_id):
            raise ResourceNotFoundError(resource_id or arn, resource_type or "resource")
        return self.world.tags.setdefault(arn, {})


def _instant_us(member: str, text: str) -> int:
    """Unix microseconds of a time that `validation` has let pass. Raises ValidationError."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        name = f"filters.{member}"
        raise ValidationError([(name, f"Value '{text}' at '{name}' is no date of the calendar")]) from None
    return (instant - shapes.EPOCH) // timedelta(microseconds=1)


drs_backends = BackendDict(DRSBackend, "drs")
