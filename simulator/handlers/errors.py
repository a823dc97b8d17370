"""Errors in user-supplied handlers."""

from drsim.simulator.errors import RunEndingError


class HandlerError(RunEndingError):
    """A handler cannot be run here. The message says which, why, and what to do about it."""


class NotSimulatedError(HandlerError):
    """A handler asked for something that nothing here simulates, and that must never reach AWS."""
