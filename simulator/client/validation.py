"""botocore's validation of parameters, compiled: it says yes quickly, and leaves all else to botocore."""

import decimal
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

Accepts = Callable[[Any], bool]

_SIMPLE: Final[dict[str, Accepts]] = {
    "float": lambda value: isinstance(value, float | int | decimal.Decimal),
    "double": lambda value: isinstance(value, float | int | decimal.Decimal),
    "boolean": lambda value: type(value) is bool,
    "blob": lambda value: isinstance(value, bytes | bytearray | str) or hasattr(value, "read"),
    "timestamp": lambda value: isinstance(value, datetime),
}


class Accepted:
    """The checks of one service model, one for each shape, made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Accepts] = {}

    def by(self, shape: Any) -> Accepts:
        """Return the check of a shape: whether botocore surely accepts a value."""
        found = self._made.get(shape.name)
        if found is None:
            # A shape may hold itself.
            made: list[Accepts] = []
            self._made[shape.name] = lambda value: made[0](value)  # noqa: PLW0108 - it is not made yet
            found = self._make(shape)
            made.append(found)
            self._made[shape.name] = found
        return found

    def made(self, shape: Any, names: tuple[str, ...]) -> Accepts:
        """Return the check of a structure whose members with these names are right."""
        return self._structure(shape, names)

    def _make(self, shape: Any) -> Accepts:
        kind, least = shape.type_name, shape.metadata.get("min")
        if kind == "structure":
            return self._structure(shape)
        if kind == "list":
            return _many(self.by(shape.member), least or 0)
        if kind == "map":
            return _mapping(self.by(shape.key), self.by(shape.value))
        if kind == "string":
            return _text(least) if least else lambda value: isinstance(value, str)
        if kind in ("integer", "long"):
            return lambda value: type(value) is int and (least is None or value >= least)
        return _SIMPLE.get(kind, lambda _: False)

    def _structure(self, shape: Any, right: tuple[str, ...] = ()) -> Accepts:
        if getattr(shape, "is_document_type", False):
            return lambda _: False
        required = tuple(shape.metadata.get("required", ()))
        members = {name: self.by(member) for name, member in shape.members.items()}
        members |= dict.fromkeys(members.keys() & set(right), lambda _: True)
        is_union = bool(getattr(shape, "is_tagged_union", False))

        def structure(value: Any) -> bool:
            if type(value) is not dict or (is_union and len(value) != 1):
                return False
            for name in required:
                if name not in value:
                    return False
            for name, each in value.items():
                check = members.get(name)
                if check is None or not check(each):
                    return False
            return True

        return structure


def _text(least: int) -> Accepts:
    return lambda value: isinstance(value, str) and len(value) >= least


def _many(member: Accepts, least: int) -> Accepts:
    def many(value: Any) -> bool:
        return type(value) in (list, tuple) and len(value) >= least and all(map(member, value))

    return many


def _mapping(key: Accepts, member: Accepts) -> Accepts:
    def mapping(value: Any) -> bool:
        return type(value) is dict and all(map(key, value)) and all(map(member, value.values()))

    return mapping
