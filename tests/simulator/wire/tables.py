"""An execution table in moto, and the fast tier's table driven in lock step with it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

import boto3
from boto3.dynamodb.types import TypeDeserializer
from moto import backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from drsim.orchestrator.model import ExecutionKey
from drsim.simulator.contract.layout import Attributes, Layout
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.presets import OUR_CONTRACT
from drsim.simulator.events import ItemChanged, WriteRefused
from drsim.simulator.handlers import sandbox
from drsim.simulator.kernel import Kernel
from drsim.simulator.randomness import Spread
from drsim.simulator.reader import Reader
from drsim.simulator.services.dynamodb import ExecutionTable, IndexLag
from drsim.simulator.trace import Trace
from drsim.simulator.wire import gateway
from drsim.simulator.wire.deployment import REGION
from drsim.simulator.wire.table import MotoTable, create, sizes_unchecked_by_moto, wire_form
from tests.simulator.tables import LAYOUT, READER

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NAME: Final = OUR_CONTRACT.table.name
INDEX: Final = OUR_CONTRACT.table.index

HeldBack = Callable[[ExecutionKey, int], int]
Change = ItemChanged | WriteRefused


@contextmanager
def moto_answering() -> Iterator[None]:
    """Let moto answer every client made inside, as in the wire tier. Nothing of the host's configuration is read."""
    with ExitStack() as stack:
        stack.enter_context(sandbox.no_credentials(REGION))
        stack.enter_context(gateway.opened())
        stack.enter_context(sizes_unchecked_by_moto())
        stack.callback(_forget)
        # The first client of all takes half a second, which is no test's own.
        new_client()
        yield


def _forget() -> None:
    backends.get_backend("dynamodb").reset()


def new_client() -> "DynamoDBClient":
    """A client of moto's DynamoDB."""
    return boto3.client("dynamodb", region_name=REGION)


def moto_table(
    kernel: Kernel,
    client: "DynamoDBClient",
    *,
    contract: Contract = OUR_CONTRACT,
    trace: Trace | None = None,
    lag: Spread | None = None,
    page_bytes_max: int = 1_048_576,
    held_back: HeldBack | None = None,
) -> MotoTable:
    """An empty table with its index, kept by moto; all other tables are forgotten."""
    _forget()
    layout = Layout(contract)
    create(client, layout)
    return MotoTable(
        kernel,
        Trace() if trace is None else trace,
        IndexLag(kernel, lag or Spread(0, 0), held_back),
        Reader(layout),
        page_bytes_max=page_bytes_max,
    )


def query_of(status: str, start_key: Mapping[str, Any] | None = None, *, layout: Layout = LAYOUT) -> dict[str, Any]:
    """The parameters of a Query of StatusIndex, as `orchestrator.aws.dynamodb` makes it."""
    further = {} if start_key is None else {"ExclusiveStartKey": dict(start_key)}
    return {
        "TableName": layout.contract.table.name,
        "IndexName": layout.contract.table.index,
        "KeyConditionExpression": "#status = :status",
        "ExpressionAttributeNames": {"#status": layout.execution.path("status")},
        "ExpressionAttributeValues": {":status": {"S": status}},
        "ScanIndexForward": True,
        **further,
    }


def plain_item(wire_item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as boto3's deserializer gives it: every number a Decimal."""
    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in wire_item.items()}


def moto_size_bytes(attributes: Mapping[str, object]) -> int:
    """The size of an item by moto's count."""
    return int(Item(DynamoType({"S": ""}), None, wire_form(attributes)).size())


class Twins:
    """Two empty tables, fast and wire, on two kernels of one seed at the same instant, and the recorded changes."""

    def __init__(self, *, seed: int, lag: Spread, page_bytes_max: int, held_back: HeldBack | None = None) -> None:
        self.page_bytes_max = page_bytes_max
        self.kernels = (Kernel(seed=seed), Kernel(seed=seed))
        self.traces = (Trace(), Trace())
        self.changes: tuple[list[Change], list[Change]] = ([], [])
        for trace, heard in zip(self.traces, self.changes, strict=True):
            trace.listen(ItemChanged, heard.append)
            trace.listen(WriteRefused, heard.append)
        self.client = new_client()
        self.fast = ExecutionTable(
            self.kernels[0],
            self.traces[0],
            IndexLag(self.kernels[0], lag, held_back),
            READER,
            page_bytes_max=page_bytes_max,
        )
        self.wire = moto_table(
            self.kernels[1],
            self.client,
            trace=self.traces[1],
            lag=lag,
            page_bytes_max=page_bytes_max,
            held_back=held_back,
        )

    def close(self) -> None:
        """End both kernels."""
        for kernel in self.kernels:
            kernel.close()

    @property
    def now_us(self) -> int:
        """The instant of both kernels."""
        first, second = self.kernels
        assert first.now_us == second.now_us
        return first.now_us

    def wait(self, duration_us: int) -> None:
        """Advance both kernels."""
        until_us = self.now_us + duration_us
        for kernel in self.kernels:
            kernel.run(until_us=until_us)

    def strong_read(self, key: ExecutionKey) -> Attributes | None:
        """GetItem of moto's, strongly consistent."""
        answer = self.client.get_item(
            TableName=NAME,
            Key={"ExecutionId": {"S": key.execution_id}, "PlanId": {"S": key.plan_id}},
            ConsistentRead=True,
        )
        return plain_item(answer["Item"]) if "Item" in answer else None
