"""Errors that end a run. They need no kernel, so that moto's DRS backend can do without greenlets."""


class RunEndingError(BaseException):
    """Root of what ends a run from within code under test, which must not catch it."""


class MisfitError(ValueError):
    """A scenario asks for what the contract of the functions cannot hold. The message has field, rule and value."""
