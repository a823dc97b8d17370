"""Every minute: find the executions in POLLING and start a poller for each that is due."""

import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
from boto3.dynamodb.conditions import Key
from botocore.exceptions import BotoCoreError, ClientError
from executions import INDEX_NAME, TABLE, key_of, open_waves

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

lambda_client = boto3.client("lambda")
POLLER = os.environ["POLLER_FUNCTION_NAME"]

# Seconds between two polls, by the status of the job.
INTERVALS = {None: 45, "PENDING": 45, "STARTED": 15, "COMPLETED": 15}


def find_polling():
    query = {"IndexName": INDEX_NAME, "KeyConditionExpression": Key("status").eq("POLLING")}
    items = []
    while True:
        page = TABLE.query(**query)
        items += page["Items"]
        if "LastEvaluatedKey" not in page:
            return items
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def is_due(item, now):
    if "lastPolledTime" not in item:
        return True
    interval = min([INTERVALS[wave.get("jobStatus")] for wave in open_waves(item)], default=45)
    return now - float(item["lastPolledTime"]) >= interval


def start_poller(item):
    try:
        lambda_client.invoke(FunctionName=POLLER, InvocationType="Event", Payload=json.dumps(key_of(item)))
    except (BotoCoreError, ClientError):
        logger.exception("cannot start the poller for %s", item["executionId"])
        return 0
    return 1


def start_pollers(items):
    with ThreadPoolExecutor(max_workers=10) as pool:
        return sum(pool.map(start_poller, items))


def lambda_handler(event, context):
    now = time.time()
    items = find_polling()
    due = [item for item in items if is_due(item, now)]
    started = start_pollers(due)
    print(f"{len(items)} executions in POLLING, {len(due)} due, {started} pollers started")
    return {"found": len(items), "due": len(due), "started": started}
