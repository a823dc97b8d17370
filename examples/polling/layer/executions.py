"""The execution table, as both functions use it."""

import os

import boto3

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
INDEX_NAME = os.environ.get("INDEX_NAME", "StatusIndex")

FINISHED = ("COMPLETED", "FAILED")


def key_of(item):
    """The item's key, which the finder also sends to the poller."""
    return {"executionId": item["executionId"], "planId": item["planId"]}


def open_waves(item):
    """The waves that have not finished."""
    return [wave for wave in item.get("waves", []) if wave["status"] not in FINISHED]
