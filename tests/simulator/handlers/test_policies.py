"""Roles allow exactly what IAM's matching rules allow."""

import pytest

from drsim.simulator.handlers.deployed import Role, Statement

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/history"


def _role(action: str, resource: str) -> Role:
    return Role((Statement((action,), (resource,)),))


@pytest.mark.parametrize(
    ("action", "asked", "allowed"),
    [
        ("dynamodb:GetItem", "dynamodb:GetItem", True),
        ("dynamodb:getitem", "DynamoDB:GetItem", True),
        ("dynamodb:Get*", "dynamodb:GetItem", True),
        ("dynamodb:Get?tem", "dynamodb:GetItem", True),
        ("dynamodb:Get?", "dynamodb:GetItem", False),
        ("*", "dynamodb:GetItem", True),
        ("dynamodb:GetItem", "dynamodb:GetItems", False),
        ("dynamodb:GetItem", "dynamodb:BatchGetItem", False),
        ("dynamodb.GetItem", "dynamodb:GetItem", False),
        ("dynamodb:GetIte.", "dynamodb:GetItem", False),
    ],
)
def test_an_action_matches_in_any_case_and_with_wildcards(action: str, asked: str, allowed: bool) -> None:
    assert _role(action, TABLE).allows(asked, TABLE) is allowed


@pytest.mark.parametrize(
    ("resource", "asked", "allowed"),
    [
        (TABLE, TABLE, True),
        (TABLE, f"{TABLE}/index/StatusIndex", False),
        (f"{TABLE}/index/*", f"{TABLE}/index/StatusIndex", True),
        (f"{TABLE}/index/*", TABLE, False),
        (TABLE, TABLE.upper(), False),
        ("*", TABLE, True),
        ("*", "*", True),
        (TABLE, "*", False),
        ("arn:aws:iam::*:role/drs", "arn:aws:iam::210987654321:role/drs", True),
        ("arn:aws:iam::*:role/drs", "arn:aws:iam::210987654321:role/drs-admin", False),
        ("arn:aws:iam::*:role/dr?", "arn:aws:iam::210987654321:role/drs", True),
        # A wildcard within one part of an ARN does not reach into the next.
        ("arn:aws:iam::*:role/drs", "arn:aws:iam::1:user/2:role/drs", False),
        # Only the last part may hold colons of its own.
        ("arn:aws:logs:us-east-1:1:log-group:/a:*", "arn:aws:logs:us-east-1:1:log-group:/a:log-stream:b", True),
        ("arn:aws:logs:us-east-1:1:log-group:/a:*", "arn:aws:logs:us-east-1:1:log-group:/ab:log-stream:b", False),
    ],
)
def test_a_resource_matches_in_its_own_case_and_part_by_part(resource: str, asked: str, allowed: bool) -> None:
    assert _role("x:Y", resource).allows("x:Y", asked) is allowed


def test_action_and_resource_must_be_of_one_statement() -> None:
    statements = (Statement(("dynamodb:GetItem",), (TABLE,)), Statement(("drs:DescribeJobs",), ("*",)))
    role = Role(statements)
    assert role.allows("drs:DescribeJobs", TABLE)
    assert not role.allows("dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/other")


def test_a_condition_must_be_met_by_a_key_of_the_request() -> None:
    metrics = {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*"}
    either = Statement.of({**metrics, "Condition": {"StringEquals": {"cloudwatch:namespace": ["Ours", "Theirs"]}}})
    for statement in (
        either,
        Statement.of({**metrics, "Condition": {"StringEquals": {"cloudwatch:namespace": "Ours"}}}),
    ):
        assert statement.covers("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Ours"})
        assert not statement.covers("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Others"})
        assert not statement.covers("cloudwatch:PutMetricData", "*")
    assert either.covers("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "Theirs"})


def test_a_document_may_give_one_text_or_a_list() -> None:
    single = Statement.of({"Effect": "Allow", "Action": "drs:DescribeJobs", "Resource": "*"})
    several = Statement.of({"Sid": "A", "Effect": "Allow", "Action": ["drs:DescribeJobs"], "Resource": ["*"]})
    assert single == several == Statement(("drs:DescribeJobs",), ("*",))


@pytest.mark.parametrize(
    "document",
    [
        {"Effect": "Deny", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "NotAction": "iam:*", "Action": "*", "Resource": "*"},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "NotResource": TABLE},
        {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringNotEquals": {"a:b": "c"}}},
    ],
)
def test_a_statement_that_would_be_misread_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must allow actions on resources, if anything by StringEquals"):
        Statement.of(document)
