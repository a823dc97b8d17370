"""The deployed template, read back from moto's services."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from drsim import orchestrator
from drsim.orchestrator.settings import MINUTE_US, SECOND_US, Settings, settings_from
from drsim.simulator import events
from drsim.simulator.cloudformation import template
from drsim.simulator.cloudwatch.deployed import Alarm, alarms_by_name
from drsim.simulator.cloudwatch.metrics import TABLE as TABLE_IN_RUNS
from drsim.simulator.cloudwatch.metrics import Metric
from drsim.simulator.handlers.deployed import Statement
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.wire.deployment import REGION, Deployment, deploy

# The first deployment of a process imports moto's CloudFormation, which takes a second and more.
pytestmark = pytest.mark.slow

ACCOUNT = "123456789012"
FINDER = "drs-orchestration-execution-finder-test"
POLLER = "drs-orchestration-execution-poller-test"
TABLE = "drs-orchestration-execution-history-test"
TABLE_ARN = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/{TABLE}"
LOGS_ARN = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/lambda"
FUNCTION_ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function"
RULE = "drs-orchestration-execution-finder-schedule-test"
DASHBOARD = "drs-orchestration-polling-test"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:ops"
ALARMS = (
    "drs-orchestration-poller-errors-test",
    "drs-orchestration-execution-stuck-test",
    "drs-orchestration-status-index-throttled-test",
)


@dataclass(frozen=True)
class Stack:
    """What production code returns of a deployment, and what moto's services answer about it."""

    deployment: Deployment
    table: Mapping[str, Any]
    functions: tuple[Mapping[str, Any], ...]
    retries: tuple[Mapping[str, Any], ...]
    rule: Mapping[str, Any]
    targets: list[str]
    policy: list[Mapping[str, Any]]
    alarms: tuple[Alarm, ...]
    log_groups: list[tuple[str, str, int]]
    dashboard: str
    outputs: Mapping[str, str]


def _deployed(environment: str = "test", parameters: Mapping[str, str] | None = None) -> Stack:
    client: Any = boto3.Session(region_name=REGION).client
    deployment = deploy({"Environment": environment, **(parameters or {})})
    names = (deployment.finder.name, deployment.poller.name)
    functions, rule = client("lambda"), deployment.rule_name
    (stack,) = client("cloudformation").describe_stacks(StackName=f"drs-orchestration-{environment}")["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    groups = client("logs").describe_log_groups()["logGroups"]
    dashboard = client("cloudwatch").get_dashboard(DashboardName=outputs["DashboardName"])
    return Stack(
        deployment=deployment,
        table=client("dynamodb").describe_table(TableName=deployment.table_name)["Table"],
        functions=tuple(functions.get_function_configuration(FunctionName=name) for name in names),
        retries=tuple(functions.get_function_event_invoke_config(FunctionName=name) for name in names),
        rule=client("events").describe_rule(Name=rule),
        targets=[target["Arn"] for target in client("events").list_targets_by_rule(Rule=rule)["Targets"]],
        policy=json.loads(functions.get_policy(FunctionName=names[0])["Policy"])["Statement"],
        alarms=tuple(map(Alarm.of, client("cloudwatch").describe_alarms()["MetricAlarms"])),
        log_groups=[(each["logGroupName"], each["logGroupArn"], each["retentionInDays"]) for each in groups],
        dashboard=dashboard["DashboardBody"],
        outputs=outputs,
    )


@pytest.fixture(scope="module")
def stack() -> Stack:
    with mock_aws():
        return _deployed()


@pytest.fixture(scope="module")
def deployed(stack: Stack) -> Deployment:
    return stack.deployment


@pytest.fixture(scope="module")
def tuned_stack() -> Stack:
    parameters = {
        "DrsRoleName": "drs-reader",
        "MetricsNamespace": "DRS/Prod",
        "LogLevel": "DEBUG",
        "SweepsPerInvocation": "4",
        "ParallelInvokesMax": "50",
        "AlarmTopicArn": TOPIC,
    }
    with mock_aws():
        return _deployed("prod", parameters)


@pytest.fixture(scope="module")
def tuned(tuned_stack: Stack) -> Deployment:
    return tuned_stack.deployment


def _alarm(stack: Stack, metric: str) -> Alarm:
    (alarm,) = [alarm for alarm in stack.alarms if alarm.metric.name == metric]
    return alarm


def _key(schema: list[Mapping[str, str]]) -> dict[str, str]:
    return {part["KeyType"]: part["AttributeName"] for part in schema}


def test_the_table_has_its_keys_and_its_index(stack: Stack) -> None:
    table, (index,) = stack.table, stack.table["GlobalSecondaryIndexes"]
    assert (stack.deployment.table_name, table["TableName"], table["TableArn"]) == (TABLE, TABLE, TABLE_ARN)
    assert _key(table["KeySchema"]) == {"HASH": "ExecutionId", "RANGE": "PlanId"}
    assert (index["IndexName"], index["Projection"]) == ("StatusIndex", {"ProjectionType": "ALL"})
    assert _key(index["KeySchema"]) == {"HASH": "Status", "RANGE": "StartTime"}
    attributes = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    assert attributes == {"ExecutionId": "S", "PlanId": "S", "Status": "S", "StartTime": "N"}
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_the_functions_have_the_memory_and_the_time_of_phase_2(stack: Stack) -> None:
    assert [
        (each.name, each.arn, found["Handler"], found["Runtime"], each.memory_mb, found["Timeout"])
        for each, found in zip((stack.deployment.finder, stack.deployment.poller), stack.functions, strict=True)
    ] == [
        (FINDER, f"{FUNCTION_ARN}:{FINDER}", "orchestrator.entrypoints.finder_handler", "python3.13", 256, 60),
        (POLLER, f"{FUNCTION_ARN}:{POLLER}", "orchestrator.entrypoints.poller_handler", "python3.13", 256, 300),
    ]


def test_scenarios_run_what_is_deployed(stack: Stack) -> None:
    """All but the age of an event: scenarios keep Lambda's own six hours, so that a fault can deliver one again."""
    spec = WorldSpec()
    assert spec.schedule.rate == MINUTE_US
    for found, retries, ours in zip(
        stack.functions, stack.retries, (spec.functions.finder, spec.functions.poller), strict=True
    ):
        assert (found["MemorySize"], found["Timeout"] * SECOND_US) == (ours.memory_mb, ours.timeout)
        assert retries["MaximumRetryAttempts"] == ours.retries_max
    for function in (stack.deployment.finder, stack.deployment.poller):
        assert settings_from(function.environment) == Settings()


def test_lambda_never_retries_and_drops_events_after_one_tick(stack: Stack) -> None:
    for each in stack.retries:
        assert (each["MaximumRetryAttempts"], each["MaximumEventAgeInSeconds"]) == (0, 60)


def test_each_function_gets_the_variables_that_it_needs_and_no_others(deployed: Deployment) -> None:
    assert deployed.finder.environment == {
        "EXECUTION_TABLE": TABLE,
        "STATUS_INDEX": "StatusIndex",
        "POLLER_FUNCTION": POLLER,
        "SWEEPS_PER_INVOCATION": "1",
        "PARALLEL_INVOKES_MAX": "10",
        "LOG_LEVEL": "INFO",
    }
    assert deployed.poller.environment == {
        "EXECUTION_TABLE": TABLE,
        "METRICS_NAMESPACE": "DRSOrchestration",
        "DRS_ROLE_NAME": "",
        "INCOMPLETE_ANSWER_SECONDS": "300",
        "LOG_LEVEL": "INFO",
    }
    assert settings_from(deployed.finder.environment) == settings_from(deployed.poller.environment) == Settings()


def test_parameters_reach_the_functions_and_the_alarms(tuned_stack: Stack) -> None:
    tuned = tuned_stack.deployment
    assert tuned.table_name == "drs-orchestration-execution-history-prod"
    expected = Settings(sweeps_per_invocation=4, parallel_invokes_max=50)
    assert settings_from(tuned.finder.environment) == expected
    assert tuned.finder.environment["LOG_LEVEL"] == tuned.poller.environment["LOG_LEVEL"] == "DEBUG"
    assert tuned.poller.environment["DRS_ROLE_NAME"] == "drs-reader"
    assert tuned.poller.environment["METRICS_NAMESPACE"] == "DRS/Prod"
    assert _alarm(tuned_stack, "OldestExecutionAge").metric.namespace == "DRS/Prod"
    assert [alarm.actions for alarm in tuned_stack.alarms] == [(TOPIC,)] * 3


def test_the_finder_may_query_the_index_and_invoke_the_poller_and_log(deployed: Deployment) -> None:
    assert deployed.finder.role.statements == (
        Statement(("dynamodb:Query",), (f"{TABLE_ARN}/index/StatusIndex",)),
        Statement(("lambda:InvokeFunction",), (f"{FUNCTION_ARN}:{POLLER}",)),
        Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (f"{LOGS_ARN}/{FINDER}:*",)),
    )


def test_poller_role_allows_table_drs_metrics_and_logs(deployed: Deployment) -> None:
    assert deployed.poller.role.statements == (
        Statement(("dynamodb:GetItem", "dynamodb:UpdateItem"), (TABLE_ARN,)),
        Statement(("drs:DescribeJobs",), ("*",)),
        Statement(
            ("cloudwatch:PutMetricData",), ("*",), {"StringEquals": {"cloudwatch:namespace": "DRSOrchestration"}}
        ),
        Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (f"{LOGS_ARN}/{POLLER}:*",)),
    )


def test_poller_may_assume_the_drs_role_only_if_it_is_named(deployed: Deployment, tuned: Deployment) -> None:
    role = "arn:aws:iam::210987654321:role/drs-reader"
    assert not deployed.poller.role.allows("sts:AssumeRole", role)
    assert tuned.poller.role.allows("sts:AssumeRole", role)
    assert not tuned.poller.role.allows("sts:AssumeRole", f"{role}-admin")
    assert not tuned.finder.role.allows("sts:AssumeRole", role)


def test_no_action_has_a_wildcard_and_few_are_allowed_on_all_resources(tuned: Deployment) -> None:
    statements = tuned.finder.role.statements + tuned.poller.role.statements
    assert [action for statement in statements for action in statement.actions if set("*?") & set(action)] == []
    on_all = [statement.actions for statement in statements if "*" in statement.resources]
    assert on_all == [("drs:DescribeJobs",), ("cloudwatch:PutMetricData",)]


def test_a_role_reaches_its_own_log_group_and_no_other(deployed: Deployment) -> None:
    stream = "log-stream:2026/11/24/[$LATEST]0"
    assert deployed.finder.role.allows("logs:PutLogEvents", f"{LOGS_ARN}/{FINDER}:{stream}")
    assert not deployed.finder.role.allows("logs:PutLogEvents", f"{LOGS_ARN}/{POLLER}:{stream}")
    assert not deployed.finder.role.allows("logs:CreateLogGroup", f"{LOGS_ARN}/{FINDER}:{stream}")


def test_the_rule_starts_the_finder_every_minute_and_the_finder_lets_it(stack: Stack) -> None:
    rule, finder = stack.rule, stack.deployment.finder
    assert (rule["Name"], rule["ScheduleExpression"], rule["State"]) == (RULE, "rate(1 minute)", "ENABLED")
    assert (stack.deployment.rule_name, stack.deployment.rule_arn) == (RULE, rule["Arn"])
    assert stack.targets == [finder.arn]
    (statement,) = stack.policy
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "lambda:InvokeFunction"
    assert statement["Condition"] == {"ArnLike": {"AWS:SourceArn": rule["Arn"]}}


def test_more_than_5_poll_errors_in_5_minutes_raise_an_alarm(stack: Stack) -> None:
    assert _alarm(stack, "Errors") == Alarm(
        name=ALARMS[0],
        description="More than 5 polls failed within 5 minutes. The poller's log says why; each failed poll changed "
        "nothing.",
        metric=Metric("AWS/Lambda", "Errors", ("FunctionName", POLLER)),
        statistic="Sum",
        unit=None,
        period_us=5 * MINUTE_US,
        periods=1,
        threshold=5,
        comparison="GreaterThanThreshold",
        missing="notBreaching",
        actions=(),
    )


def test_execution_in_polling_over_35_minutes_raises_an_alarm(stack: Stack) -> None:
    assert _alarm(stack, "OldestExecutionAge") == Alarm(
        name=ALARMS[1],
        description="An execution that is polled has been POLLING for more than 35 minutes, though 30 should have "
        "ended it (35 while DRS's answers are incomplete).",
        metric=Metric("DRSOrchestration", "OldestExecutionAge"),
        statistic="Maximum",
        unit="Seconds",
        period_us=5 * MINUTE_US,
        periods=1,
        threshold=35 * 60,
        comparison="GreaterThanThreshold",
        missing="notBreaching",
        actions=(),
    )


def test_throttled_read_of_the_index_raises_an_alarm(stack: Stack) -> None:
    dimensions = ("TableName", TABLE, "GlobalSecondaryIndexName", "StatusIndex")
    assert _alarm(stack, "ReadThrottleEvents") == Alarm(
        name=ALARMS[2],
        description="DynamoDB throttled reads of StatusIndex, by which the finder finds executions.",
        metric=Metric("AWS/DynamoDB", "ReadThrottleEvents", dimensions),
        statistic="Sum",
        unit=None,
        period_us=5 * MINUTE_US,
        periods=1,
        threshold=0,
        comparison="GreaterThanThreshold",
        missing="ignore",
        actions=(),
    )


def test_a_run_evaluates_the_alarms_that_are_deployed(stack: Stack, deployed: Deployment) -> None:
    """They differ in the names of functions and table alone."""
    names = {
        deployed.finder.name: events.FINDER,
        deployed.poller.name: events.POLLER,
        deployed.table_name: TABLE_IN_RUNS,
    }

    def as_in_runs(alarm: Alarm) -> Alarm:
        dimensions = tuple(names.get(text, text) for text in alarm.metric.dimensions)
        return replace(alarm, metric=alarm.metric._replace(dimensions=dimensions))

    assert set(map(as_in_runs, stack.alarms)) == set(alarms_by_name().values())


def test_there_are_three_alarms(stack: Stack) -> None:
    assert {alarm.name for alarm in stack.alarms} == set(ALARMS)


def test_logs_are_kept_for_a_week(stack: Stack) -> None:
    assert stack.log_groups == [(f"/aws/lambda/{name}", f"{LOGS_ARN}/{name}", 7) for name in (FINDER, POLLER)]


def test_the_dashboard_shows_the_metrics_of_poller_lambda_and_table(stack: Stack) -> None:
    assert stack.outputs["DashboardName"] == DASHBOARD
    widgets = json.loads(stack.dashboard)["widgets"]
    lines = [line for widget in widgets for line in widget["properties"]["metrics"]]
    named = {text for line in lines for text in line if isinstance(text, str)}
    assert named >= {"ActivePollingExecutions", "WavesPolled", "PollingDuration", "PollErrors", "OldestExecutionAge"}
    assert named >= {"AWS/Lambda", FINDER, POLLER, "Invocations", "Errors", "Throttles", "Duration"}
    assert named >= {"AWS/DynamoDB", TABLE, "StatusIndex", "ReadThrottleEvents", "ConsumedReadCapacityUnits"}
    assert "${" not in stack.dashboard


def test_widgets_of_the_dashboard_lie_beside_one_another(stack: Stack) -> None:
    widgets = json.loads(stack.dashboard)["widgets"]
    places = [(widget["x"], widget["y"]) for widget in widgets]
    assert places == [(x, y) for y in (0, 6, 12, 18) for x in (0, 12)]
    assert {(widget["width"], widget["height"]) for widget in widgets} == {(12, 6)}


def test_the_outputs_name_everything(stack: Stack) -> None:
    assert stack.outputs == {
        "TableName": TABLE,
        "TableArn": TABLE_ARN,
        "IndexName": "StatusIndex",
        "FinderName": FINDER,
        "FinderArn": f"{FUNCTION_ARN}:{FINDER}",
        "FinderRoleArn": f"arn:aws:iam::{ACCOUNT}:role/{FINDER}-us-east-1",
        "FinderLogGroup": f"/aws/lambda/{FINDER}",
        "PollerName": POLLER,
        "PollerArn": f"{FUNCTION_ARN}:{POLLER}",
        "PollerRoleArn": f"arn:aws:iam::{ACCOUNT}:role/{POLLER}-us-east-1",
        "PollerLogGroup": f"/aws/lambda/{POLLER}",
        "ScheduleName": RULE,
        "ScheduleArn": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/{RULE}",
        "DashboardName": DASHBOARD,
    }
    # moto's CloudFormation makes no alarms, so they are no outputs of its stack.
    of_alarms = {"PollerErrorsAlarmName", "StuckExecutionAlarmName", "StatusIndexThrottledAlarmName"}
    assert stack.outputs.keys() == template()["Outputs"].keys() - of_alarms


def test_deployments_of_one_template_are_equal(deployed: Deployment) -> None:
    with mock_aws():
        assert deploy() == deployed


def test_deployed_code_is_the_package_that_the_handlers_name() -> None:
    with mock_aws():
        deploy(parameters={"CodeBucket": "code", "CodeKey": "orchestrator.zip"})
        stored = boto3.client("s3", region_name="us-east-1").get_object(Bucket="code", Key="orchestrator.zip")
        code = zipfile.ZipFile(io.BytesIO(stored["Body"].read()))
    package = Path(orchestrator.__file__).parent
    assert code.read("orchestrator/poller.py") == (package / "poller.py").read_bytes()
    assert len(code.namelist()) == len(list(package.rglob("*.py")))
    # Dates would give the same code another hash in each checkout.
    assert {each.date_time for each in code.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_two_environments_lie_side_by_side(deployed: Deployment, tuned: Deployment) -> None:
    with mock_aws():
        first, second = deploy(), _deployed("prod")
    assert first == deployed
    assert second.deployment.finder.name == tuned.finder.name
    assert (len(second.log_groups), len({name for name, _, _ in second.log_groups})) == (4, 4)
    assert (len(second.alarms), len({alarm.name for alarm in second.alarms})) == (6, 6)


def test_a_parameter_that_the_template_does_not_have_is_refused() -> None:
    with mock_aws(), pytest.raises(ValueError, match="got Regoin"):
        deploy(parameters={"Regoin": "us-east-1"})
