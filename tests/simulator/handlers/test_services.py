"""What services answer to handlers: the same in the client tier, which answers some itself, as in the wire tier."""

from pathlib import Path

import pytest

from drsim.simulator.handlers.errors import NotSimulatedError
from tests.simulator.handlers.test_clients import lines

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tier")]


def test_other_services_answer(tmp_path: Path) -> None:
    code = """\
role = "arn:aws:iam::111122223333:role/drs"
found = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="finder")
keys = found["Credentials"]
print(found["AssumedRoleUser"]["Arn"], keys["AccessKeyId"][:4], keys["Expiration"].tzname())
session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
print(session.client("sts").get_caller_identity()["Account"], boto3.client("sts").get_caller_identity()["Account"])
entry = {"Source": "s", "DetailType": "t", "Detail": "{}"}
print(boto3.client("events").put_events(Entries=[entry])["FailedEntryCount"])
said(boto3.client("ssm").get_parameter, Name="/none")
said(boto3.client("sns").publish, TopicArn="arn:aws:sns:us-east-1:777788889999:none", Message="m")
print(boto3.client("drs").describe_jobs(filters={"jobIDs": ["drsjob-01234567890123456"]})["items"])
print(boto3.client("cloudwatch").put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1}]).keys())
"""
    found = lines(tmp_path, code)
    assert found[:3] == [
        "arn:aws:sts::111122223333:assumed-role/drs/finder ASIA UTC",
        "111122223333 777788889999",
        "0",
    ]
    assert found[3] == (
        "ParameterNotFound: An error occurred (ParameterNotFound) when calling the GetParameter operation: "
        "Parameter /none not found."
    )
    assert found[4].startswith("NotFoundException: An error occurred (NotFound) when calling the Publish operation")
    assert found[5:] == ["[]", "dict_keys(['ResponseMetadata'])"]


def test_answers_of_other_services_are_left_as_they_are(tmp_path: Path) -> None:
    code = """\
queue = boto3.client("sqs").create_queue(QueueName="ends")["QueueUrl"]
print(boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])["Attributes"])
boto3.client("ssm").put_parameter(Name="/new", Value="v", Type="String")
print(boto3.client("ssm").get_parameter(Name="/new")["Parameter"]["Value"])
machine = "arn:aws:states:us-east-1:777788889999:stateMachine:none"
error = said(boto3.client("stepfunctions").start_execution, stateMachineArn=machine)
print(error.response["Error"]["Code"])
"""
    found = lines(tmp_path, code)
    assert found[:2] == ["{'VisibilityTimeout': '30'}", "v"]
    assert found[-1] == "StateMachineDoesNotExist"


@pytest.mark.parametrize("tier", ["client"], indirect=True)
def test_wrong_requests_are_errors_of_their_services(tmp_path: Path) -> None:
    """Where moto answers otherwise than AWS, or breaks."""
    code = """\
said(client.get_item, TableName=TABLE, Key={**KEY, "ExecutionId": {"N": "abc"}})
deep = "(" * 1500 + "a = b" + ")" * 1500
said(client.put_item, TableName=TABLE, Item=ITEM, ConditionExpression=deep)
said(boto3.client("sts").assume_role, RoleArn="not an arn of twenty characters", RoleSessionName="finder")
events = boto3.client("events")
entry = {"Source": "s", "DetailType": "t", "Detail": "{}"}
found = events.put_events(Entries=[entry, {**entry, "Detail": "no json"}, {"Detail": "{}"}])
print(found["FailedEntryCount"], [each.get("ErrorCode") for each in found["Entries"]])
said(events.put_events, Entries=[entry] * 11)
"""
    found = lines(tmp_path, code)
    assert found[0].endswith("The parameter cannot be converted to a numeric value: abc")
    assert found[1].startswith(
        "ClientError: An error occurred (ValidationException) when calling the PutItem operation"
    )
    assert found[2].startswith("ClientError: An error occurred (ValidationError) when calling the AssumeRole operation")
    assert found[3] == "2 [None, 'MalformedDetail', 'InvalidArgument']"
    assert found[4].startswith("ClientError: An error occurred (ValidationException) when calling the PutEvents")


@pytest.mark.parametrize("tier", ["client"], indirect=True)
def test_metrics_that_are_not_kept_cannot_be_read_back(tmp_path: Path) -> None:
    code = """\
metrics = boto3.client("cloudwatch")
print(metrics.list_metrics()["Metrics"])
metrics.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1}])
try:
    metrics.list_metrics()
except Exception:
    print("a handler cannot hide it")
"""
    says = "ExecutionFinder calls cloudwatch ListMetrics after PutMetricData, .* use --tier wire"
    with pytest.raises(NotSimulatedError, match=says):
        lines(tmp_path, code)
    # Without metrics of its own, there is nothing to keep.
    assert lines(tmp_path, "print(boto3.client('cloudwatch').list_metrics()['Metrics'])") == ["[]"]


def test_what_a_function_did_before_a_service_moves_to_moto_is_not_lost(tmp_path: Path) -> None:
    code = """\
ssm, sns = boto3.client("ssm"), boto3.client("sns")
said(sns.publish, TopicArn="arn:aws:sns:us-east-1:777788889999:none", Message="m")
topic = sns.create_topic(Name="ends")["TopicArn"]
queue = boto3.client("sqs").create_queue(QueueName="ends")["QueueUrl"]
sns.publish(TopicArn=topic, Message="before the subscription")
sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:777788889999:ends")
sns.publish(TopicArn=topic, Message="after it")
messages = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
print(len(messages), "after it" in messages[0]["Body"])
ssm.put_parameter(Name="/mine", Value="v", Type="String")
print(ssm.get_parameters(Names=["/mine", "/none"])["InvalidParameters"])
"""
    assert lines(tmp_path, code)[1:] == ["1 True", "['/none']"]
