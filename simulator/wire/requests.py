"""Facts about a request of boto3's: its latency, the items that it names, its IAM action.

Knows the wire forms of AWS's APIs, and nothing of the run.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from drsim.orchestrator.model import Unit
from drsim.simulator.faults.kinds import Shown
from drsim.simulator.randomness import Spread
from drsim.simulator.services.spec import Latencies
from drsim.simulator.wire.error_responses import answer, error_code

SERVICES: Final[Mapping[str, str]] = {
    "cloudwatch": "cloudwatch",
    "cloudwatch-logs": "logs",
    "drs": "drs",
    "dynamodb": "dynamodb",
    "ec2": "ec2",
    "eventbridge": "events",
    "lambda": "lambda",
    "sfn": "stepfunctions",
    "sns": "sns",
    "sts": "sts",
}
"""The services that moto and this project answer for functions, by botocore's name: moto's name."""
WRITES: Final = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
"""Operations of DynamoDB that name the items which they write."""
READS: Final = re.compile(r"(Get|BatchGet|TransactGet|Query|Scan|Describe|List)")
"""How the names of read-only operations begin. A request of another one, such as PartiQL's, may write anything."""
_PREFIXES: Final[Mapping[str, str]] = {**SERVICES, "sfn": "states"}
"""IAM's names of the services: moto's, except for Step Functions."""


def body_of(request: AWSPreparedRequest) -> Any:
    """The JSON of a request; an empty body is an empty object."""
    body = request.body or b"{}"
    assert isinstance(body, str | bytes), "these APIs send no streams"
    return json.loads(body)


def text_of(request: AWSPreparedRequest) -> str:
    """The body of a request in the Query protocol."""
    body = request.body or ""
    return body.decode() if isinstance(body, bytes) else str(body)


def header_of(request: AWSPreparedRequest, name: str) -> str:
    """A header of a request, "" if it has none of that name."""
    value: Any = request.headers.get(name, "")
    return value.decode() if isinstance(value, bytes) else str(value)


def action_of(service: str, operation: str) -> str:
    """The IAM action that permits an operation."""
    if (service, operation) == ("lambda", "Invoke"):
        return "lambda:InvokeFunction"
    return f"{_PREFIXES[service]}:{operation}"


def latency_of(latencies: Latencies, service: str, operation: str, *, cold: bool) -> Spread:
    """The latency of a call: as in the fast tier, or that of the most similar call there."""
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


def table_name(name: str) -> str:
    """A table's name from its name or ARN; DynamoDB accepts both."""
    return name.rpartition("/")[2]


def items_of(body: Mapping[str, Any], table: str) -> Iterator[Mapping[str, Any]]:
    """Every key or item of the table that a request names."""
    if table_name(body.get("TableName", "")) == table:
        yield from (body[name] for name in ("Key", "Item") if name in body)
    for name, requests in body.get("RequestItems", {}).items():
        # BatchWriteItem gives a list of requests, BatchGetItem an object with keys, which writes nothing.
        for each in requests if isinstance(requests, list) else ():
            for request in each.values():
                yield from items_of({**request, "TableName": name}, table)
    for each in body.get("TransactItems", ()):
        for request in each.values():
            yield from items_of(request, table)


def refused_by_condition(response: AWSResponse) -> bool:
    """Whether a condition prevented a write, or a transaction of several."""
    code = error_code(response)
    if code == "TransactionCanceledException":
        reasons = json.loads(response.content).get("CancellationReasons", ())
        return any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)
    return code == "ConditionalCheckFailedException"


def unit_of(text: str | None) -> Unit:
    """A metric's unit, as far as this project knows it."""
    return Unit(text) if text in set(Unit) else Unit.COUNT


def shortened(response: AWSResponse, shown: Shown) -> AWSResponse:
    """Return an answer of DescribeJobs with as many servers of each job as a fault leaves."""
    if response.status_code >= 300:
        return response
    body = json.loads(response.content)
    jobs, body["items"] = body["items"], []
    for job in jobs:
        servers = job.get("participatingServers", [])
        count = shown(len(servers))
        if count is not None:
            body["items"].append({**job, "participatingServers": servers[:count]})
    return answer(str(response.url), response.status_code, dict(response.headers), json.dumps(body).encode())
