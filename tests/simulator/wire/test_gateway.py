"""DynamoDB and Lambda as other teams' handlers use them: the trace shows each kind of write."""

from pathlib import Path

import pytest

from drsim.scenarios.files import load
from drsim.simulator.events import FINDER, ActionUsed, ItemChanged, WriteRefused
from drsim.simulator.handlers.errors import NotSimulatedError
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.wire.tier import wire_parts
from drsim.simulator.world import World
from tests.simulator.handlers.test_handlers import IDLE, run

pytestmark = pytest.mark.slow

ARN = "arn:aws:dynamodb:us-east-1:777788889999:table/drs-orchestration-execution-history-test"

WRITES = """\
import boto3
from botocore.exceptions import ClientError

client = boto3.client("dynamodb")
NAME = "drs-orchestration-execution-history-test"
ARN = "{arn}"
KEY = {{"ExecutionId": {{"S": "theirs"}}, "PlanId": {{"S": "plan"}}}}
ITEM = {{**KEY, "Status": {{"S": "DRAFT"}}}}
NEVER = "attribute_exists(nothing)"

def handler(event, context):
    try:
        {write}
    except ClientError as error:
        print(error.response["Error"]["Code"])
"""


def heard(tmp_path: Path, write: str) -> tuple[list[str], list[str], list[str]]:
    """Executions that the finder wrote, writes that were refused it, and the resources that it asked for."""
    (tmp_path / "finder.py").write_text(WRITES.format(arn=ARN, write=write), encoding="utf-8")
    (tmp_path / "poller.py").write_text(IDLE, encoding="utf-8")
    functions = Handlers(finder=f"{tmp_path}/finder.py:handler", poller=f"{tmp_path}/poller.py:handler")
    written: list[str] = []
    refused: list[str] = []
    resources: list[str] = []
    scenario = load("idle", ("duration=50s",))
    with wire_parts(scenario, seed=1, functions=functions) as parts:
        world = World(scenario, seed=1, parts=parts)
        world.trace.listen(ItemChanged, lambda event: written.append(event.execution_id))
        world.trace.listen(WriteRefused, lambda event: refused.append(event.execution_id))
        world.trace.listen(
            ActionUsed,
            lambda event: (
                resources.append(event.resource)
                if event.function == FINDER and event.action.startswith("dynamodb")
                else None
            ),
        )
        world.run()
        world.close()
    return written, refused, resources


@pytest.mark.parametrize(
    "write",
    [
        "client.put_item(TableName=NAME, Item=ITEM)",
        "client.put_item(TableName=ARN, Item=ITEM)",
        "client.batch_write_item(RequestItems={NAME: [{'PutRequest': {'Item': ITEM}}]})",
        "client.transact_write_items(TransactItems=[{'Put': {'TableName': NAME, 'Item': ITEM}}])",
        'client.execute_statement(Statement=f"INSERT INTO \\"{NAME}\\" '
        "VALUE {{'ExecutionId': 'theirs', 'PlanId': 'plan'}}\")",
    ],
)
def test_a_write_is_seen_whatever_way_it_goes(tmp_path: Path, write: str) -> None:
    written, refused, resources = heard(tmp_path, write)
    assert (written, refused) == (["theirs"], [])
    assert resources == [ARN]


@pytest.mark.parametrize(
    "write",
    [
        "client.put_item(TableName=NAME, Item=ITEM, ConditionExpression=NEVER)",
        "client.put_item(TableName=ARN, Item=ITEM, ConditionExpression=NEVER)",
        "client.transact_write_items(TransactItems=["
        "{'Put': {'TableName': NAME, 'Item': ITEM, 'ConditionExpression': NEVER}}])",
    ],
)
def test_a_write_that_its_condition_forbids_is_seen_as_refused(tmp_path: Path, write: str) -> None:
    assert heard(tmp_path, write)[:2] == ([], ["theirs"])


def test_a_read_is_no_write(tmp_path: Path) -> None:
    read = "client.batch_get_item(RequestItems={NAME: {'Keys': [KEY]}})"
    assert heard(tmp_path, read)[:2] == ([], [])


LAMBDA = """\
import boto3
from botocore.exceptions import ClientError

client = boto3.client("lambda")

def handler(event, context):
    try:
        client.{call}
    except ClientError as error:
        print(error.response["Error"]["Code"])
"""


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("invoke(FunctionName='p', InvocationType='Event', Payload=b'{')", "InvalidRequestContentException"),
        ("invoke(FunctionName='p', InvocationType='Event', Payload=b'{}')", "ResourceNotFoundException"),
    ],
)
def test_an_invocation_that_lambda_refuses_is_answered_as_lambda_does(tmp_path: Path, call: str, code: str) -> None:
    assert run(tmp_path, LAMBDA.replace("{call}", call), duration="50s").lines == [code]


def test_another_operation_of_lambda_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NotSimulatedError, match="ExecutionFinder calls lambda ListFunctions; only Invoke is simulated"):
        run(tmp_path, LAMBDA.replace("{call}", "list_functions()"), duration="50s")
