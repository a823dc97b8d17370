"""Source servers: what DRS knows of the machines that it protects. `protection` has the calls that change them."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from drsim.simulator.drs_api import replication, source_properties
from drsim.simulator.drs_api.region import Answer, DrsOperation, DrsRegion, Members, not_found, passes
from drsim.simulator.drs_api.replication import COURSES, OFF, Disk, Period, Replication
from drsim.simulator.drs_api.replication_templates import settings_for_new
from drsim.simulator.drs_api.shapes import iso_duration
from drsim.simulator.services.drs_jobs import RecoveryInstance

TYPE: Final = "source-server"


@dataclass(slots=True)
class ServerRecord:
    """What the API keeps of one source server."""

    server_id: str
    added_us: int
    members: Members
    """Members of SourceServer that calls do not change, such as sourceProperties. They precede those worked out."""
    replication: Replication
    settings: Members
    """The members of its ReplicationConfiguration that it shares with templates."""
    staging_account_id: str = ""
    """Of a server whose staging area is in another account, else empty."""
    staging_arn: str = ""
    """The server in the staging account that this one extends. Both share one `Replication`."""

    @property
    def disks(self) -> list[Disk]:
        """The disks that replicate: the model has room for 60 of a machine's up to 1,000."""
        disks = self.members.get("sourceProperties", {}).get("disks", [])
        return [Disk(each.get("deviceName", ""), each.get("bytes", 0)) for each in disks[:60]]


@dataclass(slots=True)
class Servers:
    """The records of an account and Region, by id."""

    records: dict[str, ServerRecord] = field(default_factory=dict)
    untrusted: set[str] = field(default_factory=set)
    """Target accounts for which the role of a staging account is missing here."""
    extended_count: int = 0


def add(region: DrsRegion, server_id: str, members: Members, state: str = "CONTINUOUS") -> ServerRecord:
    """Keep a record of a source server that the service has, instead of an earlier one.

    It replicates from now on in one of `COURSES`, with the settings that the template has now.
    """
    now_us, settings = region.world.service.now_us, settings_for_new(region)
    first_id = next(iter(region.world.service.servers(region.scope)))
    shares_server = server_id != first_id and not settings["useDedicatedReplicationServer"]
    made = ServerRecord(server_id, now_us, members, Replication([], shares_server), settings)
    made.replication.periods = replication.course(COURSES[state], now_us, server_id, made.disks)
    region.part(Servers).records[server_id] = made
    return made


def record(region: DrsRegion, server_id: str) -> ServerRecord:
    """The record of a source server. Raises ResourceNotFoundException.

    A server that the service alone knows, as in scenarios, gets one on first use: on premises, and CONTINUOUS since
    it was added.
    """
    known = region.world.service.servers(region.scope).get(server_id)
    if known is None:
        raise not_found(server_id, TYPE)
    found = region.part(Servers).records.get(server_id)
    if found is None:
        found = add(region, server_id, source_properties.members(server_id))
        found.added_us = known.added_us
        found.replication.periods = [Period("CONTINUOUS", known.added_us)]
    return found


def launch_problem(region: DrsRegion, server_id: str) -> str | None:
    """Why a source server cannot be launched now; None if it can. Raises ResourceNotFoundException.

    It can once it has a point in time, in whichever state it replicates then (user guide, preparing for failover).
    """
    found = record(region, server_id)
    if error := staging_error(region, found):
        return error
    view = found.replication.view(region.world.service.now_us)
    if view.period.state in OFF:
        return f"Source Server {server_id} does not replicate: its state is {view.period.state}"
    if view.ready_since_us is None:
        return f"Source Server {server_id} has not finished its initial sync"
    return None


def staging_error(region: DrsRegion, found: ServerRecord) -> str:
    """Why the staging server of an extended one cannot be read, or an empty text."""
    if not found.staging_arn:
        return ""
    staging, server_id = region.at(found.staging_account_id, region.scope.region), found.staging_arn.rpartition("/")[2]
    if region.scope.account_id in staging.part(Servers).untrusted:
        return "Error in Authorization"
    if server_id not in staging.world.service.servers(staging.scope):
        return f"Staging Source Server {found.staging_arn} does not exist"
    return ""


def change(region: DrsRegion, found: ServerRecord, states: tuple[str, ...], **first: Any) -> None:
    """Let a server replicate through these states from now on. `first` has error, raw_error and lag_us of the first."""
    now_us = region.world.service.now_us
    found.replication.change(now_us, replication.course(states, now_us, found.server_id, found.disks, **first))


def describe_source_servers(region: DrsRegion, request: Members) -> Answer:
    """Source servers that pass all filters, in the order in which they were added."""
    service, filters = region.world.service, request.get("filters", {})
    hardware_id = filters.get("hardwareId")
    instances, launches = service.recovery_instances(region.scope), service.last_launches(region.scope)
    makers: list[Callable[[], Members]] = []
    for server_id in service.servers(region.scope):
        found = record(region, server_id)
        if (
            passes(filters, "sourceServerIDs", server_id)
            and (hardware_id is None or hardware_id in _hardware_ids(found))
            and passes(filters, "stagingAccountIDs", found.staging_account_id or region.scope.account_id)
        ):
            makers.append(partial(_shown, region, found, launches.get(server_id), instances.get(server_id)))
    return makers


def shown(region: DrsRegion, found: ServerRecord) -> Members:
    """SourceServer, as of now."""
    service, server_id = region.world.service, found.server_id
    launch = service.last_launches(region.scope).get(server_id)
    return _shown(region, found, launch, service.recovery_instances(region.scope).get(server_id))


def _hardware_ids(found: ServerRecord) -> set[str]:
    """EC2 instance id, VMware's UUID and MAC addresses."""
    properties = found.members.get("sourceProperties", {})
    hints = properties.get("identificationHints", {})
    macs = [each.get("macAddress") for each in properties.get("networkInterfaces", ())]
    return {each for each in (hints.get("awsInstanceID"), hints.get("vmWareUuid"), *macs) if each}


def _shown(
    region: DrsRegion, found: ServerRecord, launch: RecoveryInstance | None, instance: RecoveryInstance | None
) -> Members:
    frame = region.frame
    answer: Members = {
        "sourceServerID": found.server_id,
        **frame.identity(TYPE, found.server_id),
        "lastLaunchResult": "NOT_STARTED",
        "lifeCycle": _life_cycle(region, found),
        "stagingArea": _staging_area(region, found),
        "replicationDirection": "FAILOVER",
        **deepcopy(found.members),
        "dataReplicationInfo": replication.info(frame, found.replication, found.disks),
    }
    if "sourceProperties" in answer:
        answer["sourceProperties"].setdefault("lastUpdatedDateTime", frame.time(frame.now_us))
    if launch is not None:
        has_ended = launch.launch.ended_us <= frame.now_us
        result = "SUCCEEDED" if launch.launch.launches else "FAILED"
        answer["lastLaunchResult"] = result if has_ended else "PENDING"
        answer["lifeCycle"]["lastLaunch"] = {
            "initiated": {
                "apiCallDateTime": frame.time(launch.job.created_us),
                "jobID": launch.job.job_id,
                "type": "DRILL" if launch.job.is_drill else "RECOVERY",
            },
            "status": launch.launch.status(frame.now_us).value,
        }
    if instance is not None:
        # With a small d, here only.
        answer["recoveryInstanceId"] = instance.launch.instance_id
    return answer


def _life_cycle(region: DrsRegion, found: ServerRecord) -> Members:
    """LifeCycle before any launch. An agent that is not seen, or has gone, was last seen when that began."""
    frame = region.frame
    view = found.replication.view(frame.now_us)
    period = view.period
    is_gone = period.state == "DISCONNECTED" or period.error == "AGENT_NOT_SEEN"
    life: Members = {
        "addedToServiceDateTime": frame.time(found.added_us),
        "lastSeenByServiceDateTime": frame.time(period.begun_us if is_gone else frame.now_us),
        "lastLaunch": {"initiated": {}},
    }
    if view.first_byte_us is not None:
        until_us = period.begun_us if period.state in OFF else frame.now_us
        life["firstByteDateTime"] = frame.time(view.first_byte_us)
        life["elapsedReplicationDuration"] = iso_duration(max(0, until_us - view.first_byte_us))
    return life


def _staging_area(region: DrsRegion, found: ServerRecord) -> Members:
    if not found.staging_account_id:
        return {"status": "NOT_EXTENDED", "stagingAccountID": region.scope.account_id}
    area = {"status": "EXTENDED", "stagingAccountID": found.staging_account_id}
    if found.staging_arn:
        area["stagingSourceServerArn"] = found.staging_arn
    if error := staging_error(region, found):
        area |= {"status": "EXTENSION_ERROR", "errorMessage": error}
    return area


OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "DescribeSourceServers": DrsOperation(
        describe_source_servers,
        assumed="`hardwareId` finds an EC2 instance id, a VMware UUID or a MAC address; hardware is made up from the "
        "server's id; durations of replication steps, copying and the first snapshot.",
        source="AWS's sample servers of 2022-12; DRS user guide, source server info",
    ),
}
