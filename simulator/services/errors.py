"""Error answers of AWS's services."""


class ServiceError(Exception):
    """An error answer with AWS's `code`. botocore's `standard` mode retries it if it is `retryable`."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable


class ConditionFailedError(ServiceError):
    """ConditionalCheckFailedException: the present item does not meet the condition of a write."""

    def __init__(self) -> None:
        super().__init__("ConditionalCheckFailedException", "The conditional request failed")
