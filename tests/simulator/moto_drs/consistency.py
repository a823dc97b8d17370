"""Whether the states that DRS shows agree with each other, and with the logs of its jobs."""

from collections.abc import Iterator
from typing import Any

JOB_END_LATER_US = 26_000
"""In AWS's samples, JOB_END follows the end of its job after this time."""

_FAILURES = frozenset({"LAUNCH_FAILED", "CONVERSION_FAIL", "SNAPSHOT_FAIL", "SERVER_SKIPPED", "CLEANUP_FAIL"})


def contradictions(drs: Any, ec2: Any = None) -> list[str]:
    """What contradicts what, in sentences; `drs` is a client."""
    jobs = _all(drs, "describe_jobs")
    found = []
    for job in jobs:
        log = _all(drs, "describe_job_log_items", jobID=job["jobID"])
        found += [f"{job['jobID']}: {each}" for each in _in_job(job, log)]
    return [*found, *_between_jobs(jobs), *_in_servers(drs, jobs)]


def _in_job(job: dict[str, Any], log: list[dict[str, Any]]) -> Iterator[str]:
    times = [each["logDateTime"] for each in log]
    if times != sorted(times):
        yield "its log is not in order"
    if any(time < job["creationDateTime"] for time in times):
        yield "its log begins before it was created"
    is_over = job["status"] == "COMPLETED"
    if is_over != ("endDateTime" in job):
        yield f"{job['status']} with endDateTime {job.get('endDateTime')}"
    if "JOB_END" in {each["event"] for each in log} and not is_over:
        yield f"JOB_END in the log of a job that is {job['status']}"
    for server in job.get("participatingServers", ()):
        status, server_id = server["launchStatus"], server["sourceServerID"]
        events = {each["event"] for each in log if each["eventData"].get("sourceServerID") == server_id}
        if job["status"] == "PENDING" and status != "PENDING":
            yield f"server {status} in a PENDING job"
        if is_over and status == "IN_PROGRESS":
            yield "server IN_PROGRESS in a COMPLETED job"
        if job["type"] == "LAUNCH":
            yield from _in_launch(status, events)
        elif job["type"] == "TERMINATE" and (status == "TERMINATED") != ("CLEANUP_END" in events):
            yield f"server {status} in a termination with {sorted(events)}"


def _in_launch(status: str, events: set[str]) -> Iterator[str]:
    if (status in {"LAUNCHED", "TERMINATED"}) != ("LAUNCH_END" in events):
        yield f"server {status} in a launch with {sorted(events)}"
    if status in {"PENDING", "IN_PROGRESS"} and events & {"LAUNCH_FAILED", "CONVERSION_FAIL"}:
        yield f"server {status} after {sorted(events)}"
    if status == "FAILED" and not events & _FAILURES:
        yield f"server FAILED with {sorted(events)}"


def _between_jobs(jobs: list[dict[str, Any]]) -> Iterator[str]:
    open_jobs = [job for job in jobs if job["status"] != "COMPLETED"]
    busy = [server["sourceServerID"] for job in open_jobs for server in job.get("participatingServers", ())]
    if len(busy) != len(set(busy)):
        yield "a server is in two open jobs"
    if len(open_jobs) > 20:
        yield f"{len(open_jobs)} jobs are open"


def _in_servers(drs: Any, jobs: list[dict[str, Any]]) -> Iterator[str]:
    shown = {
        (job["jobID"], server["sourceServerID"]): server["launchStatus"]
        for job in jobs
        for server in job.get("participatingServers", ())
    }
    instances = {each["recoveryInstanceID"]: each for each in _all(drs, "describe_recovery_instances")}
    for server in _all(drs, "describe_source_servers"):
        server_id, launch = server["sourceServerID"], server["lifeCycle"].get("lastLaunch", {})
        job_id = launch.get("initiated", {}).get("jobID")
        status, of_job = launch.get("status"), shown.get((job_id, server_id))
        if of_job is not None and of_job != status:
            yield f"{server_id}: lastLaunch is {status}, and {of_job} in {job_id}"
        instance_id = server.get("recoveryInstanceId")
        if instance_id is not None and instances.get(instance_id, {}).get("sourceServerID") != server_id:
            yield f"{server_id}: its recovery instance {instance_id} is not one of its own"


def _all(drs: Any, operation: str, **request: Any) -> list[dict[str, Any]]:
    """The items of all pages."""
    pages = drs.get_paginator(operation).paginate(**request)
    return [each for page in pages for each in page["items"]]
