"""The only way from boto3 to a service: botocore's `before-send` brings every request here, and none reaches AWS."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import botocore.handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from moto.core.botocore_stubber import BotocoreStubber

from drsim.simulator.wire.errors import NotSimulatedError
from drsim.simulator.wire.messages import header_of
from drsim.simulator.workload import HOME_ACCOUNT

_MOTO: Final = BotocoreStubber()
_MOTO.enabled = True


def by_moto(request: AWSPreparedRequest, _: str = "") -> AWSResponse:
    """moto's answer to a request."""
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


class Gateway:
    """Answers the requests of this process while it is open: by moto, until `begin` and `send` are those of a world."""

    def __init__(self) -> None:
        # For botocore's `before-call`, the begin of a call, and for `before-send`, each of its attempts.
        self.begin: Callable[[], None] = lambda: None
        self.send: Callable[[AWSPreparedRequest, str], AWSResponse] = by_moto

    @contextmanager
    def open(self) -> Iterator[None]:
        """Stand between every client of this process and AWS."""
        global _gateway  # noqa: PLW0603 - botocore has one list of handlers for the process
        before, _gateway = _gateway, self
        try:
            yield
        finally:
            _gateway = before


_gateway: Gateway | None = None
"""The open gateway; None outside wire runs, when clients are unchanged."""


def _begin(**_: Any) -> None:
    if _gateway is not None:
        _gateway.begin()


def _send(request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse | None:
    return None if _gateway is None else _gateway.send(request, event_name)


# As moto does for its own: each client takes the handlers on this list when it is made, in any run.
botocore.handlers.BUILTIN_HANDLERS += [("before-call", _begin), ("before-send", _send)]
