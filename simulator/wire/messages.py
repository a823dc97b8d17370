"""Facts about the HTTP messages between boto3 and AWS: latency, items, IAM action and error code."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from moto.core.botocore_stubber import MockRawResponse
from moto.iam.models import get_account_id_from, iam_backends

from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.faults.kinds import Shown
from drsim.simulator.randomness import Spread
from drsim.simulator.services.errors import ServiceError
from drsim.simulator.services.spec import Latencies

SERVICES: Final[Mapping[str, str]] = {
    **{name: name for name in ("cloudwatch", "drs", "dynamodb", "ec2", "lambda", "sns", "sqs", "ssm", "sts")},
    "cloudwatch-logs": "logs",
    "eventbridge": "events",
    "sfn": "stepfunctions",
}
"""The services that moto and this project answer for functions, by botocore's name: moto's name."""
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

_XML: Final[Mapping[str, str]] = {
    **dict.fromkeys(("sns", "sts"), "<ErrorResponse>{}</ErrorResponse>"),
    "ec2": "<Response><Errors>{}</Errors></Response>",
}
"""Services that answer in XML, and the elements around an error."""


def bytes_of(request: AWSPreparedRequest) -> bytes:
    body = request.body or b""
    assert isinstance(body, str | bytes), "these APIs send no streams"
    return body.encode() if isinstance(body, str) else body


def body_of(request: AWSPreparedRequest) -> Any:
    return json.loads(bytes_of(request) or b"{}")


def header_of(request: AWSPreparedRequest, name: str) -> str:
    value: Any = request.headers.get(name, "")
    return value.decode() if isinstance(value, bytes) else str(value)


def access_key_of(request: AWSPreparedRequest) -> str:
    """The access key that signed a request."""
    return header_of(request, "Authorization").partition("Credential=")[2].partition("/")[0]


def account_of(access_key: str) -> str:
    """The account of an access key that moto issued, as for an assumed role; otherwise the home account."""
    known = any(access_key in each.access_keys for account in [*iam_backends.values()] for each in [*account.values()])
    return get_account_id_from(access_key) if known else HOME_ACCOUNT


def action_of(service: str, operation: str) -> str:
    """The IAM action that permits an operation. IAM names services as moto does, except for Step Functions."""
    if (service, operation) == ("lambda", "Invoke"):
        return "lambda:InvokeFunction"
    return f"{'states' if service == 'sfn' else SERVICES[service]}:{operation}"


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


def items_of(body: Mapping[str, Any], table: str) -> Iterator[Mapping[str, Any]]:
    """Every key or item of the table that a request names."""
    # A request names its table by name or ARN.
    if body.get("TableName", "").rpartition("/")[2] == table:
        yield from (body[name] for name in ("Key", "Item") if name in body)
    for name, requests in body.get("RequestItems", {}).items():
        # BatchWriteItem gives a list of requests, BatchGetItem an object with keys, which writes nothing.
        for each in requests if isinstance(requests, list) else ():
            for request in each.values():
                yield from items_of({**request, "TableName": name}, table)
    for each in body.get("TransactItems", ()):
        for request in each.values():
            yield from items_of(request, table)


def answer(url: str, status: int, headers: dict[str, str], body: bytes) -> AWSResponse:
    return AWSResponse(url, status, HTTPHeaders.from_dict(headers), MockRawResponse(body))


def failure(request: AWSPreparedRequest, service: str, error: ServiceError) -> AWSResponse:
    """An error in the service's protocol. Raises botocore's exception for a network error."""
    if error.code == "ReadTimeoutError":
        raise ReadTimeoutError(endpoint_url=request.url)
    if error.code == "ConnectionClosedError":
        raise ConnectionClosedError(endpoint_url=request.url)
    status = _STATUSES.get(error.code, 400)
    if service == "dynamodb" and status < 500:
        status = 400
    headers = {"Content-Type": "application/json", "x-amzn-errortype": error.code, "x-amzn-requestid": "0" * 8}
    if service in _XML:
        headers["Content-Type"] = "text/xml"
        code, message = escape(error.code), escape(error.message)
        body = _XML[service].format(f"<Error><Code>{code}</Code><Message>{message}</Message></Error>")
    else:
        body = json.dumps({"__type": error.code, "message": error.message})
    return answer(request.url, status, headers, body.encode())


def error_code(response: AWSResponse) -> str:
    if response.status_code < 300:
        return ""
    if named := response.headers.get("x-amzn-errortype"):
        return str(named).partition(":")[0]
    try:
        body = json.loads(response.content)
    except ValueError:
        return str(response.status_code)
    return str(body.get("__type", response.status_code)).rpartition("#")[2]


def refused_by_condition(response: AWSResponse) -> bool:
    """Whether a condition prevented a write, or a transaction of several."""
    code = error_code(response)
    if code == "TransactionCanceledException":
        reasons = json.loads(response.content).get("CancellationReasons", ())
        return any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons)
    return code == "ConditionalCheckFailedException"


def shortened(response: AWSResponse, shown: Shown) -> AWSResponse:
    """Return an answer of DescribeJobs with as many servers of each job as a fault leaves."""
    if response.status_code >= 300:
        return response
    body = json.loads(response.content)
    jobs, body["items"] = body["items"], []
    for job in jobs:
        servers = job.get("participatingServers", [])
        if (count := shown(len(servers))) is not None:
            body["items"].append({**job, "participatingServers": servers[:count]})
    return answer(str(response.url), response.status_code, dict(response.headers), json.dumps(body).encode())
