"""Conversion of botocore's errors to those of the ports, by error code. Retrying is botocore's."""

from typing import Final

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from ..errors import LostRaceError, OrchestratorError, RefusedError, TryLaterError

AWS_ERRORS: Final = (ClientError, BotoCoreError, ResponseParserError)
"""The errors that a call of a boto3 client may raise."""

# The codes that botocore's `standard` mode takes for throttling (retries/standard.py, botocore 1.44).
THROTTLING_CODES: Final = frozenset(
    (
        *("BandwidthLimitExceeded", "EC2ThrottledException", "LimitExceededException", "PriorRequestNotComplete"),
        *("ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled"),
        *("RequestThrottledException", "SlowDown", "ThrottledException", "Throttling", "ThrottlingException"),
        *("TooManyRequestsException", "TransactionInProgressException"),
    )
)
# Those that it takes for a transient failure, and DynamoDB's two for an item that a transaction or a replica's write
# holds. botocore does not retry the first of these two, but the next tick may succeed.
TRANSIENT_CODES: Final = frozenset(
    (
        *("RequestTimeout", "RequestTimeoutException"),
        *("TransactionConflictException", "ReplicatedWriteConflictException"),
    )
)

CONDITION_FAILED: Final = "ConditionalCheckFailedException"

_PASSING: Final = (
    *(exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.IncompleteReadError, exceptions.ChecksumError),
    *(exceptions.CredentialRetrievalError, exceptions.MetadataRetrievalError),
    # The answer is not the service's: a proxy between sent it.
    ResponseParserError,
)


def port_error(operation: str, error: Exception, about: str) -> OrchestratorError:
    """Return the port error for `error`, one of AWS_ERRORS; `about` names the subject of the call."""
    called = f"{operation} ({about})"
    if not isinstance(error, ClientError):
        message = f"{called}: {type(error).__name__}: {error}"
        return TryLaterError(message) if isinstance(error, _PASSING) else RefusedError(message)
    code = error.response.get("Error", {}).get("Code", "Unknown")
    metadata = error.response.get("ResponseMetadata", {})
    status = metadata.get("HTTPStatusCode", 0)
    attempts = metadata.get("RetryAttempts", 0) + 1
    message = (
        f"{called}: {code}: {error.response.get('Error', {}).get('Message', '')} "
        f"[HTTP {status}, request {metadata.get('RequestId', 'unknown')}, attempts {attempts}]"
    )
    if code == CONDITION_FAILED:
        return LostRaceError(message)
    later = code in THROTTLING_CODES or code in TRANSIENT_CODES or status == 429 or status >= 500
    return TryLaterError(message) if later else RefusedError(message)
