"""The resources that a call is about, as ARNs, for the policies of the caller's role."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from drsim.simulator.contract.layout import HOME_ACCOUNT, HOME_REGION
from drsim.simulator.handlers.operations import Members

ANY: Final = ("*",)
"""The resource of an action that has none, such as drs:DescribeJobs."""
_IN_STATEMENT: Final = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"?([\w.-]+)', re.IGNORECASE)
"""The table of a PartiQL statement."""
_HOME: Final = f"{HOME_REGION}:{HOME_ACCOUNT}"


def resources_of(service: str, operation: str, asked: Members) -> tuple[str, ...]:
    """Return the resources of a call; none if the request does not say, as with a task token."""
    find = _BY_SERVICE.get(service)
    return ANY if find is None else tuple(dict.fromkeys(find(operation, asked)))


def _tables(_: str, asked: Members) -> Iterator[str]:
    if "TableName" in asked:
        names = [asked["TableName"]]
    else:
        names = _tables_inside(asked)
    for name in names:
        arn = f"arn:aws:dynamodb:{_HOME}:table/{name.rpartition('/')[2]}"
        yield f"{arn}/index/{asked['IndexName']}" if "IndexName" in asked else arn


def _tables_inside(asked: Members) -> list[str]:
    names = [*asked.get("RequestItems", ())]
    names += [request["TableName"] for each in asked.get("TransactItems", ()) for request in each.values()]
    for each in [asked, *asked.get("Statements", ()), *asked.get("TransactStatements", ())]:
        names += _IN_STATEMENT.findall(str(each.get("Statement", "")))
    return names


def _buses(_: str, asked: Members) -> Iterator[str]:
    for entry in asked.get("Entries", ()):
        yield _named(entry.get("EventBusName", "default"), f"arn:aws:events:{_HOME}:event-bus/")


def _topics(_: str, asked: Members) -> Iterator[str]:
    yield asked.get("TopicArn") or asked.get("TargetArn") or "*"


def _queues(_: str, asked: Members) -> Iterator[str]:
    name = asked.get("QueueUrl", "").rpartition("/")[2] or asked.get("QueueName", "")
    yield f"arn:aws:sqs:{_HOME}:{name}" if name else "*"


def _parameters(_: str, asked: Members) -> Iterator[str]:
    names = asked.get("Names") or [asked.get("Name") or asked.get("Path") or ""]
    for name in names:
        yield _named(str(name).removeprefix("/"), f"arn:aws:ssm:{_HOME}:parameter/") if name else "*"


def _state_machines(operation: str, asked: Members) -> Iterator[str]:
    if not operation.startswith("SendTask"):
        yield asked.get("stateMachineArn") or asked.get("executionArn") or "*"


def _named(name: str, prefix: str) -> str:
    return name if name.startswith("arn:") else prefix + name


_BY_SERVICE: Final[Mapping[str, Callable[[str, Members], Iterator[str]]]] = {
    "dynamodb": _tables,
    "eventbridge": _buses,
    "sfn": _state_machines,
    "sns": _topics,
    "sqs": _queues,
    "ssm": _parameters,
}
