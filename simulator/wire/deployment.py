"""Deploys the production template into moto before a run of the wire tier, and returns names, limits and roles."""

import ast
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import boto3

from drsim.simulator.cloudformation import TEMPLATE_PATH, resolver, template
from drsim.simulator.contract.layout import HOME_REGION, Layout
from drsim.simulator.contract.model import Contract
from drsim.simulator.handlers.deployed import DeployedFunction, Role, Statement
from drsim.simulator.wire.table import create

REGION: Final = HOME_REGION
_CODE: Final = {"CodeBucket": "drs-orchestration-code", "CodeKey": "orchestrator.zip"}

# Types that moto 5.2.5's CloudFormation ignores, and the API calls with the same parameters that create them. It also
# ignores a function's LoggingConfig and a table's PointInTimeRecoverySpecification.
_BY_API: Final = {
    "AWS::Lambda::EventInvokeConfig": ("lambda", "put_function_event_invoke_config"),
    "AWS::CloudWatch::Alarm": ("cloudwatch", "put_metric_alarm"),
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
