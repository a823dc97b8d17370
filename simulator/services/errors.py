"""Error answers of AWS's services."""


class ServiceError(Exception):
    """An error answer with AWS's `code`. botocore's `standard` mode retries it if it is `retryable`."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = retryable


class ItemTooLargeError(ServiceError):
    """ValidationException: a write would make an item larger than DynamoDB allows."""

    def __init__(self, *, is_update: bool) -> None:
        subject = "Item size to update" if is_update else "Item size"
        super().__init__("ValidationException", f"{subject} has exceeded the maximum allowed size")


class ConditionFailedError(ServiceError):
    """ConditionalCheckFailedException: the present item does not meet the condition of a write."""

    def __init__(self) -> None:
        super().__init__("ConditionalCheckFailedException", "The conditional request failed")
