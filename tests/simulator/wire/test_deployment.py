"""What the template deploys, read back from moto's services, is what was wanted, no more and no less."""

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from drsim import orchestrator
from drsim.orchestrator.settings import MINUTE_US, SECOND_US, Settings, settings_from
from drsim.simulator import events
from drsim.simulator.cloudformation import template
from drsim.simulator.cloudwatch.alarms import Alarm, alarms
from drsim.simulator.cloudwatch.metrics import TABLE as TABLE_IN_RUNS
from drsim.simulator.cloudwatch.metrics import Metric
from drsim.simulator.spec.world import WorldSpec
from drsim.simulator.wire.deployed import DeployedFunction, Deployment
from drsim.simulator.wire.deployment import deploy
from drsim.simulator.wire.policies import Statement

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


@pytest.fixture(scope="module")
def deployed() -> Deployment:
    with mock_aws():
        return deploy()


@pytest.fixture(scope="module")
def tuned() -> Deployment:
    parameters = {
        "DrsRoleName": "drs-reader",
        "MetricsNamespace": "DRS/Prod",
        "LogLevel": "DEBUG",
        "SweepsPerInvocation": "4",
        "ParallelInvokesMax": "50",
        "AlarmTopicArn": TOPIC,
    }
    with mock_aws():
        return deploy("prod", parameters)


def _alarm(deployment: Deployment, metric: str) -> Alarm:
    (alarm,) = [alarm for alarm in deployment.alarms if alarm.metric.name == metric]
    return alarm


def _statements(function: DeployedFunction) -> set[tuple[tuple[str, ...], tuple[str, ...]]]:
    return {(statement.actions, statement.resources) for statement in function.role.statements}


def test_the_table_has_its_keys_and_its_index(deployed: Deployment) -> None:
    table = deployed.table
    assert (table.name, table.arn) == (TABLE, TABLE_ARN)
    assert table.key == ("ExecutionId", "PlanId")
    assert (table.index, table.index_arn) == ("StatusIndex", f"{TABLE_ARN}/index/StatusIndex")
    assert (table.index_key, table.projection) == (("Status", "StartTime"), "ALL")
    assert table.attributes == {"ExecutionId": "S", "PlanId": "S", "Status": "S", "StartTime": "N"}
    assert table.billing == "PAY_PER_REQUEST"


def test_the_functions_have_the_memory_and_the_time_of_phase_2(deployed: Deployment) -> None:
    assert [
        (each.name, each.arn, each.handler, each.runtime, each.memory_mb, each.timeout_us)
        for each in (deployed.finder, deployed.poller)
    ] == [
        (
            FINDER,
            f"{FUNCTION_ARN}:{FINDER}",
            "orchestrator.entrypoints.finder_handler",
            "python3.13",
            256,
            60 * SECOND_US,
        ),
        (
            POLLER,
            f"{FUNCTION_ARN}:{POLLER}",
            "orchestrator.entrypoints.poller_handler",
            "python3.13",
            256,
            300 * SECOND_US,
        ),
    ]


def test_scenarios_run_what_is_deployed(deployed: Deployment) -> None:
    """All but the age of an event: scenarios keep Lambda's own six hours, so that a fault can deliver one again."""
    spec = WorldSpec()
    assert deployed.rule.rate_us == spec.schedule.rate
    for function, ours in ((deployed.finder, spec.functions.finder), (deployed.poller, spec.functions.poller)):
        assert (function.memory_mb, function.timeout_us) == (ours.memory_mb, ours.timeout)
        assert function.retries_max == ours.retries_max
        assert settings_from(function.environment) == Settings()


def test_lambda_neither_retries_an_invocation_nor_keeps_it_beyond_the_next_tick(deployed: Deployment) -> None:
    for function in (deployed.finder, deployed.poller):
        assert (function.retries_max, function.event_age_max_us) == (0, deployed.rule.rate_us)


def test_each_function_is_told_what_it_needs_and_nothing_else(deployed: Deployment) -> None:
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


def test_parameters_reach_the_functions_and_the_alarms(tuned: Deployment) -> None:
    assert tuned.table.name == "drs-orchestration-execution-history-prod"
    expected = Settings(sweeps_per_invocation=4, parallel_invokes_max=50)
    assert settings_from(tuned.finder.environment) == expected
    assert tuned.finder.environment["LOG_LEVEL"] == tuned.poller.environment["LOG_LEVEL"] == "DEBUG"
    assert tuned.poller.environment["DRS_ROLE_NAME"] == "drs-reader"
    assert tuned.poller.environment["METRICS_NAMESPACE"] == "DRS/Prod"
    assert _alarm(tuned, "OldestExecutionAge").metric.namespace == "DRS/Prod"
    assert [alarm.actions for alarm in tuned.alarms] == [(TOPIC,)] * 3


def test_the_finder_may_query_the_index_and_invoke_the_poller_and_log(deployed: Deployment) -> None:
    assert deployed.finder.role.name == f"{FINDER}-us-east-1"
    assert deployed.finder.role.statements == (
        Statement(("dynamodb:Query",), (f"{TABLE_ARN}/index/StatusIndex",)),
        Statement(("lambda:InvokeFunction",), (f"{FUNCTION_ARN}:{POLLER}",)),
        Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (f"{LOGS_ARN}/{FINDER}:*",)),
    )


def test_the_poller_may_read_and_write_the_table_ask_drs_publish_its_metrics_and_log(deployed: Deployment) -> None:
    assert deployed.poller.role.name == f"{POLLER}-us-east-1"
    assert deployed.poller.role.statements == (
        Statement(("dynamodb:GetItem", "dynamodb:UpdateItem"), (TABLE_ARN,)),
        Statement(("drs:DescribeJobs",), ("*",)),
        Statement(
            ("cloudwatch:PutMetricData",), ("*",), {"StringEquals": {"cloudwatch:namespace": "DRSOrchestration"}}
        ),
        Statement(("logs:CreateLogStream", "logs:PutLogEvents"), (f"{LOGS_ARN}/{POLLER}:*",)),
    )


def test_the_poller_may_assume_the_drs_role_of_any_account_only_if_one_is_named(
    deployed: Deployment, tuned: Deployment
) -> None:
    role = "arn:aws:iam::210987654321:role/drs-reader"
    assert not deployed.poller.role.allows("sts:AssumeRole", role)
    assert tuned.poller.role.allows("sts:AssumeRole", role)
    assert not tuned.poller.role.allows("sts:AssumeRole", f"{role}-admin")
    assert not tuned.finder.role.allows("sts:AssumeRole", role)


def test_no_action_holds_a_wildcard_and_only_what_knows_no_resource_is_allowed_on_all(tuned: Deployment) -> None:
    statements = tuned.finder.role.statements + tuned.poller.role.statements
    assert [action for statement in statements for action in statement.actions if set("*?") & set(action)] == []
    on_all = [statement.actions for statement in statements if "*" in statement.resources]
    assert on_all == [("drs:DescribeJobs",), ("cloudwatch:PutMetricData",)]


def test_a_role_reaches_its_own_log_group_and_no_other(deployed: Deployment) -> None:
    stream = "log-stream:2026/11/24/[$LATEST]0"
    assert deployed.finder.role.allows("logs:PutLogEvents", f"{LOGS_ARN}/{FINDER}:{stream}")
    assert not deployed.finder.role.allows("logs:PutLogEvents", f"{LOGS_ARN}/{POLLER}:{stream}")
    assert not deployed.finder.role.allows("logs:CreateLogGroup", f"{LOGS_ARN}/{FINDER}:{stream}")


def test_the_rule_starts_the_finder_every_minute_and_the_finder_lets_it(deployed: Deployment) -> None:
    rule = deployed.rule
    assert (rule.name, rule.rate_us, rule.enabled) == (RULE, MINUTE_US, True)
    assert (rule.target, rule.may_invoke) == (deployed.finder.arn, True)


def test_poll_errors_are_alarmed_on_when_there_are_more_than_5_in_5_minutes(deployed: Deployment) -> None:
    assert _alarm(deployed, "Errors") == Alarm(
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


def test_an_execution_in_polling_for_more_than_35_minutes_is_alarmed_on(deployed: Deployment) -> None:
    assert _alarm(deployed, "OldestExecutionAge") == Alarm(
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


def test_any_throttled_read_of_the_index_is_alarmed_on(deployed: Deployment) -> None:
    dimensions = ("TableName", TABLE, "GlobalSecondaryIndexName", "StatusIndex")
    assert _alarm(deployed, "ReadThrottleEvents") == Alarm(
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


def test_a_run_evaluates_the_alarms_that_are_deployed(deployed: Deployment) -> None:
    """They differ in the names of functions and table alone."""
    names = {
        deployed.finder.name: events.FINDER,
        deployed.poller.name: events.POLLER,
        deployed.table.name: TABLE_IN_RUNS,
    }

    def as_in_runs(alarm: Alarm) -> Alarm:
        dimensions = tuple(names.get(text, text) for text in alarm.metric.dimensions)
        return replace(alarm, metric=alarm.metric._replace(dimensions=dimensions))

    assert tuple(map(as_in_runs, deployed.alarms)) == alarms()


def test_there_are_three_alarms(deployed: Deployment) -> None:
    assert tuple(alarm.name for alarm in deployed.alarms) == ALARMS


def test_logs_are_kept_for_a_week(deployed: Deployment) -> None:
    assert [(group.name, group.arn, group.retention_days) for group in deployed.log_groups] == [
        (f"/aws/lambda/{name}", f"{LOGS_ARN}/{name}", 7) for name in (FINDER, POLLER)
    ]


def test_the_dashboard_shows_the_metrics_of_poller_lambda_and_table(deployed: Deployment) -> None:
    assert deployed.dashboard == DASHBOARD
    widgets = json.loads(deployed.dashboard_body)["widgets"]
    lines = [line for widget in widgets for line in widget["properties"]["metrics"]]
    named = {text for line in lines for text in line if isinstance(text, str)}
    assert named >= {"ActivePollingExecutions", "WavesPolled", "PollingDuration", "PollErrors", "OldestExecutionAge"}
    assert named >= {"AWS/Lambda", FINDER, POLLER, "Invocations", "Errors", "Throttles", "Duration"}
    assert named >= {"AWS/DynamoDB", TABLE, "StatusIndex", "ReadThrottleEvents", "ConsumedReadCapacityUnits"}
    assert "${" not in deployed.dashboard_body


def test_widgets_of_the_dashboard_lie_beside_one_another(deployed: Deployment) -> None:
    widgets = json.loads(deployed.dashboard_body)["widgets"]
    places = [(widget["x"], widget["y"]) for widget in widgets]
    assert places == [(x, y) for y in (0, 6, 12, 18) for x in (0, 12)]
    assert {(widget["width"], widget["height"]) for widget in widgets} == {(12, 6)}


def test_the_outputs_name_everything(deployed: Deployment) -> None:
    assert deployed.outputs == {
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
        "PollerErrorsAlarmName": ALARMS[0],
        "StuckExecutionAlarmName": ALARMS[1],
        "StatusIndexThrottledAlarmName": ALARMS[2],
    }
    assert deployed.outputs.keys() == template()["Outputs"].keys()


def test_deployments_of_one_template_are_equal(deployed: Deployment) -> None:
    with mock_aws():
        assert deploy() == deployed


def test_the_code_that_is_deployed_is_the_package_where_the_handlers_look_for_it() -> None:
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
        first, second = deploy(), deploy("prod")
    assert first == deployed
    assert second.finder.name == tuned.finder.name
    assert {group.name for group in first.log_groups}.isdisjoint(group.name for group in second.log_groups)
    assert {alarm.name for alarm in first.alarms}.isdisjoint(alarm.name for alarm in second.alarms)


def test_a_parameter_that_the_template_does_not_have_is_refused() -> None:
    with mock_aws(), pytest.raises(ValueError, match="got Regoin"):
        deploy(parameters={"Regoin": "us-east-1"})
