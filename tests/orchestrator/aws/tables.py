"""Three backends of the two ports to the execution table: moto, the fast tier, and memory."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from drsim.orchestrator.aws.dynamodb import ItemStore, StatusIndex
from drsim.orchestrator.model import ExecutionKey
from drsim.orchestrator.ports import ExecutionStore, PollingIndex
from drsim.simulator.kernel import Kernel
from tests.orchestrator.ports import Index, Table
from tests.simulator.ports import Rig

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE: Final = "executions"
INDEX: Final = "StatusIndex"


class Backend(Protocol):
    """A table with the two ports to it, and direct access to its items."""

    store: ExecutionStore
    index: PollingIndex

    def put(self, item: Mapping[str, object]) -> None:
        """Write a whole item, as another writer."""
        ...

    def read(self, key: ExecutionKey) -> Mapping[str, object] | None:
        """The whole stored item."""
        ...

    def play(self, scene: Callable[[], None]) -> None:
        """Run a function that calls the ports."""
        ...


def create_table(client: "DynamoDBClient") -> None:
    """Create the table and its index as in the template."""
    client.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "ExecutionId", "AttributeType": "S"},
            {"AttributeName": "PlanId", "AttributeType": "S"},
            {"AttributeName": "Status", "AttributeType": "S"},
            {"AttributeName": "StartTime", "AttributeType": "N"},
        ],
        KeySchema=[
            {"AttributeName": "ExecutionId", "KeyType": "HASH"},
            {"AttributeName": "PlanId", "KeyType": "RANGE"},
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": INDEX,
                "KeySchema": [
                    {"AttributeName": "Status", "KeyType": "HASH"},
                    {"AttributeName": "StartTime", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def put_item(client: "DynamoDBClient", item: Mapping[str, object]) -> None:
    """Write a whole item."""
    serializer = TypeSerializer()
    client.put_item(TableName=TABLE, Item={name: serializer.serialize(value) for name, value in item.items()})


def read_item(client: "DynamoDBClient", key: ExecutionKey) -> dict[str, Any] | None:
    """The whole stored item."""
    answer = client.get_item(
        TableName=TABLE, Key={"ExecutionId": {"S": key.execution_id}, "PlanId": {"S": key.plan_id}}
    )
    deserializer = TypeDeserializer()
    item = answer.get("Item")
    return None if item is None else {name: deserializer.deserialize(value) for name, value in item.items()}


class OnAws:
    """The adapters that Lambda runs, on moto's DynamoDB."""

    def __init__(self, client: "DynamoDBClient") -> None:
        create_table(client)
        self.client = client
        self.store: ExecutionStore = ItemStore(client, TABLE)
        self.index: PollingIndex = StatusIndex(client, TABLE, INDEX)

    def put(self, item: Mapping[str, object]) -> None:
        put_item(self.client, item)

    def read(self, key: ExecutionKey) -> Mapping[str, object] | None:
        return read_item(self.client, key)

    def play(self, scene: Callable[[], None]) -> None:
        scene()


class InFastTier:
    """The adapters to the simulated services. `play` invokes a simulated function."""

    def __init__(self, kernel: Kernel) -> None:
        self._rig = Rig(kernel)
        self.store: ExecutionStore = self._rig.store
        self.index: PollingIndex = self._rig.index

    def put(self, item: Mapping[str, object]) -> None:
        self._rig.table.put(dict(item), writer="person")

    def read(self, key: ExecutionKey) -> Mapping[str, object] | None:
        item = self._rig.table.get(key)
        return None if item is None else item.attributes

    def play(self, scene: Callable[[], None]) -> None:
        self._rig.play(scene)


class InMemory:
    """The in-memory ports that most tests of the production package use."""

    def __init__(self) -> None:
        self._table = Table()
        self.store: ExecutionStore = self._table
        self.index: PollingIndex = Index(self._table)

    def put(self, item: Mapping[str, object]) -> None:
        self._table.items[ExecutionKey(str(item["ExecutionId"]), str(item["PlanId"]))] = dict(item)

    def read(self, key: ExecutionKey) -> Mapping[str, object] | None:
        return self._table.items.get(key)

    def play(self, scene: Callable[[], None]) -> None:
        scene()
