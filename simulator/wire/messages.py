"""HTTP messages between boto3 and AWS: credentials, answers and errors."""

import json
from collections.abc import Mapping
from typing import Any, Final
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import MockRawResponse
from moto.iam.models import get_account_id_from, iam_backends

from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.faults.kinds import Shown
from drsim.simulator.handlers.operations import Members, status_of
from drsim.simulator.services.errors import ServiceError

_XML: Final[Mapping[str, str]] = {
    **dict.fromkeys(("sns", "sts"), "<ErrorResponse>{}</ErrorResponse>"),
    "ec2": "<Response><Errors>{}</Errors></Response>",
}
"""Services that answer in XML, and the elements around an error."""


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


def answer(url: str, status: int, headers: dict[str, str], body: bytes) -> AWSResponse:
    return AWSResponse(url, status, HTTPHeaders.from_dict(headers), MockRawResponse(body))


def failure(request: AWSPreparedRequest, service: str, error: ServiceError) -> AWSResponse:
    """An error in the service's protocol."""
    status = status_of(service, error.code)
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
    return str(members_of(response).get("__type", response.status_code)).rpartition("#")[2]


def members_of(response: AWSResponse) -> Members:
    """Return the members of an answer in JSON; none of one in XML."""
    try:
        found = json.loads(response.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


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
