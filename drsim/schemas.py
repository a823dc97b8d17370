"""The JSON Schemas of drsim's files, by kind."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel


def schema_text(kind: str) -> str:
    """The JSON Schema of `scenario`, `contract` or `result` files."""
    from drsim.scenarios.model import Scenario
    from drsim.scenarios.result import Result
    from drsim.simulator.contract.model import Contract

    models: dict[str, type[BaseModel]] = {"scenario": Scenario, "contract": Contract, "result": Result}
    return json.dumps(models[kind].model_json_schema(), indent=2) + "\n"
