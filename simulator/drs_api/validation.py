"""Check requests against botocore's service model.

Before it sends, botocore checks minima, types and unknown members, but no patterns, maxima and enums (seen with 1.43).
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

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
"""The model's pattern of times, and the zone of AWS's own answers, so that a time from an answer is accepted."""

UNMODELLED_VALUES: Final = {"RecoveryPlanExecutionStatus": frozenset({"TIMED_OUT"})}
"""Values that AWS documents and its model lacks (user guide, recovery-plans-monitoring, 2026-11), by shape."""


class Breach(NamedTuple):
    """One broken constraint: the path of the member, the message for it, and which constraint."""

    path: str
    message: str
    constraint: str


def breaches(shape: Shape, value: Any, path: str = "") -> Iterator[Breach]:
    """Yield each constraint that a request's value breaks. Unknown members are ignored, as AWS does."""
    expected: Any = _TYPES[shape.type_name]
    # bool is a subclass of int.
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        yield _breach(path, None, f"Member must be a {shape.type_name}", "type")
        return
    if (constraints := _constraints_of(shape)) is not None:
        yield from _bounds(constraints, value, path)
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                yield _breach(f"{path}/{name}", None, "Member must not be null", "required")
        for name, member in shape.members.items():
            # AWS treats a null member as a missing one.
            if value.get(name) is not None:
                yield from breaches(member, value[name], f"{path}/{name}")
    elif isinstance(shape, MapShape):
        for key, each in value.items():
            yield from breaches(shape.key, key, f"{path}/{key}")
            yield from breaches(shape.value, each, f"{path}/{key}")
    elif isinstance(shape, ListShape):
        for number, each in enumerate(value):
            yield from breaches(shape.member, each, f"{path}/{number}")


def without_nulls(value: Any) -> Any:
    """A value without null members of structures, which AWS treats as missing ones."""
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    return value


def known_members(shape: Shape | None, value: Any) -> Any:
    """A value without members that its structures lack, which AWS ignores, and without null ones."""
    if isinstance(shape, StructureShape):
        given = {name: each for name, each in value.items() if each is not None and name in shape.members}
        return {name: known_members(shape.members[name], each) for name, each in given.items()}
    if isinstance(shape, ListShape):
        return [known_members(shape.member, each) for each in value]
    return value


@cache
def shape_of(name: str) -> Shape:
    """A shape of botocore's model."""
    return ServiceModel(Loader().load_service_model("drs", "service-2"), "drs").shape_for(name)


def type_problems(shape: Shape, value: Any) -> Iterator[str]:
    """Yield what is of a wrong type, as the end of a message whose begin names the value."""
    for breach in breaches(shape, value):
        if breach.constraint == "type":
            found = value
            for name in breach.path.split("/")[1:]:
                found = found[int(name)] if isinstance(found, list) else found[name]
            path = re.sub(r"/(\d+)", r"[\1]", breach.path).replace("/", ".")
            yield f"{path} must be a {breach.message.rpartition(' ')[2]}, got {found!r}"


class _Constraints(NamedTuple):
    least: float | None
    most: float | None
    pattern: re.Pattern[str] | None
    values: frozenset[str]


@lru_cache(maxsize=1024)
def _constraints_of(shape: Shape) -> _Constraints | None:
    least, most, pattern = (shape.metadata.get(name) for name in ("min", "max", "pattern"))
    values = frozenset(getattr(shape, "enum", ())) | UNMODELLED_VALUES.get(shape.name, frozenset())
    if least is most is pattern is None and not values:
        return None
    if pattern is None:
        return _Constraints(least, most, None, values)
    return _Constraints(least, most, TIME if shape.name == "ISO8601DatetimeString" else re.compile(pattern), values)


def _bounds(constraints: _Constraints, value: Any, path: str) -> Iterator[Breach]:
    least, most, allowed, values = constraints
    what, size = ("value", value) if isinstance(value, int) else ("length", len(value))
    if least is not None and size < least:
        yield _breach(path, value, f"Member must have {what} greater than or equal to {least}", "min")
    if most is not None and size > most:
        yield _breach(path, value, f"Member must have {what} less than or equal to {most}", "max")
    if allowed is not None and not allowed.fullmatch(value):
        yield _breach(path, value, f"Member must satisfy regular expression pattern: {allowed.pattern}", "pattern")
    if values and value not in values:
        yield _breach(path, value, f"Member must satisfy enum value set: [{', '.join(sorted(values))}]", "enum")


def _breach(path: str, value: object, text: str, constraint: str) -> Breach:
    shown = f"Value '{value}'" if isinstance(value, str | int) else "Value"
    return Breach(path, f"{shown} at '{path}' failed to satisfy constraint: {text}", constraint)
