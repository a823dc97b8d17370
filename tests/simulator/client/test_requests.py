"""Requests that DynamoDB accepts, and what they leave: conditions, updates, pages, batches and transactions."""

from decimal import Decimal
from typing import Any, Final

import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary

from drsim.simulator.client.forms import UnusualError, python_members, wire_asked, wire_members
from tests.simulator.client.tables import INDEX, NAME, Ours

KEY: Final = {"pk": {"S": "a"}, "sk": {"N": "1"}}
ITEM: Final[dict[str, Any]] = {
    **KEY,
    "n": {"N": "5"},
    "s": {"S": "text"},
    "b": {"B": b"xy"},
    "t": {"BOOL": True},
    "z": {"NULL": True},
    "l": {"L": [{"N": "1"}, {"S": "two"}, {"N": "3"}]},
    "m": {"M": {"b": {"N": "1"}, "deep": {"L": [{"M": {"x": {"S": "y"}}}]}}},
    "ss": {"SS": ["u", "v"]},
    "ns": {"NS": ["1", "2.5"]},
    "bs": {"BS": [b"1"]},
    "g": {"S": "one"},
}
VALUES: Final[dict[str, Any]] = {
    "five": {"N": "5"},
    "one": {"N": "1"},
    "text": {"S": "text"},
    "te": {"S": "te"},
    "u": {"S": "u"},
    "xy": {"B": b"xy"},
    "x": {"B": b"x"},
    "list": {"L": [{"N": "9"}]},
    "map": {"M": {"x": {"S": "y"}}},
    "set": {"SS": ["v", "w"]},
    "kind": {"S": "SS"},
    "yes": {"BOOL": True},
    "none": {"NULL": True},
}


def asked(text: str) -> dict[str, Any]:
    """The values that an expression uses."""
    words = {word.strip("(),") for word in text.replace("(", " ").split()}
    used = {f":{name}": value for name, value in VALUES.items() if f":{name}" in words}
    return {"ExpressionAttributeValues": used} if used else {}


def table() -> Ours:
    ours = Ours()
    assert ours.ask("PutItem", Item=ITEM) == ("", {})
    return ours


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("n = :five AND s <> :te", True),
        ("n < :five OR n >= :five", True),
        ("NOT n > :one", False),
        ("n BETWEEN :one AND :five", True),
        ("s IN (:te, :text)", True),
        ("s IN (:te)", False),
        ("nothing IN (:te)", False),
        ("nothing < :one", False),
        ("nothing <> :one", True),
        ("nothing BETWEEN :one AND :five", False),
        ("attribute_exists(m.deep[0].x) AND attribute_not_exists(l[3])", True),
        ("attribute_not_exists(m.deep.x)", True),
        ("attribute_type(ss, :kind)", True),
        ("attribute_type(nothing, :kind)", False),
        ("begins_with(s, :te) AND begins_with(b, :x)", True),
        ("begins_with(n, :te) OR begins_with(nothing, :te)", False),
        ("contains(s, :te) AND contains(ss, :u) AND contains(b, :x)", True),
        ("contains(l, :one) AND NOT contains(l, :five)", True),
        ("contains(nothing, :one) OR contains(n, :one) OR contains(m, :one)", False),
        ("size(s) = :five OR size(l) > :one", True),
        ("size(n) = :one OR size(nothing) = :one", False),
        ("m.deep[0] = :map AND t = :yes AND z = :none", True),
        ("l = :list OR m = :map OR t = :one", False),
        ("(n = :five) and (s = :text or n = :one)", True),
    ],
)
def test_conditions_hold_or_not(condition: str, holds: bool) -> None:
    code, _ = table().ask("PutItem", Item=ITEM, ConditionExpression=condition, **asked(condition))
    assert code == ("" if holds else "ConditionalCheckFailedException")


@pytest.mark.parametrize(
    ("update", "name", "after"),
    [
        ("SET n = n + :one", "n", {"N": "6"}),
        ("SET n = :five - :one", "n", {"N": "4"}),
        ("SET y = if_not_exists(y, :one)", "y", {"N": "1"}),
        ("SET y = if_not_exists(n, :one)", "y", {"N": "5"}),
        ("SET l = list_append(:list, l)", "l", {"L": [{"N": "9"}, {"N": "1"}, {"S": "two"}, {"N": "3"}]}),
        ("SET l[1] = :five REMOVE l[0]", "l", {"L": [{"N": "5"}, {"N": "3"}]}),
        ("SET m.b = :text, m.c = l", "m", {"M": {"b": {"S": "text"}, "deep": ITEM["m"]["M"]["deep"], "c": ITEM["l"]}}),
        ("REMOVE m.deep[0].x, nothing, l[7]", "m", {"M": {"b": {"N": "1"}, "deep": {"L": [{"M": {}}]}}}),
        ("ADD n :one, ss :set", "ss", {"SS": ["u", "v", "w"]}),
        ("ADD y :set", "y", {"SS": ["v", "w"]}),
        ("DELETE ss :set", "ss", {"SS": ["u"]}),
        ("DELETE y :set", "y", None),
        ("SET s = n, n = s", "n", {"S": "text"}),
    ],
)
def test_updates_change_what_they_name(update: str, name: str, after: object) -> None:
    ours = table()
    code, answer = ours.ask("UpdateItem", Key=KEY, UpdateExpression=update, ReturnValues="ALL_NEW", **asked(update))
    assert (code, answer["Attributes"].get(name)) == ("", after)
    assert ours.ask("GetItem", Key=KEY)[1]["Item"].get(name) == after


@pytest.mark.parametrize(
    ("update", "says"),
    [
        ("SET n = y", "refers to an attribute that does not exist in the item"),
        ("SET y.z = :one", "document path provided in the update expression is invalid"),
        ("SET n = s + :one", "An operand in the update expression has an incorrect data type"),
        ("SET n = list_append(n, l)", "An operand in the update expression has an incorrect data type"),
        ("ADD s :one", "An operand in the update expression has an incorrect data type"),
        ("DELETE ss :one", "operator: DELETE, operand type: NUMBER"),
        ("SET n = n + :te", "operator or function: +, operand type: S"),
        ("SET n = list_append(:one, l)", "operator or function: list_append, operand type: N"),
        ("SET pk = :te", "Cannot update attribute pk. This attribute is part of the key"),
        ("SET g = :one", "Type mismatch for Index Key g Expected: S Actual: N"),
        ("SET n = :one SET s = :te", 'The "SET" section can only be used once'),
        ("SET size = :one", "Attribute name is a reserved keyword; reserved keyword: size"),
        ("SET n = contains(s, :te)", "The function is not allowed in an update expression; function: contains"),
        ("SET n = if_not_exists(:one, :five)", "Operator or function requires a document path"),
        ("SET l[x] = :one", 'Syntax error; token: "x"'),
    ],
)
def test_wrong_updates_leave_the_item_alone(update: str, says: str) -> None:
    ours = table()
    code, answer = ours.ask("UpdateItem", Key=KEY, UpdateExpression=update, **asked(update))
    assert code == "ValidationException"
    assert says in answer["message"]
    assert ours.ask("GetItem", Key=KEY)[1]["Item"] == ITEM


def test_pages_end_at_limits_and_go_on_behind_them() -> None:
    ours = table()
    for number in range(2, 6):
        ours.ask("PutItem", Item={**KEY, "sk": {"N": str(number)}, "g": {"S": "one"}})
    query = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "a"}}}
    page = ours.ask("Query", Limit=2, ScanIndexForward=False, ReturnConsumedCapacity="TOTAL", **query)[1]
    assert [item["sk"]["N"] for item in page["Items"]] == ["5", "4"]
    assert page["ConsumedCapacity"] == {"TableName": NAME, "CapacityUnits": 0.5}
    ours.ask("DeleteItem", Key={**KEY, "sk": {"N": "4"}})
    again = ours.ask("Query", ScanIndexForward=False, ExclusiveStartKey=page["LastEvaluatedKey"], **query)[1]
    assert [item["sk"]["N"] for item in again["Items"]] == ["3", "2", "1"]
    index = {"IndexName": INDEX, "KeyConditionExpression": "g = :p", "ExpressionAttributeValues": {":p": {"S": "one"}}}
    first = ours.ask("Query", Limit=1, ReturnConsumedCapacity="INDEXES", **index)[1]
    assert set(first["LastEvaluatedKey"]) == {"pk", "sk", "g"}
    assert first["ConsumedCapacity"]["GlobalSecondaryIndexes"] == {INDEX: {"CapacityUnits": 0.5}}
    assert ours.ask("Query", ExclusiveStartKey=first["LastEvaluatedKey"], **index)[1]["Count"] == 3
    segments = [ours.ask("Scan", Segment=number, TotalSegments=2)[1]["Count"] for number in range(2)]
    assert sum(segments) == 4
    refused: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("Scan", {"Segment": 1}, "The TotalSegments parameter is required"),
        ("Scan", {"Segment": 2, "TotalSegments": 2}, "zero-based"),
        ("Query", {**index, "ConsistentRead": True}, "Consistent reads are not supported"),
        ("Query", {**query, "ExclusiveStartKey": {"pk": {"S": "b"}, "sk": {"N": "1"}}}, "outside query boundaries"),
        ("Query", {**query, "ExclusiveStartKey": {"pk": {"S": "a"}}}, "The provided starting key is invalid"),
        ("Query", {**query, "Select": "ALL_PROJECTED_ATTRIBUTES"}, "only when Querying using an IndexName"),
        ("Scan", {"Select": "SPECIFIC_ATTRIBUTES"}, "Must specify the AttributesToGet"),
        ("Scan", {"Select": "COUNT", "ProjectionExpression": "n"}, "Cannot specify the ProjectionExpression"),
        ("Query", {}, "KeyConditionExpression parameter must be specified"),
    )
    for operation, members, says in refused:
        code, answer = ours.ask(operation, **members)
        assert (code, says in answer["message"]) == ("ValidationException", True), (operation, members, answer)


def test_batches_and_transactions_change_all_or_nothing() -> None:
    ours = table()
    other = {**KEY, "sk": {"N": "2"}}
    put, drop = {"PutRequest": {"Item": other}}, {"DeleteRequest": {"Key": KEY}}
    assert ours.ask("BatchWriteItem", RequestItems={NAME: [put, drop]}) == ("", {"UnprocessedItems": {}})
    found = ours.ask("BatchGetItem", RequestItems={NAME: {"Keys": [KEY, other]}})[1]
    assert found == {"Responses": {NAME: [other]}, "UnprocessedKeys": {}}
    assert ours.ask("BatchWriteItem", RequestItems={NAME: [put, put]})[0] == "ValidationException"
    assert ours.ask("BatchWriteItem", RequestItems={NAME: [put] * 26})[0] == "ValidationException"
    assert ours.ask("BatchWriteItem", RequestItems={})[0] == "ValidationException"
    assert ours.ask("BatchGetItem", RequestItems={NAME: {"Keys": [KEY, KEY]}})[0] == "ValidationException"
    update = {"TableName": NAME, "Key": KEY, "UpdateExpression": "SET n = :one", **asked("SET n = :one")}
    delete = {"TableName": NAME, "Key": other, "ConditionExpression": "attribute_exists(n)"}
    writes = [{"Update": update}, {"Delete": delete}]
    code, answer = ours.ask("TransactWriteItems", TransactItems=writes)
    assert (code, [each["Code"] for each in answer["CancellationReasons"]]) == (
        "TransactionCanceledException",
        ["None", "ConditionalCheckFailed"],
    )
    del delete["ConditionExpression"]
    assert ours.ask("TransactWriteItems", TransactItems=writes, ClientRequestToken="t") == ("", {})
    assert ours.ask("TransactWriteItems", TransactItems=writes, ClientRequestToken="t") == ("", {})
    assert ours.ask("TransactWriteItems", TransactItems=writes[:1], ClientRequestToken="t")[0].startswith("Idempotent")
    got = [{"Get": {"TableName": NAME, "Key": key}} for key in (KEY, other)]
    assert ours.ask("TransactGetItems", TransactItems=got)[1]["Responses"] == [{"Item": {**KEY, "n": {"N": "1"}}}, {}]
    assert ours.ask("TransactGetItems", TransactItems=[got[0], got[0]])[0] == "ValidationException"
    described = ours.ask("DescribeTable")[1]["Table"]
    assert (described["ItemCount"], described["GlobalSecondaryIndexes"][0]["IndexName"]) == (1, INDEX)
    assert ours.ask("ListTables")[1] == {"TableNames": [NAME]}


def test_resources_are_converted_in_one_pass() -> None:
    request = wire_asked(
        {
            "TableName": NAME,
            "Key": {"pk": "a", "sk": 1},
            "FilterExpression": Attr("n").gt(Decimal("0.5")) & Attr("b").eq(b"x"),
            "KeyConditionExpression": Key("pk").eq("a"),
        }
    )
    assert request["Key"] == {"pk": {"S": "a"}, "sk": {"N": "1"}}
    assert request["FilterExpression"] == "(#n0 > :v0 AND #n1 = :v1)"
    assert request["KeyConditionExpression"] == "#n2 = :v2"
    values = {":v0": {"N": "0.5"}, ":v1": {"B": b"x"}, ":v2": {"S": "a"}}
    assert (request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]) == (
        {"#n0": "n", "#n1": "b", "#n2": "pk"},
        values,
    )
    refused: tuple[dict[str, Any], ...] = (
        {"Key": {"n": 0.5}},
        {"Key": {"m": {1: "x"}}},
        {"Item": []},
        {"RequestItems": {}},
    )
    for unusual in refused:
        with pytest.raises(UnusualError):
            wire_asked(unusual)
    held = {"a": 1, "b": Decimal("0.5"), "c": b"x", "d": {"v", "u"}, "e": [None, True, {"f": "g"}]}
    shown = python_members({"Items": [held], "LastEvaluatedKey": {"a": 1}, "Count": 1})
    python = {"a": Decimal(1), "b": Decimal("0.5"), "c": Binary(b"x"), "d": {"u", "v"}, "e": [None, True, {"f": "g"}]}
    assert shown == {"Items": [python], "LastEvaluatedKey": {"a": Decimal(1)}, "Count": 1}
    assert wire_members({"Item": held, "Responses": {NAME: [{"a": 1}]}}) == {
        "Item": {
            "a": {"N": "1"},
            "b": {"N": "0.5"},
            "c": {"B": b"x"},
            "d": {"SS": ["u", "v"]},
            "e": {"L": [{"NULL": True}, {"BOOL": True}, {"M": {"f": {"S": "g"}}}]},
        },
        "Responses": {NAME: [{"a": {"N": "1"}}]},
    }


def test_batches_and_transactions_give_the_capacity_that_is_asked_for() -> None:
    ours, total = table(), {"ReturnConsumedCapacity": "TOTAL"}
    big = {"pk": {"S": "b"}, "sk": {"N": "1"}, "s": {"S": "x" * 5000}}
    other = {"pk": {"S": "c"}, "sk": {"N": "1"}}
    put = {NAME: [{"PutRequest": {"Item": big}}, {"PutRequest": {"Item": {**other, "g": {"S": "one"}}}}]}
    written = ours.ask("BatchWriteItem", RequestItems=put, ReturnConsumedCapacity="INDEXES")[1]
    # 5 KB and a little more, a small item, and its entry in the index.
    shown = {"Table": {"CapacityUnits": 6.0}, "GlobalSecondaryIndexes": {INDEX: {"CapacityUnits": 1.0}}}
    assert written["ConsumedCapacity"] == [{"TableName": NAME, "CapacityUnits": 7.0, **shown}]
    keys = [{name: item[name] for name in ("pk", "sk")} for item in (big, other, {**other, "sk": {"N": "9"}})]
    # 2 blocks of 4 KB, a small item, and a missing one.
    for strong, units in ((False, 2.0), (True, 4.0)):
        asked_for = {NAME: {"Keys": keys, "ConsistentRead": strong}}
        read = ours.ask("BatchGetItem", RequestItems=asked_for, **total)[1]
        assert read["ConsumedCapacity"] == [{"TableName": NAME, "CapacityUnits": units}]
    gets = [{"Get": {"TableName": NAME, "Key": key}} for key in keys]
    read = ours.ask("TransactGetItems", TransactItems=gets, **total)[1]
    assert read["ConsumedCapacity"] == [{"TableName": NAME, "CapacityUnits": 8.0, "ReadCapacityUnits": 8.0}]
    check = {"TableName": NAME, "Key": keys[0], "ConditionExpression": "attribute_exists(s)"}
    moved = {"TableName": NAME, "Item": {**other, "g": {"S": "two"}}}
    once = {"TransactItems": [{"ConditionCheck": check}, {"Put": moved}], "ClientRequestToken": "one", **total}
    # Twice 5 units for the check, 1 for the item, and 2 for an entry of the index that moves.
    written = ours.ask("TransactWriteItems", **once)[1]
    assert written["ConsumedCapacity"] == [{"TableName": NAME, "CapacityUnits": 16.0, "WriteCapacityUnits": 16.0}]
    repeated = ours.ask("TransactWriteItems", **once)[1]
    assert repeated["ConsumedCapacity"] == [{"TableName": NAME, "CapacityUnits": 6.0, "ReadCapacityUnits": 6.0}]
    assert "ConsumedCapacity" not in ours.ask("BatchGetItem", RequestItems={NAME: {"Keys": keys}})[1]


def test_writes_use_units_of_indexes_only_if_their_entries_change() -> None:
    ours = table()
    key = {"pk": {"S": "c"}, "sk": {"N": "1"}}

    def units(**members: Any) -> tuple[float, Any]:
        found = ours.ask("PutItem", ReturnConsumedCapacity="INDEXES", **members)[1]["ConsumedCapacity"]
        return found["CapacityUnits"], found.get("GlobalSecondaryIndexes")

    assert units(Item=key) == (1.0, None)
    assert units(Item={**key, "g": {"S": "one"}}) == (2.0, {INDEX: {"CapacityUnits": 1.0}})
    assert units(Item={**key, "g": {"S": "one"}}) == (1.0, None)
    assert units(Item={**key, "g": {"S": "two"}}) == (3.0, {INDEX: {"CapacityUnits": 2.0}})
    assert units(Item=key) == (2.0, {INDEX: {"CapacityUnits": 1.0}})
