"""The template as read here is the template, and its intrinsic functions have the values of CloudFormation."""

from typing import Any

import pytest
from cfnlint.decode import decode

from drsim.simulator.cloudformation import TEMPLATE_PATH, Resolver, resolver, template

RESOLVER = Resolver(
    {"Environment": "test", "Role": "", "Table": "history-test"},
    {"HasRole": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Role"}, ""]}]}},
)


def test_the_template_is_read_as_cfn_lint_reads_it() -> None:
    assert decode(str(TEMPLATE_PATH)) == (template(), [])


@pytest.mark.parametrize(
    ("node", "value"),
    [
        ({"Ref": "Table"}, "history-test"),
        ({"Fn::Sub": "a-${Environment}-${Table}"}, "a-test-history-test"),
        ({"Fn::If": ["HasRole", "yes", "no"]}, "no"),
        ({"kept": 1, "gone": {"Ref": "AWS::NoValue"}}, {"kept": 1}),
        ([1, {"Fn::If": ["HasRole", 2, {"Ref": "AWS::NoValue"}]}, {"Ref": "Environment"}], [1, "test"]),
    ],
)
def test_a_function_is_replaced_by_its_value(node: Any, value: Any) -> None:
    assert RESOLVER.value(node) == value


def test_a_function_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="Fn::Join"):
        RESOLVER.value({"Arn": {"Fn::Join": ["", ["Table", "Arn"]]}})
    with pytest.raises(ValueError, match="Condition"):
        RESOLVER.value({"Condition": "HasRole"})


def test_a_policys_condition_is_no_function() -> None:
    statement = {"Condition": {"StringEquals": {"a": {"Ref": "Environment"}}}}
    assert RESOLVER.value(statement) == {"Condition": {"StringEquals": {"a": "test"}}}
    names = {"Table.Arn": "arn:aws:dynamodb:r:a:table/t"}
    assert resolver(names).value({"Fn::GetAtt": ["Table", "Arn"]}) == names["Table.Arn"]


def test_a_name_that_nothing_has_is_refused() -> None:
    with pytest.raises(KeyError, match="Tabel"):
        RESOLVER.value({"Ref": "Tabel"})
