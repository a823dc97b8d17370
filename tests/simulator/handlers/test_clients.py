"""What code can observe of boto3's clients: the same in the client tier, which sends nothing, as in the wire tier."""

from pathlib import Path

import pytest

from drsim.simulator.client import boundary
from tests.simulator.handlers.test_handlers import run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tier")]

TABLE = "drs-orchestration-execution-history-test"
HEAD = f"""\
import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from botocore.stub import Stubber

TABLE = "{TABLE}"
KEY = {{"ExecutionId": {{"S": "e"}}, "PlanId": {{"S": "p"}}}}
ITEM = {{**KEY, "Status": {{"S": "NEW"}}, "StartTime": {{"N": "1"}}}}

def said(call, *arguments, **keywords):
    try:
        call(*arguments, **keywords)
    except Exception as error:
        print(f"{{type(error).__name__}}: {{error}}".replace("\\n", " "))
        return error

def handler(event, context):
    client = boto3.client("dynamodb")
"""


def lines(folder: Path, *code: str, faults: str = "") -> list[str]:
    """What a finder prints that runs this code once."""
    body = "".join(f"    {line}\n" for text in code for line in text.splitlines())
    changes = (f"faults=[{faults}]",) if faults else ()
    return run(folder, HEAD + body, *changes, duration="50s").lines


def test_events_are_emitted_in_their_order_and_may_change_the_call(tmp_path: Path) -> None:
    code = """\
def note(event_name, **about):
    print(event_name.partition(".")[0], sorted(about))
for event in ("provide-client-params", "before-parameter-build", "before-call", "after-call"):
    client.meta.events.register(f"{event}.dynamodb", note)
def shorter(params, **_):
    return {**params, "Key": KEY}
client.meta.events.register("provide-client-params.dynamodb.GetItem", shorter)
print(sorted(client.get_item(TableName=TABLE, Key={"no": {"S": "key"}})))
client.meta.events.unregister("provide-client-params.dynamodb.GetItem", shorter)
said(client.get_item, TableName=TABLE, Key={"no": {"S": "key"}})
"""
    noted = [
        "provide-client-params ['context', 'model', 'params']",
        "before-parameter-build ['context', 'model', 'params']",
        "before-call ['context', 'model', 'params', 'request_signer']",
        "after-call ['context', 'http_response', 'model', 'parsed']",
    ]
    found = lines(tmp_path, code)
    assert found[:5] == [*noted, "['ResponseMetadata']"]
    assert found[5:9] == noted
    assert found[9].startswith(
        "ClientError: An error occurred (ValidationException) when calling the GetItem operation"
    )


def test_a_stubbed_client_answers_itself(tmp_path: Path) -> None:
    code = """\
with Stubber(client) as stub:
    stub.add_response("get_item", {"Item": {"a": {"S": "b"}}}, {"TableName": TABLE, "Key": KEY})
    stub.add_client_error("put_item", "ThrottlingException", "slowly", 400)
    print(client.get_item(TableName=TABLE, Key=KEY)["Item"])
    said(client.put_item, TableName=TABLE, Item=ITEM)
print("Item" in client.get_item(TableName=TABLE, Key=KEY))
"""
    error = "An error occurred (ThrottlingException) when calling the PutItem operation: slowly"
    assert lines(tmp_path, code) == ["{'a': {'S': 'b'}}", f"ThrottlingException: {error}", "False"]


def test_wrong_parameters_are_refused_in_botocores_words(tmp_path: Path) -> None:
    code = """\
said(client.get_item, TableName=TABLE)
said(client.get_item, TableName=TABLE, Key={"ExecutionId": {"S": 1}})
said(client.get_item, TableName=TABLE, Key={"ExecutionId": "text"})
said(client.query, TableName=TABLE, Limit=0, Nothing=1)
said(client.get_item, TABLE)
said(boto3.resource("dynamodb").Table(TABLE).put_item, Item={"ExecutionId": "e", "PlanId": "p", "n": 0.5})
"""
    failed = "ParamValidationError: Parameter validation failed:"
    kinds = "Invalid type for parameter Key.ExecutionId.S, value: 1, type: <class 'int'>, valid types: <class 'str'>"
    known = 'Unknown parameter in input: "Nothing", must be one of: TableName, IndexName'
    found = lines(tmp_path, code)
    assert found[:2] == [f'{failed} Missing required parameter in input: "Key"', f"{failed} {kinds}"]
    text = "Invalid type for parameter Key.ExecutionId, value: text, type: <class 'str'>, valid types: <class 'dict'>"
    assert found[2] == f"{failed} {text}"
    assert known in found[3]
    assert "Invalid value for parameter Limit, value: 0, valid min value: 1" in found[3]
    assert found[4] == "TypeError: get_item() only accepts keyword arguments."
    assert found[5] == "TypeError: Float types are not supported. Use Decimal types instead."


def test_errors_have_modelled_classes_and_members(tmp_path: Path) -> None:
    code = """\
client.put_item(TableName=TABLE, Item=ITEM)
new = {"ConditionExpression": "attribute_not_exists(ExecutionId)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
error = said(client.put_item, TableName=TABLE, Item=ITEM, **new)
print(isinstance(error, client.exceptions.ConditionalCheckFailedException), isinstance(error, ClientError))
print(error.operation_name, error.response["Error"]["Code"], error.response["Item"]["Status"])
print(error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["ResponseMetadata"]["RetryAttempts"])
print(hasattr(client.exceptions, "ValidationException"))
other = boto3.Session().client("dynamodb")
print(isinstance(error, other.exceptions.ConditionalCheckFailedException))
print(isinstance(error, boto3.client("dynamodb").exceptions.ConditionalCheckFailedException))
said(boto3.client("drs").describe_job_log_items, jobID="x" * 24)
"""
    text = "An error occurred (ConditionalCheckFailedException) when calling the PutItem operation"
    found = lines(tmp_path, code)
    assert found[0] == f"ConditionalCheckFailedException: {text}: The conditional request failed"
    assert found[1:7] == [
        "True True",
        "PutItem ConditionalCheckFailedException {'S': 'NEW'}",
        "400 0",
        "False",
        "False",
        "True",
    ]
    assert found[7].startswith("ValidationException: An error occurred (ValidationException) when calling the Descr")


@pytest.mark.parametrize(
    ("config", "retries"),
    [
        ("Config()", 3),
        ("Config(retries={'max_attempts': 1})", 1),
        ("Config(retries={'total_max_attempts': 1})", 0),
        ("Config(retries={'mode': 'legacy', 'max_attempts': 2})", 2),
    ],
)
def test_clients_retry_as_their_configuration_says(tmp_path: Path, config: str, retries: int) -> None:
    code = f"""\
import time
client = boto3.client("dynamodb", config={config})
begun = time.time()
error = said(client.query, TableName=TABLE, IndexName="StatusIndex", KeyConditionExpression="#s = :s",
             ExpressionAttributeNames={{"#s": "Status"}}, ExpressionAttributeValues={{":s": {{"S": "POLLING"}}}})
print(error.response["ResponseMetadata"]["RetryAttempts"], error.response["ResponseMetadata"].get("MaxAttemptsReached"))
print(time.time() > begun)
"""
    fault = "{fault: throttled, operation: Query}"
    name = "ProvisionedThroughputExceededException"
    found = lines(tmp_path, code, faults=fault)
    assert found[0].startswith(f"{name}: An error occurred ({name}) when calling the Query operation (reached max")
    assert f"(reached max retries: {retries}): " in found[0]
    assert found[1:] == [f"{retries} True", "True"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("answer-lost", "ConnectionClosedError: Connection was closed before we received a valid response"),
        ("timed-out", "ReadTimeoutError: Read timeout"),
    ],
)
def test_failures_of_the_network_are_botocores_own(tmp_path: Path, fault: str, error: str) -> None:
    code = """\
from botocore.exceptions import HTTPClientError
client = boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 2}))
client.meta.events.register("after-call-error", lambda exception, **_: print(type(exception).__name__))
failed = said(client.get_item, TableName=TABLE, Key=KEY)
print(isinstance(failed, HTTPClientError), isinstance(failed, ClientError))
"""
    name, _, text = error.partition(": ")
    found = lines(tmp_path, code, faults=f"{{fault: {fault}, operation: GetItem}}")
    assert found[0] == name
    assert found[1].startswith(f"{name}: {text}")
    assert 'endpoint URL: "https://dynamodb.us-east-1.amazonaws.com/"' in found[1]
    assert found[2] == "True False"


def test_retry_quota_belongs_to_one_client(tmp_path: Path) -> None:
    code = """\
asked = {"TableName": TABLE, "IndexName": "StatusIndex", "KeyConditionExpression": "#s = :s"}
asked |= {"ExpressionAttributeNames": {"#s": "Status"}, "ExpressionAttributeValues": {":s": {"S": "POLLING"}}}
for _ in range(40):
    said(client.query, **asked)
print(said(client.query, **asked).response["ResponseMetadata"].get("RetryQuotaReached"))
print(said(boto3.client("dynamodb").query, **asked).response["ResponseMetadata"].get("RetryQuotaReached"))
"""
    fault = "{fault: server-error, operation: Query}"
    found = [line for line in lines(tmp_path, code, faults=fault) if not line.startswith("InternalServerError")]
    assert found == ["True", "None"]


def test_paginators_waiters_resources_and_batches_work(tmp_path: Path) -> None:
    code = """\
import time
client.get_waiter("table_exists").wait(TableName=TABLE)
table = boto3.resource("dynamodb").Table(TABLE)
with table.batch_writer() as batch:
    for number in range(30):
        item = {"ExecutionId": f"e-{number:02}", "PlanId": "p", "Status": "NEW", "StartTime": number, "n": number}
        batch.put_item(Item=item)
time.sleep(10)
asked = {"IndexName": "StatusIndex", "KeyConditionExpression": Key("Status").eq("NEW") & Key("StartTime").between(5, 9)}
print([str(item["StartTime"]) for item in table.query(**asked, ScanIndexForward=False)["Items"]])
pages = client.get_paginator("scan").paginate(TableName=TABLE, PaginationConfig={"PageSize": 7, "MaxItems": 16})
print([len(page["Items"]) for page in pages], "NextToken" in pages.build_full_result())
kept = table.query(IndexName="StatusIndex", KeyConditionExpression=Key("Status").eq("NEW"),
                   FilterExpression=Attr("n").gt(27) | Attr("no").exists(), ProjectionExpression="ExecutionId")
print(kept["Items"], kept["Count"], kept["ScannedCount"])
table.update_item(Key={"ExecutionId": "e-00", "PlanId": "p"}, UpdateExpression="SET tags = :t, m = :m",
                  ExpressionAttributeValues={":t": {"b", "a"}, ":m": {"list": [1, None, True, b"x"]}})
item = table.get_item(Key={"ExecutionId": "e-00", "PlanId": "p"}, ConsistentRead=True)["Item"]
print(sorted(item["tags"]), item["m"]["list"], type(item["StartTime"]).__name__)
item["m"]["list"].clear()
print(len(table.get_item(Key={"ExecutionId": "e-00", "PlanId": "p"}, ConsistentRead=True)["Item"]["m"]["list"]))
"""
    assert lines(tmp_path, code) == [
        "['9', '8', '7', '6', '5']",
        "[7, 7, 2] True",
        "[{'ExecutionId': 'e-28'}, {'ExecutionId': 'e-29'}] 2 30",
        "['a', 'b'] [Decimal('1'), None, True, Binary(b'x')] Decimal",
        "4",
    ]


def test_what_wraps_the_clients_method_sees_each_call(tmp_path: Path) -> None:
    """As tracers do: they replace the method of the class, and read its arguments by their places."""
    code = """\
from botocore.client import BaseClient
inner = BaseClient._make_api_call
def traced(*arguments):
    print(arguments[1], sorted(arguments[2]))
    return inner(*arguments)
BaseClient._make_api_call = traced
try:
    print(client.get_item(TableName=TABLE, Key=KEY)["ResponseMetadata"]["HTTPStatusCode"])
finally:
    BaseClient._make_api_call = inner
"""
    assert lines(tmp_path, code) == ["GetItem ['Key', 'TableName']", "200"]


def test_transactions_and_batches_are_whole(tmp_path: Path) -> None:
    code = """\
put = {"Put": {"TableName": TABLE, "Item": ITEM}}
other = {**KEY, "PlanId": {"S": "q"}}
check = {"ConditionCheck": {"TableName": TABLE, "Key": other, "ConditionExpression": "attribute_exists(PlanId)"}}
error = said(client.transact_write_items, TransactItems=[put, check])
print([reason["Code"] for reason in error.response["CancellationReasons"]])
print("Item" in client.get_item(TableName=TABLE, Key=KEY, ConsistentRead=True))
client.transact_write_items(TransactItems=[put], ClientRequestToken="once")
client.transact_write_items(TransactItems=[put], ClientRequestToken="once")
found = client.transact_get_items(TransactItems=[{"Get": {"TableName": TABLE, "Key": KEY}}])
print(found["Responses"][0]["Item"]["Status"])
found = client.batch_get_item(RequestItems={TABLE: {"Keys": [KEY, other], "ProjectionExpression": "PlanId"}})
print(found["Responses"], found["UnprocessedKeys"])
print(client.batch_write_item(RequestItems={TABLE: [{"DeleteRequest": {"Key": KEY}}]})["UnprocessedItems"])
"""
    found = lines(tmp_path, code)
    assert found[0].startswith("TransactionCanceledException: An error occurred (TransactionCanceledException)")
    assert found[1:] == [
        "['None', 'ConditionalCheckFailed']",
        "False",
        "{'S': 'NEW'}",
        f"{{'{TABLE}': [{{'PlanId': {{'S': 'p'}}}}]}} {{}}",
        "{}",
    ]


def test_adaptive_retries_limit_the_rate_in_virtual_time(tmp_path: Path) -> None:
    """After the first throttle botocore sends half a request a second, and more with each success."""
    code = """\
import time
client = boto3.client("dynamodb", config=Config(retries={"mode": "adaptive", "total_max_attempts": 2}))
asked = {"TableName": TABLE, "IndexName": "StatusIndex", "KeyConditionExpression": "#s = :s"}
asked |= {"ExpressionAttributeNames": {"#s": "Status"}, "ExpressionAttributeValues": {":s": {"S": "POLLING"}}}
begun = time.time()
error = said(client.query, **asked)
print(error.response["ResponseMetadata"]["RetryAttempts"])
for _ in range(3):
    client.get_item(TableName=TABLE, Key=KEY)
print(4 < time.time() - begun < 30)
begun = time.time()
boto3.client("dynamodb").get_item(TableName=TABLE, Key=KEY)
print(time.time() - begun < 1)
"""
    found = lines(tmp_path, code, faults="{fault: throttled, operation: Query}")
    assert found[0].startswith("ProvisionedThroughputExceededException")
    assert found[1:] == ["1", "True", "True"]


def test_values_of_enums_and_pages_of_a_shrinking_table_are_read(tmp_path: Path) -> None:
    code = """\
import enum
class Word(str, enum.Enum):
    NEW = "NEW"
for number in range(4):
    item = {**ITEM, "PlanId": {"S": f"p{number}"}, "Status": {"S": Word.NEW}}
    client.put_item(TableName=TABLE, Item=item)
seen, start = 0, {}
while True:
    page = client.scan(TableName=TABLE, Limit=1, **start)
    for item in page["Items"]:
        seen += 1
        client.delete_item(TableName=TABLE, Key={name: item[name] for name in KEY})
    if "LastEvaluatedKey" not in page:
        break
    start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
print(seen, item["Status"])
client.update_item(TableName=TABLE, Key=KEY, UpdateExpression="REMOVE Note")
print(client.get_item(TableName=TABLE, Key=KEY, ConsistentRead=True).get("Item"))
"""
    found = lines(tmp_path, code)
    assert found[0] == "4 {'S': 'NEW'}"
    # moto creates the item.
    assert found[1] in ("None", str({"ExecutionId": {"S": "e"}, "PlanId": {"S": "p"}}))


@pytest.mark.parametrize("tier", ["client"], indirect=True)
def test_a_cancelled_transaction_leaves_its_token_free(tmp_path: Path) -> None:
    code = """\
check = {"ConditionCheck": {"TableName": TABLE, "Key": KEY, "ConditionExpression": "attribute_exists(PlanId)"}}
put = {"Put": {"TableName": TABLE, "Item": {**ITEM, "PlanId": {"S": "q"}}}}
said(client.transact_write_items, TransactItems=[put, check], ClientRequestToken="one")
client.put_item(TableName=TABLE, Item=ITEM)
client.transact_write_items(TransactItems=[put, check], ClientRequestToken="one")
print("Item" in client.get_item(TableName=TABLE, Key={**KEY, "PlanId": {"S": "q"}}, ConsistentRead=True))
put["Put"]["Item"]["Status"] = {"S": "OTHER"}
print(type(said(client.transact_write_items, TransactItems=[put, check], ClientRequestToken="one")).__name__)
"""
    found = [line for line in lines(tmp_path, code) if ": An error" not in line]
    assert found == ["True", "IdempotentParameterMismatchException"]


def test_handlers_of_a_session_belong_to_its_clients(tmp_path: Path) -> None:
    code = """\
def session(name):
    made = boto3.Session()
    made.events.register("provide-client-params.dynamodb", lambda **_: print(name))
    return made
one, two = session("one"), session("two")
one.client("dynamodb").get_item(TableName=TABLE, Key=KEY)
two.client("dynamodb").get_item(TableName=TABLE, Key=KEY)
client.get_item(TableName=TABLE, Key=KEY)
"""
    assert lines(tmp_path, code) == ["one", "two"]


@pytest.mark.parametrize("tier", ["client"], indirect=True)
def test_what_wraps_the_method_goes_with_the_run(tmp_path: Path) -> None:
    code = """\
from botocore.client import BaseClient
inner = BaseClient._make_api_call
def traced(*arguments):
    print("traced")
    return inner(*arguments)
BaseClient._make_api_call = traced
client.get_item(TableName=TABLE, Key=KEY)
"""
    assert lines(tmp_path, code) == ["traced"]
    assert lines(tmp_path, "client.get_item(TableName=TABLE, Key=KEY)") == []


def test_code_that_ends_with_the_run_reaches_no_network(tmp_path: Path) -> None:
    """The run ends while the handler waits; closing the world unwinds it, and its `finally` calls once more."""
    code = """\
import time
try:
    time.sleep(55)
finally:
    client.get_item(TableName=TABLE, Key=KEY)
"""
    assert lines(tmp_path, code) == []


@pytest.mark.parametrize("tier", ["client"], indirect=True)
@pytest.mark.usefixtures("tier")
def test_clients_made_afresh_leave_nothing_behind(tmp_path: Path) -> None:
    """botocore makes a class for each client in `adaptive` mode. The wire tier keeps nothing of clients."""
    code = """\
client = boto3.client("dynamodb", config=Config(retries={"mode": "adaptive"}))
for _ in client.get_paginator("scan").paginate(TableName=TABLE):
    pass
"""
    counts = []
    for _ in range(3):
        lines(tmp_path, code)
        counts.append(len(boundary._operations))
    assert len({*counts}) == 1
