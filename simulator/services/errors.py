"""The errors that AWS's services answer with. Errors are values of AWS's world: a simulated caller may see them."""


class ServiceError(Exception):
    """An error answer. `code` is the one that AWS gives, `retryable` whether botocore's `standard` mode tries again."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.retryable = retryable


class ConditionFailedError(ServiceError):
    """ConditionalCheckFailedException: the item is not as the writer believed."""

    def __init__(self) -> None:
        super().__init__("ConditionalCheckFailedException", "The conditional request failed")
