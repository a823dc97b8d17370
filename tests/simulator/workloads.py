"""A workload over a table and a DRS, for tests of either."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.contract.layout import Layout
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.presets import OUR_CONTRACT
from drsim.simulator.durations import duration_us
from drsim.simulator.events import ItemChanged, JobStarted
from drsim.simulator.faults.effects import Effects
from drsim.simulator.faults.plan import Plan
from drsim.simulator.kernel import Kernel
from drsim.simulator.reader import Reader
from drsim.simulator.services.drs import DrsService
from drsim.simulator.services.dynamodb import Table
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.trace import Trace
from drsim.simulator.workload import Workload
from tests.simulator.tables import table_of

SECOND: Final = 1_000_000
MS: Final = 1_000
WRITE_US: Final = 10 * MS
START_US: Final = 100 * MS
"""Times of a write and a StartRecovery."""
FIXED: Final = {"pending": "60s", "started": "0s", "in_progress": "30s"}
"""A job of a minute and a half."""

MakeTable = Callable[[Kernel, Trace, Contract], Table]


def fast_table(kernel: Kernel, trace: Trace, contract: Contract) -> Table:
    """An empty table of the fast tier."""
    return table_of(kernel, trace=trace, reader=Reader(Layout(contract)))


class Rig:
    """A workload over a table and a DRS, and the events of both."""

    def __init__(
        self,
        kernel: Kernel,
        *groups: Mapping[str, Any],
        make_table: MakeTable = fast_table,
        aged_us: int = 0,
        **fields: Any,
    ) -> None:
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
        contract = self.spec.contract or OUR_CONTRACT
        layout = Layout(contract)
        self.reader = Reader(layout)
        self.table = make_table(kernel, self.trace, contract)
        self.drs = DrsService(kernel, self.trace, self.spec.drs)
        effects = Effects(
            Plan(kernel, self.trace, self.spec.faults, self.spec.heal), kernel, self.table, layout, self.spec.epoch_us
        )
        self.workload = Workload(kernel, self.table, layout, self.drs, self.spec, effects, aged_us=aged_us)

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
