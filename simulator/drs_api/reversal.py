"""Failback within AWS: ReverseReplication lets a recovery instance feed a source server where it came from.

Sources: AWS DRS user guide (Failback across Regions, accounts and Availability Zones), operators' notes of live runs.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Final

from drsim.orchestrator.model import JobScope
from drsim.simulator.drs_api import launch, source_servers
from drsim.simulator.drs_api.failback_state import TYPE, Failback, Instance
from drsim.simulator.drs_api.recovery_instances import check_idle, instance
from drsim.simulator.drs_api.region import (
    Answer,
    DrsOperation,
    DrsRegion,
    Members,
    conflict,
    uninitialized,
    validation_error,
)
from drsim.simulator.drs_api.replication import COURSES, Period, course
from drsim.simulator.drs_api.source_servers import ServerRecord
from drsim.simulator.randomness import Stream

_UNSEEN_US: Final = 60_000_000
"""How long a server whose machine was replaced is STALLED, until its new agent is seen (assumed)."""


def reverse_replication(region: DrsRegion, request: Members) -> Answer:
    """Let an instance feed a source server where it came from, and return that server's ARN.

    An instance of a server that protects the origin feeds a new server there. One that failed back feeds the server
    that its own server came from; one in another zone of its Region feeds its own.
    """
    found = instance(region, request["recoveryInstanceID"])
    origin = _checked(found)
    if origin == region.scope:
        fed_region, fed = region, source_servers.record(region, found.server_id)
        _protect(found, fed, states=("RESCAN", "CONTINUOUS"))
    elif "reversedDirectionSourceServerArn" in found.server_members and _is_failback(found):
        fed_region = region.at(*origin)
        fed_id = found.server_members["reversedDirectionSourceServerArn"].rpartition("/")[2]
        fed = source_servers.record(fed_region, fed_id)
        _protect(found, fed, states=("STALLED", "RESCAN", "CONTINUOUS"))
    else:
        fed_region = region.at(*origin)
        fed = _new_server(found, fed_region)
    found.record.failback = Failback(found.now_us, fed.replication, scope=fed_region.scope, server_id=fed.server_id)
    return {"reversedDirectionSourceServerArn": fed_region.frame.arn(source_servers.TYPE, fed.server_id)}


def _is_failback(found: Instance) -> bool:
    return found.server_members.get("replicationDirection") == "FAILBACK"


def _checked(found: Instance) -> JobScope:
    """The account and Region that the instance came from. Raises DrsRefusedError for one that cannot be reversed."""
    instance_id, cloud = found.instance_id, found.origin
    if cloud is None:
        text = f"Recovery Instance {instance_id} did not originate in EC2"
        raise validation_error([("recoveryInstanceID", text)])
    check_idle(found)
    problem = ""
    if found.now_us < found.agent_us:
        problem = "has not finished initializing"
    elif found.is_disconnected:
        problem = "is disconnected"
    elif not found.has_server:
        problem = "has no source server any more"
    elif found.failback is not None and found.failback.replication.view(found.now_us).period.state != "DISCONNECTED":
        problem = "has reversed its replication already"
    if problem:
        raise conflict(f"Recovery Instance {instance_id} {problem}", instance_id, TYPE)
    origin = _origin(found, cloud)
    if origin in found.region.at(*origin).world.uninitialized:
        raise uninitialized()
    return origin


def _origin(found: Instance, cloud: Members) -> JobScope:
    """Where an instance came from: its own account and Region where a loaded server names none (assumed)."""
    own = found.region.scope
    origin = JobScope(cloud.get("originAccountID", own.account_id), cloud.get("originRegion", own.region))
    try:
        found.region.at(*origin)
    except KeyError:
        text = f"Recovery Instance {found.instance_id} comes from {origin.region}, a Region without DRS"
        raise validation_error([("recoveryInstanceID", text)]) from None
    return origin


def _new_server(found: Instance, origin: DrsRegion) -> ServerRecord:
    """A source server of the origin, which protects the instance from now on."""
    region, stream = found.region, Stream(0, f"moto-drs/{found.instance_id}/reversed/{found.now_us}")
    server_id = f"s-{stream.hexadecimal(16)}{stream.hexadecimal(1)}"
    own_arn = region.frame.arn(source_servers.TYPE, found.server_id)
    life = region.world.service.servers(region.scope)[found.server_id].life
    members = deepcopy(found.server_members)
    members |= {
        "replicationDirection": "FAILBACK",
        "reversedDirectionSourceServerArn": own_arn,
        "sourceCloudProperties": {
            "originAccountID": region.scope.account_id,
            "originRegion": region.scope.region,
            "originAvailabilityZone": f"{region.scope.region}a",
        },
    }
    original_id = _identify(members, found.instance_id)
    origin.world.service.add_servers(origin.scope, [server_id], life)
    made = source_servers.add(origin, server_id, members, "INITIATING")
    own = source_servers.record(region, found.server_id).members
    own["reversedDirectionSourceServerArn"] = origin.frame.arn(source_servers.TYPE, server_id)
    if original_id and (launch.settings(origin).template or {}).get("launchIntoSourceInstance"):
        into = {"launchIntoEC2InstanceID": original_id}
        launch.configuration(origin, server_id)["launchIntoInstanceProperties"] = into
    return made


def _identify(members: Members, instance_id: str) -> str | None:
    """Let a server's hints name an EC2 instance, and return the instance that they named."""
    hints = members.setdefault("sourceProperties", {}).setdefault("identificationHints", {})
    before: str | None = hints.get("awsInstanceID")
    hints["awsInstanceID"] = instance_id
    return before


def _protect(found: Instance, fed: ServerRecord, states: tuple[str, ...]) -> None:
    """Let an existing source server protect the instance: the disks are scanned, not copied."""
    _identify(fed.members, found.instance_id)
    now_us, periods = found.now_us, []
    if states[0] == "STALLED":
        periods.append(Period("STALLED", now_us, _UNSEEN_US, error="AGENT_NOT_SEEN"))
        now_us += _UNSEEN_US
    periods += course(COURSES["RESCAN"], now_us, fed.server_id, fed.disks)
    fed.replication.change(found.now_us, periods)


OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "ReverseReplication": DrsOperation(
        reverse_replication,
        assumed="Conflicts: an instance that is disconnected, in a job or without its server; one that is reversed, "
        "until the server that it feeds is disconnected. One from on-premises is a ValidationException. A server whose "
        "machine was replaced is STALLED for 1 minute.",
        source="botocore's model; AWS DRS user guide, Failback across Regions; operators' notes of 2026-09",
    ),
}
