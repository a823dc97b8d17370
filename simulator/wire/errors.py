"""What can be wrong with handlers that somebody brings. No `Exception`: code under test must not catch them."""


class HandlerError(BaseException):
    """A handler cannot be run here. The message says which, why, and what to do about it."""


class NotSimulatedError(HandlerError):
    """A handler asked for something that nothing here simulates, and that must never reach AWS."""
