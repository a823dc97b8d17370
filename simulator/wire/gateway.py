"""The only way from boto3 to a service: botocore's `before-send` brings every request here, and none reaches AWS."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import botocore.handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.botocore_stubber import BotocoreStubber

from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.handlers.errors import NotSimulatedError
from drsim.simulator.handlers.operations import Members
from drsim.simulator.wire.messages import header_of

_MOTO: Final = BotocoreStubber()
_MOTO.enabled = True


def by_moto(request: AWSPreparedRequest, _: str = "") -> AWSResponse:
    if "ASIA" not in header_of(request, "Authorization"):
        # Credentials of an assumed role name their account themselves; all others here are the home account's.
        request.headers["x-moto-account-id"] = HOME_ACCOUNT
    try:
        response = _MOTO("before-send", request)
    except Exception as error:
        # moto answers with AWS's errors. What it raises is its own failure, which no function may take for AWS's.
        what = f"{header_of(request, 'X-Amz-Target')} {request.url}".strip()
        raise NotSimulatedError(f"moto cannot answer {what}: {type(error).__name__}: {error}") from error
    if response is None:
        raise NotSimulatedError(f"nothing here answers {request.url}")
    return response


Send = Callable[[AWSPreparedRequest, str], AWSResponse]

_ASKED: Final = "drsim's members"
"""The name of a call's members in botocore's context."""
_routes: list[Send] = []
"""What answers each attempt; the last one holds. Without any, clients are unchanged."""


@contextmanager
def opened() -> Iterator[None]:
    """Stand between every client of this process and AWS; moto answers all requests until `route`."""
    _routes.append(by_moto)
    try:
        yield
    finally:
        _routes.pop()


def route(send: Send) -> None:
    """From now on let `send` answer each attempt of a call."""
    _routes[-1] = send


def context_of(request: AWSPreparedRequest) -> dict[str, Any]:
    """Return botocore's context of the call that a request belongs to."""
    context: dict[str, Any] = request.context  # type: ignore[attr-defined]  # unknown to its types
    return context


def asked_by(request: AWSPreparedRequest) -> Members:
    """Return the members of the call that a request belongs to, as its client got them."""
    members: Members = context_of(request)[_ASKED]
    return members


def _keep(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if _routes:
        context[_ASKED] = params


def _send(request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse | None:
    return _routes[-1](request, event_name) if _routes else None


# As moto does for its own: each client takes the handlers on this list when it is made, in any run.
botocore.handlers.BUILTIN_HANDLERS += [("before-endpoint-resolution", _keep), ("before-send", _send)]
