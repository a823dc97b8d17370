"""What is left of an error of botocore's when it reaches a port. Owns the table of codes; retrying is botocore's."""

from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ChecksumError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
)
from botocore.parsers import ResponseParserError

from ..errors import LostRaceError, OrchestratorError, RefusedError, TryLaterError

AWS_ERRORS: Final = (ClientError, BotoCoreError, ResponseParserError)
"""What a call of a boto3 client may raise."""

THROTTLING_CODES: Final = frozenset(
    {
        # What botocore's `standard` mode takes for throttling (retries/standard.py, botocore 1.44) ...
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
TRANSIENT_CODES: Final = frozenset(
    {
        # ... what it takes for a passing failure, whatever the HTTP status ...
        "RequestTimeout",
        "RequestTimeoutException",
        # ... and DynamoDB's words for an item that a transaction, or a replica's write, holds at this very moment. The
        # first it does not even try again, but the next tick may well succeed.
        "TransactionConflictException",
        "ReplicatedWriteConflictException",
    }
)

CONDITION_FAILED: Final = "ConditionalCheckFailedException"

_SILENCE: Final = (ConnectionError, HTTPClientError, IncompleteReadError)
_PASSING: Final = (
    *_SILENCE,
    ChecksumError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    # An answer that is none of the service's: something between it and us spoke.
    ResponseParserError,
)


def port_error(operation: str, error: Exception, about: str = "") -> OrchestratorError:
    """The error of the ports that `error`, one of AWS_ERRORS, means to a caller.

    `about` says what the call was for. The message names operation, code, HTTP status, request id and attempts.
    """
    called = f"{operation} ({about})" if about else operation
    if not isinstance(error, ClientError):
        told = f"{called}: {type(error).__name__}: {error}"
        return TryLaterError(told) if isinstance(error, _PASSING) else RefusedError(told)
    code = error.response.get("Error", {}).get("Code", "Unknown")
    metadata = error.response.get("ResponseMetadata", {})
    status = metadata.get("HTTPStatusCode", 0)
    attempts = metadata.get("RetryAttempts", 0) + 1
    told = (
        f"{called}: {code}: {error.response.get('Error', {}).get('Message', '')} "
        f"[HTTP {status}, request {metadata.get('RequestId', 'unknown')}, attempts {attempts}]"
    )
    if code == CONDITION_FAILED:
        return LostRaceError(told)
    later = code in THROTTLING_CODES or code in TRANSIENT_CODES or status == 429 or status >= 500
    return TryLaterError(told) if later else RefusedError(told)
