"""Ask DRS about one execution, and write its answer to the table: a claim, each wave that changed, and the end."""

import logging
import os
import time

import boto3
from records import RUNNING, TABLE_NAME, dynamodb, is_due, key_of, plain, typed

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

sts = boto3.client("sts")
DRS_ROLE = os.environ.get("CROSS_ACCOUNT_ROLE", "drs-orchestration-polling")
TIMEOUT_MS = 30 * 60_000
# How long after the timeout the poller asks again when DRS's answer is incomplete.
PATIENCE_MS = 5 * 60_000

WAVE_STATUS = {"PENDING": "STARTING", "STARTED": "RUNNING"}
FINISHED = {"SUCCEEDED", "PARTIALLY_FAILED", "FAILED"}
LAUNCHED = {"LAUNCHED", "TERMINATED"}

Conflict = dynamodb.exceptions.ConditionalCheckFailedException


# --- DRS -----------------------------------------------------------------------------------------------------------

clients = {}


def drs_client(account, region, own_account):
    """A client for this account and Region (None: the home Region). Its session is renewed before it ends."""
    client, renew_at = clients.get((account, region), (None, 0))
    if client is None or time.time() > renew_at:
        session, renew_at = {}, float("inf")
        if account != own_account:
            role = f"arn:aws:iam::{account}:role/{DRS_ROLE}"
            credentials = sts.assume_role(RoleArn=role, RoleSessionName="poller")["Credentials"]
            renew_at = credentials["Expiration"].timestamp() - 300
            session = {
                "aws_access_key_id": credentials["AccessKeyId"],
                "aws_secret_access_key": credentials["SecretAccessKey"],
                "aws_session_token": credentials["SessionToken"],
            }
        client = boto3.client("drs", region_name=region, **session)
        clients[account, region] = client, renew_at
    return client


def ask_drs(waves, own_account):
    """Return the jobs of the unfinished waves by job id."""
    places = {}
    for wave in waves:
        if wave["status"] not in FINISHED and wave.get("job_id"):
            place = wave.get("account_id", own_account), wave.get("region")
            places.setdefault(place, []).append(wave["job_id"])
    jobs = {}
    for (account, region), job_ids in places.items():
        paginator = drs_client(account, region, own_account).get_paginator("describe_jobs")
        for page in paginator.paginate(filters={"jobIDs": job_ids}):
            jobs.update({job["jobID"]: job for job in page["items"]})
    return jobs


# --- decisions -----------------------------------------------------------------------------------------------------


def wave_after(wave, job):
    servers = dict(wave["servers"])
    for launch in job.get("participatingServers", []):
        server = servers.get(launch["sourceServerID"], {})
        servers[launch["sourceServerID"]] = {
            **server,
            "launch_status": launch["launchStatus"],
            # DRS leaves it out once the job has ended.
            **({"instance_id": launch["recoveryInstanceID"]} if "recoveryInstanceID" in launch else {}),
        }
    wave = {**wave, "servers": servers}
    return {**wave, "status": wave_status(wave, job)}


def wave_status(wave, job):
    if job["status"] != "COMPLETED":
        return WAVE_STATUS[job["status"]]
    if left_out(wave, job) or not wave["servers"]:
        return "RUNNING"
    launched = [server for server in wave["servers"].values() if server["launch_status"] in LAUNCHED]
    if len(launched) == len(wave["servers"]):
        return "SUCCEEDED"
    return "PARTIALLY_FAILED" if launched else "FAILED"


def left_out(wave, job):
    """Whether DRS leaves out a job that it has named before, or servers of it."""
    if wave["status"] in FINISHED or not wave.get("job_id"):
        return False
    if job is None:
        return any(server["launch_status"] != "NOT_STARTED" for server in wave["servers"].values())
    return bool(wave["servers"].keys() - {launch["sourceServerID"] for launch in job.get("participatingServers", [])})


def final_status(item, waves, jobs):
    """The status with which the execution ends now; None if it goes on."""
    statuses = {wave["status"] for wave in waves}
    if len(waves) >= item["total_waves"] and waves and statuses <= FINISHED:
        return statuses.pop() if len(statuses) == 1 else "PARTIALLY_FAILED"
    incomplete = any(left_out(wave, jobs.get(wave.get("job_id"))) for wave in waves)
    age = time.time() * 1000 - float(item["started_at"])
    return "TIMED_OUT" if age > TIMEOUT_MS + incomplete * PATIENCE_MS else None


# --- the table -----------------------------------------------------------------------------------------------------


def update(key, sets, unchanged, values):
    """Write to a running execution. Raises Conflict if it is over, or if another poll or writer came first."""
    dynamodb.update_item(
        TableName=TABLE_NAME,
        Key=typed(key),
        UpdateExpression=f"SET {sets}",
        ConditionExpression=f"#status = :running AND {unchanged}",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues=typed({":running": RUNNING, **values}),
    )


def claim(item, looked_at):
    """Make this the execution's latest poll: whatever an earlier one still writes is refused from now on."""
    if "last_polled_at" in item:
        unchanged, values = "last_polled_at = :seen", {":seen": item["last_polled_at"]}
    else:
        unchanged, values = "attribute_not_exists(last_polled_at)", {}
    update(key_of(item), "last_polled_at = :mine", unchanged, {":mine": looked_at, **values})


def save_wave(key, looked_at, number, before, after):
    # botocore writes again if it has lost the answer: what it finds then is its own.
    unchanged = f"last_polled_at = :mine AND waves[{number}] IN (:before, :after)"
    update(key, f"waves[{number}] = :after", unchanged, {":mine": looked_at, ":before": before, ":after": after})


def finish(key, looked_at, waves, status):
    values = {":mine": looked_at, ":waves": waves, ":status": status, ":now": int(time.time() * 1000)}
    update(key, "#status = :status, ended_at = :now", "last_polled_at = :mine AND waves = :waves", values)


# --- the poll ------------------------------------------------------------------------------------------------------


def poll(item, looked_at, own_account):
    key, before = key_of(item), item["waves"]
    jobs = ask_drs(before, own_account)
    waves = []
    for wave in before:
        job = jobs.get(wave.get("job_id"))
        if job is None and wave["status"] not in FINISHED:
            logger.warning("%s: DRS knows no job of %s", item["execution_id"], wave["wave_id"])
        waves.append(wave if job is None else wave_after(wave, job))
    claim(item, looked_at)
    for number, (old, new) in enumerate(zip(before, waves, strict=True)):
        if new != old:
            save_wave(key, looked_at, number, old, new)
    status = final_status(item, waves, jobs)
    if status is not None:
        finish(key, looked_at, waves, status)
    logger.info("%s: %s, %s", item["execution_id"], status or RUNNING, [wave["status"] for wave in waves])


def lambda_handler(event, context):
    found = dynamodb.get_item(TableName=TABLE_NAME, Key=typed(key_of(event)), ConsistentRead=True)
    item = plain(found.get("Item", {}))
    if item.get("status") != RUNNING or not is_due(item, event["looked_at"]):
        logger.info("%s has ended, or another poll came first", event["execution_id"])
        return
    try:
        poll(item, event["looked_at"], context.invoked_function_arn.split(":")[4])
    except Conflict:
        logger.info("%s: another writer came first, the next poll goes on", event["execution_id"])
