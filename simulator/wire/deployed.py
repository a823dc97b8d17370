"""What is deployed, as values, read back from the services that hold it.

Owns the values and the reading; `deployment` makes what is read. Which services keep what, and how they spell it, ends
here: a run sees names, limits, a rate and roles.
"""

import ast
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from drsim.orchestrator.settings import MINUTE_US, SECOND_US
from drsim.simulator.cloudwatch.alarms import Alarm
from drsim.simulator.wire.policies import Role, Statement

Client = Callable[[str], Any]
"""Gives the client of a service by its name. Types for each would be five more packages; answers become values here."""

_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_UNIT_US: Final = {"minute": MINUTE_US, "hour": 60 * MINUTE_US, "day": 1440 * MINUTE_US}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedTable:
    """The execution table; `key` and `index_key` are hash and range attribute."""

    name: str
    arn: str
    key: tuple[str, ...]
    attributes: Mapping[str, str]
    billing: str
    index: str
    index_arn: str
    index_key: tuple[str, ...]
    projection: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedFunction:
    """One Lambda function with its role, and how Lambda treats its asynchronous invocations."""

    name: str
    arn: str
    runtime: str
    handler: str
    memory_mb: int
    timeout_us: int
    retries_max: int
    event_age_max_us: int
    environment: Mapping[str, str]
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedRule:
    """The schedule. `target` is the ARN of what it starts, `may_invoke` whether that function lets it."""

    name: str
    arn: str
    rate_us: int
    enabled: bool
    target: str
    may_invoke: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedLogGroup:
    """A log group; `retention_days` is None if it keeps lines for ever."""

    name: str
    arn: str
    retention_days: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Everything that the template deploys. `dashboard` is its name, `dashboard_body` its JSON."""

    account_id: str
    region: str
    table: DeployedTable
    finder: DeployedFunction
    poller: DeployedFunction
    rule: DeployedRule
    alarms: tuple[Alarm, ...]
    log_groups: tuple[DeployedLogGroup, ...]
    dashboard: str
    dashboard_body: str
    outputs: Mapping[str, str]


def read(client: Client, physical: Mapping[str, str], outputs: Mapping[str, str]) -> Deployment:
    """The deployment whose resources have these physical ids by logical id."""
    functions, roles = client("lambda"), client("iam")
    metrics = client("cloudwatch")
    finder, poller = (_function(functions, roles, physical[name]) for name in ("FinderFunction", "PollerFunction"))
    alarms = metrics.describe_alarms(AlarmNames=[name for key, name in physical.items() if key.endswith("Alarm")])
    dashboard = metrics.get_dashboard(DashboardName=physical["PollingDashboard"])
    region, account_id = finder.arn.split(":")[3:5]
    return Deployment(
        account_id=account_id,
        region=region,
        table=_table(client("dynamodb"), physical["ExecutionTable"]),
        finder=finder,
        poller=poller,
        rule=_rule(client("events"), functions, physical["FinderSchedule"]),
        alarms=tuple(map(Alarm.of, alarms["MetricAlarms"])),
        log_groups=tuple(_log_group(client("logs"), physical[name]) for name in ("FinderLogs", "PollerLogs")),
        dashboard=dashboard["DashboardName"],
        dashboard_body=dashboard["DashboardBody"],
        outputs=outputs,
    )


def _log_group(logs: Any, name: str) -> DeployedLogGroup:
    groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    (group,) = (group for group in groups if group["logGroupName"] == name)
    return DeployedLogGroup(name=name, arn=group["logGroupArn"], retention_days=group.get("retentionInDays"))


def _table(tables: Any, name: str) -> DeployedTable:
    table = tables.describe_table(TableName=name)["Table"]
    (index,) = table["GlobalSecondaryIndexes"]
    return DeployedTable(
        name=table["TableName"],
        arn=table["TableArn"],
        key=_key(table["KeySchema"]),
        attributes={it["AttributeName"]: it["AttributeType"] for it in table["AttributeDefinitions"]},
        billing=table["BillingModeSummary"]["BillingMode"],
        index=index["IndexName"],
        # moto's answer has no IndexArn.
        index_arn=f"{table['TableArn']}/index/{index['IndexName']}",
        index_key=_key(index["KeySchema"]),
        projection=index["Projection"]["ProjectionType"],
    )


def _key(schema: list[dict[str, str]]) -> tuple[str, ...]:
    """Hash attribute, then range attribute: HASH comes before RANGE in the alphabet as well."""
    return tuple(part["AttributeName"] for part in sorted(schema, key=lambda part: part["KeyType"]))


def _function(functions: Any, roles: Any, name: str) -> DeployedFunction:
    found = functions.get_function_configuration(FunctionName=name)
    invocations = functions.get_function_event_invoke_config(FunctionName=name)
    return DeployedFunction(
        name=found["FunctionName"],
        arn=found["FunctionArn"],
        runtime=found["Runtime"],
        handler=found["Handler"],
        memory_mb=found["MemorySize"],
        timeout_us=found["Timeout"] * SECOND_US,
        retries_max=invocations["MaximumRetryAttempts"],
        event_age_max_us=invocations["MaximumEventAgeInSeconds"] * SECOND_US,
        # moto keeps a parameter of type Number as a number; Lambda has texts only.
        environment={key: str(value) for key, value in found["Environment"]["Variables"].items()},
        role=_role(roles, found["Role"]),
    )


def _role(roles: Any, arn: str) -> Role:
    name = arn.rpartition("/")[2]
    documents = [
        _document(roles.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])
        for policy in roles.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    attached = roles.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    if attached:
        raise ValueError(f"role {name} must have policies of its own only, got {attached}")
    return Role(name, arn, tuple(Statement.of(part) for document in documents for part in document["Statement"]))


def _document(answer: Any) -> dict[str, Any]:
    """A policy document. moto 5.2.5 gives one that came by CloudFormation as Python's text of a dict, not as JSON, and
    leaves None in a list where the template has AWS::NoValue.
    """
    document: dict[str, Any] = ast.literal_eval(answer) if isinstance(answer, str) else answer
    return {**document, "Statement": [part for part in document["Statement"] if part is not None]}


def _rule(schedules: Any, functions: Any, name: str) -> DeployedRule:
    rule = schedules.describe_rule(Name=name)
    (target,) = schedules.list_targets_by_rule(Rule=name)["Targets"]
    rate = _RATE.fullmatch(rule["ScheduleExpression"])
    if rate is None:
        raise ValueError(f"a schedule must be rate(n unit), got {rule['ScheduleExpression']}")
    policy = json.loads(functions.get_policy(FunctionName=target["Arn"])["Policy"])
    return DeployedRule(
        name=rule["Name"],
        arn=rule["Arn"],
        rate_us=int(rate[1]) * _UNIT_US[rate[2]],
        enabled=rule["State"] == "ENABLED",
        target=target["Arn"],
        may_invoke=any(
            statement["Principal"] == {"Service": "events.amazonaws.com"}
            and statement["Action"] == "lambda:InvokeFunction"
            and statement["Condition"] == {"ArnLike": {"AWS:SourceArn": rule["Arn"]}}
            for statement in policy["Statement"]
        ),
    )
