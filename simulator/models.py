"""The base of all models that users write as YAML."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError


class Spec(BaseModel):
    """Base of all models: immutable, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _of_this_drsim(version: object) -> object:
    if isinstance(version, int) and version > 1:
        raise ValueError(f"must be 1, got {version}: a later drsim wrote this file, and can read it")
    return version


SchemaVersion = Annotated[
    Literal[1],
    BeforeValidator(_of_this_drsim),
    Field(description="The version of this kind of file; files without one are of version 1."),
]
"""Of a file. Scenarios and contracts leave it out of results, which keep what a file says and not how it says it."""


def all_of(problems: Iterable[tuple[tuple[str | int, ...], object, str]]) -> ValidationError:
    """An error with several problems, each with path, value and text. A ValueError has one, and no path."""
    errors = [
        InitErrorDetails(type=PydanticCustomError("fault", "{text}", {"text": text}), loc=path, input=value)
        for path, value, text in problems
    ]
    return ValidationError.from_exception_data("problems", errors)
