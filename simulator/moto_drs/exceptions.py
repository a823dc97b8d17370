"""The errors of DRS's model as moto's exceptions: HTTP status, body and headers as botocore reads them.

Source: error shapes of botocore's service model for drs 2020-02-26.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from moto.core.exceptions import JsonRESTError

from drsim.simulator.services.drs import DrsRefusedError

_STATUSES: Final = {
    "AccessDeniedException": 403,
    "ConflictException": 409,
    "InternalServerException": 500,
    "ResourceNotFoundException": 404,
    "ServiceQuotaExceededException": 402,
    "ThrottlingException": 429,
    "UninitializedAccountException": 400,
    "ValidationException": 400,
}

_WITHOUT_CODE: Final = frozenset({"InternalServerException", "ThrottlingException"})
"""The shapes without a member `code`. The others repeat the error's name there (assumed)."""


class DRSError(JsonRESTError):
    """One of DRS's errors; use the classes below. `members` are its shape's, except for the message."""

    def __init__(
        self, error: str, message: str, members: Mapping[str, object] | None = None, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(error, message)
        self.code = _STATUSES[error]
        code = {} if error in _WITHOUT_CODE else {"code": error}
        self.description = json.dumps({"__type": error, "message": message, **code, **(members or {})})
        self._retry_after_s = retry_after_s

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """moto's headers and, since the model puts retryAfterSeconds there, `Retry-After`."""
        headers = super().get_headers(*args, **kwargs)
        if self._retry_after_s is not None:
            headers.append(("Retry-After", str(self._retry_after_s)))
        return headers


class AccessDeniedError(DRSError):
    """AccessDeniedException, 403. There is no authorization here: only `fail_next` raises it."""

    def __init__(self, message: str = "User is not authorized to perform this operation") -> None:
        super().__init__("AccessDeniedException", message)


class InternalServerError(DRSError):
    """InternalServerException, 500, which botocore retries. Only `fail_next` raises it."""

    def __init__(self, message: str = "An internal error occurred", *, retry_after_s: int = 1) -> None:
        super().__init__("InternalServerException", message, retry_after_s=retry_after_s)


class ThrottlingError(DRSError):
    """ThrottlingException, 429, which botocore retries. AWS publishes no rates, so only `fail_next` raises it."""

    def __init__(self, message: str = "Rate exceeded", *, retry_after_s: int = 1, quota_code: str = "unknown") -> None:
        members = {"serviceCode": "drs", "quotaCode": quota_code}
        super().__init__("ThrottlingException", message, members, retry_after_s=retry_after_s)


class UninitializedAccountError(DRSError):
    """UninitializedAccountException, 400: DRS is not set up in this account and Region."""

    def __init__(self) -> None:
        super().__init__("UninitializedAccountException", "Account is not initialized. Initialize the service first.")


class ResourceNotFoundError(DRSError):
    """ResourceNotFoundException, 404."""

    def __init__(self, resource_id: str, resource_type: str) -> None:
        members = {"resourceId": resource_id, "resourceType": resource_type}
        super().__init__("ResourceNotFoundException", f"{resource_type} {resource_id} was not found", members)


class ValidationError(DRSError):
    """ValidationException, 400. `fields` are pairs of a member's path and its message."""

    def __init__(self, fields: Sequence[tuple[str, str]], reason: str = "fieldValidationFailed") -> None:
        noun = "error" if len(fields) == 1 else "errors"
        text = f"{len(fields)} validation {noun} detected: " + "; ".join(text for _, text in fields)
        field_list = [{"name": name, "message": text} for name, text in fields]
        super().__init__("ValidationException", text, {"reason": reason, "fieldList": field_list})


def refusal(error: DrsRefusedError) -> DRSError:
    """A refusal of the service as moto's exception."""
    return DRSError(error.code, error.message, error.members)
