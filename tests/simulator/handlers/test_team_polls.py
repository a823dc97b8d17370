"""Looks and polls of a team's functions in the wire tier, in the styles in which teams write them."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from drsim.scenarios.files import load
from drsim.simulator.checks.cadence import LOOK_MISSING, PASSED_OVER
from drsim.simulator.checks.monitor import Monitor
from drsim.simulator.events import Invoked
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.world import World
from tests.simulator.handlers.tiers import handler_parts

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tier")]

TABLE = "drs-orchestration-execution-history-test"
COMMON = f"""\
import json
import time
import boto3
from boto3.dynamodb.conditions import Key

table = boto3.resource("dynamodb").Table("{TABLE}")
drs, client = boto3.client("drs"), boto3.client("lambda")

def found(status):
    condition = Key("Status").eq(status)
    return table.query(IndexName="StatusIndex", KeyConditionExpression=condition)["Items"]

def start(*items):
    ids = [{{"ExecutionId": item["ExecutionId"], "PlanId": item["PlanId"]}} for item in items]
    client.invoke(FunctionName="ExecutionPoller", InvocationType="Event", Payload=json.dumps(ids))

def save(key, field, value):
    expression = f"SET {{field}} = :value"
    table.update_item(Key=key, UpdateExpression=expression, ExpressionAttributeValues={{":value": value}})

def poll(key):
    item = table.get_item(Key=key, ConsistentRead=True)["Item"]
    if item["Status"] not in ("POLLING", "CANCELLING"):
        return
    ids = [wave["JobId"] for wave in item["Waves"] if wave.get("JobId")]
    if ids:
        drs.describe_jobs(filters={{"jobIDs": ids}})
    save(key, "LastPolledTime", int(time.time()))
    save(key, "Checked", True)
    print(json.dumps({{"message": "polled", "run": key["ExecutionId"]}}))
"""
ONE_BY_ONE = (
    "def handler(event, context):\n    for item in found('CANCELLING') + found('POLLING'):\n        start(item)\n"
)
SCANS = "def handler(event, context):\n    for item in table.scan()['Items']:\n        start(item)\n"
BATCH = "def handler(event, context):\n    start(*found('POLLING'))\n"
POLLS_ALL = "def handler(event, context):\n    for key in event:\n        poll(key)\n"
BY_ITSELF = """\
def handler(event, context):
    for item in found("POLLING"):
        poll({"ExecutionId": item["ExecutionId"], "PlanId": item["PlanId"]})
"""
EVERY_SECOND_MINUTE = BATCH.replace("    start", "    if int(time.time()) // 60 % 2:\n        return\n    start")
SETTLES_FIRST = """\
def handler(event, context):
    try:
        found("FAILED")
    except Exception as error:
        print(error)
    else:
        start(*found("POLLING"))
"""
CONTRACT = {
    "words": {"execution": {"POLLING": ["POLLING", "CANCELLING"]}},
    "limits": {"describe_calls": 1, "calls": 4},
    "promises": {"decides_due": "nothing"},
    "judged": {"log_field": "run"},
}


def judged(
    folder: Path, finder: str, poller: str | None = POLLS_ALL, changes: Sequence[str] = ()
) -> tuple[dict[str, Monitor], list[Invoked]]:
    """Run the functions on three executions for five minutes."""
    places: list[str | None] = []
    for role, code in (("finder", finder), ("poller", poller)):
        (folder / f"{role}.py").write_text(COMMON + (code or ""), encoding="utf-8")
        places.append(f"{folder}/{role}.py:handler" if code else None)
    (folder / "contract.yaml").write_text(json.dumps(CONTRACT), encoding="utf-8")
    usual = ("duration=5m", "workload.0.executions=3", *changes)
    scenario = load("drill", usual, contract=f"{folder / 'contract.yaml'}")
    invoked: list[Invoked] = []
    with handler_parts(scenario, Handlers(finder=places[0] or "", poller=places[1])) as parts:
        world = World(scenario, seed=1, parts=parts)
        world.trace.listen(Invoked, invoked.append)
        try:
            world.run()
        finally:
            world.close()
    return {monitor.name: monitor for monitor in world.monitors}, invoked


@pytest.mark.parametrize(
    ("finder", "poller"),
    [(ONE_BY_ONE, POLLS_ALL), (SCANS, POLLS_ALL), (BATCH, POLLS_ALL), (BY_ITSELF, None)],
    ids=["two queries", "a scan", "a batch", "by itself"],
)
def test_right_looks_and_polls_pass_in_each_style(finder: str, poller: str | None, tmp_path: Path) -> None:
    monitors, _ = judged(tmp_path, finder, poller)
    for name in ("poll-cadence", "no-starvation", "budgets", "log-correlation"):
        assert [(each.expected, each.observed) for each in monitors[name].violations] == []
    # Three executions and four looks that find them; each poll writes twice.
    assert monitors["poll-cadence"].checked == 12


def test_finder_that_looks_every_second_minute_is_noticed(tmp_path: Path) -> None:
    monitors, _ = judged(tmp_path, EVERY_SECOND_MINUTE)
    assert {each.kind for each in monitors["poll-cadence"].violations} == {LOOK_MISSING}


def test_batch_names_its_executions(tmp_path: Path) -> None:
    _, invoked = judged(tmp_path, BATCH)
    (batch,) = {each.batch for each in invoked if each.batch}
    assert len(batch) == 3
    assert {each.execution_id for each in invoked if each.by} == {""}


def test_denied_query_of_another_status_excuses_nothing(tmp_path: Path) -> None:
    rule = "faults=[{fault: denied, operation: Query, nth: 1, after: 90s, before: 150s}]"
    for finder, kinds in ((SETTLES_FIRST, {LOOK_MISSING}), (SETTLES_FIRST.replace("FAILED", "CANCELLING"), set())):
        monitors, _ = judged(tmp_path, finder, changes=(rule,))
        assert {each.kind for each in monitors["poll-cadence"].violations} - {PASSED_OVER} == kinds
