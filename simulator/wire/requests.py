"""What a request of boto3's is about: how long it takes, which items it names, which action of IAM's it is.

Knows the wire forms of AWS's APIs, and nothing of the run.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from orchestrator.model import Unit
from simulator.faults.rules import Fault
from simulator.randomness import Spread
from simulator.spec import Latencies
from simulator.wire.answers import answer

SERVICES: Final = frozenset(
    {
        "dynamodb",
        "drs",
        "lambda",
        "cloudwatch",
        "cloudwatch-logs",
        "sts",
        "ec2",
        "sfn",
        "sns",
        "eventbridge",
        "iam",
        "s3",
    }
)
"""What moto and this project answer for functions."""
WRITES: Final = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
_PREFIXES: Final = {"cloudwatch-logs": "logs", "sfn": "states", "eventbridge": "events"}
"""IAM's prefix, where it is not the service's id."""


def body_of(request: AWSPreparedRequest) -> Any:
    """The JSON of a request; an empty body is an empty object."""
    body = request.body or b"{}"
    assert isinstance(body, str | bytes), "these APIs send no streams"
    return json.loads(body)


def header_of(request: AWSPreparedRequest, name: str) -> str:
    """A header of a request, "" if it has none of that name."""
    value: Any = request.headers.get(name, "")
    return value.decode() if isinstance(value, bytes) else str(value)


def action_of(service: str, operation: str) -> str:
    """The action of IAM's that permits an operation."""
    if (service, operation) == ("lambda", "Invoke"):
        return "lambda:InvokeFunction"
    return f"{_PREFIXES.get(service, service)}:{operation}"


def latency_of(latencies: Latencies, service: str, operation: str, *, cold: bool) -> Spread:
    """How long such a call takes: as in the fast tier, and what that does not know like its nearest kin."""
    match service:
        case "dynamodb" if operation in ("Query", "Scan"):
            return latencies.query_cold if cold else latencies.query_warm
        case "dynamodb" if operation in WRITES:
            return latencies.update_cold if cold else latencies.update_warm
        case "dynamodb":
            return latencies.get_item
        case "drs":
            return latencies.describe_jobs
        case "lambda":
            return latencies.invoke
        case _:
            return latencies.put_metric_data


def items_of(body: Mapping[str, Any], table: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every key or item that a request to the table names, with what is asked of it."""
    if body.get("TableName") == table:
        for name in ("Key", "Item"):
            if name in body:
                yield name, body[name]
    for each in body.get("RequestItems", {}).get(table, ()) if isinstance(body.get("RequestItems"), Mapping) else ():
        for request in each.values() if isinstance(each, Mapping) else ():
            yield from items_of({**request, "TableName": table}, table)
    for each in body.get("TransactItems", ()):
        for request in each.values():
            yield from items_of(request, table)


def unit_of(text: str | None) -> Unit:
    """A metric's unit, as far as this project knows it."""
    return Unit(text) if text in set(Unit) else Unit.COUNT


def untold(fault: Fault, response: AWSResponse) -> AWSResponse:
    """An answer of DescribeJobs without its jobs, or without their servers."""
    if response.status_code >= 300:
        return response
    body = json.loads(response.content)
    if fault is Fault.JOB_VANISHED:
        body["items"] = []
    for job in body["items"]:
        job["participatingServers"] = []
    return answer(str(response.url), response.status_code, dict(response.headers), json.dumps(body).encode())
