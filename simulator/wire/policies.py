"""The permissions of a role, from its policy documents.

Matches actions, resources and conditions as IAM does. It knows Allow statements and StringEquals only. Source: IAM JSON
policy elements reference, Action, Resource and Condition.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Self

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
        if document.get("Effect") != "Allow" or strange:
            rule = "a statement must allow actions on resources, if anything by StringEquals"
            raise ValueError(f"{rule}, got {dict(document)!r}")
        return cls(_texts(document["Action"]), _texts(document["Resource"]), document.get("Condition", {}))

    def covers(self, action: str, resource: str, context: Mapping[str, str] = MappingProxyType({})) -> bool:
        """Whether the statement matches this action on this resource, and `context` meets its conditions."""
        return (
            any(_matcher(known.lower()).fullmatch(action.lower()) for known in self.actions)
            and any(_is_resource(known, resource) for known in self.resources)
            and all(
                context.get(key) in _texts(values) for key, values in self.conditions.get("StringEquals", {}).items()
            )
        )


@dataclass(frozen=True, slots=True)
class Role:
    """A role and its statements."""

    statements: tuple[Statement, ...]

    def allows(self, action: str, resource: str, context: Mapping[str, str] = MappingProxyType({})) -> bool:
        """Whether the role allows the action on the resource, an ARN or "*"; `context` holds the condition keys."""
        return any(statement.covers(action, resource, context) for statement in self.statements)


def _texts(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _is_resource(known: str, resource: str) -> bool:
    """Match a resource: case-sensitive, and a wildcard ends at the ARN's next colon."""
    if known == "*":
        return True
    parts, asked = known.split(":", _ARN_PARTS - 1), resource.split(":", _ARN_PARTS - 1)
    return len(parts) == len(asked) and all(
        _matcher(part).fullmatch(text) for part, text in zip(parts, asked, strict=True)
    )


@lru_cache(maxsize=256)
def _matcher(pattern: str) -> re.Pattern[str]:
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern)
    return re.compile("".join(parts), re.DOTALL)
