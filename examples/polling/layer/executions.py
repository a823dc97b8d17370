"""The execution table, as both functions use it."""

import os

import boto3

TABLE = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])
INDEX_NAME = os.environ.get("INDEX_NAME", "StatusIndex")

# Seconds between two polls: before the job starts, until a server launches, and from then on.
INTERVALS = {"PENDING": 60, "STARTED": 60, "IN_PROGRESS": 60}

FINISHED = ("COMPLETED", "FAILED")


def key_of(item):
    """The item's key, which the finder also sends to the poller."""
    return {"executionId": item["executionId"], "planId": item["planId"]}


def open_waves(item):
    """The waves that have not finished."""
    return [wave for wave in item.get("waves", []) if wave["status"] not in FINISHED]


def phase_of(wave):
    if any(server["status"] not in ("NOT_STARTED", "PENDING") for server in wave["servers"]):
        return "IN_PROGRESS"
    return "PENDING" if wave["jobStatus"] == "PENDING" else "STARTED"


def is_due(item, now):
    """Whether the interval since the item's last poll has passed."""
    if "lastPolledTime" not in item:
        return True
    interval = min([INTERVALS[phase_of(wave)] for wave in open_waves(item)], default=45)
    return now - float(item["lastPolledTime"]) >= interval
