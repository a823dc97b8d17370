"""Recovery instances: what recoveries launched."""

from collections.abc import Iterator, Mapping
from typing import Final

from drsim.orchestrator.model import JobStatus
from drsim.simulator.drs_api.failback_state import TYPE, Instance, shown_failback, shown_replication
from drsim.simulator.drs_api.region import (
    Answer,
    DrsOperation,
    DrsRegion,
    Ec2Instance,
    Members,
    conflict,
    not_found,
    passes,
)
from drsim.simulator.randomness import Stream


def instances(region: DrsRegion) -> Iterator[Instance]:
    """The recovery instances, in the order in which their source servers first had one."""
    for known in region.world.service.recovery_instances(region.scope).values():
        yield Instance(region, known)


def find(region: DrsRegion, instance_id: str) -> Instance | None:
    return next((each for each in instances(region) if each.instance_id == instance_id), None)


def instance(region: DrsRegion, instance_id: str) -> Instance:
    """A recovery instance. Raises DrsRefusedError (ResourceNotFoundException)."""
    found = find(region, instance_id)
    if found is None:
        raise not_found(instance_id, TYPE)
    return found


def check_idle(found: Instance) -> None:
    """Raise ConflictException while a job runs for the instance's source server."""
    service = found.region.world.service
    for job in service.jobs(found.region.scope):
        is_open = job.created_us <= found.now_us and job.status(found.now_us) is not JobStatus.COMPLETED
        if is_open and any(each.source_server_id == found.server_id for each in job.servers):
            text = "One or more of the Source Servers included in API call are currently being processed by a Job"
            raise conflict(text, found.server_id, "source-server")


def check_terminable(region: DrsRegion, instance_ids: list[str]) -> None:
    """Raise ConflictException for an instance whose failback is not over."""
    for each in instances(region):
        if each.instance_id in instance_ids and each.is_replicating:
            text = f"Recovery Instance {each.instance_id} cannot be terminated during failback"
            raise conflict(text, each.instance_id, TYPE)


def describe_recovery_instances(region: DrsRegion, request: Members) -> Answer:
    """Recovery instances that pass all filters."""
    filters = request.get("filters", {})
    return [
        _shown(each)
        for each in instances(region)
        if passes(filters, "recoveryInstanceIDs", each.instance_id)
        and passes(filters, "sourceServerIDs", each.server_id)
    ]


def _shown(found: Instance) -> Members:
    region, frame, known, members = found.region, found.region.frame, found.known, found.server_members
    ec2 = None if region.world.outside is None else region.world.outside.instance(region.scope, found.instance_id)
    state = known.state(frame.now_us)
    answer: Members = {
        "recoveryInstanceID": found.instance_id,
        **frame.identity(TYPE, found.instance_id),
        "ec2InstanceID": found.instance_id,
        "ec2InstanceState": state if ec2 is None or state == "SHUTTING-DOWN" else ec2.state.upper(),
        "sourceServerID": found.server_id,
        "jobID": known.job.job_id,
        "isDrill": known.job.is_drill,
        "pointInTimeSnapshotDateTime": frame.time(known.launch.data_us(known.job.created_us)),
        "originEnvironment": "ON_PREMISES" if found.origin is None else "AWS",
        "failback": shown_failback(frame, found),
        "dataReplicationInfo": shown_replication(frame, found),
        "recoveryInstanceProperties": _properties(found, members.get("sourceProperties", {}), ec2),
    }
    if found.origin is not None and "originAvailabilityZone" in found.origin:
        answer["originAvailabilityZone"] = found.origin["originAvailabilityZone"]
    if "agentVersion" in members:
        answer["agentVersion"] = members["agentVersion"]
    return answer


def _properties(found: Instance, source: Members, ec2: Ec2Instance | None) -> Members:
    """RecoveryInstanceProperties: the source server's hardware, EC2's addresses and volumes or else made-up ones."""
    hints, disks = source.get("identificationHints", {}), found.disks
    names = {name: hints[name] for name in ("hostname", "fqdn") if name in hints}
    ec2 = ec2 or _made_up(found.instance_id, len(disks))
    # A launch into an instance of the user's own keeps the volumes that EC2 has.
    volumes = [{"ebsVolumeID": each} for each in ec2.volume_ids] + [{} for _ in disks]
    properties = {
        "lastUpdatedDateTime": found.region.frame.time(found.known.launch.launched_us),
        "identificationHints": {**names, "awsInstanceID": found.instance_id},
        "networkInterfaces": [{"macAddress": ec2.mac_address, "ips": list(ec2.ips), "isPrimary": True}],
        "disks": [
            {"internalDeviceName": disk.name, "bytes": disk.bytes, **volume}
            for disk, volume in zip(disks, volumes, strict=False)
        ],
    }
    return {**properties, **{name: source[name] for name in ("cpus", "ramBytes", "os") if name in source}}


def _made_up(instance_id: str, disks_count: int) -> Ec2Instance:
    stream = Stream(0, f"moto-drs/{instance_id}/properties")
    octets = [stream.below(254) + 1 for _ in range(7)]
    mac_address = ":".join(["02", *(f"{octet:02x}" for octet in octets[:5])])
    volume_ids = tuple(f"vol-0{stream.hexadecimal(16)}" for _ in range(disks_count))
    return Ec2Instance("running", (f"10.0.{octets[5]}.{octets[6]}",), mac_address, volume_ids)


def disconnect_recovery_instance(region: DrsRegion, request: Members) -> Answer:
    """Stop its replication at once; the record and the EC2 instance stay."""
    found = instance(region, request["recoveryInstanceID"])
    check_idle(found)
    if found.is_disconnected:
        raise conflict(f"Recovery Instance {found.instance_id} is already disconnected", found.instance_id, TYPE)
    if found.failback is not None and found.failback.scope is not None:
        text = f"Recovery Instance {found.instance_id} cannot be disconnected: its replication is reversed"
        raise conflict(text, found.instance_id, TYPE)
    found.record.disconnected_us = found.now_us
    return {}


def delete_recovery_instance(region: DrsRegion, request: Members) -> Answer:
    """Forget an instance that is disconnected or whose replication is reversed; its EC2 instance stays."""
    instance_id = request["recoveryInstanceID"]
    found = find(region, instance_id)
    if found is None:
        raise conflict(f"Recovery Instance {instance_id} does not exist", instance_id, TYPE)
    check_idle(found)
    is_reversed = found.failback is not None and found.failback.scope is not None
    if not (found.is_disconnected or is_reversed):
        text = f"Recovery Instance {instance_id} must be disconnected before it can be deleted"
        raise conflict(text, instance_id, TYPE)
    region.world.service.remove_instance(region.scope, found.known)
    region.world.tags.pop(region.frame.arn(TYPE, instance_id), None)
    return {}


_GUIDE: Final = "botocore's model; AWS DRS user guide, Performing a failback"

OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "DescribeRecoveryInstances": DrsOperation(
        describe_recovery_instances,
        assumed="A wrong filter is a ValidationException. An agent is first seen 2 minutes after the launch. Addresses "
        "and volumes are made up. Within AWS the failback is READY or NOT_READY only. lagDuration is a duration.",
        source="botocore's model; AWS CLI examples; AWS DRS user guide, Monitoring recovery instances",
    ),
    "DisconnectRecoveryInstance": DrsOperation(
        disconnect_recovery_instance,
        assumed="Conflicts: a disconnected instance, one with reversed replication, one in a job.",
        source=_GUIDE,
    ),
    "DeleteRecoveryInstance": DrsOperation(
        delete_recovery_instance,
        assumed="Conflicts: an unknown instance, a connected one without reversed replication, one in a job.",
        source=_GUIDE,
    ),
}
