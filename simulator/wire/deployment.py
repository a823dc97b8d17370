"""Deploys the production template into moto and reads back what is there.

Owns the deployment and its description as values; a run of the wire tier takes names, limits, rate and roles from here,
so that what it runs is what the template says. It happens before a run begins, so it takes no virtual time.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import boto3

from drsim.simulator.cloudformation import TEMPLATE_PATH, Resolver, template
from drsim.simulator.wire.deployed import Client, Deployment, read

REGION: Final = "us-east-1"
_CODE: Final = {"CodeBucket": "drs-orchestration-code", "CodeKey": "orchestrator.zip"}

# moto 5.2.5's CloudFormation makes nothing of these types, though its Lambda and CloudWatch keep both; so they are
# handed to them directly. Their properties bear the names of the API's parameters. It also leaves out a function's
# LoggingConfig and a table's PointInTimeRecoverySpecification, and no value tells of these two.
INVOCATIONS: Final = "AWS::Lambda::EventInvokeConfig"
ALARM: Final = "AWS::CloudWatch::Alarm"


def deploy(environment: str = "test", parameters: Mapping[str, str] = MappingProxyType({})) -> Deployment:
    """Deploy the template while moto is active, in us-east-1, and read back what is there.

    `parameters` are the template's, those not named keep their defaults. Raises ValueError for a name that it does not
    have. An environment can be deployed once for each start of moto.
    """
    document = template()
    given = {**_CODE, **parameters, "Environment": environment}
    unknown = sorted(given.keys() - document["Parameters"].keys())
    if unknown:
        raise ValueError(f"parameters must be the template's, got {', '.join(unknown)}")
    client: Client = lru_cache(_session().client)
    storage = client("s3")
    storage.create_bucket(Bucket=given["CodeBucket"])
    storage.put_object(Bucket=given["CodeBucket"], Key=given["CodeKey"], Body=_code())
    lacking = {name: about for name, about in document["Resources"].items() if about["Type"] in (ALARM, INVOCATIONS)}
    physical, outputs = _create_stack(client, document, given, lacking)
    defaults = {name: str(about["Default"]) for name, about in document["Parameters"].items() if "Default" in about}
    resolver = Resolver({**defaults, **given, **physical}, document["Conditions"])
    physical |= _put(client, lacking, resolver)
    outputs |= {
        name: physical[about["Value"]["Ref"]] for name, about in document["Outputs"].items() if _refers(about, lacking)
    }
    return read(client, physical, outputs)


@lru_cache(maxsize=1)
def _session() -> boto3.Session:
    """Kept, because reading the eight services' API models takes longer than all calls together.

    Its credentials are none, so that nothing real could be deployed.
    """
    return boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name=REGION)


@lru_cache(maxsize=1)
def _code() -> bytes:
    """The zip that is deployed: the package orchestrator, with fixed dates, so that its hash tells the code alone."""
    packed = io.BytesIO()
    package = TEMPLATE_PATH.parent
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(package.rglob("*.py")):
            archive.writestr(zipfile.ZipInfo(path.relative_to(package.parent).as_posix()), path.read_bytes())
    return packed.getvalue()


def _refers(output: Mapping[str, Any], resources: Mapping[str, Any]) -> bool:
    """Whether the output's value is a reference to one of the resources."""
    return isinstance(output["Value"], dict) and output["Value"].get("Ref") in resources


def _create_stack(
    client: Client, document: Mapping[str, Any], given: Mapping[str, str], lacking: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """Physical ids by logical id, and outputs, of the stack of all but what moto's CloudFormation lacks."""
    # What it does not know must not reach it: it would warn of each, and log it many times.
    body = {
        **document,
        "Resources": {name: about for name, about in document["Resources"].items() if name not in lacking},
        "Outputs": {name: about for name, about in document["Outputs"].items() if not _refers(about, lacking)},
    }
    stacks, name = client("cloudformation"), f"drs-orchestration-{given['Environment']}"
    stacks.create_stack(
        StackName=name,
        TemplateBody=json.dumps(body),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    (stack,) = stacks.describe_stacks(StackName=name)["Stacks"]
    resources = stacks.describe_stack_resources(StackName=name)["StackResources"]
    physical = {it["LogicalResourceId"]: it["PhysicalResourceId"] for it in resources if "PhysicalResourceId" in it}
    return physical, {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _put(client: Client, lacking: Mapping[str, Any], resolver: Resolver) -> dict[str, str]:
    """Hand over what the stack left out. Gives the alarms' physical ids."""
    functions, metrics = client("lambda"), client("cloudwatch")
    physical = {}
    for name, about in lacking.items():
        properties = resolver.value(about["Properties"])
        if about["Type"] == INVOCATIONS:
            functions.put_function_event_invoke_config(**properties)
        else:
            metrics.put_metric_alarm(**properties)
            physical[name] = properties["AlarmName"]
    return physical
