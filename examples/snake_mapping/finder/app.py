"""Find the RUNNING executions every minute, and start a poller for each that is due."""

import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from records import INDEX_NAME, RUNNING, TABLE_NAME, dynamodb, is_due, key_of, plain

logger = logging.getLogger()
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))

lambda_client = boto3.client("lambda")
POLLER = os.environ["POLLER_FUNCTION_NAME"]


def running_executions():
    pages = dynamodb.get_paginator("query").paginate(
        TableName=TABLE_NAME,
        IndexName=INDEX_NAME,
        KeyConditionExpression="#status = :running",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":running": {"S": RUNNING}},
    )
    return [plain(item) for page in pages for item in page["Items"]]


def start_poller(item, looked_at):
    payload = json.dumps({**key_of(item), "looked_at": looked_at})
    try:
        lambda_client.invoke(FunctionName=POLLER, InvocationType="Event", Payload=payload)
    except (BotoCoreError, ClientError):
        logger.exception("%s: cannot start its poller", item["execution_id"])


def lambda_handler(event, context):
    looked_at = int(time.time() * 1000)
    due = [item for item in running_executions() if is_due(item, looked_at)]
    due.sort(key=lambda item: item.get("last_polled_at", 0))
    with ThreadPoolExecutor(max_workers=10) as pool:
        for item in due:
            pool.submit(start_poller, item, looked_at)
    logger.info("%d executions are due", len(due))
