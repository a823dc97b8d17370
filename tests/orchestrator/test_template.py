"""The template as text: cfn-lint, and facts that a deployment to moto cannot show."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pytest
from cfnlint.api import lint_file
from cfnlint.decode import decode

from drsim import orchestrator
from drsim.orchestrator.errors import MalformedError
from drsim.orchestrator.settings import SECOND_US, Settings, settings_from

TEMPLATE_PATH: Final = Path(orchestrator.__file__).with_name("template.yaml")


@lru_cache(maxsize=1)
def template() -> dict[str, Any]:
    """The template as cfn-lint reads it, with intrinsic functions in their long form."""
    read, faults = decode(str(TEMPLATE_PATH))
    assert faults == []
    return dict(read)


def _resources(kind: str) -> list[dict[str, Any]]:
    found = [about for about in template()["Resources"].values() if about["Type"] == kind]
    assert found, f"no {kind} in the template"
    return found


def _accepts(parameter: str, value: str) -> bool:
    return re.search(template()["Parameters"][parameter]["AllowedPattern"], value) is not None


@pytest.mark.slow
def test_cfn_lint_finds_no_fault() -> None:
    assert [f"{found.linenumber}: {found.message}" for found in lint_file(TEMPLATE_PATH)] == []


def test_template_uses_cloudformation_without_transforms() -> None:
    assert "Transform" not in template()
    assert {about["Type"].partition("::")[0] for about in template()["Resources"].values()} == {"AWS"}


def test_table_survives_stack_operations_and_can_be_restored() -> None:
    (table,) = _resources("AWS::DynamoDB::Table")
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_each_function_logs_to_the_group_of_the_template() -> None:
    groups = [about["Properties"]["LoggingConfig"] for about in _resources("AWS::Lambda::Function")]
    assert groups == [
        {"LogFormat": "Text", "LogGroup": {"Ref": "FinderLogs"}},
        {"LogFormat": "Text", "LogGroup": {"Ref": "PollerLogs"}},
    ]


def test_invoke_config_of_both_functions_covers_the_latest_version() -> None:
    configured = [about["Properties"] for about in _resources("AWS::Lambda::EventInvokeConfig")]
    assert [(each["FunctionName"]["Ref"], each["Qualifier"]) for each in configured] == [
        ("FinderFunction", "$LATEST"),
        ("PollerFunction", "$LATEST"),
    ]


@pytest.mark.parametrize(
    ("parameter", "variable", "default"),
    [
        ("SweepsPerInvocation", "SWEEPS_PER_INVOCATION", Settings().sweeps_per_invocation),
        ("ParallelInvokesMax", "PARALLEL_INVOKES_MAX", Settings().parallel_invokes_max),
        ("IncompleteAnswerSeconds", "INCOMPLETE_ANSWER_SECONDS", Settings().incomplete_answer_us // SECOND_US),
    ],
)
def test_template_setting_has_the_default_and_range_of_the_code(parameter: str, variable: str, default: int) -> None:
    about = template()["Parameters"][parameter]
    assert about["Default"] == default
    for accepted in (about["MinValue"], about["MaxValue"]):
        settings_from({variable: str(accepted)})
    for refused in (about["MinValue"] - 1, about["MaxValue"] + 1):
        with pytest.raises(MalformedError, match=variable):
            settings_from({variable: str(refused)})


def test_parameters_are_described_and_their_texts_constrained() -> None:
    parameters = template()["Parameters"]
    assert [name for name, about in (parameters | template()["Outputs"]).items() if not about["Description"]] == []
    texts = {name for name, about in parameters.items() if about["Type"] == "String"}
    assert [
        name for name in sorted(texts) if not parameters[name].keys() & {"AllowedPattern", "AllowedValues", "MinLength"}
    ] == []


def test_role_names_have_at_most_64_characters_in_every_region() -> None:
    longest = {"${Environment}": "abcdefghijkl", "${AWS::Region}": "ap-southeast-1"}
    assert _accepts("Environment", longest["${Environment}"])
    assert not _accepts("Environment", longest["${Environment}"] + "m")
    for role in _resources("AWS::IAM::Role"):
        name = role["Properties"]["RoleName"]["Fn::Sub"]
        for variable, value in longest.items():
            assert variable in name
            name = name.replace(variable, value)
        assert len(name) <= 64


@pytest.mark.parametrize(
    ("parameter", "accepted", "refused"),
    [
        ("Environment", ["test", "eu-2", "qa"], ["", "Test", "1a", "a-", "a b"]),
        ("DrsRoleName", ["", "drs-read_only@x"], ["path/role", "*", "a b"]),
        ("MetricsNamespace", ["DRSOrchestration", "DRS/Test", "AWSome"], ["", "AWS/DRS", "a b"]),
        ("CodeBucket", ["code", "my.bucket-1"], ["", "Code", "-code"]),
        (
            "AlarmTopicArn",
            ["", "arn:aws:sns:us-east-1:123456789012:ops"],
            ["ops", "arn:aws:sqs:us-east-1:123456789012:ops"],
        ),
    ],
)
def test_wrong_template_parameter_is_refused(parameter: str, accepted: list[str], refused: list[str]) -> None:
    assert [value for value in accepted if not _accepts(parameter, value)] == []
    assert [value for value in refused if _accepts(parameter, value)] == []
