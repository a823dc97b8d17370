"""The environment variables of both functions: their tuning, the names of deployed resources, the log level."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from .errors import MalformedError

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def _setting(variable: str, default: int, least: int, most: int, unit: int = 1) -> Any:
    """Declare a field by its variable, whose default and limits are in units."""
    return field(default=default * unit, metadata={"variable": variable, "limits": (least, most), "unit": unit})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Tuning of both functions. Defaults are the values deployed in Phase 2."""

    pending_interval_us: int = _setting("PENDING_INTERVAL_SECONDS", 45, 1, 3600, SECOND_US)
    started_interval_us: int = _setting("STARTED_INTERVAL_SECONDS", 15, 1, 3600, SECOND_US)
    in_progress_interval_us: int = _setting("IN_PROGRESS_INTERVAL_SECONDS", 30, 1, 3600, SECOND_US)
    due_slack_us: int = _setting("DUE_SLACK_SECONDS", 1, 0, 10, SECOND_US)
    """An execution is due this long before its interval has passed: schedule jitter must not cost a whole look."""
    timeout_us: int = _setting("TIMEOUT_SECONDS", 1800, 60, 86_400, SECOND_US)
    incomplete_answer_us: int = _setting("INCOMPLETE_ANSWER_SECONDS", 300, 0, 3600, SECOND_US)
    """How long after its timeout an execution stays in POLLING while DRS's answers are incomplete."""
    sweeps_per_invocation: int = _setting("SWEEPS_PER_INVOCATION", 1, 1, 12)
    """Looks of one finder invocation within its minute; EventBridge fires at most once a minute."""
    parallel_invokes_max: int = _setting("PARALLEL_INVOKES_MAX", 10, 1, 100)
    save_attempts_max: int = _setting("SAVE_ATTEMPTS_MAX", 5, 1, 20)
    """How often a poll reads, decides and writes; it repeats this after it has lost a race."""
    deadline_reserve_us: int = _setting("DEADLINE_RESERVE_SECONDS", 3, 0, 60, SECOND_US)
    """No new work starts once less than this is left of the function's time."""

    @property
    def sweep_us(self) -> int:
        """Distance between two looks of one finder invocation."""
        return MINUTE_US // self.sweeps_per_invocation


SETTING_NAMES: Final = frozenset(each.metadata["variable"] for each in fields(Settings))


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Return the settings, with defaults for unset variables. Raises MalformedError, naming every wrong variable."""
    values: dict[str, int] = {}
    wrong: list[str] = []
    for each in fields(Settings):
        variable, (least, most) = each.metadata["variable"], each.metadata["limits"]
        text = environment.get(variable)
        if text is None:
            continue
        number = int(text) if text.strip().isascii() and text.strip().isdigit() else None
        if number is None or not least <= number <= most:
            wrong.append(f"{variable} must be a whole number from {least} to {most}, got {text!r}")
        else:
            values[each.name] = number * each.metadata["unit"]
    if wrong:
        raise MalformedError("; ".join(wrong))
    return Settings(**values)


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
