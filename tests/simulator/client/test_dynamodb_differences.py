"""What moto 5.2.5 answers otherwise than AWS: the client tier answers as AWS does, by the source of each case.

P: paritysuite/dynamodb-conformance, captured on AWS in 2026. S: ScyllaDB's test/alternator, which its authors run on
AWS. D: the DynamoDB developer guide, 2026-11.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import pytest

from tests.simulator.client.tables import INDEX, Moto, Ours

KEY: Final = {"pk": {"S": "a"}, "sk": {"N": "1"}}
ITEM: Final = {
    **KEY,
    "n": {"N": "5"},
    "s": {"S": "text"},
    "l": {"L": [{"N": "1"}, {"N": "2"}, {"N": "3"}]},
    "m": {"M": {"b": {"N": "1"}}},
    "g": {"S": "one"},
}
INVALID: Final = "ValidationException"
REFUSED: Final = "ConditionalCheckFailedException"


class Case(NamedTuple):
    """A request on a table with one item: AWS's code ("" for success), a part of its message or answer, and source."""

    operation: str
    members: Mapping[str, Any]
    code: str
    says: str
    source: str


def values(**given: Any) -> dict[str, Any]:
    return {"ExpressionAttributeValues": {f":{name}": value for name, value in given.items()}}


def number(value: object) -> dict[str, str]:
    return {"N": str(value)}


def condition(text: str, **given: Any) -> dict[str, Any]:
    return {"Item": ITEM, "ConditionExpression": text, **(values(**given) if given else {})}


def update(text: str, **given: Any) -> dict[str, Any]:
    return {"Key": KEY, "UpdateExpression": text, **(values(**given) if given else {})}


def query(text: str, **given: Any) -> dict[str, Any]:
    return {"KeyConditionExpression": text, **values(**given)}


UNDEFINED: Final = "An expression attribute name used in the document path is not defined; attribute name: #x"
NAMED: Final = {"ExpressionAttributeNames": {"#x": "n"}}
CASES: Final = (
    # moto lets Python's errors through.
    Case("UpdateItem", update("SET #x = :v", v=number(1)), INVALID, UNDEFINED, "P"),
    Case("PutItem", condition("a = :x"), INVALID, "value used in expression is not defined; attribute value: :x", "P"),
    Case("PutItem", condition("n < :s", s={"S": "a"}), REFUSED, "", "S"),
    Case("PutItem", condition("foo(n)"), INVALID, "Invalid function name; function: foo", "P"),
    Case("PutItem", condition("size(n)"), INVALID, "not allowed to be used this way", "S"),
    Case("PutItem", condition("attribute_exists(:a)", a=number(1)), INVALID, "requires a document path", "S"),
    Case("PutItem", condition("n NOT IN (:a)", a=number(1)), INVALID, "Syntax error; token:", "S"),
    Case("PutItem", condition("size(n) = :a", a=number(1)), REFUSED, "", "S"),
    Case("UpdateItem", update("SET n = :a + :b", a=number("1e50"), b=number(1)), INVALID, "Number overflow.", "P"),
    Case("Query", query("pk = :p OR sk = :s", p={"S": "a"}, s=number(1)), INVALID, "Invalid operator used in", "P"),
    Case("Query", query("begins_with(sk, :s) AND pk = :p", p={"S": "a"}, s=number(1)), INVALID, "", "P"),
    # Wrong truth.
    Case("PutItem", condition("qq = zz"), REFUSED, "", "S"),
    Case("PutItem", condition("qq <> zz"), "", "", "S"),
    Case("PutItem", condition("n BETWEEN :a AND :b", a=number(9), b=number(1)), INVALID, "AttributeValue: {N:9}", "P"),
    Case("PutItem", condition("attribute_type(n, :t)", t={"S": "DOG"}), INVALID, "type: DOG, valid types: {B,", "P"),
    Case("PutItem", condition("begins_with(s, :n)", n=number(1)), INVALID, "begins_with, operand type: N", "P"),
    # Accepted though AWS refuses.
    Case("PutItem", condition("contains(s, s)"), INVALID, "operator: contains, first operand: [s]", "P"),
    Case("PutItem", {"Item": ITEM, "ConditionExpression": ""}, INVALID, "The expression can not be empty;", "P"),
    Case("PutItem", condition(" OR ".join(["n = :a"] * 152), a=number(1)), INVALID, "operator count: 301", "P"),
    Case("PutItem", condition("n = :a OR s = :a" + " " * 4096, a=number(1)), INVALID, "expression size: 4112", "P"),
    Case("UpdateItem", update("SET l = list_append(list_append(l, l), l)"), INVALID, "not allowed to be used", "S"),
    Case("UpdateItem", update("SET n = n + :a + :a", a=number(1)), INVALID, 'Syntax error; token: "+"', "S"),
    Case("UpdateItem", update("SET s.q = :v", v=number(1)), INVALID, "document path provided in the update", "S"),
    Case("UpdateItem", update("SET x = :v", v={"SS": []}), INVALID, "may not be empty for key :v", "P"),
    Case("UpdateItem", update("SET x = :v", v={"SS": ["a", "a"]}), INVALID, 'collection ["a", "a"] contains', "P"),
    Case("UpdateItem", update("SET x = :v", v={"NULL": False}), INVALID, "must have the value of true", "P"),
    Case("UpdateItem", update("SET x = :v", v=number("dog")), INVALID, "converted to a numeric value: dog", "P"),
    Case("UpdateItem", update("SET x = :v", v=number("1" * 39)), INVALID, "more than 38 significant digits", "P"),
    Case("UpdateItem", update("SET x = :v", v=number("1e126")), INVALID, "Number overflow.", "P"),
    Case("PutItem", {"Item": {**ITEM, "g": number(1)}}, INVALID, f"IndexName: {INDEX}", "P"),
    Case("GetItem", {"Key": KEY, "ProjectionExpression": "m, m.b"}, INVALID, "path one: [m], path two: [m, b]", "P"),
    Case(
        "Query",
        {**query("pk = :p", p={"S": "a"}), "FilterExpression": "sk = :p"},
        INVALID,
        "Primary key attribute: sk",
        "P",
    ),
    Case("Query", query("pk = :p AND pk = :p", p={"S": "a"}), INVALID, "must only contain one condition per key", "P"),
    Case("Query", query("pk = :p AND sk = :s", p={"S": "a"}, s={"S": "1"}), INVALID, "does not match schema type", "P"),
    # Refused though AWS accepts.
    Case("Query", query(":s <= sk AND pk = :p", p={"S": "a"}, s=number(1)), "", "'Count': 1", "S"),
    # Another text or class.
    Case("Query", {**query("g = :p", p={"S": "a"}), "IndexName": "nope"}, INVALID, "the specified index: nope", "P"),
    Case("GetItem", {"Key": {"pk": {"S": "a"}}}, INVALID, "key element does not match the schema", "P"),
    Case("UpdateItem", update("SET l = LIST_APPEND(l, l)"), INVALID, "Invalid function name; function:", "S"),
    Case("UpdateItem", update("ADD n :s", s={"S": "a"}), INVALID, "operator: ADD, operand type: STRING", "P"),
    # Another effect.
    Case("UpdateItem", {**update("SET x = :v", v=number("1.50")), "ReturnValues": "UPDATED_NEW"}, "", "'1.5'", "P"),
    Case("UpdateItem", {**update("SET x = :v", v=number("1e3")), "ReturnValues": "UPDATED_NEW"}, "", "'1000'", "P"),
    Case(
        "UpdateItem",
        {**update("SET l[84] = :a, l[37] = :b", a=number(10), b=number(20)), "ReturnValues": "ALL_NEW"},
        "",
        "{'N': '3'}, {'N': '20'}, {'N': '10'}",
        "S",
    ),
    Case("Query", {**query("pk = :p", p={"S": "a"}), "Limit": 1}, "", "LastEvaluatedKey", "D"),
)


def answers(table: Ours | Moto, case: Case) -> bool:
    """Whether a table answers as AWS does."""
    table.ask("PutItem", Item=ITEM)
    code, members = table.ask(case.operation, **case.members)
    text = str(members.get("message") or members.get("Error", {}).get("Message") or members)
    return code == case.code and case.says in text


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.operation} {list(case.members.values())[1:2]}"[:60])
def test_client_tier_answers_as_aws_does(case: Case) -> None:
    assert answers(Ours(), case), Ours().ask(case.operation, **case.members)


@pytest.mark.slow
def test_moto_still_answers_otherwise() -> None:
    """Once moto answers as AWS does, its case moves to the requests that both answer alike."""
    moto = Moto()
    try:
        alike = [case for case in CASES if answers(moto, case)]
    finally:
        moto.close()
    assert alike == []
