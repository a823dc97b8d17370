"""One monitor over a real table, kernel and DRS, and items and events to feed it."""

from typing import Any

from orchestrator.model import ExecutionKey, JobScope
from orchestrator.settings import Settings
from simulator.events import (
    FINDER,
    POLLER,
    IndexRead,
    Invoked,
    LambdaEnded,
    LambdaStarted,
)
from simulator.kernel import Kernel
from simulator.properties.monitor import Context, Monitor
from simulator.randomness import Spread
from simulator.services.drs import DrsService
from simulator.services.dynamodb import ExecutionTable
from simulator.spec import Drs, WorldSpec
from simulator.trace import Trace
from simulator.truth import Truth

SPEC = WorldSpec()
KEY = ExecutionKey("e-1", "p-1")
SCOPE = JobScope("777788889999", "us-east-1")
SECOND_US = 1_000_000
START_S = SPEC.epoch_us // SECOND_US

Item = dict[str, Any]


def a_server(name: str = "s-1", status: str = "IN_PROGRESS") -> Item:
    return {"SourceServerId": name, "Status": status, "InstanceId": "i-1", "Hostname": "h"}


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
        "InitiatedBy": "somebody",
        "Waves": [a_wave()],
        **changes,
    }


class Bench:
    """One monitor over a real table, kernel and DRS."""

    def __init__(self, monitor: type[Monitor]) -> None:
        self.kernel = Kernel()
        self.trace = Trace()
        self.table = ExecutionTable(self.kernel, self.trace, index_lag=Spread(0, 0), page_bytes_max=1_048_576)
        self.drs = DrsService(self.kernel, self.trace, Drs())
        truth = Truth(self.drs, epoch_us=SPEC.epoch_us, timeout_us=1800 * SECOND_US)
        self.monitor = monitor(self.trace, Context(spec=SPEC, settings=Settings(), truth=truth))

    def write(self, item: Item, *, by: str = POLLER, request_id: str = "r-1") -> None:
        """Write a whole item; the worker's writes have no request."""
        self.table.put(item, writer=by, request_id=request_id if by in (POLLER, FINDER) else "")

    def said(self) -> list[tuple[str, str]]:
        """What was expected and what was seen, of each violation."""
        return [(each.expected, each.observed) for each in self.monitor.violations]


def started(request_id: str, function: str = POLLER, execution_id: str = "e-1", concurrency: int = 1) -> LambdaStarted:
    return LambdaStarted(0, request_id, function, execution_id, 1, 1, 0, concurrency)


def ended(
    request_id: str = "r-1",
    function: str = POLLER,
    *,
    outcome: str = "ok",
    duration_us: int = SECOND_US,
    memory_mb: int = 90,
) -> LambdaEnded:
    execution_id = "e-1" if function == POLLER else ""
    return LambdaEnded(SECOND_US, request_id, function, execution_id, outcome, duration_us, memory_mb, "")


def looked(bench: Bench, request_id: str, instant_us: int, poll: str | None = None) -> None:
    """One look of a finder, and the poll that it invokes."""
    bench.trace.emit(IndexRead(instant_us, request_id, 1, 1, 1, 100))
    if poll is not None:
        bench.trace.emit(Invoked(instant_us, poll, request_id, POLLER, "e-1"))
