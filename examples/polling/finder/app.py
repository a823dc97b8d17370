"""Find the executions in POLLING every minute, and start a poller for each that is due."""

import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
from boto3.dynamodb.conditions import Key
from botocore.exceptions import BotoCoreError, ClientError
from executions import INDEX_NAME, TABLE, is_due, key_of

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

lambda_client = boto3.client("lambda")
POLLER = os.environ["POLLER_FUNCTION_NAME"]


def find_polling():
    query = {"IndexName": INDEX_NAME, "KeyConditionExpression": Key("status").eq("POLLING")}
    return TABLE.query(**query)["Items"]


def start_pollers(items, now):
    for item in items:
        payload = json.dumps({**key_of(item), "lookedAt": now})
        lambda_client.invoke(FunctionName=POLLER, InvocationType="Event", Payload=payload)
    return len(items)


def lambda_handler(event, context):
    now = round(time.time(), 3)
    items = find_polling()
    due = [item for item in items if is_due(item, now)]
    started = start_pollers(due, now)
    print(f"{len(items)} executions in POLLING, {len(due)} due, {started} pollers started")
    return {"found": len(items), "due": len(due), "started": started}
