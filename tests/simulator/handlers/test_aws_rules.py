"""What AWS does with handlers' calls and clocks: sizes, sessions, time zone, retries, reads that are behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulator.handlers.test_handlers import ROOT, run

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("tier")]


def test_event_over_1_mb_is_refused_as_too_large(tmp_path: Path) -> None:
    finder = """\
import json

import boto3

def handler(event, context):
    for size in (1_048_576, 1_048_577):
        payload = json.dumps("x" * (size - 2))
        try:
            boto3.client("lambda").invoke(FunctionName="ExecutionPoller", InvocationType="Event", Payload=payload)
            print("accepted")
        except boto3.client("lambda").exceptions.RequestTooLargeException as error:
            print(error.response["ResponseMetadata"]["HTTPStatusCode"], error)
"""
    assert run(tmp_path, finder, duration="50s").lines == [
        "accepted",
        "413 An error occurred (RequestTooLargeException) when calling the Invoke operation: "
        "Request must be smaller than 1048576 bytes for the InvokeFunction operation",
    ]


LOCAL_TIMES = """\
import time
from datetime import datetime

def handler(event, context):
    now = time.time()
    print([time.mktime(time.gmtime(now)) - int(now), time.localtime(now).tm_hour - time.gmtime(now).tm_hour])
    print([time.timezone, time.tzname[0], str(datetime.fromtimestamp(0)), datetime.now().hour - time.gmtime().tm_hour])
"""


def test_handler_sees_utc_whatever_the_zone_of_the_host(tmp_path: Path) -> None:
    code = f"""\
import time
from pathlib import Path
from tests.simulator.handlers.test_aws_rules import LOCAL_TIMES, run
print(*run(Path({str(tmp_path)!r}), LOCAL_TIMES, duration="50s").lines, time.tzname[0], sep="; ")
"""
    host = {**os.environ, "TZ": "Asia/Tokyo"}
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=host, capture_output=True, text=True, check=True)
    assert ran.stdout == "[0.0, 0]; [0, 'UTC', '1970-01-01 00:00:00', 0]; JST\n"


SESSION = """\
import boto3
from botocore.exceptions import ClientError

role = boto3.client("sts").assume_role(
    RoleArn="arn:aws:iam::111122223333:role/any", RoleSessionName="any", DurationSeconds=900
)
credentials = {
    "aws_access_key_id": role["Credentials"]["AccessKeyId"],
    "aws_secret_access_key": role["Credentials"]["SecretAccessKey"],
    "aws_session_token": role["Credentials"]["SessionToken"],
}
calls = {
    "drs": "describe_jobs",
    "dynamodb": "list_tables",
    "sts": "get_caller_identity",
    "sns": "list_topics",
    "ec2": "describe_instances",
    "cloudwatch": "list_metrics",
}

def outcome(service, call):
    try:
        answer = getattr(boto3.client(service, **credentials), call)()
    except ClientError as error:
        answer = error.response
    code, text = [answer.get("Error", {}).get(name, "") for name in ("Code", "Message")]
    return f"{service} {answer['ResponseMetadata']['HTTPStatusCode']} {code} {text}".strip()

def handler(event, context):
    print("\\n".join(outcome(*each) for each in calls.items()))
"""


def test_calls_are_refused_after_the_session_of_an_assumed_role(tmp_path: Path) -> None:
    lines = run(tmp_path, SESSION, duration="16m10s").lines
    text = "The security token included in the request is expired"
    names = ["drs", "dynamodb", "sts", "sns", "ec2", "cloudwatch"]
    assert lines[:-6] == [f"{name} 200" for name in names] * 16
    assert lines[-6:] == [
        f"drs 403 ExpiredTokenException {text}",
        f"dynamodb 400 ExpiredTokenException {text}",
        f"sts 403 ExpiredToken {text}",
        f"sns 403 ExpiredToken {text}",
        f"ec2 403 ExpiredToken {text}",
        f"cloudwatch 403 ExpiredToken {text}",
    ]


def test_throttling_exhausts_a_client_that_makes_more_attempts(tmp_path: Path) -> None:
    finder = """\
import boto3
from boto3.dynamodb.conditions import Key
from botocore.config import Config
from botocore.exceptions import ClientError

modes = {mode: Config(retries={"mode": mode, "total_max_attempts": 5}) for mode in ("legacy", "standard")}

def handler(event, context):
    for mode, config in modes.items():
        table = boto3.resource("dynamodb", config=config).Table("drs-orchestration-execution-history-test")
        try:
            table.query(IndexName="StatusIndex", KeyConditionExpression=Key("Status").eq("POLLING"))
            print(mode, "answered")
        except ClientError as error:
            print(mode, error.response["ResponseMetadata"]["RetryAttempts"], "retries")
"""
    for attempts, first in (("", "4 retries"), (", attempts: 5", "4 retries"), (", attempts: 4", "answered")):
        seen = run(tmp_path, finder, f"faults=[{{fault: throttled, operation: Query{attempts}}}]", duration="50s")
        assert seen.lines == [f"legacy {first}", f"standard {first}"]


READS = """\
import boto3

dynamodb = boto3.client("dynamodb")
NAME = "drs-orchestration-execution-history-test"
KEY = {"ExecutionId": {"S": "mine"}, "PlanId": {"S": "plan"}}
written = []

def read(**options):
    item = dynamodb.get_item(TableName=NAME, Key=KEY, **options).get("Item")
    return None if item is None else int(item["Number"]["N"])

def handler(event, context):
    written.append(None)
    dynamodb.put_item(TableName=NAME, Item={**KEY, "Number": {"N": str(len(written))}})
    print(read(), read(ConsistentRead=True))
"""


@pytest.mark.parametrize(
    ("lag", "fault", "lines"),
    [
        ("0s", "", ["1 1", "2 2", "3 3"]),
        # As far behind as the index, by default up to a second.
        ("1s", "", ["None 1", "1 2", "2 3"]),
        ("0s", "stale-read, delay: 90s", ["None 1", "None 2", "1 3"]),
        ("0s", "stale-read, delay: 50s, run: 2", ["1 1", "1 2", "3 3"]),
    ],
)
def test_read_that_is_not_consistent_shows_an_earlier_version(
    tmp_path: Path, lag: str, fault: str, lines: list[str]
) -> None:
    faults = (f"faults=[{{fault: {fault}}}]",) if fault else ()
    assert run(tmp_path, READS, f"table.index_lag={lag}", *faults).lines == lines


SKEWED = """\
import time
from datetime import datetime, timezone

def handler(event, context):
    begun = datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    print(round(abs(time.time() - begun.timestamp()), -1), round(abs((datetime.now(timezone.utc) - begun).seconds), -1))
"""


def test_clock_of_an_environment_is_off_as_its_fault_says(tmp_path: Path) -> None:
    lines = run(tmp_path, SKEWED, "faults=[{fault: clock-skew, delay: 40s}]", duration="50s").lines
    assert lines in (["40.0 40"], ["40.0 86360"])
    assert run(tmp_path, SKEWED, duration="50s").lines == ["0.0 0"]
