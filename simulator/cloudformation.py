"""The CloudFormation template as data, and the values of the few intrinsic functions that it uses."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from drsim import orchestrator

TEMPLATE_PATH: Final = Path(orchestrator.__file__).with_name("template.yaml")
_NO_VALUE: Final = object()
_Safe: Final[type[yaml.SafeLoader]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's loader if PyYAML has it: ten times as fast, and every run reads the alarms."""


class _Loader(_Safe):  # type: ignore[valid-type,misc]  # one of two classes
    """YAML in which `!Sub x` means `{"Fn::Sub": "x"}`."""


def _long_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise TypeError(f"!{name} must tag a scalar or a list, got {node!r}")
    if name == "GetAtt":
        value = value.split(".", 1)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _long_form)


@lru_cache(maxsize=1)
def template() -> Mapping[str, Any]:
    """The deployed template, with intrinsic functions in their long form. Callers share it and must not change it."""
    loaded: dict[str, Any] = yaml.load(TEMPLATE_PATH.read_text(encoding="utf-8"), _Loader)
    return loaded


def resolver(names: Mapping[str, str]) -> "Resolver":
    """Return a resolver for the template, with its parameters' defaults and these names, which take precedence."""
    document = template()
    defaults = {name: str(about["Default"]) for name, about in document["Parameters"].items() if "Default" in about}
    return Resolver({**defaults, **names}, document["Conditions"])


@dataclass(frozen=True, slots=True)
class Resolver:
    """Evaluates intrinsic functions. `names` has the values of Ref and GetAtt: parameters, pseudo parameters, physical
    ids, and attributes such as Table.Arn.
    """

    names: Mapping[str, str]
    conditions: Mapping[str, Any]

    def value(self, node: Any) -> Any:
        """Return the node with each function replaced by its value, without entries that are AWS::NoValue."""
        match node:
            case {"Ref": "AWS::NoValue"}:
                return _NO_VALUE
            case {"Ref": str(name)}:
                return self.names[name]
            case {"Fn::GetAtt": [*path]}:
                return self.names[".".join(path)]
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^!}]+)\}", lambda found: self.names[found[1]], text)
            case {"Fn::If": [str(condition), met, unmet]}:
                return self.value(met if self.value(self.conditions[condition]) else unmet)
            case {"Fn::Equals": [one, other]}:
                return self.value(one) == self.value(other)
            case {"Fn::Not": [inner]}:
                return not self.value(inner)
            case dict():
                # A policy's Condition is a mapping.
                names = [key for key, member in node.items() if key != "Condition" or isinstance(member, str)]
                strange = [key for key in names if key == "Condition" or key.startswith("Fn::")]
                if strange:
                    raise ValueError(f"functions must be Ref, GetAtt, Sub, If, Equals or Not, got {strange}")
                members = {key: self.value(member) for key, member in node.items()}
                return {key: member for key, member in members.items() if member is not _NO_VALUE}
            case list():
                return [member for member in map(self.value, node) if member is not _NO_VALUE]
            case _:
                return node
