"""The base of all models that users write as YAML."""

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """Base of all models: immutable, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
