"""Error responses of AWS's services in their wire form, and the error code of a response."""

import json
from io import BytesIO
from typing import Any, Final

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from drsim.simulator.services.errors import ServiceError

_STATUSES: Final = {
    "ThrottlingException": 429,
    "TooManyRequestsException": 429,
    "InternalServerError": 500,
    "AccessDeniedException": 403,
    "ResourceNotFoundException": 404,
}
"""HTTP status by code (botocore 1.44, service models); DynamoDB answers 400 to all but its own failures."""


class _Raw(BytesIO):
    """The body as urllib3 provides it."""

    def stream(self, **_: object) -> Any:
        """Yield the whole body."""
        yield self.read()


def answer(url: str, status: int, headers: dict[str, str], body: bytes) -> AWSResponse:
    """An HTTP response to a request for a URL."""
    return AWSResponse(url, status, HTTPHeaders.from_dict(headers), _Raw(body))


def failure(request: AWSPreparedRequest, service: str, error: ServiceError) -> AWSResponse:
    """An error in the service's protocol. Raises botocore's exception for an error of the network."""
    if error.code == "ReadTimeoutError":
        raise ReadTimeoutError(endpoint_url=request.url)
    if error.code == "ConnectionClosedError":
        raise ConnectionClosedError(endpoint_url=request.url)
    status = _STATUSES.get(error.code, 400)
    if service == "dynamodb" and status < 500:
        status = 400
    message = str(error).removeprefix(f"{error.code}: ")
    if service == "cloudwatch" and "cbor" in str(request.headers.get("Content-Type")):
        headers = {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
        return answer(request.url, status, headers, _cbor({"__type": error.code, "message": message}))
    headers = {"Content-Type": "application/json", "x-amzn-errortype": error.code, "x-amzn-requestid": "0" * 8}
    return answer(request.url, status, headers, json.dumps({"__type": error.code, "message": message}).encode())


def error_code(response: AWSResponse) -> str:
    """The error code of a response, or "" for a success."""
    if response.status_code < 300:
        return ""
    named = response.headers.get("x-amzn-errortype")
    if named:
        return str(named).partition(":")[0]
    try:
        body = json.loads(response.content)
    except ValueError:
        return str(response.status_code)
    return str(body.get("__type", response.status_code)).rpartition("#")[2]


def _cbor(fields: dict[str, str]) -> bytes:
    """A map of short texts in CBOR (RFC 8949, major types 5 and 3)."""
    out = bytes([0xA0 | len(fields)])
    for text in (part for field in fields.items() for part in field):
        data = text.encode()
        out += (bytes([0x60 | len(data)]) if len(data) < 24 else b"\x79" + len(data).to_bytes(2, "big")) + data
    return out
