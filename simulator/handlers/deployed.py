"""Deployed functions: their names, variables and roles.

Source of the roles' rules: IAM JSON policy elements reference, Action, Resource and Condition.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Self

from drsim.simulator.contract.layout import HOME_ACCOUNT, HOME_REGION
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.surroundings import statements_in
from drsim.simulator.events import FINDER, POLLER
from drsim.simulator.handlers.errors import HandlerError
from drsim.simulator.services.spec import Functions

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


_ANYTHING: Final = Role((Statement(("*",), ("*",)),))


def team_functions(contract: Contract, functions: Functions) -> Mapping[str, DeployedFunction]:
    """Return a team's functions by our names for their roles; one with both roles is there twice.

    A function without a role document may do anything. Raises HandlerError for a document that is not supported.
    """
    names, documents = contract.functions, contract.judged.roles
    finder = names.one or names.finder or FINDER
    poller = names.one or names.poller or POLLER
    of_finder, of_poller = documents.get("finder", ""), documents.get("poller", "")
    if names.one is not None:
        of_finder = of_poller = of_finder or of_poller
    return {
        FINDER: _team_function(finder, functions.finder.memory_mb, of_finder),
        POLLER: _team_function(poller, functions.poller.memory_mb, of_poller),
    }


def _team_function(name: str, memory_mb: int, document: str) -> DeployedFunction:
    try:
        role = Role(tuple(Statement.of(each) for each in statements_in(document))) if document else _ANYTHING
    except ValueError as error:
        raise HandlerError(f"judged.roles: {document}: {error}") from None
    arn = f"arn:aws:lambda:{HOME_REGION}:{HOME_ACCOUNT}:function:{name}"
    return DeployedFunction(name=name, arn=arn, memory_mb=memory_mb, environment={}, role=role)


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
