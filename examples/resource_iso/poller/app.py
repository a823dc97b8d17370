"""Ask DRS about one execution if it is due, write the answer under its version, and announce the end."""

import json
import logging
import os
from datetime import UTC, datetime, timedelta
from functools import cache

import boto3
from boto3.dynamodb.conditions import Attr
from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

dynamodb = boto3.resource("dynamodb")
table = dynamodb.Table(os.environ["TABLE_NAME"])
sns = boto3.client("sns")
TOPIC_ARN = os.environ["TOPIC_ARN"]

WAITING_INTERVAL = timedelta(seconds=45)
LAUNCHING_INTERVAL = timedelta(seconds=30)
TIMEOUT = timedelta(minutes=30)
# How long after the timeout the poller asks again when DRS's answer is incomplete.
PATIENCE = timedelta(minutes=5)

FINISHED = {"COMPLETED", "PARTIAL", "FAILED"}
WAITING = {"NOT_STARTED", "PENDING"}
LAUNCHED = {"LAUNCHED", "TERMINATED"}


def is_due(item, looked_at):
    if "lastPolledTime" not in item:
        return True
    servers = [server for wave in unfinished(item["waves"]) for server in wave["servers"]]
    is_launching = any(server["launchStatus"] not in WAITING for server in servers)
    interval = LAUNCHING_INTERVAL if is_launching else WAITING_INTERVAL
    return looked_at - datetime.fromisoformat(item["lastPolledTime"]) >= interval


def unfinished(waves):
    return [wave for wave in waves if wave["state"]["status"] not in FINISHED]


# --- DRS -----------------------------------------------------------------------------------------------------------


@cache
def drs_client(region):
    return boto3.client("drs", region_name=region)


def ask_drs(waves):
    """Return the jobs of the unfinished waves by job id."""
    job_ids = {}
    for wave in unfinished(waves):
        if wave.get("jobId"):
            job_ids.setdefault(wave.get("region"), []).append(wave["jobId"])
    jobs = {}
    for region, ids in job_ids.items():
        for page in drs_client(region).get_paginator("describe_jobs").paginate(filters={"jobIDs": ids}):
            jobs.update({job["jobID"]: job for job in page["items"]})
    return jobs


def launches_of(job):
    return {launch["sourceServerID"]: launch for launch in job.get("participatingServers", [])}


def action_runs(job):
    return [
        run["status"]
        for launch in job.get("participatingServers", [])
        for run in launch.get("launchActionsStatus", {}).get("runs", [])
    ]


# --- waves ---------------------------------------------------------------------------------------------------------


def with_status(wave, status):
    return {**wave, "state": {**wave["state"], "status": status}}


def servers_after(wave, job):
    launches = launches_of(job)
    known = {server["sourceServerId"] for server in wave["servers"]}
    servers = []
    for server in [*wave["servers"], *({"sourceServerId": each} for each in launches if each not in known)]:
        launch = launches.get(server["sourceServerId"])
        if launch is not None:
            server = {**server, "launchStatus": launch["launchStatus"]}
            if "recoveryInstanceID" in launch:
                server["instanceId"] = launch["recoveryInstanceID"]
        servers.append(server)
    return servers


def status_of(wave, job, execution_type, overdue):
    statuses = {server["launchStatus"] for server in wave["servers"]}
    if job["status"] != "COMPLETED":
        return "LAUNCHING" if statuses <= WAITING else "IN_PROGRESS"
    if left_out(wave, job) or not statuses:
        return "IN_PROGRESS"
    if statuses.isdisjoint(LAUNCHED):
        return "FAILED"
    runs = action_runs(job) if execution_type == "RECOVERY" else []
    if "IN_PROGRESS" in runs and not overdue:
        return "IN_PROGRESS"
    return "COMPLETED" if statuses <= LAUNCHED and set(runs) <= {"SUCCEEDED"} else "PARTIAL"


def wave_after(wave, job, execution_type, overdue):
    wave = {**wave, "servers": servers_after(wave, job)}
    return with_status(wave, status_of(wave, job, execution_type, overdue))


def left_out(wave, job):
    """Whether DRS leaves out a job that it has named before, or servers of it."""
    if wave["state"]["status"] in FINISHED or not wave.get("jobId"):
        return False
    if job is None:
        return any(server["launchStatus"] != "NOT_STARTED" for server in wave["servers"])
    return not {server["sourceServerId"] for server in wave["servers"]} <= launches_of(job).keys()


def given_up(wave, job):
    """Return the wave as it stays after a timeout."""
    status = wave["state"]["status"]
    if status in FINISHED or (status == "PENDING" and not wave.get("jobId")):
        return wave
    return with_status(wave, "TIMEOUT" if job is not None and job["status"] != "COMPLETED" else "UNKNOWN")


# --- the execution -------------------------------------------------------------------------------------------------


def poll(item):
    """Return the waves as they are now, and the final status or None."""
    jobs = ask_drs(item["waves"])
    age = datetime.now(UTC) - datetime.fromisoformat(item["startTime"])
    waves = []
    for wave in item["waves"]:
        job = jobs.get(wave.get("jobId"))
        if job is not None:
            wave = wave_after(wave, job, item["executionType"], age > TIMEOUT)
        elif unfinished([wave]):
            logger.warning("%s: DRS knows no job of %s", item["executionId"], wave["waveName"])
        waves.append(wave)
    if waves and len(waves) >= item["totalWaves"] and not unfinished(waves):
        statuses = {wave["state"]["status"] for wave in waves}
        return waves, statuses.pop() if len(statuses) == 1 else "PARTIAL"
    incomplete = any(left_out(wave, jobs.get(wave.get("jobId"))) for wave in waves)
    if age > TIMEOUT + (PATIENCE if incomplete else timedelta(0)):
        return [given_up(wave, jobs.get(wave.get("jobId"))) for wave in waves], "TIMEOUT"
    return waves, None


def save(item, waves, status, looked_at):
    """Write the poll's result, unless the item has changed. Raises ConditionalCheckFailedException."""
    changes = {"waves": waves, "lastPolledTime": looked_at, "version": item["version"] + 1}
    if status is not None:
        changes |= {"status": status, "endTime": datetime.now(UTC).isoformat()}
    table.update_item(
        Key={"executionId": item["executionId"], "planId": item["planId"]},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changes),
        ConditionExpression=Attr("status").eq("POLLING") & Attr("version").eq(item["version"]),
        ExpressionAttributeNames={f"#{name}": name for name in changes},
        ExpressionAttributeValues={f":{name}": value for name, value in changes.items()},
    )


def announce(item, status):
    """Publish the end. It is published at most once: after an error it stays unannounced."""
    message = {"executionId": item["executionId"], "planId": item["planId"], "status": status}
    try:
        sns.publish(TopicArn=TOPIC_ARN, Subject="Execution ended", Message=json.dumps(message))
    except (BotoCoreError, ClientError):
        logger.exception("%s: cannot announce its end", item["executionId"])


def lambda_handler(event, context):
    execution_id, looked_at = event["executionId"], event["lookedAt"]
    key = {"executionId": execution_id, "planId": event["planId"]}
    for _ in range(3):
        item = table.get_item(Key=key, ConsistentRead=True).get("Item")
        if item is None or item["status"] != "POLLING" or not is_due(item, datetime.fromisoformat(looked_at)):
            logger.info("%s is not due", execution_id)
            return
        waves, status = poll(item)
        try:
            save(item, waves, status, looked_at)
        except dynamodb.meta.client.exceptions.ConditionalCheckFailedException:
            logger.info("%s: another writer came first, trying again", execution_id)
            continue
        if status is not None:
            announce(item, status)
        logger.info("%s: %s, %s", execution_id, status or "POLLING", [wave["state"]["status"] for wave in waves])
        return
    raise RuntimeError(f"{execution_id}: lost every race")
