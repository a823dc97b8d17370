"""Whether an answer is what botocore's model says: its raw JSON, for botocore's parser drops what it does not know.

Owns the list of all in which AWS's answers, or ours, differ from the model: VALUES, TIME, LAGS, SIZES, DENIED and
UNMODELLED, each with its source.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

MODEL: Final = ServiceModel(Loader().load_service_model("drs", "service-2"), "drs")

VALUES: Final[Mapping[str, frozenset[str]]] = {
    # The log of a drill in aws-samples/drs-tools.
    "JobLogEvent": frozenset({"LAUNCH_END"}),
    # AWS DRS user guide, recovery-plans-monitoring, 2026-11.
    "RecoveryPlanExecutionStatus": frozenset({"TIMED_OUT"}),
}
"""Values that the model does not list, by the name of the shape."""

TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
"""Times as in the recorded answers of aws-samples/drs-tools; the model's pattern ends in Z."""

LAGS: Final = re.compile(r"answer\.items\.\d+\.dataReplicationInfo\.lagDuration")
"""The lag of a recovery instance is a time in the model; that it is a duration, as a source server's, is inferred."""

SIZES: Final[Mapping[str, int]] = {"EbsVolumeID": 21}
"""Maxima that the model's own patterns exceed: ids of volumes have 21 characters in EC2, and the maximum is 19."""

DENIED: Final = "AccessDeniedException"
"""IAM denies any operation (Service Authorization Reference), and few have this error in the model."""

UNMODELLED: Final = frozenset(
    {
        ("DeleteJob", "ValidationException"),
        ("DeleteLaunchConfigurationTemplate", "ValidationException"),
        ("DeleteRecoveryInstance", "ValidationException"),
        ("DeleteReplicationConfigurationTemplate", "ValidationException"),
        ("DeleteSourceNetwork", "ValidationException"),
        ("DeleteSourceServer", "ValidationException"),
        ("DescribeRecoveryInstances", "ValidationException"),
        ("DisconnectRecoveryInstance", "ValidationException"),
        ("DisconnectSourceServer", "ValidationException"),
        ("GetFailbackReplicationConfiguration", "ValidationException"),
        ("GetLaunchConfiguration", "ValidationException"),
        ("GetReplicationConfiguration", "ValidationException"),
        ("ListLaunchActions", "ValidationException"),
        ("StartRecovery", "ValidationException"),
        ("StartReplication", "ValidationException"),
        ("StartSourceNetworkReplication", "ValidationException"),
        ("StopFailback", "ValidationException"),
        ("StopReplication", "ValidationException"),
        ("TerminateRecoveryInstances", "ValidationException"),
        ("UpdateFailbackReplicationConfiguration", "ValidationException"),
    }
)
"""Errors that the model lacks for an operation. It has none there for a malformed request, and that one is assumed."""

_TYPES: Final = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "timestamp": str,
    "boolean": bool,
    "integer": int,
    "long": int,
}


def check(operation: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Assert that this is an answer of the operation, or one of its errors."""
    model = MODEL.operation_model(operation)
    assert headers["content-type"] == "application/json"
    if status >= 300:
        _check_error(operation, status, headers, body)
        return
    assert status == model.http["responseCode"]
    if status == 204:
        assert body == b""
        return
    found = list(faults(model.output_shape, json.loads(body)))
    assert found == []


def _check_error(operation: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    code = headers["x-amzn-errortype"]
    modelled = {error.name for error in MODEL.operation_model(operation).error_shapes}
    assert code in {*modelled, DENIED} or (operation, code) in UNMODELLED, code
    shape = MODEL.shape_for(code)
    assert isinstance(shape, StructureShape)
    assert status == shape.metadata["error"]["httpStatusCode"]
    answer = json.loads(body)
    assert answer.pop("__type") == code
    for name, member in shape.members.items():
        if member.serialization.get("location") == "header":
            # The parser reads it from there, as number or text.
            answer[name] = _of_header(member, headers[member.serialization["name"]])
    if code not in {*modelled, DENIED}:
        assert _is_of_malformed_request(answer), f"{operation} has no {code} in the model: {answer}"
    assert set(answer) == set(shape.members), "an error has all members of its shape"
    assert list(faults(shape, answer)) == []


def _is_of_malformed_request(answer: Mapping[str, Any]) -> bool:
    """Whether this is for a request that breaks the model, for a wrong page, for too many tags, or one without JSON."""
    messages = [each["message"] for each in answer["fieldList"] if each["name"] not in {"nextToken", "tags"}]
    return answer["reason"] in {"fieldValidationFailed", "cannotParse"} and all(
        "failed to satisfy constraint" in each for each in messages
    )


def _of_header(shape: Shape, text: str) -> object:
    return text if shape.type_name == "string" else int(text)


def faults(shape: Shape | None, value: Any, path: str = "answer") -> Iterator[str]:
    """All in which a value differs from its shape; None is the shape of an operation without output."""
    if shape is None:
        if value != {}:
            yield f"{path} must be empty, got {value!r}"
        return
    if not _fits(shape, value):
        yield f"{path} must be a {shape.type_name}, got {value!r}"
        return
    if isinstance(shape, StructureShape):
        yield from (f"{path} lacks {name}" for name in shape.required_members if name not in value)
        for name, each in value.items():
            if name not in shape.members:
                yield f"{path} has no member {name}"
            else:
                yield from faults(shape.members[name], each, f"{path}.{name}")
    elif isinstance(shape, MapShape):
        for key, each in value.items():
            yield from faults(shape.key, key, f"{path}.{key}")
            yield from faults(shape.value, each, f"{path}.{key}")
    elif isinstance(shape, ListShape):
        yield from _size_faults(shape, len(value), path)
        for number, each in enumerate(value):
            yield from faults(shape.member, each, f"{path}.{number}")
    elif LAGS.fullmatch(path):
        if not re.fullmatch(r"P\d+D|P(\d+D)?T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?", value):
            yield f"{path} must be a duration, got {value!r}"
    elif isinstance(value, str):
        yield from _size_faults(shape, len(value), path)
        yield from _text_faults(shape, value, path)
    elif not isinstance(value, bool):
        yield from _size_faults(shape, value, path)


def _fits(shape: Shape, value: Any) -> bool:
    """Whether the type is the right one; to Python a truth value is a number as well."""
    return type(value) is _TYPES[shape.type_name]


def _size_faults(shape: Shape, size: int, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min", size), shape.metadata.get("max", size)
    most = SIZES.get(shape.name, most)
    if not least <= size <= most:
        yield f"{path} must be of {least} to {most}, got {size}"


def _text_faults(shape: Shape, text: str, path: str) -> Iterator[str]:
    allowed = set(shape.metadata.get("enum", ())) | VALUES.get(shape.name, frozenset())
    if allowed and text not in allowed:
        yield f"{path} must be one of {sorted(allowed)}, got {text}"
    is_time = shape.name == "ISO8601DatetimeString" or shape.type_name == "timestamp"
    pattern = TIME if is_time else re.compile(shape.metadata.get("pattern", ".*"), re.S)
    if not pattern.fullmatch(text):
        yield f"{path} must match {pattern.pattern}, got {text!r}"
