"""Optional packages: which extra of drsim brings what is missing."""

from collections.abc import Iterator
from contextlib import contextmanager


class MissingExtraError(ImportError):
    """A package of an extra is not installed. The message says how to install it."""


@contextmanager
def needs(extra: str, user: str) -> Iterator[None]:
    """Import packages of an extra, on behalf of what the message names first. Raises MissingExtraError."""
    try:
        yield
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "drsim":
            raise
        message = f'{user} needs more than is installed ({error}): pip install "drsim[{extra}]"'
        raise MissingExtraError(message, name=error.name) from None
