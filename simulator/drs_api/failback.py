"""Failback to on-premises: a Failback Client pairs with a recovery instance, then the instance's machine is launched.

Source: AWS DRS user guide, Performing a failback.
"""

from collections.abc import Mapping
from typing import Any, Final

from drsim.orchestrator.model import ServerStatus
from drsim.simulator.drs_api import shapes
from drsim.simulator.drs_api.failback_state import CLIENT_STEPS, TYPE, Failback, Instance
from drsim.simulator.drs_api.recovery_instances import check_idle, find, instance
from drsim.simulator.drs_api.region import Answer, DrsOperation, DrsRegion, Members, conflict, validation_error
from drsim.simulator.drs_api.replication import Replication, course
from drsim.simulator.randomness import Stream
from drsim.simulator.services.drs_jobs import InitiatedBy, LaunchTerms

ERRORS: Final = (
    *("AGENT_NOT_SEEN", "FAILBACK_CLIENT_NOT_SEEN", "NOT_CONVERGING", "UNSTABLE_NETWORK"),
    *(f"FAILED_TO_{step}" for step in CLIENT_STEPS[2:]),
)
"""What can stall a failback to on-premises, in botocore's words. The first two steps have no error of their own."""

_DEFAULTS: Final[Mapping[str, Any]] = {
    "name": "Failback Replication Configuration",
    "bandwidthThrottling": 0,
    "usePrivateIP": False,
    "internetProtocol": "IPV4",
}


def pair(region: DrsRegion, instance_id: str, *, to_original: bool = True, error: str = "") -> str:
    """Let a Failback Client pair with an instance and begin to copy its data; return the client's id.

    DRS has no public call for it. With an error, one of `ERRORS`, it stalls at once. Raises ValueError for another
    error, and for an instance that cannot be paired now.
    """
    if error and error not in ERRORS:
        raise ValueError(f"error must be one of {', '.join(ERRORS)}, got {error!r}")
    found = find(region, instance_id)
    problem = f"is no recovery instance of {region.scope}" if found is None else _pairing_problem(found)
    if found is None or problem:
        raise ValueError(f"recovery instance {instance_id} {problem}")
    begun_us = found.now_us
    client_id = f"i-0{Stream(0, f'moto-drs/{instance_id}/failback-client/{begun_us}').hexadecimal(16)}"
    states = ("STALLED",) if error else ("INITIATING", "INITIAL_SYNC", "CONTINUOUS")
    periods = course(states, begun_us, instance_id, found.disks, error=error)
    found.record.failback = Failback(begun_us, Replication(periods), client_id, to_original)
    return client_id


def _pairing_problem(found: Instance) -> str:
    if found.origin is not None:
        return "comes from AWS: ReverseReplication begins its failback"
    if found.is_disconnected:
        return "is disconnected"
    if found.now_us < found.agent_us:
        return "has an agent that DRS has not seen yet: it is seen 2 minutes after the launch"
    return "is paired already" if found.is_replicating else ""


def start_failback_launch(region: DrsRegion, request: Members) -> Answer:
    """Start a job that launches the machines paired with these instances. An id that comes twice counts once."""
    chosen = []
    for number, instance_id in enumerate(request["recoveryInstanceIDs"]):
        path, found = f"recoveryInstanceIDs.{number}", find(region, instance_id)
        if found is None or found.origin is not None:
            what = "is no recovery instance" if found is None else "comes from AWS, and is failed back by StartRecovery"
            raise validation_error([(path, f"Value '{instance_id}' at '{path}' {what}")])
        check_idle(found)
        has_failed = found.launch_status is ServerStatus.FAILED and found.is_replicating
        if found.state != "FAILBACK_READY_FOR_LAUNCH" and not has_failed:
            text = f"Recovery Instance {instance_id} is not ready for a failback launch: its state is {found.state}"
            raise conflict(text, instance_id, TYPE)
        chosen.append(found)
    terms = {found.server_id: LaunchTerms(actions=(), instance_id=found.instance_id) for found in chosen}
    service, starter = region.world.service, InitiatedBy.FAILBACK
    job = service.start_recovery(region.scope, list(terms), terms=terms, initiated_by=starter)
    for found in chosen:
        if found.record.failback is not None:
            found.record.failback.job = job
    if tags := request.get("tags"):
        region.world.tags[region.frame.arn("job", job.job_id)] = dict(tags)
    return {"job": shapes.job(region.frame, job)}


def stop_failback(region: DrsRegion, request: Members) -> Answer:
    """End a failback to on-premises that no launch has begun or completed; without one, do nothing."""
    found = instance(region, request["recoveryInstanceID"])
    is_launching = found.launch_status not in (None, ServerStatus.FAILED)
    if found.failback is not None and found.failback.client_id and not is_launching:
        found.failback.stopped_us = found.now_us
    return {}


def get_failback_replication_configuration(region: DrsRegion, request: Members) -> Answer:
    found = instance(region, request["recoveryInstanceID"])
    return {"recoveryInstanceID": found.instance_id, **_DEFAULTS, **found.record.settings}


def update_failback_replication_configuration(region: DrsRegion, request: Members) -> Answer:
    """Change the members that are given."""
    settings = instance(region, request["recoveryInstanceID"]).record.settings
    settings.update({name: request[name] for name in _DEFAULTS if name in request})
    return {}


_GUIDE: Final = "botocore's model; AWS DRS user guide, Performing a failback"

OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "StartFailbackLaunch": DrsOperation(
        start_failback_launch,
        assumed="An unknown instance, and one from AWS, is a ValidationException; one that is not READY is a conflict. "
        "The job lives as a launch of the source server, without snapshots. A failed launch can be repeated.",
        source=_GUIDE,
    ),
    "StopFailback": DrsOperation(
        stop_failback,
        assumed="Without a failback to on-premises, or while or after it is launched, nothing changes.",
        source=_GUIDE,
    ),
    "GetFailbackReplicationConfiguration": DrsOperation(
        get_failback_replication_configuration,
        assumed="`internetProtocol` is IPV4 at first.",
        source="AWS CLI examples",
    ),
    "UpdateFailbackReplicationConfiguration": DrsOperation(
        update_failback_replication_configuration, assumed="Omitted members stay.", source="AWS CLI examples"
    ),
}
