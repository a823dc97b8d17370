"""Answers of services at the client's boundary: members, metadata and errors as botocore shows them."""

from typing import Any

from botocore.awsrequest import AWSResponse

from drsim.simulator.handlers.operations import status_of
from drsim.simulator.services.errors import ServiceError


class Answer:
    """One answer. Items in the members of DynamoDB's are plain, but for those of an error."""

    __slots__ = ("code", "members", "metadata", "status")

    def __init__(self, members: dict[str, Any], request_id: str, code: str = "", status: int = 200) -> None:
        self.members = members
        self.code = code
        self.status = status
        self.metadata: dict[str, Any] = {
            "RequestId": request_id,
            "HTTPStatusCode": status,
            "HTTPHeaders": {"x-amzn-requestid": request_id},
            "RetryAttempts": 0,
        }

    @property
    def http(self) -> AWSResponse:
        """The answer as handlers of events see it; nothing was sent, so it has no body."""
        response: Any = AWSResponse("", self.status, self.metadata["HTTPHeaders"], None)
        response._content = b""
        return response  # type: ignore[no-any-return]

    @property
    def parsed(self) -> dict[str, Any]:
        """The members with the metadata itself, which retry handlers change."""
        return {**self.members, "ResponseMetadata": self.metadata}


def error_answer(error: ServiceError, model: Any, request_id: str) -> Answer:
    """Return an error as botocore parses it: members of a modelled one stand at the top, next to `Error`."""
    shape = model.shape_for_error_code(error.code)
    status = status_of(model.service_name, error.code)
    members: dict[str, Any] = {"Error": {"Message": error.message, "Code": error.code}}
    if shape is not None:
        status = shape.metadata.get("error", {}).get("httpStatusCode", status)
        members |= {name: error.message for name in ("message", "Message") if name in shape.members}
    return Answer(members | getattr(error, "members", {}), request_id, error.code, status)
