"""Requests for any operation, drawn from the shapes of botocore's model and from the ids of earlier answers.

A request is drawn from one number, so that its form never depends on what a server has answered before: Hypothesis can
replay calls against any world.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.model import ListShape, MapShape, Shape, StructureShape

from drsim.simulator.randomness import Stream
from tests.simulator.moto_drs.answers import MODEL

_ID: Final = re.compile(r"([a-z]+-)\[0-9a-(?:zA-Z|fA-F)\]\{(?:17|8,)\}")
_ARNS: Final[Mapping[str, str]] = {
    "recoveryPlanArn": r":recovery-plan/[^/]+$",
    "recoveryPlanStepArn": r":recovery-plan/.*/",
    "stepArns": r":recovery-plan/.*/",
    "recoveryPlanExecutionArn": r":recovery-plan-execution/[^/]+$",
    "recoveryPlanExecutionStepArn": r":recovery-plan-execution/.*/",
    "serverArn": ":source-server/",
    "sourceServerArn": ":source-server/",
}
"""Which of the known ARNs a member takes, if there are any; others take all."""

_TEXTS: Final[Mapping[str, Callable[[Stream], str]]] = {
    "AccountID": lambda draw: _one(draw, ["123456789012", "999988887777"]),
    "ARN": lambda draw: f"arn:aws:drs:us-east-1:123456789012:job/drsjob-{_hex17(draw)}",
    "AwsRegion": lambda draw: _one(draw, ["us-east-1", "us-west-2"]),
    "BoundedString": lambda draw: _one(draw, ["", "a", "db-1"]),
    "CfnStackName": lambda draw: f"stack-{draw.below(3)}",
    "ClientIdempotencyToken": lambda draw: f"token-{draw.below(5)}",
    "EC2InstanceType": lambda draw: _one(draw, ["t3.small", "c5.large"]),
    "ISO8601DatetimeString": lambda draw: f"2025-11-{27 + draw.below(4)}T{draw.below(24):02}:00:00Z",
    "LaunchActionId": lambda draw: f"00000000-0000-4000-8000-{draw.below(5):012}",
    "LaunchActionName": lambda draw: f"Action {draw.below(5)}",
    "LaunchActionParameterName": lambda draw: f"name{draw.below(3)}",
    "LaunchActionParameterValue": lambda draw: f"value-{draw.below(3)}",
    "LaunchActionVersion": lambda draw: _one(draw, ["$DEFAULT", "$LATEST", "1"]),
    "PaginationToken": lambda draw: _one(draw, ["", "YWZ0ZXI6MQ==", "nonsense"]),
    "RecoveryPlanName": lambda draw: f"Plan {draw.below(8)}",
    "RecoveryPlanStepName": lambda draw: f"Step {draw.below(8)}",
    "SourceServerARN": lambda draw: f"arn:aws:drs:us-east-1:123456789012:source-server/s-{_hex17(draw)}",
    "SsmDocumentName": lambda draw: _one(draw, ["AWS-RunShellScript", "AWSMigration-VerifyMountedVolumes"]),
    "StrictDRSARN": lambda draw: f"arn:aws:drs:us-east-1:123456789012:recovery-plan/rp-{_hex17(draw)}",
    "TagKey": lambda draw: _one(draw, ["Name", "tier", "a/b c"]),
    "TagValue": lambda draw: _one(draw, ["", "web", "é"]),
}
"""Texts that the model accepts, by the name of the shape."""

_PIT_POLICY: Final = [
    {"ruleID": number, "units": units, "interval": interval, "retentionDuration": kept, "enabled": True}
    for number, units, interval, kept in ((1, "MINUTE", 10, 60), (2, "HOUR", 1, 24), (3, "DAY", 1, 7))
]
"""The only one that AWS takes, but for the number of days."""


class Requests:
    """Draws requests, and learns ids and ARNs from answers."""

    def __init__(self) -> None:
        self.known: defaultdict[str, list[str]] = defaultdict(list)
        """By name of the shape; ARNs all under "ARN"."""
        self.values: set[tuple[str, str]] = set()
        """Values of enumerations in answers, each after the name of its shape."""

    def learn(self, operation: str, answer: Any) -> None:
        """Remember what an answer names, of its output shape."""
        shape = MODEL.operation_model(operation).output_shape
        if shape is not None:
            self._learn(shape, answer)

    def forget(self, request: dict[str, Any]) -> None:
        """Draw no longer what a request has deleted, which names it by its id or ARN."""
        gone = {value for value in request.values() if isinstance(value, str)}
        for known in self.known.values():
            known[:] = [each for each in known if each not in gone and each.rpartition("/")[2] not in gone]

    def _learn(self, shape: Shape, value: Any) -> None:
        if isinstance(shape, StructureShape):
            for name, member in shape.members.items():
                if name in value:
                    self._learn(member, value[name])
        elif isinstance(shape, MapShape):
            for each in value.values():
                self._learn(shape.value, each)
        elif isinstance(shape, ListShape):
            for each in value:
                self._learn(shape.member, each)
        elif "enum" in shape.metadata:
            self.values.add((shape.name, value))
        elif isinstance(value, str) and ("ID" in shape.name or value.startswith("arn:")):
            known = self.known["ARN" if value.startswith("arn:") else shape.name]
            if value not in known:
                known.append(value)

    def draw(self, operation: str, seed: int) -> dict[str, Any]:
        """A request for an operation. One of ten breaks the model somewhere, if only by an id that does not exist."""
        draw, shape = Stream(seed, f"request/{operation}"), MODEL.operation_model(operation).input_shape
        if shape is None:
            return {}
        wrong_ratio = 0.2 if draw.chance(0.1) else 0.0
        request: dict[str, Any] = self._value(shape, "", draw, wrong_ratio)
        return request

    def _value(self, shape: Shape, name: str, draw: Stream, wrong_ratio: float) -> Any:
        if name == "pitPolicy" and draw.chance(0.9):
            return _PIT_POLICY
        if name == "launchIntoInstanceProperties":
            # A made-up target would be one that EC2 lacks, or that two servers share; neither is checked.
            return {}
        if isinstance(shape, StructureShape) and shape.is_tagged_union:
            member = _one(draw, list(shape.members))
            return {member: self._value(shape.members[member], member, draw, wrong_ratio)}
        if isinstance(shape, StructureShape):
            members = {
                each: member
                for each, member in shape.members.items()
                if each in shape.required_members or draw.chance(0.05 if each in _SELDOM else 0.4)
            }
            return {each: self._value(member, each, draw, wrong_ratio) for each, member in members.items()}
        least, most = shape.metadata.get("min", 0), shape.metadata.get("max", 1_000_000)
        if isinstance(shape, ListShape):
            # One key of a tag at least: moto's router takes a request without one for no operation.
            least = max(least, 1 if name == "tagKeys" else 0)
            count = min(most, least + draw.below(3))
            items = [self._value(shape.member, name, draw, wrong_ratio) for _ in range(count)]
            return items if isinstance(shape.member, StructureShape) else list(dict.fromkeys(items)) or items
        if isinstance(shape, MapShape):
            keys = [self._value(shape.key, name, draw, wrong_ratio) for _ in range(draw.below(3))]
            return {key: self._value(shape.value, name, draw, wrong_ratio) for key in keys}
        if shape.type_name == "boolean":
            return draw.chance(0.5)
        if shape.type_name in ("integer", "long"):
            return most + 1 if draw.chance(wrong_ratio) else _one(draw, [least, least + 1, min(most, least + 9)])
        return "?" * 3000 if draw.chance(wrong_ratio) and name != "resourceArn" else self._text(shape, name, draw)

    def _text(self, shape: Shape, name: str, draw: Stream) -> str:
        if "enum" in shape.metadata:
            return f"{_one(draw, shape.metadata['enum'])}"
        if known := self._known(shape.name, name):
            # The last ones are more often there still.
            return f"{_one(draw, [*known, *known[-3:]])}" if draw.chance(0.95) else self._new(shape, draw)
        return self._new(shape, draw)

    def _known(self, shape_name: str, name: str) -> list[str]:
        if shape_name == "LaunchActionResourceId":
            return self.known["SourceServerID"] + self.known["LaunchConfigurationTemplateID"]
        if shape_name.endswith("ARN"):
            fitting = re.compile(_ARNS.get(name, ""))
            return [each for each in self.known["ARN"] if fitting.search(each)]
        return self.known.get(shape_name, [])

    def _new(self, shape: Shape, draw: Stream) -> str:
        if shape.name in _TEXTS:
            return _TEXTS[shape.name](draw)
        if (found := _ID.search(shape.metadata.get("pattern", ""))) is not None:
            most = shape.metadata.get("max", 99)
            return f"{found[1]}{_hex17(draw)}"[:most]
        return f"text {draw.below(9)}"


_SELDOM: Final = frozenset({"maxResults", "nextToken", "clientToken", "deployAsNew"})


def _one(draw: Stream, choices: Any) -> Any:
    return choices[draw.below(len(choices))]


def _hex17(draw: Stream) -> str:
    return f"{draw.hexadecimal(16)}{draw.hexadecimal(1)}"
