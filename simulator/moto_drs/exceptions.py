"""The errors of botocore's model of DRS as moto's exceptions: HTTP status, body and headers as botocore reads them."""

import json
from collections.abc import Mapping
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.utils import get_service_model


class DRSError(JsonRESTError):
    """One of DRS's errors. `members` are its shape's, except for the message."""

    def __init__(
        self, error: str, message: str, members: Mapping[str, object] | None = None, *, retry_after_s: int | None = None
    ) -> None:
        super().__init__(error, message)
        shape: Any = get_service_model("drs").shape_for(error)
        self.code = shape.metadata["error"]["httpStatusCode"]
        # A member `code` repeats the error's name (assumed).
        code = {"code": error} if "code" in shape.members else {}
        self.description = json.dumps({"__type": error, "message": message, **code, **(members or {})})
        self._retry_after_s = retry_after_s

    def get_headers(self, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
        """moto's headers and, since the model puts retryAfterSeconds there, `Retry-After`."""
        own = [] if self._retry_after_s is None else [("Retry-After", str(self._retry_after_s))]
        return [*super().get_headers(*args, **kwargs), *own]


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
