"""Whether the states that DRS shows agree with each other, with the logs of its jobs, and with EC2."""

from collections.abc import Iterator
from typing import Any, TypeAlias

Job: TypeAlias = dict[str, Any]

_SYNCED = frozenset({"CONTINUOUS", "BACKLOG", "RESCAN", "PAUSED", "STALLED"})
_SERVER_TAG = "drs.amazonaws.com-source-server"
JOB_END_LATER_US = 26_000
"""In AWS's samples, JOB_END follows the end of its job after this time."""

_FAILURES = frozenset({"LAUNCH_FAILED", "CONVERSION_FAIL", "SNAPSHOT_FAIL", "SERVER_SKIPPED", "CLEANUP_FAIL"})


_RUNNING = frozenset({"EXECUTING", "WAITING"})
_NETWORK_STATUSES = {
    "IN_PROGRESS": {"PENDING", "IN_PROGRESS"},
    "SUCCESS": {"LAUNCHED"},
    "PARTIAL_SUCCESS": {"LAUNCHED"},
    "FAIL": {"FAILED"},
    "ASSOCIATE_SUCCESS": {"LAUNCHED"},
    "ASSOCIATE_FAIL": {"LAUNCHED", "FAILED"},
}
"""The launchStatus of a network in its last job, by its lastRecoveryResult."""


def contradictions(drs: Any, ec2: Any = None) -> list[str]:
    """What contradicts what, in sentences. Both are clients; without one of EC2, its instances are not compared."""
    jobs = _all(drs, "describe_jobs")
    found = []
    for job in jobs:
        log = _all(drs, "describe_job_log_items", jobID=job["jobID"])
        found += [f"{job['jobID']}: {each}" for each in _in_job(job, log)]
    instances = _all(drs, "describe_recovery_instances")
    found += [*_between_jobs(jobs), *_in_servers(drs, jobs, instances)]
    found += [*_in_executions(drs, jobs), *_in_networks(drs, jobs), *_in_failbacks(instances, jobs)]
    return found if ec2 is None else [*found, *_in_ec2(ec2, instances)]


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


def _between_jobs(jobs: list[Job]) -> Iterator[str]:
    open_jobs = [job for job in jobs if job["status"] != "COMPLETED"]
    busy = [server["sourceServerID"] for job in open_jobs for server in job.get("participatingServers", ())]
    if len(busy) != len(set(busy)):
        yield "a server is in two open jobs"
    if len(open_jobs) > 20:
        yield f"{len(open_jobs)} jobs are open"


def _parts(jobs: list[Job]) -> dict[tuple[str, str], str]:
    """The launchStatus of each server in each job."""
    return {
        (job["jobID"], server["sourceServerID"]): server["launchStatus"]
        for job in jobs
        for server in job.get("participatingServers", ())
    }


def _in_servers(drs: Any, jobs: list[Job], recovered: list[dict[str, Any]]) -> Iterator[str]:
    shown, instances = _parts(jobs), {each["recoveryInstanceID"]: each for each in recovered}
    for server in _all(drs, "describe_source_servers"):
        server_id, launch = server["sourceServerID"], server["lifeCycle"].get("lastLaunch", {})
        job_id = launch.get("initiated", {}).get("jobID")
        status, of_job = launch.get("status"), shown.get((job_id, server_id))
        if of_job is not None and of_job != status:
            yield f"{server_id}: lastLaunch is {status}, and {of_job} in {job_id}"
        instance_id = server.get("recoveryInstanceId")
        if instance_id is not None and instances.get(instance_id, {}).get("sourceServerID") != server_id:
            yield f"{server_id}: its recovery instance {instance_id} is not one of its own"


def _in_executions(drs: Any, jobs: list[Job]) -> Iterator[str]:
    active = []
    for execution in _all(drs, "list_recovery_plan_executions", "recoveryPlanExecutions"):
        arn, status = execution["recoveryPlanExecutionArn"], execution["status"]
        if status in {"CREATED", "IN_PROGRESS", "CANCELLING"}:
            active.append(execution["recoveryPlanArn"])
        request = {"recoveryPlanExecutionArn": arn}
        steps = _all(drs, "list_recovery_plan_execution_steps", "recoveryPlanExecutionSteps", **request)
        yield from (f"{arn}: {each}" for each in _in_steps(status, [step["status"] for step in steps]))
        for number, step in enumerate(steps, 1):
            started_by = "START_DRILL" if execution["mode"] == "DRILL" else "START_RECOVERY"
            yield from (f"{arn}: step {number}: {each}" for each in _in_step(step, started_by, jobs))
    if len(active) != len(set(active)):
        yield "a plan has two active executions"


def _in_steps(status: str, steps: list[str]) -> Iterator[str]:
    running = [each for each in steps if each in _RUNNING]
    if len(running) != (status in {"IN_PROGRESS", "CANCELLING"}):
        yield f"{status} with {len(running)} running steps"
    if status == "COMPLETED" and set(steps) - {"COMPLETED", "SKIPPED"}:
        yield f"COMPLETED with {steps}"
    begun = [number for number, each in enumerate(steps) if each not in {"NOT_STARTED", "SKIPPED"}]
    if "NOT_STARTED" in steps and begun and max(begun) > steps.index("NOT_STARTED"):
        yield f"a step began before an earlier one: {steps}"


def _in_step(step: dict[str, Any], started_by: str, jobs: list[Job]) -> Iterator[str]:
    """A job may be missing, if it was deleted: that is possible only once it has ended."""
    servers = step["configuration"].get("executionServerStepConfiguration", {}).get("servers", ())
    status, by_id, parts = step["status"], {job["jobID"]: job for job in jobs}, _parts(jobs)
    if not servers or status not in {"EXECUTING", "COMPLETED"}:
        return
    for server in servers:
        server_id, job_id = server["serverArn"].rpartition("/")[2], server.get("jobID")
        if job_id is None:
            yield f"{status} without a job of {server_id}"
        elif job_id in by_id:
            part = parts.get((job_id, server_id))
            if part is None:
                yield f"{job_id} does not hold {server_id}"
            elif status == "COMPLETED" and part == "IN_PROGRESS":
                yield f"COMPLETED while {server_id} is IN_PROGRESS in {job_id}"
            elif status == "COMPLETED" and server["impactLevel"] == "CRITICAL" and part == "FAILED":
                yield f"COMPLETED although the CRITICAL {server_id} is FAILED in {job_id}"
            if (found := by_id[job_id]["initiatedBy"]) != started_by:
                yield f"{job_id} is a {found}, and the mode says {started_by}"
    of_step = [by_id[each["jobID"]] for each in servers if each.get("jobID") in by_id]
    if status == "EXECUTING" and all(job["status"] == "COMPLETED" for job in of_step):
        yield "EXECUTING without an open job"


def _in_networks(drs: Any, jobs: list[Job]) -> Iterator[str]:
    parts = {
        (job["jobID"], part["participatingResourceID"]["sourceNetworkID"]): part["launchStatus"]
        for job in jobs
        for part in job.get("participatingResources", ())
    }
    open_ids = {job["jobID"] for job in jobs if job["status"] != "COMPLETED"}
    busy = [network_id for job_id, network_id in parts if job_id in open_ids]
    if len(busy) != len(set(busy)):
        yield "a source network is in two open jobs"
    shown_ids = {job["jobID"] for job in jobs}
    for network in _all(drs, "describe_source_networks"):
        network_id, last = network["sourceNetworkID"], network["lastRecovery"]
        result, job_id = last["lastRecoveryResult"], last.get("jobID")
        if (result == "NOT_STARTED") != (job_id is None):
            yield f"{network_id}: lastRecoveryResult {result} with the job {job_id}"
        elif job_id in shown_ids:
            status = parts.get((job_id, network_id))
            if status not in _NETWORK_STATUSES[result]:
                yield f"{network_id}: lastRecoveryResult is {result}, and its launchStatus {status} in {job_id}"
        if ("cfnStackName" in network) != ("launchedVpcID" in network):
            yield f"{network_id}: only one of stack and launched VPC"


def _in_failbacks(instances: list[dict[str, Any]], jobs: list[Job]) -> Iterator[str]:
    shown_ids, parts = {job["jobID"] for job in jobs}, _parts(jobs)
    for each in instances:
        instance_id, failback = each["recoveryInstanceID"], each["failback"]
        state, job_id = failback["state"], failback.get("failbackJobID")
        replication = each["dataReplicationInfo"]["dataReplicationState"]
        # A launch needs an initial sync that has ended once, and not health (AWS DRS user guide, preparing a failover).
        if state == "FAILBACK_READY_FOR_LAUNCH" and replication not in _SYNCED:
            yield f"{instance_id}: {state}, and its replication is {replication}"
        if each["originEnvironment"] != "ON_PREMISES":
            # Its failback is a job of another account or Region.
            continue
        if state == "FAILBACK_COMPLETED" and job_id is None:
            yield f"{instance_id}: {state} without a job"
        if job_id in shown_ids:
            part = parts.get((job_id, each["sourceServerID"]))
            if part is None or (state == "FAILBACK_COMPLETED") != (part == "LAUNCHED"):
                yield f"{instance_id}: {state}, and its server is {part} in {job_id}"


def _in_ec2(ec2: Any, recovered: list[dict[str, Any]]) -> Iterator[str]:
    pages = ec2.get_paginator("describe_instances").paginate()
    found = {
        each["InstanceId"]: each for page in pages for group in page["Reservations"] for each in group["Instances"]
    }
    for each in recovered:
        instance_id, server_id = each["recoveryInstanceID"], each["sourceServerID"]
        instance = found.get(each["ec2InstanceID"])
        if instance is None:
            yield f"{instance_id}: EC2 has no instance"
            continue
        state = instance["State"]["Name"].upper()
        # While a job terminates it, EC2 still shows it as it was: moto ends an instance at once, when the job ends.
        if each["ec2InstanceState"] not in (state, "SHUTTING-DOWN"):
            yield f"{instance_id}: {each['ec2InstanceState']}, and {state} in EC2"
        if (owner := _server_of(instance)) != server_id:
            yield f"{instance_id}: of {server_id}, and of {owner} in EC2"
    alive = [_server_of(each) for each in found.values() if each["State"]["Name"] != "terminated"]
    for server_id in sorted({each for each in alive if each and alive.count(each) > 1}):
        yield f"{server_id}: {alive.count(server_id)} instances in EC2"


def _server_of(instance: dict[str, Any]) -> str | None:
    """The source server that an instance of EC2 was launched for."""
    return next((tag["Value"] for tag in instance.get("Tags", ()) if tag["Key"] == _SERVER_TAG), None)


def _all(client: Any, operation: str, name: str = "items", **request: Any) -> list[dict[str, Any]]:
    """The items of all pages."""
    pages = client.get_paginator(operation).paginate(**request)
    return [each for page in pages for each in page[name]]
