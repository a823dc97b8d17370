"""What the template tells the functions: the names of the things they work with. Tuning is `settings`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .errors import MalformedError

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True, kw_only=True)
class FinderDeployment:
    """Names that the finder needs."""

    table: str
    index: str
    poller_function: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PollerDeployment:
    """Names that the poller needs. An empty `role_name` means that all jobs are in the function's own account."""

    table: str
    namespace: str
    role_name: str


def finder_deployment_from(environment: Mapping[str, str]) -> FinderDeployment:
    """The finder's names from its environment variables. Raises MalformedError, naming every one that is missing."""
    _require(environment, "EXECUTION_TABLE", "POLLER_FUNCTION")
    return FinderDeployment(
        table=environment["EXECUTION_TABLE"],
        index=environment.get("STATUS_INDEX") or "StatusIndex",
        poller_function=environment["POLLER_FUNCTION"],
    )


def poller_deployment_from(environment: Mapping[str, str]) -> PollerDeployment:
    """The poller's names from its environment variables. Raises MalformedError, naming every one that is missing."""
    _require(environment, "EXECUTION_TABLE")
    return PollerDeployment(
        table=environment["EXECUTION_TABLE"],
        namespace=environment.get("METRICS_NAMESPACE") or "DRSOrchestration",
        role_name=environment.get("DRS_ROLE_NAME", ""),
    )


def log_level_from(environment: Mapping[str, str]) -> str:
    """The least level that is logged. Raises MalformedError."""
    level = environment.get("LOG_LEVEL") or "INFO"
    if level.upper() not in LOG_LEVELS:
        raise MalformedError(f"LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}, got {level!r}")
    return level.upper()


def _require(environment: Mapping[str, str], *names: str) -> None:
    missing = [name for name in names if not environment.get(name)]
    if missing:
        raise MalformedError(f"environment variables must be set to a text, missing: {', '.join(missing)}")
