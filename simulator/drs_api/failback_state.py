"""What the API keeps of a recovery instance beside the job that launched it, and how its failback stands.

`failback` has the calls of a failback to on-premises, `reversal` those of one within AWS.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from drsim.orchestrator.model import JobScope, ServerStatus
from drsim.simulator.drs_api import source_properties, source_servers
from drsim.simulator.drs_api.region import DrsRegion, Members
from drsim.simulator.drs_api.replication import OFF, STEPS, Disk, Replication, View
from drsim.simulator.drs_api.shapes import Frame, iso_duration
from drsim.simulator.durations import NEVER_US
from drsim.simulator.services.drs_jobs import DrsJob, RecoveryInstance

TYPE: Final = "recovery-instance"

AGENT_US: Final = 120_000_000
"""From the launch of an instance until its agent is seen (assumed; AWS publishes no time)."""

CLIENT_STEPS: Final = (
    "LINK_FAILBACK_CLIENT_WITH_RECOVERY_INSTANCE",
    "COMPLETE_VOLUME_MAPPING",
    "ESTABLISH_RECOVERY_INSTANCE_COMMUNICATION",
    "DOWNLOAD_REPLICATION_SOFTWARE_TO_FAILBACK_CLIENT",
    "CONFIGURE_REPLICATION_SOFTWARE",
    "PAIR_AGENT_WITH_REPLICATION_SOFTWARE",
    "ESTABLISH_AGENT_REPLICATOR_SOFTWARE_COMMUNICATION",
)
"""Initiation steps of a failback to on-premises, in the order of botocore's model."""


@dataclass(slots=True)
class Failback:
    """One failback of an instance, from `begun_us` until it is stopped.

    On premises `client_id` names the Failback Client and `job` its launch. Within AWS the instance feeds the source
    server `server_id` of `scope`, whose replication this is.
    """

    begun_us: int
    replication: Replication
    client_id: str = ""
    to_original: bool = True
    scope: JobScope | None = None
    server_id: str = ""
    job: DrsJob | None = None
    stopped_us: int = NEVER_US


@dataclass(slots=True)
class InstanceRecord:
    """What calls and Failback Clients did to one recovery instance. Instants later than now do not count."""

    settings: Members = field(default_factory=dict)
    """The members of FailbackReplicationConfiguration that were changed."""
    disconnected_us: int = NEVER_US
    failback: Failback | None = None
    server: source_servers.ServerRecord | None = None
    """Its source server, also once that is deleted."""


@dataclass(slots=True)
class InstanceRecords:
    """The records of an account and Region, by job and source server."""

    by_key: dict[tuple[str, str], InstanceRecord] = field(default_factory=dict)


class Instance:
    """A recovery instance as of now."""

    def __init__(self, region: DrsRegion, known: RecoveryInstance) -> None:
        self.region = region
        self.known = known
        self.instance_id = known.launch.instance_id
        self.server_id = known.launch.source_server_id
        self.record = region.part(InstanceRecords).by_key.setdefault(known.key, InstanceRecord())
        self.now_us = region.world.service.now_us
        if self.has_server:
            self.record.server = source_servers.record(region, self.server_id)

    @property
    def has_server(self) -> bool:
        """Whether DRS still has its source server."""
        return self.server_id in self.region.world.service.servers(self.region.scope)

    @property
    def server_members(self) -> Members:
        """SourceServer's members that calls do not change, as they were last if the server is deleted."""
        found = self.record.server
        return source_properties.members(self.server_id) if found is None else found.members

    @property
    def origin(self) -> Members | None:
        """sourceCloudProperties of an instance that comes from EC2, else None."""
        found: Members | None = self.server_members.get("sourceCloudProperties")
        return found

    @property
    def disks(self) -> list[Disk]:
        disks = self.server_members.get("sourceProperties", {}).get("disks", ())
        return [Disk(each.get("deviceName", ""), each.get("bytes", 0)) for each in disks]

    @property
    def agent_us(self) -> int:
        """When its agent is seen first."""
        return self.known.launch.launched_us + AGENT_US

    @property
    def is_disconnected(self) -> bool:
        return self.record.disconnected_us <= self.now_us

    @property
    def failback(self) -> Failback | None:
        """The failback that has begun and was not stopped."""
        found = self.record.failback
        return found if found is not None and found.begun_us <= self.now_us < found.stopped_us else None

    @property
    def launch_status(self) -> ServerStatus | None:
        """Of its part in the last job of StartFailbackLaunch; None before any."""
        job = None if self.failback is None else self.failback.job
        if job is None or job.created_us > self.now_us:
            return None
        life = next(each for each in job.servers if each.source_server_id == self.server_id)
        return life.status(self.now_us)

    @property
    def is_replicating(self) -> bool:
        """Whether its data is copied to where it came from, be that stalled or not."""
        found = self.failback
        if found is None or self.is_disconnected or self.launch_status is ServerStatus.LAUNCHED:
            return False
        return found.replication.view(self.now_us).period.state not in OFF

    @property
    def state(self) -> str:
        """failback.state. Within AWS it is READY or NOT_READY only, as AWS has no launch there that would end it."""
        found, from_aws = self.failback, self.origin is not None
        idle = "FAILBACK_NOT_READY_FOR_LAUNCH" if from_aws else "FAILBACK_NOT_STARTED"
        if self.launch_status is ServerStatus.LAUNCHED:
            return "FAILBACK_COMPLETED"
        if found is None or not self.is_replicating:
            return idle
        if self.launch_status is ServerStatus.FAILED:
            return "FAILBACK_ERROR"
        view = found.replication.view(self.now_us)
        if view.ready_since_us is not None and self.launch_status is None:
            return "FAILBACK_READY_FOR_LAUNCH"
        if view.period.state == "STALLED":
            return "FAILBACK_ERROR"
        return idle if from_aws else "FAILBACK_IN_PROGRESS"


def shown_failback(frame: Frame, instance: Instance) -> Members:
    """RecoveryInstanceFailback, as of now."""
    answer: Members = {"state": instance.state}
    if instance.agent_us <= frame.now_us:
        seen_us = min(frame.now_us, instance.record.disconnected_us)
        answer["agentLastSeenByServiceDateTime"] = frame.time(seen_us)
    found = instance.failback
    if found is None:
        return answer
    answer["failbackInitiationTime"] = frame.time(found.begun_us)
    if (first_us := found.replication.view(frame.now_us).first_byte_us) is not None:
        answer["firstByteDateTime"] = frame.time(first_us)
    if found.client_id:
        answer["failbackClientID"] = found.client_id
        answer["failbackToOriginalServer"] = found.to_original
        if instance.is_replicating:
            answer["failbackClientLastSeenByServiceDateTime"] = frame.time(frame.now_us)
        if instance.launch_status is not None and found.job is not None:
            answer["failbackJobID"] = found.job.job_id
            answer["failbackLaunchType"] = "RECOVERY"
    elif (job := _last_launch(instance, found)) is not None:
        answer["failbackJobID"] = job.job_id
        answer["failbackLaunchType"] = "DRILL" if job.is_drill else "RECOVERY"
    return answer


def _last_launch(instance: Instance, found: Failback) -> DrsJob | None:
    """The last launch, since this failback began, of the source server that the instance feeds."""
    assert found.scope is not None
    service = instance.region.at(*found.scope).world.service
    launch = service.last_launches(found.scope).get(found.server_id)
    if launch is None or not found.begun_us <= launch.job.created_us <= instance.now_us:
        return None
    return launch.job


def shown_replication(frame: Frame, instance: Instance) -> Members:
    """RecoveryInstanceDataReplicationInfo: NOT_STARTED is the sign that no failback was begun."""
    found = instance.failback
    if found is None:
        return {"dataReplicationState": "DISCONNECTED" if instance.is_disconnected else "NOT_STARTED"}
    view = found.replication.view(frame.now_us)
    state = view.period.state if instance.is_replicating else "STOPPED"
    if instance.is_disconnected:
        state = "DISCONNECTED"
    answer: Members = {"dataReplicationState": state, "replicatedDisks": _disks(instance, view)}
    if found.scope is not None:
        answer["stagingAvailabilityZone"] = f"{found.scope.region}a"
    if state in {"STOPPED", "DISCONNECTED"}:
        return answer
    if view.lag_us is not None:
        answer["lagDuration"] = iso_duration(view.lag_us)
    if state in {"INITIAL_SYNC", "RESCAN"}:
        answer["etaDateTime"] = frame.time(view.period.begun_us + view.period.whole_us)
    steps = CLIENT_STEPS if found.client_id else STEPS
    done, status = int(view.steps * len(steps)), "IN_PROGRESS"
    if (failed := view.period.error.removeprefix("FAILED_TO_")) in steps:
        done, status = steps.index(failed), "FAILED"
    statuses = ["SUCCEEDED"] * done + [status] + ["NOT_STARTED"] * len(steps)
    answer["dataReplicationInitiation"] = {
        "startDateTime": frame.time(view.initiated_us),
        "steps": [{"name": name, "status": each} for name, each in zip(steps, statuses, strict=False)],
    }
    if view.period.error:
        answer["dataReplicationError"] = {"error": view.period.error}
    return answer


def _disks(instance: Instance, view: View) -> list[dict[str, Any]]:
    is_connected = not instance.is_disconnected
    return [
        {
            "deviceName": disk.name,
            "totalStorageBytes": disk.bytes if is_connected else 0,
            "replicatedStorageBytes": int(disk.bytes * view.replicated) if is_connected else 0,
            "rescannedStorageBytes": int(disk.bytes * view.rescanned) if is_connected else 0,
            "backloggedStorageBytes": 0,
        }
        for disk in instance.disks
    ]
