"""The execution table, as both functions use it: typed items of the client API outside, plain dicts inside."""

import os

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

dynamodb = boto3.client("dynamodb")
TABLE_NAME = os.environ["TABLE_NAME"]
INDEX_NAME = os.environ.get("INDEX_NAME", "StatusIndex")

RUNNING = "RUNNING"
INTERVAL_MS = 45_000

deserialize = TypeDeserializer().deserialize
serialize = TypeSerializer().serialize


def plain(item):
    return {name: deserialize(value) for name, value in item.items()}


def typed(item):
    return {name: serialize(value) for name, value in item.items()}


def key_of(item):
    """The item's key, which the finder also sends to the poller."""
    return {"execution_id": item["execution_id"], "plan_id": item["plan_id"]}


def is_due(item, looked_at):
    return "last_polled_at" not in item or looked_at - item["last_polled_at"] >= INTERVAL_MS
