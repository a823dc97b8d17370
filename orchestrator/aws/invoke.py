"""`PollerInvoker` over Lambda's asynchronous invocation."""

import json
from typing import TYPE_CHECKING

from ..errors import RefusedError
from ..model import Dispatch
from ..payloads import payload_of
from .errors import AWS_ERRORS, port_error

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class FunctionInvoker:
    """`PollerInvoker` for one function. Threads may share it, as they may its client."""

    def __init__(self, client: "LambdaClient", function: str) -> None:
        self._client = client
        self._function = function

    def invoke(self, dispatch: Dispatch) -> None:
        about = f"{self._function} for execution {dispatch.key.execution_id}"
        try:
            answer = self._client.invoke(
                FunctionName=self._function, InvocationType="Event", Payload=json.dumps(payload_of(dispatch)).encode()
            )
            # Empty, but the connection returns to the pool only after it was read.
            answer["Payload"].read()
        except AWS_ERRORS as error:
            raise port_error("Invoke", error, about) from error
        if answer["StatusCode"] != 202:
            raise RefusedError(f"Invoke ({about}): StatusCode must be 202, got {answer['StatusCode']}")
