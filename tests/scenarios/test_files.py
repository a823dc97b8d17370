"""Scenario files: the catalogue is sound, and a wrong file or change tells everything that is wrong at once."""

from pathlib import Path

import pytest

from drsim.scenarios.files import ScenarioError, catalogue, load, parse
from drsim.simulator.faults.kinds import Fault

GOOD = """\
name: mine
title: Two groups
why: A test needs it.
workload:
  - executions: 1
    ids: [first]
  - executions: 3
    servers: 2
"""


def problems(text: str, *changes: str) -> tuple[str, ...]:
    with pytest.raises(ScenarioError) as caught:
        parse(text, "mine.yaml", changes)
    return caught.value.problems


def test_the_catalogue_holds_the_scenarios_that_the_documentation_names() -> None:
    # Others may come; these are the ones that README and noxfile build on.
    assert set(catalogue()) >= {
        "chaos",
        "drill",
        "idle",
        "load-100",
        "load-1000",
        "phase-2",
        "recovery",
        "timeout-stuck",
    }


def test_catalogue_has_a_scenario_for_each_kind_of_fault() -> None:
    for fault in Fault:
        assert fault in {rule.fault for rule in load(f"fault-{fault}").faults}


@pytest.mark.parametrize("name", catalogue())
def test_each_catalogue_scenario_has_its_files_name_and_declares_exercises(name: str) -> None:
    scenario = load(name)
    assert scenario.name == name
    assert scenario.exercises.properties
    assert scenario.exercises.criteria


def test_a_users_own_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert load(str(path)).title == "Two groups"


def test_all_errors_of_a_file_are_reported_at_once_with_lines() -> None:
    wrong = GOOD.replace("Two groups", "''").replace("servers: 2", "servers: 0\n    waves: 0\n    srevers: 2")
    assert problems(wrong + "duration: 30\n") == (
        "mine.yaml:2: title must have at least 1 character, got ''",
        "mine.yaml:8: workload[1].servers must be greater than or equal to 1, got 0",
        "mine.yaml:9: workload[1].waves must have at least 1 item, got 0",
        "mine.yaml:10: workload[1].srevers: there is no such field",
        'mine.yaml:11: duration: a duration is a text with units, such as "30m", "1h30m" or "250ms", got 30',
    )


def test_rules_of_several_fields_are_reported_beside_other_errors() -> None:
    text = """\
name: Mine
title: T
why: W
duration: 10m
workload:
  - {executions: 1, ids: [a, b], servers: 0, deleted_after: 1m, expect: FAILED, ended_as: POLLING}
  - {arrival: {pattern: steady}, order: any}
heal: 10m
faults:
  - {fault: denied, after: 2m, before: 1m, delay: 2s, often: true, operation: Tick}
schedule: {rate: 90s, first: 1}
"""
    assert [problem.partition(" ")[0] + problem.partition(" ")[2][:40] for problem in problems(text)] == [
        "mine.yaml:1:name must match pattern '^[a-z0-9]+(-[a-",
        "mine.yaml:6:workload[0].ids must be at most executio",
        "mine.yaml:6:workload[0].servers must be greater than",
        "mine.yaml:6:workload[0].ended_as must be one of COMP",
        "mine.yaml:6:workload[0].expect must not be given wit",
        "mine.yaml:7:workload[1].order must be 'parallel' or ",
        "mine.yaml:7:workload[1].arrival.over must be > 0s fo",
        "mine.yaml:8:heal must be < duration (10m), got 10m",
        "mine.yaml:10:faults[0].operation must be one of Query",
        "mine.yaml:10:faults[0].before must come later than af",
        "mine.yaml:10:faults[0].delay: means nothing for denie",
        "mine.yaml:10:faults[0].often: there is no such field",
        "mine.yaml:11:schedule.rate must be a whole number of ",
        "mine.yaml:11:schedule.first: a duration is a text wit",
    ]


def test_list_with_a_wrong_entry_is_not_called_too_short() -> None:
    assert problems(GOOD + "regions: [mars]\n") == (
        "mine.yaml:9: regions[0] must be a Region of AWS such as us-east-1, got 'mars'",
    )


def test_ids_must_exist_and_differ() -> None:
    (twice,) = problems(GOOD.replace("servers: 2", "ids: [first, second]"))
    assert twice == "mine.yaml:4: workload: ids must be different, got 'first' twice"
    (empty,) = problems(GOOD.replace("[first]", "['']"))
    assert empty == "mine.yaml:6: workload[0].ids[0] must have at least 1 character, got ''"


def test_a_file_that_contains_itself_is_refused() -> None:
    assert problems("name: a\ntitle: T\nwhy: W\nregions: &a [*a]\n") == ("mine.yaml:4: this alias contains itself",)


def test_missing_and_repeated_fields_are_reported() -> None:
    assert problems("title: T\nwhy: W\ntitle: U\n") == (
        "mine.yaml:3: title: this field stands here twice",
        "mine.yaml:1: name: this field is required",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: [", "mine.yaml:1: expected the node content, but found '<stream end>'"),
        ("- a\n", "mine.yaml: a scenario is a mapping of fields such as name, title and why, got ['a']"),
        ("", "mine.yaml: a scenario is a mapping of fields such as name, title and why, got None"),
        ("name: \x07", "mine.yaml:1: the character U+0007 is not allowed"),
    ],
)
def test_file_that_is_no_mapping_is_reported_in_one_line(text: str, problem: str) -> None:
    (found,) = problems(text)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (
            "phase2",
            "no scenario 'phase2': did you mean 'phase-2'? `drsim list` shows them; a file's name ends in .yaml",
        ),
        ("/no/such.yaml", "cannot read /no/such.yaml: No such file or directory"),
    ],
)
def test_missing_scenario_is_reported(name: str, problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load(name)
    assert caught.value.problems == (problem,)


def test_file_that_is_not_text_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="it is not UTF-8 text"):
        load(str(path))


def test_changes_reach_any_field_by_its_path() -> None:
    changed = parse(
        GOOD,
        "mine.yaml",
        [
            "duration=10m",
            "workload.1.servers=5",
            "bounds.completion=2m",
            "SWEEPS_PER_INVOCATION=4",
            "regions=[eu-west-1, us-west-2]",
        ],
    )
    assert changed.duration == 600_000_000
    assert changed.workload[1].servers == 5
    assert changed.bounds.completion == 120_000_000
    assert changed.settings == {"SWEEPS_PER_INVOCATION": "4"}
    assert changed.regions == ("eu-west-1", "us-west-2")


def test_a_field_of_the_only_group_needs_no_path() -> None:
    assert load("load-100", ["servers=3"]).workload[0].servers == 3
    assert load("partial", ["workload.0.waves.1.jobs.failed_servers=2"]).workload[0].waves[1].jobs is not None


def test_executions_are_shared_out_among_the_groups_in_proportion() -> None:
    assert [group.executions for group in parse(GOOD, "", ["executions=200"]).workload] == [50, 150]
    assert [group.executions for group in load("phase-2", ["executions=7"]).workload] == [2, 5]
    assert load("load-100", ["executions=200"]).workload[0].executions == 200


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("servers=3", "--set servers=3: write workload.N.servers, for the scenario does not have just one group"),
        ("executions=1", "--set executions=1: executions must be a whole number >= 2, one for each group, got 1"),
        ("executions=x", "--set executions=x: executions must be a whole number >= 2, one for each group, got 'x'"),
        ("duration", "--set duration: write key=value, such as executions=200 or duration=45m"),
        ("duration=[", "--set duration=[: '[' is no YAML value"),
        ("name.x=1", "--set name.x=1: name.x: x is a field of nothing"),
        ("workload.7.servers=1", "--set workload.7.servers=1: workload.7.servers: 7 is none of the 2 entries"),
        ("workload.1.servers=0", "--set workload[1].servers must be greater than or equal to 1, got 0"),
        ("SWEEPS_PER_INVOCATION=99", "--set settings: SWEEPS_PER_INVOCATION must be a whole number from 1 to 12"),
        ("regions=us-east-1", "--set regions must be a list such as [us-east-1], got 'us-east-1'"),
        ("workload=[drill]", "--set workload[0] must be a mapping of fields, got 'drill'"),
        ("regions=7", "--set regions must be a list, got 7"),
        ("workload.1.waves=[]", "--set workload[1].waves must have at least 1 item, got 0"),
        ("accounts=x", "--set accounts must be a whole number, got 'x'"),
        ("nonsense=1", "--set nonsense: there is no such field"),
    ],
)
def test_wrong_change_is_reported(change: str, problem: str) -> None:
    (found,) = problems(GOOD, change)
    assert found.startswith(problem)


def test_executions_need_a_group_to_multiply() -> None:
    (found,) = problems("name: a\ntitle: T\nwhy: W\n", "executions=5")
    assert found == "--set executions=5: the scenario has no executions to multiply"


def test_unknown_property_or_criterion_is_reported_with_known_ones() -> None:
    first, second = problems(GOOD + "exercises: {properties: [speed], criteria: [Beauty]}\n")
    assert first.startswith("mine.yaml:9: exercises.properties[0]: no such property: 'speed'; known are readable")
    assert second.startswith("mine.yaml:9: exercises.criteria[0]: no such criterion: 'Beauty'; known are EventBridge")


@pytest.mark.parametrize(
    ("value", "got", "bracket"),
    [("{ends.x}", "{'ends.x': None}", "{"), ("{ends}", "{'ends': None}", "{"), ("[ends]", "['ends']", "[")],
)
def test_text_that_yaml_reads_otherwise_is_refused_with_its_quotes(value: str, got: str, bracket: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        load("drill", [f"answer={value}"])
    assert caught.value.problems == (
        f"--set answer must be a valid string, got {got}, which YAML reads from a text that begins with {bracket}: "
        f'put it into quotes, "{bracket}..."',
    )
    assert load("drill", ['answer="{ends}"']).answer == "{ends}"
