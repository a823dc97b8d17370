"""Contracts in scenario files, in files of their own, and in the place of a scenario's own."""

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from drsim.scenarios.files import ScenarioError, load, parse
from drsim.scenarios.model import Scenario
from drsim.simulator.contract.model import Contract
from drsim.simulator.durations import duration_us

SCENARIO = """\
name: mine
title: One group
why: A test needs it.
workload:
  - executions: 1
"""
CONTRACT = """\
name: team
style: camelCase
limits: {timeout: 20m}
"""
ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "polling" / "contract.yaml"


def contract_of(text: str, *changes: str) -> Contract:
    contract = parse(SCENARIO + text, "mine.yaml", changes).contract
    assert contract is not None
    return contract


def problems(text: str, *changes: str, contract: str = "", folder: Path = Path()) -> tuple[str, ...]:
    with pytest.raises(ScenarioError) as caught:
        parse(SCENARIO + text, "mine.yaml", changes, folder=folder, contract=contract)
    return caught.value.problems


def written(folder: Path, text: str, name: str = "contract.yaml") -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return f"{folder / name}"


def test_contract_is_a_name_or_fields_that_extend_one() -> None:
    assert contract_of("contract: ours\n").promises.versioned
    assert not contract_of("contract: {style: snake_case}\n").promises.versioned
    extended = contract_of("contract: {extends: ours, style: snake_case}\n")
    assert (extended.promises.versioned, extended.execution.last_polled) == (True, "last_polled_time")


def test_contract_file_is_relative_to_its_scenario(tmp_path: Path) -> None:
    written(tmp_path, CONTRACT)
    written(tmp_path, SCENARIO + "contract: contract.yaml\n", "mine.yaml")
    contract = load(f"{tmp_path / 'mine.yaml'}").contract
    assert contract is not None
    assert (contract.name, contract.execution.id) == ("team", "executionId")


def test_contract_option_takes_the_place_of_the_scenarios_own(tmp_path: Path) -> None:
    path = written(tmp_path, CONTRACT)
    for text in ("", "contract: ours\n", "contract: missing.yaml\n"):
        contract = parse(SCENARIO + text, "mine.yaml", contract=path).contract
        assert contract is not None
        assert contract.name == "team"


@pytest.mark.parametrize("text", ["", "contract: ours\n", "contract: {name: team}\n", f"contract: {EXAMPLE}\n"])
def test_set_changes_a_limit_of_any_contract(text: str) -> None:
    assert contract_of(text, "contract.limits.timeout=45m").limits.timeout == duration_us("45m")


WRONG = """\
name: team
execution: {status: a.b, state: x}
limits:
  timeout: 30
  looks: 0
  looks: 2
"""


def test_errors_of_a_contract_file_have_its_name_and_lines(tmp_path: Path) -> None:
    path = written(tmp_path, WRONG)
    first, second, third = problems("duration: 1\n", contract=path)[:3]
    assert first == f"{path}:6: limits.looks: this field stands here twice"
    assert second == f"{path}:2: execution.state: there is no such field"
    assert third.startswith(f"{path}:4: limits.timeout")
    assert problems("duration: 1\n", contract=path)[-1].startswith("mine.yaml:6: duration")


def test_rule_on_a_whole_contract_names_the_contract(tmp_path: Path) -> None:
    path = written(tmp_path, "name: team\nexecution: {status: a.b}\n")
    rule = "execution: id, plan and status must be attributes of the item, for they are keys"
    assert problems("", contract=path) == (f"{path}:1: the contract: {rule}",)


@pytest.mark.parametrize(
    ("text", "contract", "says"),
    [
        ("contract: their\n", "", "mine.yaml:6: contract must be plain, ours or a YAML file, got 'their'"),
        ("", "their", "--contract must be plain, ours or a YAML file, got 'their'"),
        ("contract: no.yaml\n", "", "cannot read no.yaml: No such file or directory"),
        ("contract: {extends: their}\n", "", "mine.yaml:6: contract: extends must be one of plain, ours, got 'their'"),
        ("contract: [ours]\n", "", "mine.yaml:6: contract must be a mapping of fields, got ['ours']"),
    ],
)
def test_unknown_contract_is_one_error(text: str, contract: str, says: str) -> None:
    assert problems(text, contract=contract) == (says,)


def test_style_of_the_table_and_a_contract_exclude_each_other() -> None:
    says = "table: style and names belong to the contract if there is one: use contract.style, contract.names"
    assert problems("contract: ours\ntable: {style: camelCase}\n") == (f"mine.yaml:7: {says}",)
    assert problems("", "contract.name=team", "table.names.Status=state") == (f"--set {says}",)
    assert parse(SCENARIO, "mine.yaml", ["table.style=camelCase"]).judged_by.execution.id == "executionId"
    assert contract_of("contract: ours\ntable: {page_bytes_max: 2048}\n", "contract.style=camelCase").execution.id


SURROUNDED = """\
name: team
surroundings:
  tables:
    - {name: plans, hash: id, items: plans.json}
judged:
  roles: {poller: policy.json}
"""


def test_files_of_a_contract_are_relative_to_it_and_read(tmp_path: Path) -> None:
    path = written(tmp_path / "team", SURROUNDED)
    assert problems("", contract=path) == (
        f"{path}:4: surroundings.tables[0].items: cannot read {tmp_path}/team/plans.json: No such file or directory",
        f"{path}:6: judged.roles.poller: cannot read {tmp_path}/team/policy.json: No such file or directory",
    )
    written(tmp_path / "team", '[{"id": "a", "size": 1.5},\n {"id": NaN}]', "plans.json")
    written(tmp_path / "team", '{"Version": "2012-10-17"}', "policy.json")
    items, policy = problems("", contract=path)
    assert items.endswith("plans.json: numbers must be finite, got NaN")
    assert "policy.json must be a policy document" in policy
    for text, problem in (
        (f'[{{"id": {"[" * 500 + "]" * 500}}}]', "plans.json: values of items must be nested at most 32 levels deep"),
        ("[" * 100_000, "plans.json: its values are nested too deep"),
        (f'[{{"id": {"9" * 5_000}}}]', "plans.json: Exceeds the limit (4300 digits) for integer string conversion: "),
    ):
        written(tmp_path / "team", text, "plans.json")
        assert problem in problems("", contract=path)[0]
    written(tmp_path / "team", '[{"id": "a", "size": 1.5}]', "plans.json")
    written(tmp_path / "team", '{"Statement": [{"Effect": "Allow"}]}', "policy.json")
    contract = parse(SCENARIO, "mine.yaml", contract=path).contract
    assert contract is not None
    assert contract.surroundings.tables[0].items == f"{tmp_path}/team/plans.json"


def test_result_configuration_with_a_contract_reads_no_file(tmp_path: Path) -> None:
    path = written(tmp_path, SURROUNDED)
    written(tmp_path, "[]", "plans.json")
    written(tmp_path, '{"Statement": []}', "policy.json")
    with pytest.raises(ScenarioError):
        parse(SCENARIO, "mine.yaml", contract=path)
    written(tmp_path, '{"Statement": {"Effect": "Allow"}}', "policy.json")
    scenario = parse(SCENARIO, "mine.yaml", contract=path)
    (tmp_path / "policy.json").unlink()
    configuration = json.loads(json.dumps(scenario.model_dump(mode="json")))
    assert Scenario.model_validate(configuration) == scenario


@pytest.mark.parametrize(
    "contract",
    [{}, {"extends": "ours", "names": {"Status": "state"}}, {"execution": {"plan": None}, "words": {"job": {}}}],
)
def test_schema_accepts_what_a_contract_file_may_leave_out(contract: dict[str, object]) -> None:
    schema = Draft202012Validator(Contract.model_json_schema())
    assert [error.message for error in schema.iter_errors(contract)] == []
    assert [error.message for error in schema.iter_errors({**contract, "nope": 1})] != []


def test_contract_in_the_documentation_is_right(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(name: team\n.*?)```", page, re.DOTALL)
    contract = parse(SCENARIO, "mine.yaml", contract=written(tmp_path, text)).contract
    assert contract is not None
    assert (contract.execution.id, contract.execution.last_polled) == ("pk", "state.polledAt")
