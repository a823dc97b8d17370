"""Watch executions to their end. The rule starts this function every minute with {"operation": "find"}.

It starts itself with {"operation": "poll", ...} for each execution that is due. A person cancels an execution by
writing CANCELLING; the function writes CANCELLED once none of its started waves is running any more.
"""

import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import cache

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

dynamodb = boto3.resource("dynamodb")
table = dynamodb.Table(os.environ["TABLE_NAME"])
lambda_client = boto3.client("lambda")
events = boto3.client("events")
BUS = os.environ["EVENT_BUS"]

OPEN = ("POLLING", "CANCELLING")
FINISHED = ("COMPLETED", "FAILED")
LAUNCHED = ("LAUNCHED", "TERMINATED")
WAVE_STATUS = {"PENDING": "LAUNCHING", "STARTED": "IN_PROGRESS"}

# All in seconds: between two polls by phase, and until polling gives up.
PENDING_INTERVAL, STARTED_INTERVAL, IN_PROGRESS_INTERVAL = 45, 15, 30
TIMEOUT = 60 * float(os.environ.get("TIMEOUT_MINUTES", "30"))
# How much longer the function asks when DRS's answer is incomplete.
PATIENCE = 300


# --- find: which executions are due --------------------------------------------------------------------------------


def executions_in(status):
    query = {"IndexName": "StatusIndex", "KeyConditionExpression": Key("Status").eq(status)}
    while query:
        page = table.query(**query)
        yield from page["Items"]
        query = "LastEvaluatedKey" in page and {**query, "ExclusiveStartKey": page["LastEvaluatedKey"]}


def interval_of(wave):
    if any(server["Status"] not in ("NOT_STARTED", "PENDING") for server in wave["Servers"]):
        return IN_PROGRESS_INTERVAL
    return STARTED_INTERVAL if wave.get("JobStatus", "PENDING") != "PENDING" else PENDING_INTERVAL


def is_due(item, looked_at):
    if "LastPolledTime" not in item:
        return True
    interval = min([interval_of(wave) for wave in unfinished(item["Waves"])], default=PENDING_INTERVAL)
    return looked_at - float(item["LastPolledTime"]) >= interval


def find(event, context):
    looked_at = round(time.time(), 3)

    def start_poll(item):
        payload = json.dumps({"operation": "poll", "execution_id": item["ExecutionId"], "looked_at": looked_at})
        try:
            lambda_client.invoke(FunctionName=context.function_name, InvocationType="Event", Payload=payload)
        except (BotoCoreError, ClientError):
            logger.exception("%s: cannot start its poll", item["ExecutionId"])

    with ThreadPoolExecutor(max_workers=10) as pool:
        for status in OPEN:
            for item in executions_in(status):
                if is_due(item, looked_at):
                    pool.submit(start_poll, item)


# --- poll: what DRS says about one execution -----------------------------------------------------------------------


@cache
def drs_client(region):
    return boto3.client("drs", region_name=region)


def unfinished(waves):
    return [wave for wave in waves if wave["Status"] not in FINISHED]


def ask_drs(waves):
    """Return the jobs of the unfinished waves by job id."""
    job_ids = {}
    for wave in unfinished(waves):
        if wave.get("JobId"):
            job_ids.setdefault(wave.get("Region"), []).append(wave["JobId"])
    jobs = {}
    for region, ids in job_ids.items():
        for page in drs_client(region).get_paginator("describe_jobs").paginate(filters={"jobIDs": ids}):
            jobs.update({job["jobID"]: job for job in page["items"]})
    return jobs


def wave_after(wave, job):
    servers = {server["SourceServerId"]: server for server in wave["Servers"]}
    for launch in job.get("participatingServers", []):
        known = servers.get(launch["sourceServerID"], {"SourceServerId": launch["sourceServerID"]})
        server = {**known, "Status": launch["launchStatus"]}
        if "recoveryInstanceID" in launch:
            server["InstanceId"] = launch["recoveryInstanceID"]
        servers[launch["sourceServerID"]] = server
    wave = {**wave, "JobStatus": job["status"], "Servers": list(servers.values())}
    return {**wave, "Status": wave_status(wave, job)}


def wave_status(wave, job):
    if job["status"] != "COMPLETED":
        return WAVE_STATUS[job["status"]]
    if left_out(wave, job) or not wave["Servers"]:
        return "IN_PROGRESS"
    return "COMPLETED" if all(server["Status"] in LAUNCHED for server in wave["Servers"]) else "FAILED"


def left_out(wave, job):
    """Whether DRS leaves out a job that it has named before, or servers of it."""
    if job is None:
        return "JobStatus" in wave and bool(wave.get("JobId"))
    named = {launch["sourceServerID"] for launch in job.get("participatingServers", [])}
    return not named.issuperset(server["SourceServerId"] for server in wave["Servers"])


def final_status(item, waves, jobs):
    """The status with which the execution ends now; None if it goes on."""
    still_open = unfinished(waves)
    if item["Status"] == "CANCELLING":
        if not any(wave.get("JobId") for wave in still_open):
            return "CANCELLED"
    elif waves and not still_open and len(waves) >= item["TotalWaves"]:
        return "FAILED" if any(wave["Status"] == "FAILED" for wave in waves) else "COMPLETED"
    incomplete = any(left_out(wave, jobs.get(wave.get("JobId"))) for wave in still_open)
    age = time.time() - float(item["StartTime"])
    return "TIMEOUT" if age > TIMEOUT + incomplete * PATIENCE else None


def save(item, waves, status, looked_at):
    """Write the poll's result, unless the item has changed. Raises ConditionalCheckFailedException."""
    changes = {"Waves": waves, "LastPolledTime": Decimal(str(looked_at)), "Version": item["Version"] + 1}
    if status is not None:
        changes |= {"Status": status, "EndTime": int(time.time())}
    table.update_item(
        Key={"ExecutionId": item["ExecutionId"]},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changes),
        ConditionExpression=Attr("Status").eq(item["Status"]) & Attr("Version").eq(item["Version"]),
        ExpressionAttributeNames={f"#{name}": name for name in changes},
        ExpressionAttributeValues={f":{name}": value for name, value in changes.items()},
    )


def announce(execution_id, status):
    """Put the end on the bus. It is put at most once: after an error it stays unannounced."""
    detail = json.dumps({"executionId": execution_id, "status": status})
    entry = {"EventBusName": BUS, "Source": "dr.watcher", "DetailType": "Execution ended", "Detail": detail}
    try:
        if events.put_events(Entries=[entry])["FailedEntryCount"]:
            logger.error("%s: the bus refused its end", execution_id)
    except (BotoCoreError, ClientError):
        logger.exception("%s: cannot announce its end", execution_id)


def poll(event, context):
    execution_id, looked_at = event["execution_id"], event["looked_at"]
    for _ in range(3):
        item = table.get_item(Key={"ExecutionId": execution_id}, ConsistentRead=True).get("Item")
        if item is None or item["Status"] not in OPEN or not is_due(item, looked_at):
            logger.info("%s has ended, or another poll came first", execution_id)
            return
        jobs = ask_drs(item["Waves"])
        waves = []
        for wave in item["Waves"]:
            job = jobs.get(wave.get("JobId"))
            if job is None and unfinished([wave]):
                logger.warning("%s: DRS knows no job of %s", execution_id, wave["WaveName"])
            waves.append(wave if job is None else wave_after(wave, job))
        status = final_status(item, waves, jobs)
        try:
            save(item, waves, status, looked_at)
        except dynamodb.meta.client.exceptions.ConditionalCheckFailedException:
            logger.info("%s: another writer came first, trying again", execution_id)
            continue
        if status is not None:
            announce(execution_id, status)
        logger.info("%s: %s, %s", execution_id, status or item["Status"], [wave["Status"] for wave in waves])
        return
    raise RuntimeError(f"{execution_id}: lost every race")


OPERATIONS = {"find": find, "poll": poll}


def lambda_handler(event, context):
    return OPERATIONS[event["operation"]](event, context)
