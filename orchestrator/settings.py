"""The settings of both functions, read from environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .errors import MalformedError

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Tuning of both functions. Defaults are the values deployed in Phase 2."""

    pending_interval_us: int = 45 * SECOND_US
    started_interval_us: int = 15 * SECOND_US
    in_progress_interval_us: int = 30 * SECOND_US
    due_slack_us: int = 1 * SECOND_US
    """An execution is due this long before its interval has passed: schedule jitter must not cost a whole look."""
    timeout_us: int = 1800 * SECOND_US
    incomplete_answer_us: int = 300 * SECOND_US
    """How long after its timeout an execution stays in POLLING while DRS's answers are incomplete."""
    sweeps_per_invocation: int = 1
    """Looks of one finder invocation within its minute; EventBridge fires at most once a minute."""
    parallel_invokes_max: int = 10
    save_attempts_max: int = 5
    """How often a poll reads, decides and writes; it repeats this after it has lost a race."""
    deadline_reserve_us: int = 3 * SECOND_US
    """No new work starts once less than this is left of the function's time."""

    @property
    def sweep_us(self) -> int:
        """Distance between two looks of one finder invocation."""
        return MINUTE_US // self.sweeps_per_invocation


# Of each variable: the attribute, its unit, the least and the greatest number of units.
_VARIABLES: Final = {
    "PENDING_INTERVAL_SECONDS": ("pending_interval_us", SECOND_US, 1, 3600),
    "STARTED_INTERVAL_SECONDS": ("started_interval_us", SECOND_US, 1, 3600),
    "IN_PROGRESS_INTERVAL_SECONDS": ("in_progress_interval_us", SECOND_US, 1, 3600),
    "DUE_SLACK_SECONDS": ("due_slack_us", SECOND_US, 0, 10),
    "TIMEOUT_SECONDS": ("timeout_us", SECOND_US, 60, 86_400),
    "INCOMPLETE_ANSWER_SECONDS": ("incomplete_answer_us", SECOND_US, 0, 3600),
    "DEADLINE_RESERVE_SECONDS": ("deadline_reserve_us", SECOND_US, 0, 60),
    "SWEEPS_PER_INVOCATION": ("sweeps_per_invocation", 1, 1, 12),
    "PARALLEL_INVOKES_MAX": ("parallel_invokes_max", 1, 1, 100),
    "SAVE_ATTEMPTS_MAX": ("save_attempts_max", 1, 1, 20),
}
SETTING_NAMES: Final = frozenset(_VARIABLES)


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Return the settings from environment variables, with defaults for those not set; ignore other variables.

    Raises MalformedError, naming every variable that is not a whole number within its range.
    """
    values: dict[str, int] = {}
    wrong: list[str] = []
    for variable, (attribute, unit, least, most) in _VARIABLES.items():
        text = environment.get(variable)
        if text is None:
            continue
        number = int(text) if text.strip().isascii() and text.strip().isdigit() else None
        if number is None or not least <= number <= most:
            wrong.append(f"{variable} must be a whole number from {least} to {most}, got {text!r}")
        else:
            values[attribute] = number * unit
    if wrong:
        raise MalformedError("; ".join(wrong))
    return Settings(**values)
