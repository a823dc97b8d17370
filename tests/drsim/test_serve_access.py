"""What `drsim serve` refuses: requests of other origins, without token or credentials, too large or unreadable."""

import signal
import socket
import time  # noqa: TID251 - how long a client waits, only the host's clock can tell
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from drsim.simulator.wire.access import Access, ForbiddenError, name_in
from tests.drsim.served import Served, serving

pytestmark = [pytest.mark.slow, pytest.mark.socket]


def signed(service: str, **headers: str) -> dict[str, str]:
    """The headers of a call, without a signature that anybody could check."""
    credential = f"Credential=any/20250101/us-east-1/{service}/aws4_request"
    signature = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=a"
    kind = "json" if service == "drs" else "x-amz-json-1.0"
    return {"Authorization": signature, "Content-Type": f"application/{kind}", **headers}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving("--paused", "--allow", "drsim.internal") as found:
        yield found


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"Host": "evil.test"}, "Host must be a loopback name or one of drsim serve --allow, got 'evil.test'"),
        ({"Host": "127.0.0.1.evil.test:5000"}, "Host must be"),
        ({"Host": "localhost@evil.test"}, "Host must be"),
        ({"Host": "[::1"}, "Host must be"),
        ({"Host": "evil.test,x.localhost"}, "Host must be"),
        ({"Origin": "https://evil.test"}, "Origin must be a loopback name or one of drsim serve --allow, got"),
        ({"Origin": "null"}, "Origin must be"),
        ({"Origin": "http://evil.test@localhost"}, "Origin must be"),
        ({"Origin": "http://localhost/page"}, "Origin must be"),
        ({"Origin": "localhost"}, "Origin must be"),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:3000"}, "requests of pages of other sites"),
        ({"Sec-Fetch-Site": "cross-site"}, "requests of pages of other sites are not answered"),
    ],
)
def test_requests_of_other_names_and_pages_are_refused(served: Served, headers: dict[str, str], message: str) -> None:
    with_token = {"X-Drsim-Token": served.token, **headers}
    assert message in served.refusal("GET", "/drsim/time", with_token, status=403)
    assert message in served.refusal("POST", "/drsim/resume", with_token, status=403)
    calls = signed("drs", **headers)
    assert message in served.refusal("POST", "/DescribeJobs", calls, b"{}", status=403, member="message")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("DRSIM.internal.:5000", "drsim.internal"),
        ("[FE80:0::1]:80", "fe80::1"),
        ("::1", "::1"),
        ("[::1", ""),
        ("a:b:c", ""),
        ("user@localhost", ""),
        ("localhost/page", ""),
        ("\udcff", ""),
        ("", ""),
    ],
)
def test_name_in_is_empty_for_all_but_hosts_and_addresses(text: str, name: str) -> None:
    assert name_in(text) == name


def test_listening_on_every_address_makes_no_empty_name_known() -> None:
    for name in ("", "[", "a[b", "null", "x"):
        access = Access("token", ["0.0.0.0", "", name[:1] and "["])
        with pytest.raises(ForbiddenError):
            access.check_origin({"HTTP_HOST": name})
        with pytest.raises(ForbiddenError):
            access.check_origin({"HTTP_HOST": "localhost", "HTTP_ORIGIN": name})


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "localhost:80"},
        {"Host": "[::1]:80", "Origin": "http://[::1]:80"},
        {"Host": "bucket.localhost"},
        {"Host": "DRSIM.internal:5000", "Origin": "https://drsim.internal"},
    ],
)
def test_loopback_and_allowed_names_are_answered(served: Served, headers: dict[str, str]) -> None:
    assert served.ask("GET", "/drsim/time", headers)["paused"]
    assert served.ask("POST", "/DescribeJobs", signed("drs", **headers), b"{}") == {"items": []}


def test_answers_let_no_other_origin_read_them(served: Served) -> None:
    for path, headers in (("/drsim/time", {}), ("/DescribeJobs", signed("drs"))):
        own = {"Origin": "http://localhost:3000", **headers}
        request = urllib.request.Request(served.url + path, b"{}" if headers else None, own)
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert [name for name in answer.headers if name.lower().startswith("access-control")] == []


def test_changes_need_the_token_and_calls_need_credentials(served: Served) -> None:
    for action in ("resume", "advance?by=1m", "pause"):
        assert "got none" in served.refusal("POST", f"/drsim/{action}", {}, status=403)
        assert "got another" in served.refusal("POST", f"/drsim/{action}", {"X-Drsim-Token": "ü"}, status=403)
    assert served.ask("GET", "/drsim/time", {})["virtual_seconds"] == 0
    target = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
    refused = served.refusal("POST", "/", target, b"{}", status=403, member="message")
    assert refused == "the request has no credentials; any that sign it will do"
    refused = served.refusal("POST", "/moto-api/reset", signed("drs"), b"", status=403, member="message")
    assert refused == "moto's own endpoints are closed in drsim serve"
    served.refusal("GET", "/moto-api/data.json", signed("drs"), status=403, member="__type")


def test_bodies_over_8_mb_are_refused(served: Served) -> None:
    whole, over = b" " * 8 * 1024 * 1024, b" " * (8 * 1024 * 1024 + 1)
    token = {"X-Drsim-Token": served.token}
    assert served.ask("POST", "/drsim/pause", token, whole)["paused"]
    assert served.refusal("POST", "/drsim/pause", token, over, status=413) == "a body must have at most 8 MB"
    served.refusal("POST", "/DescribeJobs", signed("drs"), over, status=413, member="message")
    # Without a length, as a stream is sent.
    request = urllib.request.Request(served.url + "/drsim/pause", iter([whole, b" "]), token, method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=20)
    with caught.value as answer:
        assert answer.code == 413


def answer_to(served: Served, request: bytes) -> bytes:
    """What the server answers to bytes that no HTTP library would send."""
    with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2])), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("line", [b"POST http://[ HTTP/1.1", b"\xff HTTP/1.1", b"GET / HTTP/x.y"])
def test_unreadable_request_line_is_400(served: Served, line: bytes) -> None:
    answer = answer_to(served, line + b"\r\nHost: localhost\r\n\r\n")
    assert answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 ")) or b"Error code: 400" in answer


@pytest.mark.parametrize("length", ["-5", "zz", "1, 2", "+1"])
def test_wrong_content_length_is_400(served: Served, length: str) -> None:
    credentials = signed("dynamodb")["Authorization"]
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {credentials}\r\nContent-Length: {length}\r\n\r\n"
    answer = answer_to(served, head.encode())
    assert answer.split()[1] == b"400"
    assert f"Content-Length must be a whole number >= 0, got '{length}'".encode() in answer


def client_of(served: Served, service: str) -> Any:
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    once = Config(retries={"total_max_attempts": 1}, read_timeout=30)
    make: Any = boto3.client
    return make(service, "us-east-1", endpoint_url=served.url, config=once, **keys)


def test_nothing_that_clients_ask_for_leaves_the_server(served: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as outside:
        outside.settimeout(0.2)
        place = f"127.0.0.1:{outside.getsockname()[1]}"
        sns, firehose = client_of(served, "sns"), client_of(served, "firehose")
        topic = sns.create_topic(Name="leak")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://{place}/leak")
        destination = {
            "EndpointConfiguration": {"Url": f"http://{place}/leak"},
            "S3Configuration": {"RoleARN": "arn:aws:iam::777788889999:role/r", "BucketARN": "arn:aws:s3:::b"},
        }
        firehose.create_delivery_stream(DeliveryStreamName="s", HttpEndpointDestinationConfiguration=destination)
        requests: list[tuple[Callable[..., object], dict[str, Any]]] = [
            (sns.publish, {"TopicArn": topic, "Message": "secret"}),
            (firehose.put_record, {"DeliveryStreamName": "s", "Record": {"Data": b"secret"}}),
        ]
        for request, parameters in requests:
            with pytest.raises(
                ClientError, match=r"connect to 127\.0\.0\.1, and drsim serve lets nothing out"
            ) as caught:
                request(**parameters)
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
            assert caught.value.response["Error"]["Code"] == "NotImplemented"
        with pytest.raises(TimeoutError):
            outside.accept()
    # What stays inside is delivered.
    queue = client_of(served, "sqs")
    url = queue.create_queue(QueueName="q")["QueueUrl"]
    quiet = sns.create_topic(Name="quiet")["TopicArn"]
    sns.subscribe(TopicArn=quiet, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:777788889999:q")
    sns.publish(TopicArn=quiet, Message="inside")
    assert "inside" in queue.receive_message(QueueUrl=url)["Messages"][0]["Body"]


def test_bad_json_is_400_in_the_form_of_aws(served: Served) -> None:
    target = "DynamoDB_20120810.PutItem"
    for body in (b"{", b"[1]", b"\xff", b"[" * 100_000):
        headers = signed("dynamodb", **{"X-Amz-Target": target})
        assert "not a JSON object" in served.refusal("POST", "/", headers, body, member="message")
        assert "not a JSON object" in served.refusal("POST", "/DescribeJobs", signed("drs"), body, member="message")


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("dynamodb", "list_contributor_insights", {}),
        ("ec2", "describe_vpc_endpoint_associations", {}),
        ("lambda", "list_code_signing_configs", {}),
        ("route53", "list_traffic_policies", {}),
        ("gamelift", "list_fleets", {}),
    ],
)
def test_missing_operation_is_501_without_a_retry(
    served: Served, service: str, operation: str, parameters: dict[str, str]
) -> None:
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    client = boto3.client(service, "us-east-1", endpoint_url=served.url, **keys)  # type: ignore[call-overload]
    began = time.monotonic()
    with pytest.raises(ClientError, match="drsim serve does not have") as caught:
        getattr(client, operation)(**parameters)
    assert time.monotonic() - began < 10
    answer = caught.value.response
    assert answer["Error"]["Code"] == "NotImplemented"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert answer["ResponseMetadata"]["RetryAttempts"] == 0


def test_terminal_shows_no_traceback_of_wrong_requests() -> None:
    with serving("--paused") as served:
        served.refusal("POST", "/", signed("dynamodb"), b"{}", status=500, member="message")
        served.refusal("POST", "/DescribeJobs", signed("drs"), b"{", member="message")
        served.refusal("POST", "/GetLaunchProfile", signed("drs"), b"{}", status=501, member="message")
        answer_to(served, b"POST http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        code, printed, _ = served.end(signal.SIGINT)
    assert code == 0
    assert "drsim: dynamodb POST /: moto failed with KeyError: 'HTTP_X_AMZ_TARGET'" in printed
    assert "Traceback" not in printed
