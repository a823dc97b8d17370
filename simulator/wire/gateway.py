"""The only way from boto3 to a service: botocore's `before-send` brings every request here, and none reaches AWS."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import botocore.handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.botocore_stubber import BotocoreStubber

from drsim.simulator.contract.layout import HOME_ACCOUNT
from drsim.simulator.wire.errors import NotSimulatedError
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


_routes: list[tuple[Callable[[], None], Callable[[AWSPreparedRequest, str], AWSResponse]]] = []
"""What begins a call and what answers each attempt; the last one holds. Without any, clients are unchanged."""


@contextmanager
def opened() -> Iterator[None]:
    """Stand between every client of this process and AWS; moto answers all requests until `route`."""
    _routes.append((lambda: None, by_moto))
    try:
        yield
    finally:
        _routes.pop()


def route(begin: Callable[[], None], send: Callable[[AWSPreparedRequest, str], AWSResponse]) -> None:
    """From now on call `begin` when a call begins, and let `send` answer each of its attempts."""
    _routes[-1] = (begin, send)


def watch(see: Callable[[AWSPreparedRequest, str], None]) -> None:
    """From now on call `see` with each attempt of a call, before it is answered."""
    begin, send = _routes[-1]

    def seen(request: AWSPreparedRequest, event_name: str) -> AWSResponse:
        see(request, event_name)
        return send(request, event_name)

    _routes[-1] = (begin, seen)


def _begin(**_: Any) -> None:
    if _routes:
        _routes[-1][0]()


def _send(request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse | None:
    return _routes[-1][1](request, event_name) if _routes else None


# As moto does for its own: each client takes the handlers on this list when it is made, in any run.
botocore.handlers.BUILTIN_HANDLERS += [("before-call", _begin), ("before-send", _send)]
