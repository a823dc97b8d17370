"""What both functions know of the execution table."""

import os

import boto3

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
INDEX_NAME = os.environ.get("INDEX_NAME", "StatusIndex")

FINISHED = ("COMPLETED", "FAILED")


def key_of(item):
    """The table's key, as it also goes from the finder to the poller."""
    return {"executionId": item["executionId"], "planId": item["planId"]}


def open_waves(item):
    """The waves that are not over yet."""
    return [wave for wave in item.get("waves", []) if wave["status"] not in FINISHED]
