"""Jobs: started, shown with their log, and hidden."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import inf
from types import MappingProxyType
from typing import Final

from drsim.simulator.drs_api import shapes
from drsim.simulator.drs_api.region import Answer, DrsRegion, Members, Operation, validation_error
from drsim.simulator.services.drs import DrsJob


def start_recovery(region: DrsRegion, request: Members) -> Answer:
    """Start a job. An id that comes twice counts once."""
    ids = list(dict.fromkeys(server["sourceServerID"] for server in request["sourceServers"]))
    job = region.world.service.start_recovery(region.scope, ids, is_drill=request.get("isDrill", False))
    if tags := request.get("tags"):
        region.world.tags[region.frame.arn("job", job.job_id)] = dict(tags)
    return {"job": shapes.job(region.frame, job)}


def launch(
    region: DrsRegion,
    server_ids: Sequence[str],
    *,
    is_drill: bool,
    snapshots: Mapping[str, str] = MappingProxyType({}),  # noqa: ARG001
) -> DrsJob:
    """Start a job that launches servers."""
    return region.world.service.start_recovery(region.scope, server_ids, is_drill=is_drill)


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


OPERATIONS: Final[Mapping[str, Operation]] = {
    "StartRecovery": Operation(start_recovery),
    "TerminateRecoveryInstances": Operation(terminate_recovery_instances),
    "DescribeJobs": Operation(describe_jobs),
    "DescribeJobLogItems": Operation(describe_job_log_items),
    "DeleteJob": Operation(delete_job),
}
