"""The resources that a call is about, as ARNs, for the policies of the caller's role."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from botocore.awsrequest import AWSPreparedRequest

from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.wire.deployment import REGION

ANY: Final = ("*",)
"""The resource of an action that has none, such as drs:DescribeJobs."""
_IN_STATEMENT: Final = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"?([\w.-]+)', re.IGNORECASE)
"""The table of a PartiQL statement."""
_HOME: Final = f"{REGION}:{HOME_ACCOUNT}"


def resources_of(service: str, operation: str, request: AWSPreparedRequest) -> tuple[str, ...]:
    """Return the resources of a call; none if the request does not say, as with a task token."""
    find = _BY_SERVICE.get(service)
    if find is None:
        return ANY
    body = request.body or ""
    text = body.decode() if isinstance(body, bytes) else str(body)
    try:
        # The query protocol has a form, all others JSON.
        fields = {name: found[0] for name, found in parse_qs(text).items()} if service == "sns" else json.loads(text)
    except ValueError:
        return ANY
    return tuple(dict.fromkeys(find(operation, fields))) if isinstance(fields, Mapping) else ANY


def _tables(_: str, body: Mapping[str, Any]) -> Iterator[str]:
    names = [body["TableName"]] if "TableName" in body else [*body.get("RequestItems", ())]
    names += [request["TableName"] for each in body.get("TransactItems", ()) for request in each.values()]
    for each in [body, *body.get("Statements", ()), *body.get("TransactStatements", ())]:
        names += _IN_STATEMENT.findall(str(each.get("Statement", "")))
    for name in names:
        arn = f"arn:aws:dynamodb:{_HOME}:table/{name.rpartition('/')[2]}"
        yield f"{arn}/index/{body['IndexName']}" if "IndexName" in body else arn


def _buses(_: str, body: Mapping[str, Any]) -> Iterator[str]:
    for entry in body.get("Entries", ()):
        yield _named(entry.get("EventBusName", "default"), f"arn:aws:events:{_HOME}:event-bus/")


def _topics(_: str, body: Mapping[str, Any]) -> Iterator[str]:
    yield body.get("TopicArn") or body.get("TargetArn") or "*"


def _queues(_: str, body: Mapping[str, Any]) -> Iterator[str]:
    name = body.get("QueueUrl", "").rpartition("/")[2] or body.get("QueueName", "")
    yield f"arn:aws:sqs:{_HOME}:{name}" if name else "*"


def _parameters(_: str, body: Mapping[str, Any]) -> Iterator[str]:
    names = body.get("Names") or [body.get("Name") or body.get("Path") or ""]
    for name in names:
        yield _named(str(name).removeprefix("/"), f"arn:aws:ssm:{_HOME}:parameter/") if name else "*"


def _state_machines(operation: str, body: Mapping[str, Any]) -> Iterator[str]:
    if not operation.startswith("SendTask"):
        yield body.get("stateMachineArn") or body.get("executionArn") or "*"


def _named(name: str, prefix: str) -> str:
    return name if name.startswith("arn:") else prefix + name


_BY_SERVICE: Final[Mapping[str, Callable[[str, Mapping[str, Any]], Iterator[str]]]] = {
    "dynamodb": _tables,
    "eventbridge": _buses,
    "sfn": _state_machines,
    "sns": _topics,
    "sqs": _queues,
    "ssm": _parameters,
}
