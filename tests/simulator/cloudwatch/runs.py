"""One monitor over a real table, kernel and DRS, and items and events to feed it."""

from typing import Any, Final

from drsim.orchestrator.model import ExecutionKey, JobScope
from drsim.simulator.checks.monitor import Allows, Context, Monitor
from drsim.simulator.checks.truth import Truth
from drsim.simulator.contract.layout import Layout
from drsim.simulator.contract.limits import JudgedLimits, limits_of
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.presets import OUR_CONTRACT
from drsim.simulator.events import (
    FINDER,
    POLLER,
    IndexRead,
    Invoked,
    JobsDescribed,
    LambdaEnded,
    LambdaStarted,
)
from drsim.simulator.faults.plan import Plan
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Spread
from drsim.simulator.reader import Reader
from drsim.simulator.services.drs import DrsJob, DrsService
from drsim.simulator.services.dynamodb import ExecutionTable, IndexLag
from drsim.simulator.services.spec import Drs, JobLife
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.trace import Trace

SPEC: Final = WorldSpec()
KEY: Final = ExecutionKey("e-1", "p-1")
SCOPE: Final = JobScope("777788889999", "us-east-1")
SECOND_US: Final = 1_000_000
START_S: Final = SPEC.epoch_us // SECOND_US
LIFE: Final = JobLife.model_validate({"pending": "60s", "started": "30s", "in_progress": "2m"})
"""STARTED at 60 s, launching from 90 s on, ended at 210 s."""

Item = dict[str, Any]


def a_server(name: str = "s-1", status: str = "IN_PROGRESS", **changes: Any) -> Item:
    return {"SourceServerId": name, "Status": status, "InstanceId": "i-1", "Hostname": "h", **changes}


def a_wave(**changes: Any) -> Item:
    return {
        "WaveNumber": 1,
        "AccountId": SCOPE.account_id,
        "Region": SCOPE.region,
        "Status": "IN_PROGRESS",
        "JobId": "drsjob-1",
        "JobStatus": "STARTED",
        "ProtectionGroupId": "pg-1",
        "Servers": [a_server()],
        **changes,
    }


def an_item(**changes: Any) -> Item:
    return {
        "ExecutionId": KEY.execution_id,
        "PlanId": KEY.plan_id,
        "Status": "POLLING",
        "StartTime": START_S,
        "ExecutionType": "DRILL",
        "Version": 1,
        "TotalWaves": 1,
        "LastPolledTime": START_S + 5,
        "InitiatedBy": "operator",
        "Waves": [a_wave()],
        **changes,
    }


def without(item: Item, name: str) -> Item:
    return {key: value for key, value in item.items() if key != name}


def started(
    request_id: str = "r-1", function: str = POLLER, execution_id: str = "e-1", at_us: int = 0, concurrency: int = 1
) -> LambdaStarted:
    return LambdaStarted(at_us, request_id, function, execution_id, 1, 1, 0, concurrency)


def ended(
    request_id: str = "r-1",
    function: str = POLLER,
    *,
    outcome: str = "ok",
    at_us: int = SECOND_US,
    duration_us: int = SECOND_US,
    memory_mb: int = 90,
) -> LambdaEnded:
    execution_id = "e-1" if function == POLLER else ""
    return LambdaEnded(at_us, request_id, function, execution_id, outcome, duration_us, memory_mb, "")


class Bench:
    """One monitor over a real table, kernel and DRS."""

    def __init__(
        self,
        monitor: type[Monitor],
        *,
        spec: WorldSpec = SPEC,
        contract: Contract = OUR_CONTRACT,
        limits: JudgedLimits | None = None,
        allows: Allows | None = None,
        finder_polls: bool = False,
    ) -> None:
        limits = limits or limits_of(contract, spec.settings)
        self.kernel = Kernel()
        self.trace = Trace()
        self.table = ExecutionTable(
            self.kernel,
            self.trace,
            IndexLag(self.kernel, Spread(0, 0)),
            Reader(Layout(contract)),
            page_bytes_max=1_048_576,
        )
        self.drs = DrsService(self.kernel, self.trace, Drs())
        truth = Truth(self.drs, contract.promises, epoch_us=spec.epoch_us, timeout_us=1800 * SECOND_US)
        self.monitor = monitor(
            self.trace,
            Context(
                spec=spec,
                contract=contract,
                limits=limits,
                truth=truth,
                plan=Plan(self.kernel, self.trace, spec.faults, spec.heal),
                allows=allows,
                finder_polls=finder_polls,
            ),
        )

    def at(self, second: float) -> None:
        """Let time pass until this second of the run."""
        self.kernel.run(until_us=round(second * SECOND_US))

    def write(self, item: Item, *, by: str = POLLER, request_id: str = "r-1") -> None:
        """Write a whole item; writers other than functions have no request."""
        self.table.put(item, writer=by, request_id=request_id if by in (POLLER, FINDER) else "")

    def delete(self, *, by: str = POLLER) -> None:
        """Delete the item."""
        self.table.delete(KEY, writer=by, request_id="r-1" if by == POLLER else "")

    def job(self, *server_ids: str, life: JobLife = LIFE) -> DrsJob:
        """A job that starts now."""
        self.drs.add_servers(SCOPE, server_ids or ("s-1",), life)
        return self.drs.start_recovery(SCOPE, server_ids or ("s-1",))

    def ask(self, *asked: str, found: tuple[str, ...] | None = None, request_id: str = "r-1", place: str = "") -> None:
        """A poll asks DRS about jobs, and DRS returns those in `found`."""
        found = asked if found is None else found
        self.trace.emit(JobsDescribed(self.kernel.now_us, request_id, "e-1", *SCOPE, asked, found, (), 1, place))

    def look(self, request_id: str, *polls: str, items_count: int = 1) -> None:
        """One look of a finder, and the polls that it invokes."""
        now_us = self.kernel.now_us
        self.trace.emit(IndexRead(now_us, request_id, 1, 1, items_count, 100))
        for poll in polls:
            self.trace.emit(Invoked(now_us, poll, request_id, POLLER, "e-1"))

    def said(self) -> list[tuple[str, str]]:
        """The expected and the observed text of each violation."""
        return [(each.expected, each.observed) for each in self.monitor.violations]
