"""What `drsim serve` refuses: requests of other origins, without token or credentials, too large or unreadable."""

import signal
import time  # noqa: TID251 - how long a client waits, only the host's clock can tell
import urllib.error
import urllib.request
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError

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
        ({"Origin": "https://evil.test"}, "Origin must be a loopback name or one of drsim serve --allow, got"),
        ({"Origin": "null"}, "Origin must be"),
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


def test_bad_json_is_400_in_the_form_of_aws(served: Served) -> None:
    target = "DynamoDB_20120810.PutItem"
    for body in (b"{", b"[1]", b"\xff", b"[" * 100_000):
        headers = signed("dynamodb", **{"X-Amz-Target": target})
        assert "not a JSON object" in served.refusal("POST", "/", headers, body, member="message")
        assert "not a JSON object" in served.refusal("POST", "/DescribeJobs", signed("drs"), body, member="message")


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("drs", "create_launch_configuration_template", {}),
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
        code, printed, _ = served.end(signal.SIGINT)
    assert code == 0
    assert "drsim: dynamodb POST /: moto failed with KeyError: 'HTTP_X_AMZ_TARGET'" in printed
    assert "Traceback" not in printed
