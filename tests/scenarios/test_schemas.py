"""The schemas accept what drsim accepts, so that editors and validators are right about each file."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from jsonschema import Draft202012Validator

from drsim.orchestrator.settings import SETTING_NAMES
from drsim.scenarios.criteria import CRITERIA_NAMES
from drsim.scenarios.files import catalogue
from drsim.scenarios.model import PROPERTY_NAMES, Scenario
from drsim.scenarios.schemas import Kind, schema_of
from drsim.simulator.contract.model import Contract
from drsim.simulator.contract.presets import PRESETS
from drsim.simulator.faults.kinds import POINTS, Fault

ROOT = Path(__file__).resolve().parent.parent.parent
KINDS: tuple[Kind, ...] = get_args(Kind)


def read(path: Path) -> Any:
    """The data as validators read it: an instant is a text."""
    return as_json(yaml.safe_load(path.read_text(encoding="utf-8")))


def as_json(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: as_json(value) for key, value in data.items()}
    if isinstance(data, list):
        return [as_json(each) for each in data]
    return data.isoformat() if isinstance(data, date) else data


def errors(kind: Kind, data: object) -> list[str]:
    return [error.message[:200] for error in Draft202012Validator(schema_of(kind)).iter_errors(data)]


def properties(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each property of a schema and of its definitions, by path."""
    if isinstance(schema, dict):
        for name, each in schema.get("properties", {}).items():
            yield f"{path}.{name}", each
            yield from properties(each, f"{path}.{name}")
        for name, each in schema.items():
            if name not in ("default", "properties"):
                yield from properties(each, f"{path}/{name}")
    elif isinstance(schema, list):
        for each in schema:
            yield from properties(each, path)


@pytest.mark.parametrize("kind", KINDS)
def test_schema_is_a_valid_one_with_dialect_and_id(kind: Kind) -> None:
    schema = schema_of(kind)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$schema"]
    assert schema["$id"].startswith(f"urn:drsim:schema:{kind}:")


@pytest.mark.parametrize("kind", KINDS)
def test_each_default_fits_its_own_schema(kind: Kind) -> None:
    schema = schema_of(kind)
    with_default = [(path, each) for path, each in properties(schema) if "default" in each]
    assert len(with_default) > 40
    for path, each in with_default:
        validator = Draft202012Validator({**each, "$defs": schema["$defs"]})
        assert not [f"{path}: {error.message}" for error in validator.iter_errors(each["default"])]


@pytest.mark.parametrize("kind", ["scenario", "contract"])
def test_each_property_that_a_person_writes_is_described(kind: Kind) -> None:
    schema = schema_of(kind)
    described = {name for name, each in schema["$defs"].items() if each.get("description")}
    without = [
        path
        for path, each in properties(schema)
        if not each.get("description") and each.get("$ref", "").rpartition("/")[2] not in described
    ]
    assert not without


@pytest.mark.parametrize("name", catalogue())
def test_schema_accepts_each_scenario_of_the_catalogue(name: str) -> None:
    assert errors("scenario", read(ROOT / "scenarios" / "catalogue" / f"{name}.yaml")) == []


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("examples/*/*.yaml")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_schema_accepts_each_file_of_the_examples(path: Path) -> None:
    data = read(path)
    assert errors("scenario" if "why" in data else "contract", data) == []


def test_schema_accepts_a_whole_scenario_as_drsim_writes_it() -> None:
    from drsim.scenarios.files import load

    for name in ("phase-2", "chaos", "soak"):
        assert errors("scenario", load(name).model_dump(mode="json")) == []
    assert errors("contract", {**PRESETS["ours"], "extends": "plain", "schema_version": 1}) == []


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"settings": {"SWEEPS": 2}}, "SWEEPS"),
        ({"faults": [{"fault": "slow", "operation": "GetItems"}]}, "GetItems"),
        ({"faults": [{"fault": "slowly"}]}, "slowly"),
        ({"exercises": {"properties": ["isolated"]}}, "isolated"),
        ({"exercises": {"criteria": ["fast"]}}, "fast"),
        ({"alarms": {"Smoke": "clears"}}, "Smoke"),
        ({"regions": ["mars"]}, "mars"),
        ({"duration": 30}, "30"),
        ({"schema_version": 2}, "1 was expected"),
    ],
)
def test_schema_refuses_names_that_drsim_does_not_know(wrong: dict[str, object], what: str) -> None:
    (message,) = errors("scenario", {"name": "a", "title": "A", "why": "B", **wrong})
    assert what in message


def test_schema_lists_all_names_for_completion() -> None:
    schema = schema_of("scenario")
    exercises = schema["$defs"]["Exercises"]["properties"]
    assert exercises["properties"]["items"]["enum"] == list(PROPERTY_NAMES)
    assert exercises["criteria"]["items"]["enum"] == list(CRITERIA_NAMES)
    assert set(schema["properties"]["settings"]["properties"]) == SETTING_NAMES
    assert set(schema["$defs"]["Fault"]["enum"]) == set(Fault)
    assert set(schema["$defs"]["Rule"]["properties"]["operation"]["anyOf"][0]["enum"]) == set(POINTS)


def test_version_of_a_file_is_not_part_of_what_it_says() -> None:
    assert "schema_version" not in Scenario.model_validate({"name": "a", "title": "A", "why": "B"}).model_dump()
    assert "schema_version" not in Contract.model_validate(PRESETS["ours"]).model_dump()
