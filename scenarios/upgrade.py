"""Results of earlier versions as results of the present one."""

from typing import Any, Final

from pydantic import ValidationError

from drsim.scenarios.aliases import current
from drsim.scenarios.limits import capacity_of
from drsim.scenarios.model import Scenario
from drsim.scenarios.result import Measurements
from drsim.simulator.figures.table import figure_of

_LIMITS: Final = {"Performance <100ms queries": {"relation": "<", "limit": 100.0, "unit": "ms"}}
"""What the criteria of version 1 said in words, for charts that draw it."""


def upgraded(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a result of version 1 or 2 in the shape of version 3."""
    return _from_2(_from_1(data) if data["schema_version"] == 1 else data)


def _from_2(data: dict[str, Any]) -> dict[str, Any]:
    """Add what version 2 left to its readers: which criteria fail only because a property does."""
    data = {**data, "schema_version": 3}
    try:
        broken = {each["name"] for each in data["properties"] if each["verdict"] == "fail"}
        criteria = [
            {**each, "follows": [name for name in each.get("rests_on", ()) if name in broken]}
            if each["verdict"] == "fail"
            else each
            for each in data["criteria"]
        ]
    except (AttributeError, KeyError, TypeError):
        return data
    return {**data, "criteria": criteria}


def _from_1(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data of a result of version 1 in the shape of version 2.

    Version 1 named statuses in lower case beside `started`, gave distributions no title and had no capacity. A part
    that version 1 did not have stays as it is, so that validation names it.
    """
    data = {**data, "schema_version": 2}
    try:
        distributions = {
            name: {"title": figure.title if (figure := figure_of(name)) else name, **each}
            for name, each in data["metrics"]["distributions"].items()
        }
        configuration = current(data["metrics"]["configuration"])
        metrics = {**data["metrics"], "configuration": configuration, "distributions": distributions}
        executions = {name.upper(): count for name, count in data["executions"].items() if name != "started"}
        criteria = [{**_LIMITS.get(each["name"], {}), **each} for each in data["criteria"]]
    except (AttributeError, KeyError, TypeError):
        return data
    try:
        found = Measurements.model_validate(metrics)
        # A scenario that is invalid today has no capacity, and the report gives the reason.
        capacity = capacity_of(Scenario.model_validate(found.configuration), found)
    except ValidationError:
        capacity = None
    return {**data, "executions": executions, "criteria": criteria, "metrics": metrics, "capacity": capacity}
