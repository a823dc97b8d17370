"""Errors that AWS's services answer with, as clients see them."""

from typing import Any

from drsim.simulator.services.errors import ServiceError


class AwsError(ServiceError):
    """An error with its members besides the message, such as `Item` of a failed condition."""

    def __init__(self, code: str, message: str, /, **members: Any) -> None:
        super().__init__(code, message)
        self.members = members


def invalid(message: str) -> AwsError:
    """Return DynamoDB's ValidationException."""
    return AwsError("ValidationException", message)
