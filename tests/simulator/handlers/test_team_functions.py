"""A team's functions by their contract: roles, names, environment variables, surroundings and role documents."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drsim.scenarios.files import load
from drsim.simulator.checks.functions import LeastPrivilege
from drsim.simulator.checks.monitor import Violation
from drsim.simulator.events import ActionUsed, CallMade, IndexRead, LambdaEnded, LambdaStarted, LogWritten
from drsim.simulator.handlers.errors import HandlerError
from drsim.simulator.handlers.functions import Handlers
from drsim.simulator.world import World
from tests.simulator.handlers.tiers import handler_parts

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tier")]

FINDS_AND_POLLS = """\
import json
import os
import boto3

loaded = []
client = boto3.client("lambda")

def handler(event, context):
    loaded.append(1)
    if event == {"operation": "find"}:
        event["operation"] = "changed"
        payload = json.dumps({"operation": "poll", "id": "first"})
        client.invoke(FunctionName=os.environ["AWS_LAMBDA_FUNCTION_NAME"], InvocationType="Event", Payload=payload)
    print(event["operation"], context.function_name, context.invoked_function_arn.split(":")[-1], len(loaded))
"""


@dataclass
class Ran:
    """What one run's functions did."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    ends: list[LambdaEnded] = field(default_factory=list)
    started: list[LambdaStarted] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    durations: dict[str, int] = field(default_factory=dict)
    resources: set[str] = field(default_factory=set)
    looks: int = 0
    denied: list[Violation] = field(default_factory=list)
    finder_polls: bool = False

    def _on_call(self, event: CallMade) -> None:
        self.calls[event.operation] += 1
        self.durations[event.operation] = event.duration_us

    def _on_look(self, event: IndexRead) -> None:
        self.looks += event.first_page


def run(
    folder: Path, finder: str, contract: object, *, poller: str | None = None, duration: str = "50s", **variables: str
) -> Ran:
    """Run the functions; the finder starts once a minute."""
    handlers = {}
    for role, code in (("finder", finder), ("poller", poller)):
        (folder / f"{role}.py").write_text(code or "", encoding="utf-8")
        handlers[role] = f"{folder}/{role}.py:handler" if code else None
    (folder / "contract.yaml").write_text(json.dumps(contract), encoding="utf-8")
    changes = (f"duration={duration}", "workload.0.ids=[first]", "functions.queue_delay=1s")
    scenario = load("drill", changes, contract=f"{folder / 'contract.yaml'}")
    functions = Handlers(finder=handlers["finder"] or "", poller=handlers["poller"], variables=variables)
    ran = Ran()
    with handler_parts(scenario, functions) as parts:
        world = World(scenario, seed=1, parts=parts)
        world.trace.listen(LogWritten, lambda event: ran.lines.append((event.function, event.message)))
        world.trace.listen(LambdaEnded, ran.ends.append)
        world.trace.listen(LambdaStarted, ran.started.append)
        world.trace.listen(CallMade, ran._on_call)
        world.trace.listen(IndexRead, ran._on_look)
        world.trace.listen(ActionUsed, lambda event: ran.resources.add(f"{event.action} {event.resource}"))
        try:
            world.run()
        finally:
            world.close()
    assert [end.detail for end in ran.ends] == [""] * len(ran.ends)
    ran.denied = [
        each for monitor in world.monitors if isinstance(monitor, LeastPrivilege) for each in monitor.violations
    ]
    ran.finder_polls = world.parts.finder_polls
    return ran


def test_one_function_has_both_roles_in_one_environment(tmp_path: Path) -> None:
    contract = {"functions": {"one": "Watcher"}, "surroundings": {"event": {"operation": "find"}}}
    ran = run(tmp_path, FINDS_AND_POLLS, contract, duration="70s")
    # The finder changes its event, and gets the contract's again.
    assert ran.lines == [
        ("ExecutionFinder", "changed Watcher Watcher 1"),
        ("ExecutionPoller", "poll Watcher Watcher 2"),
        ("ExecutionFinder", "changed Watcher Watcher 3"),
        ("ExecutionPoller", "poll Watcher Watcher 4"),
    ]
    assert [(event.execution_id, event.environment) for event in ran.started] == [("", 1), ("first", 1)] * 2
    assert not ran.finder_polls


def test_names_of_two_functions_are_the_contracts(tmp_path: Path) -> None:
    contract = {"functions": {"finder": "Looker", "poller": "Asker"}}
    finder = FINDS_AND_POLLS.replace('event == {"operation": "find"}', 'event.setdefault("operation", "") == ""')
    finder = finder.replace('os.environ["AWS_LAMBDA_FUNCTION_NAME"]', '"Asker"')
    ran = run(tmp_path, finder, contract, poller=FINDS_AND_POLLS)
    assert ran.lines == [("ExecutionFinder", "changed Looker Looker 1"), ("ExecutionPoller", "poll Asker Asker 1")]


INVOKES_NOTHING = """\
import boto3
from botocore.exceptions import ClientError

def handler(event, context):
    try:
        boto3.client("lambda").invoke(FunctionName="ExecutionPoller", InvocationType="Event", Payload=b"{}")
    except ClientError as error:
        print(error.response["Error"]["Code"])
"""


def test_finder_alone_has_no_poller_to_invoke(tmp_path: Path) -> None:
    ran = run(tmp_path, INVOKES_NOTHING, {})
    assert ran.lines == [("ExecutionFinder", "ResourceNotFoundException")]
    assert ran.finder_polls


VARIABLES = """\
import os

def handler(event, context):
    names = ("EXECUTION_TABLE", "POLLER_FUNCTION", "DRS_ROLE_NAME", "MINE")
    print([os.environ.get(name) for name in names], context.memory_limit_in_mb)
    print([os.environ[f"AWS_LAMBDA_{name}"] for name in ("FUNCTION_MEMORY_SIZE", "FUNCTION_VERSION", "LOG_GROUP_NAME")])
    print(os.environ["AWS_REGION"], context.get_remaining_time_in_millis())
"""


def test_functions_have_lambdas_own_variables_and_the_contracts_limits(tmp_path: Path) -> None:
    ran = run(tmp_path, VARIABLES, {"limits": {"finder": {"timeout": "42s", "memory_mb": 512}}}, MINE="1")
    first, second, third = (line for _, line in ran.lines)
    assert first == "[None, None, None, '1'] 512"
    assert second == "['512', '$LATEST', '/aws/lambda/ExecutionFinder']"
    assert third.startswith("us-east-1 41")


SURROUNDED = """\
import json
import boto3
from boto3.dynamodb.conditions import Key

plans = boto3.resource("dynamodb").Table("team-plans")
ACCOUNT = "us-east-1:777788889999"

def handler(event, context):
    print(plans.get_item(Key={"id": "a", "part": 2})["Item"]["name"], plans.query(
        KeyConditionExpression=Key("id").eq("a"))["Count"])
    print(boto3.client("sns").publish(TopicArn=f"arn:aws:sns:{ACCOUNT}:ended", Message="over")["MessageId"] != "")
    entry = {"Source": "team", "DetailType": "ended", "Detail": "{}", "EventBusName": "executions"}
    print(boto3.client("events").put_events(Entries=[entry])["FailedEntryCount"])
    print(boto3.client("ssm").get_parameter(Name="/team/limit")["Parameter"]["Value"])
    states = boto3.client("stepfunctions")
    states.start_execution(stateMachineArn=f"arn:aws:states:{ACCOUNT}:stateMachine:recover")
    states.send_task_success(taskToken="any", output=json.dumps({"status": "COMPLETED"}))
    print(boto3.client("sqs").list_queues().get("QueueUrls"))
"""
SURROUNDINGS = {
    "tables": [{"name": "team-plans", "hash": "id", "range": "part", "items": "plans.json"}],
    "topics": ["ended"],
    "buses": ["executions"],
    "parameters": {"/team/limit": "30"},
    "state_machines": ["recover"],
}
ACTIONS = (
    "dynamodb:GetItem arn:aws:dynamodb:us-east-1:777788889999:table/team-plans",
    "sns:Publish arn:aws:sns:us-east-1:777788889999:ended",
    "events:PutEvents arn:aws:events:us-east-1:777788889999:event-bus/executions",
    "ssm:GetParameter arn:aws:ssm:us-east-1:777788889999:parameter/team/limit",
    "states:StartExecution arn:aws:states:us-east-1:777788889999:stateMachine:recover",
)


@pytest.fixture
def plans(tmp_path: Path) -> Path:
    items = [{"id": "a", "part": 2, "name": "Two"}, {"id": "a", "part": 3, "name": "Three", "share": 1.5}]
    (tmp_path / "plans.json").write_text(json.dumps(items), encoding="utf-8")
    return tmp_path


def test_surroundings_exist_when_a_run_begins(plans: Path) -> None:
    ran = run(plans, SURROUNDED, {"surroundings": SURROUNDINGS})
    assert [line for _, line in ran.lines] == ["Two 2", "True", "0", "30", "None"]
    assert ran.resources.issuperset(ACTIONS)
    assert not any(action.startswith("states:SendTask") for action in ran.resources)


def test_query_of_another_table_is_no_look_and_takes_as_long_as_get_item(plans: Path) -> None:
    ran = run(plans, SURROUNDED, {"surroundings": SURROUNDINGS})
    assert (ran.calls["Query"], ran.looks) == (1, 0)
    assert 3_000 <= ran.durations["Query"] <= 8_000


def statement(*actions: str, **more: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": [*actions], "Resource": "*", **more}


def test_role_document_decides_what_its_function_may_do(plans: Path) -> None:
    allowed = statement("dynamodb:*", "events:PutEvents", "s*:*", "logs:*", Resource="arn:aws:*:*:777788889999:*")
    document = {"Statement": [allowed, statement("sqs:ListQueues")]}
    contract = {"surroundings": SURROUNDINGS, "judged": {"roles": {"finder": "policy.json"}}}
    (plans / "policy.json").write_text(json.dumps(document), encoding="utf-8")
    assert run(plans, SURROUNDED, contract).denied == []
    document["Statement"] = [statement("dynamodb:*", "events:*", "sns:*", "sqs:*", "states:*", "logs:*")]
    (plans / "policy.json").write_text(json.dumps(document), encoding="utf-8")
    (denied,) = run(plans, SURROUNDED, contract).denied
    assert denied.observed.startswith("ssm:GetParameter on arn:aws:ssm:")


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"Statement": [{**statement("s3:*"), "Effect": "Deny"}]}, "must allow actions on resources"),
        ({"Statement": statement("s3:*", Condition={"Bool": {"a": "true"}})}, "if anything by StringEquals"),
        ({"Statement": {"Effect": "Allow", "Action": "s3:*"}}, "must allow actions on resources"),
    ],
)
def test_unsupported_statement_of_a_role_is_refused(tmp_path: Path, document: object, says: str) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(HandlerError, match=f"judged.roles: .*policy.json: .*{says}"):
        run(tmp_path, VARIABLES, {"judged": {"roles": {"poller": "policy.json"}}})


def test_surroundings_that_aws_would_refuse_are_named(tmp_path: Path) -> None:
    with pytest.raises(HandlerError, match="surroundings: cannot create topic no topic: "):
        run(tmp_path, VARIABLES, {"surroundings": {"topics": ["no topic"]}})


@pytest.mark.parametrize("tier", ["client"], indirect=True)
@pytest.mark.parametrize("items", [[{"id": "a"}, {"id": 5}], [{"id": ""}], [{"id": True}], [{"no": "id"}]])
def test_items_of_a_table_that_aws_would_refuse_are_named(tmp_path: Path, items: list[dict[str, object]]) -> None:
    (tmp_path / "items.json").write_text(json.dumps(items), encoding="utf-8")
    table = {"name": "plans", "hash": "id", "items": "items.json"}
    with pytest.raises(HandlerError, match=r"surroundings: cannot create table plans: .*items\.json: "):
        run(tmp_path, VARIABLES, {"surroundings": {"tables": [table]}})


def test_variable_that_sets_a_limit_must_be_a_number(tmp_path: Path) -> None:
    contract = {"limits": {"variables": {"MINUTES": {"limit": "timeout", "unit": "1m"}}}}
    for wrong in ("soon", "nan", "-1"):
        with pytest.raises(
            HandlerError, match=f"--env MINUTES must be a number >= 0, for it sets timeout, got '{wrong}'"
        ):
            run(tmp_path, VARIABLES, contract, MINUTES=wrong)
