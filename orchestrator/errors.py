"""Errors, by what the caller can do about them."""


class OrchestratorError(Exception):
    """Root of every error that this package raises or its ports may raise."""


class TryLaterError(OrchestratorError):
    """A service throttled, failed or did not answer, after all retries of the adapter. The next tick retries."""


class RefusedError(OrchestratorError):
    """A service refused: a permission is missing or a request is wrong. Retrying does not help."""


class LostRaceError(OrchestratorError):
    """Another writer came first: read and decide again, never overwrite."""


class MalformedError(OrchestratorError):
    """An item, a payload or a setting breaks a rule. The message holds its name, the rule and the value."""


class PollFailedError(OrchestratorError):
    """A poll changed nothing. The function ends in error, so that the alarm counts it."""
