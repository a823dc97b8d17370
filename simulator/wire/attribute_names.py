"""A team's own names for the attributes of its execution table.

Services and properties see an item under our names, the team's functions and moto's table under theirs.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from drsim.simulator.services.spec import TableSpec

OURS: Final = (
    *("ExecutionId", "PlanId", "Status", "StartTime", "EndTime", "ExecutionType", "LastPolledTime", "Version"),
    *("TotalWaves", "Waves"),
    *("WaveNumber", "WaveName", "Region", "AccountId", "JobId", "JobStatus", "StatusMessage", "Servers"),
    *("SourceServerId", "InstanceId"),
)
"""Every attribute of the contract: of executions, waves and servers."""


class Names:
    """Translates attribute names both ways; unknown names stay as they are."""

    def __init__(self, table: TableSpec) -> None:
        self._theirs = {name: table.names.get(name, _styled(name, table.style)) for name in OURS}
        self._ours = {theirs: name for name, theirs in self._theirs.items()}

    def of(self, name: str) -> str:
        """Their name of one of our attributes."""
        return self._theirs.get(name, name)

    def theirs(self, value: Any) -> Any:
        """A value, however deep, with their names."""
        return _renamed(value, self._theirs)

    def ours(self, value: Any) -> Any:
        """A value, however deep, with our names."""
        return _renamed(value, self._ours)


def _styled(name: str, style: str) -> str:
    if style == "camelCase":
        return name[0].lower() + name[1:]
    if style == "snake_case":
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return name


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {names.get(name, name): _renamed(entry, names) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(entry, names) for entry in value]
    return value
