"""The operations of DRS that are answered: one function and one entry of `OPERATIONS` each.

A function gets an account's Region and the request's members, checked against botocore's model. It returns the members
of the answer, a list of items to be paged, or None for an answer without a body. It raises DrsRefusedError.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from math import inf
from typing import Any, Final

from drsim.simulator.drs_api import shapes
from drsim.simulator.drs_api.state import DrsRegion, not_found, validation_error

Members = dict[str, Any]
Answer = Members | list[Members] | None


def start_recovery(region: DrsRegion, request: Members) -> Answer:
    """Start a job. An id that comes twice counts once."""
    ids = list(dict.fromkeys(server["sourceServerID"] for server in request["sourceServers"]))
    job = region.world.service.start_recovery(region.scope, ids, is_drill=request.get("isDrill", False))
    if tags := request.get("tags"):
        region.world.tags[region.frame.arn("job", job.job_id)] = dict(tags)
    return {"job": shapes.job(region.frame, job)}


def terminate_recovery_instances(region: DrsRegion, request: Members) -> Answer:
    """Start a job that terminates instances. An id that comes twice counts once."""
    ids = list(dict.fromkeys(request["recoveryInstanceIDs"]))
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
    first_us, last_us = _instant_us("fromDate", filters, -inf), _instant_us("toDate", filters, inf)
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
    return [shapes.log_item(frame, job, item) for job in jobs for item in job.log_items(frame.now_us)]


def describe_source_servers(region: DrsRegion, request: Members) -> Answer:
    """Source servers that pass all filters, in the order in which they were added.

    The model does not define a hardware id; here it is the vmWareUuid of the identification hints.
    """
    frame, world, filters = region.frame, region.world, request.get("filters", {})
    instances = world.service.recovery_instances(region.scope)
    launches = world.service.last_launches(region.scope)
    answers = []
    for server_id, known in world.service.servers(region.scope).items():
        staging = world.staging_account_ids.get(frame.arn("source-server", server_id), region.scope.account_id)
        if (
            _passes(filters, "sourceServerIDs", server_id)
            and filters.get("hardwareId") in (None, shapes.identification_hints(server_id)["vmWareUuid"])
            and _passes(filters, "stagingAccountIDs", staging)
        ):
            latest = {"last_launch": launches.get(server_id), "instance": instances.get(server_id)}
            answers.append(shapes.source_server(frame, server_id, known, staging_account_id=staging, **latest))
    return answers


def describe_recovery_instances(region: DrsRegion, request: Members) -> Answer:
    """Recovery instances that pass all filters, in the order in which their source servers first had one."""
    frame, filters = region.frame, request.get("filters", {})
    return [
        shapes.recovery_instance(frame, instance)
        for server_id, instance in region.world.service.recovery_instances(region.scope).items()
        if _passes(filters, "recoveryInstanceIDs", instance.launch.instance_id)
        and _passes(filters, "sourceServerIDs", server_id)
    ]


def tag_resource(region: DrsRegion, request: Members) -> Answer:
    """Add tags to a resource, or overwrite them."""
    _tags_of(region, request["resourceArn"]).update(request["tags"])
    return {}


def untag_resource(region: DrsRegion, request: Members) -> Answer:
    """Remove tags from a resource; a key that does not exist is no error."""
    tags = _tags_of(region, request["resourceArn"])
    for key in request["tagKeys"]:
        tags.pop(key, None)
    return {}


def list_tags_for_resource(region: DrsRegion, request: Members) -> Answer:
    return {"tags": dict(_tags_of(region, request["resourceArn"]))}


def _passes(filters: Mapping[str, Any], name: str, value: str) -> bool:
    """Whether a value passes a filter that lists the allowed ones; an empty or missing list allows all."""
    return not filters.get(name) or value in filters[name]


def _instant_us(name: str, filters: Mapping[str, str], default_us: float) -> float:
    """Unix microseconds of a time that matches the model's pattern. Raises DrsRefusedError for an impossible date."""
    text = filters.get(name)
    if text is None:
        return default_us
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        path = f"filters.{name}"
        raise validation_error([(path, f"Value '{text}' at '{path}' is no date of the calendar")]) from None
    return (instant - shapes.EPOCH) // timedelta(microseconds=1)


def _tags_of(region: DrsRegion, arn: str) -> dict[str, str]:
    """The tags of a resource, to read and to change. Raises DrsRefusedError."""
    prefix, _, resource_id = arn.partition("/")
    resource_type, service = prefix.rpartition(":")[2], region.world.service
    ids: Iterable[str] = ()
    match resource_type:
        case "job":
            ids = (job.job_id for job in service.jobs(region.scope))
        case "source-server":
            ids = service.servers(region.scope)
        case "recovery-instance":
            ids = (each.launch.instance_id for each in service.recovery_instances(region.scope).values())
    # Comparing whole ARNs refuses those of other accounts, Regions and services.
    if resource_id not in ids or arn != region.frame.arn(resource_type, resource_id):
        raise not_found(resource_id or arn, resource_type or "resource")
    return region.world.tags.setdefault(arn, {})


OPERATIONS: Final[Mapping[str, Callable[[DrsRegion, Members], Answer]]] = {
    "StartRecovery": start_recovery,
    "DescribeJobs": describe_jobs,
    "DescribeJobLogItems": describe_job_log_items,
    "DescribeSourceServers": describe_source_servers,
    "DescribeRecoveryInstances": describe_recovery_instances,
    "TerminateRecoveryInstances": terminate_recovery_instances,
    "DeleteJob": delete_job,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags_for_resource,
}
"""By name in botocore's model, which has their routes, members and errors."""
