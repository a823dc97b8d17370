"""Facts about AWS's operations: the services that are answered, IAM actions, latencies and the items that are named."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from drsim.simulator.randomness import Spread
from drsim.simulator.services.spec import Latencies

Members = Mapping[str, Any]
"""The members of a request or an answer, as botocore's service model names them."""

SERVICES: Final[Mapping[str, str]] = {
    **{name: name for name in ("cloudwatch", "drs", "dynamodb", "ec2", "lambda", "sns", "sqs", "ssm", "sts")},
    "cloudwatch-logs": "logs",
    "eventbridge": "events",
    "sfn": "stepfunctions",
}
"""The services that are answered for functions, by botocore's name: moto's name."""
WRITES: Final = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
"""Operations of DynamoDB that name the items which they write."""
READS: Final = re.compile(r"(Get|BatchGet|TransactGet|Query|Scan|Describe|List)")
"""How the names of read-only operations begin. A request of another one, such as PartiQL's, may write anything."""

_STATUSES: Final = {
    "ThrottlingException": 429,
    "TooManyRequestsException": 429,
    "RequestTooLargeException": 413,
    "InternalServerError": 500,
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "ExpiredToken": 403,
    "ResourceNotFoundException": 404,
}
"""HTTP status by code (botocore 1.44, service models); DynamoDB answers 400 to all but its own failures."""


def status_of(service: str, code: str) -> int:
    """Return the HTTP status of an error."""
    status = _STATUSES.get(code, 400)
    return 400 if service == "dynamodb" and status < 500 else status


def action_of(service: str, operation: str) -> str:
    """Return the IAM action that permits an operation. IAM names services as moto does, except for Step Functions."""
    if (service, operation) == ("lambda", "Invoke"):
        return "lambda:InvokeFunction"
    return f"{'states' if service == 'sfn' else SERVICES[service]}:{operation}"


def latency_of(latencies: Latencies, service: str, operation: str, *, cold: bool) -> Spread:
    """Return the latency of a call: as in the fast tier, or that of the most similar call there."""
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


def is_table(members: Members, table: str) -> bool:
    """Return whether a request is about this table, which it names by name or ARN."""
    name: str = members.get("TableName", "")
    return name == table or name.rpartition("/")[2] == table


def items_of(members: Members, table: str) -> Iterator[Members]:
    """Yield every key or item of the table that a request names."""
    if is_table(members, table):
        yield from (members[name] for name in ("Key", "Item") if name in members)
    for name, requests in members.get("RequestItems", {}).items():
        # BatchWriteItem gives a list of requests, BatchGetItem an object with keys, which writes nothing.
        for each in requests if isinstance(requests, list) else ():
            for request in each.values():
                yield from items_of({**request, "TableName": name}, table)
    for each in members.get("TransactItems", ()):
        for request in each.values():
            yield from items_of(request, table)


def is_refused_by_condition(code: str, members: Members) -> bool:
    """Return whether a condition prevented a write, or a transaction of several."""
    if code == "TransactionCanceledException":
        reasons = members.get("CancellationReasons", ())
        return any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)
    return code == "ConditionalCheckFailedException"
