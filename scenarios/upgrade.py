"""Results of earlier versions as results of the present one."""

from typing import Any, Final

from pydantic import ValidationError

from drsim.scenarios.limits import capacity_of
from drsim.scenarios.model import Scenario
from drsim.scenarios.result import Capacity, Metrics
from drsim.simulator.figures.table import FIGURES

_LIMITS: Final = {"Performance <100ms queries": {"relation": "<", "limit": 100.0, "unit": "ms"}}
"""What the criteria of version 1 said in words, for charts that draw it."""


def upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a result of version 1 as version 2 has them; what is no such result stays as it is.

    Version 1 named the statuses in lower case beside `started`, gave distributions no title and had no capacity.
    """
    executions, metrics = data.get("executions"), data.get("metrics")
    if not isinstance(executions, dict) or not isinstance(metrics, dict):
        return data
    distributions = {
        name: {"title": FIGURES[name].title if name in FIGURES else name, **each}
        for name, each in metrics.get("distributions", {}).items()
    }
    metrics = {**metrics, "distributions": distributions}
    return {
        **data,
        "schema_version": 2,
        "executions": {name.upper(): count for name, count in executions.items() if name != "started"},
        "criteria": [{**_LIMITS.get(each["name"], {}), **each} for each in data.get("criteria", ())],
        "metrics": metrics,
        "capacity": _capacity(metrics),
    }


def _capacity(metrics: dict[str, Any]) -> Capacity | None:
    try:
        found = Metrics.model_validate(metrics)
        return capacity_of(Scenario.model_validate(found.configuration), found)
    except ValidationError:
        return None
