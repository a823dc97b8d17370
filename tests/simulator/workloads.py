"""A workload over a table and a DRS, for tests of either."""

from collections.abc import Mapping
from typing import Any, Final

from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.durations import duration_us
from drsim.simulator.events import ItemChanged, JobStarted
from drsim.simulator.faults.effects import Effects
from drsim.simulator.faults.plan import Plan
from drsim.simulator.kernel import Kernel
from drsim.simulator.services.drs import DrsService
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.trace import Trace
from drsim.simulator.workload import Workload
from tests.simulator.tables import LAYOUT, table_of

SECOND: Final = 1_000_000
MS: Final = 1_000
WRITE_US: Final = 10 * MS
START_US: Final = 100 * MS
"""Times of a write and a StartRecovery."""
FIXED: Final = {"pending": "60s", "started": "0s", "in_progress": "30s"}
"""A job of a minute and a half."""


class Rig:
    """A workload over a table and a DRS, and the events of both."""

    def __init__(self, kernel: Kernel, *groups: Mapping[str, Any], **fields: Any) -> None:
        self.kernel = kernel
        self.spec = WorldSpec.model_validate(
            {
                "duration": "10m",
                "latencies": {"update_warm": "10ms", "start_recovery": "100ms"},
                "workload": [{"servers": 1, "jobs": FIXED, "reaction": "7s", **group} for group in groups],
                **fields,
            }
        )
        self.trace = Trace()
        self.changes: list[ItemChanged] = []
        self.jobs: list[JobStarted] = []
        self.trace.listen(ItemChanged, self.changes.append)
        self.trace.listen(JobStarted, self.jobs.append)
        self.table = table_of(kernel, trace=self.trace)
        self.drs = DrsService(kernel, self.trace, self.spec.drs)
        effects = Effects(
            Plan(kernel, self.trace, self.spec.faults, self.spec.heal), kernel, self.table, LAYOUT, self.spec.epoch_us
        )
        self.workload = Workload(kernel, self.table, LAYOUT, self.drs, self.spec, effects)

    @property
    def key(self) -> ExecutionKey:
        return next(iter(self.workload.expected))

    def run(self, until: str = "10m") -> None:
        self.kernel.run(until_us=duration_us(until))

    def attributes(self) -> dict[str, Any]:
        item = self.table.get(self.key)
        assert item is not None
        return dict(item.attributes)

    def waves(self) -> list[dict[str, Any]]:
        return list(self.attributes()["Waves"])

    def arrivals(self) -> list[int]:
        """When each execution was first written, less the time of that write, in order of instants."""
        return [change.at_us - WRITE_US for change in self.changes if change.before is None]


def waves_of(change: ItemChanged) -> list[dict[str, Any]]:
    """The waves that a change wrote."""
    waves = None if change.after is None else change.after["Waves"]
    assert isinstance(waves, list)
    return waves


def one(**more: object) -> dict[str, object]:
    return {"waves": 1, **more}
