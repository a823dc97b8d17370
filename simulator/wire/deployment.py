"""Deploys the production template into moto before a run of the wire tier, and returns names, limits and roles.

Source of the roles' rules: IAM JSON policy elements reference, Action, Resource and Condition.
"""

import ast
import io
import json
import re
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Self

import boto3

from drsim.simulator.cloudformation import TEMPLATE_PATH, resolver, template
from drsim.simulator.contract.layout import HOME_REGION, Layout
from drsim.simulator.contract.model import Contract
from drsim.simulator.wire.table import create

REGION: Final = HOME_REGION
_CODE: Final = {"CodeBucket": "drs-orchestration-code", "CodeKey": "orchestrator.zip"}

# Types that moto 5.2.5's CloudFormation ignores, and the API calls with the same parameters that create them. It also
# ignores a function's LoggingConfig and a table's PointInTimeRecoverySpecification.
_BY_API: Final = {
    "AWS::Lambda::EventInvokeConfig": ("lambda", "put_function_event_invoke_config"),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "put_metric_alarm"),
}
# An ARN is arn, partition, service, Region, account, and the rest, which may hold colons of its own.
_ARN_PARTS: Final = 6


@dataclass(frozen=True, slots=True)
class Statement:
    """One Allow statement. `conditions` maps operators to keys and values, as in the document."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, str | Sequence[str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """A statement of a policy document. Raises ValueError for an unsupported one."""
        strange = sorted(document.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"})
        strange += sorted(document.get("Condition", {}).keys() - {"StringEquals"})
        if document.get("Effect") != "Allow" or strange or not document.keys() >= {"Action", "Resource"}:
            rule = "a statement must allow actions on resources, if anything by StringEquals"
            raise ValueError(f"{rule}, got {dict(document)!r}")
        return cls(_texts(document["Action"]), _texts(document["Resource"]), document.get("Condition", {}))

    def covers(self, action: str, resource: str, context: Mapping[str, str] = MappingProxyType({})) -> bool:
        conditions = self.conditions.get("StringEquals", {})
        return (
            any(_matcher(known.lower()).fullmatch(action.lower()) for known in self.actions)
            and any(_is_resource(known, resource) for known in self.resources)
            and all(context.get(key) in _texts(values) for key, values in conditions.items())
        )


@dataclass(frozen=True, slots=True)
class Role:
    statements: tuple[Statement, ...]

    def allows(self, action: str, resource: str, context: Mapping[str, str] = MappingProxyType({})) -> bool:
        """Whether the role allows the action on the resource, an ARN or "*"; `context` holds the condition keys."""
        return any(statement.covers(action, resource, context) for statement in self.statements)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedFunction:
    name: str
    arn: str
    memory_mb: int
    environment: Mapping[str, str]
    role: Role

    @property
    def log_group(self) -> str:
        return f"/aws/lambda/{self.name}"

    @property
    def runtime_environment(self) -> Mapping[str, str]:
        """The variables that Lambda itself sets, which name no environment: Lambda developer guide, 2026-11."""
        return {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": f"{self.memory_mb}",
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": self.log_group,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    table_name: str
    rule_name: str
    rule_arn: str
    finder: DeployedFunction
    poller: DeployedFunction


def deploy(parameters: Mapping[str, str] = MappingProxyType({}), *, contract: Contract | None = None) -> Deployment:
    """Deploy the template while moto is active, in us-east-1, once for each start of moto.

    With a `contract` its table takes the place of the template's. Raises ValueError for an unknown parameter.
    """
    document = template()
    given = {**_CODE, "Environment": "test", **parameters}
    unknown = sorted(given.keys() - document["Parameters"].keys())
    if unknown:
        raise ValueError(f"parameters must be the template's, got {', '.join(unknown)}")
    _client("s3").create_bucket(Bucket=given["CodeBucket"])
    _client("s3").put_object(Bucket=given["CodeBucket"], Key=given["CodeKey"], Body=_code())
    outputs = _create_stack(document, given)
    if contract is not None:
        _client("dynamodb").delete_table(TableName=outputs["TableName"])
        create(_client("dynamodb"), Layout(contract))
    return Deployment(
        table_name=outputs["TableName"] if contract is None else contract.table.name,
        rule_name=outputs["ScheduleName"],
        rule_arn=outputs["ScheduleArn"],
        finder=_function(outputs["FinderName"]),
        poller=_function(outputs["PollerName"]),
    )


@lru_cache
def _client(service: str) -> Any:
    # Cached, because reading the services' API models takes longer than all calls together. The credentials are
    # dummies, so that nothing real could be deployed.
    make: Any = boto3.client
    return make(service, region_name=REGION, aws_access_key_id="none", aws_secret_access_key="none")


@lru_cache(maxsize=1)
def _code() -> bytes:
    """The deployed zip: the package orchestrator. Its dates are fixed, so that its hash depends on the code alone."""
    packed = io.BytesIO()
    package = TEMPLATE_PATH.parent
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(package.rglob("*.py")):
            archive.writestr(zipfile.ZipInfo(path.relative_to(package.parent).as_posix()), path.read_bytes())
    return packed.getvalue()


def _create_stack(document: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Create the stack, and by API calls what moto's CloudFormation ignores; return the stack's outputs."""
    by_api = {name: about for name, about in document["Resources"].items() if about["Type"] in _BY_API}
    references = [{"Ref": name} for name in by_api]
    # moto would warn of each type that it does not know, and log it many times.
    body = {
        **document,
        "Resources": {name: about for name, about in document["Resources"].items() if name not in by_api},
        "Outputs": {name: about for name, about in document["Outputs"].items() if about["Value"] not in references},
    }
    stacks, name = _client("cloudformation"), f"drs-orchestration-{given['Environment']}"
    stacks.create_stack(
        StackName=name,
        TemplateBody=json.dumps(body),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    resources = stacks.describe_stack_resources(StackName=name)["StackResources"]
    physical = {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in resources if "PhysicalResourceId" in it}
    deployed = resolver({**given, **physical})
    for about in by_api.values():
        service, call = _BY_API[about["Type"]]
        getattr(_client(service), call)(**deployed.value(about["Properties"]))
    (stack,) = stacks.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _function(name: str) -> DeployedFunction:
    found, roles = _client("lambda").get_function_configuration(FunctionName=name), _client("iam")
    role = found["Role"].rpartition("/")[2]
    if attached := roles.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        raise ValueError(f"role {role} must have inline policies only, got {attached}")
    statements: list[Statement] = []
    for policy in roles.list_role_policies(RoleName=role)["PolicyNames"]:
        document = roles.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        # moto 5.2.5 returns a document from CloudFormation as Python's text of a dict, not as JSON, and leaves None in
        # a list where the template has AWS::NoValue.
        parts = (ast.literal_eval(document) if isinstance(document, str) else document)["Statement"]
        statements += [Statement.of(part) for part in parts if part is not None]
    return DeployedFunction(
        name=name,
        arn=found["FunctionArn"],
        memory_mb=found["MemorySize"],
        # moto keeps a parameter of type Number as a number; Lambda has strings only.
        environment={key: str(value) for key, value in found["Environment"]["Variables"].items()},
        role=Role(tuple(statements)),
    )


def _texts(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _is_resource(known: str, resource: str) -> bool:
    """Match a resource: case-sensitive, and a wildcard ends at the ARN's next colon."""
    if known == "*":
        return True
    parts, asked = known.split(":", _ARN_PARTS - 1), resource.split(":", _ARN_PARTS - 1)
    matched = (_matcher(part).fullmatch(text) for part, text in zip(parts, asked, strict=False))
    return len(parts) == len(asked) and all(matched)


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> re.Pattern[str]:
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern)
    return re.compile("".join(parts), re.DOTALL)
