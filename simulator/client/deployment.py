"""This project's functions as the template deploys them, read from the template itself."""

from collections.abc import Mapping
from typing import Any, Final

from drsim.simulator.cloudformation import Resolver, resolver, template
from drsim.simulator.contract.layout import HOME_ACCOUNT, HOME_REGION
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.handlers.deployed import DeployedFunction, Role, Statement

_PSEUDO: Final = {"AWS::Region": HOME_REGION, "AWS::AccountId": HOME_ACCOUNT, "AWS::Partition": "aws"}
_HOME: Final = f"{HOME_REGION}:{HOME_ACCOUNT}"
_NAMED: Final = {
    "AWS::DynamoDB::Table": ("TableName", f"arn:aws:dynamodb:{_HOME}:table/"),
    "AWS::Events::Rule": ("Name", f"arn:aws:events:{_HOME}:rule/"),
    "AWS::IAM::Role": ("RoleName", f"arn:aws:iam::{HOME_ACCOUNT}:role/"),
    "AWS::Lambda::Function": ("FunctionName", f"arn:aws:lambda:{_HOME}:function:"),
    "AWS::Logs::LogGroup": ("LogGroupName", f"arn:aws:logs:{_HOME}:log-group:"),
}
"""The property that names a resource of each type, and how its ARN begins."""


def deployed_functions(parameters: Mapping[str, str]) -> tuple[Mapping[str, DeployedFunction], str]:
    """Return the functions by their names in a world, and the ARN of the schedule."""
    resources = template()["Resources"]
    given = {**_PSEUDO, "Environment": "test", **parameters}
    names = dict(given)
    for logical, resource in resources.items():
        if resource["Type"] in _NAMED:
            member, prefix = _NAMED[resource["Type"]]
            name = resolver(given).value(resource["Properties"][member])
            names |= {logical: name, f"{logical}.Arn": f"{prefix}{name}"}
    values = resolver(names)
    functions = {
        FINDER: _function(resources["FinderFunction"]["Properties"], resources["FinderRole"], values),
        POLLER: _function(resources["PollerFunction"]["Properties"], resources["PollerRole"], values),
    }
    return functions, names["FinderSchedule.Arn"]


def _function(properties: Mapping[str, Any], role: Mapping[str, Any], values: Resolver) -> DeployedFunction:
    name = values.value(properties["FunctionName"])
    variables = values.value(properties["Environment"]["Variables"])
    policies = values.value(role["Properties"]["Policies"])
    statements = [Statement.of(part) for policy in policies for part in policy["PolicyDocument"]["Statement"]]
    return DeployedFunction(
        name=name,
        arn=f"arn:aws:lambda:{_HOME}:function:{name}",
        memory_mb=properties["MemorySize"],
        environment={key: str(value) for key, value in variables.items()},
        role=Role(tuple(statements)),
    )
