"""Results and errors of handlers: as Lambda answers them to a caller that waits, and as text.

Sources: awslambdaric (bootstrap.py and lambda_runtime_marshaller.py, 2026-06) and replies of Lambda (2026-09).
"""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, NamedTuple

_ERROR_STATUSES: Final = frozenset({*range(400, 1000), *map(str, range(400, 1000))})


class Ended(NamedTuple):
    """The end of an invocation as its caller sees it: the payload, and whether the function failed."""

    payload: bytes
    is_error: bool


class MarshalError(Exception):
    """A handler's result that JSON cannot hold; Lambda calls the error Runtime.MarshalError."""


MarshalError.__name__ = MarshalError.__qualname__ = "Runtime.MarshalError"


def marshalled(result: object) -> bytes:
    """Return a handler's result as Lambda's runtime sends it. Raises MarshalError."""
    if isinstance(result, bytes):
        return result
    try:
        return _encode(result).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise MarshalError(f"Unable to marshal response: {error}") from None


def error_payload(error_type: str, message: str, request_id: str, stack: Sequence[str]) -> bytes:
    """Return the payload for an error that a handler raised."""
    about = {"errorMessage": message, "errorType": error_type, "requestId": request_id, "stackTrace": [*stack]}
    return json.dumps(about).encode()


def end_payload(outcome: str, detail: str, request_id: str) -> bytes:
    """Return the payload for an invocation whose runtime ended: a timeout, or a crash."""
    error_type = "Sandbox.Timedout" if outcome == "timeout" else "Runtime.ExitError"
    what = detail if outcome == "timeout" else "Runtime exited with error: exit status 1"
    about = {"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {what}"}
    return json.dumps(about).encode()


def text_of(error: BaseException) -> str:
    """Return an error as text. The `__str__` of code under test may fail."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}: (its text cannot be made)"


def failure_in(answer: object) -> str:
    """Return the HTTP status of a handler's answer if it reports an error, as API Gateway reads it; else ""."""
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    return f"statusCode {int(status)}" if isinstance(status, int | str) and status in _ERROR_STATUSES else ""


def _number(value: object) -> int | float:
    """Return a Decimal as the number that it is in JSON. Raises TypeError for all else."""
    if not isinstance(value, Decimal):
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
    return int(value) if str(value).lstrip("-").isdigit() else float(value)


_encode: Final = json.JSONEncoder(default=_number).encode
