"""Ask DRS about one execution, write its answer to the table, and announce the end."""

import json
import logging
import math
import os
import time
from decimal import Decimal

import boto3
from boto3.dynamodb.conditions import Attr
from botocore.exceptions import BotoCoreError, ClientError
from executions import FINISHED, TABLE, is_due, key_of, open_waves

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

sts = boto3.client("sts")
events = boto3.client("events")
DRS_ROLE = os.environ.get("CROSS_ACCOUNT_ROLE", "drs-orchestration-polling")
TIMEOUT = 60 * int(os.environ.get("TIMEOUT_MINUTES", "30"))
# How long after the timeout the poller asks again when DRS's answer is incomplete.
PATIENCE = 60 * int(os.environ.get("PATIENCE_MINUTES", "5"))
# A session of an assumed role is replaced this many seconds before its end: longer than this function may run.
SESSION_MARGIN = 600

WAVE_STATUS = {"PENDING": "PENDING", "STARTED": "IN_PROGRESS"}
LAUNCHED = {"LAUNCHED", "TERMINATED"}


# --- DRS -----------------------------------------------------------------------------------------------------------


# Each client and the end of its session, by account and Region.
clients = {}


def drs_client(own_account, account, region):
    _, end = clients.get((account, region), (None, 0))
    if time.time() > end - SESSION_MARGIN:
        clients[account, region] = new_client(own_account, account, region)
    return clients[account, region][0]


def new_client(own_account, account, region):
    if account == own_account:
        return boto3.client("drs"), math.inf
    role = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/{DRS_ROLE}", RoleSessionName="poller")
    credentials = role["Credentials"]
    client = boto3.client(
        "drs",
        region_name=region,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )
    return client, credentials["Expiration"].timestamp()


def jobs_by_place(item, places={}):
    for wave in open_waves(item):
        places.setdefault((wave["accountId"], wave["region"]), []).append(wave["jobId"])
    return places


def ask_drs(item, own_account):
    """Return the execution's DRS jobs by job id."""
    jobs = {}
    for (account, region), job_ids in jobs_by_place(item).items():
        drs = drs_client(own_account, account, region)
        for job_id in job_ids:
            for job in drs.describe_jobs(filters={"jobIDs": [job_id]})["items"]:
                jobs[job["jobID"]] = job
    return jobs


# --- waves and their servers ---------------------------------------------------------------------------------------


def servers_after(wave, job):
    return [
        {
            "sourceServerId": server["sourceServerID"],
            "status": server["launchStatus"],
            "instanceId": server.get("recoveryInstanceID"),
        }
        for server in job["participatingServers"]
    ]


def action_runs(job):
    return [
        run["status"]
        for server in job.get("participatingServers", [])
        for run in server.get("launchActionsStatus", {}).get("runs", [])
    ]


def wave_status(wave, job, execution_type, overdue):
    if job["status"] != "COMPLETED":
        return WAVE_STATUS[job["status"]]
    status = "COMPLETED"
    return status


def wave_after(wave, job, execution_type, overdue):
    wave = {**wave, "jobStatus": job["status"], "servers": servers_after(wave, job)}
    wave["status"] = wave_status(wave, job, execution_type, overdue)
    return wave


def left_out(wave, job):
    """Whether the answer leaves out a job, or servers of the wave, that DRS has reported before."""
    if wave["status"] in FINISHED:
        return False
    if job is None:
        return "jobStatus" in wave
    named = {server["sourceServerID"] for server in job.get("participatingServers", [])}
    return not named.issuperset(server["sourceServerId"] for server in wave["servers"])


def given_up(wave):
    """Return the wave as it stays after a timeout."""
    if wave["status"] in FINISHED or (wave["status"] == "PENDING" and "jobId" not in wave):
        return wave
    return {**wave, "status": "TIMEOUT" if wave.get("jobStatus") in WAVE_STATUS else "UNKNOWN"}


# --- the execution -------------------------------------------------------------------------------------------------


def final_status(item, waves):
    statuses = {wave["status"] for wave in waves}
    if not waves or not statuses.issubset(FINISHED):
        return None
    return statuses.pop() if len(statuses) == 1 else "PARTIAL"


def poll(item, own_account):
    """Return the waves as they are now, and the final status or None."""
    overdue = time.time() - float(item["startTime"]) > TIMEOUT
    if overdue:
        return [given_up(wave) for wave in item["waves"]], "TIMEOUT"
    jobs = ask_drs(item, own_account)
    waves = []
    for wave in item["waves"]:
        job = jobs.get(wave.get("jobId"))
        if job is not None:
            wave = wave_after(wave, job, item["executionType"], overdue)
        elif wave["status"] not in FINISHED:
            wave = {**wave, "status": "FAILED"}
        waves.append(wave)
    status = final_status(item, waves)
    if any(left_out(wave, jobs.get(wave.get("jobId"))) for wave in waves):
        overdue = time.time() - float(item["startTime"]) > TIMEOUT + PATIENCE
    if status is None and overdue:
        return [given_up(wave) for wave in waves], "TIMEOUT"
    return waves, status


def save(item, waves, status, looked_at):
    sets = "SET waves = :waves, lastPolledTime = :now, version = :version"
    names = {}
    values = {":waves": waves, ":now": Decimal(str(looked_at)), ":version": item["version"] + 1}
    if status is not None:
        sets += ", #status = :status, endTime = :end"
        names["#status"] = "status"
        values |= {":status": status, ":end": int(time.time() * 1000)}
    TABLE.update_item(
        Key=key_of(item),
        UpdateExpression=sets,
        ExpressionAttributeValues=values,
        **({"ExpressionAttributeNames": names} if names else {}),
    )


def announce(item, status):
    detail = json.dumps({**key_of(item), "status": status})
    entry = {"Source": "dr.polling", "DetailType": "Execution ended", "Detail": detail}
    try:
        events.put_events(Entries=[entry])
    except (BotoCoreError, ClientError):
        logger.exception("%s: could not announce its end", item["executionId"])


def lambda_handler(event, context):
    own_account = context.invoked_function_arn.split(":")[4]
    for _ in range(3):
        item = TABLE.get_item(Key=key_of(event), ConsistentRead=True).get("Item")
        if item is None or item["status"] != "POLLING":
            print(f"{event['executionId']} is no longer polled")
            return None
        waves, status = poll(item, own_account)
        try:
            save(item, waves, status, event["lookedAt"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            logger.info("%s: another writer came first, trying again", event["executionId"])
            continue
        if status is not None:
            announce(item, status)
        print(f"{event['executionId']} polled: {status or 'goes on'}, {[wave['status'] for wave in waves]}")
        return status
    raise RuntimeError(f"{event['executionId']}: lost every race")
