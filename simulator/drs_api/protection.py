"""The calls that start, stop and retry the replication of a source server, disconnect it and delete it."""

from collections.abc import Mapping
from typing import Final

from drsim.orchestrator.model import JobStatus
from drsim.simulator.drs_api.plan_records import plans_with
from drsim.simulator.drs_api.recovery_instances import instances
from drsim.simulator.drs_api.region import Answer, DrsOperation, DrsRegion, Members, conflict, validation_error
from drsim.simulator.drs_api.replication import COURSES, OFF
from drsim.simulator.drs_api.source_servers import TYPE, ServerRecord, Servers, change, record, shown


def start_replication(region: DrsRegion, request: Members) -> Answer:
    """Replicate a stopped server again, from an initial sync on."""
    found = _own(region, request["sourceServerID"])
    state = _state(region, found)
    if state != "STOPPED":
        text = f"Cannot start replication of Source Server {found.server_id} because its replication is {state}."
        raise conflict(text, found.server_id, TYPE)
    change(region, found, COURSES["INITIATING"])
    return {"sourceServer": shown(region, found)}


def stop_replication(region: DrsRegion, request: Members) -> Answer:
    """Stop replicating a server at once; its points in time are gone."""
    found = _own(region, request["sourceServerID"])
    state = _state(region, found)
    if state in OFF:
        text = f"Cannot stop replication of Source Server {found.server_id} because its replication is {state}."
        raise conflict(text, found.server_id, TYPE)
    change(region, found, COURSES["STOPPED"])
    return {"sourceServer": shown(region, found)}


def retry_data_replication(region: DrsRegion, request: Members) -> Answer:
    """Begin the initiation steps of a stalled, stopped or disconnected server again.

    What was copied before it stalled is only scanned again; else an initial sync follows.
    """
    found = _own(region, request["sourceServerID"], is_conflict=False)
    view = found.replication.view(region.world.service.now_us)
    if view.period.state not in {"STALLED", *OFF}:
        text = f"Cannot retry replication of Source Server {found.server_id} because it is {view.period.state}."
        raise validation_error([("sourceServerID", text)])
    states = COURSES["INITIATING"] if view.ready_since_us is None else ("INITIATING", *COURSES["RESCAN"])
    change(region, found, states)
    return shown(region, found)


def disconnect_source_server(region: DrsRegion, request: Members) -> Answer:
    """Stop replicating a server at once and give up its resources, unless it has a recovery instance."""
    server_id = request["sourceServerID"]
    found = _own(region, server_id)
    if any(each.server_id == server_id and not each.is_disconnected for each in instances(region)):
        raise conflict(
            f"Cannot disconnect Source Server {server_id} because it has a Recovery Instance.", server_id, TYPE
        )
    _check_idle(region, server_id)
    if _state(region, found) == "DISCONNECTED":
        raise conflict(f"Source Server {server_id} is already disconnected.", server_id, TYPE)
    change(region, found, COURSES["DISCONNECTED"])
    return shown(region, found)


def delete_source_server(region: DrsRegion, request: Members) -> Answer:
    """Delete a disconnected server, or an extended one in any state, which leaves its staging server as it is."""
    server_id = request["sourceServerID"]
    found = record(region, server_id)
    if not found.staging_account_id and (state := _state(region, found)) != "DISCONNECTED":
        text = f"Cannot delete Source Server {server_id} because it is {state}; disconnect it first."
        raise conflict(text, server_id, TYPE)
    _check_idle(region, server_id)
    if plans := plans_with(region, server_id):
        text = (
            f"Source server {server_id} belongs to recovery plan {plans[0].partition('/')[2]}; remove it there first."
        )
        raise conflict(text, server_id, TYPE)
    region.world.service.remove_server(region.scope, server_id)
    region.part(Servers).records.pop(server_id, None)
    region.world.tags.pop(region.frame.arn(TYPE, server_id), None)
    return None


def _own(region: DrsRegion, server_id: str, *, is_conflict: bool = True) -> ServerRecord:
    """The record of a server that is staged here. Raises DrsRefusedError for others, which change there only."""
    found = record(region, server_id)
    if found.staging_account_id:
        text = f"Source Server {server_id} is staged in {found.staging_account_id} and changes only there."
        raise conflict(text, server_id, TYPE) if is_conflict else validation_error([("sourceServerID", text)])
    return found


def _state(region: DrsRegion, found: ServerRecord) -> str:
    return found.replication.view(region.world.service.now_us).period.state


def _check_idle(region: DrsRegion, server_id: str) -> None:
    """Raise ConflictException, with the text of StartRecovery, while a job runs for a server."""
    service = region.world.service
    for job in service.jobs(region.scope):
        is_open = job.status(service.now_us) is not JobStatus.COMPLETED
        if is_open and any(each.source_server_id == server_id for each in job.servers):
            text = "One or more of the Source Servers included in API call are currently being processed by a Job"
            raise conflict(text, server_id, TYPE)


_GUIDE: Final = "DRS user guide, replication states and server actions; AWS's CLI examples"
OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "StartReplication": DrsOperation(
        start_replication, assumed="Any state but STOPPED is a ConflictException.", source=_GUIDE
    ),
    "StopReplication": DrsOperation(
        stop_replication, assumed="STOPPED and DISCONNECTED are a ConflictException.", source=_GUIDE
    ),
    "RetryDataReplication": DrsOperation(
        retry_data_replication,
        assumed="A state that cannot be retried is a ValidationException; data copied before is only scanned again.",
        source="botocore's model of the operation",
    ),
    "DisconnectSourceServer": DrsOperation(
        disconnect_source_server,
        assumed="A server that is disconnected already, or in a running job, is a ConflictException.",
        source="botocore's model of the operation; the text of the conflict is from an operator's log of 2024-09",
    ),
    "DeleteSourceServer": DrsOperation(
        delete_source_server,
        assumed="A connected server, or one in a running job or a recovery plan, is a ConflictException. Jobs and "
        "instances stay.",
        source="botocore's model of the operation; DRS user guide, multiple accounts",
    ),
}
