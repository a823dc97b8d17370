"""A contract's limits for one run: the values that it gives, changed by the environment variables that it names."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from drsim.orchestrator.model import Phase
from drsim.simulator.contract.model import Contract

_MINUTE_US: Final = 60_000_000
_COUNTS: Final = ("looks", "retries")
# The order of phases if the contract gives no intervals: the one that is polled most often comes first.
_USUAL: Final = {Phase.STARTED: 15, Phase.IN_PROGRESS: 30, Phase.PENDING: 45}


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedLimits:
    """What checks hold functions to. None: the team promises nothing, so nothing is judged."""

    timeout_us: int | None
    """The age from which an execution is overdue; None also if polling never gives up."""
    intervals_us: Mapping[Phase, int] | None
    looks: int
    slack_us: int
    incomplete_answer_us: int
    reserve_us: int
    retries: int | None

    @property
    def look_distance_us(self) -> int:
        """Between two looks of one invocation of the finder."""
        return _MINUTE_US // self.looks

    @property
    def longest_interval_us(self) -> int:
        return max(self.intervals_us.values()) if self.intervals_us else 0

    def rank(self, phase: Phase) -> int:
        """Return a number by which the phase that is polled most often comes first."""
        return self.intervals_us[phase] if self.intervals_us else _USUAL[phase]


def limits_of(contract: Contract, variables: Mapping[str, str]) -> JudgedLimits:
    """Return the limits of a run with these environment variables. Raises ValueError for a wrong one."""
    limits = contract.limits
    found: dict[str, int | None] = {
        "timeout": None if limits.timeout == "none" else limits.timeout,
        **{f"intervals.{phase}": each for phase, each in (limits.intervals or {}).items()},
        "looks": limits.looks,
        "slack": limits.slack,
        "incomplete_answers": limits.incomplete_answers,
        "reserve": limits.reserve,
        "retries": limits.retries,
    }
    for name, variable in limits.variables.items():
        if name not in variables:
            continue
        number = _number(name, variables[name], variable.limit)
        unit = 1 if variable.limit in _COUNTS else variable.unit
        names = [f"intervals.{each}" for each in Phase] if variable.limit == "intervals" else [variable.limit]
        found.update(dict.fromkeys(names, round(number * unit)))
    intervals = {each: value for each in Phase if (value := found.get(f"intervals.{each}")) is not None}
    return JudgedLimits(
        timeout_us=found["timeout"],
        intervals_us=intervals if len(intervals) == len(Phase) else None,
        looks=found["looks"] or 1,
        slack_us=found["slack"] or 0,
        incomplete_answer_us=found["incomplete_answers"] or 0,
        reserve_us=found["reserve"] or 0,
        retries=found["retries"],
    )


def _number(name: str, text: str, limit: str) -> float:
    """Return the value of an environment variable. Raises ValueError."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    least = 1 if limit == "looks" else 0
    if not (math.isfinite(number) and number >= least):
        raise ValueError(f"{name} must be a number >= {least}, for it sets {limit}, got {text!r}")
    return number
