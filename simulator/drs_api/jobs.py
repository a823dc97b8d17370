"""Jobs: started, shown with their log, and hidden."""

from collections.abc import Iterable, Mapping
from math import inf
from types import MappingProxyType
from typing import Final

from drsim.simulator.drs_api import launch as launch_settings
from drsim.simulator.drs_api import recovery_instances, shapes, source_servers
from drsim.simulator.drs_api import snapshots as snapshots_of
from drsim.simulator.drs_api.region import Answer, DrsOperation, DrsRegion, Members, conflict
from drsim.simulator.services.drs_jobs import DrsJob, InitiatedBy, LaunchTerms

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def launch(
    region: DrsRegion,
    server_ids: Iterable[str],
    *,
    is_drill: bool,
    snapshots: Mapping[str, str] = _NONE,
    initiated_by: str = "",
    tags: Mapping[str, str] = _NONE,
) -> DrsJob:
    """Start a job that launches these servers as their launch settings say; an id that comes twice counts once.

    `snapshots` are ids of recovery snapshots by server; the other servers use the most recent data. `initiated_by` is
    START_DRILL or START_RECOVERY by default. Raises DrsRefusedError: ConflictException for a server or snapshot that is
    unknown, busy or cannot be launched, and ServiceQuotaExceededException; then no job starts.
    """
    ids, known = list(dict.fromkeys(server_ids)), region.world.service.servers(region.scope)
    terms = {each: _terms(region, each, snapshots.get(each)) for each in ids if each in known}
    starter = InitiatedBy(initiated_by) if initiated_by else None
    job = region.world.service.start_recovery(region.scope, ids, is_drill=is_drill, terms=terms, initiated_by=starter)
    if tags:
        region.world.tags[region.frame.arn("job", job.job_id)] = dict(tags)
    return job


def start_aws_job(region: DrsRegion, server_ids: Iterable[str], initiated_by: str) -> DrsJob:
    """Start a job that no public call starts: what it does, and that its servers must be launchable, is assumed.

    A job for a TARGET_ACCOUNT makes converted snapshots of servers that are staged here; a DIAGNOSTIC one of AWS
    Support launches them as a drill. Raises ValueError for another word, and DrsRefusedError as `launch` does.
    """
    if initiated_by == InitiatedBy.DIAGNOSTIC:
        return launch(region, server_ids, is_drill=True, initiated_by=initiated_by)
    if initiated_by != InitiatedBy.TARGET_ACCOUNT:
        raise ValueError(f"initiated_by must be DIAGNOSTIC or TARGET_ACCOUNT, got {initiated_by!r}")
    ids, service = list(dict.fromkeys(server_ids)), region.world.service
    known = service.servers(region.scope)
    # Launch actions need an instance.
    terms = {each: _terms(region, each, None)._replace(actions=()) for each in ids if each in known}
    return service.start_recovery(region.scope, ids, terms=terms, initiated_by=InitiatedBy.TARGET_ACCOUNT)


def _terms(region: DrsRegion, server_id: str, snapshot_id: str | None) -> LaunchTerms:
    if problem := source_servers.launch_problem(region, server_id):
        raise conflict(problem, server_id, "source-server")
    _check_target(region, launch_settings.configuration(region, server_id))
    if snapshot_id is None:
        return launch_settings.terms(region, server_id, previous_us=snapshots_of.previous_us(region, server_id))
    found = snapshots_of.find(region, server_id, snapshot_id)
    if found is None:
        text = f"Recovery snapshot {snapshot_id} of source server {server_id} does not exist"
        raise conflict(text, snapshot_id, "recovery-snapshot")
    return launch_settings.terms(region, server_id, snapshot_us=found.at_us)


def _check_target(region: DrsRegion, configuration: Members) -> None:
    """Refuse a launch into an instance that EC2 has and that is not stopped."""
    instance_id = configuration["launchIntoInstanceProperties"].get("launchIntoEC2InstanceID")
    outside = region.world.outside
    found = None if instance_id is None or outside is None else outside.instance(region.scope, instance_id)
    if found is not None and found.state != "stopped":
        text = f"Instance {instance_id} needs to be in a stopped state but is in a {found.state} state"
        raise conflict(text, instance_id, "instance")


def start_recovery(region: DrsRegion, request: Members) -> Answer:
    """Start a drill or a recovery. Of a server that comes twice the first snapshot counts."""
    servers = request["sourceServers"]
    pairs = [(each["sourceServerID"], each.get("recoverySnapshotID")) for each in servers]
    chosen = dict(reversed(pairs))
    job = launch(
        region,
        [server_id for server_id, _ in pairs],
        is_drill=request.get("isDrill", False),
        snapshots={server_id: snapshot_id for server_id, snapshot_id in chosen.items() if snapshot_id is not None},
        tags=request.get("tags", {}),
    )
    return {"job": shapes.job(region.frame, job)}


def terminate_recovery_instances(region: DrsRegion, request: Members) -> Answer:
    """Start a job that terminates instances. An id that comes twice counts once."""
    ids = list(dict.fromkeys(request["recoveryInstanceIDs"]))
    recovery_instances.check_terminable(region, ids)
    return {"job": shapes.job(region.frame, region.world.service.terminate_instances(region.scope, ids))}


def delete_job(region: DrsRegion, request: Members) -> Answer:
    """Hide a job that has ended, and forget its tags."""
    region.world.service.delete_job(region.scope, request["jobID"])
    region.world.tags.pop(region.frame.arn("job", request["jobID"]), None)
    return None


def describe_jobs(region: DrsRegion, request: Members) -> Answer:
    """Jobs that pass all filters, both dates included, newest first; an empty list of ids filters nothing."""
    frame, filters = region.frame, request.get("filters", {})
    ids = frozenset(filters.get("jobIDs", ()))
    first_us = shapes.instant_us("filters.fromDate", filters.get("fromDate"), -inf)
    last_us = shapes.instant_us("filters.toDate", filters.get("toDate"), inf)
    found = [
        job
        for job in reversed(region.world.service.jobs(region.scope, ids))
        if first_us <= frame.epoch_us + job.created_us <= last_us
    ]
    # The sort is stable: of jobs that started at the same instant the later call's comes first.
    found.sort(key=lambda job: job.created_us, reverse=True)
    return [shapes.job(frame, job) for job in found]


def describe_job_log_items(region: DrsRegion, request: Members) -> Answer:
    """The log of a job, oldest first; nothing for an unknown job, since no error for it is modelled (inferred)."""
    frame = region.frame
    jobs = region.world.service.jobs(region.scope, [request["jobID"]])
    return [shapes.log_item(frame, job, item) for job in jobs for item in region.world.service.log_items(job)]


OPERATIONS: Final[Mapping[str, DrsOperation]] = {
    "StartRecovery": DrsOperation(
        start_recovery,
        "An unknown server or snapshot, and a server that cannot be launched, are ConflictExceptions. A malformed "
        "request is a ValidationException, more than 200 servers a ServiceQuotaExceededException.",
        "AWS user guide, service quotas; AWS's sample job logs of 2022",
    ),
    "TerminateRecoveryInstances": DrsOperation(
        terminate_recovery_instances,
        "An unknown instance is a ConflictException. It takes as long as a launch; its log has CLEANUP_* only.",
        "botocore's model, AWS CLI examples",
    ),
    "DescribeJobs": DrsOperation(
        describe_jobs, "An unknown id finds nothing; both dates are included.", "botocore's model, AWS's sample jobs"
    ),
    "DescribeJobLogItems": DrsOperation(
        describe_job_log_items,
        "An unknown job has no items. The order of events that AWS's samples lack is inferred (services/drs_log.py).",
        "AWS's sample job logs of 2022",
    ),
    "DeleteJob": DrsOperation(
        delete_job,
        "An open job is a ConflictException; instances and servers stay as they are.",
        "botocore's model",
    ),
}
