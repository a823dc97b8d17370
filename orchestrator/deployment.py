"""The names that the template passes to the functions in environment variables. Tuning is in `settings`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from .errors import MalformedError

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedNames:
    """Names of the deployed resources. Without a `role_name` all jobs are in the function's own account."""

    table: str
    index: str
    poller_function: str
    namespace: str
    role_name: str

    @classmethod
    def of(cls, environment: Mapping[str, str], *required: str) -> Self:
        """Read the environment variables. Raises MalformedError, naming every required one that is missing."""
        missing = [name for name in required if not environment.get(name)]
        if missing:
            raise MalformedError(f"environment variables must be set to a text, missing: {', '.join(missing)}")
        return cls(
            table=environment.get("EXECUTION_TABLE", ""),
            index=environment.get("STATUS_INDEX") or "StatusIndex",
            poller_function=environment.get("POLLER_FUNCTION", ""),
            namespace=environment.get("METRICS_NAMESPACE") or "DRSOrchestration",
            role_name=environment.get("DRS_ROLE_NAME", ""),
        )


def log_level_from(environment: Mapping[str, str]) -> str:
    """Return the lowest level to log. Raises MalformedError."""
    level = environment.get("LOG_LEVEL") or "INFO"
    if level.upper() not in LOG_LEVELS:
        raise MalformedError(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, got {level!r}")
    return level.upper()
