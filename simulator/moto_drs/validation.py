"""Requests against botocore's service model: what botocore's own check lets through, and what raw HTTP may send.

botocore checks minima, types and unknown members before it sends, but neither patterns nor maxima (seen with 1.43), so
AWS is the first to refuse those, and so is this. Owns no operation: it walks shapes.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from botocore.model import ListShape, MapShape, Shape, StructureShape

_TYPES: Final[dict[str, type]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
}

TIME: Final = re.compile(
    r"[1-9][0-9]*-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([0-1][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
    r"(Z|\+00:00)"
)
"""The model's pattern of times, and the zone in which AWS's own answers end: who sends back what DRS said is right."""


class Fault(NamedTuple):
    """One thing that is wrong: the path of the member, what to say of it, and the constraint that it breaks."""

    path: str
    message: str
    constraint: str


def faults(shape: Shape, value: Any, path: str = "") -> Iterator[Fault]:
    """All that is wrong with a request's value. Members that the shape does not have are ignored, as AWS does."""
    if not _fits(shape, value):
        yield Fault(path, f"Value at '{path}' failed to satisfy constraint: Member must be a {shape.type_name}", "type")
        return
    yield from _bounds(shape, value, path)
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                yield Fault(f"{path}/{name}", _failed(f"{path}/{name}", None, "Member must not be null"), "required")
        for name, member in shape.members.items():
            # To AWS a member that is null is one that is not there.
            if value.get(name) is not None:
                yield from faults(member, value[name], f"{path}/{name}")
    elif isinstance(shape, MapShape):
        for key, each in value.items():
            yield from faults(shape.key, key, f"{path}/{key}")
            yield from faults(shape.value, each, f"{path}/{key}")
    elif isinstance(shape, ListShape):
        for number, each in enumerate(value):
            yield from faults(shape.member, each, f"{path}/{number}")


def _fits(shape: Shape, value: Any) -> bool:
    expected = _TYPES[shape.type_name]
    # To Python a truth value is a number.
    return isinstance(value, expected) and (expected is bool or not isinstance(value, bool))


def _bounds(shape: Shape, value: Any, path: str) -> Iterator[Fault]:
    what, size = ("value", value) if isinstance(value, int) else ("length", len(value))
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield Fault(path, _failed(path, value, f"Member must have {what} greater than or equal to {least}"), "min")
    if most is not None and size > most:
        yield Fault(path, _failed(path, value, f"Member must have {what} less than or equal to {most}"), "max")
    if (pattern := shape.metadata.get("pattern")) is not None:
        allowed = TIME if shape.name == "ISO8601DatetimeString" else re.compile(pattern)
        if not allowed.fullmatch(value):
            text = f"Member must satisfy regular expression pattern: {allowed.pattern}"
            yield Fault(path, _failed(path, value, text), "pattern")


def _failed(path: str, value: object, constraint: str) -> str:
    shown = f"Value '{value}' at" if isinstance(value, str | int) else "Value at"
    return f"{shown} '{path}' failed to satisfy constraint: {constraint}"
