"""Start a poller for each open execution, every minute. The poller decides whether it is due."""

import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import boto3
from boto3.dynamodb.conditions import Key
from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

table = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
lambda_client = boto3.client("lambda")
POLLER = os.environ["POLLER_FUNCTION_NAME"]


def open_executions():
    query = {"IndexName": "StatusIndex", "KeyConditionExpression": Key("status").eq("POLLING")}
    while True:
        page = table.query(**query)
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def start_poller(item, looked_at):
    payload = {"executionId": item["executionId"], "planId": item["planId"], "lookedAt": looked_at}
    try:
        lambda_client.invoke(FunctionName=POLLER, InvocationType="Event", Payload=json.dumps(payload))
    except (BotoCoreError, ClientError):
        logger.exception("%s: cannot start its poller", item["executionId"])


def lambda_handler(event, context):
    looked_at = datetime.now(UTC).isoformat(timespec="milliseconds")
    with ThreadPoolExecutor(max_workers=10) as pool:
        for item in open_executions():
            pool.submit(start_poller, item, looked_at)
