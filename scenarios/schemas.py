"""JSON Schemas of the files that drsim reads and writes, for editors and for validators.

Owns what pydantic's own schemas lack: defaults as files spell them, `$schema` and `$id`.
"""

import json
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from drsim.scenarios.model import Scenario
from drsim.scenarios.result import Result
from drsim.simulator.contract.model import Contract

Kind = Literal["scenario", "contract", "result"]
_MODELS: Final[dict[Kind, tuple[type[BaseModel], str]]] = {
    "scenario": (Scenario, "A drsim scenario"),
    "contract": (Contract, "A drsim contract"),
    "result": (Result, "A drsim result.json"),
}


class _AsInFiles(GenerateJsonSchema):
    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Show a default as files spell it. pydantic's schema of what it reads has it as code does: 60000000 for 1m."""
        found = super().default_schema(schema)
        default: Any = schema.get("default")
        inner: Any = schema["schema"]
        # Validators may lie around what has the serializer.
        while "serialization" not in inner and isinstance(inner.get("schema"), dict):
            inner = inner["schema"]
        serialization = inner.get("serialization", {})
        if serialization.get("type") == "function-plain" and default is not None:
            found["default"] = default if isinstance(default, str) else serialization["function"](default)
        return found


def schema_of(kind: Kind) -> dict[str, Any]:
    """The JSON Schema of a kind of file, in draft 2020-12."""
    model, title = _MODELS[kind]
    schema = model.model_json_schema(schema_generator=_AsInFiles)
    version = schema["properties"]["schema_version"]["const"]
    head = {"$schema": _AsInFiles.schema_dialect, "$id": f"urn:drsim:schema:{kind}:{version}", "title": title}
    return {**head, **{name: part for name, part in schema.items() if name != "title"}}


def schema_text(kind: Kind) -> str:
    """The JSON Schema of a kind of file, as its own file."""
    return json.dumps(schema_of(kind), indent=2) + "\n"
