"""Items for tests of the execution table, and short ways to write and read it."""

from typing import Final

from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.contract.layout import Layout
from drsim.simulator.contract.limits import limits_of
from drsim.simulator.contract.presets import OUR_CONTRACT
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Spread
from drsim.simulator.reader import Reader
from drsim.simulator.services.dynamodb import ExecutionTable, IndexLag, QueryPage
from drsim.simulator.trace import Trace

Attributes = dict[str, object]
AT_ONCE: Final = Spread(0, 0)
LAG_US: Final = 1_000
MEGABYTE: Final = 1_048_576
LAYOUT: Final = Layout(OUR_CONTRACT)
READER: Final = Reader(LAYOUT)
LIMITS: Final = limits_of(OUR_CONTRACT, {})
"""Our own contract."""


def table_of(
    kernel: Kernel, lag: Spread = AT_ONCE, *, page_bytes_max: int = MEGABYTE, trace: Trace | None = None
) -> ExecutionTable:
    """An empty table."""
    # A trace without events is false, so `or` will not do.
    trace = Trace() if trace is None else trace
    return ExecutionTable(kernel, trace, IndexLag(kernel, lag), READER, page_bytes_max=page_bytes_max)


def key_of(execution_id: str, plan_id: str = "plan") -> ExecutionKey:
    """An item's key."""
    return ExecutionKey(execution_id, plan_id)


def attributes_of(execution_id: str, status: str = "PENDING", start_time: object = 100, **more: object) -> Attributes:
    """An item that the orchestrator can read."""
    attributes: Attributes = {
        "ExecutionId": execution_id,
        "PlanId": "plan",
        "Status": status,
        "StartTime": start_time,
        "ExecutionType": "DRILL",
        "TotalWaves": 1,
    }
    return attributes | more


def read(table: ExecutionTable, execution_id: str) -> Attributes | None:
    """What a strong read shows of an item."""
    item = table.get(key_of(execution_id))
    return None if item is None else dict(item.attributes)


def ids(page: QueryPage) -> list[object]:
    """The ExecutionIds of a page, in its order."""
    return [item.attributes["ExecutionId"] for item in page.items]
