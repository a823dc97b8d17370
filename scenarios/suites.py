"""Suites: scenarios of the catalogue that run together, as each declares, and their smaller forms."""

from collections.abc import Sequence
from typing import Final, Literal

from drsim.scenarios.files import catalogue, load
from drsim.scenarios.model import Scenario
from drsim.simulator.durations import duration_us

Suite = Literal["acceptance", "faults", "load", "all"]

_EXECUTIONS_MAX: Final = 500
_DURATION_MAX_US: Final = duration_us("6h")


def names_of(suite: Suite) -> list[str]:
    """Return the scenarios of a suite; `all` leaves out large loads."""
    scenarios = {name: load(name) for name in catalogue()}
    if suite == "all":
        return [name for name, scenario in scenarios.items() if scenario.suites and not _is_large(scenario)]
    return [name for name, scenario in scenarios.items() if suite in scenario.suites]


def small(name: str, changes: Sequence[str] = ()) -> Scenario:
    """Return a scenario in its smaller form, for tiers that make tens of polls a second."""
    return load(name, (*load(name).small, *changes))


def _is_large(scenario: Scenario) -> bool:
    executions = sum(group.executions for group in scenario.workload)
    return executions > _EXECUTIONS_MAX or scenario.duration > _DURATION_MAX_US
